"""A green verdict is asked whether it rests on state outside of the tree, which an earlier run or an agent left there.

Where the user's folders hold such state, the tests run once more with a HOME in which it is not. What fails there
twice, and passes there at the reference, passed only because of it. Nobody is accused where the reference needs it too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from superteam.core.changes import Change
from superteam.core.coupling import answer_of, askable, before_of
from superteam.core.finding import Finding
from superteam.core.outside import State
from superteam.core.results import Outcome, TestId
from superteam.core.rewritten import why_inconclusive
from superteam.core.sources import TESTS
from superteam.engine.green import Green
from superteam.engine.world import World, without_secrets
from superteam.errors import SetupFailed

ALONE = 4  # entries that are hidden one by one, where hiding all of them says nothing
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Outside:
    """What was found; `reason` says why the pass proves nothing after all, None where it stands."""

    notes: tuple[str, ...] = ()
    reason: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass
class _Case:
    """One question under way. `olds` are the tests that can be accused, by their ids now, with those they had."""

    world: World
    green: Green
    olds: Mapping[TestId, TestId]
    new: frozenset[TestId]
    notes: list[str] = field(default_factory=list)
    runs: int = 0

    @property
    def asked(self) -> frozenset[TestId]:
        return self.new.union(self.olds)


async def without_state(world: World, green: Green, changes: Sequence[Change]) -> Outside:
    """Asks a green verdict whether it rests on what lies outside of the tree."""
    changed = frozenset(change.path for change in changes)
    try:
        tree = await world.workspace.check_out(green.sha)
    except SetupFailed:
        return Outside()
    states = await world.workspace.state_outside(tree, changed)
    if not states:
        return Outside()
    case = _case(world, green)
    reason = await _why(case, [state for state in states if state.hideable])
    if reason is not None:
        return Outside(tuple(case.notes), reason)
    left = [state for state in states if not state.hideable or (state.named and state.named.fixed)]
    notes = (*case.notes, *([_note(left)] if left else ()))
    return Outside(notes, None, tuple(_findings(left, changed)))


def _case(world: World, green: Green) -> _Case:
    now = dict(green.renamed)
    accusable = askable(green.expected, green.report, green.renamed, green.unstable)
    olds = {now.get(old, old): old for old in accusable}
    tests = green.report.tests.items()
    passed = frozenset(id for id, found in tests if found.outcome is Outcome.PASSED and not found.retried)
    return _Case(world, green, olds, passed.difference(olds, green.unstable))


async def _why(case: _Case, states: Sequence[State]) -> str | None:
    """Why the pass proves nothing: tests that pass only with one of these entries.

    Where the reference needs some of them too, they are hidden one by one from the tests that do.
    """
    if not states or not case.asked:
        return None
    reason, needing = await _without(case, states, case.asked, whole=case.green.whole)
    for state in states[:ALONE] if needing and len(states) > 1 else ():
        if reason is None:
            reason, _ = await _without(case, [state], needing)
    return reason


async def _without(
    case: _Case, states: Sequence[State], asked: frozenset[TestId], *, whole: bool = False
) -> tuple[str | None, frozenset[TestId]]:
    """Runs tests without these entries: why the pass proves nothing, and which tests need them at the reference too."""
    green, what = case.green, _listed(state.shown for state in states)
    failed, unasked = await _failing(case, green.sha, states, asked, whole=whole)
    if unasked:
        case.notes.append(f"{len(unasked)} tests could not be run without {what}, which lies outside of the tree")
    if not failed:
        return None, frozenset()
    again, _ = await _failing(case, green.sha, states, failed.keys())
    now, not_run = await _failing(case, green.sha, (), again.keys()) if again else ({}, ())
    sure = again.keys() - now.keys() - frozenset(not_run)
    olds = {case.olds[id]: id for id in sure if id in case.olds}
    needed, silent = await _at_reference(case, states, frozenset(olds))
    guilty = sorted(olds[old] for old in olds.keys() - needed - silent)
    if guilty:
        return _reason(guilty, what, before_of(again[guilty[0]]).partition("\n")[0]), frozenset()
    if needed:
        case.notes.append(f"{len(needed)} tests need {what}, which lies outside of the tree, at the reference as well")
    new = sure & case.new
    if new:
        case.notes.append(f"new tests pass only with {what}, which lies outside of the tree: {_listed(new)}")
    return None, frozenset(olds[old] for old in needed)


async def _at_reference(
    case: _Case, states: Sequence[State], ids: frozenset[TestId]
) -> tuple[frozenset[TestId], frozenset[TestId]]:
    """The tests that fail without the entries in one of two runs of the reference, and those that were not run."""
    needed: frozenset[TestId] = frozenset()
    silent: frozenset[TestId] = frozenset()
    for _ in range(2):
        left = ids - needed - silent
        if left:
            failed, unasked = await _failing(case, case.green.reference, states, left)
            needed, silent = needed.union(failed), silent.union(unasked)
    return needed, silent


async def _failing(
    case: _Case, sha: str, states: Sequence[State], ids: Collection[TestId], *, whole: bool = False
) -> tuple[Mapping[TestId, str], Collection[TestId]]:
    """Runs tests at a commit without these entries: messages of those that fail, and those that could not be asked."""
    world, green = case.world, case.green
    case.runs += 1
    source = world.source(TESTS, f"{green.key}without {case.runs}", green.expected.shape)
    try:
        tree = await world.workspace.check_out(sha)
        tree = replace(tree, hidden=tuple(state.path for state in states))
        found = without_secrets(world, await source.collect(tree, None if whole else frozenset(ids)))
    except (SetupFailed, OSError):
        return {}, ids
    if why_inconclusive(await world.workspace.rewritten(), green.expected.rewritten):
        return {}, ids
    answer = answer_of(found.report, ids, lambda _id, _message: False)
    return answer.failed, answer.unasked


def _reason(tests: Sequence[TestId], what: str, before: str) -> str:
    return (
        f"{_listed(tests)} passed only with {what}, which lies outside of the tree: without it "
        f"{'they fail' if len(tests) > 1 else 'the test fails'} here ({before}), and not at the reference; "
        "mend the code, or let tests make what they need in a folder of their own"
    )


def _note(states: Sequence[State]) -> str:
    return (
        f"{_listed(state.shown for state in states)} lies outside of the tree, where each run finds it: "
        "what an earlier run left there can decide; to be sure, move it away and validate again"
    )


def _findings(states: Iterable[State], changed: Collection[str]) -> Iterable[Finding]:
    for state in states:
        if state.named is not None and state.named.path in changed:
            words = f"names {state.shown}, which was there before: what an earlier run left there can decide"
            yield Finding(kind="state-outside", path=state.named.path, line=state.named.line, detail=words)


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
