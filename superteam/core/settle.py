"""What reruns prove about new failures: which run is wanted next, and what the runs so far come to.

Source of the rules: shared/verdicts.md, section 4 (paired confirmation). `next_probe` and `conclude` are the whole of
it; both the engine and `superteam validate` run the probes that `next_probe` wants until it wants none. What suspects
and polluters come to is in `doubt.py` and `order.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from superteam.core import doubt, order
from superteam.core.baseline import Difference
from superteam.core.results import Outcome, TestId, Verdict
from superteam.core.settings import Settings

# More new failures than this, if they are over 5 % of the suite or share a signature, are settled by representatives.
MANY = 10
SHARE = 0.05
REPRESENTATIVES = 3
# Whole runs in which a test has to fail again that never fails alone: with a single one, 6 of 100 failures of a test
# that is flaky one time in ten would block.
COMPANIES = 2


class Settlement(StrEnum):
    """What the reruns prove about one new failure."""

    REGRESSION = "regression"
    FLAKE = "flake"
    SUSPECT = "suspect"
    PRE_EXISTING = "pre-existing"
    ENVIRONMENT = "environment"
    UNRESOLVED = "unresolved"

    @property
    def blocks(self) -> bool:
        """Whether a validation with such a test cannot pass."""
        return self in (Settlement.REGRESSION, Settlement.ENVIRONMENT, Settlement.UNRESOLVED)


# Why there is no sound verdict; parse-error: the command ended, and no artifact could be read.
Crash = Literal["suite-crash", "tool-timeout", "parse-error", "environment"]
# suite: the whole suite on the task's tree, up to twice; suite-reference: the same on the reference tree after two
# unsound runs; missing-reference: the same where tests are missing, to see which ids change from run to run; rerun and
# confirm: only the candidates, on the task's and the reference tree; company and company-reference: the whole suite
# once more on both; bisect: only the regressions, at a commit in between; doubt and doubt-reference: one suspect, many
# times on both trees; order: what ran before a test that fails only in company.
Purpose = Literal[
    "suite",
    "suite-reference",
    "missing-reference",
    "rerun",
    "confirm",
    "company",
    "company-reference",
    "bisect",
    "doubt",
    "doubt-reference",
    "order",
]
# Only these count against the budget of reruns; the whole runs are what the verdict itself is made of.
COUNTED: tuple[Purpose, ...] = ("rerun", "confirm", "bisect", "doubt", "doubt-reference", "order")
FLOOR = 60.0  # seconds of reruns that a short suite is given all the same
SHOWN = 5  # ids in a sentence
# Runs at the reference in which a test has to fail before its surroundings are to blame: after ten, every third flake
# that fails nine times in ten would be taken for that.
EVERYWHERE = 20


NO_DIFFERENCE = Difference()


@dataclass(frozen=True, slots=True)
class Probe:
    """One run that is wanted: `only` None is the whole suite; `number` counts the probes of a validation from 1.

    `span`: the tests with these places (from, to) in the order of the judged run go before those of `only`.
    """

    purpose: Purpose
    sha: str
    only: tuple[TestId, ...] | None
    number: int
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe showed. `outcomes` holds the bad tests and those that were watched; absent ids did not run.

    `whole`: the run came to its end, so that a test that is absent was not there to be run. `unreadable`: it ended
    and left no smoke artifact that can be read.
    Of the judged run: `places` of the new failures in its order, and `known_flakes`, those of them that the history
    knows as flaky with this very signature; `red_before`, those that failed in the baseline, although the history knows
    them as flaky. `broken` is the error outside of tests, or the crash of one test, that kept the suite from running.
    A second run of the reference (missing-reference) has the judged run's `difference`, corrected by what it shows.
    """

    probe: Probe
    verdict: Verdict
    reason: str | None = None
    timed_out: bool = False
    outcomes: Mapping[TestId, Outcome] = field(default_factory=dict)
    difference: Difference = NO_DIFFERENCE
    signatures: Mapping[TestId, str] = field(default_factory=dict)
    size: int = 0
    duration_s: float = 0.0
    whole: bool = True
    places: Mapping[TestId, int] = field(default_factory=dict)
    known_flakes: tuple[TestId, ...] = ()
    unreadable: bool = False
    red_before: tuple[TestId, ...] = ()
    broken: str = ""

    @property
    def sound(self) -> bool:
        """Whether the run proves anything."""
        return self.verdict != "inconclusive"


@dataclass(frozen=True, slots=True)
class Rules:
    """How often each side is run (contract, [validation]). `budget`: seconds of reruns, None for one suite's time."""

    reruns: int = 2
    confirmations: int = 2
    budget: float | None = None


def moved_tests(v: Validation) -> dict[TestId, TestId]:
    """The id that each test which was moved has at the references."""
    suite = v.suite()
    return suite.difference.moved() if suite else {}


def old_ids(v: Validation, probe: Probe) -> dict[TestId, TestId]:
    """The ids by which a probe at a reference names tests that were moved since."""
    at_reference = probe.purpose in ("confirm", "company-reference", "doubt-reference")
    return moved_tests(v) if at_reference else {}


def rules_of(settings: Settings) -> Rules:
    """The rules that are configured."""
    found = settings.validation
    return Rules(found.reruns, found.confirmations, found.rerun_budget)


@dataclass(frozen=True, slots=True)
class Validation:
    """A validation under way: the commit judged, its references, the commits to bisect and what was seen so far.

    `commits` are (task id, commit) since the last accepted validation, oldest first, ending with `sha`. `references`
    holds the commit where a new failure last passed; an id without one did not exist (or never passed) there.
    `origin` is the commit before all work that is judged: only what was flaky there is a known flake.
    `owed` are ids that were planned red and are due now, with the task that declared them. `closing`: nothing comes
    after it, so that suspects are settled; `suspects` are earlier ones, with their task and where they last passed.
    `source` is the name of the validation source whose tests these are.
    """

    sha: str
    reference: str
    commits: tuple[tuple[str, str], ...]
    after_task: str
    references: Mapping[TestId, str] = field(default_factory=dict)
    owed: Mapping[TestId, str] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()
    origin: str = ""
    closing: bool = False
    suspects: Mapping[TestId, tuple[str, str]] = field(default_factory=dict)
    source: str = "tests"

    def of(self, *purposes: Purpose) -> tuple[Observation, ...]:
        """The observations made for these purposes, in order."""
        return tuple(seen for seen in self.observations if seen.probe.purpose in purposes)

    def suite(self) -> Observation | None:
        """The sound run of the whole suite that is judged, if there is one yet."""
        judged = next((seen for seen in self.of("suite") if seen.sound), None)
        again = next((seen for seen in self.of("missing-reference") if seen.sound), None)
        if judged is None or again is None:
            return judged
        return replace(judged, difference=again.difference)

    def may_rerun(self, rules: Rules) -> bool:
        """Whether the budget for reruns is not used up: by default the wall time of one run of the suite.

        It always covers the reruns and confirmations of one group of tests: without them nothing can be settled.
        """
        whole = max((seen.duration_s for seen in self.of("suite")), default=0.0)
        budget = max(whole, FLOOR) if rules.budget is None else rules.budget
        counted = self.of(*COUNTED)
        repeated = sum(not seen.sound for seen in counted)
        longest = max((seen.duration_s for seen in counted), default=0.0)
        needed = (rules.reruns + rules.confirmations + repeated) * longest
        return sum(seen.duration_s for seen in counted) < max(budget, needed)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a finished validation comes to. `crash` is set when no sound run could be had on the task's tree.

    `broken`: the change broke the suite, with an error that is named in the reason.
    """

    labels: Mapping[TestId, Settlement]
    counts: Mapping[TestId, tuple[tuple[int, int], tuple[int, int]]]
    reasons: Mapping[TestId, str]
    introduced_by: Mapping[TestId, str]
    difference: Difference
    crash: Crash | None = None
    reason: str | None = None
    polluters: Mapping[TestId, TestId] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    broken: bool = False

    def labelled(self, *wanted: Settlement) -> tuple[TestId, ...]:
        """Ids with one of these labels, in the order of the report."""
        return tuple(key for key, label in self.labels.items() if label in wanted)

    def verdict(self) -> Verdict:
        """pass, fail or inconclusive, as the contract's section 7 defines a validation verdict."""
        if self.crash:
            return "fail" if self.broken else "inconclusive"
        lost = self.difference.missing or self.difference.newly_skipped
        if lost or self.labelled(Settlement.REGRESSION):
            return "fail"
        if self.difference.absent or self.labelled(Settlement.ENVIRONMENT):
            return "inconclusive"
        return "fail" if self.labelled(Settlement.UNRESOLVED) else "pass"


def next_probe(v: Validation, rules: Rules) -> Probe | None:
    """The run that is wanted next, or None when the validation can be concluded."""
    suite = v.suite()
    if suite is None:
        return _after_unsound(v)
    if suite.difference.missing and not v.of("missing-reference"):
        return _probe(v, "missing-reference", v.reference, None)
    candidates = suite.difference.new_failures
    for group in _groups(v, suite, candidates, rules):
        wanted = _settle_probe(v, group, rules)
        if wanted:
            return wanted
    if not v.may_rerun(rules):
        return None
    return _bisect_probe(v, rules) or _doubt_probe(v, rules) or _order_probe(v, rules)


def conclude(v: Validation, rules: Rules) -> Conclusion:
    """What the observations come to; only meaningful when `next_probe` wants nothing more."""
    suite = v.suite()
    if suite is None:
        return _conclude_unsound(v)
    labels = _final_labels(v, suite, rules)
    reasons = {key: _why_unresolved(v, key, rules) for key, label in labels.items() if label is Settlement.UNRESOLVED}
    guilty = {key: task for key in labels if (task := _culprit(v, key, labels[key]))}
    guilty |= {key: task for key in _gone(suite) if (task := _at_boundary(v, key))}
    counts = {key: (_count(v, key, "rerun", "doubt"), _count(v, key, "confirm", "doubt-reference")) for key in labels}
    return Conclusion(
        labels=labels,
        counts=counts,
        reasons=reasons,
        introduced_by=guilty,
        difference=suite.difference,
        reason=_reason(v, suite, labels, reasons),
        polluters={key: named for key in _in_company(v, labels) if (named := _polluter(v, key))},
        notes=_notes(v, suite),
    )


def _reason(
    v: Validation, suite: Observation, labels: Mapping[TestId, Settlement], reasons: Mapping[TestId, str]
) -> str | None:
    """Why something could not be settled: the environment first, then what is unresolved."""
    parts = []
    crowd = [key for key, label in labels.items() if label is Settlement.ENVIRONMENT]
    if crowd:
        parts.append(
            f"{_tests(crowd)} passed at {v.reference[:12]} in the baseline and fail there by now, each time: something"
            " outside of the trees changed (a service, files that an earlier run left behind, the date)"
        )
    if suite.difference.absent:
        parts.append(
            f"{_tests(suite.difference.absent)} ran at {v.reference[:12]} in the baseline and do not run there by now:"
            " something outside of the trees changed (an environment, a plug-in, generated files)"
        )
    for why in dict.fromkeys(reasons.values()):
        open_ids = [key for key, reason in reasons.items() if reason == why]
        parts.append(f"could not be settled ({why}): {_tests(open_ids)}")
    return "; ".join(parts) or None


def _tests(ids: Sequence[TestId]) -> str:
    """The number of some tests and the first of them."""
    if len(ids) == 1:
        return ids[0]
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{len(ids)} tests ({', '.join(ids[:SHOWN])}{more})"


def _notes(v: Validation, suite: Observation) -> tuple[str, ...]:
    """What is worth knowing beside the verdict: who is innocent, and which tests have other ids now."""
    known = [key for key in suite.difference.new_failures if key in v.references]
    notes = [_nobody(v, key) for key in known if _contradicted(v, key) is not None]
    changing = frozenset(suite.difference.changing)
    moved = [f"{old} is {new} now" for old, new in suite.difference.renamed if old not in changing]
    if moved:
        notes.append(f"renamed: {_tests(moved)}" if len(moved) > 1 else f"renamed: {moved[0]}")
    if changing:
        ids = _tests(suite.difference.changing)
        notes.append(f"ids that two runs of {v.reference[:12]} do not share, so that they are only counted: {ids}")
    again = v.of("missing-reference")
    if again and not again[-1].sound:
        notes.append(
            f"whether ids change from run to run is not known, {v.reference[:12]} gave no verdict: {again[-1].reason}"
        )
    return tuple(notes)


def label(v: Validation, key: TestId, rules: Rules) -> Settlement:
    """The row of the table in verdicts.md, section 4, that the runs of one candidate fall into."""
    here = _bad(v, key, "rerun")
    if _flaked_again(v, key):
        return Settlement.SUSPECT
    if len(here) < rules.reruns:
        return Settlement.UNRESOLVED
    if key in v.owed:
        return Settlement.REGRESSION if all(here) else Settlement.SUSPECT
    there = _bad(v, key, "confirm")
    exists = key in v.references
    if exists and not _confirmed(here, there, rules):
        return Settlement.UNRESOLVED
    if all(here):
        return _label_failing(v, key, there, exists)
    if any(there):
        return Settlement.SUSPECT if any(here) else Settlement.FLAKE
    if any(here):  # a new test has no tree on which it was ever stable: it belongs to the task
        return Settlement.SUSPECT if exists else Settlement.REGRESSION
    return _label_company(v, key, exists)


def _confirmed(here: list[bool], there: list[bool], rules: Rules) -> bool:
    """Whether the runs at the reference are enough for a row of the table.

    One failure there is enough where the test is mixed here. Where it fails each time here, only all of them tell
    "fails each time" from "mixed".
    """
    if len(there) >= rules.confirmations:
        return True
    return any(there) and (not all(here) or not all(there))


def _label_failing(v: Validation, key: TestId, there: list[bool], exists: bool) -> Settlement:
    """The label of a candidate that fails each time on the task's tree."""
    if not any(there):
        return Settlement.REGRESSION
    if not all(there):
        return Settlement.SUSPECT
    suite = v.suite()
    if suite is not None and key in suite.red_before:
        return Settlement.PRE_EXISTING
    found = _label_company(v, key, exists)  # it failed there for want of company, or something outside changed
    return Settlement.ENVIRONMENT if found is Settlement.FLAKE else found


def _label_company(v: Validation, key: TestId, exists: bool) -> Settlement:
    """The label of a candidate that alone does the same on both trees: it passes each time, or it fails each time."""
    here = [_showed(seen, key) for seen in v.of("company")]
    if not here or here[0] is None:
        return Settlement.UNRESOLVED
    if not here[0]:
        return Settlement.SUSPECT
    if not exists:
        return Settlement.REGRESSION
    there = v.of("company-reference")
    failed_there = _showed(there[-1], key) if there else None
    if failed_there:
        return Settlement.FLAKE
    if failed_there is None or len(here) < COMPANIES or here[1] is None:
        return Settlement.UNRESOLVED
    return Settlement.REGRESSION if here[1] else Settlement.SUSPECT


def _probe(v: Validation, purpose: Purpose, sha: str, only: Iterable[TestId] | None) -> Probe:
    ids = None if only is None else tuple(only)
    return Probe(purpose, sha, ids, len(v.observations) + 1)


def _after_unsound(v: Validation) -> Probe | None:
    """Step 1: once more as a whole; then the same command on the reference tree."""
    if len(v.of("suite")) < 2:
        return _probe(v, "suite", v.sha, None)
    return None if v.of("suite-reference") else _probe(v, "suite-reference", v.reference, None)


def _conclude_unsound(v: Validation) -> Conclusion:
    runs, there = v.of("suite"), v.of("suite-reference")
    reason = runs[-1].reason or "the suite gave no sound verdict"
    if there and not there[-1].sound:
        why = f"the suite gives no sound verdict at {v.reference[:12]} either: {there[-1].reason}"
        return Conclusion({}, {}, {}, {}, NO_DIFFERENCE, "environment", why)
    crash = _crash(runs)
    # Twice here and not at the reference: an error that is named was brought in by the change.
    broken = crash == "suite-crash" and all(seen.broken for seen in runs)
    if broken:
        reason = f"the change broke the suite, which runs at {v.reference[:12]}: {runs[-1].broken}"
    return Conclusion({}, {}, {}, {}, NO_DIFFERENCE, crash, reason, broken=broken)


def _crash(runs: tuple[Observation, ...]) -> Crash:
    """What all of the unsound runs have in common."""
    if all(seen.timed_out for seen in runs):
        return "tool-timeout"
    return "parse-error" if all(seen.unreadable for seen in runs) else "suite-crash"


def _groups(
    v: Validation, suite: Observation, candidates: tuple[TestId, ...], rules: Rules
) -> list[tuple[TestId, ...]]:
    """Step 2: the ids to settle together, in order; representatives first where there are many."""
    heads = representatives(candidates, suite.signatures, suite.size)
    if heads == candidates:
        return [candidates] if candidates else []
    spread = _spread(v, suite, heads, rules) if all(_settled(v, key, rules) for key in heads) else {}
    rest = tuple(key for key in candidates if key not in heads and key not in spread)
    return [heads, rest] if rest else [heads]


def representatives(candidates: tuple[TestId, ...], signatures: Mapping[TestId, str], size: int) -> tuple[TestId, ...]:
    """All candidates, or up to three of them where there are many: one of each of the commonest signatures first."""
    groups = Counter(signatures.get(key, "") for key in candidates)
    if len(candidates) <= MANY or not (len(candidates) > SHARE * size or len(groups) == 1):
        return candidates
    common = [signature for signature, _ in groups.most_common(REPRESENTATIVES)]
    firsts = [next(key for key in candidates if signatures.get(key, "") == wanted) for wanted in common]
    filled = firsts + [key for key in candidates if key not in firsts]
    chosen = frozenset(filled[:REPRESENTATIVES])
    return tuple(key for key in candidates if key in chosen)


def _spread(v: Validation, suite: Observation, heads: tuple[TestId, ...], rules: Rules) -> dict[TestId, Settlement]:
    """Labels that extend from the representatives to the others of their signature: only those that block."""
    found: dict[str, set[Settlement]] = {}
    for key in heads:
        found.setdefault(suite.signatures.get(key, ""), set()).add(label(v, key, rules))
    extended = {}
    for key in suite.difference.new_failures:
        labels = found.get(suite.signatures.get(key, ""), set())
        if len(labels) == 1 and labels <= {Settlement.REGRESSION, Settlement.ENVIRONMENT}:
            extended[key] = next(iter(labels))
    return extended


def _labels(v: Validation, suite: Observation, rules: Rules) -> dict[TestId, Settlement]:
    candidates = suite.difference.new_failures
    heads = representatives(candidates, suite.signatures, suite.size)
    spread = {} if heads == candidates else _spread(v, suite, heads, rules)
    labels = {key: spread[key] if key in spread else label(v, key, rules) for key in candidates}
    for key, found in labels.items():
        if found is Settlement.REGRESSION and key in v.references and _contradicted(v, key) is not None:
            labels[key] = Settlement.SUSPECT
    return labels


def _settled(v: Validation, key: TestId, rules: Rules) -> bool:
    return _settle_probe(v, (key,), rules) is None


def _flaked_again(v: Validation, key: TestId) -> bool:
    """A known flake that failed as it is known to, and passes alone on the same tree: both outcomes, once more.

    So it needs no further reruns to be a suspect. Whether the change made it fail more often is for step 5 to say.
    """
    suite = v.suite()
    known = suite is not None and key in suite.known_flakes and key not in v.owed
    return known and not all(_bad(v, key, "rerun"))


def _settle_probe(v: Validation, ids: tuple[TestId, ...], rules: Rules) -> Probe | None:
    """Steps 3 and 4 for these ids: reruns here, confirmations there, then the whole suite on both if that is left."""
    ids = tuple(key for key in ids if not _flaked_again(v, key))
    short = [key for key in ids if not _lost(v, key, "rerun") and _tries(v, key, "rerun") < rules.reruns]
    if short:
        return _probe(v, "rerun", v.sha, short) if v.may_rerun(rules) else None
    selected = [key for key in ids if len(_bad(v, key, "rerun")) >= rules.reruns]
    open_there = [key for key in selected if key not in v.owed and _wants_confirmation(v, key, rules)]
    if open_there and not v.may_rerun(rules):
        return None
    if open_there:
        sha = v.references[open_there[0]]
        return _probe(v, "confirm", sha, [key for key in open_there if v.references[key] == sha])
    doubted = [key for key in selected if key not in v.owed and _fails_everywhere(v, key, rules)]
    if doubted and v.may_rerun(rules):
        sha = v.references[doubted[0]]
        return _probe(v, "confirm", sha, [key for key in doubted if v.references[key] == sha])
    alike = [key for key in selected if _alike_alone(v, key, rules)]
    return _company_probe(v, alike) if alike else None


def _wants_confirmation(v: Validation, key: TestId, rules: Rules) -> bool:
    if key not in v.references or _lost(v, key, "confirm"):
        return False
    here, there = _bad(v, key, "rerun"), _bad(v, key, "confirm")
    return not _confirmed(here, there, rules) and _tries(v, key, "confirm") < rules.confirmations


def _fails_everywhere(v: Validation, key: TestId, rules: Rules) -> bool:
    """Whether a test failed in each run on both trees, and more runs at the reference could show that it is a flake.

    Without them a flake that fails often would be taken for a change of the environment.
    """
    suite = v.suite()
    if suite is None or key in suite.red_before or _lost(v, key, "confirm"):
        return False
    there = _bad(v, key, "confirm")
    failed = all(_bad(v, key, "rerun")) and len(there) >= rules.confirmations and all(there)
    return failed and bool(there) and len(there) < EVERYWHERE


def _alike_alone(v: Validation, key: TestId, rules: Rules) -> bool:
    """Whether a test does the same on both trees when it is run alone, so that only whole runs can tell."""
    suite = v.suite()
    if key in v.owed or suite is None:
        return False
    here, there = _bad(v, key, "rerun"), _bad(v, key, "confirm")
    if not any(here):
        return key not in v.references or (len(there) >= rules.confirmations and not any(there))
    fails = len(there) >= rules.confirmations and bool(there) and all(there)
    return all(here) and fails and key not in suite.red_before


def _company_probe(v: Validation, alike: list[TestId]) -> Probe | None:
    here = v.of("company")
    if not here:
        return _probe(v, "company", v.sha, None)
    fails = [key for key in alike if key in v.references and _showed(here[0], key)]
    there = v.of("company-reference")
    if fails and not there:
        return _probe(v, "company-reference", v.reference, None)
    if len(here) < COMPANIES and any(_showed(there[-1], key) is False for key in fails):
        return _probe(v, "company", v.sha, None)
    return None


def _showed(seen: Observation, key: TestId) -> bool | None:
    """Whether the test failed in this run; None if the run proves nothing about it."""
    outcome = seen.outcomes.get(key)
    return outcome.bad if seen.sound and outcome is not None and outcome.ran else None


def _bad(v: Validation, key: TestId, purpose: Purpose) -> list[bool]:
    """Whether the test failed, for each sound run of this purpose in which it was executed."""
    shown = [_showed(seen, key) for seen in v.of(purpose)]
    return [failed for failed in shown if failed is not None]


def _tries(v: Validation, key: TestId, purpose: Purpose) -> int:
    return sum(key in (seen.probe.only or ()) and not _spoiled(seen, key) for seen in v.of(purpose))


def _spoiled(seen: Observation, key: TestId) -> bool:
    """Whether a run is unsound because others of its tests did not run: it is repeated without those."""
    others_lost = any(other not in seen.outcomes for other in seen.probe.only or ())
    return not seen.sound and key in seen.outcomes and others_lost


def _lost(v: Validation, key: TestId, purpose: Purpose) -> bool:
    """Whether the test was asked for and did not run: asking again would not help."""
    return any(key in (seen.probe.only or ()) and key not in seen.outcomes for seen in v.of(purpose))


def _count(v: Validation, key: TestId, *purposes: Purpose) -> tuple[int, int]:
    runs = [failed for purpose in purposes for failed in _bad(v, key, purpose)]
    return sum(runs), len(runs)


def _changing(difference: Difference) -> frozenset[TestId]:
    """The tests of the judged run whose ids no other run has."""
    old_ids = frozenset(difference.changing)
    return frozenset(new for old, new in difference.renamed if old in old_ids)


def _why_unresolved(v: Validation, key: TestId, rules: Rules) -> str:
    """Why a failure could not be settled; never empty."""
    suite = v.suite()
    if suite is not None and key in _changing(suite.difference):
        return "its id changes from run to run, so that it cannot be run alone"
    asked = [
        seen
        for seen in v.of("rerun", "confirm", "doubt", "doubt-reference")
        if key in (seen.probe.only or ()) and not _spoiled(seen, key)
    ]
    lost = next((seen for seen in asked if _showed(seen, key) is None), None)
    if lost:
        here = lost.probe.purpose in ("rerun", "doubt")
        where = "the task's tree" if here else f"the reference {lost.probe.sha[:12]}"
        why = lost.broken or lost.reason or "it was not executed"
        return f"the test could not be run alone on {where}: {why}"
    if not v.may_rerun(rules):
        return "the budget for reruns is used up; [validation] rerun-budget raises it"
    unsound = next((seen for seen in v.of("company", "company-reference") if not seen.sound), None)
    if unsound is not None:
        return f"the repeated whole suite gave no sound verdict: {unsound.broken or unsound.reason}"
    return "the test did not run in the repeated whole suite"


# Bisection over the tasks' commits (step 7): plain, two agreeing runs at the boundary. A new test that does not exist
# at a commit counts as good there; a run that proves nothing makes the culprit unknown. A commit with both outcomes
# proves that no task is guilty of breaking it for good: what was taken for a regression is a suspect.


def _bisect_probe(v: Validation, rules: Rules) -> Probe | None:
    if len(v.commits) < 2:
        return None
    suite = v.suite()
    assert suite is not None
    labels = _labels(v, suite, rules)
    failing = [key for key, found in labels.items() if found is Settlement.REGRESSION and key not in v.owed]
    # What is gone is looked for apart: a run in which a test is missing proves nothing about the others.
    for keys in (failing, _gone(suite)):
        wanted: dict[int, list[TestId]] = {}
        for key in keys:
            place = _next_place(v, key)
            if place is not None:
                wanted.setdefault(place, []).append(key)
        if wanted:
            place = min(wanted)
            return _probe(v, "bisect", v.commits[place][1], wanted[place])
    return None


def _gone(suite: Observation) -> tuple[TestId, ...]:
    """Tests that do not run any more, because of the change."""
    return (*suite.difference.missing, *suite.difference.newly_skipped)


def _runs_at(v: Validation, key: TestId, place: int) -> list[bool | None]:
    """What the runs at one of the commits showed: True for bad, None for nothing."""
    sha = v.commits[place][1]
    seen = [s for s in v.of("bisect") if s.probe.sha == sha and key in (s.probe.only or ())]
    if _is_gone(v, key):
        return [not _ran(s, key) if s.whole else None for s in seen]
    is_new = key not in v.references or key in moved_tests(v)
    not_yet_there = [is_new and key not in s.outcomes for s in seen]
    pairs = zip(seen, not_yet_there, strict=True)
    return [False if absent else _showed(s, key) for s, absent in pairs if not _spoiled(s, key)]


def _is_gone(v: Validation, key: TestId) -> bool:
    suite = v.suite()
    return suite is not None and key in _gone(suite)


def _ran(seen: Observation, key: TestId) -> bool:
    outcome = seen.outcomes.get(key)
    return outcome is not None and outcome.ran


def _boundary(v: Validation, key: TestId) -> tuple[int, int] | None:
    """The last place known good (-1: the reference) and the first known bad; None if runs contradict."""
    alone = any(_bad(v, key, "rerun")) and not any(_bad(v, key, "confirm"))
    if not (alone or _is_gone(v, key)):  # what needs company shows nothing at any commit
        return None
    low, high = -1, len(v.commits) - 1
    for place in range(high):
        runs = _runs_at(v, key, place)
        if None in runs or len(set(runs)) > 1:
            return None
        if runs and runs[0]:
            high = min(high, place)
        elif runs:
            low = max(low, place)
    return (low, high) if low < high else None


def _contradicted(v: Validation, key: TestId) -> int | None:
    """The place of a commit at which the same test both failed and passed."""
    places = range(len(v.commits) - 1)
    return next((place for place in places if {True, False} <= set(_runs_at(v, key, place))), None)


def _nobody(v: Validation, key: TestId) -> str:
    place = _contradicted(v, key)
    assert place is not None
    task, sha = v.commits[place]
    return f"no task is guilty of {key}: after task {task}, at {sha[:12]}, it both failed and passed"


def _next_place(v: Validation, key: TestId) -> int | None:
    boundary = _boundary(v, key)
    if boundary is None:
        return None
    low, high = boundary
    if high - low > 1:
        return (low + high) // 2
    last = len(v.commits) - 1
    unsure = [place for place in (low, high) if 0 <= place < last and len(_runs_at(v, key, place)) < 2]
    return unsure[0] if unsure else None


def _culprit(v: Validation, key: TestId, found: Settlement) -> str | None:
    """The task that introduced a blocking test, where that is known."""
    if key in v.owed:
        return v.owed[key]
    if found is not Settlement.REGRESSION:
        return None
    if key in v.suspects:
        return v.suspects[key][0]
    return _at_boundary(v, key)


def _at_boundary(v: Validation, key: TestId) -> str | None:
    """The task whose commit is the first bad one, where that is known."""
    if len(v.commits) == 1:
        return v.commits[0][0]
    boundary = _boundary(v, key)
    if boundary is None or boundary[1] - boundary[0] != 1:
        return None
    return v.commits[boundary[1]][0]


# Suspects (step 5): each alone, many times on both trees.


def _doubtful(v: Validation, labels: Mapping[TestId, Settlement]) -> dict[TestId, str]:
    """Suspects to be settled now, with the commit where each last passed; new tests have none and stay suspects."""
    if not v.closing:
        return {}
    earlier = {key: sha for key, (_, sha) in v.suspects.items() if key not in labels}
    own = {key: v.references.get(key, "") for key, found in labels.items() if found is Settlement.SUSPECT}
    return {key: sha for key, sha in {**earlier, **own}.items() if sha and key not in v.owed}


def _doubt_probe(v: Validation, rules: Rules) -> Probe | None:
    suite = v.suite()
    assert suite is not None
    for key, reference in _doubtful(v, _labels(v, suite, rules)).items():
        if _lost(v, key, "doubt") or _lost(v, key, "doubt-reference"):
            continue
        here, there = _tries(v, key, "doubt"), _tries(v, key, "doubt-reference")
        side = doubt.next_side(f"{v.after_task} {key}", here, there, _tally(v, key))
        if side:
            purpose: Purpose = "doubt" if side == "task" else "doubt-reference"
            return _probe(v, purpose, v.sha if side == "task" else reference, (key,))
    return None


def _tally(v: Validation, key: TestId) -> doubt.Tally:
    here, there = _count(v, key, "doubt"), _count(v, key, "doubt-reference")
    return doubt.Tally(here[0], here[1], there[0], there[1])


def _final_labels(v: Validation, suite: Observation, rules: Rules) -> dict[TestId, Settlement]:
    """The labels with the suspects settled, earlier ones among them; whatever was not to be settled stays one."""
    labels = _labels(v, suite, rules)
    for key in _doubtful(v, labels):
        proved = doubt.settled(_tally(v, key))
        if proved is not None:
            labels[key] = Settlement.REGRESSION if proved else Settlement.FLAKE
        elif key in labels and _blocks_in_doubt(v, key):
            labels[key] = Settlement.UNRESOLVED
        elif not (_lost(v, key, "doubt") and key not in labels):  # gone by now: there is nothing to be settled
            labels[key] = Settlement.SUSPECT
    return labels


def _blocks_in_doubt(v: Validation, key: TestId) -> bool:
    """Whether a suspect that could not be settled blocks: it fails each time here, and not each time there."""
    here = _bad(v, key, "rerun")
    return bool(here) and all(here) and any(_bad(v, key, "confirm"))


# Order dependence (step 6): which of the tests that ran before it makes a test fail.


def _in_company(v: Validation, labels: Mapping[TestId, Settlement]) -> list[TestId]:
    """Regressions that never failed alone."""
    return [
        key
        for key, found in labels.items()
        if found is Settlement.REGRESSION and not any(_bad(v, key, "rerun")) and v.of("company")
    ]


def _order_probe(v: Validation, rules: Rules) -> Probe | None:
    suite = v.suite()
    assert suite is not None
    for key in _in_company(v, _labels(v, suite, rules)):
        wanted = order.next_span(suite.places.get(key, 0), _spans(v, key))
        if wanted:
            return replace(_probe(v, "order", v.sha, (key,)), span=wanted)
    return None


def _spans(v: Validation, key: TestId) -> dict[tuple[int, int], bool]:
    """What the spans tried so far did to the test; one that proves nothing counts as harmless."""
    tried = [seen for seen in v.of("order") if key in (seen.probe.only or ())]
    return {seen.probe.span: bool(_showed(seen, key)) for seen in tried if seen.probe.span}


def _polluter(v: Validation, key: TestId) -> TestId | None:
    suite = v.suite()
    assert suite is not None
    place = order.polluter(suite.places.get(key, 0), _spans(v, key))
    named = [seen for seen in v.of("order") if key in (seen.probe.only or ()) and seen.probe.span == place]
    return next((id for seen in named for id in seen.outcomes if id != key), None) if place else None


def watched(v: Validation, probe: Probe) -> frozenset[TestId]:
    """Ids whose outcome an observation of this probe has to hold, good or bad."""
    suite = v.suite()
    return frozenset(probe.only or (suite.difference.new_failures if suite else ()))


def observe(v: Validation, seen: Observation, references: Mapping[TestId, str]) -> Validation:
    """The validation with one more observation, and where its new failures last passed."""
    return replace(v, observations=(*v.observations, seen), references={**v.references, **references})
