"""pytest: how our plugin gets into it by the environment alone, and how its tests are named and run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from superteam.runners.call import Call, Told

PLUGIN = "superteam_pytest_plugin"
PLUGIN_FOLDER = Path(__file__).parent / "plugin"
_NAMES = re.compile(r"(?:^|[\s;&|(/'\"=])(?:py\.test|pytest)(?=$|[\s;&|)'\"])")
_SHELL = re.compile(r"[;&|<>()$`\\\"'*?\[\]{}#~!\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHOWN = 20  # ids in a command that people copy


def inject(
    env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None, tracked: Path | None
) -> dict[str, str]:
    """The environment in which every pytest reports into `folder`; the user's own values stay behind ours.

    With `only` exactly these tests are run: a list of them is written beside the report.
    """
    found = dict(env)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PLUGIN_FOLDER), env.get("PYTHONPATH", ""))))
    found["PYTEST_ADDOPTS"] = f"-p {PLUGIN} {env.get('PYTEST_ADDOPTS', '')}".strip()
    ours = {"SUPERTEAM_PYTEST_REPORT": str(folder), "SUPERTEAM_TREE": str(tree)}
    if tracked is not None:
        ours["SUPERTEAM_TREE_FILES"] = str(tracked)
    if only is not None:
        ours["SUPERTEAM_PYTEST_ONLY"] = str(_write_ids(folder / "only.json", only))
    passed = ["PYTHONPATH", "PYTEST_ADDOPTS", *ours]
    overrides = [env["TOX_OVERRIDE"]] if env.get("TOX_OVERRIDE") else []
    found["TOX_OVERRIDE"] = ";".join([f"testenv.pass_env+={','.join(passed)}", *overrides])
    return found | ours


def _write_ids(path: Path, only: frozenset[str]) -> Path:
    wanted = only | {family(id) for id in only}
    path.write_text(json.dumps(sorted(wanted)), encoding="ascii")
    return path


def family(id: str) -> str:
    """The node id of a test that ran more than once: readers put " #2" behind the id of a second run."""
    return re.sub(r" #[1-9][0-9]{0,5}\Z", "", id)


def names_pytest(command: str) -> bool:
    """Whether the command calls pytest by name, so that a run without a report proves nothing."""
    return _NAMES.search(command) is not None


def selectable(id: str) -> bool:
    """Whether the plugin can pick out this test: any that has a name, since ids never go through an argument list."""
    return bool(id)


def is_plain(command: str) -> bool:
    """Whether the command is a single simple call of pytest to which arguments can be appended."""
    if _SHELL.search(command) or not names_pytest(command):
        return False
    words = [word for word in command.split() if not _ASSIGNMENT.match(word)]
    return "--" not in words


def with_junit(command: str, file: Path) -> str:
    """The plain command with a JUnit file in pytest's own format, for where our plugin cannot get in."""
    return f"{command} --junitxml={shlex.quote(str(file))} -o junit_family=xunit1 --maxfail=0"


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


def recognises(call: Call, tree: Path) -> bool:
    """pytest by name, or as a module of Python."""
    if call.program in ("pytest", "py.test"):
        return True
    words = call.words
    python = re.fullmatch(r"python[\d.]{0,8}|pypy[\d.]{0,8}", call.program)
    return bool(python) and any(pair in (("-m", "pytest"), ("-m", "py.test")) for pair in pairwise(words))


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told:
    """By our plugin, through the environment."""
    return Told("pytest", "*.jsonl", folder, env=inject(env, folder, tree, only, tracked=None))


def reproduce(call: Call, ids: tuple[str, ...]) -> str | None:
    """The call with these ids."""
    return reproduce_command(shlex.join(call.words), frozenset(ids))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file at the root of the tree."""
    return "test_superteam_canary.py", "def test_superteam_canary():\n    assert False, 'planted by superteam'\n"
