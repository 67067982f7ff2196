"""Opens the user's repository, and makes our git directory with what he had configured before any agent ran."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from superteam.core.planted import without_spaces
from superteam.errors import WorkspaceError
from superteam.workspace import trees, watching
from superteam.workspace.git import (
    NO_SETTINGS,
    git_version,
    ignore_line,
    replace_file,
    run_git,
    split_nul,
    tree_entries,
)
from superteam.workspace.git_directory import CACHES, Engine, content_of
from superteam.workspace.repository import Repository, cache_home

OLDEST_GIT = (2, 38)
COPIED = re.compile(
    r"(?:filter|lfs)\..+|extensions\.(?:objectformat|partialclone)|remote\..+\.(?:url|lfsurl|promisor|partialclonefilter)"
    r"|core\.(?:autocrlf|eol|sharedrepository)"
)
# What git found out about the file system of the checkout; our trees may be on another one.
OF_FILE_SYSTEM = re.compile(r"core\.(?:filemode|symlinks|ignorecase|precomposeunicode)")
OPERATIONS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
AT_START = (
    "HEAD",
    "config",
    "info/exclude",
    "info/attributes",
    "info/sparse-checkout",
    "excludes",
    "attributes",
    "shallow",
    "drivers",
    "of-checkout",
)
_FILTER = re.compile(r"filter\.(?!lfs\.).+\.(?:clean|smudge|process)")
_DRIVER = re.compile(r"(?:filter|diff|merge)\..+\..+")


def open_repository(cwd: Path, for_run: bool = False) -> Repository:
    """The repository around a folder; WorkspaceError for what cannot be worked with. Changes nothing on disk."""
    if not sys.platform.startswith(("linux", "darwin")):
        raise WorkspaceError(f"superteam runs on Linux and macOS, not on {sys.platform}")
    _require_git()
    where = run_git(["rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir"], cwd, check=False)
    if where.status != 0:
        reason = where.err.splitlines()[0] if where.err else "not a git repository"
        if "dubious ownership" in reason:
            hint = f"git config --global --add safe.directory {cwd}, or chown it"
            raise WorkspaceError(f"git does not trust {cwd}: it belongs to another user", hint)
        raise WorkspaceError(f"{cwd} is not in a git repository ({reason})", "git init, and commit something")
    answers = where.out.rstrip("\n").split("\n")
    if len(answers) != 3:
        raise WorkspaceError(f"the path of the repository has a line end in it: {str(cwd)!r}", "rename that folder")
    bare, git_dir, common = answers
    top = run_git(["rev-parse", "--show-toplevel"], cwd, check=False)
    place = {
        "git_dir": git_dir,
        "common_dir": str((cwd / common).resolve()),
        "toplevel": top.out.rstrip("\n"),
    }
    _require_known_place(cwd, place)
    _require_cache_outside(place)
    if bare == "true":
        raise WorkspaceError(f"{git_dir} is a bare repository; there is no checkout", "git clone it, and work there")
    if top.status != 0:
        raise WorkspaceError(f"{cwd} is inside a git directory, not in a checkout", "cd to the checkout")
    root = Path(top.out.rstrip("\n"))
    head = run_git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], root, check=False)
    if head.status != 0:
        raise WorkspaceError(f"the repository {root} has no commit yet", 'git add -A && git commit -m "start"')
    branch = run_git(["symbolic-ref", "--quiet", "HEAD"], root, check=False)
    found = Repository(
        root,
        Path(git_dir),
        (cwd / common).resolve(),
        head.out.strip(),
        branch.out.strip() if branch.status == 0 else None,
        _identity(root),
    )
    if for_run:
        require_startable(found, in_place=False)
    return found


def _require_cache_outside(place: Mapping[str, str]) -> None:
    """Trees below the checkout would be part of its snapshots, and node and pytest look into the folders above."""
    cache = cache_home().resolve()
    for name in ("toplevel", "git_dir", "common_dir"):
        folder = Path(place[name]).resolve()
        if place[name] and cache.is_relative_to(folder):
            text = f"the cache {cache} is in the repository {folder}, where its trees would be taken for your files"
            raise WorkspaceError(text, "SUPERTEAM_CACHE=FOLDER, or XDG_CACHE_HOME, names one outside of it")


def _require_known_place(cwd: Path, place: Mapping[str, str]) -> None:
    """While a run of a checkout has not ended, its repository is where it was: an agent may have led it elsewhere."""
    here = cwd.resolve()
    around = next((top for top in (here, *here.parents) if os.path.lexists(top / ".git")), here)
    record = watching.place_record(cache_home(), around)
    moved = watching.what_moved(record, place)
    if moved:
        text = f"the repository of {around} is not the one of its unfinished run: {moved}"
        raise WorkspaceError(text, f"put .git and its config back; or, if this was you: rm {record}")


def _require_git() -> None:
    version = git_version(os.environ.get("PATH", ""))
    if version < OLDEST_GIT:
        raise WorkspaceError(f"git {'.'.join(map(str, version))} is too old", "install git 2.38 or newer")


def _identity(root: Path) -> dict[str, str]:
    """Author and committer as they are at the start: the environment's, else the configured ones."""
    configured = run_git(["config", "--get-regexp", "-z", r"^user\.(name|email)$"], root, check=False).out
    values = dict(entry.partition("\n")[::2] for entry in configured.split("\0") if entry)
    found = {}
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            value = os.environ.get(f"GIT_{role}_{part}") or values.get(f"user.{part.lower()}", "")
            if value:
                found[f"GIT_{role}_{part}"] = value
    for part in ("NAME", "EMAIL"):
        if f"GIT_AUTHOR_{part}" in found:
            found.setdefault(f"GIT_COMMITTER_{part}", found[f"GIT_AUTHOR_{part}"])
    return found


def require_startable(repository: Repository, in_place: bool) -> None:
    """Refuses what a run cannot start in; changes nothing."""
    for name, operation in OPERATIONS.items():
        if (repository.git_dir / name).exists():
            text = f"a {operation} is in progress in {repository.toplevel}"
            raise WorkspaceError(text, "finish or abort it (git status says how), then try again")
    if not in_place:
        return
    rows = split_nul(repository.git("ls-tree", "-r", "-z", "HEAD").out)
    links = [row.partition("\t")[2] for row in rows if row.startswith("160000 ")]
    if links:
        text = f"--in-place needs a repository without submodules; there are: {', '.join(links[:5])}"
        raise WorkspaceError(text, "run without --in-place")
    engine = open_engine(repository)
    changed = engine.dirty()[:5]
    if changed:
        text = f"--in-place needs a checkout without changes; changed are: {', '.join(changed)}"
        raise WorkspaceError(text, "commit them, or run without --in-place")
    left_out = engine.not_here()[:5]
    if left_out:
        text = f"--in-place needs a whole checkout; this sparse one leaves out: {', '.join(left_out)}"
        raise WorkspaceError(text, "git sparse-checkout disable, or run without --in-place")


def is_unchanged_in_head(repository: Repository, path: str) -> bool:
    """Whether a file is tracked, and the same in HEAD and the checkout."""
    if path.startswith(("/", "..")) or not (repository.toplevel / path).is_file():
        return False
    row = repository.git("ls-tree", "-z", "--full-tree", "HEAD", "--", f":(literal){path}", check=False).out
    blobs = [sha for mode, sha in tree_entries(row).values() if mode.startswith("100")]
    return blobs == [open_engine(repository).blob_of(path)] if blobs else False


def open_engine(repository: Repository, excludes: Sequence[str] = (), run_id: str | None = None) -> Engine:
    """Makes our git directory; the user's filters, line-end rules and excludes are read once a run, here.

    They stay as they were when the run is resumed: by then an agent may have written into his configuration.
    """
    try:
        return _open_engine(repository, excludes, run_id)
    except OSError as problem:
        text = f"{problem.filename or repository.cache} cannot be written: {problem.strerror}"
        raise WorkspaceError(text, "SUPERTEAM_CACHE=FOLDER names a folder that you can write") from problem


def _open_engine(repository: Repository, excludes: Sequence[str], run_id: str | None) -> Engine:
    git_dir = repository.cache / ("engine.git" if run_id else "engine-once.git")
    for folder in ("refs/heads", "info", "objects"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    if run_id is None:
        _fill(git_dir, repository, excludes)
        return Engine(repository, git_dir, _modules(repository))
    start = repository.cache / "at-start" / run_id
    owner = git_dir / "read-for"
    if not (start / "identity.json").is_file():
        _fill(git_dir, repository, excludes)
        _save_start(git_dir, start, repository)
        replace_file(owner, run_id.encode())
    elif not owner.is_file() or owner.read_text() != run_id:
        for name in AT_START:
            replace_file(git_dir / name, content_of(start / name))
        _replace_shallow(git_dir, content_of(start / "shallow"))
        replace_file(owner, run_id.encode())
    identity = json.loads((start / "identity.json").read_bytes())
    return Engine(replace(repository, identity=identity), git_dir, _modules(repository))


def _modules(repository: Repository) -> tuple[Path, ...]:
    """Where git keeps submodules: those of a linked worktree are its own."""
    return tuple(dict.fromkeys(folder / "modules" for folder in (repository.git_dir, repository.common_dir)))


def _save_start(git_dir: Path, start: Path, repository: Repository) -> None:
    """Keeps what was configured when a run began, with the identity last: then all of it is there."""
    (start / "info").mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in AT_START:
        replace_file(start / name, content_of(git_dir / name))
    replace_file(start / "identity.json", json.dumps(dict(repository.identity)).encode())


def _replace_shallow(git_dir: Path, data: bytes) -> None:
    """Git takes a repository with such a file, be it empty, for a shallow one."""
    replace_file(git_dir / "shallow", data)
    if not data:
        (git_dir / "shallow").unlink()


def _fill(git_dir: Path, repository: Repository, excludes: Sequence[str]) -> None:
    values = _configured(repository)
    wanted = [*CACHES, "/.superteam/", *(ignore_line(name) for name in excludes)]
    theirs = content_of(repository.common_dir / "info" / "exclude")
    replace_file(git_dir / "HEAD", b"ref: refs/heads/none\n")
    replace_file(git_dir / "config", os.fsencode(_configuration(git_dir, repository, values)))
    replace_file(git_dir / "info" / "exclude", theirs + os.fsencode("\n" + "\n".join(wanted) + "\n"))
    replace_file(git_dir / "info" / "attributes", content_of(repository.common_dir / "info" / "attributes"))
    sparse = dict(values).get("core.sparsecheckout", "").lower() in ("true", "yes", "on", "1")
    listed = content_of(repository.git_dir / "info" / "sparse-checkout") if sparse else b""
    replace_file(git_dir / "info" / "sparse-checkout", listed)
    replace_file(git_dir / "excludes", _users_file(repository, values, "excludesfile", "ignore"))
    replace_file(git_dir / "attributes", _users_file(repository, values, "attributesfile", "attributes"))
    _replace_shallow(git_dir, content_of(repository.common_dir / "shallow"))
    theirs_alone = [f"{key}={value}" for key, value in values if OF_FILE_SYSTEM.fullmatch(key)]
    replace_file(git_dir / "of-checkout", os.fsencode("\0".join(theirs_alone)))
    drivers = {key.split(".", 1)[1].rpartition(".")[0] for key, _ in values if _DRIVER.fullmatch(key)}
    replace_file(git_dir / "drivers", json.dumps(sorted(drivers)).encode())


def _users_file(repository: Repository, values: Sequence[tuple[str, str]], key: str, name: str) -> bytes:
    """The content of core.excludesFile or core.attributesFile, or of the file that git reads when it is not set."""
    named = dict(values).get(f"core.{key}")
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    path = Path(named if named is not None else f"{folder}/git/{name}")
    with suppress(RuntimeError):  # there is no such user
        path = path.expanduser()
    return content_of(repository.toplevel / path) if str(path) != "." else b""


def _configured(repository: Repository) -> list[tuple[str, str]]:
    """All settings that are in effect in the user's repository, but what agents planted there; one without a value is
    true."""
    listed = split_nul(repository.asked("config", "--list", "--show-scope", "-z"))
    pairs = ((scope, *entry.partition("\n")) for scope, entry in zip(listed[::2], listed[1::2], strict=False))
    found = [(scope, (key, value if has_value else "true")) for scope, key, has_value, value in pairs]
    planted = watching.planted_settings(repository.cache)
    # Those of the machine are his whatever an agent wrote into his files: `git lfs install` in both is the usual case.
    return [setting for scope, setting in found if scope == "system" or without_spaces(setting) not in planted]


def _configuration(git_dir: Path, repository: Repository, values: Sequence[tuple[str, str]]) -> str:
    """Our configuration file: fixed values, and of the user's what changes how files are read and written."""
    copied = [(key, _with_git_dir(repository, key, value)) for key, value in values if COPIED.fullmatch(key)]
    partial = any(key == "extensions.partialclone" for key, _ in copied)
    version = "1" if any(key.startswith("extensions.") for key, _ in copied) else "0"
    fixed = {
        "core.repositoryformatversion": version,
        "core.bare": "false",
        "core.logAllRefUpdates": "false",
        "core.excludesFile": str(git_dir / "excludes"),
        "core.attributesFile": str(git_dir / "attributes"),
        "lfs.storage": str(repository.common_dir / "lfs"),
    }
    lfs = any(key.startswith("filter.lfs.") for key, _ in copied)
    chosen = [(key, value) for key, value in copied if not key.startswith("remote.") or partial or lfs]
    return "".join(trees.setting(key, value) for key, value in [*fixed.items(), *_file_system(git_dir), *chosen])


def _with_git_dir(repository: Repository, key: str, value: str) -> str:
    """A filter's command, run with the user's git directory: git-crypt and its like keep their key in there."""
    if not _FILTER.fullmatch(key) or not value.strip():
        return value
    return f"export GIT_DIR={shlex.quote(str(repository.git_dir))}; {value}"


def _file_system(git_dir: Path) -> list[tuple[str, str]]:
    """What git finds out about a file system where it makes a repository, asked where our trees are."""
    with tempfile.TemporaryDirectory(dir=git_dir.parent, prefix="probe-") as folder:
        probe = Path(folder)
        # No template: hooks and settings out of it are of no use here.
        run_git(["init", "--quiet", "--template=", folder], probe, NO_SETTINGS)
        listed = run_git(["config", "--file", f"{folder}/.git/config", "--list", "-z"], probe, NO_SETTINGS).out
    pairs = (entry.partition("\n") for entry in split_nul(listed))
    return [(key, value) for key, _, value in pairs if OF_FILE_SYSTEM.fullmatch(key)]
