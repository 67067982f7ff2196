"""A green verdict is questioned: the base's judges are run on the changed product, and the change is looked for.

Asked only after runs that give a pass, and repeatable: the same commits give the same questions after a resume. What
cannot be asked is said in a note. The rules are in core/coupling.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anyio import to_thread

from superteam.core.baseline import matches
from superteam.core.changes import Change, parse_diff
from superteam.core.coupling import (
    LEAVES,
    UNSURE_LIMIT,
    Answer,
    Judge,
    Roles,
    answer_of,
    askable,
    before_of,
    combined,
    declared,
    is_gone,
    place_of,
    roles_of,
    shown,
    tests_near,
    unproven,
)
from superteam.core.events import ValidationResult
from superteam.core.expectation import ExpectationChanged
from superteam.core.finding import Finding
from superteam.core.nonsense import (
    ANOTHER_TREE,
    SEES_MODULES,
    imported_elsewhere,
    is_source,
    new_failures,
    noticed,
)
from superteam.core.results import Completeness, Execution, Granularity, Outcome, TestId, TestReport
from superteam.core.rewritten import why_inconclusive
from superteam.core.sources import TESTS
from superteam.engine.copies import copies_of
from superteam.engine.green import Green
from superteam.engine.outside import Outside, without_state
from superteam.engine.reading import text_of
from superteam.engine.world import World, without_secrets
from superteam.errors import SetupFailed

TEXT_LIMIT = 400_000  # bytes of a file that is read for evidence
NO_REPORT = TestReport("none", Granularity.TESTS, Completeness.NONE)
NONSENSE = "<<<<<<< ((( superteam looks whether a test looks at this file\n"
NEAR_LEAF = 12  # files of tests
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Questioned:
    """What the questions showed; `reason` says why the pass proves nothing after all, None where it stands."""

    expectations_changed: tuple[ExpectationChanged, ...] = ()
    unlooked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Old:
    """What is taken back for a run: these judges, and the tests in files whose product stays (their new contents)."""

    judges: tuple[Judge, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    inside: tuple[Judge, ...] = ()


@dataclass
class _Case:
    """One questioning under way. `texts` are the changed files as they are now, `old_texts` as they were.

    `spoilt` are sources that the run does not say it loaded, `near` tests that name one of them.
    """

    world: World
    green: Green
    changes: Sequence[Change]
    roles: Roles
    top: Path
    wanted: frozenset[TestId]
    spoilt: tuple[str, ...]
    near: frozenset[TestId]
    near_leaves: Mapping[str, frozenset[TestId]]
    product: frozenset[str]
    texts: Mapping[str, str]
    old_texts: Mapping[str, str]
    runs: int = 0
    notes: list[str] = field(default_factory=list)


async def question(world: World, green: Green) -> Questioned:
    """Asks what a green verdict leaves open."""
    changes = parse_diff(await world.workspace.patch(green.reference, green.sha))
    if not changes:
        return Questioned()
    case = await _begin(world, green, changes)
    found = await _old_tests_on_new_code(case)
    unlooked, reason = await _looked_at(case)
    outside = await without_state(world, green, changes) if reason is None else Outside(reason=reason)
    notes = tuple(dict.fromkeys((*case.notes, *outside.notes)))
    return Questioned(tuple(found), unlooked, notes, outside.reason, outside.findings)


async def _begin(world: World, green: Green, changes: Sequence[Change]) -> _Case:
    tree = await world.workspace.check_out(green.sha)
    files = await world.workspace.files_of(green.sha)
    read: dict[str, str] = {}

    def text(path: str) -> str:
        if path not in read:
            read[path] = text_of(tree.path, path, TEXT_LIMIT) or ""
        return read[path]

    ids = frozenset(green.expected.tests)
    roles = await to_thread.run_sync(lambda: roles_of(changes, ids, green.command, files, text))
    texts = {change.path: text(change.path) for change in changes}
    wanted = askable(green.expected, green.report, green.renamed, green.unstable)
    asked = (*roles.product, *(leaf.path for leaf in roles.leaves))
    spoilt = unproven(asked, green.report.loaded, texts) if green.whole else ()
    judges = (*roles.sure, *roles.unsure, *roles.leaves, *roles.inside)
    old_texts = {
        judge.old_path: (await world.workspace.content_of(green.reference, judge.old_path)).decode("utf-8", "replace")
        for judge in judges
        if judge.old_path
    }
    places = {place for judge in (*roles.sure, *roles.unsure, *roles.leaves) for place in judge.places}
    return _Case(
        world,
        green,
        changes,
        roles,
        tree.path,
        wanted,
        spoilt,
        near_leaves={leaf.path: tests_near([leaf.path], wanted, files, text, limit=NEAR_LEAF) for leaf in roles.leaves},
        near=await to_thread.run_sync(lambda: tests_near(spoilt, wanted, files, text)) if spoilt else frozenset(),
        product=frozenset(files) - places - frozenset(roles.added),
        texts=texts,
        old_texts=old_texts,
    )


def with_answers(result: ValidationResult, found: Questioned) -> ValidationResult:
    """The result of a validation with what the questions showed; what they name is a finding too, the first of all."""
    findings = tuple(_finding(changed) for changed in found.expectations_changed)
    more: dict[str, Any] = {
        "expectations_changed": found.expectations_changed,
        "unlooked": found.unlooked,
        "findings": (*findings, *found.findings, *result.findings),
        "notes": (*result.notes, *found.notes),
    }
    if found.reason is not None:
        more |= {"verdict": "inconclusive", "reason": found.reason}
    return result.model_copy(update=more)


def _finding(changed: ExpectationChanged) -> Finding:
    words = f"{changed.test} passes only because this was changed; before: {changed.before}; now: {changed.excerpt}"
    return Finding(kind="expectation-changed", path=changed.path, line=changed.line, detail=words)


# old tests on new code


async def _old_tests_on_new_code(case: _Case) -> list[ExpectationChanged]:
    """The tests that pass only because a judge was changed, but those that are declared."""
    roles, may_change = case.roles, case.green.may_change
    found: dict[TestId, ExpectationChanged] = {}

    async def ask(old: _Old, only: frozenset[TestId] | None, about: Judge | None = None) -> None:
        for changed in await _ask(case, old, only, about):
            found.setdefault(changed.test, changed)

    if any(not _is_declared(judge, may_change) for judge in roles.sure):
        await ask(_Old(roles.sure), _tests_of(case, roles))
    unsure = [judge for judge in roles.unsure if not _is_declared(judge, may_change)]
    for judge in unsure[:UNSURE_LIMIT]:
        await ask(_Old((*roles.sure, judge)), None, judge)
    if len(unsure) > UNSURE_LIMIT:
        more = _listed(judge.path for judge in unsure[UNSURE_LIMIT:])
        case.notes.append(f"these files may judge too, and were not taken back to their old versions: {more}")
    leaves = [judge for judge in roles.leaves if not _is_declared(judge, may_change)]
    if len(leaves) > LEAVES:
        await ask(_Old((*roles.sure, *leaves[LEAVES:])), None)
    for judge in leaves[:LEAVES]:
        await ask(_Old((*roles.sure, judge)), case.near_leaves[judge.path] or None, judge)
    inside = _inside(case)
    if inside.contents:
        await ask(inside, None)
    return [changed for changed in found.values() if not declared(changed, may_change)]


def _is_declared(judge: Judge, may_change: Sequence[str]) -> bool:
    return any(matches(place, may_change) for place in judge.places)


def _tests_of(case: _Case, roles: Roles) -> frozenset[TestId] | None:
    """The tests of the changed files where all of them are test files; None for the whole suite."""
    if not all(judge.tests for judge in roles.sure):
        return None
    return frozenset(id for judge in roles.sure for id in judge.tests) & case.wanted


def _inside(case: _Case) -> _Old:
    """Files that hold product and tests: the new product with the old tests, where they can be taken apart."""
    contents: dict[str, bytes] = {}
    for judge in case.roles.inside:
        new = case.texts.get(judge.path, "")
        both = combined(new, case.old_texts.get(judge.old_path or "", ""), judge.path)
        if both is None:
            case.notes.append(f"{judge.path} holds product and tests that could not be taken apart: look at its tests")
        elif both != new:
            contents[judge.path] = both.encode("utf-8", "surrogateescape")
    inside = tuple(judge for judge in case.roles.inside if judge.path in contents)
    return _Old(case.roles.sure, contents, inside)


async def _ask(
    case: _Case, old: _Old, only: frozenset[TestId] | None, about: Judge | None = None
) -> list[ExpectationChanged]:
    """Runs tests with these judges taken back. What fails twice, and passes with the new ones, is named."""
    wanted = case.wanted if only is None else only
    if not wanted:
        return []
    answer, report = await _run(case, old, only, wanted)
    sure = await _sure(case, old, answer.failed)
    broken = _not_loaded(old, report)
    if answer.unasked and broken and len(broken) < len(old.judges):
        fewer = replace(old, judges=tuple(judge for judge in old.judges if judge not in broken))
        more, _ = await _run(case, fewer, only, answer.unasked)
        sure |= await _sure(case, fewer, more.failed)
        answer = replace(more, gone={**answer.gone, **more.gone})
    if answer.gone and about is not None and len(old.judges) > 1:
        alone, _ = await _run(case, _Old((about,)), frozenset(answer.gone), tuple(answer.gone))
        sure |= await _sure(case, _Old((about,)), alone.failed)
    if len(answer.unasked) == len(wanted) and len(old.judges) > 1 and about is None:
        return await _ask_each(case, old, only)
    _note_unasked(case, answer, old)
    return await _named(case, old, about, sure)


async def _ask_each(case: _Case, old: _Old, only: frozenset[TestId] | None) -> list[ExpectationChanged]:
    """One judge after the other, where all of them together gave no answer."""
    found: list[ExpectationChanged] = []
    for judge in old.judges[:UNSURE_LIMIT]:
        tests = frozenset(judge.tests) & case.wanted if judge.tests else None
        found += await _ask(case, _Old((judge,)), tests if only is not None or judge.tests else only, judge)
    return found


async def _run(
    case: _Case, old: _Old, only: frozenset[TestId] | None, wanted: Collection[TestId]
) -> tuple[Answer, TestReport]:
    """One run with old judges; a tree that cannot be made ready leaves everything unasked."""
    paths = [place for judge in old.judges for place in judge.places]
    execution = await _execute(case, (*paths, *case.roles.added), old.contents, only)
    if execution is None:
        return Answer({}, {}, tuple(wanted), "there was no run that could be judged"), NO_REPORT
    report = execution.report
    judges_text = "\n".join(case.old_texts.get(judge.old_path or "", "") for judge in (*old.judges, *old.inside))
    names = case.product

    def excuse(id: TestId, message: str) -> bool:
        return is_gone(message, lambda place: place in names or _below(place, names), judges_text)

    return answer_of(report, wanted, excuse, execution.verdict.reason or ""), report


def _below(place: str, names: Collection[str]) -> bool:
    """Whether an absolute path, or one from another folder, is that of a file of the tree."""
    parts = place.lstrip("./").split("/")
    return any("/".join(parts[start:]) in names for start in range(1, len(parts)) if len(parts) - start > 1)


async def _execute(
    case: _Case,
    paths: Collection[str],
    contents: Mapping[str, bytes],
    only: frozenset[TestId] | None,
    what: str = "old",
) -> Execution | None:
    world, green = case.world, case.green
    try:
        if paths or contents:
            tree = await world.workspace.check_out_altered(green.sha, green.reference, paths, contents)
        else:
            tree = await world.workspace.check_out(green.sha)
    except SetupFailed:
        return None
    case.runs += 1
    only = case.wanted if only is None and not green.whole else only
    source = world.source(TESTS, f"{green.key}{what} {case.runs}", green.expected.shape)
    execution = without_secrets(world, await source.collect(tree, only))
    reason = why_inconclusive(await world.workspace.rewritten(), green.expected.rewritten)
    if reason is None:
        return execution
    case.notes.append(f"a question to the pass has no answer: {reason}")
    return None


def _not_loaded(old: _Old, report: TestReport) -> list[Judge]:
    """The judges whose old version could not be loaded with the changed product."""
    places = [error.partition(": ")[0].strip() for error in report.suite_errors]
    return [
        judge
        for judge in old.judges
        if any(place and f"/{judge.old_path}".endswith(f"/{place.partition('::')[0]}") for place in places)
    ]


async def _sure(case: _Case, old: _Old, failed: Mapping[TestId, str]) -> dict[TestId, str]:
    """Of the failures those that come again when only these tests are run, and only with the old judges.

    What fails at the reference by now says nothing about the change: a date has passed, or a service is gone.
    """
    if not failed:
        return {}
    again, _ = await _run(case, old, frozenset(failed), tuple(failed))
    twice = {id: message for id, message in failed.items() if id in again.failed}
    if not twice:
        return {}
    names = {dict(case.green.renamed).get(id, id): id for id in twice}
    now = await _execute(case, (), {}, frozenset(names))
    if now is None:
        return {}
    passed = [names[id] for id, result in now.report.tests.items() if id in names and result.outcome is Outcome.PASSED]
    sure = {id: twice[id] for id in twice if id in passed}
    lonely = [names[id] for id, result in now.report.tests.items() if id in names and result.outcome.bad]
    if lonely:
        words = "fail with the old tests and, run alone, with the new ones too, so that they pass only after others"
        case.notes.append(f"tests {words}: {_listed(lonely)}")
    gone_bad = await _failing_at_reference(case, frozenset(sure)) if sure else frozenset()
    return {id: message for id, message in sure.items() if id not in gone_bad}


async def _failing_at_reference(case: _Case, ids: frozenset[TestId]) -> frozenset[TestId]:
    """Returns those of the tests that fail by now at the reference, where they passed before."""
    world, green = case.world, case.green
    try:
        tree = await world.workspace.check_out(green.reference)
    except SetupFailed:
        return frozenset()
    case.runs += 1
    source = world.source(TESTS, f"{green.key}old-reference {case.runs}", green.expected.shape)
    found = await source.collect(tree, ids)
    return ids & frozenset(found.report.failed())


def _note_unasked(case: _Case, answer: Answer, old: _Old) -> None:
    """What could not be asked is said: it is neither a pass nor an accusation."""
    files = _listed(judge.old_path or judge.path for judge in (*old.judges, *old.inside))
    if answer.gone:
        id, message = next(iter(answer.gone.items()))
        why = (
            f"{id}: {before_of(message)}"
            if len(answer.gone) == 1
            else f"{len(answer.gone)} tests, as {id}: {before_of(message)}"
        )
        case.notes.append(f"old tests could not be asked about the new code, since a name they use is gone: {why}")
    if answer.unasked:
        why = f" ({answer.reason})" if answer.reason else ""
        case.notes.append(f"{len(answer.unasked)} tests could not be run with the reference's version of {files}{why}")


async def _named(case: _Case, old: _Old, about: Judge | None, failed: Mapping[TestId, str]) -> list[ExpectationChanged]:
    judges = (*old.judges, *old.inside)
    found = []
    for id, message in failed.items():
        own = next((judge for judge in judges if id in judge.tests), None)
        judge = own or about or await _guilty(case, old, id)
        change = next((change for change in case.changes if change.path == judge.path), None)
        seen = shown(id, change, case.texts.get(judge.path, ""))
        found.append(
            ExpectationChanged(
                test=id,
                path=judge.path,
                line=seen.line,
                before=before_of(message),
                after=seen.after,
                excerpt=seen.excerpt,
            )
        )
    return found


async def _guilty(case: _Case, old: _Old, id: TestId) -> Judge:
    """The judge which alone makes the test fail; the first one where it takes several."""
    judges = (*old.judges, *old.inside)
    if len(judges) == 1 or old.inside:
        return judges[-1]
    for judge in [judge for judge in old.judges if not judge.tests][:UNSURE_LIMIT]:
        answer, _ = await _run(case, _Old((judge,)), frozenset({id}), (id,))
        if answer.failed:
            return judge
    return judges[0]


# whether the suite looked at the change at all


async def _looked_at(case: _Case) -> tuple[tuple[str, ...], str | None]:
    """The changed files that no test looks at, and why the pass proves nothing where other code was run instead.

    Nonsense in a file that a suite looks at makes it red. What the run itself says that it loaded needs no such run.
    A file of which a copy lies in the tree is asked about alone: the others would answer for it.
    """
    if not case.spoilt:
        return (), None
    await case.world.workspace.check_out(case.green.sha)
    copied = tuple(await _copies(case, case.spoilt))
    for path in copied[:UNSURE_LIMIT]:
        if not await _is_seen(case, (path,)):
            return (path,), await _why_another(case, (path,))
    if len(copied) > UNSURE_LIMIT:
        case.notes.append(f"copies of {_listed(copied[UNSURE_LIMIT:])} may have been run instead: not asked about")
    others = tuple(path for path in case.spoilt if path not in copied)
    if not others or await _is_seen(case, others):
        return (), None
    reason = await _why_another(case, others)
    if reason is None:
        case.notes.append(f"no test looks at {_listed(others)}: the suite stays green with nonsense there")
    return others, reason


async def _why_another(case: _Case, unlooked: Sequence[str]) -> str | None:
    """Why a suite that does not look at these files runs other code: a copy of one, or another tree's."""
    copies = await _copies(case, unlooked)
    if copies:
        path, copy = next(iter(copies.items()))
        return (
            f"the suite does not look at {path}: it stays green with nonsense there, and {copy} is a copy of it; "
            'let [workspace] setup = "..." make such copies anew, or let the suite run the source'
        )
    if case.green.report.format in SEES_MODULES:
        return None
    files = await case.world.workspace.files_of(case.green.sha)
    elsewhere = await to_thread.run_sync(lambda: _imported_elsewhere(case, unlooked, files))
    if elsewhere is not None:
        path, test = elsewhere
        return (
            f"the suite tests the code of another tree: {test} imports {path} and passes with a syntax error there; "
            'say how a tree is made ready: [workspace] setup = "..." in superteam.toml'
        )
    sources = [path for path in files if is_source(path)]
    if not sources or await _is_seen(case, (*unlooked, *sources), are_near=False):
        return None
    return ANOTHER_TREE


def _imported_elsewhere(case: _Case, unlooked: Sequence[str], files: Collection[str]) -> tuple[str, str] | None:
    """A file without a reader and a passed test that imports it: its module came from somewhere else."""
    places = {place_of(id) for id, result in case.green.report.tests.items() if result.outcome is Outcome.PASSED}
    tests = [path for path in files if path in places or path.rpartition("/")[2] in places]
    return imported_elsewhere(unlooked, tests, files, lambda path: text_of(case.top, path, TEXT_LIMIT) or "")


async def _is_seen(case: _Case, paths: Sequence[str], *, are_near: bool = True) -> bool:
    """Whether the suite notices nonsense in these files; asked first of tests that name one of them."""
    nonsense = dict.fromkeys(paths, NONSENSE.encode())
    green = case.green
    if are_near and case.near:
        execution = await _execute(case, (), nonsense, case.near, "nonsense")
        if execution is None:
            return True
        if new_failures(green.report, execution.report, green.unstable) or execution.report.suite_errors:
            return True
    execution = await _execute(case, (), nonsense, None, "nonsense")
    return execution is None or noticed(green.report, execution, green.unstable)


async def _copies(case: _Case, spoilt: Sequence[str]) -> dict[str, str]:
    """Copies of the spoilt files, as they are or were, in the tree in which the suite stayed green."""
    world, green = case.world, case.green
    old_paths = {change.path: change.old_path or change.path for change in case.changes}
    versions = {}
    for path in spoilt:
        old = await world.workspace.content_of(green.reference, old_paths[path])
        versions[path] = (case.texts[path], old.decode("utf-8", "replace"))
    tracked = await world.workspace.files_of(green.sha)
    return await to_thread.run_sync(lambda: copies_of(case.top, versions, tracked))


def _listed(paths: Iterable[str]) -> str:
    names = list(paths)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
