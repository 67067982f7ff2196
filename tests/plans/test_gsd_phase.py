from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.plan import Finding, Plan, Task
from superteam.errors import PlanError
from superteam.plans import load_plan, read_plan
from superteam.plans.findings import Findings
from superteam.plans.gsd_order import ordered

EXAMPLE = Path(__file__).resolve().parents[2] / "plans" / "gsd-phase"


def document(wave: object = 1, depends: str = "[]", plan: str = "x", tasks: int = 1, phase: str = "04-x") -> str:
    front = f"---\nphase: {phase}\nplan: {plan}\ntype: execute\nwave: {wave}\ndepends_on: {depends}\n---\n"
    work = "".join(f"<task type='auto'>\n<name>Task {n}</name>\n</task>\n" for n in range(1, tasks + 1))
    return f"{front}<tasks>\n{work}</tasks>\n"


def written(root: Path, files: Mapping[str, str]) -> Path:
    folder = root / ".planning" / "phases" / "04-x"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def read(root: Path, files: Mapping[str, str]) -> tuple[Plan, tuple[Finding, ...]]:
    plan, findings = load_plan(written(root, files), root)
    assert plan is not None, findings
    return plan, findings


def test_the_example_is_a_phase_of_two_waves_with_a_checkpoint_of_each_kind() -> None:
    plan = read_plan(EXAMPLE, EXAMPLE.parents[1])
    assert (plan.path, plan.format, plan.title, plan.findings) == (
        *("plans/gsd-phase", "gsd-phase", "Phase 07-greeting", ()),
    )
    assert plan.documents() == tuple(f"plans/gsd-phase/07-0{number}-PLAN.md" for number in (1, 2, 3))
    assert [(task.id, task.kind, task.part, task.wave) for task in plan.tasks] == [
        ("07-01.1", "tdd", "07-01", 1),
        ("07-01.2", "auto", "07-01", 1),
        ("07-01.verification", "verification", "07-01", 1),
        ("07-02.1", "decision", "07-02", 1),
        ("07-02.2", "auto", "07-02", 1),
        ("07-03.1", "auto", "07-03", 2),
        ("07-03.2", "human-verify", "07-03", 2),
        ("07-03.3", "human-action", "07-03", 2),
        ("07-03.verification", "verification", "07-03", 2),
    ]
    before = tuple(task.id for task in plan.tasks[:5])
    assert {task.depends_on for task in plan.tasks[5:]} == {before}
    assert {task.depends_on for task in plan.tasks[:5]} == {()}


def test_every_command_of_a_phase_has_to_be_trusted() -> None:
    commands = read_plan(EXAMPLE, EXAMPLE.parents[1]).commands()
    assert len(commands) == 6
    assert any("test -f GREETING.md" in command for command in commands)
    assert "grep -q '<h1>' page.html" in commands and "test -f page.html" in commands


@pytest.mark.parametrize(
    "name", ["04-02", "02", "2", "'02'", "04-02-PLAN.md", "04-02-PLAN", "04-x-02", "04-x/02", "plan-02"]
)
def test_a_plan_may_be_called_by_many_names(tmp_path: Path, name: str) -> None:
    files = {"04-01-PLAN.md": document(depends=f"[{name}]", plan="01"), "04-02-PLAN.md": document(plan="02", tasks=2)}
    plan, findings = read(tmp_path, files)
    assert findings == ()
    assert [task.id for task in plan.tasks] == ["04-02.1", "04-02.2", "04-01.1"]
    assert plan.tasks[-1].depends_on == ("04-02.1", "04-02.2")
    assert [part.id for part in plan.parts] == ["04-02", "04-01"]


def test_parts_come_in_wave_order_and_then_by_number(tmp_path: Path) -> None:
    files = {f"04-{n}-PLAN.md": document(wave=wave) for n, wave in (("10", 1), ("2", 1), ("03", 2), ("4", 1))}
    plan, _ = read(tmp_path, files)
    assert [part.id for part in plan.parts] == ["04-2", "04-4", "04-10", "04-03"]


def test_a_plan_of_a_lower_wave_than_what_it_depends_on_is_moved(tmp_path: Path) -> None:
    plan, findings = read(tmp_path, {"04-01-PLAN.md": document(1, "[04-02]"), "04-02-PLAN.md": document(3)})
    assert [(task.id, task.wave) for task in plan.tasks] == [("04-02.1", 3), ("04-01.1", 3)]
    assert [(found.severity, found.code) for found in findings] == [("warning", "wave-too-low")]


def test_plans_that_depend_on_each_other_are_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path, {"04-01-PLAN.md": document(1, "[2]"), "04-02-PLAN.md": document(1, "[1]")})
    with pytest.raises(PlanError, match="'04-01' -> '04-02' -> '04-01'"):
        read_plan(folder, tmp_path)


def test_a_plan_of_this_phase_that_is_not_there_is_an_error_unless_it_is_done(tmp_path: Path) -> None:
    folder = written(tmp_path, {"04-02-PLAN.md": document(1, "[04-01]")})
    plan, findings = load_plan(folder, tmp_path)
    assert plan is None and [found.code for found in findings] == ["unknown-plan"]
    written(tmp_path, {"04-01-SUMMARY.md": "done"})
    assert load_plan(folder, tmp_path)[1] == ()


@pytest.mark.parametrize("name", ["03-02", "03-02-PLAN.md", "03-y"])
def test_a_plan_of_another_phase_is_warned_about_unless_it_is_done(tmp_path: Path, name: str) -> None:
    files = {"04-02-PLAN.md": document(1, f"['{name}']")}
    for path in (written(tmp_path, files), written(tmp_path, files) / "04-02-PLAN.md"):
        plan, findings = load_plan(path, tmp_path)
        assert plan is not None
        assert [(found.severity, found.code) for found in findings] == [("warning", "other-plan")]
    written(tmp_path, {"../03-y/03-02-SUMMARY.md": "done"})
    for path in (written(tmp_path, files), written(tmp_path, files) / "04-02-PLAN.md"):
        assert load_plan(path, tmp_path)[1] == ()


def test_what_is_no_dependency_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, {"04-01-PLAN.md": document(1, "none"), "04-02-PLAN.md": document(1, "")})[1] == ()


def test_only_files_that_are_named_like_plans_are_read(tmp_path: Path) -> None:
    files = {"04-01-PLAN.md": document(), "04-01-SUMMARY.md": "x", "04-RESEARCH.md": "x", "PLAN-REVIEW.md": "x"}
    assert read(tmp_path, files)[0].documents() == (".planning/phases/04-x/04-01-PLAN.md",)


def test_a_folder_without_plans_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"holds no plans; looked for files named PLAN\.md"):
        read_plan(written(tmp_path, {"README.md": "x"}), tmp_path)


def test_the_root_of_a_repository_can_be_a_phase(tmp_path: Path) -> None:
    (tmp_path / "PLAN.md").write_text(document(plan="01"))
    plan = read_plan(tmp_path, tmp_path)
    assert plan.documents() == ("PLAN.md",) and plan.tasks[0].id == "04-01.1"


def test_findings_name_their_document(tmp_path: Path) -> None:
    folder = written(tmp_path, {"04-01-PLAN.md": document(), "04-02-PLAN.md": document("x") + "<output>\n"})
    _, findings = load_plan(folder, tmp_path)
    path = ".planning/phases/04-x/04-02-PLAN.md"
    assert {(found.code, found.path, found.line) for found in findings} == {
        ("bad-wave", path, 1),
        ("unclosed-tag", path, 13),
    }
    (folder / "04-03-PLAN.md").write_text("nothing")
    with pytest.raises(PlanError, match=r"^\.planning/phases/04-x/04-03-PLAN\.md:1: the plan holds no tasks"):
        read_plan(folder, tmp_path)


def test_two_plans_with_the_same_number_are_told_apart_by_their_files(tmp_path: Path) -> None:
    plan, _ = read(tmp_path, {"04-01-a-PLAN.md": document(), "04-01-b-PLAN.md": document()})
    assert [task.id for task in plan.tasks] == ["04-01-a-PLAN.1", "04-01-b-PLAN.1"]
    assert [task.part for task in plan.tasks] == [part.id for part in plan.parts]


def test_the_hash_is_one_of_all_documents(tmp_path: Path) -> None:
    files = {"04-01-PLAN.md": document(), "04-02-PLAN.md": document()}
    first = read(tmp_path, files)[0].sha256
    assert read(tmp_path, files)[0].sha256 == first
    assert read(tmp_path, {**files, "04-02-PLAN.md": document() + "\n"})[0].sha256 != first


drafts = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.sets(st.integers(0, 7), max_size=3)), min_size=1, max_size=8
)


@given(drafts)
def test_an_order_keeps_every_task_and_puts_nothing_before_what_it_depends_on(
    found: list[tuple[int, str, set[int]]],
) -> None:
    tasks = [
        Task(id=str(n), title=str(n), wave=wave, part=part, depends_on=tuple(str(d) for d in sorted(on) if d < n))
        for n, (wave, part, on) in enumerate(found)
    ]
    tasks.reverse()
    result = ordered(tasks, ("a", "b"), Findings())
    assert {task.id for task in result} == {task.id for task in tasks} and len(result) == len(tasks)
    place = {task.id: number for number, task in enumerate(result)}
    wave = {task.id: task.wave for task in result}
    for task in result:
        assert all(place[id] < place[task.id] and wave[id] <= task.wave for id in task.depends_on)
        own = next(one.wave for one in tasks if one.id == task.id)
        assert task.wave == max([own, *(wave[id] for id in task.depends_on)])
    assert [task.wave for task in result] == sorted(task.wave for task in result)
