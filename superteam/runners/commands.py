"""Finds the calls of programs in a user's command: through wrappers, scripts of the repository and the shell.

Nothing is run; everything is read as text, with bounds on depth, number and size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from superteam.runners import scripts
from superteam.runners.call import Call
from superteam.runners.shell import Simple, simple_commands

_CALLS = 200
_DEPTH = 16  # of wrappers and scripts around a call
_STEPS = 3000  # commands and kilobytes of scripts looked at in all, so that scripts that call each other come to an end
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_PYTHON = re.compile(r"(?:python|pypy)[\d.]{0,8}(?:\.exe)?")
_STOPS = re.compile(r"set -[a-zA-Z]{0,9}e[a-zA-Z]{0,9}|set -o")
_SCRIPT_FOLDER = re.compile(r"\$\(dirname (?:-- )?(?:\$0|\$\{0\}|\$BASH_SOURCE|\$\{BASH_SOURCE\[0\]\})\)")

# Programs that run another one: the options that take a value. Two words: the program's subcommand.
_WRAPPERS: dict[str, str] = {
    "env": "-u --unset -C --chdir",
    "time": "-f -o",
    "nice": "-n --adjustment",
    "ionice": "-c -n",
    "nohup": "",
    "exec": "-a",
    "command": "",
    "sudo": "-u -g -h -p -D",
    "doas": "-u",
    "timeout": "-s --signal -k --kill-after",
    "gosu": "",
    "xvfb-run": "-s --server-args -e --error-file -n --server-num -f --auth-file -p --xauth-protocol -w --wait",
    "stdbuf": "-i -o -e",
    "setsid": "",
    "dbus-run-session": "",
    "cross-env": "",
    "cross-env-shell": "",
    "env-cmd": "-f -e --file --environments",
    "dotenv": "-e -f -p -c -v --file",
    "dotenv run": "",
    "dotenvx run": "-f --env-file",
    "npx": "-p --package -w --workspace",
    "bunx": "-p --package",
    "pnpx": "--package",
    "pnpm exec": "",
    "pnpm dlx": "--package",
    "yarn exec": "",
    "yarn dlx": "-p --package",
    "npm exec": "-p --package -w --workspace",
    "npm x": "-p --package -w --workspace",
    "bun x": "-p --package",
    "uv run": "--with --with-editable --with-requirements --extra --no-extra --group --no-group --only-group -p "
    "--python --project --directory --package --env-file --index --index-url --default-index --config-file -w",
    "uvx": "--with --from -p --python --index",
    "uv tool run": "--with --from -p --python --index",
    "pipx run": "--spec --python --index-url",
    "poetry run": "",
    "pipenv run": "",
    "pdm run": "-p --project -s --site-packages",
    "hatch run": "",
    "rye run": "",
    "pixi run": "-e --environment",
    "conda run": "-n --name -p --prefix --cwd",
    "mamba run": "-n --name -p --prefix --cwd",
    "bundle exec": "",
    "nyc": "-r --reporter -n --include -x --exclude -e --extension -i --require -t --temp-dir --report-dir --cwd "
    "--lines --branches --functions --statements",
    "c8": "-r --reporter -n --include -x --exclude -e --extension --temp-directory -o --reports-dir --src "
    "--lines --branches --functions --statements",
    "coverage run": "--source --include --omit --data-file --rcfile --context --concurrency --source-pkgs",
    "tini": "-e",
    "dumb-init": "",
    "op run": "--env-file",
    "doppler run": "-p --project -c --config",
}
_POSITIONALS = {"timeout": 1, "gosu": 1}  # words of the wrapper's own before the command
_MOVES = frozenset(["-C", "--chdir", "--directory", "--cwd"])  # options that name the folder to run in
_TASKS = frozenset(["poetry", "pipenv", "pdm", "hatch", "rye", "pixi"])  # that also run tasks of the repository
_SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ash", "ksh"])
_NODE = frozenset(["npm", "pnpm", "yarn", "bun"])
_RUN = frozenset(["run", "run-script", "rum", "urn"])
_NODE_FOLDERS = frozenset(["--prefix", "-C", "--dir", "--cwd"])
_NODE_VALUES = _NODE_FOLDERS | {"-w", "--workspace", "--filter", "-F"}
_EVERYWHERE = frozenset(["--workspaces", "-ws", "-r", "--recursive"])
_LIFECYCLE = frozenset(["test", "t", "tst", "start", "stop", "restart"])
_SUBCOMMANDS = frozenset(["install", "i", "add", "remove", "workspaces", "ci", "audit", "why", "publish", "pack"])


@dataclass(slots=True)
class _Budget:
    """Steps that are left for one command."""

    left: int = _STEPS

    def spent(self, cost: int = 1) -> bool:
        self.left -= cost
        return self.left < 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text is read: see Call for its fields. `script` is the folder of the shell script that it stands in."""

    tree: Path
    budget: _Budget
    folder: str = ""
    after: tuple[str, ...] | None = ()
    env: Mapping[str, str] = field(default_factory=dict)
    through: tuple[str, ...] = ()
    script: str | None = None
    lost: bool = False

    def inner(self, wrapper: str) -> _Place:
        return replace(self, through=(*self.through, wrapper))

    def behind(self, *words: str) -> _Place:
        """Where appended words need `words` in front of them to get in."""
        return replace(self, after=None if self.after is None else (*self.after, *words))


_Step = tuple[str | list[str], _Place]  # a text of the shell, or the words of one command


def find_calls(command: str, tree: Path) -> tuple[Call, ...]:
    """The simple commands that the command comes to, in their order; () where it cannot be read."""
    found = tuple(islice(_in_text(command, _Place(tree, _Budget())), _CALLS))
    if len(found) != 1 or found[0].after != () or found[0].through or found[0].folder:
        return found
    whole = [command.words for command in simple_commands(command) or ()]
    return (replace(found[0], alone=len(whole) == 1 and _assigned(whole[0])[1] == list(found[0].words)),)


def _in_text(text: str, place: _Place) -> Iterator[Call]:
    folders: dict[tuple[int, ...], str | None] = {(): place.folder}
    commands = simple_commands(text) or []
    stops = any(_STOPS.fullmatch(" ".join(command.words[:2])) for command in commands)
    for number, command in enumerate(commands):
        shells, words = command.shells, command.words
        folder = next(folders[shells[:n]] for n in range(len(shells), -1, -1) if shells[:n] in folders)
        if words[0] in ("cd", "pushd"):
            folders[shells] = None if folder is None else _led_to(folder, words, place)
        elif words[0] == "export":
            place = replace(place, env={**place.env, **_assigned(words[1:])[0]})
        elif folder is not None and not place.budget.spent():
            reached = command.last if place.script is None else "$@" in words
            after = place.after if reached else None
            lost = place.lost or _loses_exit_code(commands, number, stops)
            yield from _in_words(words, replace(place, folder=folder, after=after, lost=lost))


def _loses_exit_code(commands: list[Simple], number: int, stops: bool) -> bool:
    """Whether the text can go on and end well although this command of it fails; `stops` is the shell's `set -e`."""
    command, behind = commands[number], commands[number + 1 :]
    if command.operator in (";", "\n", ")"):
        return bool(behind) and not stops
    if command.operator == "||":
        return not behind or behind[0].words[0] not in ("exit", "return", "false")
    return command.operator not in ("", "&&")


def _led_to(folder: str, words: list[str], place: _Place) -> str | None:
    path = next((word for word in words[1:] if word not in ("--", "-P", "-L")), "~")
    if place.script is not None and _SCRIPT_FOLDER.match(path):
        folder, path = "", _SCRIPT_FOLDER.sub(lambda _: place.script or ".", path, count=1)
    return scripts.inside(folder, path)


def _in_words(words: list[str], place: _Place) -> Iterator[Call]:
    env, words = _assigned(words)
    if env:
        place = replace(place, env={**place.env, **env})
    if not words or len(place.through) > _DEPTH or place.budget.spent():
        return
    steps = _steps(words, place)
    if steps is None:
        words = words if place.script is None else [word for word in words if word != "$@"]
        yield Call(tuple(words), place.folder, place.after, place.env, place.through, lost=place.lost)
        return
    for text, inner in steps:
        yield from _in_text(text, inner) if isinstance(text, str) else _in_words(text, inner)


def _steps(words: list[str], place: _Place) -> Iterable[_Step] | None:
    """What a wrapper or a script comes to; None if the words are a call of their own."""
    program = words[0].rpartition("/")[2]
    handler = _HANDLERS.get(program)
    cost = scripts.size_of(place.tree, place.folder, _FILES.get(program, ())) // 1024
    if cost and place.budget.spent(cost):
        return []
    if handler is not None and (found := handler(words, place)) is not None:
        return found
    if _PYTHON.fullmatch(program) and words[1:4] == ["-m", "coverage", "run"]:
        return _unwrapped("coverage run", words[4:], place)
    for length in (3, 2, 1):
        name = " ".join([program, *_subcommands(words, length - 1)])
        if name in _WRAPPERS and (length == 1 or name != program):
            return _unwrapped(name, _rest(words, length - 1), place)
    return _shell_script(words[0], words[1:], place) if "/" in words[0] else None


def _subcommands(words: list[str], number: int) -> list[str]:
    return [word for word in words[1:] if not word.startswith("-")][:number]


def _rest(words: list[str], subcommands: int) -> list[str]:
    """What stands behind the subcommands; options of the program before them are dropped."""
    position = 1
    while subcommands and position < len(words):
        subcommands -= not words[position].startswith("-")
        position += 1
    return words[position:]


def _unwrapped(name: str, words: list[str], place: _Place) -> list[_Step] | None:
    """The command behind a wrapper's options; None if there is none."""
    if name == "command" and words[:1] in (["-v"], ["-V"]):  # only asks whether there is such a program
        return []
    values = frozenset(_WRAPPERS[name].split())
    positionals, module, place = _POSITIONALS.get(name, 0), False, place.inner(name)
    while words and (positionals or words[0].startswith("-")):
        word, words = words[0], words[1:]
        option, equals, value = word.partition("=")
        if word == "--":
            break
        if word in ("-m", "--module") and name in ("uv run", "coverage run"):
            module = True
            break
        if not word.startswith("-"):
            positionals -= 1
        elif option in values and not equals:
            value, words = (words or [""])[0], words[1:]
        if option in _MOVES:
            folder = scripts.inside(place.folder, value)
            if folder is None:
                return []
            place = replace(place, folder=folder)
    if module:
        words = ["python", "-m", *words]
    elif words and (name == "coverage run" or words[0].endswith(".py")) and name in ("coverage run", "uv run"):
        words = ["python", *words]
    return _task(name.partition(" ")[0], words, place) or ([(words, place)] if words else None)


def _task(tool: str, words: list[str], place: _Place) -> list[_Step]:
    """A task that the repository keeps for a Python tool; nothing if the word is a program."""
    if tool == "hatch" and words:
        words = [words[0].rpartition(":")[2], *words[1:]]
    lines = scripts.python_lines(place.tree, place.folder, tool, words[0]) if tool in _TASKS and words else []
    found: list[_Step] = []
    for number, line in enumerate(lines):
        own = number == len(lines) - 1 and (tool in ("pdm", "pipenv", "rye") or "{args" in line)
        text = " ".join([re.sub(r"\{args(?::[^{}]*)?\}", "", line).strip(), *map(_quoted, words[1:])])
        found.append((text, replace(place.inner(words[0]), after=place.after if own else None)))
    if tool == "hatch" and not lines and words:
        return [(words, place)]
    return found


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


# Handlers of programs that run scripts: None where the words are no script's call


def _node(words: list[str], place: _Place) -> list[_Step] | None:
    """A script of package.json by npm, pnpm, yarn or bun, with its pre and post scripts; or a program in its bin."""
    program = words[0]
    asked = _node_words(words, place)
    if asked is None:
        return _workspaces(words, place)
    folder, run, name, rest = asked
    place = replace(place, folder=folder)
    if not run and program != "npm" and f"{program} {name}" in _WRAPPERS:
        return _unwrapped(f"{program} {name}", rest, place)
    if not name or not (run or name in _LIFECYCLE or program in ("pnpm", "yarn")) or (program == "bun" and not run):
        return None
    package = scripts.package_folder(place.tree, folder)
    found = scripts.package_scripts(place.tree, package) if package is not None else {}
    name = "test" if name in ("t", "tst") else name
    if name not in found:
        bare = program == "npm" or name in _LIFECYCLE or (not run and name in _SUBCOMMANDS)
        return None if bare else [([name, *rest], place.inner(program))]
    inner = replace(place.inner(f"{program} {name}"), folder=package or "", script=None)
    closed = program != "npm" or "--" in rest
    given = [word for number, word in enumerate(rest) if word != "--" or "--" in rest[:number]]
    texts = [(found.get(f"pre{name}"), replace(inner, after=None))]
    texts.append((" ".join([found[name].rstrip(), *map(_quoted, given)]), inner if closed else inner.behind("--")))
    texts.append((found.get(f"post{name}"), replace(inner, after=None)))
    return [(text, where) for text, where in texts if text]


def _workspaces(words: list[str], place: _Place) -> list[_Step]:
    """The same script in each workspace of the package: `npm test --workspaces`, `pnpm -r test`."""
    if not _EVERYWHERE & set(words):
        return []
    rest = [word for word in words if word not in _EVERYWHERE and word != "--if-present"]
    inner = replace(place.inner(f"{words[0]} in workspaces"), after=None)
    folders = scripts.workspace_folders(place.tree, place.folder)
    return [(rest, replace(inner, folder=folder)) for folder in folders]


def _node_words(words: list[str], place: _Place) -> tuple[str, bool, str, list[str]] | None:
    """The folder, whether `run` is said, the script's name and what is behind it; None for several or no packages."""
    folder: str | None = place.folder
    names: list[str] = []
    rest = words[1:]
    while rest and folder is not None:
        complete = bool(names) and (names[0] not in _RUN or len(names) > 1)
        if rest[0] == "--" or (complete and words[0] != "npm"):  # what follows belongs to the script
            break
        option, equals, value = rest[0].partition("=")
        word, rest = rest[0], rest[1:]
        if word in _EVERYWHERE:
            return None
        if option in _NODE_VALUES or (names == [] and word == "workspace"):
            value, rest = (value, rest) if equals else ((rest or [""])[0], rest[1:])
            moved = scripts.inside if option in _NODE_FOLDERS else partial(scripts.workspace_folder, place.tree)
            folder = moved(folder, value)
        elif not word.startswith("-"):
            names.append(word)
    run, names = (True, names[1:]) if names[:1] and names[0] in _RUN else (False, names)
    return None if folder is None else (folder, run, (names or [""])[0], [*names[1:], *rest])


def _run_scripts(words: list[str], place: _Place) -> list[_Step]:
    """npm-run-all and its like: the names of scripts."""
    inner = replace(place.inner(words[0]), after=None)
    return [(["npm", "run", name], inner) for name in words[1:] if not name.startswith("-") and "*" not in name]


def _make(words: list[str], place: _Place) -> list[_Step]:
    folder, file, targets = place.folder, "", []
    given, rest = _assigned(words[1:], everywhere=True)
    while rest:
        word, rest = rest[0], rest[1:]
        if word in ("-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W") and rest:
            value, rest = rest[0], rest[1:]
            file = value if word in ("-f", "--file", "--makefile") else file
            moved = scripts.inside(folder, value) if word in ("-C", "--directory") else folder
            if moved is None:
                return []
            folder = moved
        elif not word.startswith("-") and not word.isdecimal():  # a number belongs to -j
            targets.append(word)
    inner = replace(place.inner(" ".join([words[0], *targets])), folder=folder, after=None)
    inner = replace(inner, script=None)
    return [(line, inner) for line in scripts.make_lines(place.tree, folder, file, targets, given)]


def _just(words: list[str], place: _Place) -> list[_Step]:
    inner = replace(place.inner("just"), after=None)
    names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return [(line, inner) for line in scripts.just_lines(place.tree, place.folder, names)]


def _composer(words: list[str], place: _Place) -> list[_Step] | None:
    names = [word for word in words[1:] if not word.startswith("-")]
    names = names[1:] if names[:1] in (["run"], ["run-script"]) else names
    if not names:
        return None
    given = words[words.index("--") + 1 :] if "--" in words else []
    lines = scripts.composer_lines(place.tree, place.folder, names[0])
    alone = place.inner(f"composer {names[0]}") if "--" in words else place.inner(f"composer {names[0]}").behind("--")
    inner = alone if len(lines) == 1 else replace(alone, after=None)
    return [_composer_step(line, given, inner) for line in lines] or None


def _composer_step(line: str, given: list[str], place: _Place) -> _Step:
    if line.startswith("@") and not line.startswith(("@php ", "@putenv ")):
        name, _, rest = line[1:].partition(" ")
        return (["composer", "run-script", name, "--", *rest.split(), *given], place)
    return (" ".join([line.removeprefix("@"), *map(_quoted, given)]), place)


def _shell(words: list[str], place: _Place) -> list[_Step] | None:
    """`sh -c "text"`, or a script of the repository."""
    rest = words[1:]
    while rest and rest[0].startswith(("-", "+")):
        if rest[0].startswith("-") and not rest[0].startswith("--") and "c" in rest[0]:
            return [(rest[1], replace(place.inner("sh -c"), after=None))] if len(rest) > 1 else None
        rest = rest[2:] if rest[0] in ("-o", "+o", "-O") else rest[1:]
    return _shell_script(rest[0], rest[1:], place, sure=True) if rest else None


def _shell_script(path: str, given: list[str], place: _Place, sure: bool = False) -> list[_Step] | None:
    """The text of a shell script of the tree; None if it is no such thing."""
    full = scripts.inside(place.folder, path)
    text = scripts.text_of(place.tree, full) if full else None
    if text is not None and place.budget.spent(len(text) // 1024):
        return []
    if text is None or full is None or not (sure or re.match(r"#![^\n]{0,100}\b(?:ba|da|z|k)?sh\b", text)):
        return None
    script = str(PurePosixPath(full).parent)
    return [(_with_arguments(text, given), replace(place.inner(full), script=script))]


def _with_arguments(text: str, given: list[str]) -> str:
    return text.replace('"$@"', " ".join([*map(_quoted, given), '"$@"'])) if given else text


def _assigned(words: list[str], everywhere: bool = False) -> tuple[dict[str, str], list[str]]:
    """Assignments in front (or everywhere), and the other words."""
    found: dict[str, str] = {}
    for number, word in enumerate(words):
        match = _ASSIGNMENT.fullmatch(word)
        if match:
            found[match[1]] = match[2]
        elif not everywhere:
            return found, words[number:]
    return found, [word for word in words if not _ASSIGNMENT.fullmatch(word)] if everywhere else []


_FILES = {
    **dict.fromkeys(_NODE, ("package.json",)),
    **dict.fromkeys(_TASKS, ("pyproject.toml", "Pipfile")),
    **dict.fromkeys(("make", "gmake"), ("Makefile", "makefile", "GNUmakefile")),
    "just": ("justfile",),
    "composer": ("composer.json",),
}
_HANDLERS: dict[str, Callable[[list[str], _Place], list[_Step] | None]] = {
    **dict.fromkeys(_NODE, _node),
    **dict.fromkeys(_SHELLS, _shell),
    **dict.fromkeys(("npm-run-all", "run-s", "run-p", "npm-run-all2"), _run_scripts),
    **dict.fromkeys(("make", "gmake"), _make),
    "just": _just,
    "composer": _composer,
}
