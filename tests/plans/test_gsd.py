"""GSD documents in all the forms that occur; the documents are our own."""

from __future__ import annotations

import re
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.plan import Artifact, Choice, Finding, KeyLink, Plan, Task
from superteam.errors import PlanError
from superteam.plans import load_plan, read_plan
from superteam.plans.findings import Findings
from superteam.plans.gsd import Reading, is_gsd, read_gsd

ROOT = Path(__file__).resolve().parents[2]
FRONT = """\
---
phase: 02-lamp
plan: 03
type: execute
wave: 2
depends_on: []
files_modified: [lamp.py]
autonomous: true
---
"""
WHOLE = (
    FRONT
    + """
<objective>
Light the lamp.

Purpose: To see.
</objective>

<execution_context>
@~/.claude/get-shit-done/workflows/execute-plan.md
</execution_context>

<context>
@.planning/STATE.md
@src/lamp.py

The lamp is old.
</context>

<tasks>

<task type="auto">
  <name>Task 1: Add a switch</name>
  <files>src/lamp.py, tests/test_lamp.py</files>
  <action>Add `switch()`.
    It toggles.</action>
  <verify>Look at it. <automated>pytest -q</automated></verify>
  <done>The lamp is lit.</done>
</task>

<task type="auto">
  <name>Task 2: Paint it</name>
  <action>Paint.</action>
</task>

</tasks>

<verification>
Before it is done:
- [ ] python -m compileall src
- [ ] It looks nice
</verification>

<success_criteria>
- Lamp is lit
- No fire,
  nowhere
</success_criteria>

<output>
After completion, create `.planning/phases/02-lamp/02-03-SUMMARY.md`
</output>
"""
)


def read(text: str, name: str = "x/02-03-PLAN.md") -> tuple[Reading, list[Finding]]:
    findings = Findings()
    reading = read_gsd(text, name, findings)
    assert reading is not None, findings.all()
    return reading, list(findings.all())


def tasks(*elements: str, front: str = FRONT) -> list[Task]:
    return list(read(f"{front}<tasks>\n" + "\n".join(elements) + "\n</tasks>\n")[0].tasks)


def one(element: str) -> Task:
    found = tasks(element)
    assert len(found) == 1
    return found[0]


def codes(text: str) -> list[tuple[str, str, int | None]]:
    return [(found.severity, found.code, found.line) for found in read(text)[1]]


def test_a_whole_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / ".planning" / "phases" / "02-lamp" / "02-03-PLAN.md"
    path.parent.mkdir(parents=True)
    path.write_text(WHOLE)
    plan = read_plan(path, tmp_path)
    assert (plan.format, plan.title, plan.findings) == ("gsd", "Light the lamp.", ())
    assert plan.path == ".planning/phases/02-lamp/02-03-PLAN.md" and plan.documents() == (plan.path,)
    first, second, last = plan.tasks
    assert (first.id, first.title, first.kind, first.part, first.wave, first.line) == (
        *("1", "Add a switch", "auto", "02-03", 2),
        30,
    )
    assert first.files == ("src/lamp.py", "tests/test_lamp.py") and first.gate == "pytest -q"
    assert first.description == (
        "Add `switch()`.\nIt toggles.\n\nHow it is verified:\nLook at it. `pytest -q`\n\nDone when:\nThe lamp is lit."
    )
    assert (second.id, second.gate) == ("2", None)
    assert (last.id, last.kind, last.gate) == ("verification", "verification", "python -m compileall src")
    assert "It looks nice" in last.description
    (part,) = plan.parts
    assert (part.id, part.path, part.title) == ("02-03", plan.path, plan.title)
    assert part.references == (".planning/STATE.md", "src/lamp.py")
    assert part.context == "Light the lamp.\n\nPurpose: To see.\n\nThe lamp is old."
    assert part.success_criteria == ("Lamp is lit", "No fire, nowhere")
    assert part.output == ".planning/phases/02-lamp/02-03-SUMMARY.md"
    assert part.about["plan"] == "03" and part.about["autonomous"] is True and part.about["wave"] == "2"


@pytest.mark.parametrize("change", ["crlf", "cr", "bom", "blank lines before"])
def test_line_ends_and_byte_order_marks_make_no_difference(tmp_path: Path, change: str) -> None:
    changed = {
        "crlf": WHOLE.replace("\n", "\r\n"),
        "cr": WHOLE.replace("\n", "\r"),
        "bom": "\ufeff" + WHOLE,
        "blank lines before": "\n" + WHOLE,
    }[change]
    path = tmp_path / "02-03-PLAN.md"
    path.write_bytes(changed.encode())
    found = read_plan(path, tmp_path)
    wanted = read(WHOLE, "02-03-PLAN.md")[0]
    moved = int(change == "blank lines before")
    assert [task.model_copy(update={"line": task.line - moved}) for task in found.tasks] == list(wanted.tasks)
    assert found.parts == (wanted.part,)


# -- what is odd


@pytest.mark.parametrize(
    "element",
    [
        '<task type="auto"><name>A</name><action>Do it</action></task>',
        "<task type='auto' >\n<name>A</name>\n<action>Do it</action>\n</task>",
        "<task id='1' type=auto>\n<name>Task 1: A</name>\n<action>\n    Do it\n</action>\n</task>",
        "<task>\n<name>Task 1 - A</name>\n<action>Do it</action>\n</task>",
        '<task type="execute">\n<name>**A**</name>\n<action>Do it\n</task>',
        '<task type="auto">\n<name>A\n<action>Do it',
        '<TASK type="auto">\n<Name>A</Name>\n<action>Do it</action>\n</TASK>',
        '<task type="auto">\n<name>A</name>\n<files/>\n<action>Do it</action>\n</task>\n</task>\n</invoke>',
        "### Task 1: A\nDo it",
        "## **Task 1: A**\n<action>Do it</action>",
        "#### Task 1.2 — A\n<action>\nDo it\n",
        "### A\n<action>Do it</action>",
        "### Task 1: A\n\n**<action>**\n\nDo it\n\n**<files>**\n",
    ],
)
def test_a_task_is_read_however_it_is_written(element: str) -> None:
    task = one(element)
    assert (task.id, task.title, task.kind, task.description, task.wave) == ("1", "A", "auto", "Do it", 2)


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("if a < b && c > d: x", "if a < b && c > d: x"),
        ("a &lt; b &amp;&amp; c", "a < b && c"),
        ("<div>x</div> and <T>", "<div>x</div> and <T>"),
        ("`</action>` ends it", "`</action>` ends it"),
        ("See:\n```xml\n<task type='auto'>\n</action></task>\n```\nand on", "See:\n```xml\n<task type='auto'>"),
        ("<!-- </action> <task type='auto'> -->x", "<!-- </action> <task type='auto'> -->x"),
        ("\n~~~~\n</task>\n~~~\n~~~~", "~~~~\n</task>"),
        ("\n```\n</action>\n```</action>\n<done>x", "```\n</action>\n```"),
        ("one ` tick\n```never closed", "one ` tick\n```never closed"),
    ],
)
def test_what_only_looks_like_a_tag_is_text(inside: str, text: str) -> None:
    found = tasks(
        f"<task type='auto'>\n<name>A</name>\n<action>{inside}</action>\n</task>", "<task>\n<name>B</name></task>"
    )
    assert [task.title for task in found] == ["A", "B"]
    assert found[0].description.startswith(text)


def test_decoys_in_fences_spans_and_comments_are_no_tasks() -> None:
    decoy = '<task type="auto"><name>Decoy</name></task>'
    text = f"```xml\n<tasks>\n{decoy}\n</tasks>\n```\n\n`{decoy}`\n<!--\n{decoy}\n-->\n{WHOLE.removeprefix(FRONT)}"
    assert [task.title for task in read(text)[0].tasks][:2] == ["Add a switch", "Paint it"]
    assert not is_gsd(f"```\n{decoy}\n```\n\n`{decoy}` <!-- {decoy} -->\n")


def test_a_task_that_is_never_closed_ends_at_the_next_one_and_is_warned_about() -> None:
    text = f"{FRONT}<tasks>\n<task type='auto'>\n<name>A</name>\n<task type='auto'>\n<name>B</name>\n</tasks>\n"
    assert [task.title for task in read(text)[0].tasks] == ["A", "B"]
    assert codes(text) == [("warning", "unclosed-tag", 11), ("warning", "unclosed-tag", 13)]


def test_a_list_of_tasks_that_is_never_closed_ends_at_the_verification() -> None:
    text = f"{FRONT}<tasks>\n## Task 1: A\nDo it\n\n<verification>\n- `npm test`\n</verification>\n"
    assert [(task.title, task.gate) for task in read(text)[0].tasks] == [
        ("A", None),
        ("Verification of plan 02-03", "npm test"),
    ]


def test_headings_with_labels_give_files_and_type() -> None:
    found = tasks(
        "## Task 1: A\n**Files:**\n- `a.py`\n- b.py (new)\n\n**Action:** x",
        "## Task 2: B\ntype: checkpoint:human-verify\nfiles: c.py\n<how-to-verify>Look</how-to-verify>",
    )
    assert [task.files for task in found] == [("a.py", "b.py"), ("c.py",)]
    assert [task.kind for task in found] == ["auto", "human-verify"]


def test_headings_without_any_tags_are_tasks_if_the_frontmatter_is_that_of_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "PLAN.md"
    path.write_text(f"{FRONT}\n# Lamp\n\n## Task 1: A\n\nDo it\n\n## Task 2: B\n\nDo that\n")
    plan = read_plan(path, tmp_path)
    assert (plan.format, plan.title, [task.id for task in plan.tasks]) == ("gsd", "Lamp", ["1", "2"])
    assert plan.parts[0].id == "02-03"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("a.py, b/c.ts", ("a.py", "b/c.ts")),
        ("\n  - `a.py` (new)\n  - b/c.ts - changed\n", ("a.py", "b/c.ts")),
        ("[a.py, b/c.ts]", ("a.py", "b/c.ts")),
        ("./a.py (create), b.py: the other", ("a.py", "b.py")),
        ("src/{a,b}.ts", ("src/a.ts", "src/b.ts")),
        ("app/(owner)/[slug]/page.tsx", ("app/(owner)/[slug]/page.tsx",)),
        ("(none — nothing is changed)", ()),
        ("None", ()),
        ("various files in src", ()),
        ("Makefile; a.py", ("Makefile", "a.py")),
        ("fixtures/*", ("fixtures/*",)),
    ],
)
def test_files_are_read_from_lists_of_all_kinds(text: str, files: tuple[str, ...]) -> None:
    assert one(f"<task>\n<name>A</name>\n<files>{text}</files>\n</task>").files == files


def test_a_file_outside_of_the_repository_is_left_out_with_a_warning() -> None:
    text = f"{FRONT}<tasks>\n<task>\n<name>A</name>\n<files>/etc/x, ../y, a.py</files>\n</task>\n</tasks>"
    assert read(text)[0].tasks[0].files == ("a.py",)
    assert codes(text) == [("warning", "bad-file", 11), ("warning", "bad-file", 11)]


@pytest.mark.parametrize(
    ("verify", "gate"),
    [
        ("<automated>pytest -q</automated>", "pytest -q"),
        ("<automated>`pytest -q`</automated>", "pytest -q"),
        ("<automated>\n```bash\npytest -q\n```\n</automated>", "pytest -q"),
        ("<automated>a &amp;&amp; b &lt; c</automated>", "a && b < c"),
        ("<automated>grep '&lt;b&gt;' x && true</automated>", "grep '&lt;b&gt;' x && true"),
        ("<automated>pytest -q\n  and look at it", "pytest -q"),
        ("Put it into <automated> tags", None),
        ("<automated>grep -q '`' x | wc -l < y</automated>", "grep -q '`' x | wc -l < y"),
        ("<automated>grep '&lt;b&gt;' < x</automated>", "grep '&lt;b&gt;' < x"),
        ("<automated>MISSING - nothing tests it</automated>", None),
        ("<automated>MISSING</automated><automated>make x</automated>", "make x"),
        ("<automated></automated>", None),
        ("<automated>\n# only a note\n</automated>", None),
        ("<automated>a</automated> and <automated>b # c</automated>", "( a ) && ( b # c\n)"),
        ("<automated>\n  cd web\n  npm test # all\n</automated>", "{ cd web\n} && { npm test # all\n}"),
        ("<automated>a &&\n  b</automated>", "a &&\nb"),
        ("<automated>for i in 1; do\n  echo\ndone</automated>", "for i in 1; do\n  echo\ndone"),
        ("npm test", None),
        ("Run `npm test` and look", None),
    ],
)
def test_the_gate_is_what_stands_in_automated_and_nothing_else(verify: str, gate: str | None) -> None:
    found = tasks(f"<task>\n<name>A</name>\n<action>x</action>\n<verify>{verify}</verify>\n</task>")
    assert found[0].gate == gate


def test_an_automated_command_may_stand_beside_verify() -> None:
    assert one("<task>\n<name>A</name>\n<automated>x</automated>\n</task>").gate == "x"


def test_an_acceptance_test_is_a_command_of_its_own() -> None:
    task = one("<task>\n<name>A</name>\n<acceptance_test>pytest -q t.py</acceptance_test>\n</task>")
    assert (task.acceptance_test, task.gate) == ("pytest -q t.py", None)


def test_fields_that_are_not_known_are_told_to_the_agent_too() -> None:
    task = one(
        "<task>\n<name>A</name>\n<read_first>x.py</read_first>\n<risk level='2'>High</risk>\nAnd so on.\n</task>"
    )
    assert task.description == "And so on.\n\nRead first:\nx.py\n\nRisk:\nHigh"


def test_a_task_without_a_name_is_called_by_what_it_does() -> None:
    assert one("<task type='auto'>\n<action>\n  Do it well.\n  Then rest.</action>\n</task>").title == "Do it well."
    assert one("<task type='auto'>\n</task>").title == "Task at line 11"


# -- kinds


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ('type="auto" tdd="true"', "tdd"),
        ('tdd="false" type="auto"', "auto"),
        ('type="tdd"', "tdd"),
        ('type="checkpoint:human-verify" gate="blocking"', "human-verify"),
        ('type="checkpoint:decision"', "decision"),
        ('type="checkpoint:human-action"', "human-action"),
        ('type="checkpoint:human_action"', "human-action"),
        ('type="checkpoint"', "human-verify"),
        ('type="manual"', "human-action"),
        ("", "auto"),
    ],
)
def test_the_kind_comes_from_the_type(attributes: str, kind: str) -> None:
    assert one(f"<task {attributes}>\n<name>A</name>\n<action>x</action>\n</task>").kind == kind


def test_a_kind_that_is_not_known_is_warned_about_and_a_checkpoint_stays_one() -> None:
    for type, kind in (("checkpoint:strange", "human-verify"), ("strange", "auto")):
        text = f"{FRONT}<tasks>\n<task type='{type}'>\n<name>A</name>\n</task>\n</tasks>"
        assert read(text)[0].tasks[0].kind == kind
        assert codes(text) == [("warning", "unknown-type", 11)]


def test_a_task_without_a_type_is_a_checkpoint_if_it_has_the_fields_of_one() -> None:
    assert one("<task>\n<what-built>x</what-built>\n<how-to-verify>y</how-to-verify>\n</task>").kind == "human-verify"
    assert one("<task>\n<decision>x</decision>\n</task>").kind == "decision"


def test_a_checkpoint_to_verify_has_the_documents_words() -> None:
    task = one(
        "<task type='checkpoint:human-verify' gate='blocking'>\n<what-built>A lamp</what-built>\n<how-to-verify>\n"
        "  1. Look\n  2. Look again\n</how-to-verify>\n<resume-signal>Type 'approved'</resume-signal>\n"
        "<verify><automated>MISSING - a person looks</automated></verify>\n</task>"
    )
    assert task.checkpoint is not None and task.gate is None
    assert task.title == task.checkpoint.subject == "A lamp"
    assert task.checkpoint.instructions.startswith("1. Look\n2. Look again")
    assert task.checkpoint.resume_signal == "Type 'approved'"


def test_what_a_checkpoint_says_besides_is_kept() -> None:
    task = one(
        "<task type='checkpoint:human-verify'>\n<name>N</name>\n<what-built>x</what-built>\n<action>Ask</action>\n"
        "<how-to-verify>y</how-to-verify>\n<done>All is well</done>\n</task>"
    )
    assert task.checkpoint is not None and task.checkpoint.subject == "x" and task.title == "N"
    assert task.description == "Ask\n\nDone when:\nAll is well"


def test_a_checkpoint_to_act_keeps_its_own_verification_apart_from_the_plans() -> None:
    task = one(
        "<task type='checkpoint:human-action'>\n<action>Plug it in</action>\n<instructions>By hand</instructions>\n"
        "<verification>`npm test`</verification>\n<resume-signal>done</resume-signal>\n</task>"
    )
    assert task.checkpoint is not None
    assert (task.checkpoint.subject, task.checkpoint.instructions) == ("Plug it in", "By hand")
    assert "npm test" in task.description and task.gate is None


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        (
            "<option id='a'><name>A</name><pros>p</pros><cons>c</cons></option>\n<option id=\"b\">\n<name>B</name>",
            (Choice(id="a", name="A", pros="p", cons="c"), Choice(id="b", name="B")),
        ),
        ("<option id='a'>Just text</option>", (Choice(id="a", name="Just text"),)),
        ("<option name='N'></option><option/>", (Choice(id="option-1", name="N"), Choice(id="option-2"))),
        (
            "- **a**: One\n- Two words here\n",
            (Choice(id="a", name="One"), Choice(id="option-2", name="Two words here")),
        ),
        ("<option id='abort'/><option id='x'/><option id='x'/>", ("option-1", "x", "option-3")),
    ],
)
def test_options_of_a_decision(options: str, choices: tuple[Choice | str, ...]) -> None:
    task = one(
        "<task type='checkpoint:decision'>\n<decision>Which?</decision>\n<context>Why</context>\n"
        f"<options>\n{options}\n</options>\n</task>"
    )
    assert task.checkpoint is not None
    assert (task.checkpoint.subject, task.checkpoint.instructions) == ("Which?", "Why")
    found = task.checkpoint.options
    assert tuple(c.id if isinstance(w, str) else c for c, w in zip(found, choices, strict=True)) == choices


def test_a_feature_is_one_tdd_task_whose_proof_is_the_verification() -> None:
    text = (
        "---\nphase: 1\nplan: 2\ntype: tdd\n---\n<objective>O</objective>\n<feature>\n<name>Dim</name>\n"
        "<files>[dim.py, test_dim.py]</files>\n<behavior>\nCases: 1 -> 2\n</behavior>\n"
        "<implementation>Halve it</implementation>\n</feature>\n"
        "<verification>\npytest -q test_dim.py\n</verification>\n"
    )
    work, verification = read(text, "PLAN.md")[0].tasks
    assert (work.kind, work.title, work.files) == ("tdd", "Dim", ("dim.py", "test_dim.py"))
    assert work.description == "Expected behavior:\nCases: 1 -> 2\n\nImplementation:\nHalve it"
    assert work.gate == verification.gate == "pytest -q test_dim.py"


# -- attributes and order


def test_ids_waves_and_dependencies_may_be_attributes() -> None:
    found = tasks(
        "<task id='b' wave='4' depends_on='1, task-3'>\n<name>B</name>\n</task>",
        "<task id='1'>\n<name>A</name>\n</task>",
        "<task depends_on='none'>\n<name>C</name>\n</task>",
    )
    assert [(task.id, task.wave, task.depends_on) for task in found] == [
        ("b", 4, ("1", "3")),
        ("1", 2, ()),
        ("3", 2, ()),
    ]


def test_tasks_are_put_in_the_order_of_waves_and_dependencies(tmp_path: Path) -> None:
    path = tmp_path / "01-01-PLAN.md"
    path.write_text(
        "<tasks>\n<task wave='3'>\n<name>A</name></task>\n<task wave='1' depends_on='3'>\n<name>B</name></task>\n"
        "<task wave='2'>\n<name>C</name></task>\n</tasks>"
    )
    plan, findings = load_plan(path, tmp_path)
    assert plan is not None
    assert [(task.title, task.wave) for task in plan.tasks] == [("C", 2), ("B", 2), ("A", 3)]
    assert [found.code for found in findings] == ["wave-too-low"]


# -- frontmatter


def test_invalid_escapes_are_mended_with_a_warning() -> None:
    text = (
        "---\nphase: 01-x\nplan: 01\nmust_haves:\n  key_links:\n    - from: a.py\n      to: b.py\n"
        "      pattern: \"foo\\.bar\\(\"\n    - from: c.py\n      to: d.py\n      pattern: 'x\\.y'\n---\n"
        "<tasks>\n<task type='auto'>\n<name>A</name></task>\n</tasks>\n"
    )
    reading, findings = read(text)
    assert [link.pattern for link in reading.part.must_haves.key_links] == ["foo\\.bar\\(", "x\\.y"]
    assert [(found.code, found.line) for found in findings] == [("frontmatter-mended", 8)]


def test_frontmatter_that_is_no_yaml_is_read_line_by_line() -> None:
    text = (
        '---\nphase: 01-x: the start\nplan: 02\nwave: 3\ndepends_on: [01-01, "01-00"]\nfiles_modified:\n  - a.py\n'
        "must_haves:\n  truths:\n    - Users can: log in\n    - 'x'\n  key_links:\n    - *bad\n---\n"
        "<tasks>\n<task type='auto'>\n<name>A</name></task>\n</tasks>\n"
    )
    reading, findings = read(text, "PLAN.md")
    assert (reading.part.id, reading.wave, reading.depends_on) == ("01-02", 3, ("01-01", "01-00"))
    assert reading.part.must_haves.truths == ("Users can: log in", "x")
    assert reading.part.about["files_modified"] == ["a.py"]
    assert [(found.code, found.severity) for found in findings] == [("frontmatter-lenient", "warning")]


def test_frontmatter_may_stand_in_a_fence_below_a_heading() -> None:
    head = "# Lamp\n\n## Frontmatter\n\n```yaml\nphase: 2\nplan: 7\nwave: 5\n```\n\n"
    text = f"{head}<tasks>\n<task>\n<name>A</name></task>\n</tasks>\n"
    reading = read(text, "lamp-PLAN.md")[0]
    assert (reading.wave, reading.part.title, reading.part.id, reading.part.context) == (5, "Lamp", "2-7", "# Lamp")
    assert reading.tasks[0].line == 12


def test_frontmatter_that_is_never_closed_ends_at_the_first_tag() -> None:
    text = "---\nphase: 2\nplan: 7\n\n<tasks>\n<task>\n<name>A</name></task>\n</tasks>\n"
    assert read(text)[0].part.about == {"phase": "2", "plan": "7"}
    assert codes(text) == [("warning", "open-frontmatter", 1)]


@pytest.mark.parametrize("value", ["1", "'1'", "1.5", "1a"])
def test_a_wave_is_a_number_however_it_is_written(value: str) -> None:
    assert read(FRONT.replace("wave: 2", f"wave: {value}") + "<task>\n<name>A</name></task>")[0].wave == 1


def test_a_wave_that_is_no_number_is_warned_about() -> None:
    text = FRONT.replace("wave: 2", "wave: first") + "<task>\n<name>A</name></task>"
    assert read(text)[0].wave == 0
    assert [code for _, code, _ in codes(text)] == ["bad-wave"]


@pytest.mark.parametrize(
    ("name", "phase", "plan", "id"),
    [
        ("04-01-PLAN.md", "x", "9", "04-01"),
        ("04-01-setup-PLAN.md", "x", "9", "04-01"),
        ("02.1-03-PLAN.md", "x", "9", "02.1-03"),
        ("PLAN.md", "04-lamps", "01", "04-01"),
        ("PLAN.md", "4", "2", "4-2"),
        ("PLAN.md", "lamps", "04-02", "04-02"),
        ("plan.md", "lamps", "02", "02"),
        ("m2-01-PLAN.md", "m2", "01", "m2-01"),
    ],
)
def test_the_id_of_a_plan_is_its_phase_and_number(name: str, phase: str, plan: str, id: str) -> None:
    text = f"---\nphase: {phase}\nplan: {plan}\n---\n<task>\n<name>A</name></task>"
    assert read(text, f"folder/{name}")[0].part.id == id


# -- must-haves


def test_must_haves_are_read_as_mappings_as_texts_and_as_a_mix() -> None:
    front = """\
---
phase: 1
plan: 1
must_haves:
  truths:
    - It works
    - Key: value
  artifacts:
    - path: src/a.py
      provides: The lamp
      min_lines: 20
      exports: [on, off]
      contains: "def  on"
    - src/b.py holds the rest
    - path: "src/c.py"
      min_lines: "~5"
      exports: "x, y"
      contains: ["p", "q"]
  key_links:
    - from: a.py
      to: b.py
      via: import
      pattern: "import.*b"
    - a -> b
---
<task>
<name>A</name></task>
"""
    reading = read(front)[0]
    must = reading.part.must_haves
    assert must.truths == ("It works", "Key: value")
    assert must.artifacts == (
        Artifact(text="The lamp", path="src/a.py", min_lines=20, exports=("on", "off"), contains=("def  on",)),
        Artifact(text="src/b.py holds the rest"),
        Artifact(text="src/c.py", path="src/c.py", min_lines=5, exports=("x", "y"), contains=("p", "q")),
    )
    assert must.key_links == (
        KeyLink(text="a.py -> b.py: import", source="a.py", target="b.py", pattern="import.*b"),
        KeyLink(text="a -> b"),
    )
    verification = reading.tasks[-1]
    assert (verification.kind, verification.gate) == ("verification", None)


@pytest.mark.parametrize("must", ["[It works]", "\n  truths: [It works]", "\n  truths: It works", "It works"])
def test_truths_alone_need_no_verification_task(must: str) -> None:
    reading = read(f"---\nphase: 1\nplan: 1\nmust_haves: {must}\n---\n<task>\n<name>A</name></task>")[0]
    assert reading.part.must_haves.truths == ("It works",)
    assert [task.kind for task in reading.tasks] == ["auto"]


def test_must_haves_may_be_tags() -> None:
    text = "<must_haves>\n- [ ] It works\n</must_haves>\n<tasks>\n<task>\n<name>A</name></task></tasks>"
    assert read(text)[0].part.must_haves.truths == ("It works",)


# -- context and output


def test_references_are_paths_in_the_repository() -> None:
    text = (
        "<context>\n@a.md @./b/c.md\n- @d.py (all of it)\n`@e.py`\n@$HOME/x.md\n@~/y.md\n@/z.md\n@../w.md\n"
        "@Injectable()\nmail me@x.org\n```ts\n@code/in/fence.ts\n```\n@a.md\n</context>\n"
        "<tasks>\n<task>\n<name>A</name>\n<context>@no.md</context></task>\n</tasks>"
    )
    assert read(text)[0].part.references == ("a.md", "b/c.md", "d.py", "e.py")


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("Create `.planning/x/01-02-SUMMARY.md`", ".planning/x/01-02-SUMMARY.md"),
        ("Create 01-02-SUMMARY.md", "folder/01-02-SUMMARY.md"),
        ("Create ../../etc/SUMMARY.md", "folder/02-03-SUMMARY.md"),
        ("Create /etc/SUMMARY.md", "folder/02-03-SUMMARY.md"),
        ("Nothing", "folder/02-03-SUMMARY.md"),
    ],
)
def test_the_summary_belongs_where_the_plan_says_or_beside_it(output: str, path: str) -> None:
    text = f"<task>\n<name>A</name>\n</task>\n<output>\n{output}\n</output>\n"
    assert read(text, "folder/02-03-PLAN.md")[0].part.output == path


def test_a_plan_outside_of_the_repository_has_no_place_for_its_summary() -> None:
    assert read("<task>\n<name>A</name>\n</task>", "/tmp/02-03-PLAN.md")[0].part.output is None


# -- which form it is


def test_a_superteam_block_wins_over_tags(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(WHOLE + "\n```superteam-tasks\n- title: Mine\n```\n")
    assert [task.title for task in read_plan(path, tmp_path).tasks] == ["Mine"]


@pytest.mark.parametrize(
    "text",
    [
        "# T\n\n## Task 1: A\n\nUse `<task type='auto'>`.\n",
        "---\ntitle: x\nphase: y\n---\n\n## Task 1: A\n",
        "## Task 1: A\n\nThe <task> element is a thing.\n",
    ],
)
def test_other_plans_are_no_gsd_plans(text: str) -> None:
    assert not is_gsd(text)


def test_a_plan_without_tasks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(FRONT + "<objective>x</objective>\n<tasks>\n</tasks>\n")
    with pytest.raises(PlanError, match="neither <task> nor <feature>"):
        read_plan(path, tmp_path)


def test_too_many_tasks_are_an_error() -> None:
    findings = Findings()
    assert read_gsd("<task>\n</task>\n" * 1001, "p.md", findings) is None
    assert [found.code for found in findings.all()] == ["too-many-tasks"]


def test_every_finding_of_the_reader_is_documented_and_no_other() -> None:
    code = "".join(path.read_text() for path in (ROOT / "superteam" / "plans").glob("gsd*.py"))
    given = set(re.findall(r'_?(?:warning|error|warn)\(\s*"([a-z-]+)"', code)) | {"no-tasks", "too-many-tasks"}
    reference = (ROOT / "docs" / "reference" / "plan-gsd.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \| (?:error|warning) \|", reference, re.M)) == given


# -- whatever it is


pieces = st.sampled_from(
    [
        *("<tasks>\n", "</tasks>\n", "<task>", '<task type="auto">\n', "</task>\n", "<name>", "</name>", "<feature>"),
        *("<action>", "</action>", "<verify>", "</verify>", "<automated>", "</automated>", "<files>", "</files>"),
        *(
            "<options>",
            "<option id='a'>",
            "</option>",
            "<context>\n",
            "</context>\n",
            "<verification>\n",
            "<x>",
            "</x>",
        ),
        *("</verification>", "<success_criteria>", "<output>", "<objective>", "---\n", "phase: 1\n", "plan: 02\n"),
        *(
            "must_haves:\n",
            "  artifacts:\n",
            "    - path: a\n",
            "depends_on: [",
            "]",
            '"\\.',
            "\\ud800",
            '"',
            "'",
            "&a ",
        ),
        *("```\n", "````", "`", "<!--", "-->", "&amp;", "&#0;", "&#xD800;", "<", ">", "&", "\n", "\r\n", " ", "\t"),
        *("## Task 1: A\n", "# T\n", "- [ ] npm test\n", "- `make x`\n", "@a/b.md\n", "a, b", "{c,d}", "MISSING", "x"),
        *(
            "type='checkpoint:decision'",
            " wave='2'",
            " depends_on='1'",
            "\x07",
            "\u2028",
            "é",
            "<files/>",
            "SUMMARY.md",
        ),
    ]
)


@given(
    st.lists(pieces | st.text(max_size=5), max_size=60).map("".join), st.sampled_from(["", FRONT, "---\n", "<task>\n"])
)
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_plan_or_a_plan_error(tmp_path_factory: pytest.TempPathFactory, text: str, head: str) -> None:
    path = tmp_path_factory.getbasetemp() / "01-01-PLAN.md"
    path.write_bytes((head + text).encode("utf-8", "surrogatepass"))
    plan, findings = load_plan(path, path.parent)
    assert plan is not None or any(found.severity == "error" for found in findings)
    lines = len((head + text).replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for task in plan.tasks if plan else ():
        assert task.id and task.title and "\n" not in task.title and 0 < task.line <= lines
        assert (task.checkpoint is not None) == (task.kind in ("human-verify", "decision", "human-action"))
    if plan:
        assert Plan.model_validate_json(plan.model_dump_json()) == plan


UNITS = {
    "tasks that are never closed": '<task type="auto">\n',
    "fields that are never closed": "<action>\n",
    "unknown tags": "<x></x>\n",
    "commands that are never closed": "<verify><automated>x",
    "backticks": "` `` ``` ",
    "fences": "```x\n~~~~\n",
    "comments": "<!--",
    "comments that begin in one task and end in another": "<!-- x\n</task>\n<task>\n-->\n",
    "fences that begin in one task and end in another": "```a\n</task>\n<task>\n",
    "what looks like a task": "<task type=x\n",
    "headings of tasks": "<task type='a'>\n</task>\n### Task 1\n",
    "fences of xml": "```xml\n<task type='a'>\n```\n",
    "brackets": "<a ",
    "blanks": "     ",
    "files": "<files>a, b (c) {d,e}\n",
    "references": "@a/b ",
    "list entries": "- npm test\n",
    "escaped quotes": '\\"',
}


@pytest.mark.parametrize(
    "head", ["", "<task>\n<verify><automated>", "<verification>\n", "<context>\n", '---\na: "\\.\n']
)
@pytest.mark.parametrize("unit", UNITS)
def test_reading_takes_time_in_proportion_to_the_text(unit: str, head: str) -> None:
    def seconds(size: int) -> float:
        text = head + UNITS[unit] * (size // len(UNITS[unit]))
        start = process_time()
        is_gsd(text)
        read_gsd(text, "p.md", Findings())
        return process_time() - start

    small, large = min(seconds(10_000) for _ in range(2)), seconds(80_000)
    assert large < 24 * small + 0.5, f"{small:.3f}s became {large:.3f}s"


# -- no task gets lost


def task(name: str, action: str = "Do it.", tag: str = '<task type="auto">') -> str:
    return f"{tag}\n  <name>{name}</name>\n  <action>\n{action}\n  </action>\n  <done>Done.</done>\n</task>\n"


@pytest.mark.parametrize("mark", ["- ", "* ", "1. ", "2) "])
def test_a_task_that_is_an_item_of_a_list_is_read(mark: str) -> None:
    reading, _ = read(f"{FRONT}<tasks>\n{mark}{task('One')}{mark}{task('Two')}</tasks>\n")
    assert [each.title for each in reading.tasks] == ["One", "Two"]


@pytest.mark.parametrize("left_over", ["```\ncode", "```text\ncode", "~~~\ncode", "write <!-- there"])
def test_a_fence_or_comment_left_open_does_not_take_the_next_task_with_it(left_over: str) -> None:
    closing = {"```": "```\nx\n```", "~~~": "~~~\nx\n~~~"}.get(left_over[:3], "write --> there")
    reading, _ = read(f"{FRONT}<tasks>\n{task('One', left_over)}{task('Two', closing)}{task('Three')}</tasks>\n")
    assert [each.title for each in reading.tasks] == ["One", "Two", "Three"]


def test_an_example_of_a_task_in_a_task_stays_its_text() -> None:
    example = f"Write this:\n```xml\n{task('Example')}```\n"
    reading, _ = read(f"{FRONT}<tasks>\n{task('One', example)}{task('Two')}</tasks>\n")
    assert [each.title for each in reading.tasks] == ["One", "Two"]
    assert "<name>Example</name>" in reading.tasks[0].description


@pytest.mark.parametrize(
    "tag",
    [
        '<task type="auto" name="Vec<T>">',
        '< task type="auto">',
        '<task_2 type="auto">',
        '<checkpoint type="human-verify">',
        "<checkpoint:human-verify>",
        f'<task type="auto" note="{"x" * 1200}">',
        'Then: <task type="auto">',
    ],
)
def test_what_looks_like_a_task_and_cannot_be_read_as_one_is_an_error(tag: str) -> None:
    findings = Findings()
    read_gsd(f"{FRONT}<tasks>\n{task('One')}{task('Two', tag=tag)}</tasks>\n", "p.md", findings)
    assert [(found.severity, found.code, found.line) for found in findings.all() if found.severity == "error"] == [
        ("error", "unread-task", 18)
    ]


def test_a_sentence_about_the_tag_in_a_task_is_no_task() -> None:
    action = 'Every <task type="auto"> of the reader gets an id, and `<task name="x">` too.\nThe tag <task> alone.'
    findings = Findings()
    reading = read_gsd(f"{FRONT}<tasks>\n{task('One', action)}</tasks>\n", "p.md", findings)
    assert reading is not None
    assert [each.title for each in reading.tasks] == ["One"]
    assert not findings.failed


def test_a_task_in_code_beside_others_is_told() -> None:
    findings = Findings()
    reading = read_gsd(f"{FRONT}<tasks>\n{task('One')}</tasks>\n```xml\n{task('Two')}```\n", "p.md", findings)
    assert reading is not None
    assert [each.title for each in reading.tasks] == ["One"]
    assert [found.code for found in findings.all()] == ["task-in-code"]


def test_a_heading_of_a_task_without_its_tag_is_told() -> None:
    findings = Findings()
    text = f"{FRONT}<tasks>\n### Task 1: One\n{task('One')}### Task 2: Two\nDo it.\n</tasks>\n"
    assert read_gsd(text, "p.md", findings) is not None
    assert [(found.code, found.line) for found in findings.all()] == [("unread-heading", 19)]


def test_tasks_that_all_stand_in_fences_of_xml_are_read(tmp_path: Path) -> None:
    text = f"# Plan\n\n## Wave 1\n\n```xml\n{task('One')}```\n\n```xml\n{task('Two')}```\n"
    for name, front in (("plan.md", ""), ("01-01-PLAN.md", FRONT)):
        (tmp_path / name).write_text(front + text)
        plan, findings = load_plan(tmp_path / name, tmp_path)
        assert plan is not None
        assert plan.format == "gsd"
        assert [each.title for each in plan.tasks] == ["One", "Two"]
        assert [found.code for found in findings] == ["fenced-tasks"]


def test_a_task_in_a_fence_below_a_heading_of_a_task_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(f"# Plan\n\n### Task 1: Write\n\n```xml\n{task('One')}```\n")
    plan, _ = load_plan(tmp_path / "plan.md", tmp_path)
    assert plan is not None
    assert (plan.format, [each.title for each in plan.tasks]) == ("headings", ["Write"])


@given(st.lists(st.tuples(st.sampled_from("`~"), st.integers(3, 6), st.booleans()), max_size=12))
def test_the_line_that_closes_a_fence_is_the_next_of_its_kind_that_is_as_long(
    marks: list[tuple[str, int, bool]],
) -> None:
    from superteam.plans.gsd_tags import _closers, _fence_lines

    lines = _fence_lines("\n".join(char * length + ("" if bare else " x") for char, length, bare in marks))
    plain = [
        next((n for n in range(place + 1, len(lines)) if lines[n].closes(lines[place])), None)
        for place in range(len(lines))
    ]
    assert _closers(lines) == plain


def test_files_may_stand_in_tags_of_their_own() -> None:
    listed = "<files>\n    <file>src/a.py</file>\n    <file>b.py</file>\n  </files>\n  <action>"
    reading, _ = read(f"{FRONT}<tasks>\n{task('One').replace('<action>', listed)}</tasks>\n")
    assert reading.tasks[0].files == ("src/a.py", "b.py")


STRAY = "<context>\nRun it so:\n```\nmake\n{end}</context>\n\n<tasks>\n{tasks}\n</tasks>\n"


@pytest.mark.parametrize(
    "body",
    [
        "<task type='auto'>\n<name>A</name>\n<action>\n```\nx\n```\n</action>\n</task>\n"
        "<task type='auto'>\n<name>B</name>\n</task>",
        "<task type='auto'>\n<name>A</name>\n</task>\n<task type='auto'>\n<name>B</name>\n</task>\n```\nx\n```",
        "<task type='auto'>\n<name>A</name>\n</task>\n```\nx\n```\n<task type='auto'>\n<name>B</name>\n</task>",
    ],
)
def test_a_stray_fence_in_the_context_swallows_no_task(body: str) -> None:
    reading, _ = read(FRONT + STRAY.format(end="", tasks=body))
    assert [task.title for task in reading.tasks if task.kind == "auto"] == ["A", "B"]


def test_an_example_in_a_fence_of_the_context_is_no_task() -> None:
    example = "<context>\n```xml\n<task type='auto'>\n<name>X</name>\n</task>\n```\n</context>\n"
    text = f"{example}<tasks>\n<task type='auto'>\n<name>A</name>\n</task>\n</tasks>\n"
    assert [task.title for task in read(FRONT + text)[0].tasks] == ["A"]


def test_a_feature_beside_tasks_is_told_to_them_and_not_done_twice() -> None:
    text = (
        "<feature>\n<name>Totals</name>\n<behavior>Sums up.</behavior>\n</feature>\n<tasks>\n"
        "<task type='auto'>\n<name>A</name>\n<action>Do it.</action>\n</task>\n</tasks>\n"
    )
    reading, findings = read(FRONT + text)
    assert [task.title for task in reading.tasks] == ["A"]
    assert "Sums up." in reading.part.context
    assert [finding.code for finding in findings] == ["feature-beside-tasks"]
