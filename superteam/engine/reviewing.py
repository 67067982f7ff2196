"""The step of a reviewer: a read-only dispatch in a tree of its own, at the commit that is looked at."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from superteam.core import events as e
from superteam.core.chosen import Chosen, chosen_agent
from superteam.core.decide import Step
from superteam.core.review import Review
from superteam.core.run import Run, TaskRun, Work
from superteam.engine import review_prompts
from superteam.engine.world import World, clean, limits, name, of, planted, told, write_private
from superteam.ports import AgentReport, Brief, Tree

WHOLE_LIMIT = 20_000_000  # characters of a patch that is written beside the prompt


async def review(world: World, run: Run, step: Step) -> e.Event:
    """Dispatches one reviewer; what it changed in its tree is kept under a ref, recorded and thrown away."""
    t, work = of(run, step)
    assert work.commit is not None
    tree = await world.workspace.check_out_for_review(step.role, work.commit)
    chosen = chosen_agent(run.settings.agent, "review", t.task.agent)
    brief = await _brief(world, run, step, t, work, tree, chosen)
    await world.workspace.watch(name(step), role=step.role)
    report = await world.agents(chosen.agent or "").work(brief)
    taken = await world.workspace.capture_review(step.role)
    changed = await world.workspace.changed(work.tree, taken.tree)
    if changed:
        text = f"superteam: what the reviewer {step.role} changed\n"
        kept = await world.workspace.commit(taken.tree, work.commit, text, run.started_at)
        await world.workspace.keep(f"replaced/{name(step)}", kept)
    found = await planted(world, step, work.tree, work.tree)  # its tree is thrown away, with the attributes in it
    done = _finished(world, step, t, work, report, changed, taken.notes, brief.output)
    return done.model_copy(update={**told(world, chosen, report), "findings": found})


def _finished(
    world: World,
    step: Step,
    t: TaskRun,
    work: Work,
    report: AgentReport,
    changed: tuple[str, ...],
    notes: tuple[str, ...],
    output: Path,
) -> e.Event:
    unread = report.ended == "done" and report.review is None and report.question is None
    return e.ReviewFinished(
        task=t.task.id,
        role=step.role,
        number=step.number,
        sha=work.commit or "",
        ended="unreadable" if unread else report.ended,
        exit_code=report.exit_code,
        detail=clean(world, report.detail),
        review=_clean(world, report.review) if report.ended == "done" else None,
        changed=changed,
        leftovers=report.leftovers,
        notes=notes,
        question=report.question and clean(world, report.question),
        cost_usd=report.cost_usd,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
        output=str(output),
    )


def _clean(world: World, review: Review | None) -> Review | None:
    """The verdict without the secrets of the environment."""
    if review is None:
        return None
    findings = tuple(
        finding.model_copy(update={key: clean(world, getattr(finding, key)) for key in ("issue", "suggestion", "file")})
        for finding in review.findings
    )
    return review.model_copy(update={"findings": findings, "summary": clean(world, review.summary)})


async def _brief(world: World, run: Run, step: Step, t: TaskRun, work: Work, tree: Tree, chosen: Chosen) -> Brief:
    base = world.outputs / name(step)
    text = await _prompt(world, run, step, t, work)
    prompt_file = base.with_name(f"{base.name}.prompt.md")
    write_private(prompt_file, text)
    return Brief(
        role="review",
        review_role=step.role,
        task_id=t.task.id,
        attempt=step.number,
        run_id=run.run_id,
        prompt=text,
        tree=tree.path,
        env=tree.env,
        prompt_file=prompt_file,
        result_file=base.with_name(f"{base.name}.result.json"),
        output=base.with_name(f"{base.name}.log"),
        timeout=chosen.timeout,
        idle_timeout=chosen.idle_timeout,
        on_output=partial(world.on_output, step.key),
        model=chosen.model,
        effort=chosen.effort,
        arguments=chosen.arguments,
        limits=limits(run, t),
    )


async def _prompt(world: World, run: Run, step: Step, t: TaskRun, work: Work) -> str:
    assert work.commit is not None
    diff = await world.workspace.diff(work.base, work.commit, WHOLE_LIMIT)
    whole = None
    if len(diff) > review_prompts.DIFF_LIMIT:
        whole = world.outputs / f"{name(step)}.patch"
        write_private(whole, diff)
        diff = diff[: review_prompts.DIFF_LIMIT]
    return review_prompts.review(run, t, work, step.role, diff, str(whole) if whole else None)
