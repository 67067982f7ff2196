"""The expected set: the pinned baseline, moved forward by each accepted validation, and the difference from it.

Source of the rules: shared/verdicts.md, section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from superteam.core.renames import (
    Compared,
    compare_runs,
    files_to_compare,
    in_renamed_file,
    module_renames,
    renamed_tests,
)
from superteam.core.results import Outcome, Shape, TestId, TestReport, TestResult

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one test did at the newest accepted commit; `passed_at` is the newest accepted commit where it passed.

    `retried`: it passed only because the runner tried again.
    """

    outcome: Outcome
    passed_at: str | None = None
    signature: str = ""
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """The set of tests that a later run is compared with; `sha` is the newest accepted commit with a sound run.

    `rewritten` are tracked files that the reference's own run changed.
    """

    sha: str
    shape: Shape
    tests: Mapping[TestId, Expectation]
    rewritten: tuple[str, ...] = ()

    def known_failures(self) -> tuple[TestId, ...]:
        """Ids that are expected to fail."""
        return tuple(key for key, entry in self.tests.items() if entry.outcome.bad)


@dataclass(frozen=True, slots=True)
class Permits:
    """What the plan declares: globs of ids that may go, be skipped or be red for now, and file renames (old to new).

    `before` and `after` are the texts of files at both commits, which show whether a test was moved.
    """

    may_remove: tuple[str, ...] = ()
    may_skip: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[TestId] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A report set against the expected set, before any rerun. Every id stands in at most one of the lists.

    `renamed` are old and new ids of one test; `changing` are the old ids among them that change from run to run.
    `absent` are missing at the reference by now as well.
    """

    new_failures: tuple[TestId, ...] = ()
    pre_existing: tuple[TestId, ...] = ()
    fails_differently: tuple[TestId, ...] = ()
    new_passes: tuple[TestId, ...] = ()
    missing: tuple[TestId, ...] = ()
    newly_skipped: tuple[TestId, ...] = ()
    owed: tuple[TestId, ...] = ()
    renamed: tuple[tuple[TestId, TestId], ...] = ()
    changing: tuple[TestId, ...] = ()
    absent: tuple[TestId, ...] = ()

    def moved(self) -> dict[TestId, TestId]:
        """The old id of each test that has another id now, where it is one test under both."""
        olds = Counter(old for old, _ in self.renamed)
        return {new: old for old, new in self.renamed if olds[old] == 1 and old not in self.changing}


def matches(id: TestId, globs: Iterable[str]) -> bool:
    """Whether a test id or path is meant by one of the globs; only * and ? are special, since ids contain brackets."""
    return any(id == glob or fnmatchcase(id, glob.replace("[", "[[]")) for glob in globs)


def never_ran(expected: Expected, report: TestReport) -> tuple[str, ...]:
    """A note about tests that are skipped at the reference and here alike: what only they would see is not judged."""
    skipped = {key for key, entry in expected.tests.items() if entry.outcome is Outcome.SKIPPED}
    idle = [key for key in report.tests if key in skipped and report.tests[key].outcome is Outcome.SKIPPED]
    if not idle:
        return ()
    more = f" and {len(idle) - _NAMED} more" if len(idle) > _NAMED else ""
    return (f"skipped in the tree, here and at the base, so that they judge nothing: {', '.join(idle[:_NAMED])}{more}",)


def pin(report: TestReport, sha: str) -> Expected:
    """The expected set that a sound report at this commit gives."""
    tests = {key: _expect(result, sha, None) for key, result in report.tests.items()}
    return Expected(sha, report.shape, tests, report.rewritten)


def compare(
    expected: Expected, report: TestReport, permits: Permits, again: Collection[TestId] | None = None
) -> Difference:
    """Sets a sound report against the expected set.

    `again` are the tests of a second run of the reference: it shows which ids change from run to run.
    """
    renamed = _renames(expected, report, permits)
    counted = _compare_runs(expected, report, renamed, again, permits.renames)
    renamed = (*renamed, *counted.pairs)
    came_from = {new: old for old, new in renamed}
    lists: dict[str, list[TestId]] = {}
    for key, result in report.tests.items():
        name = _classify(key, result, expected.tests.get(came_from.get(key, key)), permits)
        if name:
            lists.setdefault(name, []).append(key)
    gone = frozenset(old for old, _ in renamed)
    missing = _missing(expected, report, permits, gone)
    lists["missing"] = [key for key in missing if key not in counted.absent]
    lists["absent"] = [key for key in missing if key in counted.absent]
    changing = tuple(old for old, _ in counted.pairs)
    return Difference(renamed=renamed, changing=changing, **{name: tuple(ids) for name, ids in lists.items()})


def wanted_files(expected: Expected, report: TestReport) -> tuple[frozenset[str], frozenset[str]]:
    """The files at both commits whose texts show whether a test that is gone was moved."""
    return files_to_compare(*_gone_and_new(expected, report))


def doubt_failures(expected: Expected, flakes: Collection[TestId]) -> Expected:
    """The expected set in which these tests, red in the baseline and known to be flaky, are expected to pass.

    So a failure is settled by reruns on both sides, and not taken for the one that was there before.
    """
    doubted = {key: Expectation(Outcome.PASSED, expected.tests[key].passed_at or expected.sha) for key in flakes}
    return replace(expected, tests={**expected.tests, **doubted}) if doubted else expected


def advance(
    expected: Expected, report: TestReport, sha: str, difference: Difference, kept: Collection[TestId]
) -> Expected:
    """The expected set after this report was accepted.

    `kept` are ids whose failure was not accepted as a known one (flakes, suspects, owed): their old entry stays, and
    new ones are expected to pass, so that none of them can vanish unseen.
    Ids that are gone leave the set, since whoever accepted the report accepted that.
    """
    came_from = {new: old for old, new in difference.renamed}
    tests: dict[TestId, Expectation] = {}
    for key, result in report.tests.items():
        before = expected.tests.get(came_from.get(key, key))
        if key in kept:
            tests[key] = before if before is not None else Expectation(Outcome.PASSED)
        else:
            tests[key] = _expect(result, sha, before)
    return Expected(sha, report.shape, tests, expected.rewritten)


def _expect(result: TestResult, sha: str, before: Expectation | None) -> Expectation:
    passed_at = sha if result.outcome is Outcome.PASSED else before.passed_at if before else None
    return Expectation(result.outcome, passed_at, result.signature, result.retried)


def _classify(key: TestId, result: TestResult, before: Expectation | None, permits: Permits) -> str | None:
    """The name of the list of `Difference` that a test of the report belongs to; None for new and stable tests."""
    outcome = result.outcome
    if outcome.bad:
        return _classify_failure(key, result, before, permits)
    if result.retried and not (before is not None and (before.retried or before.outcome.bad)):
        return _classify_failure(key, result, before, permits)  # failed and passed on one tree: reruns say what it is
    if before is None:
        return None
    if outcome is Outcome.NOT_RUN:
        excused = key in permits.known or matches(key, permits.may_remove)
        return None if excused or before.outcome is Outcome.NOT_RUN else "newly_skipped"
    weaker = outcome in (Outcome.SKIPPED, Outcome.XFAILED) and before.outcome not in (outcome, Outcome.NOT_RUN)
    weaker |= outcome is Outcome.XPASSED and before.outcome is Outcome.PASSED  # newly expected to fail
    if weaker and not (before.outcome is Outcome.SKIPPED or key in permits.known):
        return None if matches(key, permits.may_skip) else "newly_skipped"
    better = outcome in (Outcome.PASSED, Outcome.XPASSED)
    return "new_passes" if better and (before.outcome.bad or before.outcome is Outcome.XFAILED) else None


def _classify_failure(key: TestId, result: TestResult, before: Expectation | None, permits: Permits) -> str:
    if before is not None and before.outcome.bad:
        same = not before.signature or before.signature == result.signature
        return "pre_existing" if same else "fails_differently"
    if key in permits.known:
        return "pre_existing"
    return "owed" if matches(key, permits.may_fail) else "new_failures"


def _missing(expected: Expected, report: TestReport, permits: Permits, renamed: frozenset[TestId]) -> list[TestId]:
    return [
        key
        for key, entry in expected.tests.items()
        if key not in report.tests
        and key not in renamed
        and key not in permits.known
        and entry.outcome is not Outcome.NOT_RUN
        and not matches(key, permits.may_remove)
    ]


def _gone_and_new(expected: Expected, report: TestReport) -> tuple[list[TestId], list[TestId]]:
    gone = [key for key in expected.tests if key not in report.tests]
    new = [key for key in report.tests if key not in expected.tests] if gone else []
    return gone, new


def _renames(expected: Expected, report: TestReport, permits: Permits) -> tuple[tuple[TestId, TestId], ...]:
    """Old and new ids of the same test: its file was renamed, it was moved, or it has more parameters."""
    gone, new = _gone_and_new(expected, report)
    if not gone:
        return ()
    moved = _moved(gone, expected, report, permits.renames)
    taken = {id for pair in moved for id in pair}
    gone, new = [key for key in gone if key not in taken], [key for key in new if key not in taken]
    return (*moved, *renamed_tests(gone, new, permits.before, permits.after))


def _compare_runs(
    expected: Expected,
    report: TestReport,
    renamed: Iterable[tuple[TestId, TestId]],
    again: Collection[TestId] | None,
    files: Mapping[str, str],
) -> Compared:
    """What a second run of the reference says about the ids that are gone and were not renamed.

    New ids in a file that git saw renamed are looked at as if they still stood in the old one.
    """
    if again is None:
        return Compared()
    taken = {id for pair in renamed for id in pair}
    gone, new = _gone_and_new(expected, report)
    gone = [key for key in gone if key not in taken and expected.tests[key].outcome is not Outcome.NOT_RUN]
    old_names = {new: old for old, new in files.items()}
    modules = module_renames(old_names)
    was = {in_renamed_file(key, old_names, modules): key for key in new if key not in taken}
    found = compare_runs(gone, list(was), expected.tests, again)
    return replace(found, pairs=tuple((old, was[now]) for old, now in found.pairs))


def _moved(
    gone: Iterable[TestId], expected: Expected, report: TestReport, files: Mapping[str, str]
) -> tuple[tuple[TestId, TestId], ...]:
    """Tests whose file git saw renamed, under the same name with the same parameters."""
    found = []
    modules = module_renames(files)
    for key in gone if files else ():
        new = in_renamed_file(key, files, modules)
        if new != key and new in report.tests and new not in expected.tests:
            found.append((key, new))
    return tuple(found)
