"""Copies folders so that no write in the copy reaches the original, and repairs what was changed in a copy.

A manifest of each copy records the state of every entry in both folders. An entry whose state differs on either side is
copied again. The state includes the time of the last change of the inode, which a program cannot set back.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from superteam.workspace import trees

Census = dict[str, str]
Manifest = dict[str, tuple[str, str]]

# Written by programs that only run what is installed: no sign that somebody edited it.
CACHES = frozenset({"__pycache__", ".cache", ".vite", ".vite-temp", ".vitest"})


SPECIAL = "special"  # pipes, sockets and devices are not copied


class TooLargeError(Exception):
    """A folder is larger than what is copied."""


@dataclass(frozen=True, slots=True)
class Copying:
    """One copy: from where to where, and what differs in it.

    `edit` returns the new content of a file, or None to copy it as it is. `link_text` returns what a link says in the
    copy. `is_followed` says which links are replaced by a copy of what they lead to. `skip` leaves entries out.
    """

    source: Path
    target: Path
    edit: Callable[[PurePosixPath], bytes | None]
    link_text: Callable[[PurePosixPath], str]
    skip: Callable[[PurePosixPath], bool]
    is_followed: Callable[[PurePosixPath], bool]
    limit: int
    links: Mapping[str, str] = field(default_factory=dict)  # folders that become links, and where these lead


@dataclass(slots=True)
class _Plan:
    wanted: Census
    present: Census
    kept: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        return len(self.kept) == len(self.wanted) == len(self.present)


def synchronise(job: Copying, manifest_path: Path) -> tuple[Census, bool]:
    """Makes the target a copy of the source; returns the census of the source, and whether anything was written.

    Raises TooLargeError before anything is written.
    """
    census = take_census(job.source, job.skip, job.is_followed)
    wanted = {place: state for place, state in _with_links(census, job.links).items() if state != SPECIAL}
    if _size(wanted) > job.limit:
        raise TooLargeError(job.source)
    manifest = read_manifest(manifest_path)
    plan = _plan(job, wanted, manifest)
    if plan.is_empty:
        return wanted, False
    manifest_path.unlink(missing_ok=True)  # a copy without a manifest was interrupted: it is made anew
    _remove_changed(job.target, plan)
    copied = _copy_missing(job, plan)
    kept = {place: manifest[place] for place in plan.kept}
    write_manifest(manifest_path, {**kept, **copied})
    return wanted, True


def _with_links(census: Census, links: Mapping[str, str]) -> Census:
    if not links:
        return census
    below = tuple(f"{place}/" for place in links)
    outside = {place: state for place, state in census.items() if not place.startswith(below)}
    return {**outside, **{place: f"link {text}" for place, text in links.items() if place in outside}}


def _plan(job: Copying, wanted: Census, manifest: Manifest) -> _Plan:
    try:
        present = take_census(job.target) if manifest else {}
    except OSError:  # gone, or folders that cannot be read: not worth a repair
        present = {}
    if not present:
        trees.remove(job.target)
    plan = _Plan(wanted, present)
    for place, state in wanted.items():
        if place in present and manifest.get(place) == (state, present[place]):
            plan.kept.add(place)
    return plan


def _remove_changed(target: Path, plan: _Plan) -> None:
    if not plan.present:
        return
    for place, state in plan.present.items():
        if state.startswith("folder"):
            (target / place).chmod(0o700)
    for place in reversed(plan.present):
        if place in plan.kept or (_is_folder(plan.wanted, place) and _is_folder(plan.present, place)):
            continue
        if _is_folder(plan.present, place):
            (target / place).rmdir()
        else:
            (target / place).unlink()


def _is_folder(census: Census, place: str) -> bool:
    return census.get(place, "").startswith("folder")


def _copy_missing(job: Copying, plan: _Plan) -> Manifest:
    missing = [place for place in plan.wanted if place not in plan.kept or _is_folder(plan.wanted, place)]
    files = []
    for place in missing:
        if _is_folder(plan.wanted, place):
            (job.target / place).mkdir(exist_ok=True)
        elif plan.wanted[place].startswith("link"):
            text = job.links.get(place) or job.link_text(PurePosixPath(place))
            (job.target / place).symlink_to(text)
        else:
            files.append(place)
    for place in files:
        _copy_file(job, place)
    for place in missing:
        if _is_folder(plan.wanted, place):
            mode = int(plan.wanted[place].split()[1], 8)
            (job.target / place).chmod(mode | 0o700)
    return {place: (plan.wanted[place], _state_of(job.target / place)) for place in missing}


def _copy_file(job: Copying, place: str) -> None:
    source, target = job.source / place, job.target / place
    edited = job.edit(PurePosixPath(place))
    if edited is not None:
        target.write_bytes(edited)
        shutil.copymode(source, target)
        return
    with source.open("rb") as reader, target.open("xb") as writer:
        info = os.fstat(reader.fileno())
        if not _copied_by_kernel(reader.fileno(), writer.fileno(), info.st_size):
            writer.truncate(0)
            writer.seek(0)
            shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fchmod(writer.fileno(), stat.S_IMODE(info.st_mode))
        os.utime(writer.fileno(), ns=(info.st_atime_ns, info.st_mtime_ns))


def _copied_by_kernel(reader: int, writer: int, size: int) -> bool:
    """Copies within the kernel, which shares the blocks where the file system can; False if it did not work."""
    if not hasattr(os, "copy_file_range"):
        return False
    done = 0
    try:
        while done < size:
            count = os.copy_file_range(reader, writer, size - done)
            if count == 0:
                break
            done += count
    except OSError:
        done = -1
    if done != size:
        os.lseek(reader, 0, os.SEEK_SET)
    return done == size


# Census


def _never(place: PurePosixPath) -> bool:
    return False


def take_census(
    folder: Path,
    skip: Callable[[PurePosixPath], bool] = _never,
    is_followed: Callable[[PurePosixPath], bool] = _never,
) -> Census:
    """Returns the state of every file, link and folder below a folder; parents come before their contents."""
    census = {"": _state_of(folder)}
    if not census[""].startswith("folder"):
        return census
    for place, state in _entries(os.fspath(folder), skip, is_followed):
        census[place] = state
    return census


def _entries(
    top: str, skip: Callable[[PurePosixPath], bool], is_followed: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[str, str]]:
    nothing: frozenset[tuple[int, int]] = frozenset()
    waiting = [(top, "", nothing)]
    while waiting:
        folder, prefix, entered = waiting.pop()
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        for entry in entries:
            place = prefix + entry.name
            if skip is not _never and skip(PurePosixPath(place)):
                continue
            follow = entry.is_symlink() and is_followed(PurePosixPath(place))
            info = entry.stat(follow_symlinks=follow)
            inside = entered
            if follow and stat.S_ISDIR(info.st_mode):
                if (info.st_dev, info.st_ino) in entered:
                    continue  # a link that leads back to a folder above it
                inside = entered | {(info.st_dev, info.st_ino)}
            if stat.S_ISDIR(info.st_mode):
                waiting.append((entry.path, f"{place}/", inside))
            yield place, _state(info, entry.path)


def _state_of(path: Path) -> str:
    return _state(path.lstat(), os.fspath(path))


def _state(info: os.stat_result, path: str) -> str:
    """Describes an entry so that any change to it shows."""
    if stat.S_ISDIR(info.st_mode):
        return f"folder {stat.S_IMODE(info.st_mode):o}"
    if stat.S_ISLNK(info.st_mode):
        return f"link {os.readlink(path)}"  # noqa: PTH115
    if stat.S_ISREG(info.st_mode):
        mode = stat.S_IMODE(info.st_mode)
        return f"file {mode:o} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"
    return SPECIAL


def _size(census: Mapping[str, str]) -> int:
    return sum(int(state.split()[2]) for state in census.values() if state.startswith("file"))


def identity(census: Mapping[str, str]) -> list[str]:
    """Returns what a census says about the content, the same on every disk; without caches of programs."""
    facts = []
    for place, state in census.items():
        if CACHES.isdisjoint(place.split("/")):
            words = state.split(" ", 4)
            facts.append(f"{place} {' '.join(words[:4]) if words[0] == 'file' else state}")
    return sorted(facts)


def read_manifest(path: Path) -> Manifest:
    """Returns the manifest of an earlier copy; an empty one if there is none."""
    try:
        data = json.loads(path.read_bytes())
        return {place: (source, target) for place, (source, target) in data.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replaces the manifest of a copy as a whole."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(manifest), encoding="utf-8")
    draft.replace(path)
