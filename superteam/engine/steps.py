"""One coroutine a step: the only effects. A step never decides what comes next; it says what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from superteam.core import events as e
from superteam.core.chosen import Chosen, chosen_agent, session_for
from superteam.core.decide import Kind, Step
from superteam.core.evolve.upcoming import ending
from superteam.core.failures import Failure, Response, maximum_of, resolve
from superteam.core.meters import meter
from superteam.core.moments import seconds_until
from superteam.core.questions import budget_question, failure_question
from superteam.core.run import NOTHING_TRIED, Run, TaskRun, Work
from superteam.core.scope import outside
from superteam.engine import prompts
from superteam.engine.probing import accept, capture_baseline, conclude_validation, run_probe
from superteam.engine.proving import Proof, must_have_results, red_proof, what_is_missing
from superteam.engine.reading import references
from superteam.engine.rebuild import forecast, rebuild
from superteam.engine.reviewing import review
from superteam.engine.world import (
    World,
    clean,
    how_it_ended,
    limits,
    message,
    name,
    of,
    planted,
    shell,
    told,
    write_private,
)
from superteam.errors import SetupFailed
from superteam.ports import Brief
from superteam.process import Completed

QUESTION_DIFF_LIMIT = 200_000
WAIT_PART = 30.0  # seconds
BROKEN_OFF = """
An earlier dispatch of this was broken off by a limit or a question, not by an error. What it did so far is in your
working tree: look at that first, and go on from there.
"""


async def perform(world: World, run: Run, step: Step) -> e.Event:
    """Does what the step names and returns the event of what happened."""
    return await _PERFORM[step.kind](world, run, step)


async def _dispatch(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    if work.commit and work.kind != "check":  # a fix makes a new object: the one it replaces stays reachable
        await world.workspace.keep(f"replaced/{name(step)}-commit", work.commit)
    earlier = await planted(world, step, work.from_tree, work.from_tree)  # by a dispatch that was killed
    notes = await world.workspace.prepare(work.from_tree, work.base, f"replaced/{name(step)}", work.slot)
    chosen = chosen_agent(run.settings.agent, work.role, t.task.agent)
    brief = await _brief(world, run, step, t, work, chosen)
    await world.workspace.watch(name(step), work.slot)
    report = await world.agents(chosen.agent or "").work(brief)
    taken = await world.workspace.capture(work.slot)
    changed = await world.workspace.changed(work.base_tree, taken.tree)
    return e.AgentFinished(
        task=t.task.id,
        attempt=step.number,
        role=work.role,
        ended=report.ended,
        exit_code=report.exit_code,
        detail=clean(world, report.detail),
        tree=taken.tree,
        changed=changed,
        out_of_scope=outside(changed, t.task.files),
        conflicts=await _conflicts_left(world, work, taken.tree),
        left_out=taken.left_out,
        leftovers=report.leftovers,
        notes=(*notes, *taken.notes),
        summary=clean(world, report.summary),
        claims=tuple(clean(world, claim) for claim in report.claims),
        deviations=tuple(clean(world, deviation) for deviation in report.deviations),
        question=report.question and clean(world, report.question),
        cost_usd=report.cost_usd,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
        output=str(brief.output),
        **told(world, chosen, report),
        findings=(*earlier, *await planted(world, step, work.from_tree, taken.tree)),
    )


async def _conflicts_left(world: World, work: Work, tree: str) -> tuple[str, ...]:
    """The files that conflicted when the task was integrated, and in which a tree still holds both sides."""
    return await world.workspace.marked(tree, work.conflicts) if work.conflicts else ()


async def _brief(world: World, run: Run, step: Step, t: TaskRun, work: Work, chosen: Chosen) -> Brief:
    tree = world.workspace.work(work.slot)
    text = await _prompt(world, run, t, work) + (BROKEN_OFF if work.began else "")
    base = world.outputs / name(step)
    prompt_file = base.with_name(f"{base.name}.prompt.md")
    write_private(prompt_file, text)
    return Brief(
        role=work.role,
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
        session=session_for(t, work, chosen),
        limits=limits(run, t),
    )


async def _prompt(world: World, run: Run, t: TaskRun, work: Work) -> str:
    part = run.plan.part_of(t.task)
    named = await anyio.to_thread.run_sync(
        references, world.workspace.work(work.slot).path, part.references if part else ()
    )
    if work.role == "implement":
        return prompts.implement(run, t, work.fixing, work.note, named)
    good = _last_good(run, work) if work.kind == "repair" else work.base
    diff = await world.workspace.diff(good, work.from_tree, prompts.DIFF_LIMIT)
    return prompts.fix(t, diff, work.note, prompts.surroundings(run, t, named), world.workspace.roots(work.slot))


def _last_good(run: Run, work: Work) -> str:
    """The newest commit that the source which found the failures accepted."""
    return run.reference(work.validation.source if work.validation else run.main_source())


async def _run_gate(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    command = run.gate(t.task.id)
    # After a kill the tree is not what it was; in the ordinary course this finds everything in place.
    await world.workspace.prepare(work.tree, work.base, f"replaced/{name(step)}", work.slot)
    done = await shell(world, run, step, command, world.workspace.work(work.slot)) if command else None
    tree = await world.workspace.absorb(work.slot)
    ok = done is None or (done.exit.code == 0 and done.exit.ended_by == "exit")
    must_haves = await must_have_results(world, run, t)
    missing = what_is_missing(must_haves)
    first = await _acceptance_proof(world, run, step, t, work) if ok else Proof()
    proof = await red_proof(world, run, step, t, work, tree) if ok and first.failure is None else Proof()
    why = [how_it_ended(done)] if done and not ok else []
    why += [text for text in (first.failure, proof.failure, missing) if text]
    found = e.GateFinished(
        task=t.task.id,
        command=command or "",
        ok=not why,
        detail="; ".join(why) or (how_it_ended(done) if done else ""),
        tree=tree,
        must_haves=must_haves,
        note=proof.note,
        proof="; ".join(filter(None, (first.held, proof.held))),
    )
    return found if done is None else found.model_copy(update=_told(done))


def _told(done: Completed) -> dict[str, Any]:
    """What a command's end and output say, as a gate's event has it."""
    return {
        "timed_out": done.exit.timed_out,
        "exit_code": done.exit.code,
        "stdout": _both_ends(done.stdout_head, done.stdout_tail),
        "stderr": _both_ends(done.stderr_head, done.stderr_tail),
        "output": str(done.output),
    }


async def _acceptance_proof(world: World, run: Run, step: Step, t: TaskRun, work: Work) -> Proof:
    """A green acceptance test proves something only if it is red at the task's start."""
    test = t.task.acceptance_test
    if test is None or work.kind != "task":
        return Proof()
    before = replace(step, number=step.number * 10)
    done = await shell(world, run, before, test, await world.workspace.check_out(work.base))
    if done.exit.code != 0:
        return Proof(held="the acceptance test is red at the task's start")
    return Proof(f"the acceptance test passes before the task too, so it proves nothing: {test}")


def _both_ends(head: str, tail: str) -> str:
    """One text of a stream's head and tail; short outputs are the same in both."""
    if head.endswith(tail):
        return head
    return tail if tail.endswith(head) else f"{head}\n[...]\n{tail}"


async def _check_gate(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    command = run.gate(t.task.id)
    assert command is not None
    done = await shell(world, run, step, command, await world.workspace.check_out(work.base))
    return e.GateChecked(task=t.task.id, red=done.exit.code != 0, detail=how_it_ended(done))


async def _integrate(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    tree, conflicts = await world.workspace.combine(work.base, run.tip, work.tree)
    return e.Integrated(task=t.task.id, base=run.tip, base_tree=run.tip_tree, tree=tree, conflicts=conflicts)


async def _make_commit(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    text = message(run, t, repair=work.kind == "repair" or t.commit_sha is not None)
    sha = await world.workspace.commit(work.tree, work.base, text, work.committed_at)
    if work.commit not in (None, sha, run.tip):  # a person changed the tree: what was judged before stays reachable
        await world.workspace.keep(f"replaced/{name(step)}-commit", work.commit)
    return e.CommitMade(task=t.task.id, sha=sha)


async def _move_branch(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    assert work.commit is not None
    await world.workspace.move(work.commit, run.tip)
    return e.BranchMoved(task=t.task.id, sha=work.commit)


async def _inspect(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    taken = await world.workspace.capture(work.slot)
    left = await _conflicts_left(world, work, taken.tree)
    return e.TreeInspected(task=t.task.id, tree=taken.tree, conflicts=left)


async def _put_back(world: World, run: Run, step: Step) -> e.Event:
    t, work = of(run, step)
    if work.commit:
        await world.workspace.keep(f"replaced/{name(step)}-commit", work.commit)
    await world.workspace.prepare(work.base_tree, work.base, f"replaced/{name(step)}", work.slot)
    return e.TaskPutBack(task=t.task.id)


async def _respond(world: World, run: Run, step: Step) -> e.Event:
    """The only step that consults the taxonomy."""
    if step.task is None:
        failure = run.budget_failure
        assert failure is not None
        action, response = resolve(failure, run.settings, NOTHING_TRIED)
        used = meter(run, None, maximum_of(failure))
        question = budget_question(run.questions + 1, failure, used) if response is Response.ASK else None
        return e.ActionChosen(failure=failure, action=action, response=response, question=question)
    t, work = of(run, step)
    failure = work.failures[0]
    action, response = resolve(failure, run.settings, work.history)
    question = None
    if response is Response.ASK:
        # The person finds the tree that was judged, without what the gate left: whatever differs later is theirs.
        await world.workspace.prepare(work.tree, work.base, f"replaced/{name(step)}", work.slot)
        question = await _question(world, run, t, work, failure)
    return e.ActionChosen(task=t.task.id, failure=failure, action=action, response=response, question=question)


async def _question(world: World, run: Run, t: TaskRun, work: Work, failure: Failure) -> e.Question:
    """What a person is asked about a task's failure, with what is needed to decide."""
    number = run.questions + 1
    if failure.origin == "budget":
        return budget_question(number, failure, meter(run, t.task.id, failure.maximum))
    good = work.base if work.kind == "task" else _last_good(run, work)
    diff = await world.workspace.diff(good, work.tree, QUESTION_DIFF_LIMIT)
    taken_back = None if work.kind == "task" else await forecast(world, run, t)
    return failure_question(number, t, failure, diff, taken_back, str(world.workspace.work(work.slot).path))


async def _ask(world: World, run: Run, step: Step) -> e.Event:
    question = run.pending
    assert question is not None
    choice, note = await world.operator.ask(question)
    return e.Answered(question=question.id, choice=choice, note=note)


async def _watch_time(world: World, run: Run, step: Step) -> e.Event:
    limit = run.settings.budget.max_time
    assert limit is not None
    await anyio.sleep(max(0.0, limit * (1 + run.allowed.get("max-time", 0)) - run.elapsed_s))
    return e.TimeUp()


async def _wait(world: World, run: Run, step: Step) -> e.Event:
    """Sleeps until a rate limit is over; in parts, since a machine that was asleep has not counted."""
    until = run.limits.waiting[step.role].until
    while (left := seconds_until(world.clock.now(), until)) > 0:
        await anyio.sleep(min(left, WAIT_PART))
    return e.WaitEnded(agent=step.role)


async def _finish(world: World, run: Run, step: Step) -> e.Event:
    status, code = ending(run)
    for work in [t.work for t in run.working() if t.work]:
        kept = f"replaced/{name(step)}-aborted" + (f"-{work.slot + 1}" if work.slot else "")
        with suppress(SetupFailed):  # the files are put aside by then, and nothing is run in the tree any more
            await world.workspace.prepare(run.tip_tree, run.tip, kept, work.slot)
        if work.commit:
            await world.workspace.keep(f"{kept}-commit", work.commit)
    reason = await world.workspace.finish(run.tip, fast_forward=code == 0)
    return e.RunEnded(status=status, exit_code=code, fast_forwarded=code == 0 and reason is None, reason=reason)


_PERFORM: Mapping[Kind, Callable[[World, Run, Step], Awaitable[e.Event]]] = {
    Kind.CAPTURE_BASELINE: capture_baseline,
    Kind.DISPATCH: _dispatch,
    Kind.RUN_GATE: _run_gate,
    Kind.CHECK_GATE: _check_gate,
    Kind.INTEGRATE: _integrate,
    Kind.MAKE_COMMIT: _make_commit,
    Kind.RUN_PROBE: run_probe,
    Kind.CONCLUDE: conclude_validation,
    Kind.REVIEW: review,
    Kind.ACCEPT: accept,
    Kind.MOVE_BRANCH: _move_branch,
    Kind.RESPOND: _respond,
    Kind.INSPECT: _inspect,
    Kind.PUT_BACK: _put_back,
    Kind.REBUILD: rebuild,
    Kind.ASK: _ask,
    Kind.WATCH_TIME: _watch_time,
    Kind.WAIT: _wait,
    Kind.FINISH: _finish,
}
