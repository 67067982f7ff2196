"""What a tree lacks of the checkout's untracked dependency folders, and how it is brought there.

Whatever was put into a tree is known from a stamp beside it; nothing else in the tree is ever replaced or removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from superteam.core.settings import WorkspaceSettings
from superteam.errors import ConfigError
from superteam.workspace import copying, trees, venv, workspaces

AS_IN_CHECKOUT = "copied from the checkout"


class Item(BaseModel):
    """One brought path. Its identity is empty while it is copied; a skipped one is not in the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    skipped: bool = False
    note: str = ""


class Stamp(BaseModel):
    """What was put into a tree, kept beside it: `<tree>.ready.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["superteam.ready.v1"] = Field("superteam.ready.v1", alias="schema")
    checkout: str = ""
    tree: str = ""
    brought: dict[str, Item] = {}
    advice_for: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """The two folders. `roots` are all names of the checkout, `move` leads from each of them to the tree."""

    checkout: Path
    tree: Path
    roots: tuple[str, ...]
    move: venv.Relocation


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path of the checkout that the tree needs, and how it gets there."""

    place: str
    way: Literal["venv", "copy", "node"]


# Which folders are which


def scene_of(checkout: Path, tree: Path, environ: Mapping[str, str]) -> Scene:
    """Both folders in their plain form, and the other names under which the checkout is known."""
    here, there = (Path(os.path.normpath(path.absolute())) for path in (checkout, tree))
    real = os.path.realpath(here)
    named = [environ[name] for name in ("PWD", "VIRTUAL_ENV") if environ.get(name, "").startswith("/")]
    listed = _listed_folders(here / ".venv")
    roots = tuple(dict.fromkeys([os.fspath(here), real, *_aliases(real, [*named, *listed])]))
    return Scene(here, there, roots, venv.relocation((root, os.fspath(there)) for root in roots))


def _aliases(real: str, paths: Iterable[str]) -> Iterator[str]:
    """Other names of the checkout, through links above it, that the user's shell or an installer has used."""
    for path in paths:
        if not venv.within(os.path.normpath(path), real):
            for parent in (Path(os.path.normpath(path)), *Path(os.path.normpath(path)).parents):
                if os.path.realpath(parent) == real:
                    yield os.fspath(parent)


def _listed_folders(environment: Path) -> list[str]:
    files = [path for folder in venv.site_packages(environment) for path in folder.glob("*.pth")]
    return [line for path in files for line in venv.path_lines(path.read_bytes())]


def in_checkout(path: str | None, scene: Scene) -> str | None:
    """The place of an absolute path below the checkout, or None."""
    if not path or not path.startswith("/"):
        return None
    new = venv.moved(os.path.normpath(path), scene.move)
    return None if new is None else new[len(os.fspath(scene.tree)) + 1 :]


# What is wanted


def wanted_in(
    scene: Scene,
    settings: WorkspaceSettings,
    environ: Mapping[str, str],
    untracked: Collection[str] | None,
    notes: list[str],
) -> list[Wanted]:
    """What the configuration asks for; only what it lists if there is a setup command."""
    if settings.bring != "auto":
        places = sorted({_checked(place, scene) for place in settings.bring})
        missing = [place for place in places if not os.path.lexists(scene.checkout / place)]
        notes += [f"{place}: named in [workspace] bring, but not in {scene.checkout}" for place in missing]
        return _how([place for place in places if place not in missing], scene)
    if settings.setup is not None:
        return []
    environments = _environments(scene, environ)
    notes += _overlooked(scene, environments)
    found = [*environments, *_node_places(scene)]
    return _how([place for place in found if _may_be_untracked(place, scene, untracked)], scene)


def _checked(place: str, scene: Scene) -> str:
    """A path of `bring` in its plain form; ConfigError if it is not a path below the checkout."""
    path = PurePosixPath(place)
    hint = 'name paths below the repository, for example [workspace] bring = ["data"]'
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in place:
        raise ConfigError(f"[workspace] bring: {place!r} is not a path below the repository", hint)
    if path.parts[0].casefold() in (".git", ".superteam"):
        raise ConfigError(f"[workspace] bring: {place!r} belongs to git or superteam", hint)
    if not venv.within(os.path.realpath((scene.checkout / path).parent), os.path.realpath(scene.checkout)):
        raise ConfigError(f"[workspace] bring: {place!r} leads out of the repository through a link", hint)
    return path.as_posix()


def _how(places: list[str], scene: Scene) -> list[Wanted]:
    return [Wanted(place, _way(scene.checkout / place)) for place in places]


def _way(source: Path) -> Literal["venv", "copy", "node"]:
    if _is_node(source):
        return "node"
    return "venv" if venv.is_venv(source) else "copy"


def _is_node(source: Path) -> bool:
    return source.name == "node_modules" and source.is_dir()


def _environments(scene: Scene, environ: Mapping[str, str]) -> list[str]:
    """The checkout's `.venv`, and the environment in the checkout that is active under whatever name."""
    found = [".venv"] if venv.is_venv(scene.checkout / ".venv") else []
    active = active_place(scene, environ)
    return list(dict.fromkeys([*found, *([active] if active else [])]))


def active_place(scene: Scene, environ: Mapping[str, str]) -> str | None:
    """Where in the checkout the user's active environment lies: activated, or first on PATH with a python."""
    candidates = [environ.get("VIRTUAL_ENV"), prefix_on_path(environ)]
    places = (in_checkout(path, scene) for path in candidates)
    return next((place for place in places if place and venv.is_venv(scene.checkout / place)), None)


def prefix_on_path(environ: Mapping[str, str]) -> str | None:
    """The prefix of the first python on PATH."""
    found = which(("python", "python3"), environ)
    return None if found is None else os.fspath(Path(found).parent.parent)


def which(names: Iterable[str], environ: Mapping[str, str]) -> str | None:
    """The first of these programs that PATH has; only what the given environment says counts."""
    path = environ.get("PATH", os.defpath)
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _overlooked(scene: Scene, environments: list[str]) -> list[str]:
    """Environments under other names are not active: they are not brought, but a person may have meant them."""
    found = [name for name in ("venv", "env") if not environments and venv.is_venv(scene.checkout / name)]
    return [f'{name}/ is an environment that is not active: [workspace] bring = ["{name}"] brings it' for name in found]


def _may_be_untracked(place: str, scene: Scene, untracked: Collection[str] | None) -> bool:
    """A link to a folder is no folder for git; what the tree holds already is looked at when it is brought."""
    if untracked is None or (scene.checkout / place).is_symlink():
        return True
    known = {name.rstrip("/") for name in untracked}
    return any(os.fspath(path) in known for path in (PurePosixPath(place), *PurePosixPath(place).parents))


def _node_places(scene: Scene) -> list[str]:
    """`node_modules` at the top and in workspaces, two folders deep, where the tree has the workspace."""
    first = _folders(scene.tree)
    second = [folder for one in first for folder in _folders(one)]
    places = [(folder / "node_modules").relative_to(scene.tree).as_posix() for folder in (scene.tree, *first, *second)]
    return [place for place in places if (scene.checkout / place).is_dir()]


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return [folder / name for name in names if not name.startswith(".") and name != "node_modules"]


# Bringing


def bring_all(scene: Scene, wanted: list[Wanted], notes: list[str], *, keep: bool = False) -> Stamp:
    """Makes what is wanted in the tree a copy of what the checkout has, and removes what is no longer wanted.

    An entry of a copy that was changed, in the tree or in the checkout, is copied again; not with `keep`, for a setup
    command may have changed it.
    """
    before = stamp = _read_stamp(scene)
    places = {item.place for item in wanted}
    for place in before.brought:
        if place not in places:
            _remove(scene, place)
            stamp = _without(stamp, place)
    for item in wanted:
        if keep and _is_complete(item.place, scene, stamp):
            notes.append(stamp.brought[item.place].note)
        elif _may_bring(item, scene, stamp, notes):
            stamp = _bring(item, scene, stamp)
            notes.append(stamp.brought[item.place].note)
        else:
            stamp = _without(stamp, item.place)
    if stamp != before:
        write_stamp(scene, stamp)
    return stamp


def _is_complete(place: str, scene: Scene, stamp: Stamp) -> bool:
    known = stamp.brought.get(place)
    return known is not None and bool(known.identity) and os.path.lexists(scene.tree / place)


def _may_bring(item: Wanted, scene: Scene, stamp: Stamp, notes: list[str]) -> bool:
    """Whether the place is free or holds a copy of ours, and is not behind a link that leads out of the tree."""
    target = scene.tree / item.place
    if not venv.within(os.path.realpath(target.parent), os.path.realpath(scene.tree)):
        notes.append(f"{item.place}: leads out of the tree through a link; not brought")
        return False
    known = stamp.brought.get(item.place)
    if os.path.lexists(target) and (known is None or known.skipped):
        notes.append(f"{item.place}: the tree has it already (tracked?); left as it is")
        return False
    return True


def _bring(item: Wanted, scene: Scene, stamp: Stamp) -> Stamp:
    job, note = _copying(item, scene)
    known = stamp.brought.get(item.place)
    manifest = _manifest(scene, item.place)
    if known is None or not known.identity:
        manifest.unlink(missing_ok=True)
        write_stamp(scene, _with(stamp, item.place, Item(identity="")))
    job.target.parent.mkdir(parents=True, exist_ok=True)
    try:
        census, _ = copying.synchronise(job, manifest)
    except copying.TooLargeError:
        _remove(scene, item.place)
        return _with(stamp, item.place, Item(identity="too large", skipped=True, note=_too_large(item)))
    identity = venv.digest([item.way, *copying.identity(census)])
    return _with(stamp, item.place, Item(identity=identity, note=note))


def _copying(item: Wanted, scene: Scene) -> tuple[copying.Copying, str]:
    source, target = scene.checkout / item.place, scene.tree / item.place
    note = f"{item.place}: {AS_IN_CHECKOUT}"
    match item.way:
        case "venv":
            return venv.copy_of_environment(source, target, scene.move), note
        case "node":
            job = venv.copy_of_node_modules(source, target, scene.move)
            links = workspaces.copied_workspaces(job.source, scene.tree)
            names = ", ".join(sorted(links))
            note = f"{item.place}: copies of workspaces in it lead to the tree: {names}" if links else note
            return replace(job, links=links), note
        case _:
            return venv.copy_of_data(source, target, scene.move), note


def _too_large(item: Wanted) -> str:
    limit = venv.SIZE_LIMIT // 1024**3
    command = "npm ci" if item.way == "node" else "..."
    cure = f'prepare trees with a command: [workspace] setup = "{command}"'
    return f"{item.place}: larger than {limit} GiB, not copied; {cure}"


def _remove(scene: Scene, place: str) -> None:
    """Removes what was brought; a link is removed, never followed, and so is one that replaced a folder above it."""
    target = scene.tree / place
    _manifest(scene, place).unlink(missing_ok=True)
    if venv.within(os.path.realpath(target.parent), os.path.realpath(scene.tree)):
        trees.remove(target)


def _manifest(scene: Scene, place: str) -> Path:
    return scene.tree.parent / f"{scene.tree.name}.{venv.digest([place])}.copy.json"


def _stamp_path(scene: Scene) -> Path:
    return scene.tree.parent / f"{scene.tree.name}.ready.json"


def _read_stamp(scene: Scene) -> Stamp:
    """What was brought so far; where either folder has moved, or the stamp is damaged, all is brought anew."""
    try:
        stamp = Stamp.model_validate_json(_stamp_path(scene).read_bytes())
    except (FileNotFoundError, ValidationError):
        return _empty_stamp(scene)
    safe = {place: item for place, item in stamp.brought.items() if _is_plain(place)}
    if (stamp.checkout, stamp.tree) != (os.fspath(scene.checkout), os.fspath(scene.tree)):
        return _empty_stamp(scene).model_copy(update={"brought": {place: Item(identity="") for place in safe}})
    return stamp.model_copy(update={"brought": safe})


def brought_before(tree: Path) -> tuple[str, ...]:
    """What an earlier process has put into a tree, from the stamp alone: for cleaning before the tree is made ready."""
    stamp = _read_stamp(Scene(tree, tree, (), venv.relocation([])))
    return tuple(sorted(place for place, item in stamp.brought.items() if not item.skipped))


def _is_plain(place: str) -> bool:
    path = PurePosixPath(place)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts) and path.parts[0] != ".git"


def _empty_stamp(scene: Scene) -> Stamp:
    return Stamp(checkout=os.fspath(scene.checkout), tree=os.fspath(scene.tree))


def _with(stamp: Stamp, place: str, item: Item) -> Stamp:
    return stamp.model_copy(update={"brought": {**stamp.brought, place: item}})


def _without(stamp: Stamp, place: str) -> Stamp:
    return stamp.model_copy(update={"brought": {key: item for key, item in stamp.brought.items() if key != place}})


def write_stamp(scene: Scene, stamp: Stamp) -> None:
    """Replaces the stamp as a whole: it is the old one or the new one."""
    path = _stamp_path(scene)
    draft = path.with_suffix(".part")
    draft.write_text(stamp.model_dump_json(by_alias=True, indent=1), encoding="utf-8")
    draft.replace(path)
