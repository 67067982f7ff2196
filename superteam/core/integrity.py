"""Changes that decide verdicts: what a task did to tests, runner configuration, CI and the scripts that run them.

Findings inform, they never block. They are read from the lines of a diff by the tables in `deciders.py`, comments
included: one finding too many costs a look, one too few costs trust.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, zip_longest

from superteam.core.changes import Change, Lines
from superteam.core.deciders import (
    ASSERTION,
    COMMENT,
    EMPTY_ASSERTION,
    GITIGNORE,
    LIMITS,
    LONGEST_PATH,
    RULES,
    SECTION,
    SHARED,
    Partly,
    Role,
    Rule,
    Scope,
    files_behind,
    partly_deciding,
    role_of,
)
from superteam.core.finding import Finding, Kind
from superteam.core.scope import outside

_LIMIT = 200  # findings in all
_PER_FILE = 10  # lines of one kind in one file
_DETAIL = 200
_EXCERPT = 100


def examine(changes: Iterable[Change], declared: tuple[str, ...], command: str) -> tuple[Finding, ...]:
    """What these changes do to that which decides verdicts, by path and line.

    `declared` are the task's files: changes of tests there are its own business. Where nothing is declared, new test
    files are too. Skips, focus, thresholds and the like are findings wherever they are.
    """
    behind = files_behind(command)
    found = {finding for change in changes for finding in _examine(change, declared, behind)}
    return _capped(sorted(found, key=_place))


# the findings of one change


def _examine(change: Change, declared: tuple[str, ...], is_behind: Callable[[str], bool]) -> Iterator[Finding]:
    role = role_of(change.path, is_behind)
    before = role_of(change.old_path, is_behind) if change.old_path else role
    yield from _about_path(change, role, declared, is_behind)
    if before not in ("other", role):
        yield from _about_old_path(change, before, role)
    yield from _about_lines(change, role)
    if role not in ("other", "test-file") or SHARED.fullmatch(change.path):
        yield from _about_thresholds(change)
    if (role == "test-file" or change.path.endswith(".rs")) and change.status != "deleted":
        yield from _about_assertions(change)


def _about_path(
    change: Change, role: Role, declared: tuple[str, ...], is_behind: Callable[[str], bool]
) -> Iterator[Finding]:
    where = _first_line(change)
    if role == "test-file":
        yield from _about_test_file(change, declared)
    elif role == "partly":
        yield from _about_partly(change, is_behind(change.path))
    elif role != "other":
        yield _finding(role, change.path, where, f"{_WORDS[role]} was {_done(change)}")
    elif GITIGNORE.fullmatch(change.path):
        yield from _about_ignored(change, is_behind)


_WORDS = {
    "ci": "a file of CI or of hooks",
    "runner-configuration": "a file that configures the test runner or is loaded by it",
    "git-configuration": "a file that tells git what a difference or a tree shows",
    "test-script": "a script behind the test command",
    "test-file": "a test file",
    "partly": "a file that can hold test settings",
}


_OLD_KIND: dict[Role, Kind] = {"test-file": "test-removed", "ci": "ci", "test-script": "test-script"}


def _about_old_path(change: Change, before: Role, role: Role) -> Iterator[Finding]:
    """A file that decided and has a name now by which it decides something else, or nothing."""
    kind = _OLD_KIND.get(before, "runner-configuration")
    words = f"{_WORDS[before]} was renamed to {change.path}" + (", which is none" if role == "other" else "")
    yield _finding(kind, change.old_path or "", None, words)


def _about_test_file(change: Change, declared: tuple[str, ...]) -> Iterator[Finding]:
    if change.status == "deleted":
        yield _finding("test-removed", change.path, None, "a test file was deleted")
        return
    paths = [change.path] if change.old_path is None else [change.path, change.old_path]
    shared = SHARED.fullmatch(change.path) is not None
    if outside(paths, declared) or (not declared and (shared or change.status != "added")):
        what = "code that other tests share" if shared else "a test file"
        of = ", outside of the task's files" if declared else ""
        yield _finding("test-file", change.path, _first_line(change), f"{what} was {_done(change)}{of}")


def _about_partly(change: Change, behind: bool) -> Iterator[Finding]:
    partly = partly_deciding(change.path)
    if partly is None:
        return
    kind: Kind = "test-script" if behind else "runner-configuration"
    added = [*_judged(partly, change.added)]
    judged = [*added, *((None, text, decides) for _, text, decides in _judged(partly, change.removed))]
    for wanted, words in ((True, f"changes {partly.about}"), (None, f"may change {partly.about}{_UNSURE}")):
        for line, text, decides in judged:
            if decides is wanted:
                yield _finding(kind, change.path, line, words, _excerpt(text, 0))
                return
    if change.binary:
        yield _finding(kind, change.path, None, f"may change {partly.about}: it was {_done(change)}")


_UNSURE = " (the changed lines alone do not say what they belong to)"


def _judged(partly: Partly, lines: Lines) -> Iterator[tuple[int, str, bool | None]]:
    """Whether each line decides; None where nobody can tell."""
    section: str | None = None
    last = 0
    for number, text in lines:
        section = section if number == last + 1 else None
        last = number
        if partly.section and (match := SECTION.match(text)):
            section = match[1]
        yield number, text, _decides(partly, section, text)


def _decides(partly: Partly, section: str | None, text: str) -> bool | None:
    if partly.section and section is not None:
        return partly.section.match(section.strip()) is not None
    if partly.decides.match(text):
        return True
    return False if partly.harmless is None or partly.harmless.match(text) else None


def _about_ignored(change: Change, is_behind: Callable[[str], bool]) -> Iterator[Finding]:
    for number, text in change.added:
        path = text.strip().lstrip("/")[:LONGEST_PATH]
        if path and role_of(path if not path.endswith("/") else f"{path}x", is_behind) not in ("other", "partly"):
            yield _finding("git-configuration", change.path, number, "hides files that decide verdicts", text.strip())


def _about_lines(change: Change, role: Role) -> Iterator[Finding]:
    """What added lines say. The text is searched as a whole, since most files hold nothing to be found."""
    rules = [rule for rule in RULES if _applies(rule, change.path, role)]
    if not rules or not change.added:
        return
    text = "\n".join(line for _, line in change.added)
    ends = list(accumulate(len(line) + 1 for _, line in change.added))
    found: dict[Kind, dict[int, tuple[int, str]]] = defaultdict(dict)
    for rule in rules:
        for match in rule.pattern.finditer(text):
            index = bisect_right(ends, match.start())
            start = ends[index] - len(change.added[index][1]) - 1
            found[rule.kind].setdefault(index, (match.start() - start, rule.words))
    for kind, hits in found.items():
        yield from _hits(change, kind, hits)


def _hits(change: Change, kind: Kind, hits: dict[int, tuple[int, str]]) -> Iterator[Finding]:
    for place, index in enumerate(sorted(hits)):
        (number, line), (column, words) = change.added[index], hits[index]
        if place == _PER_FILE:
            yield _finding(kind, change.path, number, f"{words}, in {len(hits) - place} more lines of this file")
            return
        yield _finding(kind, change.path, number, words, _excerpt(line, column))


def _applies(rule: Rule, path: str, role: Role) -> bool:
    bare = role == "test-script" and "." not in path.rpartition("/")[2]  # a script in any language
    if not bare and not path.endswith(rule.suffixes):
        return False
    scopes: tuple[Scope, ...] = ("any",)
    if role != "other":
        scopes = ("any", "decisive", "tests" if role == "test-file" else "settings")
    return rule.scope in scopes


def _about_thresholds(change: Change) -> Iterator[Finding]:
    """Limits before and after, paired by name in the order of the file."""
    old, new = _limits(change.removed), _limits(change.added)
    for name in sorted(old.keys() | new.keys()):
        pairs = list(zip_longest(old.get(name, ()), new.get(name, ())))
        for before, after in pairs[:_PER_FILE]:
            words = _moved(name, before, after)
            if words:
                yield _finding("threshold", change.path, after[0] if after else None, words)


_Limit = tuple[int, float | None]


def _limits(lines: Lines) -> dict[str, list[_Limit]]:
    found: dict[str, list[_Limit]] = defaultdict(list)
    for number, text in lines:
        hits = [(match[1].lower().strip("<>"), match[2]) for match in LIMITS.finditer(text)]
        bare = all(value is None for _, value in hits)
        for name, value in hits:
            if bare or value is not None:  # `thresholds: { lines: 90 }` is about lines
                found[name].append((number, None if value is None else float(value)))
    return found


def _moved(name: str, before: _Limit | None, after: _Limit | None) -> str | None:
    old, new = before and before[1], after and after[1]
    if after is None:
        return f"the limit {name} was removed{_bracket(old)}"
    if before is None:
        return f"a limit {name} was added{_bracket(new)}"
    if old is None or new is None:
        return f"the limit {name} was changed"
    if old == new:
        return None
    laxer = (new > old) == name.startswith("max")
    way = f"{'down' if new < old else 'up'} from {old:g} to {new:g}"
    return f"the limit {name} went {way}, which {'allows more' if laxer else 'is stricter'}"


def _bracket(number: float | None) -> str:
    return "" if number is None else f" ({number:g})"


def _about_assertions(change: Change) -> Iterator[Finding]:
    lost, won = _assertions(change.removed), _assertions(change.added)
    if lost > won:
        words = f"{lost} {'line' if lost == 1 else 'lines'} with assertions removed, {won} added"
        yield _finding("assertions-removed", change.path, None, words)


def _assertions(lines: Lines) -> int:
    return sum(_asserts(text) for _, text in lines)


def _asserts(text: str) -> bool:
    return bool(ASSERTION.search(text)) and not COMMENT.match(text) and not EMPTY_ASSERTION.search(text)


# words


def _finding(kind: Kind, path: str, line: int | None, words: str, excerpt: str = "") -> Finding:
    detail = f"{words}: {excerpt}" if excerpt else words
    clean = "".join(c if c.isprintable() else "?" for c in detail[: _DETAIL + 1])
    path = path.encode("utf-8", "backslashreplace").decode()
    clean = clean if len(clean) <= _DETAIL else f"{clean[: _DETAIL - 1]}…"
    return Finding(kind=kind, path=path, line=line, detail=clean)


def _excerpt(line: str, column: int) -> str:
    """The line, or of a long one the part that begins a little before the column."""
    start = max(0, column - _EXCERPT // 4) if column > _EXCERPT // 2 else 0
    part = line[start : start + 4 * _EXCERPT].strip()
    return part if len(part) <= _EXCERPT else f"{part[:_EXCERPT]}…"


def _done(change: Change) -> str:
    words = {"added": "added", "deleted": "deleted", "modified": "changed"}
    done = words.get(change.status) or f"renamed from {change.old_path}"
    return f"{done}; it is binary, so its lines were not looked at" if change.binary else done


def _first_line(change: Change) -> int | None:
    return change.added[0][0] if change.added else None


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.path, finding.line or 0, finding.kind, finding.detail


def _capped(findings: list[Finding]) -> tuple[Finding, ...]:
    """At most the limit, and then how many more. Each kind gets its turn, so that a flood of one hides no other."""
    if len(findings) <= _LIMIT:
        return tuple(findings)
    seen: Counter[Kind] = Counter()
    ranked: list[tuple[int, int]] = []
    for index, finding in enumerate(findings):
        ranked.append((seen[finding.kind], index))
        seen[finding.kind] += 1
    kept = sorted(index for _, index in sorted(ranked)[: _LIMIT - 1])
    more = _finding("more", "", None, f"{len(findings) - len(kept)} more changes that decide verdicts are not listed")
    return (*(findings[index] for index in kept), more)
