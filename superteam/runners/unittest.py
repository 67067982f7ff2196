"""unittest: our hook gets into it through PYTHONPATH, whatever starts it; tests go by their dotted ids."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from superteam.runners.call import Call, Told, Untold, family
from superteam.runners.pytest import PLUGIN_FOLDER, set_aside, write_ids
from superteam.runners.scripts import inside, text_of

NAME = "unittest"
HOOK_FOLDER = PLUGIN_FOLDER / "unittest_hook"
_PYTHON = re.compile(r"(?:python|pypy)[\d.]{0,8}")
_MAIN = re.compile(
    r"^[^#\n]{0,200}\b(?:unittest\.main|TextTestRunner|get_runner|DiscoverRunner)\("
    r"|^from unittest import[^\n]{0,200}\bmain\b",
    re.MULTILINE,
)
_MODULES = (("-m", "unittest"), ("-m", "xmlrunner"))
_VALUES = frozenset(["-W", "-X", "-Q"])  # options of Python that take a word


def recognises(call: Call, tree: Path) -> bool:
    """unittest (or its runner that writes XML) as a module of Python, a script that calls it, or Django's tests."""
    if _is_django(call):
        return True
    if not _PYTHON.fullmatch(call.program):
        return False
    if any(pair in _MODULES for pair in pairwise(call.words)):
        return True
    script = _script(call)
    text = text_of(tree, inside(call.folder, script) or "") if script else None
    return text is not None and _MAIN.search(text) is not None


def _is_django(call: Call) -> bool:
    """Django's own command `test`: manage.py, by name or as a file for Python, or django-admin."""
    words = list(call.words)
    if _PYTHON.fullmatch(call.program):
        words = words[1:]
        while words and words[0].startswith("-") and words[0] != "-m":
            words = words[2:] if words[0] in _VALUES else words[1:]
        if words[:2] == ["-m", "django"]:
            words = words[1:]
    name = words[0].rpartition("/")[2] if words else ""
    behind = [word for word in words[1:] if not word.startswith("-")]
    return name in ("manage.py", "django-admin", "django") and behind[:1] == ["test"]


def _script(call: Call) -> str | None:
    words = iter(call.words[1:])
    for word in words:
        if word in _VALUES:
            next(words, None)
        elif not word.startswith("-"):
            return word if word.endswith(".py") else None
        elif word in ("-m", "-c"):
            return None
    return None


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told | Untold:
    """By our hook, through the environment."""
    why = _closed(call)
    if why:
        return Untold(why)
    ours = {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HOOK_FOLDER), env.get("PYTHONPATH", "")))),
        "SUPERTEAM_UNITTEST_REPORT": str(folder),
        "SUPERTEAM_TREE": str(tree),
    }
    if only is not None:
        ours["SUPERTEAM_UNITTEST_ONLY"] = str(write_ids(folder / "only.json", only))
    passed = ",".join((*ours, "SUPERTEAM_CHECKOUT"))
    overrides = [env["TOX_OVERRIDE"]] if env.get("TOX_OVERRIDE") else []
    ours["TOX_OVERRIDE"] = ";".join([f"testenv.pass_env+={passed}", *overrides])
    told = set_aside(call, Told(NAME, "*.jsonl", folder, env=ours))
    path = call.env.get("PYTHONPATH")
    if path is not None and "PYTHONPATH" not in path and not told.instead:
        return Untold(f"the command sets PYTHONPATH={path} over ours; PYTHONPATH={path}:$PYTHONPATH lets both in")
    return told


def _closed(call: Call) -> str:
    """Why our hook cannot get in; "" if it can."""
    for word in call.words[1:]:
        if word in ("-m", "-c") or not word.startswith("-"):
            return ""
        if not word.startswith("--") and set(word[1:]) & set("IES"):
            return f"python {word} leaves out the environment through which superteam hears of single tests"
    return ""


def reproduce(call: Call, ids: tuple[str, ...]) -> str | None:
    """The tests by name, where the call is unittest's own command line."""
    place = f"{call.folder}/" if call.folder else ""
    names = sorted({family(id).removeprefix(place) for id in ids})
    plain = all(re.fullmatch(r"[\w.]+", name) and not name.startswith("__main__.") for name in names)
    last = "test" if _is_django(call) else "unittest"
    if not names or not plain or last not in call.words or "discover" in call.words:
        return None
    command = [*call.words[: call.words.index(last) + 1], *names[:20]]
    moved = f"cd {shlex.quote(call.folder)} && " if call.folder else ""
    return moved + shlex.join(command)


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file where discovery begins; None if the call names its tests, or finds files by a pattern of its own."""
    words = call.words
    if _is_django(call):
        labels = [word for word in words[words.index("test") + 1 :] if not word.startswith("-")]
        return None if labels else _canary_in(call.folder)
    given = [word for flag, word in pairwise(words) if flag in ("-s", "--start-directory")]
    behind = words[words.index("discover") + 1 :] if "discover" in words else ()
    start = inside(call.folder, (given or [word for word in behind[:1] if not word.startswith("-")] or ["."])[0])
    if start is None or ("-m", "unittest") not in pairwise(words) or _names_tests(words):
        return None
    return _canary_in(start)


def _canary_in(folder: str) -> tuple[str, str]:
    name = "test_superteam_canary.py"
    lines = "import unittest\n\n\nclass SuperteamCanary(unittest.TestCase):\n    def test_superteam_canary(self):\n"
    return (f"{folder}/{name}" if folder else name), f"{lines}        self.fail('planted by superteam')\n"


def _names_tests(words: tuple[str, ...]) -> bool:
    """Whether the call says which tests to run, so that a new file would not be among them."""
    behind = words[words.index("unittest") + 1 :]
    if "discover" in behind:
        return any(word in ("-p", "--pattern", "-k") for word in behind)
    return "-k" in behind or any(not word.startswith("-") for word in behind)
