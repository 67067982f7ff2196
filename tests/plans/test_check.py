from __future__ import annotations

from pathlib import Path

import pytest

from superteam.core.plan import Part, Plan, Task
from superteam.plans.check import check_plan


def plan(*files: str) -> Plan:
    task = Task(id="1", title="A", description="d", files=files, line=3)
    return Plan(path="p.md", format="superteam-tasks", title="P", sha256="0", tasks=(task,))


def test_a_link_out_of_the_repository_is_an_error(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root)
    found = check_plan(plan("out/x.py", "in/x.py", "new/deep/x.py", "a\x7f" * 300), root, True)
    assert [(one.severity, one.code, one.line) for one in found] == [("error", "bad-file", 3)]
    assert "out/x.py" in found[0].message


def test_the_rules_are_asked_too(tmp_path: Path) -> None:
    assert [one.code for one in check_plan(plan("../x"), tmp_path, False)] == ["bad-file", "gate-missing"]


def missing(tmp_path: Path, *tasks: Task, parts: tuple[Part, ...] = ()) -> list[tuple[str, str, int | None]]:
    (tmp_path / "there.py").touch()
    (tmp_path / "docs").mkdir(exist_ok=True)
    found = Plan(path="p.md", format="superpowers", title="P", sha256="0", tasks=tasks, parts=parts)
    return [(one.severity, one.code, one.line) for one in check_plan(found, tmp_path, True)]


def modifying(id: int, *paths: str, creating: tuple[str, ...] = ()) -> Task:
    return Task(id=str(id), title=f"T{id}", description="d", files=(*creating, *paths), modifies=paths, line=id)


def test_a_file_to_modify_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    assert missing(tmp_path, modifying(1, "there.py", "docs", "gone.py", "*.py")) == [("warning", "missing-file", 1)]


@pytest.mark.parametrize("declared", ["gone.py", "./gone.py"])
def test_a_file_that_an_earlier_task_creates_is_there(tmp_path: Path, declared: str) -> None:
    makes = modifying(1, creating=(declared,))
    assert missing(tmp_path, makes, modifying(2, "gone.py")) == []
    assert missing(tmp_path, modifying(1, "gone.py"), modifying(2, creating=(declared,))) == [
        ("warning", "missing-file", 1)
    ]


def test_a_file_in_a_folder_or_glob_that_an_earlier_task_declares_is_there(tmp_path: Path) -> None:
    assert missing(tmp_path, modifying(1, creating=("src/", "x*.py")), modifying(2, "src/a.py", "xy.py")) == []


def test_files_that_tasks_only_may_change_need_not_be_there(tmp_path: Path) -> None:
    assert missing(tmp_path, modifying(1, creating=("new.py",))) == []


def test_a_reference_to_what_is_not_there_is_a_warning(tmp_path: Path) -> None:
    wanted = ("there.py", "gone.py", "1-SUMMARY.md", "made.py", "/etc/passwd", "../x")
    parts = (
        Part(id="1", path="1-PLAN.md", title="One", output="1-SUMMARY.md"),
        Part(id="2", path="2-PLAN.md", title="Two", references=wanted),
    )
    found = missing(tmp_path, modifying(1, creating=("made.py",)), parts=parts)
    assert found == [("warning", "missing-file", None)] * 3


def test_a_missing_file_is_named_once(tmp_path: Path) -> None:
    assert missing(tmp_path, modifying(1, "gone.py"), modifying(2, "gone.py")) == [("warning", "missing-file", 1)]
