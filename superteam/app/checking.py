"""`superteam plan check --on-base`: what the commands of a plan say before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from superteam import process
from superteam.app.interruption import run_interruptible
from superteam.app.project import Project
from superteam.core.plan import Finding, Plan, Task
from superteam.core.plan_rules import quoted
from superteam.core.results import Exit
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.environment import base_environment

CANNOT_START = (126, 127)


def check_on_base(project: Project, plan: Plan, progress: Callable[[str], None]) -> tuple[Finding, ...]:
    """Runs each command of the plan's tasks once on a clean tree of HEAD; nothing in the checkout is touched.

    A gate or acceptance test that is green there proves nothing about the work. Commands of verification tasks and of
    checkpoints are not run: they may be green or red.
    """
    commands = tuple(dict.fromkeys(command for task in plan.tasks for _, command in _proofs(task)))
    if not commands:
        return ()
    desk = open_desk(project.repository, None, project.settings, project.environ)
    try:
        ends = run_interruptible(_run_each, project, desk, commands, progress)
    finally:
        desk.close()
    return tuple(found for task in plan.tasks for found in _judge(task, ends))


def _proofs(task: Task) -> Iterator[tuple[str, str]]:
    """The commands that must be red before the task, each with what it is."""
    if task.kind in ("auto", "tdd"):
        if task.gate:
            yield "gate", task.gate
        if task.acceptance_test:
            yield "acceptance test", task.acceptance_test


async def _run_each(
    project: Project, desk: Desk, commands: Sequence[str], progress: Callable[[str], None]
) -> Mapping[str, Exit]:
    ends: dict[str, Exit] = {}
    head = project.repository.head
    redact = process.secrets_redactor(base_environment(project.environ))
    for number, command in enumerate(commands, 1):
        progress(f"running command {number} of {len(commands)} on {head[:12]}: {quoted(command)}")
        tree = await desk.check_out(head)
        done = await process.run(
            process.shell(command),
            cwd=tree.path,
            env=tree.env,
            output=project.repository.cache / "outputs" / f"{tree.path.name}-on-base-{number}.log",
            timeout=project.settings.validation.timeout,
            redact=redact,
        )
        ends[command] = done.exit
    return ends


def _judge(task: Task, ends: Mapping[str, Exit]) -> Iterator[Finding]:
    """What is wrong with how the task's commands ended on the base; red is as it should be."""
    for what, command in _proofs(task):
        end = ends[command]
        about = f"the {what} of task {quoted(task.id)}, {quoted(command)},"
        if end.timed_out:
            yield _warning("gate-timed-out", f"{about} was ended on HEAD after {end.duration_s:.0f} s", task)
        elif end.code is None or end.code in CANNOT_START:
            message = f"{about} cannot even start on HEAD: is the program there, or does the task make it?"
            yield _warning("gate-not-started", message, task)
        elif end.code == 0 and not (what == "gate" and task.kind == "tdd"):  # its tests come with the task
            yield _warning("gate-green-on-base", f"{about} passes before the work, so it proves nothing", task)


def _warning(code: str, message: str, task: Task) -> Finding:
    return Finding(severity="warning", code=code, message=message, line=task.line or None)
