"""The objects of a tree's own repository, copied from the user's: a clone has them too, and no path to another store.

One pack is kept in the cache and copied; what a later commit adds to it is packed for each tree. Nothing is linked:
a program in the tree could write through a link.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from superteam.workspace import trees
from superteam.workspace.git import replace_file
from superteam.workspace.git_directory import Engine, content_of

LARGEST = 64 * 1024  # KiB of the user's objects; copying more would take longer than many suites
_PACK = ("pack-objects", "--revs", "--quiet", "--non-empty", "--window=0", "--compression=1")


def copy_objects(engine: Engine, git: Path, commit: str, tree: str, tags: Sequence[str]) -> bool:
    """Puts all objects that a commit, a tree and tags reach into the repository `git`.

    Returns False, with nothing copied, where that would be too much, or where git cannot do it.
    """
    if not _is_small(engine):
        return False
    folder, target = engine.git_dir.parent / "packs", git / "objects" / "pack"
    wanted = [commit, *tags]
    for _ in range(2):  # the second time with a new pack: the repository may have been cloned again
        kept = content_of(folder / "reaches").decode().split()
        if not kept or not any(folder.glob("pack-*.pack")):
            kept = wanted
            if not _make_pack(engine, folder, kept):
                return False
        if _pack(engine, target / "pack", [*wanted, tree], without=kept):
            for path in folder.glob("pack-*"):
                shutil.copyfile(path, target / path.name)
            return True
        trees.remove(folder)
    return False


def _make_pack(engine: Engine, folder: Path, wanted: Sequence[str]) -> bool:
    trees.remove(folder)
    folder.mkdir(mode=0o700)
    if not _pack(engine, folder / "pack", wanted, without=()):
        return False
    replace_file(folder / "reaches", "\n".join(wanted).encode())
    return True


def _pack(engine: Engine, name: Path, wanted: Sequence[str], without: Sequence[str]) -> bool:
    lines = [*wanted, "--not", *without]
    return engine.git(*_PACK, str(name), stdin="\n".join(lines).encode() + b"\n", check=False).status == 0


def _is_small(engine: Engine) -> bool:
    """Whether all objects are in the user's repository, and few enough to be copied."""
    if b"partialclone" in content_of(engine.git_dir / "config").lower():
        return False
    text = engine.git("count-objects", "-v").out
    if "\nalternate: " in text:  # another store, whose objects are not counted
        return False
    counted = dict(re.findall(r"^(size|size-pack): (\d+)$", text, re.MULTILINE))
    return sum(map(int, counted.values())) <= LARGEST
