"""Writes, deletes, installs and links wherever it can inside the folder in which it is started.

Agents, gates and suites of the tests run `python hostile.py ROOT LOG [--mild] [BEHAVIOUR]...`.
ROOT is the folder of the test: nothing outside of it is ever written, so that no mistake here can
damage the machine. LOG gets one line for each behaviour. `--mild` leaves what later commands need.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

MARK = "written by the hostile program\n"
KEPT = ("pytest-of-the-test.pth", "needed.py")  # without them no later suite runs
ESCAPE = "escape-"
BROUGHT = ("node_modules", "data", ".venv")
OWN_LINK = "escape-node_modules"  # stands beside a node_modules that is a link of the hostile program's own


def main(arguments):
    root, log, *rest = arguments
    if os.path.lexists(OWN_LINK):
        remove(Path("node_modules"))
    mild = "--mild" in rest
    chosen = [name for name in rest if name != "--mild"] or list(BEHAVIOURS)
    guard = Guard(Path(root).resolve(), Path.cwd().resolve(), mild)
    for name in chosen:
        done = BEHAVIOURS[name](guard)
        with Path(log).open("a") as file:
            file.write(f"{name}: {done}\n")


class Guard:
    """The folder of the test, the tree, and whether to leave what later commands need."""

    def __init__(self, root, tree, mild):
        self.root = root
        self.tree = tree
        self.mild = mild

    def may_write(self, path):
        """Whether what a path leads to is in the folder of the test."""
        real = Path(os.path.realpath(path))
        return real.is_relative_to(self.root) and real.name not in KEPT

    def leads_out(self, path):
        return not Path(os.path.realpath(path)).is_relative_to(self.tree)


def spoil_file(path):
    """Writes into the file that is there, through every hard and symbolic link."""
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        path.chmod(mode | 0o200)
        with path.open("r+b") as file:
            file.write(b"# spoilt\n")
        path.chmod(mode ^ 0o011)
        os.utime(path, (1, 1))


def files_below(folder, guard):
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if guard.may_write(path)]


def write_in_place(guard):
    """In-place writes, modes and times of all files in the dependency folders."""
    done = 0
    for name in ("node_modules", "data"):
        for path in files_below(Path(name), guard):
            spoil_file(path)
            done += 1
    for path in files_below(Path(".venv"), guard):
        if "dependency" in path.parts or (path.name == "pyvenv.cfg" and not guard.mild):
            spoil_file(path)
            done += 1
    return done


def add(guard):
    """New files, folders and links beside what is there."""
    done = 0
    for name in BROUGHT:
        folders = [Path(name), *[path for path in Path(name).rglob("*") if path.is_dir()]]
        for folder in folders:
            if folder.is_dir() and guard.may_write(folder):
                (folder / "added.txt").write_text(MARK)
                (folder / "added-link").unlink(missing_ok=True)
                (folder / "added-link").symlink_to("added.txt")
                done += 1
    return done


def replace(guard):
    """Renames a new file over each package.json, as npm does."""
    done = 0
    for path in files_below(Path("node_modules"), guard):
        if path.name == "package.json":
            draft = path.with_name("draft")
            draft.write_text("{}")
            draft.replace(path)
            done += 1
    return done


def change_modes(guard):
    """Takes all rights from the dependency folders, and gives them back."""
    folders = [Path(name) for name in BROUGHT if guard.may_write(name) and Path(name).is_dir()]
    for folder in folders:
        mode = folder.stat().st_mode
        folder.chmod(0o000)
        folder.chmod(mode | 0o022)
    return len(folders)


def install(guard):
    """What `pip install -e .` writes, into the environment that `python` belongs to."""
    packages = Path(sysconfig.get_path("purelib"))
    scripts = Path(sysconfig.get_path("scripts"))
    if not guard.may_write(packages):
        return f"nothing, {packages} is not of the test"
    source = Path.cwd() / "src"
    (packages / "__editable__.acme-0.pth").write_text(f"{source}\n")
    metadata = packages / "acme-0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "direct_url.json").write_text(f'{{"dir_info": {{"editable": true}}, "url": "file://{Path.cwd()}"}}')
    (scripts / "acme").write_text(f"#!{sys.executable}\n")
    upgraded = packages / "dependency" / "__init__.py"
    spoil_file(upgraded)
    shutil.rmtree(packages / "obsolete", ignore_errors=True)
    return packages


def write_through_links(guard):
    """Writes through every link in the tree that leads out of it."""
    done = []
    for folder, folders, files in os.walk("."):
        for name in [*folders, *files]:
            path = Path(folder, name)
            if not path.is_symlink() or name.startswith(ESCAPE):
                continue
            if not guard.may_write(path) or not guard.leads_out(path):
                continue
            done.append(str(path))
            if path.is_dir():
                (path / "through-a-link.txt").write_text(MARK)
                for file in files_below(Path(os.path.realpath(path)), guard):
                    spoil_file(file)
            elif path.exists():
                spoil_file(path)
    return done


def use_git(guard):
    """Commits, branches, stashes, settings and clean-up in the tree's repository."""
    commands = [
        "config user.name Evil",
        "config core.hooksPath hooks",
        "config alias.evil !true",
        "stash --include-untracked",
        "stash pop",
        "commit --quiet --all --message evil --allow-empty",
        "checkout --quiet -b evil",
        "branch --force main HEAD",
        "branch --force other HEAD",
        "tag --force v1 HEAD",
        "update-ref refs/heads/extra HEAD",
        "reflog expire --expire=now --all",
        "gc --quiet --prune=now",
        "pack-refs --all",
        "notes add -m evil",
        "worktree prune",
        "remote add origin .",
    ]
    done = 0
    for command in commands:
        run = subprocess.run(["git", *command.split()], capture_output=True, check=False)
        done += run.returncode == 0
    return done


def delete(guard):
    """`rm -rf node_modules/*` and its like; the folders themselves stay."""
    done = 0
    for name in ("node_modules", "data"):
        for path in Path(name).glob("*"):
            if not guard.may_write(path.parent):
                continue
            remove(path)
            done += 1
    for folder in Path(".venv").glob("lib/python*/site-packages"):
        for path in folder.iterdir():
            if path.name not in KEPT and guard.may_write(path.parent):
                remove(path)
                done += 1
    return done


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def leave_links(guard):
    """Leaves links to the user's folders: whoever cleans the tree must not follow them."""
    user = guard.root / "user"
    for name in ("home", "project", "environment"):
        link = Path(f"{ESCAPE}{name}")
        link.unlink(missing_ok=True)
        link.symlink_to(user / name)
    if not guard.mild and Path("node_modules").exists():
        remove(Path("node_modules"))
        Path("node_modules").symlink_to(user / "project" / "node_modules")
        Path(OWN_LINK).touch()
    return 3


BEHAVIOURS = {
    "write-in-place": write_in_place,
    "add": add,
    "replace": replace,
    "change-modes": change_modes,
    "install": install,
    "write-through-links": write_through_links,
    "use-git": use_git,
    "delete": delete,
    "leave-links": leave_links,
}

if __name__ == "__main__":
    main(sys.argv[1:])
