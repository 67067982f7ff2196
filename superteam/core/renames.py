"""Test ids that changed: tests that were moved, got parameters, or have ids that change from run to run.

Two rules (verdicts, section 3): a test under another id is the same test only if its code is the same, or if it is the
same function with more parameters; and ids change from run to run only if two runs of one tree differ in them.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from superteam.core.results import TestId

Pair = tuple[TestId, TestId]
Function = tuple[str, tuple[str, ...], str]
Variant = tuple[Function, str]
MOST_TWINS = 100  # of one test, among which the one in the same class or file is looked for
MOST_PARAMETERS = 10  # that a test gets in one change and is still recognised

# Every repetition is of one class and bounded, or of one class alone: linear on ids of any length.
_DIGITS = re.compile(r"[0-9]+")
_HEX = re.compile(r"\b[0-9a-fA-F]{5,}\b|(?<=@)[0-9a-fA-F]+\b|\b0[xX][0-9a-fA-F]+\b")
_LINE = re.compile(r"\b(lines?|col(?:umn)?)([ :=]{0,2})[0-9]{1,7}\b", re.IGNORECASE)
_SEPARATORS = ("::", " > ")


@dataclass(frozen=True, slots=True)
class IdParts:
    """A test id taken apart: `place` is its file or module, `groups` classes or titles around it."""

    place: str
    groups: tuple[str, ...]
    name: str
    parameters: str

    @property
    def function(self) -> Function:
        """The test without its parameters."""
        return self.place, self.groups, self.name


def parts_of(id: TestId) -> IdParts:
    """Takes an id apart: "a.py::TestX::test_a[1]", "a.test.ts > adds > one", or a name alone."""
    places = {mark: id.find(mark) for mark in _SEPARATORS if mark in id}
    mark = min(places, key=lambda known: places[known], default="")
    start = places[mark] + len(mark) if mark else 0
    bracket = id.find("[", start) if id.endswith("]") else -1
    named = id if bracket < 0 else id[:bracket]
    parameters = "" if bracket < 0 else id[bracket + 1 : -1]
    if not mark:
        return IdParts("", (), named, parameters)
    place, *titles = named.split(mark)
    return IdParts(place, tuple(titles[:-1]), titles[-1], parameters)


# Tests with the same code elsewhere, and tests with more parameters than before.


def renamed_tests(
    gone: Sequence[TestId], new: Sequence[TestId], before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Returns the pairs of ids that are one test, where this is certain.

    `before` and `after` are the texts of the files at both commits. Without them no test counts as moved.
    """
    pairs = _other_lines(gone, new)
    pairs += _more_parameters(*_unpaired(gone, new, pairs))
    pairs += _moved(*_unpaired(gone, new, pairs), before, after)
    return tuple(pairs)


def files_to_compare(gone: Iterable[TestId], new: Iterable[TestId]) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the files at both commits whose texts show whether a test was moved."""
    wanted = defaultdict(set)
    for id in gone:
        parts = parts_of(id)
        wanted[parts.name, parts.parameters].add(_file(parts.place))
    before: set[str] = set()
    after: set[str] = set()
    for id in new:
        parts = parts_of(id)
        places = wanted.get((parts.name, parts.parameters))
        if places:
            before |= places
            after.add(_file(parts.place))
    return frozenset(before - {""}), frozenset(after - {""})


def _unpaired(
    gone: Sequence[TestId], new: Sequence[TestId], pairs: Iterable[Pair]
) -> tuple[list[TestId], list[TestId]]:
    """Returns what is still without a partner on both sides."""
    taken = {id for pair in pairs for id in pair}
    return [id for id in gone if id not in taken], [id for id in new if id not in taken]


def _other_lines(gone: Iterable[TestId], new: Iterable[TestId]) -> list[Pair]:
    """Pairs tests that are named by their line, as documentation tests are: by their order."""
    free = defaultdict(list)
    for id in new:
        free[_LINE.sub(r"\1", id)].append(id)
    pairs = []
    for id in gone:
        shape = _LINE.sub(r"\1", id)
        if shape != id and free[shape]:
            pairs.append((id, free[shape].pop(0)))
    return pairs


def _more_parameters(gone: Iterable[TestId], new: Iterable[TestId]) -> list[Pair]:
    """Pairs a test with the first of its new variants: test_a with test_a[1], test_a[x] with test_a[x-1]."""
    wanted = {_variant(id): id for id in gone}
    variants: dict[Variant, list[TestId]] = defaultdict(list)
    for id in new:
        function, parameters = _variant(id)
        for shorter in _shorter(parameters):
            if (function, shorter) in wanted:
                variants[function, shorter].append(id)
    pairs = []
    taken: set[TestId] = set()
    for variant, id in wanted.items():
        match = next((other for other in variants[variant] if other not in taken), None)
        if match is not None:
            taken.add(match)
            pairs.append((id, match))
    return pairs


def _variant(id: TestId) -> Variant:
    parts = parts_of(id)
    return parts.function, parts.parameters


def _shorter(parameters: str) -> set[str]:
    """Returns the parameters without some at their front or end, and none at all."""
    found = {""} if parameters else set()
    start = end = parameters
    for _ in range(MOST_PARAMETERS):
        start, end = start.rpartition("-")[0], end.partition("-")[2]
        found |= {start, end}
    return found


def _moved(
    gone: Sequence[TestId], new: Sequence[TestId], before: Mapping[str, str], after: Mapping[str, str]
) -> list[Pair]:
    """Pairs tests of one name and the same code in another file or class, where there is one such test on each side."""
    code_before = _reader(before)
    code_after = _reader(after)
    names = {parts_of(id).name for id in gone}
    twins: dict[tuple[str, str, str], list[TestId]] = defaultdict(list)
    for id in new:
        parts = parts_of(id)
        if parts.name in names:
            twins[parts.name, parts.parameters, code_after(parts)].append(id)
    found: dict[TestId, TestId] = {}
    for id in gone:
        parts = parts_of(id)
        code = code_before(parts)
        same = twins[parts.name, parts.parameters, code] if code else []
        match = _only(same, parts) if len(same) <= MOST_TWINS else None
        if match is not None:
            found[id] = match
    chosen = Counter(found.values())
    return [(id, twin) for id, twin in found.items() if chosen[twin] == 1]


def _only(twins: Sequence[TestId], parts: IdParts) -> TestId | None:
    """Returns the one candidate, or the one in the same class or file; None where several remain."""
    for kept in (
        twins,
        [id for id in twins if parts_of(id).groups == parts.groups],
        [id for id in twins if parts_of(id).place == parts.place],
    ):
        if len(kept) == 1:
            return kept[0]
    return None


def _reader(texts: Mapping[str, str]) -> Callable[[IdParts], str]:
    """Returns a function that gives the code of a test; each file is parsed once."""
    parsed: dict[str, dict[tuple[str, ...], str] | None] = {}

    def code(parts: IdParts) -> str:
        file = _file(parts.place)
        text = texts.get(file)
        if text is None:
            return ""
        if not file.endswith(".py"):
            return _block(text, parts.name)
        if file not in parsed:
            parsed[file] = python_tests(text)
        functions = parsed[file]
        return functions.get((*parts.groups, parts.name), "") if functions else ""

    return code


def _file(place: str) -> str:
    """The path in a place: a project may follow it, as in "a.test.ts [unit]"."""
    if place.endswith("]") and " [" in place:
        return place.rpartition(" [")[0]
    return place


def python_tests(text: str) -> dict[tuple[str, ...], str]:
    """Returns the code of each function by its classes and name, as far as it decides what a test does.

    Layout, comments and `self` do not count. Decorators do: they skip, patch and parametrise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the style of the code
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[tuple[str, ...], str] = {}
    _collect(tree.body, (), found)
    return found


def _collect(body: Iterable[ast.stmt], groups: tuple[str, ...], found: dict[tuple[str, ...], str]) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            _collect(node.body, (*groups, node.name), found)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            key = (*groups, node.name)
            # Of two functions with one name only the last is run; neither proves anything about the other.
            found[key] = "" if key in found else _code(node)


def _code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = [item.arg for item in node.args.args if item.arg not in ("self", "cls")]
    parts = [*node.args.defaults, *node.decorator_list, *node.body]
    try:
        return repr((type(node).__name__, arguments, [ast.dump(part) for part in parts]))
    except RecursionError:
        return ""


def _block(text: str, name: str) -> str:
    """Returns the lines of the one place that names a test and of what is indented below it; "" if there are more."""
    lines = [line for line in text.splitlines() if line.strip()]
    heads = [number for number, line in enumerate(lines) if name in line]
    if len(heads) != 1:
        return ""
    start = heads[0]
    indent = _indentation(lines[start])
    end = start + 1
    while end < len(lines) and _indentation(lines[end]) > indent:
        end += 1
    return "\n".join(line.strip() for line in lines[start:end])


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


# Ids that change from run to run.


@dataclass(frozen=True, slots=True)
class Compared:
    """What a second run of the reference shows about the ids that are gone.

    `pairs` are changing ids with the new ids that took their places. `absent` did not run in the second run either, and
    nothing took their places in any of the two.
    """

    pairs: tuple[Pair, ...] = ()
    absent: tuple[TestId, ...] = ()


def compare_runs(
    gone: Sequence[TestId], new: Sequence[TestId], expected: Collection[TestId], again: Collection[TestId]
) -> Compared:
    """Compares ids by count where two runs of the reference, `expected` and `again`, differ in them."""
    pairs: list[Pair] = []
    for level in (shape, _function, _place):
        left, free = _unpaired(gone, new, pairs)
        first, second, fresh = _groups(expected, level), _groups(again, level), _groups(free, level)
        for group, ids in _groups(left, level).items():
            known, seen = frozenset(first[group]), frozenset(second.get(group, ()))
            if known == seen or len(seen) < len(known):
                continue
            candidates = sorted(ids, key=seen.__contains__)
            if level is _place:  # too wide to excuse what the second run has as well
                candidates = [id for id in candidates if id not in seen]
            pairs += zip(candidates, fresh.get(group, ()), strict=False)
    left, _ = _unpaired(gone, new, pairs)
    absent = []
    counts = [(level, _counts(expected, level), _counts(again, level)) for level in (shape, _function)]
    for id in left:
        if all(second[level(id)] < first[level(id)] for level, first, second in counts):
            absent.append(id)
    return Compared(tuple(pairs), tuple(absent))


def shape(id: TestId) -> str:
    """An id with its numbers and hashes replaced."""
    return _DIGITS.sub("0", _HEX.sub("0", id))


def _function(id: TestId) -> str:
    """The id without parameters: what is in brackets, or behind the first bracket."""
    parts = parts_of(id)
    name = re.split(r"[\[(]", parts.name, maxsplit=1)[0]
    return repr((parts.place, parts.groups, name))


def _place(id: TestId) -> str:
    return parts_of(id).place


def _counts(ids: Iterable[TestId], key: Callable[[TestId], str]) -> Counter[str]:
    return Counter(map(key, ids))


def _groups(ids: Iterable[TestId], key: Callable[[TestId], str]) -> dict[str, list[TestId]]:
    found: dict[str, list[TestId]] = {}
    for id in ids:
        found.setdefault(key(id), []).append(id)
    return found
