"""Changes that decide verdicts: what a task did to tests, runner configuration, CI and the scripts that run them.

Findings inform, they never block. They are read from the lines of a diff by the tables in `deciders.py`, and come in
the order of what they could do to the verdict. Comments are no findings.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate, zip_longest

from superteam.core.assertions import Told, added_assertions, changed_assertions, hidden_tests, hunks
from superteam.core.changes import Change, Lines
from superteam.core.comments import style_of, without_comments
from superteam.core.deciders import (
    COMPARES,
    GITIGNORE,
    LIMITS,
    LONGEST_PATH,
    NO_DATA,
    OWN_COMMANDS,
    OWN_MILDER,
    OWN_SETTINGS,
    RULES,
    SECTION,
    SHARED,
    Partly,
    Role,
    Rule,
    Scope,
    files_behind,
    is_code,
    partly_deciding,
    pieces,
    replaces_the_runner,
    role_of,
)
from superteam.core.finding import RANKS, Finding, Kind, ranked
from superteam.core.powers import hides_code, is_compiled, powers_of
from superteam.core.scope import outside

_LIMIT = 1000  # findings in all
_PER_FILE = 10  # lines of one kind in one file
_DETAIL = 200
_EXCERPT = 100
_IN_CI = 8  # the least important rank but one: what only CI runs changes no verdict of ours


def examine(
    changes: Iterable[Change],
    declared: tuple[str, ...],
    command: str,
    named: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """What these changes do to that which decides verdicts, by path and line, the most important first.

    `declared` are the task's files: changes of tests there are its own business. Where nothing is declared, new test
    files are too. Skips, focus, thresholds, weaker assertions and the like are findings wherever they are. `named`
    are files that the command's scripts and configurations name, each with what names it; `texts` are the changed
    test files as they are now, as far as they are known.
    """
    named, texts = named or {}, texts or {}
    behind = files_behind(command)

    def is_behind(path: str) -> bool:
        return path in named or behind(path)

    changes = tuple(changes)
    seen = [bare for change in changes if (bare := _without_comments(change)) is not None]
    elsewhere = added_assertions(seen)
    found: set[Finding] = {finding for change in changes for finding in _about_unreadable(change)}
    found.update(_about_data(changes, is_behind))
    for change in seen:
        found.update(_examine(change, declared, is_behind, named))
        is_test = role_of(change.path, is_behind) in ("test-file", "test-script")
        found.update(_about_assertions(change, is_test, elsewhere))
        if is_test and change.path.endswith(".py"):
            found.update(_about_hidden(change, texts.get(change.path, "")))
        found.update(_about_powers(change, is_test, texts.get(change.path, "")))
        if not is_test and is_code(change.path):
            found.update(_about_comparisons(change))
    return _capped(ranked(found))


def _without_comments(change: Change) -> Change | None:
    """The change of code; None where only comments and blank lines were changed."""
    if style_of(change.path) is None or not (change.added or change.removed):
        return change
    if any(hides_code(text) for _, text in change.added):
        return change  # what looks like a comment may be code
    added, removed = (without_comments(change.path, lines) for lines in (change.added, change.removed))
    same = [text.rstrip() for _, text in added] == [text.rstrip() for _, text in removed]
    if same and change.status == "modified":
        return None
    return replace(change, added=added, removed=removed)


# the findings of one change


def _examine(
    change: Change, declared: tuple[str, ...], is_behind: Callable[[str], bool], named: Mapping[str, str]
) -> Iterator[Finding]:
    role = role_of(change.path, is_behind)
    before = role_of(change.old_path, is_behind) if change.old_path else role
    yield from _about_path(change, role, declared, is_behind, named)
    if before not in ("other", role):
        yield from _about_old_path(change, before, role)
    yield from _about_lines(change, role)
    if role not in ("other", "test-file") or SHARED.fullmatch(change.path):
        yield from _about_thresholds(change)


def _about_path(
    change: Change,
    role: Role,
    declared: tuple[str, ...],
    is_behind: Callable[[str], bool],
    named: Mapping[str, str],
) -> Iterator[Finding]:
    where = _first_line(change)
    if role == "test-file":
        yield from _about_test_file(change, declared)
    elif OWN_SETTINGS.fullmatch(change.path):
        yield from _about_own_settings(change)
    elif role == "partly":
        yield from _about_partly(change, is_behind(change.path))
    elif role != "other":
        rank = 1 if replaces_the_runner(change.path) else None
        by = f" (named by {named[change.path]})" if change.path in named else ""
        yield _finding(role, change.path, where, f"{_WORDS[role]} was {_done(change)}{by}", rank=rank)
    elif GITIGNORE.fullmatch(change.path):
        yield from _about_ignored(change, is_behind)


_WORDS = {
    "ci": "a file of CI or of hooks",
    "runner-configuration": "a file that configures the test runner or is loaded by it",
    "git-configuration": "a file that tells git what a difference or a tree shows",
    "test-script": "a file that the test command runs or reads",
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
        rank = 6 if shared else None
        yield _finding("test-file", change.path, _first_line(change), f"{what} was {_done(change)}{of}", rank=rank)


def _about_own_settings(change: Change) -> Iterator[Finding]:
    """What superteam itself is told. A new file may say what is run; no file may get milder without a word."""
    old, new = _own_keys(change.removed), _own_keys(change.added)
    for key in sorted(old.keys() | new.keys()):
        (_, before), (line, after) = old.get(key, (None, "")), new.get(key, (None, ""))
        if before == after:
            continue
        milder = OWN_MILDER.match(f"{key} =") is not None
        if change.status == "added" and not milder:
            continue
        said = f"{before or 'not set'} -> {after or 'not set'}"
        yield _finding("runner-configuration", change.path, line, f"{key} was changed", said, rank=2 if milder else 1)


def _own_keys(lines: Lines) -> dict[str, tuple[int, str]]:
    """The keys of our own settings that decide, each with its line and value."""
    section = None
    keys: dict[str, tuple[int, str]] = {}
    for number, text in lines:
        if match := SECTION.match(text):
            section = match[1]
        elif OWN_MILDER.match(text) or (OWN_COMMANDS.match(text) and not _is_agents(section)):
            key, _, value = text.partition("=")
            keys[key.strip().strip("\"'")] = (number, value.strip())
    return keys


def _is_agents(section: str | None) -> bool:
    return section is not None and section.startswith("agent")


def _about_partly(change: Change, behind: bool) -> Iterator[Finding]:
    partly = partly_deciding(change.path)
    if partly is None:
        return
    kind: Kind = "test-script" if behind else "runner-configuration"
    added = [*_judged(partly, change.added, change.path)]
    judged = [*added, *((None, text, decides) for _, text, decides in _judged(partly, change.removed, change.path))]
    for wanted, words in ((True, f"changes {partly.about}"), (None, f"may change {partly.about}{_UNSURE}")):
        for line, text, decides in judged:
            if decides is wanted:
                rank = None if wanted else 7
                yield _finding(kind, change.path, line, words, _excerpt(text, 0), rank=rank)
                return
    if change.binary:
        yield _finding(kind, change.path, None, f"may change {partly.about}: it was {_done(change)}")


_UNSURE = " (the changed lines alone do not say what they belong to)"


def _judged(partly: Partly, lines: Lines, path: str) -> Iterator[tuple[int, str, bool | None]]:
    """Whether each line decides; None where nobody can tell."""
    section: str | None = None
    last = 0
    for number, text in lines:
        section = section if number == last + 1 else None
        last = number
        if partly.section and (match := SECTION.match(text)):
            section = match[1]
        answers = [_decides(partly, section, piece) for piece in pieces(path, text)]
        unsure = None in answers and True not in answers
        yield number, text, None if unsure else True in answers


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
    found: dict[Kind, dict[int, _Hit]] = defaultdict(dict)
    for rule in rules:
        rank = _IN_CI if role == "ci" else rule.rank
        for match in rule.pattern.finditer(text):
            index = bisect_right(ends, match.start())
            start = ends[index] - len(change.added[index][1]) - 1
            hit = (rank, match.start() - start, rule.words)
            found[rule.kind][index] = min(hit, found[rule.kind].get(index, hit), key=lambda known: known[0])
    for kind, hits in found.items():
        yield from _hits(change, kind, hits)


_Hit = tuple[int, int, str]  # rank, column, words


def _hits(change: Change, kind: Kind, hits: dict[int, _Hit]) -> Iterator[Finding]:
    """The most important lines of one kind, and how many more there are."""
    for place, index in enumerate(sorted(hits, key=lambda index: (hits[index][0], index))):
        (number, line), (rank, column, words) = change.added[index], hits[index]
        if place == _PER_FILE:
            more = f"{words}, in {len(hits) - place} more lines of this file"
            yield _finding(kind, change.path, number, more, rank=rank)
            return
        yield _finding(kind, change.path, number, words, _excerpt(line, column), rank=rank)


def _applies(rule: Rule, path: str, role: Role) -> bool:
    bare = role == "test-script" and "." not in path.rpartition("/")[2]  # a script in any language
    if not bare and not path.endswith(rule.suffixes):
        return False
    scopes: tuple[Scope, ...] = ("any", "product")
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
                rank = 3 if words.endswith("allows more") else None
                yield _finding("threshold", change.path, after[0] if after else None, words, rank=rank)


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


def _about_assertions(change: Change, is_test: bool, elsewhere: Counter[str]) -> Iterator[Finding]:
    """What became of assertions, in any file; of each file and rank the first ones, and how many more there are."""
    by_rank: dict[tuple[Kind, int], list[Told]] = defaultdict(list)
    for told in changed_assertions(change, is_test, elsewhere):
        by_rank[told.kind, told.rank].append(told)
    for (kind, rank), all_told in by_rank.items():
        listed = _PER_FILE if rank < RANKS["runner-configuration"] else _PER_FILE // 3
        for told in all_told[:listed]:
            yield _finding(kind, change.path, told.line, told.words, _excerpt(told.excerpt, 0), rank=rank)
        if len(all_told) > listed:
            last = all_told[listed]
            more = f"{last.words}, in {len(all_told) - listed} more places of this file"
            yield _finding(kind, change.path, last.line, more, rank=rank)


def _about_hidden(change: Change, text: str) -> Iterator[Finding]:
    """New tests that hide an earlier one of the same name, or are hidden by one."""
    added = {number for number, _ in change.added}
    for first, second, name in hidden_tests(text):
        if not added.isdisjoint((first, second)):
            words = f"hides the test of the same name in line {first}: def {name}"
            yield _finding("added-skip", change.path, second, words)


def _about_powers(change: Change, is_test: bool, text: str) -> Iterator[Finding]:
    """What the product can do beyond itself; of new tests, what they put in the product's place for good."""
    if change.status == "deleted" or not is_code(change.path):
        return
    for power in powers_of(change, text):
        if not is_test or power.stores:
            yield _finding("reach", change.path, power.line, power.words, rank=power.rank)


def _about_data(changes: Iterable[Change], is_behind: Callable[[str], bool]) -> Iterator[Finding]:
    """Data that was changed together with something else: tests may compare with it, and say so nowhere."""
    others = [change for change in changes if role_of(change.path, is_behind) == "other"]
    others = [change for change in others if not NO_DATA.fullmatch(change.path)]
    if len(others) < 2:
        return
    for change in others:
        if not (is_code(change.path) or is_compiled(change.path)):
            words = f"data was {_done(change)} together with code or other data"
            yield _finding("reach", change.path, _first_line(change), words, rank=9)


def _about_comparisons(change: Change) -> Iterator[Finding]:
    """Two values that the product compared with each other, and now otherwise: tests may leave the judging to it."""
    for hunk in hunks(change):
        old = [text for _, text in hunk.removed if COMPARES.search(text)]
        new = {text.strip() for _, text in hunk.added}
        if old and not any(text.strip() in new for text in old):
            line, text = hunk.added[0] if hunk.added else (None, "nothing")
            words = "the product compares two values otherwise"
            yield _finding("reach", change.path, line, words, f"{old[0].strip()[:70]} -> {text.strip()[:70]}", rank=6)
            return


def _about_unreadable(change: Change) -> Iterator[Finding]:
    """What was changed, and cannot be read in the difference."""
    if change.status == "deleted":
        return
    if is_compiled(change.path):
        words = f"compiled code was {_done(change)}, which nobody can read"
        yield _finding("reach", change.path, None, words, rank=3)
    elif change.binary and is_code(change.path):
        words = "git takes this source for binary, so that its changed lines were not looked at"
        yield _finding("git-configuration", change.path, None, words, rank=2)
    elif style_of(change.path) is not None:
        for number, text in change.added:
            if hides_code(text):
                words = "holds marks by which a program reads other lines than people are shown"
                yield _finding("reach", change.path, number, words, rank=1)
                return


# words


def _finding(
    kind: Kind, path: str, line: int | None, words: str, excerpt: str = "", *, rank: int | None = None
) -> Finding:
    detail = f"{words}: {excerpt}" if excerpt else words
    clean = "".join(c if c.isprintable() else "?" for c in detail[: _DETAIL + 1])
    path = path.encode("utf-8", "backslashreplace").decode()
    clean = clean if len(clean) <= _DETAIL else f"{clean[: _DETAIL - 1]}…"
    return Finding(kind=kind, path=path, line=line, detail=clean, rank=rank or RANKS[kind])


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


def _capped(findings: list[Finding]) -> tuple[Finding, ...]:
    """At most the limit, and then how many more."""
    if len(findings) <= _LIMIT:
        return tuple(findings)
    count = len(findings) - _LIMIT + 1
    more = _finding("more", "", None, f"{count} more changes that decide verdicts are not listed")
    return (*findings[: _LIMIT - 1], more)
