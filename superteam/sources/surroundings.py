"""What one execution of a suite has for itself: folders for temporary files and caches, and no compiled Python.

What an earlier execution left behind (on another commit, perhaps) must not decide this one. Nothing here tells the
tests that they are judged: the folders have names as any program makes them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from superteam.core.outside import plain

_HOMES = {"XDG_CACHE_HOME": ".cache", "XDG_STATE_HOME": ".local/state", "XDG_DATA_HOME": ".local/share"}
_OTHERS_CODE = frozenset(["node_modules", "site-packages", "dist-packages"])
_ENTRIES = 5000  # of a user's folder that are linked


@contextmanager
def private_folders(tree: Path, env: Mapping[str, str], hidden: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Yields the environment with folders of this execution's own, which are removed afterwards.

    What is `hidden` of the user's folders is not found there: HOME then is a folder of links to all the rest.

    Their names depend on the tree alone, so that ids and messages with a path in them are the same in each run.
    """
    made: list[Path] = []
    try:
        own = _make_folders(tree, env, made, frozenset(map(Path, hidden)))
    except OSError:
        if hidden:
            raise
        own = {}  # nothing can be made there
    try:
        yield {**env, **own}
    finally:
        for folder in made:
            _remove(folder)


def _make_folders(tree: Path, env: Mapping[str, str], made: list[Path], hidden: frozenset[Path]) -> dict[str, str]:
    top = Path(env.get("TMPDIR") or tempfile.gettempdir())
    name = hashlib.sha256(os.fsencode(tree)).hexdigest()[:8]
    temporary = _new_folder(top, name, made)
    homes = _new_folder(top, f"{name}-x", made)  # beside it: paths of sockets are limited to 100 bytes
    if not hidden:
        return {"TMPDIR": str(temporary), **_own_homes(homes, tree, env)}
    without = _without(hidden, env, _new_folder(top, f"{name}-h", made))
    return {"TMPDIR": str(temporary), **without, **_own_homes(homes, tree, {**env, **without})}


def _without(hidden: frozenset[Path], env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Makes folders in the place of HOME, and of those that variables name, in which the hidden entries are not."""
    home = env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 pathlib raises where there is none
    places = {"HOME": home, **{name: env[name] for name in (*_HOMES, "XDG_CONFIG_HOME") if env.get(name)}}
    changed = {}
    for number, (variable, users) in enumerate(places.items()):
        if any(path.is_relative_to(users) for path in hidden):
            changed[variable] = str(folder / str(number))
            _link_rest(Path(users), folder / str(number), hidden)
    return changed


def _link_rest(users: Path, place: Path, hidden: frozenset[Path]) -> None:
    """Links all of a folder but what is hidden in it; folders on the way to that are new ones."""
    place.mkdir(mode=0o700)
    for entry in users.iterdir():
        if any(path.is_relative_to(entry) and path != entry for path in hidden):
            _link_rest(entry, place / entry.name, hidden)
        elif entry not in hidden:
            (place / entry.name).symlink_to(entry)


def drop_compiled(tree: Path) -> None:
    """Removes what Python compiled in the tree, which an earlier execution may have left to be loaded instead."""
    for path, folders, _ in os.walk(tree):
        folder = Path(path)
        if "__pycache__" in folders:
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        folders[:] = [name for name in folders if _is_own_code(folder / name)]


def _is_own_code(folder: Path) -> bool:
    if folder.name in _OTHERS_CODE or folder.name.startswith(".") or folder.name == "__pycache__":
        return False
    return not (folder / "pyvenv.cfg").exists()


def _new_folder(top: Path, name: str, made: list[Path]) -> Path:
    """Makes a new folder of this name, or of a random one where something else has the name."""
    path = top / name
    try:
        if _is_ours(path):
            _remove(path)
        path.mkdir(mode=0o700)
    except FileExistsError:
        path = Path(tempfile.mkdtemp(dir=top))
    made.append(path)
    return path


def _is_ours(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _own_homes(folder: Path, tree: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Makes folders for caches, state and data with links to what the user's hold: tools find their downloads."""
    own = _names_of_the_project(tree)
    variables = {}
    for variable, usual in _HOMES.items():
        place = folder / variable[4:-5].lower()
        place.mkdir(mode=0o700)
        variables[variable] = str(place)
        home = env.get("HOME")
        users = Path(env[variable]) if env.get(variable) else Path(home, usual) if home else None
        if users is not None:
            _link_entries(users, place, own)
    return variables


def _link_entries(users: Path, place: Path, own: frozenset[str]) -> None:
    """Links what is there, but for what carries a name of the project: that is state of the code under test."""
    try:
        entries = sorted(users.absolute().iterdir())[:_ENTRIES]
    except OSError:
        return
    for entry in entries:
        if plain(entry.name) not in own:
            (place / entry.name).symlink_to(entry)


def _names_of_the_project(tree: Path) -> frozenset[str]:
    """Returns the names of the tree and of the packages at its top."""
    names = [tree.name]
    for folder in (tree, tree / "src"):
        try:
            names += [entry.name for entry in folder.iterdir()]
        except OSError:
            continue
    return frozenset(plain(name.removesuffix(".py")) for name in names if not name.startswith("."))


def _remove(folder: Path) -> None:
    """Removes what can be removed of a folder of ours, with what tests made unreadable; no link is followed."""
    with suppress(OSError, RecursionError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
            return
        _make_accessible(folder)
        for path, names, _ in os.walk(folder):
            for name in names:
                _make_accessible(Path(path, name))
        shutil.rmtree(folder, ignore_errors=True)


def _make_accessible(folder: Path) -> None:
    """Lets us list a folder; a link to one, or what another user owns, stays as it is."""
    with suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)
