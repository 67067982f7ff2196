"""What a suite reads beside its tree, as one hash; or that nobody can say what it is.

A verdict may be used again only while this is the same. Files are known by size, inode and the time of their last
change (ctime), which no ordinary program can set back: that costs no reading.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import superteam
from superteam.workspace import bring, venv

_SKIPPED = frozenset({"__pycache__", ".cache", ".vite", ".vitest", ".git"})
_SYSTEM = ("/usr", "/lib", "/etc", "/var/lib")
_SEARCHED = ("PYTHONPATH", "NODE_PATH", "RUBYLIB", "PERL5LIB", "CLASSPATH", "LD_PRELOAD")
_ENVIRONMENTS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX")
# They keep environments, or whole systems, in places of their own.
_ELSEWHERE = re.compile(
    r"(?:^|[\s;&|(/])(?:poetry|pipenv|hatch|conda|mamba|micromamba|docker|docker-compose|podman|bazel|nix)(?:\s|$)"
)
_QUOTED = re.compile(rb"""['"](/[^'"\r\n]{1,4000})['"]""")
_MANIFESTS = frozenset(
    {"Cargo.toml", "go.mod", "go.work", "package.json", "pyproject.toml", "composer.json", "Gemfile", "Pipfile"}
    | {"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "uv.toml", "pdm.toml"}
)
_UPWARD = re.compile(r"(?:\.\./){1,40}[\w./-]{0,400}")
_LARGEST = 1_000_000
# Code that asks for the time of day, the home folder, files, programs and services of the machine, or the repository's
# branches and tags: what these say is no part of any hash.
_ASKS = re.compile(
    rb"\btime\.time\b|\b(?:datetime|date)\.(?:now|today|utcnow)\b|\b[Tt]ime\.[Nn]ow\b|\bDate\.now\b"
    rb"|\bnew Date\(\)|\bSystemTime\b|\bLocalDate|\bInstant\.now\b|\bcurrentTimeMillis\b|\bDateTime\.(?:Utc)?Now\b"
    rb"|\b(?:gmtime|localtime|strftime|time_ns)\b|\bdate (?:-u |-d |[\"']?\+)|\$\(date\)|`date`"
    rb"|\bexpanduser\b|\bPath\.home\b|\bhomedir\b|\bUserHomeDir\b|\bhome_dir\b|\$\{?HOME\b|[\"']HOME[\"']|[\"'= ]~/"
    rb"|[\"'= ]/(?:tmp|var|home|Users|root|srv|mnt|opt)/|\blocalhost\b|\b127\.0\.0\.1\b"
    rb"|\bsubprocess\b|\bchild_process\b|\bexec\.Command\b|\bCommand::new\b|\bos\.(?:system|popen)\b|\bshutil\.which\b"
    rb"|\bgit (?:describe|rev-parse|log|tag|config|branch|status|symbolic-ref)\b|\bsetuptools[-_]scm\b"
)
_DOCUMENTS = (".md", ".rst", ".txt", ".adoc", ".lock", ".svg", ".css", ".csv", ".png", ".jpg", ".gif", ".pdf")


class _OutOfReach(Exception):
    """Something is read from a place whose contents are not known."""


def dependencies(checkout: Path, environ: Mapping[str, str], commands: str, brought: Iterable[str]) -> str | None:
    """A hash that changes with any file that the suite's dependencies consist of; None where that cannot be known.

    It cannot where a dependency is developed beside the repository (an editable install, a linked package, a relative
    path in a manifest), where the command keeps its environment in a place of its own, or where code of the checkout
    asks for the time of day, the home folder or something else of the machine.
    """
    if _ELSEWHERE.search(commands) or _ASKS.search(commands.encode("utf-8", "surrogateescape")):
        return None
    top = Path(os.path.realpath(checkout))
    try:
        return venv.digest(_facts(top, environ, commands, brought))
    except (OSError, _OutOfReach):
        return None


def _facts(top: Path, environ: Mapping[str, str], commands: str, brought: Iterable[str]) -> Iterator[str]:
    for name in _SEARCHED:
        for entry in environ.get(name, "").split(os.pathsep):
            if entry and not _is_within(entry, (top,)):
                raise _OutOfReach(entry)
    for prefix in _prefixes(top, environ, commands):
        for folder in venv.site_packages(prefix):
            yield from _paths_named_in(folder, (top, prefix))
            yield from _census(folder, (top, prefix))
    for folder in _checkout_folders(top):
        yield from _census(folder, (top,))
    for place in brought:
        yield from _census(top / place, (top,))


def _prefixes(top: Path, environ: Mapping[str, str], commands: str) -> list[Path]:
    """The environments that the suite may import from: active, on PATH, in the checkout, or named by the command."""
    places = [environ.get(name) for name in _ENVIRONMENTS]
    places += [bring.prefix_on_path(environ), f"{environ['HOME']}/.local" if environ.get("HOME") else None]
    places += [word.partition("/bin/")[0] for word in commands.split() if "/bin/" in word]
    found = [top / ".venv", *(top / place for place in places if place)]
    return list({os.path.realpath(path): path for path in found if path.is_dir()}.values())


def _paths_named_in(folder: Path, roots: tuple[Path, ...]) -> Iterator[str]:
    """Looks at what path files, finders and links of editable installs name; what is outside is out of reach."""
    for path in sorted([*folder.glob("*.pth"), *folder.glob("*.egg-link"), *folder.glob("__editable__*.py")]):
        data = path.read_bytes()[:_LARGEST]
        lines = _QUOTED.findall(data) if path.suffix == ".py" else data.splitlines()
        for line in lines:
            named = os.path.normpath(os.path.join(folder, os.fsdecode(line.strip())))  # noqa: PTH118
            if line.startswith(b"import ") or not line.strip() or not Path(named).is_dir():
                continue
            if _is_ours(named):
                yield from _census(Path(superteam.__file__).parent, (Path(named),))
            elif not _is_within(named, roots):
                raise _OutOfReach(named)


def _is_ours(folder: str) -> bool:
    """Whether superteam itself is installed from there: its own files are looked at then."""
    return os.path.realpath(folder) == os.path.realpath(Path(superteam.__file__).parents[1])


def _checkout_folders(top: Path) -> Iterator[Path]:
    """The `node_modules` folders of the checkout; a manifest that names a folder beside it is out of reach."""
    for folder, names, files in os.walk(top):
        if "node_modules" in names:
            yield Path(folder, "node_modules")
        names[:] = [name for name in names if name not in _SKIPPED and name not in ("node_modules", ".superteam")]
        names[:] = [name for name in names if not Path(folder, name, "pyvenv.cfg").is_file()]
        for name in _MANIFESTS.intersection(files):
            _stays_inside(Path(folder, name), top)
        for name in files:
            _asks_for_nothing(Path(folder, name))


def _asks_for_nothing(file: Path) -> None:
    """A verdict holds only while the time and the machine are the same, if code looks at them."""
    if file.suffix in _DOCUMENTS or file.is_symlink() or not file.is_file():
        return
    with file.open("rb") as stream:
        found = _ASKS.search(stream.read(_LARGEST))
    if found is not None:
        raise _OutOfReach(file)


def _stays_inside(manifest: Path, top: Path) -> None:
    with manifest.open("rb") as file:
        text = file.read(_LARGEST).decode("latin-1")
    for match in _UPWARD.finditer(text):
        named = Path(os.path.normpath(manifest.parent / match[0]))
        if named.exists() and not _is_within(os.fspath(named), (top,)):
            raise _OutOfReach(named)


def _census(folder: Path, roots: tuple[Path, ...]) -> Iterator[str]:
    """Every file below a folder; a link that leaves the roots is out of reach."""
    waiting = [os.fspath(folder)]
    while waiting:
        place = waiting.pop()
        if not Path(place).is_dir() or Path(place).is_symlink():
            yield from _link_or_file(place, roots)
            continue
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_symlink():
                    yield from _link_or_file(entry.path, roots)
                elif entry.is_dir(follow_symlinks=False):
                    waiting += [] if entry.name in _SKIPPED else [entry.path]
                else:
                    yield _identity(entry.path, entry.stat(follow_symlinks=False))


def _link_or_file(place: str, roots: tuple[Path, ...]) -> Iterator[str]:
    if not os.path.lexists(place):
        return
    if Path(place).is_symlink() and not _is_within(os.path.realpath(place), roots):
        raise _OutOfReach(place)
    yield _identity(place, Path(place).lstat())


def _identity(place: str, facts: os.stat_result) -> str:
    return f"{place} {facts.st_mode} {facts.st_size} {facts.st_ino} {facts.st_ctime_ns}"


def _is_within(path: str, roots: tuple[Path, ...]) -> bool:
    """Whether a path is below one of the folders, or below those of the system, which only its packages change."""
    real = os.path.realpath(path)
    folders = (*(os.path.realpath(root) for root in roots), *_SYSTEM)
    return any(venv.within(real, folder) for folder in folders)
