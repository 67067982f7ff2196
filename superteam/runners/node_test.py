"""node --test: our reporter gets in by NODE_OPTIONS; single tests are run by a command of our own.

Facts: names can be chosen by --test-name-pattern alone, an option of node itself, which NODE_OPTIONS does not take and
which has to stand in front of the files. Node 20 matches the test's own title (and that of each test around it); 22
also takes a suite that matches as a whole. So more may run than is asked for.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.reports.tap import FORMAT
from superteam.runners.call import Call, Told, Untold
from superteam.runners.node import escaped, reached, reproduced, wanted
from superteam.runners.path_shim import put_in_front

NAME = "node"
_PLUGIN = Path(__file__).parent / "plugin"
_REPORTER = "superteam_node_reporter.mjs"
_EXITS = "superteam_node_exits.cjs"
_NODE = re.compile(r"node(?:js)?(?:-?\d{1,3})?(?:\.exe)?")
_VALUED = frozenset(
    [
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
        "--env-file",
        "--env-file-if-exists",
        "--test-name-pattern",
        "--test-skip-pattern",
        "--test-shard",
        "--test-reporter",
        "--test-reporter-destination",
        "--test-concurrency",
        "--test-timeout",
        "--test-isolation",
        "--test-coverage-include",
        "--test-coverage-exclude",
    ]
)
_DROPPED = re.compile(
    r"--(?:test-name-pattern|test-skip-pattern|test-only|test-shard|test-coverage-\w|experimental-test-coverage)"
)
_PARTS = 12
_ARGUMENT = 100_000  # bytes of the pattern, and of all files
_MORE = "node --test was asked for these names in their files; it may also run others of the same name or suite"


def recognises(call: Call, tree: Path) -> bool:
    """node with --test, or a script of node's own test runner."""
    if not _NODE.fullmatch(call.program):
        return False
    options, files = _parts(call.words)
    if "--test" in options:
        return not any(word.startswith("--watch") for word in options)
    return bool(files) and _uses_runner(tree / call.folder / files[0])


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told | Untold:
    """By our reporter beside the user's own; a copy of it lies in the folder of the report."""
    if not reached(call):
        return Untold("NODE_OPTIONS is set in the command itself, so that no reporter can be added to node --test")
    for name in (_REPORTER, _EXITS):
        shutil.copyfile(_PLUGIN / name, folder / name)
    ours = {"NODE_OPTIONS": _options(call, env, folder)}
    if only is None:
        return Told(FORMAT, "report.tap", folder, env=ours)
    chosen = _chosen(only, call.folder) if "--test" in call.words else None
    if chosen is not None and call.alone:
        words = _words(call, *chosen)
        return Told(FORMAT, "report.tap", folder, env={**call.env, **ours}, instead=words, selects="more", why=_MORE)
    path = None if chosen is None else _shimmed(call, env, folder, chosen[0])
    if path is None:
        why = "the whole command was run: too many tests to name, or no options can be added to node --test"
        return Told(FORMAT, "report.tap", folder, env=ours, selects="everything", why=why)
    return Told(FORMAT, "report.tap", folder, env={**ours, **path}, selects="more", why=_MORE)


def reproduce(call: Call, ids: tuple[str, ...]) -> str | None:
    """The call's own options, these names and their files."""
    chosen = _chosen(ids, call.folder)
    return None if chosen is None else reproduced(Call(_words(call, *chosen), call.folder), ())


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A file beside the first that the call names, or where node looks by itself."""
    files = _parts(call.words)[1]
    text = 'require("node:test")("superteam_canary", () => { throw new Error("planted by superteam"); });\n'
    folder = f"{call.folder}/" if call.folder else ""
    if not files:
        return f"{folder}superteam_canary.test.cjs", text
    if (tree / call.folder / files[0]).is_dir():
        return f"{folder}{files[0].rstrip('/')}/superteam_canary.test.cjs", text
    return None


def _parts(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The options of node, and what comes behind: files, or a script and its arguments."""
    options: list[str] = []
    rest = list(words[1:])
    while rest and (rest[0].startswith("-") and rest[0] not in ("-", "--")):
        count = 2 if rest[0] in _VALUED else 1
        options += rest[:count]
        rest = rest[count:]
    return options, rest[1:] if rest[:1] == ["--"] else rest


def _uses_runner(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return re.search(rb"""["'`]node:test["'`]""", file.read(64 * 1024)) is not None
    except (OSError, ValueError):
        return False


def _options(call: Call, env: Mapping[str, str], folder: Path) -> str:
    """NODE_OPTIONS with our reporter in front of the user's; without one of his own node's usual one goes on."""
    given = (*call.words, *env.get("NODE_OPTIONS", "").split())
    reporters = [word for word in given if re.match(r"--test-reporter(?:=|$)", word)]
    targets = [word for word in given if word.startswith("--test-reporter-destination")]
    ours = ["--require", _quoted(folder / _EXITS)]
    ours += [f"--test-reporter={_quoted(folder / _REPORTER)}"]
    ours += [f"--test-reporter-destination={_quoted(folder / 'report.tap')}"]
    if not reporters:
        ours += ["--test-reporter=spec"]
    if len(reporters) < 2 and not targets:
        ours += ["--test-reporter-destination=stdout"]
    return f"{' '.join(ours)} {env.get('NODE_OPTIONS', '')}".strip()


def _quoted(path: Path) -> str:
    """A path in the notation of NODE_OPTIONS."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _shimmed(call: Call, env: Mapping[str, str], folder: Path, pattern: str) -> dict[str, str] | None:
    """The names by a `node` of ours in front of PATH, where the command does more than this call: a build before it,
    without which tests would fail on every tree. None where the call itself stands in the way."""
    if not pattern or "/" in call.words[0] or any(_DROPPED.match(word) for word in call.words):
        return None
    return put_in_front(call.program, ("--test",), (f"--test-name-pattern={pattern}",), folder, env)


def _words(call: Call, pattern: str, files: list[str]) -> tuple[str, ...]:
    """The call with another selection, and without coverage, whose thresholds would fail."""
    words: list[str] = []
    given = iter(_parts(call.words)[0])
    for word in given:
        value = [next(given, "")] if word in _VALUED else []
        if not _DROPPED.match(word):
            words += [word, *value]
    if pattern:
        words.append(f"--test-name-pattern={pattern}")
    return (call.words[0], *words, *files)


def _chosen(ids: Iterable[str], folder: str) -> tuple[str, list[str]] | None:
    """The pattern of the titles ("" where a whole file is a test) and the files; None where they are too many."""
    places = wanted(ids)
    paths = [os.path.relpath(file, folder or ".") for file in sorted(places)]
    files = [f"./{path}" if path.startswith("-") else path for path in paths]
    titles = {title for found in places.values() for title in found}
    names = {name for title in titles for name in _names(title)}
    whole = "" in titles
    pattern = "" if whole else f"/^(?:{'|'.join(escaped(name) for name in sorted(names))})$/"
    if len(pattern.encode(errors="surrogatepass")) > _ARGUMENT or sum(map(len, files)) > _ARGUMENT:
        return None
    return pattern, files


def _names(title: str) -> set[str]:
    """The title of the test and of each test around it. A title may hold " > " itself, so that all cuts are tried."""
    parts = title.split(" > ")[:_PARTS]
    return {" > ".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
