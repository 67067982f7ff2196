from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.plan import Finding, Task
from superteam.plans.findings import Findings
from superteam.plans.headings import read_headings
from superteam.plans.outline import read_outline
from superteam.plans.superpowers import is_superpowers, with_commands


def read(text: str) -> tuple[tuple[Task, ...], tuple[Finding, ...]]:
    findings = Findings()
    outline = read_outline(text)
    return with_commands(outline, read_headings(outline, findings), findings), findings.all()


def task(steps: str, files: str = "- Test: `tests/test_a.py`") -> Task:
    found, findings = read(f"### Task 1: A\n\n**Files:**\n{files}\n\n- [ ] **Step 1: x**\n\n{steps}\n")
    assert not findings
    return found[0]


PLAN = """\
# Subtraction Implementation Plan

**Goal:** subtract

### Task 1: Subtract

**Files:**
- Create: `src/sub.py`
- Modify: `src/calc.py:1-9`
- Test: `tests/test_sub.py`

- [ ] **Step 1: Write the failing test**

```python
def test_sub(): ...
```

- [ ] **Step 2: Run it to see it fail**

Run: `pytest tests/test_sub.py -v`
Expected: FAIL with "no module named sub"

- [ ] **Step 3: Run it to see it pass**

Run: `pytest tests/test_sub.py -v`
Expected: PASS

- [ ] **Step 4: Commit**

```bash
git add -A
```

### Task 2: Say so

**Files:**
- Modify: `README.md`

- [ ] **Step 1: Write it**
"""


def test_a_plan_of_superpowers_is_read() -> None:
    (first, second), findings = read(PLAN)
    assert findings == ()
    assert (first.id, first.title, first.kind, first.gate) == ("1", "Subtract", "tdd", "pytest tests/test_sub.py -v")
    assert first.files == ("src/sub.py", "src/calc.py", "tests/test_sub.py")
    assert first.modifies == ("src/calc.py",)
    assert (second.kind, second.gate, second.modifies) == ("auto", None, ("README.md",))
    assert "git add -A" in first.description


@pytest.mark.parametrize(
    "text",
    [
        "## Task 1: A\n\nFiles: `a.py`\n\nDo it.",
        "## Task 1: A\n\nRun: `make`\nExpected: PASS",
        "## Task 1: A\n\nStep 1: do it",
        "## Task 1: A\n\n1. **Do** it\n",
        "## Task 1: A\n\n```\n- [ ] **Step 1: x**\n```",
        "## Task 1: A\n\nText.\n\n# End\n\n- [ ] **Step 1: x**",
    ],
)
def test_plain_headings_stay_plain(text: str) -> None:
    outline = read_outline(text)
    assert not is_superpowers(outline, read_headings(outline, Findings()))


@pytest.mark.parametrize("step", ["- [ ] **Step 1: x**", "**Step 1: x**", "- [x] **Step 2:** x", "- **Step 10** x"])
def test_a_step_tells_the_form(step: str) -> None:
    outline = read_outline(f"## Task 1: A\n\n{step}\n")
    assert is_superpowers(outline, read_headings(outline, Findings()))


@pytest.mark.parametrize(
    ("steps", "gate"),
    [
        ("Run: `make`\nExpected: PASS", "make"),
        ("Run: `make`\n\nExpected: PASS", "make"),
        ("Run: `make`. Expected: ALL PASS.", "make"),
        ("Run: `make` (slow)\nExpected: succeeds.", "make"),
        ("**Run:** `make`\n**Expected:** ok", "make"),
        ("Run: `$ make`\nExpected: exit code 0", "make"),
        ("Run:\n\n```bash\nmake\n```\n\nExpected: pass.", "make"),
        ("  Run:\n  ```bash\n  make\n  ```\n  Expected: PASS", "make"),
        ("Run:\n\n```\n$ make a\n# then\nmake b\n```\n\nExpected: PASS", "set -e\nmake a\n# then\nmake b"),
        ("Run:\n- `make`\n\nExpected: BUILD SUCCESSFUL.", "make"),
        ("Run:\n- `make a`\n- `make b`\n\nExpected: both pass", "make b"),
        ("Run: `make a`\nRun: `make b`\nExpected: All PASS (12 tests)", "make b"),
        ("Run: `make a`\nExpected: PASS\n\nRun: `make b`\nExpected: PASS", "make b"),
        ("Run: `make a`\nExpected: PASS\n\nRun: `make b`\nExpected: FAIL", "make a"),
        ("Run: `make`\nExpected: PASS. If it fails, look again.", "make"),
        ("Run: `make`\nExpected: all pass, 0 failures, no errors", "make"),
        ("Run: `make`\nExpected: no output\nPASS", "make"),
        ("Run: `make`\nExpected: `PASS`", "make"),
        ("Run: `make`\nExpected: FAIL", None),
        ("Run: `make`\nExpected: 3 passed, 1 failed", None),
        ("Run: `make`\nExpected: the same pass/fail counts", None),
        ("Run: `make`\nExpected: prints `ok: true`", None),
        ("Run: `make`\nExpected: three lines", None),
        ("Run: `make`", None),
        ("Run: make\nExpected: PASS", None),
        ("Run the tests with `make`\nExpected: PASS", None),
        ("Run: the suite, with `make`\nExpected: PASS", None),
        ("```bash\nmake\n```\n\nExpected: PASS", None),
        ("Run:\n\nText.\n\n```bash\nmake\n```\n\nExpected: PASS", None),
        ("Run:\n\n```python\nmake()\n```\n\nExpected: PASS", None),
        ("Run: `make`\n\n- [ ] **Step 2: y**\n\nExpected: PASS", None),
        ("Run: `git status`\nExpected: ok", None),
        ("Run: `npm run dev`\nExpected: success", None),
        ("> Run: `make`\n\n```\nExpected: PASS\n```", None),
    ],
)
def test_the_gate_is_the_last_command_that_is_expected_to_pass(steps: str, gate: str | None) -> None:
    assert task(steps).gate == gate


def test_a_command_that_stays_in_the_tree_is_preferred_as_the_gate() -> None:
    steps = "Run: `make`\nExpected: PASS\n\n- [ ] **Step 2: y**\n\nRun: `cd ~/x && make`\nExpected: PASS"
    assert task(steps).gate == "make"


def test_a_command_in_a_folder_of_the_tree_is_a_gate() -> None:
    assert task("Run: `cd web && npm test`\nExpected: PASS").gate == "cd web && npm test"


RED_GREEN = "Run: `make`\nExpected: FAIL\n\n- [ ] **Step 2: y**\n\nRun: `make`\nExpected: PASS"


@pytest.mark.parametrize(
    ("steps", "files", "kind"),
    [
        (RED_GREEN, "- Test: `tests/test_a.py`", "tdd"),
        (RED_GREEN, "- Create: `src/a.py`\n- Test: `src/a.test.ts`", "tdd"),
        (RED_GREEN, "- Modify: `src/lib.rs`", "auto"),
        (RED_GREEN, "- Create: `a.py`", "auto"),
        (RED_GREEN.replace("`make`", "`make x`", 1), "- Test: `tests/test_a.py`", "auto"),
        ("Run: `make`\nExpected: PASS\n\nRun: `make`\nExpected: FAIL", "- Test: `tests/test_a.py`", "auto"),
        (f"{RED_GREEN}\n\nRun: `make lint`\nExpected: PASS", "- Test: `tests/test_a.py`", "auto"),
    ],
)
def test_a_task_is_tdd_only_if_its_gate_is_said_to_be_red_and_it_has_a_test_file(
    steps: str, files: str, kind: str
) -> None:
    assert task(steps, files).kind == kind


def test_tasks_whose_steps_are_all_checked_off_are_left_out() -> None:
    done = "### Task 1: A\n\n- [x] **Step 1: x**\n- [X] **Step 2: y**\n\n"
    half = "### Task 2: B\n\n- [x] **Step 1: x**\n- [ ] **Step 2: y**\n\n"
    plain = "### Task 3: C\n\n**Step 1: x**\n"
    found, findings = read(done + half + plain)
    assert [one.id for one in found] == ["2", "3"]
    assert [(f.severity, f.code, f.line) for f in findings] == [("warning", "done-task", 1)]
    found, findings = read(done)
    assert (found, [(f.severity, f.code) for f in findings]) == ((), [("error", "no-tasks")])


pieces = st.sampled_from(
    [
        *(
            "### Task 1: A\n",
            "### Task 2: B\n",
            "- [ ] **Step 1: x**\n",
            "- [x] **Step 2**\n",
            "Run: ",
            "Run:\n",
            "`",
            "```\n",
        ),
        *(
            "Expected: ",
            "PASS",
            "FAIL",
            "no failures",
            "make",
            "\n",
            "\n\n",
            "- ",
            "> ",
            "**",
            "  ",
            "cd /x",
            "git ",
            ". ",
        ),
    ]
)


@given(st.lists(pieces | st.text(max_size=4), max_size=60).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_and_every_gate_stands_in_it_behind_run(text: str) -> None:
    outline = read_outline(text)
    before = read_headings(outline, Findings())
    found = with_commands(outline, before, Findings())
    assert {one.id for one in found} <= {one.id for one in before}
    for one in found:
        assert one.kind == "auto" or one.gate
        for line in (one.gate or "").splitlines():
            assert line == "set -e" or line in text
        assert one.gate is None or ("un:" in text.lower() and "xpected:" in text.lower())


@pytest.mark.parametrize(
    "unit",
    [
        "Run: `make`\nExpected: PASS\n\n",
        "Expected: no ",
        "Run: `x`\n",
        "Run:",
        "no no ",
        "### Task 1: A\n\n- [ ] **Step 1: x**\n\n",
    ],
)
def test_four_times_the_text_takes_far_less_than_sixteen_times_the_time(unit: str) -> None:
    def spent(times: int) -> float:
        text = "### Task 1: A\n\n- [ ] **Step 1: x**\n\nRun: `make`\n" + unit * times
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            read(text)
            best = min(best, time.process_time() - began)
        return best

    assert spent(1600) < 0.05 + 9 * spent(400)
