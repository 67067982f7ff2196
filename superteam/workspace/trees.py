"""Folders that an agent had in its hands: nothing in them is followed, trusted or in the way for long.

No git runs here. A tree's private repository is written as plain files, anew each time, whatever became of the last.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

_PRIVATE = {
    "core.hooksPath": "{git}/hooks",
    "core.fsmonitor": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "core.logAllRefUpdates": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


@dataclass(frozen=True, slots=True)
class PrivateRepository:
    """What a tree's own repository is to say: `branch` (without refs/heads/) or a detached HEAD at commit `head`.

    `objects` is the store that it shares; None where it gets objects of its own afterwards.
    `config` is text in git's format, `packed_refs` the tags; `index` is copied, so that its status is clean and fast.
    """

    head: str
    branch: str | None
    objects: Path | None
    config: str
    exclude: bytes
    packed_refs: str
    index: Path
    identity: Mapping[str, str]
    shallow: bytes | None = None


def give_repository(tree: Path, wanted: PrivateRepository) -> None:
    """Puts a fresh private repository into a tree; what was there, of whatever kind, is removed first."""
    git = tree / ".git"
    remove(git)
    for folder in ("refs/heads", "refs/tags", "objects/info", "objects/pack", "info", "hooks"):
        (git / folder).mkdir(parents=True, mode=0o700)
    files = {
        "HEAD": f"ref: refs/heads/{wanted.branch}\n" if wanted.branch else f"{wanted.head}\n",
        "config": wanted.config + _private_settings(git, wanted.identity),
        "packed-refs": wanted.packed_refs,
    }
    if wanted.objects:
        files["objects/info/alternates"] = f"{quoted(str(wanted.objects))}\n"
    if wanted.branch:
        files[f"refs/heads/{wanted.branch}"] = f"{wanted.head}\n"
    for name, text in files.items():
        (git / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (git / name).write_bytes(os.fsencode(text))
    (git / "info/exclude").write_bytes(wanted.exclude)
    if wanted.shallow is not None:
        (git / "shallow").write_bytes(wanted.shallow)
    with suppress(FileNotFoundError):
        shutil.copy2(wanted.index, git / "index")


def _private_settings(git: Path, identity: Mapping[str, str]) -> str:
    """Beside the identity: what a user's global configuration sets for his own work must not act in here."""
    fixed = {key: value.replace("{git}", str(git)) for key, value in _PRIVATE.items()}
    who = {
        f"{role}.{part}": identity[f"GIT_{role}_{part}".upper()]
        for role in ("author", "committer")
        for part in ("name", "email")
        if f"GIT_{role}_{part}".upper() in identity
    }
    user = {key.replace("author", "user"): value for key, value in who.items() if key.startswith("author.")}
    return "".join(setting(key, value) for key, value in {**fixed, **user, **who}.items())


def setting(key: str, value: str) -> str:
    """One value as text for a git configuration file."""
    section, _, rest = key.partition(".")
    middle, _, name = rest.rpartition(".")
    title = f"[{section} {quoted(middle)}]" if middle else f"[{section}]"
    return f"{title}\n\t{name} = {quoted(value)}\n"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def compiled_from(tree: Path, sources: Collection[str]) -> tuple[str, ...]:
    """Python's compiled copies of these files of a tree, never through a link.

    Python takes one for its source's while size and second of the source are the same (PEP 3147): quick agents write
    more than once within a second.
    """
    found = []
    for source in map(PurePosixPath, sources):
        folder = source.parent / "__pycache__"
        if source.suffix != ".py" or (tree / folder).resolve() != tree.resolve() / folder:
            continue
        with suppress(OSError):
            names = [entry.name for entry in os.scandir(tree / folder) if entry.is_file(follow_symlinks=False)]
            mine = [name for name in names if name.startswith(f"{source.stem}.") and name.endswith(".pyc")]
            found += [str(folder / name) for name in mine]
    return tuple(found)


def make_folder(path: Path) -> bool:
    """Lets there be a real folder of ours at this path; whether one had to be made."""
    if not path.is_symlink() and path.is_dir():
        path.chmod(0o700)
        return False
    remove(path)
    path.mkdir(parents=True, mode=0o700)
    return True


def remove(path: Path) -> None:
    """Removes whatever is at this path: links are not followed, read-only and very deep folders are no obstacle."""
    try:
        kind = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(kind):
        path.unlink()
        return
    numbers = count()
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        folder.chmod(0o700)
        for entry in list(os.scandir(folder)):
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
            else:
                waiting.append(_lift(Path(entry.path), path, numbers))
        if folder != path:
            folder.rmdir()
    path.rmdir()


def _lift(folder: Path, top: Path, numbers: Iterator[int]) -> Path:
    """Moves a folder up to the top, so that no path gets too long however deep the folders are."""
    if folder.parent == top:
        return folder
    folder.chmod(0o700)  # moving a folder writes its "..", which needs permission
    target = next(place for n in numbers if not os.path.lexists(place := top / f".superteam-{n}"))
    folder.rename(target)
    return target


def make_accessible(tree: Path, spare: Collection[str] = ()) -> list[str]:
    """Lets us read and change everything in a tree; returns paths that are neither file, folder nor link."""
    special = []
    tree.chmod(0o700)
    for entry in _entries(tree, spare):
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            wanted = 0o700
        elif stat.S_ISREG(info.st_mode):
            wanted = 0o600
        else:
            special += [] if stat.S_ISLNK(info.st_mode) else [str(Path(entry.path).relative_to(tree))]
            continue
        if info.st_mode & wanted != wanted:
            os.chmod(entry.path, stat.S_IMODE(info.st_mode) | wanted)  # noqa: PTH101
    return special


def nested_repositories(tree: Path, spare: Collection[str] = ()) -> list[str]:
    """Folders below a tree that hold a .git of their own, outermost only."""
    found = {str(Path(e.path).parent.relative_to(tree)) for e in _entries(tree, spare) if e.name == ".git"}
    return sorted(path for path in found if not any(str(above) in found for above in Path(path).parents))


def _entries(tree: Path, spare: Collection[str]) -> Iterator[os.DirEntry[str]]:
    """Everything below a tree, a folder before its contents; not its own .git, not `spare` (names or paths)."""
    own = str(tree / ".git")
    waiting = [str(tree)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.path == own or entry.name in spare or os.path.relpath(entry.path, tree) in spare:
                    continue
                yield entry
                if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                    waiting.append(entry.path)
