"""pytest: how our plugin gets into it by the environment alone, and how its tests are named and run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from superteam.runners.call import Call, Told, family
from superteam.runners.scripts import document, inside, member, text_of

PLUGIN = "superteam_pytest_plugin"
PLUGIN_FOLDER = Path(__file__).parent / "plugin"
_NAMES = re.compile(r"(?:^|[\s;&|(/'\"=])(?:py\.test|pytest)(?=$|[\s;&|)'\"])")
_SHELL = re.compile(r"[;&|<>()$`\\\"'*?\[\]{}#~!\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHOWN = 20  # ids in a command that people copy


def inject(env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> dict[str, str]:
    """The environment in which every pytest reports into `folder`; the user's own values stay behind ours.

    With `only` exactly these tests are run: a list of them is written beside the report.
    """
    found = dict(env)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PLUGIN_FOLDER), env.get("PYTHONPATH", ""))))
    found["PYTEST_ADDOPTS"] = f"-p {PLUGIN} {env.get('PYTEST_ADDOPTS', '')}".strip()
    ours = {"SUPERTEAM_PYTEST_REPORT": str(folder), "SUPERTEAM_TREE": str(tree)}
    if only is not None:
        ours["SUPERTEAM_PYTEST_ONLY"] = str(write_ids(folder / "only.json", only))
    passed = ["PYTHONPATH", "PYTEST_ADDOPTS", "SUPERTEAM_CHECKOUT", *ours]
    overrides = [env["TOX_OVERRIDE"]] if env.get("TOX_OVERRIDE") else []
    found["TOX_OVERRIDE"] = ";".join([f"testenv.pass_env+={','.join(passed)}", *overrides])
    return found | ours


def write_ids(path: Path, only: frozenset[str]) -> Path:
    """The list of wanted tests for a plugin of ours, with the tests that ran more than once under their own names."""
    wanted = only | {family(id) for id in only}
    path.write_text(json.dumps(sorted(wanted)), encoding="ascii")
    return path


def names_pytest(command: str) -> bool:
    """Whether the command calls pytest by name, so that a run without a report proves nothing."""
    return _NAMES.search(command) is not None


def is_plain(command: str) -> bool:
    """Whether the command is a single simple call of pytest to which arguments can be appended."""
    if _SHELL.search(command) or not names_pytest(command):
        return False
    words = [word for word in command.split() if not _ASSIGNMENT.match(word)]
    return "--" not in words


def with_junit(command: str, file: Path) -> str:
    """The plain command with a JUnit file in pytest's own format, for where our plugin cannot get in."""
    return f"{command} {_junit_options(file)}"


def junit_by_environment(env: Mapping[str, str], file: Path) -> dict[str, str]:
    """The variables with which every pytest writes a JUnit report; nothing of ours has to be importable for it.

    A tox that does not let PYTEST_ADDOPTS through by itself is told to.
    """
    overrides = [env["TOX_OVERRIDE"]] if env.get("TOX_OVERRIDE") else []
    return {
        "PYTEST_ADDOPTS": f"{_junit_options(file)} {env.get('PYTEST_ADDOPTS', '')}".strip(),
        "TOX_OVERRIDE": ";".join(["testenv.pass_env+=PYTEST_ADDOPTS", *overrides]),
    }


def _junit_options(file: Path) -> str:
    return f"--junitxml={shlex.quote(str(file))} -o junit_family=xunit1 --maxfail=0"


def reproduce_command(command: str, ids: frozenset[str] | None) -> str:
    """What a person can paste into a shell to run these tests again."""
    if not ids:
        return command
    names = sorted({family(id) for id in ids})
    shown = names[:_SHOWN]
    rest = f"  # and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    if is_plain(command) and not any(id.startswith("-") for id in shown):
        return f"{command} {' '.join(shlex.quote(id) for id in shown)}{rest}"
    return f"{command}  # of interest: {' '.join(shlex.quote(' '.join(id.split())) for id in shown[:5])}"


NAME = "pytest"
_CONFIGURED = ("tox.ini", "setup.cfg", "pyproject.toml", "noxfile.py", "tox.toml")
_INI = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}
_OURS = ("PYTHONPATH", "PYTEST_ADDOPTS")
_SHELLS_OWN = re.compile(r"[$`*?\[\]{}~!]")


def recognises(call: Call, tree: Path) -> bool:
    """pytest by name, as a module of Python, or in tox and nox where their configuration names it."""
    if call.program in ("pytest", "py.test"):
        return True
    if call.program in ("tox", "nox"):
        texts = (text_of(tree, inside(call.folder, name) or "") for name in _CONFIGURED)
        return any(re.search(r"\bpytest\b", text) for text in texts if text)
    words = call.words
    python = re.fullmatch(r"python[\d.]{0,8}|pypy[\d.]{0,8}", call.program)
    return bool(python) and any(pair in (("-m", "pytest"), ("-m", "py.test")) for pair in pairwise(words))


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told:
    """By our plugin, through the environment."""
    told = inject(env, folder, tree, only)
    return set_aside(call, Told("pytest", "*.jsonl", folder, env=told))


def set_aside(call: Call, told: Told) -> Told:
    """A call that sets one of our variables itself (`PYTHONPATH=src pytest`) is run with both values.

    Only where the call is the whole command; otherwise our value is lost, and the run has no report of ours.
    """
    taken = [name for name in _OURS if name in call.env and name in told.env and f"${name}" not in call.env[name]]
    if not taken or not call.alone or any(map(_SHELLS_OWN.search, (*call.words, *call.env.values()))):
        return told
    sign = {"PYTHONPATH": os.pathsep, "PYTEST_ADDOPTS": " "}
    both = {name: f"{told.env[name]}{sign[name]}{call.env[name]}" for name in taken}
    assignments = (f"{name}={value}" for name, value in {**call.env, **both}.items())
    return replace(told, instead=("env", *assignments, *call.words))


def reproduce(call: Call, ids: tuple[str, ...]) -> str | None:
    """The call with these ids."""
    return reproduce_command(shlex.join(call.words), frozenset(ids))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file where the call looks for tests; None if it picks out some of them, so that a new one would not run.

    Configuration is looked for as pytest does: from the call's folder upward, the first file with a section of its own.
    """
    paths = _paths(call, tree)
    if paths is None or any(word in ("-k", "-m") for word in call.words[_own(call) :]):
        return None
    found = _configuration(tree, call.folder)
    folder = next(iter(paths), None) or _testpath(tree, call, found)
    name = next((pattern for pattern in _words(found.get("python_files")) if pattern.endswith(".py")), "test_*.py")
    prefix = next(iter(_words(found.get("python_functions"))), "test_").replace("*", "")
    file = name.replace("*", "superteam_canary") if "*" in name else name
    function = prefix if prefix.endswith("_") else f"{prefix}_"
    path = f"{folder}/{file}" if folder not in ("", ".") else file
    return path, f"def {function}superteam_canary():\n    assert False, 'planted by superteam'\n"


def _own(call: Call) -> int:
    """Where pytest's own arguments begin."""
    return next((number + 2 for number, pair in enumerate(pairwise(call.words)) if pair[0] == "-m"), 1)


def _paths(call: Call, tree: Path) -> list[str] | None:
    """The folders that the call names; None if it names single files or tests alone."""
    words = [word for word in call.words[_own(call) :] if not word.startswith("-")]
    named = [path for word in words if (path := inside(call.folder, word.partition("::")[0])) is not None]
    there = [path for path in named if path and (tree / path).exists()]
    folders = [path for path in there if (tree / path).is_dir()]
    return None if there and not folders else folders


def _testpath(tree: Path, call: Call, found: Mapping[str, object]) -> str:
    """The first folder of `testpaths`; else that of the call."""
    here = tree / call.folder
    for pattern in _words(found.get("testpaths")):
        if inside(call.folder, pattern.replace("*", "")) is not None:
            folder = next((path for path in sorted(here.glob(pattern)) if path.is_dir()), None)
            if folder is not None:
                return folder.relative_to(tree).as_posix()
    tests = inside(call.folder, "tests") or "tests"
    return tests if call.program in ("tox", "nox") and (tree / tests).is_dir() else call.folder


def _configuration(tree: Path, folder: str) -> Mapping[str, object]:
    while True:
        for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
            path = f"{folder}/{name}" if folder else name
            found = _toml(tree, path) if name == "pyproject.toml" else _ini(text_of(tree, path), _INI[name])
            if found:
                return found
        if not folder:
            return {}
        folder = folder.rpartition("/")[0]


def _toml(tree: Path, path: str) -> Mapping[str, object]:
    found = member(document(tree, path), "tool.pytest")
    inner = found.get("ini_options", found) if isinstance(found, dict) else {}
    return inner if isinstance(inner, dict) else {}


def _ini(text: str | None, section: str) -> Mapping[str, object]:
    from configparser import Error, RawConfigParser

    parser = RawConfigParser(strict=False)
    try:
        parser.read_string(text or "")
    except Error:
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [word for word in value if isinstance(word, str)]
    return value.split() if isinstance(value, str) else []
