from __future__ import annotations

from pathlib import Path

from superteam.core.plan import Plan, Task
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
