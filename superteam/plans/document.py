"""Reads a plan: its superteam-tasks block, else its GSD tags, else its task headings, else its list of tasks."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from superteam.core.plan import Finding, Plan, Task
from superteam.core.plan_rules import check as check_rules
from superteam.core.plan_rules import quoted
from superteam.errors import PlanError
from superteam.plans.findings import Findings

if TYPE_CHECKING:
    from superteam.plans.outline import Outline

INFO = "superteam-tasks"
_LARGEST_DOCUMENT = 4 * 2**20
_LISTED = 20
_ALMOST = re.compile(r"superteam[-_ ]?tasks?", re.I)
_LOOKED_FOR = (
    f"the plan holds no tasks: neither a fenced block ```{INFO}, nor headings such as '## Task 1: title' (headings, "
    "superpowers), nor <tasks> with <task> (GSD), nor check-boxes such as '- [ ] T001 what to do' (spec-kit), nor a "
    "check-box or numbered list under a heading that says tasks, plan or steps"
)


def read_plan(path: Path, root: Path) -> Plan:
    """The plan, if nothing speaks against running it; else one PlanError that names every error with its line."""
    plan, findings = load_plan(path, root)
    if plan is not None:
        findings = (*findings, *check_rules(plan, has_default_gate=True))
    errors = [finding for finding in findings if finding.severity == "error"]
    if plan is None or errors:
        raise _unusable(_name(path, root), errors)
    return plan


def load_plan(path: Path, root: Path) -> tuple[Plan | None, tuple[Finding, ...]]:
    """The plan with what its reader has to say; None if there is an error. PlanError only if there is no file.

    A folder is read as a phase: all GSD plans in it are one plan.
    """
    from superteam.plans.places import checkout_at, with_places

    plan, findings = _loaded(path, root)
    if plan is None:
        return None, findings
    plan, elsewhere = with_places(plan, checkout_at(root))
    if elsewhere:
        findings = (*findings, *elsewhere)
        plan = plan.model_copy(update={"findings": findings})
    return plan, findings


def _loaded(path: Path, root: Path) -> tuple[Plan | None, tuple[Finding, ...]]:
    name = _name(path, root)
    if path.is_dir():
        from superteam.plans.gsd_phase import read_phase

        return read_phase(path, root, name, _content, _text)
    data = _content(path, name)
    findings = Findings()
    text = _text(data, findings)
    plan = None if text is None else _plan(text, name, hashlib.sha256(data).hexdigest(), findings)
    if plan is not None and plan.format == "gsd":
        from superteam.plans.gsd_phase import check_other_plans

        check_other_plans(plan.parts[0].about, path.parent, findings)
    if plan is None or findings.failed:
        return None, findings.all()
    return plan.model_copy(update={"findings": findings.all()}), findings.all()


def _name(path: Path, root: Path) -> str:
    """The path in the repository where it has one; a link keeps its own name."""
    try:
        whole = path.parent.resolve() / path.name
        return whole.relative_to(root.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):
        return path.as_posix()


def _content(path: Path, name: str) -> bytes:
    """At most one byte more than is allowed; only of a regular file, since a pipe would block."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PlanError(f"{name} is not a file", "name a plan document: superteam plan check PLAN")
        with path.open("rb") as stream:
            return stream.read(_LARGEST_DOCUMENT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PlanError(f"the plan {name} cannot be read: {reason}", "superteam plan check PLAN") from error


def _text(data: bytes, findings: Findings) -> str | None:
    if len(data) > _LARGEST_DOCUMENT:
        findings.error("too-large", "the document is larger than 4 MiB", None)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        findings.error("not-utf8", f"the document is not UTF-8 text (byte {error.start}); save it as UTF-8", line)
        return None
    if "\0" in text:
        findings.error("bad-character", "the document holds a NUL character", text.count("\n", 0, text.index("\0")) + 1)
        return None
    return text


def _plan(text: str, name: str, sha256: str, findings: Findings) -> Plan | None:
    from superteam.plans.block import read_block
    from superteam.plans.gsd import gsd_plan, is_gsd
    from superteam.plans.gsd_tags import unfenced
    from superteam.plans.headings import has_headings
    from superteam.plans.outline import read_outline

    outline = read_outline(text)
    blocks = [fence for fence in outline.fences if fence.info.split()[:1] == [INFO]]
    if len(blocks) > 1:
        lines = " and ".join(str(fence.line) for fence in blocks[:2])
        findings.error("two-blocks", f"there are {len(blocks)} {INFO} blocks, at lines {lines}", blocks[1].line)
        return None
    for fence in outline.fences:
        if fence not in blocks and _ALMOST.search(fence.info[:100]):
            message = f"the fence {quoted(fence.info)} is no task block: its first word must be {INFO}"
            findings.warning("not-a-block", message, fence.line)
    if not blocks and is_gsd(text):
        return gsd_plan(text, name, sha256, findings)
    if blocks:
        if not blocks[0].closed:
            findings.warning("open-block", f"the {INFO} block is never closed", blocks[0].line)
        form, tasks = INFO, read_block(blocks[0].content, blocks[0].line + 1, findings)
    elif is_gsd(unfenced(text)) and not has_headings(outline):
        return gsd_plan(text, name, sha256, findings)
    else:
        form, tasks = _without_block(outline, findings)
    if not tasks:
        if not findings.failed:
            findings.error("no-tasks", _LOOKED_FOR, None)
        return None
    start = blocks[0].line if blocks else tasks[0].line
    title = next((heading.text for heading in outline.headings if heading.level == 1 and heading.text), None)
    return Plan(
        path=name,
        format=form,
        title=title or Path(name).stem,
        sha256=sha256,
        context=outline.text(1, start),
        tasks=tasks,
    )


def _without_block(outline: Outline, findings: Findings) -> tuple[str, tuple[Task, ...]]:
    """The form of a document without a block, and its tasks: headings win over lists, which often stand below them."""
    from superteam.plans.headings import read_headings
    from superteam.plans.speckit import read_task_list
    from superteam.plans.superpowers import is_superpowers, with_commands

    tasks = read_headings(outline, findings)
    if not tasks:
        return "spec-kit", read_task_list(outline, findings)
    if is_superpowers(outline, tasks):
        return "superpowers", with_commands(outline, tasks, findings)
    return "headings", tasks


def _unusable(name: str, errors: list[Finding]) -> PlanError:
    lines = [f"{finding.path or name}:{finding.line or 1}: {finding.message}" for finding in errors[:_LISTED]]
    if len(errors) > _LISTED:
        lines.append(f"{name}: {len(errors) - _LISTED} more errors; the command below shows them")
    return PlanError("\n".join(lines), f"superteam plan check {name}")
