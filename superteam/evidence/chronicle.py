"""What a run's events tell beside its state: when a task was worked on, what its agents said, what was answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from superteam.core import events as e
from superteam.core.evolve import evolve, start
from superteam.core.run import Run


@dataclass(frozen=True, slots=True)
class Issue:
    """A failure with what was done about it; `answer` is there when a person was asked and has answered."""

    raised: e.ActionChosen
    answer: e.Answered | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to one task: `began` is the start of its first step, `ended` when its last commit (or what stands
    for it) was there. `proof` is the run of its gate on exactly the tree that it was completed or repaired with.
    `answers` are those to the plan's own questions, `costs` what each dispatch said that it cost (None: nothing)."""

    began: str | None = None
    ended: str | None = None
    dispatches: tuple[e.AgentFinished, ...] = ()
    gates: tuple[e.GateFinished, ...] = ()
    issues: tuple[Issue, ...] = ()
    proof: e.GateFinished | None = None
    answers: tuple[e.Answered, ...] = ()
    costs: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Chronicle:
    """A run with the stories of its tasks; `worked` are seconds by the set of tasks that was worked on in them.

    `issues` are the failures of the run itself, such as a budget that was used up.
    """

    run: Run
    stories: Mapping[str, Story] = field(default_factory=dict)
    worked: Mapping[frozenset[str], float] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()

    def story(self, id: str) -> Story:
        """The task's story, an empty one if nothing happened to it."""
        return self.stories.get(id, _UNTOLD)

    def seconds(self, ids: Collection[str]) -> float:
        """For how long any of these tasks was worked on; time without a living process does not count."""
        return sum(seconds for working, seconds in self.worked.items() if working.intersection(ids))


_UNTOLD = Story()


def chronicle(events: Iterable[tuple[e.Event, str]]) -> Chronicle:
    """Folds the events, each with its time, of which the first is the run's creation; ValueError if it is not."""
    rest = iter(events)
    created, at = next(rest, (None, ""))
    if not isinstance(created, e.RunCreated):
        raise ValueError("a chronicle begins with the creation of a run")
    told = Chronicle(start(created, at))
    worked: defaultdict[frozenset[str], float] = defaultdict(float)
    for event, at in rest:
        before = told.run
        told = _tell(_with_cost(replace(told, run=evolve(before, event, at)), event), event, at)
        if isinstance(event, e.Answered) and before.pending:
            told = _answered(told, event, before.pending)
        for owner, id in _finished(before, event, told.run):
            told = _with(told, owner, _completed(told, before, owner, id, at))
        gone = told.run.elapsed_s - before.elapsed_s
        if gone > 0:
            worked[frozenset(t.task.id for t in before.working())] += gone
    return replace(told, worked=dict(worked))


def _tell(told: Chronicle, event: e.Event, at: str) -> Chronicle:
    """The chronicle with this event in the story that it belongs to."""
    match event:
        case e.StepStarted(task=str(id)) if told.story(id).began is None:
            return _with(told, id, replace(told.story(id), began=at))
        case e.AgentFinished(task=id):
            story = told.story(id)
            return _with(told, id, replace(story, dispatches=(*story.dispatches, event)))
        case e.GateFinished(task=id):
            story = told.story(id)
            return _with(told, id, replace(story, gates=(*story.gates, event)))
        case e.ActionChosen(task=None):
            return replace(told, issues=(*told.issues, Issue(event)))
        case e.ActionChosen(task=str(id)):
            story = told.story(id)
            return _with(told, id, replace(story, issues=(*story.issues, Issue(event))))
        case _:
            return told


def _with(told: Chronicle, id: str, story: Story) -> Chronicle:
    return replace(told, stories={**told.stories, id: story})


def _finished(before: Run, event: e.Event, after: Run) -> list[tuple[str, str]]:
    """The tasks that the event completed or repaired, each with the task whose work that was."""
    if isinstance(event, e.BranchMoved):
        work = before.of(event.task).work
        return [(work.made_for or event.task if work else event.task, event.task)]
    was = {t.task.id for t in before.tasks if t.status == "complete"}
    return [(t.task.id, t.task.id) for t in after.tasks if t.status == "complete" and t.task.id not in was]


def _completed(told: Chronicle, before: Run, owner: str, id: str, at: str) -> Story:
    """The owner's story with what it was completed with: the newest gate that saw this very tree, if any did."""
    work = before.of(id).work
    if id != owner:  # a repair that went over to another task: its gate is not the owner's
        return replace(told.story(owner), ended=at)
    gate = next(iter(told.story(id).gates[-1:]), None)
    proof = gate if gate and work and gate.tree in (work.tree, told.run.tip_tree) else None
    return replace(told.story(owner), ended=at, proof=proof)


def _with_cost(told: Chronicle, event: e.Event) -> Chronicle:
    """The chronicle with what a dispatch cost, whatever its role."""
    id = getattr(event, "task", None)
    if id is None or not hasattr(event, "cost_usd"):
        return told
    return _with(told, id, replace(told.story(id), costs=(*told.story(id).costs, event.cost_usd)))


def _answered(told: Chronicle, event: e.Answered, asked: e.Question) -> Chronicle:
    """The chronicle with an answer: to a question of the plan, or beside the failure that it was asked about."""
    if asked.task is None:
        return replace(told, issues=_noted(told.issues, event))
    story = told.story(asked.task)
    if str(asked.kind) == "human":
        return _with(told, asked.task, replace(story, answers=(*story.answers, event)))
    return _with(told, asked.task, replace(story, issues=_noted(story.issues, event)))


def _noted(issues: tuple[Issue, ...], event: e.Answered) -> tuple[Issue, ...]:
    return tuple(
        replace(issue, answer=event) if issue.raised.question and issue.raised.question.id == event.question else issue
        for issue in issues
    )
