"""Old tests on new code: which changed files judge the others, and what their old versions say of a change.

A green suite proves nothing about what its judges were told to accept. So each changed file that judges (a test, what
tests load or read, what configures them) is taken back to the reference's version, on the changed product. A test that
passed at the reference, passes now, and fails then passes only because a judge was changed. Names, diffs and messages
are hostile text: all patterns here are linear.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from superteam.core.baseline import Expected, matches
from superteam.core.changes import Change
from superteam.core.deciders import SECTION, SHARED, files_behind, partly_deciding, pieces, role_of
from superteam.core.expectation import ExpectationChanged
from superteam.core.results import Completeness, Outcome, TestId, TestReport

OWN = "superteam.toml"
LEAVES = 4
UNSURE_LIMIT = 8  # judges whose role is not sure: each costs a run of the suite
_SHOWN = 3
NEAR = 3  # files of tests
_LINES = 6
_MESSAGE = 8192
_EXCERPT = 600

Read = Callable[[str], str]
"""The text of a file of a tree; empty where it has none, or is no text."""

# Which files are code. What a language's suite runs is a judge only where something shows it.
CODE = frozenset(
    f".{name}"
    for names in (
        ("py", "pyi", "pyx", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte"),
        ("go", "rs", "rb", "php", "java", "kt", "kts", "scala", "groovy", "swift", "dart", "ex", "exs"),
        ("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "cs", "fs", "vb"),
    )
    for name in names
)
_HISTORY = re.compile(r"(?:docs?/)?(?:CHANGELOG|CHANGES|HISTORY|NEWS)(?:\.(?:md|rst|txt|adoc))?", re.I)
_DOCUMENTS = re.compile(r"(?:.*/)?(?:docs?/.*|[^/]*\.(?:md|rst|adoc)|(?:LICENSE|CHANGELOG|AUTHORS|NOTICE)[^/]*)", re.I)
_FRAMEWORK = re.compile(
    r"""^[ \t]{0,20}(?:import|from)[ ]{1,4}(?:pytest|unittest|hypothesis|nose2?|doctest|behave|syrupy|testtools)\b
      | ["'](?:node:(?:test|assert(?:/strict)?)|assert|chai|vitest|@jest/\w{1,20}|mocha|ava|tap|sinon|expect|should)["']
      | ["'](?:@testing-library|@playwright/test|uvu)[/\w-]{0,40}["'] | \bexpect\.extend\( | \bdef[ ]pytest_\w
      | ^[ \t]{0,9}(?:require|include)[ (]{1,2}["']?(?:rspec|minitest|RSpec::) | \bPHPUnit\\ | \borg\.junit\b
      | ^[ \t]{0,9}"testing"$ | \bimport[ ]"testing" """,
    re.MULTILINE | re.VERBOSE,
)
_WEAK_FOLDER = re.compile(r"(?:^|/)(?:features|e2e|[^/]{0,255}(?:[._-][Tt]ests?|Tests?))/")
FIXTURES = re.compile(
    r"(?:^|/)(?:__)?(?:fixtures?|snapshots?|goldens?|expected|expectations?|cassettes|testdata|mocks?)(?:__)?/"
    r"|\.(?:golden|snap|ambr|expected|approved\.\w{1,9})$"
)
_LOADED_BY_OPTION = re.compile(
    r"(?:-p|--import|--require|-r|--loader|--experimental-loader|--file|--env-file|source|\.)[ =\"']{1,3}$"
    r"|(?i:setup\w{0,20}|plugins?|transform|preset|environment|mapper|alias|reporters?|globalSetup|require|import|file)"
    r"[\"']?[ \t]{0,4}[:=][^;}=]{0,120}$"
)

_INSIDE = (
    (".rs", "#[cfg(test)]"),
    (".js", "import.meta.vitest"),
    (".ts", "import.meta.vitest"),
    (".mjs", "import.meta.vitest"),
    (".tsx", "import.meta.vitest"),
    (".jsx", "import.meta.vitest"),
)


@dataclass(frozen=True, slots=True)
class Judge:
    """A changed file that decides what passes: its path now, its path at the reference, and the tests it holds."""

    path: str
    old_path: str | None
    tests: tuple[TestId, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The paths that are put back to the reference's state; one that the reference has not is removed."""
        return tuple(dict.fromkeys(filter(None, (self.path, self.old_path))))


@dataclass(frozen=True, slots=True)
class Roles:
    """The changed files by role.

    `sure` judges are taken back together. Each of `unsure` is taken back with them, in a run of its own: should it be
    product after all, that run is one of the reference's code and accuses nobody. So it is with `leaves`, modules that
    only tests name: of these only the tests that name them are run. `added` are new files of tests: they
    are removed with it, since they may need what is taken back. `inside` hold tests beside the product's code.
    """

    sure: tuple[Judge, ...] = ()
    unsure: tuple[Judge, ...] = ()
    leaves: tuple[Judge, ...] = ()
    added: tuple[str, ...] = ()
    inside: tuple[Judge, ...] = ()
    product: tuple[str, ...] = ()


def roles_of(
    changes: Sequence[Change], ids: Collection[TestId], command: str, files: Sequence[str], read: Read
) -> Roles:
    """Tells judges from product by evidence. `ids` are the tests of the reference, `files` those of the judged tree."""
    look = _Evidence(ids, command, files, read)
    groups: dict[str, list[Judge]] = {}
    for change in changes:
        judge = Judge(change.path, _old_path(change), look.tests_in(_old_path(change) or change.path))
        groups.setdefault(look.role(change), []).append(judge)
    product = groups.get("product", [])
    leaves = [judge for judge in product if look.is_leaf(judge, product)]
    groups["product"] = [judge for judge in product if judge not in leaves]
    return Roles(
        sure=tuple(groups.get("sure", ())),
        unsure=tuple(groups.get("unsure", ())),
        leaves=tuple(leaves),
        added=tuple(judge.path for judge in groups.get("added", ())),
        inside=tuple(groups.get("inside", ())),
        product=tuple(judge.path for judge in groups.get("product", ())),
    )


def _old_path(change: Change) -> str | None:
    return None if change.status == "added" else change.old_path or change.path


_Role = Literal["sure", "unsure", "added", "inside", "product", "none"]


@dataclass
class _Evidence:
    """What the files of a tree show of the role of one of them; texts of tests are read only when they are needed."""

    ids: Collection[TestId]
    command: str
    files: Sequence[str]
    read: Read
    _places: dict[str, list[TestId]] = field(default_factory=dict)
    _dotted: dict[str, list[TestId]] = field(default_factory=dict)
    _settings: str | None = None
    _tests: str | None = None
    _product: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.is_behind = files_behind(self.command)
        for id in self.ids:
            place = place_of(id)
            self._places.setdefault(place, []).append(id)
            self._dotted.setdefault(place.partition(".")[0], []).append(id)

    def tests_in(self, path: str) -> tuple[TestId, ...]:
        """The tests whose ids say that they are defined in this file."""
        parts = path.split("/")
        found: list[TestId] = []
        for start in range(len(parts)):
            found += self._places.get("/".join(parts[start:]), ())
        return tuple(found) or self._by_module(parts)

    def _by_module(self, parts: list[str]) -> tuple[TestId, ...]:
        """For frameworks that name modules (unittest: tests.test_shop.Price.test_price)."""
        modules = [*parts[:-1], parts[-1].partition(".")[0]]
        for start in range(len(modules)):
            name = ".".join(modules[start:])
            ids = [id for id in self._dotted.get(modules[start], ()) if id.startswith((f"{name}.", f"{name}::"))]
            if ids:
                return tuple(ids)
        return ()

    def role(self, change: Change) -> _Role:
        """The role of a changed file; "none" for one that neither judges nor is judged."""
        path, old = change.path, _old_path(change)
        if path == OWN:  # what it says of commands is judged by both configurations
            return "none"
        role = role_of(old or path, self.is_behind)
        if not (change.added or change.removed or change.binary):
            judges = change.status == "renamed" and (role != "other" or self._judges_by_evidence(old or path))
            if not judges:
                return "none"
        if _holds_product_too(path, self.read(path)):
            return "inside" if old else "product"
        if old is None:
            return self._role_of_new(path, role)
        if self.tests_in(old) or self._is_test(old, role) or role == "runner-configuration":
            return "sure"
        if role == "test-script" or (role == "partly" and _decides(change)):
            return "unsure"
        if role in ("partly", "ci", "git-configuration"):
            return "none"
        if _HISTORY.fullmatch(old) and not change.removed:
            return "none"  # it tells of the change; a test that reads it compares it with the product
        if self._judges_by_evidence(old):
            return "unsure"
        return "none" if _DOCUMENTS.fullmatch(path) else "product"

    def _role_of_new(self, path: str, role: str) -> _Role:
        """Of new files, those that decide about the tests of others; plain new tests decide about nobody else."""
        if role == "runner-configuration" or SHARED.fullmatch(path) or "__mocks__/" in path:
            return "sure"
        if self._is_test(path, role):
            return "added" if _TEST_NAME.search(path) else "sure"
        if role == "other" and self._stands_in(path):
            return "unsure"
        return "none" if _DOCUMENTS.fullmatch(path) or role != "other" else "product"

    def _stands_in(self, path: str) -> bool:
        """Whether a new file can be taken in the place of one that is there: by tests, or as a module of its name."""
        if _suffix(path) not in CODE:
            return self._named_in(self._test_texts(), path)
        return any(_import_name(other) == _import_name(path) for other in self.files if other != path)

    def _is_test(self, path: str, role: str) -> bool:
        """A folder's name is evidence for data, and for code only where the code says so too."""
        if role != "test-file":
            return False
        weak = _suffix(path) in CODE and _WEAK_FOLDER.search(path) and not _TEST_NAME.search(path)
        return not weak or _looks_like_tests(self.read(path))

    def _judges_by_evidence(self, path: str) -> bool:
        if self._named_by_settings(path):
            return True
        if _suffix(path) in CODE:
            return _looks_like_tests(self.read(path)) and self._named_in(self._test_texts(), path)
        tests = self._test_texts()
        if _DOCUMENTS.fullmatch(path):
            return self._named_in(tests, path)
        return (
            bool(FIXTURES.search(path))
            or self._beside_tests(path)
            or self._named_in(tests, path)
            or _folder_in(tests, path)
        )

    def _named_by_settings(self, path: str) -> bool:
        """Whether the command, a script or a configuration names the file: code, only as something to be loaded."""
        text = self._setting_texts()
        names = [name for name in (path, path.rpartition("/")[2], _module(path)) if len(name) > 2]
        if _suffix(path) not in CODE:
            return any(_has_word(text, name) for name in names[:2])
        return any(
            _LOADED_BY_OPTION.search(text[max(0, at - 200) : at].rpartition("\n\n")[2])
            for name in (*names, path.rpartition(".")[0])
            for at in _words_at(text, name)
        )

    def is_leaf(self, judge: Judge, product: Sequence[Judge]) -> bool:
        """Whether only tests name a changed module, and it names nothing else that was changed: a helper of theirs, or
        product that has nothing to do with the rest. Alone it can hide nothing."""
        others = [other.path for other in product if other is not judge]
        path = judge.path
        if judge.old_path is None or not others or _suffix(path) not in CODE:
            return False
        reached = self._test_texts() + self._product_texts(path)
        if not any(_suffix(other) in CODE and self._named_in(reached, other) for other in others):
            return False
        if any(self._named_in(self.read(path), other) for other in others):
            return False
        return self._only_for_tests(path, frozenset(others))

    def _only_for_tests(self, path: str, changed: Collection[str], deep: int = 3) -> bool:
        """Whether tests name a module, or unchanged modules of which the same is true, and nothing else does."""
        self._product_texts("")
        assert self._product is not None
        users = [user for user, text in self._product.items() if user != path and _loads(text, path)]
        if not users:
            return self._named_in(self._test_texts(), path)
        return deep > 0 and all(user not in changed and self._only_for_tests(user, changed, deep - 1) for user in users)

    def _product_texts(self, but: str) -> str:
        """All code that is no test, but one file."""
        if self._product is None:
            code = [path for path in self.files if _suffix(path) in CODE]
            wanted = [path for path in code if role_of(path, self.is_behind) == "other"]
            self._product = {path: self.read(path) for path in wanted[:2000]}
        return "\n".join(text for path, text in self._product.items() if path != but)

    def _beside_tests(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return bool(folder) and any(place.rpartition("/")[0] == folder for place in self._places)

    def _named_in(self, text: str, path: str) -> bool:
        name = path.rpartition("/")[2]
        stem = name.partition(".")[0]
        code = _suffix(path) in CODE
        return _has_word(text, name) or (code and len(stem) > 2 and _has_word(text, stem))

    def _setting_texts(self) -> str:
        if self._settings is None:
            wanted = [path for path in self.files if self.is_behind(path) or _could_configure(path)]
            self._settings = "\n\n".join((self.command, *(self.read(path) for path in wanted[:200])))
        return self._settings

    def _test_texts(self) -> str:
        if self._tests is None:
            wanted = [path for path in self.files if role_of(path, self.is_behind) == "test-file"]
            self._tests = "\n".join(self.read(path) for path in wanted[:3000] if _suffix(path) in CODE)
        return self._tests


_TEST_NAME = re.compile(r"(?i)(?:^|/)(?:conftest\.py|tests?\.\w{1,4}|[^/]{0,255}(?:test|spec)[^/]{0,40})$")
_CONFIGURES = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|package\.json|setup\.cfg|tox\.ini|pytest\.ini|\.mocharc[^/]*|conftest\.py|Makefile"
    r"|noxfile\.py|superteam\.toml|[^/]*\.config\.\w{2,4}|justfile|bunfig\.toml|deno\.jsonc?|babel[^/]*|\.babelrc[^/]*)"
)


def _could_configure(path: str) -> bool:
    return path.count("/") < 4 and _CONFIGURES.fullmatch(path) is not None


def _folder_in(text: str, path: str) -> bool:
    """Whether a text names the folder of a file as a string, as tests do that read all that is in it."""
    folders = path.split("/")[:-1]
    return any(f"{mark}{folder}{end}" in text for folder in folders for mark in "\"'/" for end in "\"'/")


def _import_name(path: str) -> str:
    """Returns what a module is imported by: a file and a package of one name are the same."""
    return re.sub(r"(?:/(?:__init__|index))?\.\w{1,5}\Z", "", path)


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def _module(path: str) -> str:
    """The dotted name of a Python file; of a module at the root there is none that could be told from other words."""
    if not path.endswith(".py"):
        return ""
    dotted = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return dotted if "." in dotted or len(dotted) > 3 else ""


def _words_at(text: str, word: str) -> Iterator[int]:
    """Where a word stands in a text, at most a hundred times; a word does not go on in letters or figures."""
    at = -1
    for _ in range(100):
        at = text.find(word, at + 1)
        if at < 0:
            return
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
            yield at


_LOADS = re.compile(r"\b(?:import|require|from|include|mod|use)\b")


def _loads(text: str, path: str) -> bool:
    """Whether a line of code that loads something names this module."""
    stem = path.rpartition("/")[2].partition(".")[0]
    stem = path.split("/")[-2] if stem in ("__init__", "index") and "/" in path else stem
    for at in _words_at(text, stem):
        line = text[text.rfind("\n", 0, at) + 1 : at + len(stem) + 200].partition("\n")[0]
        if _LOADS.search(line) or text[at - 1 : at] in ("'", '"', "/"):
            return True
    return False


def _has_word(text: str, word: str) -> bool:
    return next(_words_at(text, word), None) is not None


def _looks_like_tests(text: str) -> bool:
    return _FRAMEWORK.search(text[:100_000]) is not None


def _holds_product_too(path: str, text: str) -> bool:
    """Whether product and tests stand in one file: taken back as a whole, it would be the old product."""
    if any(path.endswith(suffix) and mark in text for suffix, mark in _INSIDE):
        return role_of(path, lambda _: False) == "other"
    return path.endswith(".py") and ">>> " in text and role_of(path, lambda _: False) == "other"


def _decides(change: Change) -> bool:
    """Whether the changed lines of a file that only partly decides are among those that do, or may be."""
    partly = partly_deciding(change.old_path or change.path)
    if partly is None:
        return False
    for lines in (change.added, change.removed):
        section, last = "", 0
        for number, text in lines:
            section = section if number == last + 1 else ""
            last = number
            header = SECTION.match(text) if partly.section else None
            section = header[1].strip() if header else section
            if partly.section and section:
                if partly.section.match(section):
                    return True
            elif any(partly.decides.match(piece) for piece in pieces(change.path, text)):
                return True
    return False


def place_of(id: TestId) -> str:
    """The file or module that an id begins with, without the project behind it: "a.test.ts [unit] > x" is a.test.ts."""
    mark = min((mark for mark in ("::", " > ") if mark in id), key=id.index, default="")
    place = id.partition(mark)[0] if mark else id
    return place.partition(" [")[0].removeprefix("./")


def in_file(id: TestId, path: str) -> bool:
    """Whether an id says that its test is defined in this file."""
    place = place_of(id)
    return path == place or path.endswith(f"/{place}")


def combined(new: str, old: str, path: str) -> str | None:
    """The new product with the old tests, where a file holds both; None where they cannot be taken apart.

    Tests are the last part of the file, or doctests.
    """
    if path.endswith(".py"):
        return _with_docstrings(new, old)
    for suffix, mark in _INSIDE:
        if path.endswith(suffix) and new.count(mark) == 1 and old.count(mark) == 1:
            return new[: _line_of(new, mark)] + old[_line_of(old, mark) :]
    return None


def _with_docstrings(new: str, old: str) -> str | None:
    """The new module with the old doctests of what both have."""
    here, there = _docstrings(new), _docstrings(old)
    if here is None or there is None:
        return None
    lines = new.splitlines(keepends=True)
    olds = old.splitlines(keepends=True)
    for name, (start, end) in sorted(here.items(), key=lambda item: item[1], reverse=True):
        first, last = there.get(name, (0, 0))
        if ">>> " in "".join(olds[first:last]):
            lines[start:end] = olds[first:last]
    return "".join(lines)


def _docstrings(text: str) -> dict[str, tuple[int, int]] | None:
    """The lines of each docstring by the name of what it is about; None for what is no Python that we can read."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: dict[str, tuple[int, int]] = {}
    todo: list[tuple[str, ast.AST]] = [("", module)]
    while todo:
        name, node = todo.pop()
        body = getattr(node, "body", [])
        if not isinstance(body, list):
            continue
        first = body[0] if body and ast.get_docstring(node, clean=False) is not None else None  # type: ignore[arg-type]
        if first is not None:
            found[name] = (first.lineno - 1, first.end_lineno)
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        todo += [(f"{name}.{inner.name}", inner) for inner in body if isinstance(inner, kinds)]
    return found


def _line_of(text: str, mark: str) -> int:
    return text.rindex("\n", 0, text.index(mark)) + 1 if "\n" in text[: text.index(mark)] else 0


# What code is made from: nonsense there is no more believed than in code.
_MADE_FROM = frozenset(
    f".{name}"
    for name in (
        *("proto", "thrift", "capnp", "fbs", "avsc", "graphql", "sql", "xsd", "wsdl", "g4", "y", "l", "rl"),
        *("j2", "jinja", "jinja2", "tmpl", "mako", "erb", "ejs", "hbs", "mustache", "scss", "sass", "less", "pxd"),
    )
)
_NOT_RUN = (".pyi", ".d.ts", ".d.mts", ".d.cts")  # types alone


def unproven(product: Iterable[str], loaded: frozenset[str] | None, texts: Mapping[str, str]) -> tuple[str, ...]:
    """The changed sources of the product of which the run does not say that it loaded them.

    Only code: nonsense in other files may be read as well as what they held. `texts` has nothing for what was deleted,
    for binaries and for empty files, which no nonsense could tell from what they were.
    """
    asked = CODE | _MADE_FROM
    sources = [path for path in product if _suffix(path) in asked and not path.endswith(_NOT_RUN) and texts.get(path)]
    return tuple(path for path in sources if loaded is None or not path.endswith(".py") or path not in loaded)


def tests_near(
    sources: Iterable[str], ids: Collection[TestId], files: Sequence[str], read: Read, limit: int = NEAR
) -> frozenset[TestId]:
    """Tests of a few files that name one of the sources: should these look at it, nothing more has to be run."""
    stems = {path.rpartition("/")[2].partition(".")[0] for path in sources}
    by_file: dict[str, list[TestId]] = {}
    for id in ids:
        by_file.setdefault(place_of(id), []).append(id)
    near = [
        place
        for path in files
        for place in (path, path.rpartition("/")[2])
        if place in by_file and any(len(stem) > 1 and _has_word(read(path), stem) for stem in stems)
    ]
    return frozenset(id for place in near[:limit] for id in by_file[place])


# what a run with old judges shows


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run with judges of the reference showed: tests that failed with their messages; those that failed only
    since a name they use is gone; and those that were not run, with the reason that was seen."""

    failed: Mapping[TestId, str]
    gone: Mapping[TestId, str]
    unasked: tuple[TestId, ...]
    reason: str = ""


def askable(
    expected: Expected, report: TestReport, renamed: Iterable[tuple[TestId, TestId]], left_out: Collection[TestId]
) -> frozenset[TestId]:
    """The tests of the reference that passed there, are passed now and are not unstable: only these can be accused."""
    now = dict(renamed)
    return frozenset(
        id
        for id, entry in expected.tests.items()
        if entry.outcome is Outcome.PASSED
        and not entry.retried
        and id not in left_out
        and (found := report.tests.get(now.get(id, id))) is not None
        and found.outcome is Outcome.PASSED
        and not found.retried
    )


def answer_of(
    report: TestReport, asked: Collection[TestId], excuse: Callable[[TestId, str], bool], reason: str = ""
) -> Answer:
    """Sorts the tests that were asked. A test whose file could not be loaded failed with the loading's message."""
    failed: dict[TestId, str] = {}
    gone: dict[TestId, str] = {}
    unasked: list[TestId] = []
    for id in asked:
        message = _message_of(report, id)
        if message is None:
            unasked.append(id)
        elif message:
            (gone if excuse(id, message) else failed)[id] = message
    if report.completeness is Completeness.NONE:
        return Answer({}, {}, tuple(asked), reason)
    return Answer(failed, gone, tuple(unasked), reason)


def _message_of(report: TestReport, id: TestId) -> str | None:
    """Why a test failed; empty where it passed, None where it was not run."""
    result = report.tests.get(id)
    if result is not None and result.outcome.ran:
        return (result.message or "it failed without a message") if result.outcome.bad else ""
    if result is not None and result.outcome is Outcome.SKIPPED:
        return None
    for error in report.suite_errors:
        place, _, reason = error.partition(": ")
        if in_file(id, place) or place_of(id) == place:
            return reason
    return None


_ERROR = re.compile(
    r"(?:E {1,8})?(?:[A-Za-z_]\w{0,80}\.){0,8}([A-Z]\w{0,80}(?:Error|Exception|NotFound)?)(?:\b[^:\n]{0,40})?: "
)
_GONE = re.compile(
    r"""\b(?:ImportError|ModuleNotFoundError|SyntaxError|FixtureLookupError)\b
      | \bfixture[ ]'[^'\n]{1,200}'[ ]not[ ]found
      | \bAttributeError\b(?![^\n]{0,40}'NoneType') | \bNameError\b | \bNoSuchMethodError\b
      | \bTypeError:[^\n]{0,300}(?:unexpected[ ]keyword[ ]argument | positional[ ]arguments? | required[ ]keyword-only
          | takes[ ](?:no|from|exactly|at[ ]least|\d) | multiple[ ]values[ ]for | abstract[ ](?:class|method)
          | is[ ]not[ ]a[ ]function | is[ ]not[ ]a[ ]constructor)
      | \bis[ ]not[ ]a[ ](?:function|constructor)\b | \bCannot[ ]find[ ](?:module|package) | \bReferenceError\b
      | does[ ]not[ ]provide[ ]an[ ]export | \bERR_(?:MODULE_NOT_FOUND|PACKAGE_PATH_NOT_EXPORTED)\b
      | No[ ]"[^"\n]{1,80}"[ ]export
      | has[ ]no[ ]exported[ ]member | Failed[ ]to[ ](?:resolve|load)[ ](?:import|url)
      | \buninitialized[ ]constant | \bNoMethodError\b(?![^\n]{0,200}\bnil\b) | wrong[ ]number[ ]of[ ]arguments
      | Call[ ]to[ ]undefined | \bClass[ ]"[^"\n]{1,200}"[ ]not[ ]found | Too[ ]few[ ]arguments
      | cannot[ ]find[ ]symbol | \bundefined:[ ]\w""",
    re.VERBOSE,
)
_ASSERTS = re.compile(r"(?:E {1,8})?(?:\w{1,40}\.)?(?:AssertionError|AssertionFailed\w{0,20}|assert|Failed|expect)\b")
_PLACE = re.compile(r"([\w@%+.~/\\-]{1,300}?\.[A-Za-z]{1,5}):\d{1,7}(?=[:)\s]|$)|File \"([^\"\n]{1,300})\", line \d")
_OWNER = re.compile(
    r"'([A-Za-z_]\w{0,80})' object has no attribute|([A-Za-z_<][\w.<>]{0,120})\(\) (?:got|takes|missing)"
)
_STAND_INS = ("lambda", "Mock", "MagicMock", "AsyncMock", "SimpleNamespace", "NonCallableMock")


def is_gone(message: str, is_product: Callable[[str], bool], judges_text: str) -> bool:
    """Whether a failure says no more than that a name is gone which the old version used, or has another signature.

    An error of that kind inside of the product accuses it, unless what lacks the name is a stand-in of the tests.
    """
    text = message[:_MESSAGE]
    head = _head(text)
    if _ASSERTS.match(head) or not _GONE.search(head):
        return False
    place = _place(text)
    if place is None or not is_product(place):
        return True
    owner = _OWNER.search(head)
    name = (owner[1] or owner[2]).strip("<>").split(".") if owner else []
    return any(
        part in _STAND_INS or re.search(rf"\b(?:class|def|function|const)\s{{1,4}}{re.escape(part)}\b", judges_text)
        for part in name
    )


def _head(text: str) -> str:
    """The first line that names an error or an assertion, with the line behind it; else the first line.

    Only the first one counts: what a product printed, or put into a message, stands further down.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if _ERROR.match(line) or line.startswith(("assert", "E  ", "fixture ")) or _GONE.search(line[:300]):
            return "\n".join(lines[number : number + 2])
        if number > 60:
            break
    return lines[0] if lines else ""


def _place(text: str) -> str | None:
    """The file that a failure names as its place: pytest's own line below the message, else the last one of a trace."""
    lines = text.splitlines()
    for line in lines[:40]:
        whole = _PLACE.fullmatch(line.strip())
        if whole and whole[1]:
            return whole[1]
    places = [match[1] or match[2] for match in _PLACE.finditer(text)]
    if not places:
        return None
    trace_of_javascript = "\n    at " in text
    return places[0] if trace_of_javascript else places[-1]


# what is said about it


def before_of(message: str) -> str:
    """The failure in a few lines, with its place at the end."""
    lines = [line.rstrip() for line in message[:_MESSAGE].splitlines() if line.strip()]
    place = next((line.strip() for line in lines[:40] if _PLACE.fullmatch(line.strip())), None)
    said = lines[: lines.index(place)] if place in lines else lines
    text = "\n".join(line[:300] for line in said[:_SHOWN])
    return f"{text} ({place})" if place else text


@dataclass(frozen=True, slots=True)
class Shown:
    """A change as it is shown: its first line, its changed lines, and the test as it is now."""

    line: int | None
    after: str
    excerpt: str


def shown(id: TestId, change: Change | None, text: str) -> Shown:
    """The changed lines of a test in its file, or of a file that it uses. `text` is the file as it is now."""
    if change is None:
        return Shown(None, "", "")
    lines = text.splitlines()
    start, end = _region(id, lines) if in_file(id, change.path) or place_of(id) in change.path else (0, len(lines))
    added = [(number, line) for number, line in change.added if start < number <= end]
    if start and not added:
        added = [(start + 1, lines[start])] if start < len(lines) else []
    added = added or list(change.added)
    if not added:
        return Shown(None, "(removed)", "")
    after = _joined([line for _, line in added][:_LINES])
    more = "\n..." if len(added) > _LINES else ""
    excerpt = "\n".join(lines[start : end + 1]) if start else after
    return Shown(added[0][0] if len(added) > 0 else None, after + more, excerpt[:_EXCERPT])


def _region(id: TestId, lines: Sequence[str]) -> tuple[int, int]:
    """Where the test stands, as (lines before it, its last line); the whole file where it is not seen."""
    leaf = re.split(r"::| > |\.", id.partition("[")[0])[-1].strip()
    places = [number for number, line in enumerate(lines) if leaf and _has_word(line, leaf)]
    defined = [number for number in places if re.search(r"\b(?:def|func|function|it|test)\b", lines[number])]
    if not (defined or places):
        return 0, len(lines)
    start = (defined or places)[-1]
    indent = _indent(lines[start])
    last = start
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and _indent(line) <= indent and not re.match(r"[\s\])};,]{1,9}$", line):
            return start, number
        last = number
    return start, last + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: Sequence[str]) -> str:
    """The lines without the indentation that they have in common."""
    filled = [line for line in lines if line.strip()]
    margin = min((_indent(line) for line in filled), default=0)
    return "\n".join(line[margin:][:300] for line in lines).strip("\n")


def changes_nothing(changed: Iterable[str], before: Collection[str], command: str) -> bool:
    """Whether a change cannot be what is to be judged: it has only documents, and new files that are neither code nor
    decide about tests. `before` are the files of the base."""
    is_behind = files_behind(command)
    return all(_is_beside(path, path in before, is_behind) for path in changed)


def _is_beside(path: str, is_old: bool, is_behind: Callable[[str], bool]) -> bool:
    if _suffix(path) in CODE or role_of(path, is_behind) != "other":
        return False
    return not is_old or _DOCUMENTS.fullmatch(path) is not None


def declared(found: ExpectationChanged, may_change: Sequence[str]) -> bool:
    """Whether a glob of paths or ids names the test, its file or the file that was changed."""
    return any(matches(name, may_change) for name in (found.test, found.path, place_of(found.test)))
