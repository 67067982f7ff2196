"""The user's repository as it was found: his refs and objects, never his files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from superteam.errors import WorkspaceError
from superteam.workspace.git import NO_SETTINGS, Answer, git_version, hooks_off, run_git, split_nul
from superteam.workspace.revisions import full_name

HOOKS_IN_SETTINGS = (2, 54)
BRANCH_FOLDERS = ("superteam", "superteam-run")  # the second where a branch has the first one's name


@dataclass(frozen=True)
class Repository:
    """The user's repository as it was found. `head` is a commit; `branch` a full ref, None when HEAD is detached."""

    toplevel: Path
    git_dir: Path
    common_dir: Path
    head: str
    branch: str | None
    identity: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """A short name for this repository, the same from each of its worktrees."""
        return hashlib.sha256(os.fsencode(self.common_dir.resolve())).hexdigest()[:16]

    @cached_property
    def cache(self) -> Path:
        """Our own folder for this repository, outside of it and private."""
        folder = cache_home() / self.id
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as problem:
            text = f"{folder} cannot be made: {problem.strerror}"
            raise WorkspaceError(text, "SUPERTEAM_CACHE=FOLDER names a folder that you can write") from problem
        return folder

    @property
    def _where(self) -> dict[str, str]:
        """Names the repository as it was found: what an agent in place makes of `.git` leads git nowhere else."""
        return {
            "GIT_DIR": str(self.git_dir),
            "GIT_COMMON_DIR": str(self.common_dir),
            "GIT_WORK_TREE": str(self.toplevel),
        }

    def git(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> Answer:
        """git on the user's refs and objects, with hooks off.

        His files are never looked at or written this way: that would run filters out of his configuration, which an
        agent in place can write. `Engine` does it, with what was configured before any agent ran.
        """
        env = {**self._where, **NO_SETTINGS, **_hooks_off(self)}
        return run_git(arguments, self.toplevel, env, stdin, check)

    def asked(self, *arguments: str) -> str:
        """What git says with the user's whole configuration; for questions that run no program."""
        return run_git(arguments, self.toplevel, self._where, check=False).out

    def place(self) -> dict[str, str]:
        """Where the repository is, as it is recorded while a run has not ended."""
        return {"git_dir": str(self.git_dir), "common_dir": str(self.common_dir), "toplevel": str(self.toplevel)}

    def tree_of(self, commit: str) -> str:
        """The tree object of a commit."""
        return self.git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").out.strip()

    def resolve(self, revision: str) -> str:
        """The commit that a person's revision names; WorkspaceError if there is none, or more than one."""
        full = full_name(self, revision)
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{full}^{{commit}}", check=False)
        if found.status != 0:
            shallow = self.git("rev-parse", "--is-shallow-repository").out.strip() == "true"
            hint = "this clone is shallow: git fetch --unshallow" if shallow else "git log --oneline"
            raise WorkspaceError(f"{revision!r} names no commit of this repository", hint)
        return found.out.strip()

    def content_at(self, commit: str, path: str) -> bytes | None:
        """A file of a commit; None if there is none."""
        found = self.git("cat-file", "blob", f"{commit}:{path}", check=False)
        return os.fsencode(found.out) if found.status == 0 else None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains the commit `old`."""
        return self.git("merge-base", "--is-ancestor", old, new, check=False).status == 0

    def merge_base_with_upstream(self) -> str | None:
        """Where the current branch left its upstream, if it has one."""
        found = self.git("merge-base", "HEAD", "@{upstream}", check=False)
        return found.out.strip() if found.status == 0 else None

    def ref(self, name: str) -> str | None:
        """The commit a ref points to, or None."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name, check=False)
        return found.out.strip() if found.status == 0 else None

    def set_ref(self, name: str, new: str, old: str | None) -> None:
        """Creates (`old` None) or moves a ref by compare and swap; no effect when it is there already."""
        zero = "0" * len(new)
        done = self.git("update-ref", name, new, old or zero, check=False)
        if done.status != 0 and self.ref(name) != new:
            text = f"{name} is not where this run left it: somebody moved it, or it is locked ({done.err})"
            raise WorkspaceError(text, f"git log {name}; then superteam resume, or superteam abort")

    def require_identity(self) -> None:
        """The author of commits is the user; without a name nothing is begun."""
        if not self.identity.get("GIT_AUTHOR_NAME") or not self.identity.get("GIT_AUTHOR_EMAIL"):
            raise WorkspaceError(
                "git does not know who you are, and task commits are made in your name",
                'git config --global user.name "Your Name"; git config --global user.email you@example.org',
            )

    def sweep_locks(self) -> None:
        """Removes locks in the user's own git directory if no git lives in the repository that could hold one."""
        locks = [self.git_dir / "index.lock", self.git_dir / "HEAD.lock"]
        if any(lock.exists() for lock in locks) and not _git_lives_in(self.toplevel):
            for lock in locks:
                lock.unlink(missing_ok=True)

    def changed_by(self, commit: str) -> dict[str, str]:
        """What a commit did to each path, compared with its first parent: A, M, D or T as git has it."""
        found = self.git("diff-tree", "-r", "-z", "--no-renames", "--name-status", f"{commit}^1", commit)
        fields = found.out.split("\0")
        return dict(zip(fields[1::2], fields[::2], strict=False))


def _hooks_off(repository: Repository) -> dict[str, str]:
    """Switches off hooks that stand in the configuration, which git knows since 2.54, and core.hooksPath does not."""
    if git_version(os.environ.get("PATH", "")) < HOOKS_IN_SETTINGS:
        return {}
    found = run_git(
        ["config", "--list", "--name-only", "-z"],
        repository.toplevel,
        {**repository._where, **NO_SETTINGS},
        check=False,
    )
    return hooks_off(split_nul(found.out))


def cache_home() -> Path:
    """Where everything lies that can be made again."""
    if os.environ.get("SUPERTEAM_CACHE"):
        return Path(os.environ["SUPERTEAM_CACHE"]).absolute()
    from platformdirs import user_cache_path

    folder = user_cache_path("superteam")
    if not folder.is_absolute():  # "~": nobody has said where the home folder is
        raise WorkspaceError("there is no home folder for the cache", "set HOME, or SUPERTEAM_CACHE=FOLDER")
    return folder


def _git_lives_in(top: Path) -> bool:
    if not Path("/proc/self").exists():
        return True  # nobody can say; the next git names the lock
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().startswith("git") and (comm.parent / "cwd").readlink().is_relative_to(top):
                return True
        except OSError:
            continue
    return False
