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
from dataclasses import dataclass, replace

from superteam.core.results import TestId

Pair = tuple[TestId, TestId]
Function = tuple[str, tuple[str, ...], str]
Variant = tuple[Function, str]
MOST_TWINS = 100  # of one test, among which the one in the same class or file is looked for
MOST_WORDS = 50  # of a test's name, among which its own title is looked for
MOST_PARAMETERS = 10  # that a test gets in one change and is still recognised

# Every repetition is of one class and bounded, or of one class alone: linear on ids of any length.
_DIGITS = re.compile(r"[0-9]+")
_HEX = re.compile(r"\b[0-9a-fA-F]{5,}\b|(?<=@)[0-9a-fA-F]+\b|\b0[xX][0-9a-fA-F]+\b")
_DOCTEST = "doctest"  # in the place of parameters: a function and its documentation are two
_FRAMEWORK = re.compile(r"[a-z][a-z0-9_-]{1,20}: ")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}")
_FILES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte")  # "a.test.ts" is no module
_LINE = re.compile(r"\b(lines?|col(?:umn)?)([ :=]{0,2})[0-9]{1,7}\b", re.IGNORECASE)
_SEPARATORS = ("::", " > ")

_AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
CodeOf = Callable[[_AnyFunction], str]

# Assertions of unittest: of one value, and of two that an operator compares.
_NONE = ast.Constant(None)
_ALONE: Mapping[str, Callable[[ast.expr], ast.expr]] = {
    "assertTrue": lambda value: value,
    "assertFalse": lambda value: ast.UnaryOp(ast.Not(), value),
    "assertIsNone": lambda value: ast.Compare(value, [ast.Is()], [_NONE]),
    "assertIsNotNone": lambda value: ast.Compare(value, [ast.IsNot()], [_NONE]),
}
_COMPARED: Mapping[str, ast.cmpop] = {
    "assertEqual": ast.Eq(),
    "assertNotEqual": ast.NotEq(),
    "assertIs": ast.Is(),
    "assertIsNot": ast.IsNot(),
    "assertIn": ast.In(),
    "assertNotIn": ast.NotIn(),
    "assertGreater": ast.Gt(),
    "assertGreaterEqual": ast.GtE(),
    "assertLess": ast.Lt(),
    "assertLessEqual": ast.LtE(),
}


@dataclass(frozen=True, slots=True)
class IdParts:
    """A test id taken apart: `place` is its file or module, `groups` classes or titles around it.

    `is_module`: the place is a folder, perhaps, and a dotted name in it.
    """

    place: str
    groups: tuple[str, ...]
    name: str
    parameters: str
    is_module: bool = False

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


def _located(id: TestId) -> IdParts:
    """Takes an id apart, also those that name modules: "sub/tests.test_a.TestX.test_a", "shop.py::shop.price"."""
    folder, slash, dotted = _bare(id).rpartition("/")
    if _DOTTED.fullmatch(dotted) and not dotted.endswith(_FILES):
        module, group, name = dotted.rsplit(".", 2)
        return IdParts(f"{folder}{slash}{module}", (group,), name, "", is_module=True)
    parts = parts_of(_bare(id))
    module = _module_in(parts) if not parts.groups else ""
    if not module:
        return parts
    *groups, name = parts.name.removeprefix(f"{module}.").split(".")
    return IdParts(parts.place, tuple(groups), name, _DOCTEST)


def _bare(id: TestId) -> TestId:
    """An id without the name of a framework, which stands in front where a command calls several."""
    match = _FRAMEWORK.match(id)
    return id[match.end() :] if match else id


def _module_in(parts: IdParts) -> str:
    """The module by which pytest names a doctest: the dotted end of its file's path; "" if it is no doctest."""
    if not parts.place.endswith(".py") or "." not in parts.name:
        return ""
    folders = _dotted(parts.place).split(".")
    modules = [".".join(folders[front:]) for front in range(len(folders))]
    return next((module for module in modules if parts.name.startswith(f"{module}.")), "")


def _dotted(path: str) -> str:
    """The module in a Python file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


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
    pairs += _other_names(*_unpaired(gone, new, pairs), before, after)
    return tuple(pairs)


def files_to_compare(gone: Iterable[TestId], new: Iterable[TestId]) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the files at both commits whose texts show whether a test was moved."""
    wanted: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for id in gone:
        parts = _located(id)
        for key in _likenesses(parts):
            wanted[key].update(_files(parts))
    before: set[str] = set()
    after: set[str] = set()
    for id in new:
        parts = _located(id)
        places = [wanted[key] for key in _likenesses(parts) if key in wanted]
        if places:
            before.update(*places)
            after.update(_files(parts))
    return frozenset(before), frozenset(after)


def _likenesses(parts: IdParts) -> tuple[tuple[str, ...], ...]:
    """What two ids have in common if they may be one test: how their name ends, or their class and file."""
    return ("end", parts.name.rpartition(" ")[2], parts.parameters), ("place", parts.place, *parts.groups)


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
    plain_before = _reader(before, _plain_code)
    code_after = _reader(after)
    olds = {id: _titled(_located(id), before) for id in gone}
    names = {parts.name for parts in olds.values()}
    twins: dict[tuple[str, str, str], list[TestId]] = defaultdict(list)
    for id in new:
        parts = _titled(_located(id), after)
        if parts.name in names:
            twins[parts.name, parts.parameters, code_after(parts)].append(id)
    found: dict[TestId, TestId] = {}
    for id, parts in olds.items():
        same: list[TestId] = []
        for code in (code_before(parts), plain_before(parts)):
            same = same or (twins[parts.name, parts.parameters, code] if code else [])
        match = _only(same, parts) if len(same) <= MOST_TWINS else None
        if match is not None:
            found[id] = match
    chosen = Counter(found.values())
    return [(id, twin) for id, twin in found.items() if chosen[twin] == 1]


def _other_names(
    gone: Sequence[TestId], new: Sequence[TestId], before: Mapping[str, str], after: Mapping[str, str]
) -> list[Pair]:
    """Pairs tests with the same code and another name in one class or file, where there is one such test a side.

    Of Python only: elsewhere the lines of a test hold its name.
    """
    sides = []
    for ids, texts in ((gone, before), (new, after)):
        code, found = _reader(texts), defaultdict(list)
        for id in ids:
            parts = _located(id)
            own = code(parts) if parts.name.isidentifier() else ""
            if own:
                found[parts.place, parts.groups, parts.parameters, own].append(id)
        sides.append(found)
    olds, news = sides
    return [(ids[0], news[key][0]) for key, ids in olds.items() if len(ids) == len(news.get(key, ())) == 1]


def _only(twins: Sequence[TestId], parts: IdParts) -> TestId | None:
    """Returns the one candidate, or the one in the same class or file; None where several remain."""
    for kept in (
        twins,
        [id for id in twins if _located(id).groups == parts.groups],
        [id for id in twins if _located(id).place == parts.place],
    ):
        if len(kept) == 1:
            return kept[0]
    return None


def _reader(texts: Mapping[str, str], code_of: CodeOf | None = None) -> Callable[[IdParts], str]:
    """Returns a function that gives the code of a test; each file is parsed once."""
    parsed: dict[str, dict[tuple[str, ...], str] | None] = {}

    def code(parts: IdParts) -> str:
        file = next((file for file in _files(parts) if file in texts), None)
        if file is None:
            return ""
        if not file.endswith(".py"):
            return _block(texts[file], parts.name)
        if file not in parsed:
            parsed[file] = python_tests(texts[file], code_of)
        functions = parsed[file]
        return functions.get((*parts.groups, parts.name), "") if functions else ""

    return code


def _files(parts: IdParts) -> tuple[str, ...]:
    """The path in a place (a project may follow it: "a.test.ts [unit]"), or the paths that its module may have."""
    place = parts.place
    if place.endswith("]") and " [" in place:
        return (place.rpartition(" [")[0],)
    if parts.is_module:
        path = place.replace(".", "/")
        return f"{path}.py", f"{path}/__init__.py"
    return (place,) if place else ()


def in_renamed_file(id: TestId, files: Mapping[str, str], modules: Mapping[str, str]) -> TestId:
    """The id that a test has where its file, or the module that its id names, was renamed; `files` is old to new."""
    bare = _bare(id)
    front = id[: len(id) - len(bare)]
    parts = _located(bare)
    if parts.is_module:
        folder, slash, module = parts.place.rpartition("/")
        now = f"{folder}{slash}{modules.get(module, module)}"
        return front + now + bare[len(parts.place) :]
    mark = min((mark for mark in _SEPARATORS if mark in bare), key=bare.index, default="")
    place, _, rest = bare.partition(mark) if mark else (bare, "", "")
    file, gap, project = place.rpartition(" [") if place.endswith("]") and place not in files else (place, "", "")
    now = files.get(file, file)
    if parts.parameters == _DOCTEST and now != file:
        old = _module_in(parts_of(bare))
        rest = modules.get(old, _dotted(now)) + rest[len(old) :]
    return front + now + gap + project + mark + rest


def module_renames(files: Mapping[str, str]) -> dict[str, str]:
    """Modules by their new names, where git saw a Python file renamed; a folder at their front may be the root."""
    found: dict[str, str] = {}
    for old, new in files.items():
        if old.endswith(".py") and new.endswith(".py"):
            olds, news = _dotted(old).split("."), _dotted(new).split(".")
            for front in range(min(len(olds), len(news))):
                if olds[:front] == news[:front]:
                    found.setdefault(".".join(olds[front:]), ".".join(news[front:]))
    return found


def python_tests(text: str, code_of: CodeOf | None = None) -> dict[tuple[str, ...], str]:
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
    _collect(tree.body, (), found, code_of or _code)
    return found


def _collect(
    body: Iterable[ast.stmt], groups: tuple[str, ...], found: dict[tuple[str, ...], str], code_of: CodeOf
) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            _collect(node.body, (*groups, node.name), found, code_of)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            key = (*groups, node.name)
            # Of two functions with one name only the last is run; neither proves anything about the other.
            found[key] = "" if key in found else code_of(node)


def _code(node: _AnyFunction) -> str:
    arguments = [item.arg for item in node.args.args if item.arg not in ("self", "cls")]
    parts = [*node.args.defaults, *node.decorator_list, *node.body]
    try:
        return repr((type(node).__name__, arguments, [ast.dump(part) for part in parts]))
    except RecursionError:
        return ""


def _plain_code(node: _AnyFunction) -> str:
    """The code of a test with the assertions of unittest as pytest has them, which say the same.

    Of the old side only: a class of the new one might hold assertions of its own under these names.
    """
    try:
        return _code(_Plain().visit(node))
    except RecursionError:
        return ""


class _Plain(ast.NodeTransformer):
    """Writes the assertions of unittest as those of pytest."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Turns self.assertEqual(a, b) into assert a == b."""
        self.generic_visit(node)
        call = node.value
        name = _own_method(call)
        if not isinstance(call, ast.Call) or not name or call.keywords:
            return node
        wanted = 1 if name in _ALONE else 2
        known = name in _ALONE or name in _COMPARED or name == "assertIsInstance"
        if not known or not wanted <= len(call.args) <= wanted + 1:
            return node
        first, *others = call.args
        test: ast.expr
        if name == "assertIsInstance":
            test = ast.Call(ast.Name("isinstance", ast.Load()), [first, others[0]], [])
        elif name in _COMPARED:
            test = ast.Compare(first, [_COMPARED[name]], [others[0]])
        else:
            test = _ALONE[name](first)
        return ast.Assert(test, call.args[wanted] if len(call.args) > wanted else None)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Turns self.assertRaises into pytest.raises."""
        self.generic_visit(node)
        if _own_method(node) == "assertRaises" and len(node.args) == 1 and not node.keywords:
            raises = ast.Attribute(ast.Name("pytest", ast.Load()), "raises", ast.Load())
            return ast.Call(raises, node.args, [])
        return node


def _own_method(node: ast.expr) -> str:
    """The name of a method of `self` that is called, or ""."""
    called = node.func if isinstance(node, ast.Call) else None
    own = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self"
    return called.attr if own and isinstance(called, ast.Attribute) else ""


def _titled(parts: IdParts, texts: Mapping[str, str]) -> IdParts:
    """The parts with a test's own title, where the name holds all titles around it, as mocha writes them.

    That is the longest end of the name, in whole words, which stands in quotes in the file.
    """
    text = next((texts[file] for file in _files(parts) if file in texts), "")
    if not text or parts.groups or parts.place.endswith(".py") or " " not in parts.name:
        return parts
    words = parts.name.split(" ")
    for front in range(min(len(words), MOST_WORDS)):
        title = " ".join(words[front:])
        if any(quoted in text for quoted in _quoted(title)):
            return replace(parts, name=title)
    return parts


def _quoted(title: str) -> list[str]:
    return [f"{quote}{title}{quote}" for quote in "'\"`"]


def _block(text: str, name: str) -> str:
    """Returns the lines of the one place that names a test and of what is indented below it; "" if there are more.

    A title in quotes is looked for first: other lines may hold the same word, as an import does.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    titles = _quoted(name)
    heads = [number for number, line in enumerate(lines) if any(title in line for title in titles)]
    heads = heads or [number for number, line in enumerate(lines) if name in line]
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
