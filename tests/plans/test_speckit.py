from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.plan import Finding, Task
from superteam.plans.findings import Findings
from superteam.plans.mentions import mentioned_files
from superteam.plans.outline import read_outline
from superteam.plans.speckit import read_task_list


def read(text: str) -> tuple[tuple[Task, ...], tuple[Finding, ...]]:
    findings = Findings()
    return read_task_list(read_outline(text), findings), findings.all()


def tasks(text: str) -> tuple[Task, ...]:
    found, findings = read(text)
    assert not findings
    return found


def shape(text: str) -> list[tuple[str, str]]:
    return [(task.id, task.title) for task in tasks(text)]


PLAN = """\
# Tasks: Parcels

**Input**: the design documents

## Format: `[ID] [P?] [Story] Description`

- **[P]**: can run in parallel

## Phase 1: Setup

**Purpose**: a place to begin

- [ ] T001 Create the package in src/parcels/
- [ ] T002 Write pyproject.toml

## Phase 2: User Story 1 - Weigh a parcel (Priority: P1)

**Goal**: a parcel has a weight

### Tests for User Story 1

> Write these first

- [ ] T003 [P] [US1] Contract test in tests/contract/test_weight.py
- [ ] T004 [P] [US1] Journey test in tests/test_journey.py
      with two parcels

### Implementation for User Story 1

- [ ] T005 [P] [US1] Model in `src/parcels/model.py:10`
  - a dataclass
  ```python
  # src/never/read.py
  ```
- [ ] T006 [US1] Service in src/parcels/service.py (depends on T005)
- [ ] T007 [US1] Log every weight

## Dependencies & Execution Order

- Setup first
"""


def test_a_task_list_of_spec_kit_is_read() -> None:
    found = tasks(PLAN)
    assert [(t.id, t.title, t.line) for t in found] == [
        ("T001", "Create the package in src/parcels/", 13),
        ("T002", "Write pyproject.toml", 14),
        ("T003", "Contract test in tests/contract/test_weight.py", 24),
        ("T004", "Journey test in tests/test_journey.py with two parcels", 25),
        ("T005", "Model in `src/parcels/model.py:10`", 30),
        ("T006", "Service in src/parcels/service.py (depends on T005)", 35),
        ("T007", "Log every weight", 36),
    ]
    assert [t.files for t in found] == [
        ("src/parcels/",),
        ("pyproject.toml",),
        ("tests/contract/test_weight.py",),
        ("tests/test_journey.py",),
        ("src/parcels/model.py",),
        ("src/parcels/service.py",),
        (),
    ]
    assert [t.depends_on for t in found] == [(), (), (), (), (), ("T005",), ()]
    assert all(t.kind == "auto" and t.gate is None for t in found)


def test_tasks_marked_p_share_a_wave_and_the_others_run_in_their_order() -> None:
    assert [(t.id, t.wave, t.part) for t in tasks(PLAN)] == [
        ("T001", 1, "sequential"),
        ("T002", 1, "sequential"),
        ("T003", 2, ""),
        ("T004", 2, ""),
        ("T005", 3, ""),
        ("T006", 4, "sequential"),
        ("T007", 4, "sequential"),
    ]


def test_a_task_is_told_what_stands_below_it_and_what_it_is_part_of() -> None:
    told = tasks(PLAN)[4].description
    assert told.startswith("Model in `src/parcels/model.py:10`\n- a dataclass\n```python\n# src/never/read.py\n```\n")
    assert "Part of: Phase 2: User Story 1 - Weigh a parcel (Priority: P1) / Implementation for User Story 1" in told
    assert told.endswith("**Goal**: a parcel has a weight")
    assert "Write these first" not in told


@pytest.mark.parametrize(
    ("item", "id", "title"),
    [
        ("- [ ] T001 Do it", "T001", "Do it"),
        ("* [ ] T1 Do it", "T1", "Do it"),
        ("1. [ ] T001: Do it", "T001", "Do it"),
        ("- [ ] **T001** Do it", "T001", "Do it"),
        ("- [ ] **T001**: Do it", "T001", "Do it"),
        ("- [ ] **T001: Do it**", "T001", "Do it"),
        ("- [ ] **T001** - [US1] Do it", "T001", "Do it"),
        ("- [ ] [T001] [P] [US1] Do it", "T001", "Do it"),
        ("- [ ] T001 [US1] [P] Do it", "T001", "Do it"),
        ("- [ ] **T001** `[api] [P]` Do it", "T001", "Do it"),
        ("- [ ] T001 Do it. [P]", "T001", "Do it."),
        ("- [ ] T-001 Do it", "T-001", "Do it"),
        ("- [ ] TASK-12 Do it", "TASK-12", "Do it"),
        ("- [ ] T012a Do it", "T012a", "Do it"),
        ("- [ ] T001.2 Do it", "T001.2", "Do it"),
        ("- [ ] T001 [the guide](docs/x.md) is read", "T001", "[the guide](docs/x.md) is read"),
        ("- [ ] T001\n      Do it", "T001", "Do it"),
        ("-\t[ ]\tT001\tDo it", "T001", "Do it"),
        ("- Group\n  - [ ] T001 Do it", "T001", "Do it"),
    ],
)
def test_forms_of_an_item(item: str, id: str, title: str) -> None:
    assert shape(f"Text.\n\n{item}\n") == [(id, title)]


@pytest.mark.parametrize(
    "item",
    ["- [ ] T001 [P] x", "- [ ] T001 [US1] [P] x", "- [ ] T001 x [P]", "- [ ] T001 `[P]` x", "- [ ] **T001** [p] x"],
)
def test_the_mark_of_what_may_run_side_by_side(item: str) -> None:
    assert tasks(item)[0].part == ""


@pytest.mark.parametrize(
    "text",
    [
        "- T001 Do it",
        "- [ ] Do it",
        "T001 Do it",
        "```\n- [ ] T001 Do it\n```",
        "> - [ ] T001 Do it",
        "<!--\n- [ ] T001 Do it\n-->",
        "    - [ ] T001 Do it",
        "1. Do it\n2. Do that",
        "# Release plan\n\n## Goals\n\n1. Be fast\n",
        "# Plan\n\n## Acceptance criteria\n\n- [ ] It is fast\n",
        "## Tasks\n\n- Do it\n",
        "## Tasks\n\n- [ ] **Step 1: Do it**\n",
    ],
)
def test_what_is_no_task(text: str) -> None:
    assert read(text) == ((), ())


def test_tasks_below_a_task_belong_to_it() -> None:
    found = tasks("- [ ] T001 Outer\n  - [ ] T002 Inner\n- [ ] T003 Next\n")
    assert [t.id for t in found] == ["T001", "T003"]
    assert "- [ ] T002 Inner" in found[0].description


def test_what_is_checked_off_is_left_out_with_a_warning() -> None:
    found, findings = read("- [x] T001 A\n- [X] T002 B\n- [ ] T003 C (depends on T001)\n")
    assert [(t.id, t.depends_on) for t in found] == [("T003", ())]
    assert [(f.severity, f.code, f.line) for f in findings] == [("warning", "done-task", 1)]
    assert findings[0].message.startswith("2 tasks are")


def test_a_list_of_which_all_is_checked_off_is_an_error() -> None:
    found, findings = read("- [x] T001 A\n- [x] T002 B\n")
    assert found == ()
    assert [(f.severity, f.code) for f in findings] == [("error", "no-tasks")]
    assert "all 2 tasks are checked off" in findings[0].message


def test_an_item_that_is_almost_a_task_is_an_error() -> None:
    findings = read("## Phase\n\n- [ ] T001 A\n- [ ] TXXX B\n- [ ] T002-T006 C\n\n## Checklist\n\n- [ ] all done\n")[1]
    assert [(f.severity, f.code, f.line) for f in findings] == [
        ("error", "not-a-task", 4),
        ("error", "not-a-task", 5),
    ]


def test_a_task_without_text_is_an_error() -> None:
    assert [(f.severity, f.code, f.line) for f in read("- [ ] T001\n")[1]] == [("error", "missing-title", 1)]


def test_a_dependency_that_is_no_earlier_task_is_ignored_with_a_warning() -> None:
    found, findings = read("- [ ] T001 A (depends on T002)\n- [ ] T002 B, depends on T001; not T003\n")
    assert [t.depends_on for t in found] == [(), ("T001",)]
    assert [(f.code, f.line) for f in findings] == [("ignored-dependency", 1)]


def test_a_long_text_is_cut_at_a_word_in_the_title_only() -> None:
    text = "word " * 60
    task = tasks(f"- [ ] T001 {text}")[0]
    assert len(task.title) <= 121 and task.title.endswith("word…")
    assert task.description == text.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## Tasks\n\n1. Do x\n2. Do y\n", [("1", "Do x"), ("2", "Do y")]),
        ("# Plan\n\n1. [ ] Do x\n2. [ ] Do y\n", [("1", "Do x"), ("2", "Do y")]),
        ("## Implementation Steps\n\n1) Do x\n", [("1", "Do x")]),
        ("## Tasks\n\n### Later\n\n3. Do x\n4. Do y\n", [("3", "Do x"), ("4", "Do y")]),
        ("## Tasks\n\n### A\n\n1. Do x\n\n### B\n\n1. Do y\n", [("1", "Do x"), ("2", "Do y")]),
        ("## Tasks\n\n- [ ] Do x\n- [ ] Do y\n", [("1", "Do x"), ("2", "Do y")]),
        ("# Tasks\n\n## 1. Database\n\n- [ ] 1.1 Do x\n- [ ] 1.2 Do y\n", [("1.1", "Do x"), ("1.2", "Do y")]),
        ("# Implementation Plan\n\n- [ ] 1. Do x\n  - [ ] 1.1 part\n- [ ] 2. Do y\n", [("1", "Do x"), ("2", "Do y")]),
        ("## Tasks\n\n1. why\n2. how\n\n- [ ] Do x\n", [("1", "Do x")]),
        ("## Tasks\n\n1. Do x\n   1. first this\n   2. then that\n", [("1", "Do x")]),
        ("## Tasks\n\n- [ ] 5 retries are enough\n", [("1", "5 retries are enough")]),
    ],
)
def test_lists_under_a_heading_that_says_so(text: str, expected: list[tuple[str, str]]) -> None:
    assert shape(text) == expected


def test_check_boxes_with_ids_win_over_other_lists() -> None:
    assert shape("## Tasks\n\n1. Do x\n\n## Phase 1\n\n- [ ] T001 Do y\n") == [("T001", "Do y")]


def test_more_tasks_than_anybody_writes_are_an_error() -> None:
    findings = read("\n".join(f"- [ ] T{number} A" for number in range(2001)))[1]
    assert [(f.severity, f.code) for f in findings] == [("error", "too-large")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Create src/x.py and tests/test_x.py.", ("src/x.py", "tests/test_x.py")),
        ("(see `docs/a.md`), `b.js`", ("docs/a.md", "b.js")),
        ("in README.md, Makefile and pyproject.toml", ("README.md", "Makefile", "pyproject.toml")),
        ("`.gitignore` and `./a/b.ts:12-30`", (".gitignore", "a/b.ts")),
        ("tests/test_a.py::test_b `t/test_c.py::test_d`", ("tests/test_a.py", "t/test_c.py")),
        ("in src/models/ and `app/[id]/page.tsx`", ("src/models/", "app/[id]/page.tsx")),
        ("src/**/*.py", ("src/**/*.py",)),
        ("Use Node.js and Next.js, e.g. version 1.2.3, client/server and/or", ()),
        ("GET /api/users/x.json at https://example.org/a/b.html", ()),
        ("`np.array`, `f()`, `application/json`, `npm run build`, `feature/x`", ()),
        ("../other/x.py, `/etc/app/x.py`, ~/x/y.py, .git/hooks/x.sh, .superteam/x.toml", ()),
        ("a/b.py a/b.py", ("a/b.py",)),
    ],
)
def test_paths_in_a_text(text: str, expected: tuple[str, ...]) -> None:
    assert mentioned_files(text) == expected


pieces = st.sampled_from(
    [
        *(
            "- [ ] ",
            "- [x] ",
            "T001",
            "T002 ",
            "[P] ",
            "[US1] ",
            "`",
            "**",
            "1. ",
            "1.1 ",
            "  ",
            "\n",
            "\n\n",
            "## Tasks\n",
        ),
        *(
            "# Plan\n",
            "> ",
            "```\n",
            "depends on T001",
            "(",
            ")",
            "a/b.py",
            "[",
            "]",
            "/",
            ".",
            ":",
            "TXXX",
            "\t",
            "<!--",
        ),
        *("é", "\u2028", "\x1b", "\x85", "Step 1", "****", "[ ] "),
    ]
)


@given(st.lists(pieces | st.text(max_size=4), max_size=60).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read(text: str) -> None:
    found, findings = read(text)
    waves = [task.wave for task in found]
    assert waves == sorted(waves)
    assert all(task.line and task.id for task in found)
    assert all(task.title for task in found) or any(finding.code == "missing-title" for finding in findings)
    assert all(task.gate is None and task.acceptance_test is None for task in found)


groups = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=12)


@given(groups)
def test_two_tasks_may_run_side_by_side_exactly_when_only_marked_ones_of_one_heading_lie_between(
    drawn: list[tuple[int, bool]],
) -> None:
    """The oracle looks at each pair and at what lies between the two."""
    drawn = sorted(drawn, key=lambda pair: pair[0])
    lines = []
    for place, (phase, marked) in enumerate(drawn):
        if place == 0 or drawn[place - 1][0] != phase:
            lines += ["", f"## Phase {phase}", ""]
        lines.append(f"- [ ] T{place} {'[P] ' if marked else ''}x{place}")
    found = tasks("\n".join(lines))
    for i in range(len(drawn)):
        for j in range(i + 1, len(drawn)):
            wanted = all(drawn[k] == (drawn[i][0], True) for k in range(i, j + 1))
            allowed = found[i].wave == found[j].wave and not (found[i].part and found[i].part == found[j].part)
            assert allowed is wanted


@pytest.mark.parametrize(
    "unit",
    [
        "- [ ] T001 [P] x `a/b.py` depends on T001\n",
        "- [ ] " + "[x]" * 20 + "\n",
        "- [ ] T001 x\n  - y\n",
        "## Tasks\n",
        "a/",
        "depends on T001 ",
        "`[",
    ],
)
def test_four_times_the_text_takes_far_less_than_sixteen_times_the_time(unit: str) -> None:
    def spent(times: int) -> float:
        text = "## Tasks\n\n- [ ] T001 " + unit * times
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            read(text)
            best = min(best, time.process_time() - began)
        return best

    assert spent(1600) < 0.05 + 9 * spent(400)


@pytest.mark.parametrize(
    "item",
    [
        "- [-] T002 b",
        "- [~] T002 b",
        "- [] T002 b",
        "- [ ]T002 b",
        "- T002 b",
        "- [ ] b",
        "- [ ] US1-T002 b",
        "- [ ]* b",
    ],
)
def test_what_stands_beside_tasks_and_looks_like_one_is_an_error(item: str) -> None:
    found, findings = read(f"## Tasks\n\n- [ ] T001 a\n{item}\n- [ ] T003 c\n")
    assert [task.id for task in found] == ["T001", "T003"]
    assert [(finding.code, finding.line) for finding in findings] == [("not-a-task", 4)]


@pytest.mark.parametrize("item", ["- [x] b", "- b", "- [ ] **Step 1: b**", "  - [ ] b", "## Done when\n\n- [ ] b"])
def test_what_stands_beside_tasks_and_is_none_is_not_warned_about(item: str) -> None:
    found, findings = read(f"## Tasks\n\n- [ ] T001 a\n{item}\n")
    assert [task.id for task in found] == ["T001"]
    assert not findings


@pytest.mark.parametrize(
    "heading",
    [
        "Phase 1: Quick wins (low risk)",
        "Phase 2: Review",
        "Stage B - scope and notes",
        "Tasks (in parallel)",
        "Steps [dependencies first]",
        "Review tasks",
    ],
)
def test_words_of_a_phases_title_hide_no_list(heading: str) -> None:
    found = tasks(f"# Tasks\n\n## {heading}\n\n- [ ] a\n- [ ] b\n")
    assert [task.title for task in found] == ["a", "b"]


@pytest.mark.parametrize("heading", ["Risks", "Acceptance criteria (must)", "Done when", "Notes", "Definition of done"])
def test_a_heading_about_something_else_has_no_tasks(heading: str) -> None:
    found = tasks(f"# Tasks\n\n## Tasks\n\n- [ ] a\n\n## {heading}\n\n- [ ] b\n")
    assert [task.title for task in found] == ["a"]


@pytest.mark.parametrize("id", ["T001-1", "T012a", "T012-a", "T1-2-3", "TASK-1-2"])
def test_ids_with_a_suffix_are_read(id: str) -> None:
    assert [task.id for task in tasks(f"- [ ] T000 x\n- [ ] {id} Do it\n- [ ] T999 y\n")] == ["T000", id, "T999"]
    assert tasks(f"- [ ] {id} x\n- [ ] T999 y (depends on {id})\n")[1].depends_on == (id,)


def test_openspecs_check_boxes_are_read_whatever_the_titles_say() -> None:
    first = "## 1. Risk model\n\n- [ ] 1.1 Schema in src/a.py\n- [x] 1.2 Done\n\n"
    text = f"{first}## 2. Review\n\n- [ ] 2.1 API\n  - [ ] 2.1.1 sub\n"
    found, findings = read(text)
    assert [(task.id, task.title) for task in found] == [("1.1", "Schema in src/a.py"), ("2.1", "API")]
    assert [finding.code for finding in findings] == ["done-task"]


@pytest.mark.parametrize("heading", ["Implementation plan", "Rollout Plan (draft)", "The plan"])
def test_numbered_items_of_a_design_are_no_tasks_without_a_word(heading: str) -> None:
    found, findings = read(f"# Design\n\nText.\n\n## {heading}\n\n1. Think\n2. Write\n")
    assert found == ()
    assert [(f.severity, f.code, f.line) for f in findings] == [("error", "guessed-tasks", 7)]
    assert "2 numbered items" in findings[0].message and "'## Tasks' above them" in findings[0].message


def test_a_check_box_under_a_heading_that_says_nothing_is_an_error_beside_tasks() -> None:
    _, findings = read("## Tasks\n\n- [ ] a\n\n## Frontend\n\n- [ ] b\n")
    assert [(f.severity, f.code, f.line) for f in findings] == [("error", "not-a-task", 7)]
    assert "what is none has no check-box" in findings[0].message
