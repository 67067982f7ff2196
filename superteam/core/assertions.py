"""Assertions before and after a change, paired hunk by hunk: which went, got weaker, or expect another value.

Only changed lines are seen, so that this is a reading of words, not a proof: a finding never blocks. All patterns are
linear, and a line is compared with its neighbours only, since a diff may have hundreds of thousands of lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from superteam.core.changes import Change, Lines
from superteam.core.comments import without_comments
from superteam.core.deciders import ASSERTION, COMMENT, EMPTY_ASSERTION
from superteam.core.finding import Kind

_LONGEST = 2000  # characters of a line that are compared
_NEAR = 8  # lines of a hunk, before and after its own place, among which an assertion's new form is looked for
# What asserts in a file that is not a test's: `verify(token)` is no assertion there.
_SURE = re.compile(
    r"(?i: (?<![a-z])(?:assert|refute)) | \bexpect\( | \braises\( | \.to(?:Be|Equal|Have|Match|Throw|Contain)\w{0,30}\("
    r" | \b(?:REQUIRE|CHECK|EXPECT|ASSERT)(?:_[A-Z]{1,30}){1,4}\( | (?<![\w.])t\.(?:Error|Fatal|Fail)\w{0,20}\("
    r" | \.should\b | \b(?:pytest|self)\.fail\(",
    re.VERBOSE,
)
_CODE = (
    *(".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".go", ".rs"),
    *(".java", ".kt", ".kts", ".groovy", ".scala", ".cs", ".fs", ".vb", ".rb", ".php", ".phpt", ".c", ".cc", ".cpp"),
    *(".cxx", ".h", ".hh", ".hpp", ".swift", ".dart", ".bats", ".sh", ".ex", ".exs", ".feature", ".robot"),
)
_RECORDED = re.compile(
    r"(?i:.*\.(?:snap|ambr|golden|approved(?:\.\w{1,9})?|expected|expect|out|stdout|stderr)|(?:.*/)?__snapshots__/.*"
    r"|(?:.*/)?(?:golden|goldens|snapshots|expected|fixtures|testdata|approvals)/.*)",
    re.DOTALL,
)
# How much an assertion says: that two things are equal, how they compare, or only that there is something.
_EQUAL = re.compile(
    r"""(?<![=!<>])==(?!=?[ ]{0,2}(?:mock\.)?ANY\b) | \bis[ ](?:True|False)\b | -eq\b | \[ .{0,200}[ ]==?[ ]
      | (?i:assert_?(?:eq(?:ual)?s?|same|is|(?:dict|list|tuple|set|sequence|count|multiline|almost)_?equal)!?[ ]{0,2}\()
      | \.(?:toBe|toEqual|toStrictEqual|toBeCloseTo|toThrow\w{0,20}|toMatch(?:Inline)?Snapshot|toHaveBeenCalledWith)\(
      | (?<!not)\.(?:equals?|eql|eqls?|same|Equal|EqualValues|Same|isEqualTo|hasSize|hasMessage)\(
      | (?<!not)\.?(?:strict|deep|deepStrict)Equal\( | \b(?:eq|eql|equal|be)[ (]
      | \b(?:EXPECT|ASSERT|REQUIRE|CHECK)_(?:EQ|STREQ|DOUBLE_EQ|FLOAT_EQ|NEAR)\(
      | \b(?:raises|throws)\w{0,10}\(""",
    re.VERBOSE,
)
_SAME = re.compile(r"(?<![=!<>])==(?!=?[ ]{0,2}(?:mock\.)?ANY\b)")
_COMPARED = re.compile(
    r"[<>]=? | != | \bin\b | \bnot\. | assert\w{0,9}(?:In|Greater|Less|Regex|Contains)\b"
    r" | \.(?:toContain|toMatch|toBeGreater|toBeLess|toHave|match|contains?|include|startsWith|Contains)\w{0,20}\("
    r" | \b(?:startswith|endswith|match|include)\b",
    re.VERBOSE,
)
# Something that is asked whether it is there, or true.
_EXISTS = re.compile(
    r"""\bis[ ]not[ ]None\b | \bisinstance\( | \bcallable\( | \bhasattr\( | \b(?:mock\.)?ANY\b | \banything\(\)
      | (?i:assert_?(?:true|is_?not_?none|not_?none|not_?null|is_?instance|is_?not_?null|ok)\b)
      | \.(?:toBeTruthy|toBeDefined|toBeInstanceOf|ok)\b
      | \.(?:NotNil|NotNull|NotEmpty|NoError|isNotNull|exist|toHaveBeenCalled)\b
      | \.not\.toBe(?:Null|Undefined|NaN)\( | \bnot_to[ ]be_nil\b | \bbe_truthy\b | \bis_some\(\) | \bis_ok\(\)""",
    re.VERBOSE,
)
_ALWAYS = re.compile(r"\bor\b[^\n]{0,80}(?:True|not\b|\bis None\b)|\|\|[ ]{0,4}true\b")
_AWAITED = re.compile(r"\bawait\b|\breturn[ ](?:expect|assert)\b")
# Names that catch more than an exact type of exception does.
_BROAD = re.compile(r"\b(?:Exception|BaseException|Error|Throwable|RuntimeException|StandardError|object)\b")
_RAISES = re.compile(r"\b(?:assert_?)?(?:raises|throws)\w{0,10}[ ]{0,2}[(<]?|\.toThrow\w{0,20}\(", re.IGNORECASE)
_TOLERANCE = re.compile(
    r"(?i:\b(?:abs|rel|atol|rtol|delta|epsilon|eps|tolerance|tol|within|precision)(?:_tol)?)\b[ ]{0,2}[=:(]?[ ]{0,2}"
    r"([0-9]{1,12}(?:\.[0-9]{0,12})?(?:e-?[0-9]{1,3})?)"
)
_PLACES = re.compile(r"(?:\bplaces[ ]{0,2}=[ ]{0,2}|\.toBeCloseTo\([^,()\n]{1,80},[ ]{0,2})([0-9]{1,4})")
# What keeps a failure from being seen. Ranked by how surely.
_SWALLOWS = re.compile(
    r"""(?<![\w.])try\b | \bsuppress\( | \bexcept\b | \bcatch\b | \brescue\b | \bThread\( | \bsubmit\( | \bTimer\(
      | \bsetTimeout\( | \bsetImmediate\( | \bqueueMicrotask\( | \bnextTick\( | \bunref\b | \bcreate_task\(
      | \bensure_future\( | \.then\( | \bPromise\b | \bgo[ ]func\b | \bspawn\( | \bfork\b""",
    re.VERBOSE,
)
_CONDITION = re.compile(r"(?<![\w.])(?:if|elif|else|unless|while|switch)\b|&&|\?[^.?]")
_DEFINES = re.compile(r"(?<![\w.])(?:def|class|function|func|fn|it|test|describe|void|fun|sub|TEST\w{0,3})\b|=>|lambda")
_EARLY_RETURN = re.compile(r"[ \t]{1,200}return[ \t]{0,4};?[ \t]{0,4}$")
_CATCHES = re.compile(
    r"[ \t]{0,200}(?:except(?:[ \t]{0,4}:|\b[^\n]{0,80}\b(?:AssertionError|Exception|BaseException)\b)"
    r"|[^\n]{0,80}\bsuppress\(|\}?[ \t]{0,4}catch\b|[^\n]{0,120}\.catch\(|rescue\b)"
)
_REPLACES = re.compile(
    r"\bmonkeypatch\.set(?:attr|item)\b|\b(?:mock\.)?patch(?:\.object|\.dict)?\(|\b(?:jest|vi)\.(?:mock|doMock|spyOn)\("
    r"|\bsinon\.(?:stub|replace)\b|\ballow\(|\bsys\.modules\["
)
_TOKEN = re.compile(r"[A-Za-z_]\w{0,99}|[0-9][\w.]{0,60}|\"(?:[^\"\\]|\\.){0,200}\"|'(?:[^'\\]|\\.){0,200}'")
_FRAMEWORK = frozenset(
    _TOKEN.findall(
        """assert self is not none true false in and or expect to be eq equal equals equality should that t require
        asserttrue assertequal assertequals assertis assertfalse asserteq assert_eq assertthat assert_equal isequalto
        tobe toequal tostrictequal strictequal deepequal deepstrictequal ok tobetruthy tobedefined assertisnotnone
        notnil error errorf fatal fatalf raises pytest unittest with as await return noerror"""
    )
)
_LITERAL = re.compile(r"[0-9\"']")
_TEST_NAME = re.compile(r"[ \t]{0,40}(?:async[ \t]{1,4})?def[ \t]{1,4}(test\w{0,200})[ \t]{0,4}\(")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an assertion: the kind of its finding, its rank, the line in the new file, and words."""

    kind: Kind
    rank: int
    line: int | None
    words: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that stand in the place of others, without comments."""

    removed: Lines
    added: Lines


def hunks(change: Change) -> Iterator[Hunk]:
    """The hunks of a difference without context, found again by the numbers of its lines."""
    removed, added = list(_runs(change.removed)), list(_runs(change.added))
    removed.reverse()
    added.reverse()
    shift = 0  # of a line that both files have: its number in the new one less that in the old one
    while removed or added:
        old = removed[-1][0][0] + shift if removed else None
        new = added[-1][0][0] if added else None
        gone = removed.pop() if old is not None and (new is None or old <= new) else ()
        come = added.pop() if new is not None and (old is None or new <= old) else ()
        shift += len(come) - len(gone)
        yield Hunk(without_comments(change.path, gone), without_comments(change.path, come))


def _runs(lines: Lines) -> Iterator[Lines]:
    """The lines in groups whose numbers follow each other."""
    if not lines:
        return
    breaks = [index for index, (old, new) in enumerate(pairwise(lines), 1) if new[0] != old[0] + 1]
    for start, end in pairwise([0, *breaks, len(lines)]):
        yield lines[start:end]


def added_assertions(changes: Iterable[Change]) -> Counter[str]:
    """How often each assertion stands among the added lines of all files: one that was moved there is not lost."""
    texts = (text[:_LONGEST] for change in changes if change.path.endswith(_CODE) for _, text in change.added)
    return Counter(_plain(text) for text in texts if _SURE.search(text) or ASSERTION.search(text))


def changed_assertions(change: Change, is_test: bool, elsewhere: Counter[str]) -> Iterator[Told]:
    """What a change does to assertions; in a test's file also to the values that they expect and to what they see.

    `elsewhere` counts the added assertions of all files, and is used up.
    """
    if change.status == "deleted" or change.binary:
        return
    if not change.path.endswith(_CODE):
        if is_test and change.removed and _RECORDED.fullmatch(change.path):
            yield from _recorded(change)
        return
    for hunk in hunks(change):
        if hunk.removed:
            yield from _compared(hunk, is_test, elsewhere)
        if is_test and change.status != "added" and hunk.added:
            yield from _unseen(hunk)


def hidden_tests(text: str) -> Iterator[tuple[int, int, str]]:
    """Each Python test that a later one of the same name and place hides: both lines, and the name.

    The place is the class, or whatever else it is indented below: two branches of an `if` hide nothing.
    """
    above: list[tuple[int, int]] = []  # depth and number of the lines that the current one is indented below
    seen: dict[tuple[int, str], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith(("#", ")", "]", "}")):
            continue
        depth = _depth(line)
        while above and above[-1][0] >= depth:
            above.pop()
        match = _TEST_NAME.match(line[:400])
        if match is not None:
            key = (above[-1][1] if above else 0, match[1])
            if key in seen:
                yield seen[key], number, match[1]
            seen[key] = number
        above.append((depth, number))


# pairs


def _is_assertion(text: str, is_test: bool) -> bool:
    pattern = ASSERTION if is_test else _SURE
    return bool(pattern.search(text)) and not COMMENT.match(text)


def _compared(hunk: Hunk, is_test: bool, elsewhere: Counter[str]) -> Iterator[Told]:
    """Each removed assertion with that which stands in its place."""
    old = [text[:_LONGEST] for _, text in hunk.removed]
    new = [(number, text[:_LONGEST]) for number, text in hunk.added]
    same = {_plain(text): place for place, (_, text) in reversed(list(enumerate(new)))}
    free = [place for place, (_, text) in enumerate(new) if _is_assertion(text, is_test)]
    kept = {_plain(text) for text in old}
    free = [place for place in free if _plain(new[place][1]) not in kept]
    tokens = {place: _tokens(new[place][1]) for place in free}
    used: set[int] = set()
    at = 0
    for index, text in enumerate(old):
        if not _is_assertion(text, is_test) or EMPTY_ASSERTION.search(text):
            if is_test:
                yield from _value_changed(text, new, index)
            continue
        plain = _plain(text)
        if plain in same:
            elsewhere[plain] -= 1
            yield from _deeper(text, new, same[plain])
            continue
        while at < len(free) and free[at] < index - _NEAR:
            at += 1
        near = [place for place in free[at : at + 2 * _NEAR] if place not in used]
        before = _tokens(text)
        best = max(near, key=lambda place: _likeness(before, tokens[place]), default=None)
        if best is None and elsewhere[plain] > 0:
            elsewhere[plain] -= 1
            continue
        if best is None:
            told = _inside(text, new)
            yield told or Told("assertions-removed", 2, None, "an assertion was removed", text)
            continue
        used.add(best)
        elsewhere[plain] -= elsewhere[plain] > 0
        told = _pair(text, *new[best])
        if told is not None:
            yield told


def _pair(old: str, line: int, new: str) -> Told | None:
    """What became of an assertion that another one replaces; None if only its form was changed."""
    if EMPTY_ASSERTION.search(new):
        return Told("assertions-removed", 2, line, "an assertion cannot fail any more", _both(old, new))
    words = _weaker(old, new)
    if words:
        return Told("assertion-changed", 2, line, words, _both(old, new))
    before, after = _tokens(old), _tokens(new)
    if before == after:
        return None
    if not before & after:
        return Told("assertion-changed", 2, line, "an assertion gave way to one about something else", _both(old, new))
    literals = {token for token in before if _LITERAL.match(token)}, {t for t in after if _LITERAL.match(t)}
    if literals[0] != literals[1]:
        return Told("assertion-changed", 3, line, "what an assertion expects was changed", _both(old, new))
    return Told("assertion-changed", 4, line, "an assertion was changed", _both(old, new))


def _weaker(old: str, new: str) -> str | None:
    """Why the new assertion says less, in words; None if it does not."""
    if _ALWAYS.search(new) and not _ALWAYS.search(old):
        return "an assertion was weakened by `or`"
    if _swallows(new) and not _swallows(old):
        return "the failure of an assertion may not be seen any more"
    if _AWAITED.search(old) and not _AWAITED.search(new):
        return "an assertion is not awaited any more"
    if _CONDITION.search(new) and not _CONDITION.search(old):
        return "an assertion became conditional"
    if _RAISES.search(old):
        return _wider(old, new)
    if _lenient(old, new):
        return "the tolerance of an assertion was widened"
    return "an assertion was weakened" if _strength(new) < _strength(old) else None


def _wider(old: str, new: str) -> str | None:
    if not _RAISES.search(new):
        return "an assertion about an exception was weakened"
    more = len(_BROAD.findall(new)) > len(_BROAD.findall(old)) or ("(" in new and new.count(",") > old.count(","))
    if more or ("match" in old and "match" not in new):
        return "an assertion accepts more exceptions"
    return None


def _lenient(old: str, new: str) -> bool:
    before, after = _TOLERANCE.search(old), _TOLERANCE.search(new)
    if before and after and float(after[1]) > float(before[1]):
        return True
    if after and not before and "==" in old:
        return True
    places = _PLACES.search(old), _PLACES.search(new)
    return bool(places[0] and places[1] and int(places[1][1]) < int(places[0][1]))


def _strength(text: str) -> int:
    if EMPTY_ASSERTION.search(text):
        return 0
    if _EXISTS.search(text):
        return 3 if _SAME.search(text) else 1
    if _EQUAL.search(text):
        return 3
    return 2 if _COMPARED.search(text) else 1


def _swallows(text: str) -> bool:
    return _SWALLOWS.search(text) is not None


def _deeper(old: str, new: Sequence[tuple[int, str]], place: int) -> Iterator[Told]:
    """An assertion that stayed, and now stands below something that may keep it from failing."""
    number, text = new[place]
    depth = _depth(text)
    if depth <= _depth(old):
        return
    for _, above in reversed(new[max(0, place - _NEAR) : place]):
        if _depth(above) >= depth:
            continue
        depth = _depth(above)
        words = _hides(above)
        if words:
            yield Told("assertion-changed", 2, number, words, _both(above.strip(), text))
            return
        if depth <= _depth(old) - 4:
            return


def _hides(opener: str) -> str | None:
    if _swallows(opener):
        return "the failure of an assertion may not be seen any more"
    if _DEFINES.search(opener):
        return None
    return "an assertion became conditional" if _CONDITION.search(opener) else None


def _inside(old: str, new: Sequence[tuple[int, str]]) -> Told | None:
    """An assertion whose text is now a part of something else: a string that is run, a function nobody waits for."""
    core = old.strip().rstrip(";{ ")
    for number, text in new[: 4 * _NEAR]:
        if len(core) > 8 and core in text:
            return Told("assertion-changed", 2, number, "the failure of an assertion may not be seen any more", text)
    return None


def _unseen(hunk: Hunk) -> Iterator[Told]:
    """What was added to a test so that it ends early, does not fail, or runs something else than the product."""
    defines = False
    texts = [text for _, text in hunk.removed]
    had_catch, had_mock = any(map(_CATCHES.match, texts)), any(map(_REPLACES.search, texts))
    for number, text in hunk.added:
        text = text[:_LONGEST]
        defines = defines or (_DEFINES.search(text) is not None and not hunk.removed)
        if not defines and _EARLY_RETURN.match(text):
            yield Told("assertion-changed", 2, number, "a test may end before its assertions", text)
        elif not defines and not had_catch and _CATCHES.match(text):
            yield Told("assertion-changed", 2, number, "a test may not see a failure any more", text)
        elif not had_mock and _REPLACES.search(text):
            rank = 5 if defines else 3
            yield Told("assertion-changed", rank, number, "a test puts something in the place of what it tests", text)


def _value_changed(old: str, new: Sequence[tuple[int, str]], index: int) -> Iterator[Told]:
    """Another value in a line that stayed as it was otherwise: a table of cases, a constant."""
    if index >= len(new):
        return
    number, text = new[index]
    before, after = _all_tokens(old), _all_tokens(text)
    literals = Counter(t for t in before if _LITERAL.match(t)), Counter(t for t in after if _LITERAL.match(t))
    lost = literals[0] - literals[1]
    names = {t for t in before if not _LITERAL.match(t)}, {t for t in after if not _LITERAL.match(t)}
    if lost and (names[0] & names[1] or not names[0]):
        yield Told("assertion-changed", 5, number, "a value that tests use was changed", _both(old, text))


def _recorded(change: Change) -> Iterator[Told]:
    """A recorded expectation: a snapshot, a golden file, test data."""
    for hunk in hunks(change):
        if not hunk.removed:
            continue
        old = hunk.removed[0][1]
        line, new = hunk.added[0] if hunk.added else (None, "nothing")
        yield Told("assertion-changed", 3, line, "a recorded expectation was changed", _both(old, new))


# words


def _plain(text: str) -> str:
    """The text without blanks, and without what differs between styles."""
    return "".join(text.split()).rstrip(";,").replace("'", '"')


def _all_tokens(text: str) -> list[str]:
    return [
        token.lower() if token[0].isalpha() else token.replace("'", '"') for token in _TOKEN.findall(text[:_LONGEST])
    ]


def _tokens(text: str) -> frozenset[str]:
    return frozenset(token for token in _all_tokens(text) if token not in _FRAMEWORK)


def _likeness(before: frozenset[str], after: frozenset[str]) -> float:
    return len(before & after) / max(1, len(before | after))


def _depth(text: str) -> int:
    return len(text) - len(text.lstrip())


def _both(old: str, new: str) -> str:
    """Old and new side by side, each short enough that both are seen."""
    return f"{_short(old)} -> {_short(new)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:69]}…"
