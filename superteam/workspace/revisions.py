"""What a revision that a person wrote means: one full ref, or an error that names all its meanings.

git takes the first of a file in its own directory, a tag and a branch, with a warning at most. Whoever can write one of
them would choose what a change is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from superteam.errors import WorkspaceError

if TYPE_CHECKING:
    from superteam.workspace.repository import Repository

_PARTS = re.compile(r"([^~^:]*?)((?:[~^:]|@\{).*)?", re.DOTALL)
_HASH = re.compile(r"[0-9a-fA-F]{4,64}")
_OF_GIT = re.compile(r"@|(?:[A-Z]+_)*HEAD|AUTO_MERGE")  # files of git's own that are meant to be named
_PLACES = (
    ("the tag", "refs/tags/{}"),
    ("the branch", "refs/heads/{}"),
    ("the remote branch", "refs/remotes/{}"),
    ("the remote's default branch", "refs/remotes/{}/HEAD"),
    ("the ref", "refs/{}"),
)


def full_name(repository: Repository, revision: str) -> str:
    """The revision with the full name of its ref; WorkspaceError if it means several commits."""
    match = _PARTS.fullmatch(revision)
    name, suffix = (match[1], match[2] or "") if match else (revision, "")
    if not name or ".." in name or name.startswith(("-", "refs/")) or _OF_GIT.fullmatch(name):
        return revision
    found = list(_meanings(repository, name))
    if len({commit for _, _, commit in found}) > 1:
        listed = "; ".join(f"{words} {full} ({commit[:12]})" for words, full, commit in found)
        example = next((full for _, full, _ in found if "/" in full), found[0][1])
        hint = f"name it in full, for example: {example}{suffix}"
        raise WorkspaceError(f"{name!r} means more than one commit: {listed}", hint)
    refs = [full for _, full, _ in found if full.startswith("refs/")]
    return f"{refs[0]}{suffix}" if refs else revision


def _meanings(repository: Repository, name: str) -> Iterator[tuple[str, str, str]]:
    """What the name can mean: in words, its full name, and the commit."""
    for words, place in _PLACES:
        full = place.format(name)
        commit = _commit(repository, full)
        if commit:
            yield words, full, commit
    for folder in dict.fromkeys((repository.git_dir, repository.common_dir)):
        commit = _commit_in_file(repository, name) if (folder / name).is_file() else None
        if commit:
            yield "the file", str(folder / name), commit
    if _HASH.fullmatch(name):
        listed = repository.git("rev-parse", f"--disambiguate={name}", check=False).out.split()
        yield from (("the commit", hash, hash) for hash in listed if _commit(repository, hash) == hash)


def _commit(repository: Repository, full: str) -> str | None:
    return repository.ref(f"{full}^{{commit}}")


def _commit_in_file(repository: Repository, name: str) -> str | None:
    """The commit that git reads from a file of its directory; it has such names looked up before any other."""
    return None if name.startswith(("objects/", "logs/", "refs/")) else _commit(repository, name)
