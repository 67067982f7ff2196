"""What agents say about their work, beside what was measured. A claim is never believed: it changes no verdict.

Sentences are read in English, and only where they are plain: what is negated, conditional, planned or asked is no
claim. Every pattern is bounded, so that no text can make it slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from superteam.core.markdown import clip, plain

Kind = Literal["tests-pass", "tests-fail", "counts", "lint-clean", "unchanged", "other"]
MOST = 20  # claims of one dispatch
_INPUT = 40_000  # characters of a text that are read
_LENGTH = 300  # characters of a sentence
_NAMED = 5  # things that an agent was not allowed to do


class Claim(NamedTuple):
    """One sentence of an agent; `passed` and `failed` are numbers of tests that it names."""

    kind: Kind
    text: str
    passed: int | None = None
    failed: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured after a dispatch, as far as it was: the number of files that it `changed`, the gate, the suite.

    `gate` is None before it ran; `verdict` is that of the test command's validation, empty before there is one.
    """

    changed: int | None = None
    gate: bool | None = None
    gate_command: str = ""
    gate_end: str = ""
    verdict: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """A claim of one attempt beside what was measured; `agrees` is None where nothing measured says yes or no."""

    attempt: int
    claim: Claim
    measured: str = ""
    agrees: bool | None = None

    @property
    def text(self) -> str:
        """The agent's words."""
        return self.claim.text


# -- reading

_SOFT = re.compile(r"[*`>#✅✓✔]{1,20}|^[-+•] |^\d{1,3}[.)] ")
# What takes a claim back: a word before it, or one that follows.
_BEFORE = re.compile(
    r"n't\b|\b(?:not|no longer|never|cannot|neither|nor|once|when(?:ever)?|if|until|till|unless|whether|while"
    r"|as soon as|ensure[sd]?|ensuring|mak(?:e|es|ing) sure|be sure|verify|check(?: that)?|confirm|see|should|must"
    r"|would|will|could|can|may|might|need(?:s|ed)?|want(?:s|ed)?|expect(?:s|ed)?|hope(?:fully)?|probably|likely|presumably"
    r"|seems?|appears?|assum(?:e|es|ing)|believe|think|suspect|try|trying|tried|so that|in order|goal|require[sd]?|let"
    r"|please|after (?:all|the tests)|initially|originally|previously|earlier|at first|used to|had|asked|told"
    r"|task (?:is|says|asks)|instructions?|todo)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\b(?:except|but|apart|aside|besides|before|once|if|when|unless|until|other than)\b|\?", re.IGNORECASE
)
_TESTS = r"(?:tests?(?: cases?| files?| suites?)?|test[- ]suite|suite|specs?|checks)"
_IS = r"(?:,? (?:now|still|currently|all|are|is|have|has|also|successfully|both|continue to|been|finally)){0,4}"
_PASS = re.compile(
    rf"\b(?:all|every|everything|the (?:whole|full|entire|complete))(?: (?:of|the|our|its|existing|unit|integration"
    rf"|(\d{{1,7}})|test|project's)){{0,4}}(?: {_TESTS})?{_IS} (?:pass(?:es|ed|ing)?|green|succeed(?:s|ed)?)\b"
    rf"|(?:^|[,:;] |\b(?:and|that|now|so|then|verified|confirmed) )(?:the |our )?{_TESTS}{_IS}"
    r" (?:pass(?:es|ed|ing)?|green|succeed(?:s|ed)?)\b"
    r"|^(?:all|everything(?:'s| is)?) green\b",
    re.IGNORECASE,
)
_PART = re.compile(
    r"\b(\d{1,7}) ?(?:/|out of|of) ?(\d{1,7}) (?:tests? )?(?:are |have |now )?pass(?:ed|es|ing)?\b", re.I
)
_PASSED = re.compile(rf"\b(\d{{1,7}})(?: {_TESTS})?(?: are| have| now){{0,2}} pass(?:ed|ing|es)?\b", re.IGNORECASE)
_FAILED = re.compile(
    r"\b(\d{1,7}|no) (?:fail(?:ed|ing|ures?)?|errors?|errored)\b(?! (?:tests?|specs?|cases?))", re.IGNORECASE
)
_FAILS = re.compile(
    rf"\b(\d{{1,7}}|an?|one|two|three|four|five|several|some|the|these)?(?: (?:of the|other|unit|new|remaining))?"
    rf" ?{_TESTS}(?: (?:is|are|now|still|currently|do|does|keeps?|continues? to)){{0,3}} fail(?:s|ing)?\b",
    re.IGNORECASE,
)
_LINTER = (
    r"(?:lint(?:er|ing|s)?(?: checks?)?|ruff|eslint|mypy|pyright|flake8|pylint|clippy|rubocop"
    r"|type[- ]?check(?:s|er|ing)?|types|formatting)"
)
_LINT = re.compile(
    rf"\b{_LINTER}(?: (?:is|are|all|now|also|reports?|finds?|found|shows?|has|have|runs?|check)){{0,3}}"
    r" (?:clean(?:ly)?|pass(?:es|ed|ing)?|green|no (?:errors?|issues?|problems?|warnings?)|happy|successful)\b"
    rf"|\bno {_LINTER}(?: (?:errors?|issues?|problems?|warnings?|complaints?))\b",
    re.IGNORECASE,
)
_UNCHANGED = re.compile(
    r"\bno (?:code |file |source )?changes? (?:(?:was|were|is|are) )?(?:needed|necessary|required|made)\b"
    r"|\b(?:nothing|no files?) (?:needed|had|needs|has|was|were) (?:to be )?(?:changed?|modified|edited)\b"
    r"|\bI (?:made no|did(?:n't| not) make any|did(?:n't| not) change any|have(?:n't| not) changed any|changed no)"
    r"(?: code| file| source)? ?(?:changes|files|code|thing)\b",
    re.IGNORECASE,
)
_ENDS = re.compile(r"\s{0,3}(?:$|[,.;:!)—–-]|as\b|because\b|since\b|at all\b)", re.IGNORECASE)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "no": 0}


def read_claims(text: str) -> tuple[Claim, ...]:
    """The claims in an agent's words, each sentence once, at most MOST of them."""
    found = dict.fromkeys(claim for sentence in _sentences(text) if (claim := _claim(sentence)))
    return tuple(found)[:MOST]


def claims_of(summary: str, named: Sequence[str]) -> tuple[Claim, ...]:
    """The claims of a dispatch: what its result file calls so, understood or not, then those in its last words."""
    told = [read_claims(text) or (Claim("other", plain(text, _LENGTH)),) for text in named[:MOST] if text.strip()]
    found = dict.fromkeys([*(claim for claims in told for claim in claims), *read_claims(summary)])
    return tuple(found)[:MOST]


def _sentences(text: str) -> Iterable[str]:
    for line in clip(text, _INPUT).replace("’", "'").splitlines():
        for sentence in re.split(r"(?<=[.!?;]) ", _SOFT.sub("", " ".join(line.split()))):
            if sentence:
                yield sentence[:_LENGTH].strip()


def _claim(sentence: str) -> Claim | None:
    """The claim that a sentence makes, if it plainly makes one."""
    text = plain(sentence, _LENGTH)
    unchanged = _UNCHANGED.search(sentence)
    if unchanged and _ENDS.match(sentence, unchanged.end()) and not _BEFORE.search(sentence, 0, unchanged.start()):
        return Claim("unchanged", text)
    return _counted(sentence, text) or _judged(sentence, text)


def _counted(sentence: str, text: str) -> Claim | None:
    """A claim with numbers of tests: of those that passed, or that fail now."""
    part = _PART.search(sentence)
    if part and _is_plain(sentence, part):
        passed, all = int(part[1]), int(part[2])
        return Claim("counts", text, passed, all - passed) if passed <= all else None
    passed_match, failed_match = _PASSED.search(sentence), _FAILED.search(sentence)
    if passed_match and _is_plain(sentence, passed_match):
        of_all = _PASS.search(sentence)
        failed = _number(failed_match[1]) if failed_match else 0 if of_all and of_all[1] else None
        return Claim("counts", text, int(passed_match[1]), failed)
    return None


def _judged(sentence: str, text: str) -> Claim | None:
    """A claim in words alone."""
    fails = _FAILS.search(sentence)
    if fails and _is_plain(sentence, fails):
        return Claim("tests-fail", text, failed=_number(fails[1] or ""))
    passes = _PASS.search(sentence)
    if passes and _is_plain(sentence, passes):
        number = int(passes[1]) if passes[1] else None
        return Claim("counts", text, number, 0) if number else Claim("tests-pass", text)
    lint = _LINT.search(sentence)
    return Claim("lint-clean", text) if lint and _is_plain(sentence, lint) else None


def _is_plain(sentence: str, found: re.Match[str]) -> bool:
    """Whether nothing around the words that were found takes them back."""
    return not _BEFORE.search(sentence, 0, found.end()) and not _AFTER.search(sentence, found.end())


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() else _NUMBERS.get(word.lower())


def nothing_done(denied: Sequence[str]) -> str:
    """What is said of a dispatch that ended well and changed nothing: with what it was not allowed to do."""
    said = "the agent ended well but changed nothing"
    if not denied:
        return said
    named = ", ".join(plain(text, 120) for text in dict.fromkeys(denied[:_NAMED]))
    more = f" and {len(denied) - _NAMED} more" if len(denied) > _NAMED else ""
    return f"{said}; it was not allowed to: {named}{more}"


# -- comparing


def compare(claims: Sequence[Claim], facts: Facts, attempt: int = 1) -> tuple[Compared, ...]:
    """Each claim beside what was measured."""
    return tuple(Compared(attempt, claim, *_measured(claim, facts)) for claim in claims)


def compare_again(old: Sequence[Compared], attempt: int, facts: Facts) -> tuple[Compared, ...]:
    """The comparisons with what was measured now; what is settled already, and other attempts, stay as they are."""
    return tuple(_again(one, facts) if one.attempt == attempt and one.agrees is None else one for one in old)


def _again(old: Compared, facts: Facts) -> Compared:
    measured, agrees = _measured(old.claim, facts)
    return replace(old, measured=measured, agrees=agrees) if measured else old


def _measured(claim: Claim, facts: Facts) -> tuple[str, bool | None]:
    """What was measured of what a claim is about, in words, and whether it agrees."""
    if claim.kind == "unchanged" and facts.changed is not None:
        files = f"{facts.changed} file{'s' * (facts.changed != 1)} changed" if facts.changed else "nothing changed"
        return files, facts.changed == 0
    if claim.kind == "lint-clean":
        return _by_gate(facts, "lint")
    if claim.kind not in ("tests-pass", "tests-fail", "counts"):
        return "", None
    if facts.verdict:
        return _suite(facts), _by_suite(claim, facts)
    measured, agrees = _by_gate(facts, "tests")
    says_all_pass = claim.kind == "tests-pass" or (claim.kind == "counts" and not claim.failed)
    return measured, False if agrees is False and says_all_pass else None


def _by_gate(facts: Facts, about: str) -> tuple[str, bool | None]:
    """What the gate says: a green one proves only what it is known to be about."""
    kind = _kind(facts.gate_command)
    if facts.gate is None or kind not in (about, ""):
        return "", None
    if facts.gate:
        return "the gate passed", True if kind == about else None
    return f"the gate failed with {facts.gate_end}", False


_TESTING = re.compile(r"\b(?:\w{0,20}test\w{0,20}|tox|nox|mocha|rspec|spec)\b", re.IGNORECASE)
_LINTING = re.compile(
    r"\b(?:ruff|flake8|pylint|mypy|pyright|black|isort|eslint|prettier|tsc|biome|clippy|rustfmt|fmt|vet|golangci-lint"
    r"|\w{0,20}lint|rubocop|shellcheck)\b",
    re.IGNORECASE,
)


def _kind(command: str) -> str:
    """What a gate is about: tests, lint, or anything."""
    command = command[:2_000]
    tests, lint = _TESTING.search(command), _LINTING.search(command)
    return "" if bool(tests) == bool(lint) else "tests" if tests else "lint"


def _suite(facts: Facts) -> str:
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in facts.counts.items() if number)
    return f"the test suite: {counts or 'no counts'} (verdict {facts.verdict})"


def _by_suite(claim: Claim, facts: Facts) -> bool | None:
    """Whether a claim about tests is true of the whole suite; fewer tests than it has may be a part of them."""
    if facts.verdict == "inconclusive" or not facts.counts:
        return None
    passed, bad = facts.counts.get("passed", 0), facts.counts.get("failed", 0) + facts.counts.get("errored", 0)
    if claim.kind == "tests-pass":
        return bad == 0
    if claim.kind == "tests-fail":
        return bad > 0 if claim.failed is None else bad == claim.failed
    if claim.failed is not None and (claim.failed > bad or (claim.failed == 0 and bad)):
        return False
    if claim.passed == passed:
        return True
    return False if (claim.passed or 0) > passed else None
