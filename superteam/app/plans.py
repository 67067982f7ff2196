"""Plans that may be run: read, checked, narrowed, and their commands trusted."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from pathlib import Path

from superteam.app.project import Project
from superteam.core.plan import Plan
from superteam.errors import PlanError
from superteam.plans import read_plan
from superteam.plans.check import check_plan
from superteam.workspace.opening import is_unchanged_in_head


def usable_plan(project: Project, path: Path) -> Plan:
    """The plan, read and checked; PlanError with everything that keeps it from being run."""
    if not path.is_file() and not path.is_dir():
        text = "give the path of a plan document, or of a folder of GSD plans: superteam execute PLAN"
        raise PlanError(f"there is no plan at {path}", text)
    plan = read_plan(path.resolve(), project.root)
    findings = check_plan(plan, project.root, project.settings.validation_command is not None)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        text = "\n".join(f"{found.path or plan.path}:{found.line or 1}: {found.message}" for found in errors)
        raise PlanError(text, f"superteam plan check {plan.path}")
    return plan


def narrowed(plan: Plan, only: tuple[str, ...]) -> Plan:
    """The plan with only these tasks; what they depend on outside is taken as done."""
    if not only:
        return plan
    known = {task.id for task in plan.tasks}
    unknown = [id for id in only if id not in known]
    if unknown:
        text = f"the plan has no task {', '.join(unknown)}; its tasks are {', '.join(sorted(known))}"
        raise PlanError(text, f"superteam plan check {plan.path}")
    tasks = [task for task in plan.tasks if task.id in only]
    kept = [t.model_copy(update={"depends_on": tuple(d for d in t.depends_on if d in only)}) for t in tasks]
    return plan.model_copy(update={"tasks": tuple(kept)})


def require_trust(
    project: Project,
    plan: Plan,
    trusted: bool,
    confirm: Callable[[str], bool] | None,
    start: str | None = None,
    command: str = "execute",
) -> None:
    """Commands that stand in a plan are approved once, by hash, unless all its documents are tracked, unchanged files.

    With `start` it must also be what it was in that commit: HEAD may then hold what an agent wrote. `command` is
    the one to repeat after reading them.
    """
    commands = plan.commands()
    if not commands or all(_is_the_users(project, path, start) for path in plan.documents()):
        return
    name = hashlib.sha256("\0".join(commands).encode()).hexdigest()
    approved = project.repository.cache / "trusted" / name
    if approved.exists():
        return
    shown = "\n".join(f"  {visible(command)}" for command in commands)
    text = f"{plan.path} is not committed, and it holds commands that would be run on this machine:\n{shown}"
    if not trusted and not (confirm and confirm(text)):
        raise PlanError(text, f"read them, then: superteam {command} {shlex.quote(plan.path)} --trust-plan")
    approved.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    approved.touch(mode=0o600)


def visible(command: str) -> str:
    """A command as it will be run: a terminal, or whoever cleans text for one, would not show control characters."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in command)
    return shown.replace("\n", "\n    ")


def _is_the_users(project: Project, path: str, start: str | None) -> bool:
    repository = project.repository
    if (project.root / path).is_symlink():  # git would compare the link, not what it leads to
        return False
    if not is_unchanged_in_head(repository, path):
        return False
    how = ("--quiet", "--no-ext-diff", "--no-textconv")
    return (
        start is None or repository.git("diff", *how, start, "HEAD", "--", f":(literal){path}", check=False).status == 0
    )
