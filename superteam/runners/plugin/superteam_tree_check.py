"""Whose code was tested: which files of the tree were loaded, and which modules came from elsewhere instead.

Standard library only, Python 3.8 or newer; used by the plugins for pytest and unittest.
"""

import os
import sys
import sysconfig

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
SOURCE_FOLDERS = ("src", "lib", "python")
# Copies of other people's packages lie here; a tree that holds one is not what an installed package was made from.
NO_PROJECTS = frozenset(
    "vendor vendored _vendor third_party thirdparty extern external externals node_modules site-packages "
    "dist-packages build dist tests test testing testdata fixtures data examples docs __pycache__".split()
)
NOT_COMPARED = ("tests", "test", "__pycache__")  # of an installed copy: what lies there is no code under test
FOLDER_LIMIT = 20000  # folders of the tree that are looked at
FILE_LIMIT = 5000  # files of an installed copy that are compared
SAME_LINES = 0.5  # the share of equal lines that makes two files versions of one
FEWEST_LINES = 5


def loaded_code(tree, checkout, modules):
    """Returns the modules that were loaded from elsewhere although the tree has them, and the tree's own loaded files.

    The first is a dict of name to file, the second a set of paths relative to the tree. `modules` are pairs of name
    and file, as `module_files` returns them.
    `checkout` is the user's repository, from which the tree was made: none of its files may be loaded.
    """
    if not tree:
        return {}, set()
    tree = os.path.realpath(tree)
    checkout = os.path.realpath(checkout) if checkout else ""
    loaded, foreign, elsewhere = set(), {}, []
    for name, file in sorted(modules):
        path = _real_path(file)
        if lies_in(path, tree) and not _is_installed(path[len(tree) :]):
            loaded.add(path[len(tree) + 1 :].replace(os.sep, "/"))
        elif checkout and lies_in(path, checkout) and not _is_in_environment(name, path, checkout):
            foreign[name] = file
        elif not _is_stdlib(name, file):
            elsewhere.append((name, file, path))
    foreign.update(_copies(elsewhere, tree))
    return foreign, loaded


def hidden_modules(tree):
    """Names of the standard library's modules that were loaded from the tree: what they do, nobody can vouch for."""
    tree, library = os.path.realpath(tree), sysconfig.get_paths().get("stdlib", "")
    found = []
    for name in getattr(sys, "stdlib_module_names", ()):
        file = getattr(sys.modules.get(name), "__file__", None)
        if not isinstance(file, str) or lies_in(file, library):
            continue
        file = os.path.realpath(file)
        if lies_in(file, tree) and not lies_in(file, os.path.realpath(library)) and not _is_installed(file):
            found.append(name)
    return sorted(found)


def module_files():
    """Returns name and file of each loaded module but those in the folder of the standard library, as a set."""
    found = set()
    library = sysconfig.get_paths().get("stdlib", "")
    for name, module in list(sys.modules.items()):
        try:
            file = getattr(module, "__file__", None)
        except Exception:  # a lazy module may do anything
            continue
        if not isinstance(file, str):
            continue
        if library and file.startswith(library + os.sep) and not _is_installed(file):
            continue
        found.add((name, file))
    return found


_folders = {}  # real paths of folders, since most modules share theirs


def _real_path(file):
    folder, name = os.path.split(os.path.abspath(file))
    if folder not in _folders:
        _folders[folder] = os.path.realpath(folder)
    path = os.path.join(_folders[folder], name)
    return os.path.realpath(path) if os.path.islink(path) else path


def _is_stdlib(name, file):
    return name.partition(".")[0] in getattr(sys, "stdlib_module_names", ()) and not _is_installed(file)


def _is_installed(file):
    parts = file.replace("\\", "/").split("/")
    return "site-packages" in parts or "dist-packages" in parts


def _is_in_environment(name, path, checkout):
    """Returns whether a file of the checkout belongs to an environment in it (`.venv`), not to its code."""
    is_script = name == "__main__" and not path.endswith(".py")  # bin/pytest
    if is_script or _is_installed(path[len(checkout) :]):
        return True
    folder = os.path.dirname(path)
    while folder != checkout and lies_in(folder, checkout):
        if os.path.exists(os.path.join(folder, "pyvenv.cfg")) or os.path.isdir(os.path.join(folder, "conda-meta")):
            return True
        folder = os.path.dirname(folder)
    return False


# Modules outside of the tree that the tree holds as well


def _copies(elsewhere, tree):
    """Returns the modules that were loaded from outside of the tree instead of from it, name to file.

    An installed copy with the same content is as good as the tree: the tree's own set-up makes such copies.
    """
    found, packages = {}, {}
    tops = {name.partition(".")[0] for name, _, _ in elsewhere if name.partition(".")[0].isidentifier()}
    homes = _homes(tree, tops)
    for name, file, path in elsewhere:
        own, is_certain = _own_file(name, path, homes)
        if own is None:
            continue
        if _is_installed(path) and (_is_same(own, path) or os.path.basename(own) == "_version.py"):
            depth = name.count(".") + (os.path.basename(own) == "__init__.py")
            packages[_above(own, depth), _above(path, depth)] = name.partition(".")[0]
        elif is_certain or _is_alike(own, path):
            found[name] = file
    named = {name.partition(".")[0] for name in found}
    for (own, copy), top in packages.items():
        stale = None if top in named else _stale_file(os.path.join(own, top), os.path.join(copy, top))
        if stale:
            found[top] = stale
    return found


def _homes(tree, tops):
    """Returns the folders that hold a package or module of one of these names: name to list of (folder, certain).

    It is certain where a Python project of the tree has its packages: at its root, or in `src` and its like.
    """
    homes = {}
    for number, (folder, folders, files) in enumerate(os.walk(tree)):
        if number > FOLDER_LIMIT:
            break
        names = {*folders, *(name[:-3] for name in files if name.endswith(".py"))} & tops
        is_package = "__init__.py" in files and folder != tree
        if names and not is_package:
            is_certain = _is_project(folder, tree)
            for name in names:
                homes.setdefault(name, []).append((folder, is_certain))
        folders[:] = [name for name in folders if _may_hold_a_project(folder, name)]
    for places in homes.values():
        places.sort(key=lambda place: not place[1])
    return homes


def _may_hold_a_project(folder, name):
    path = os.path.join(folder, name)
    if name.startswith(".") or os.path.exists(os.path.join(path, "pyvenv.cfg")):
        return False
    return name not in NO_PROJECTS or _has_project_file(path)


def _has_project_file(folder):
    return any(os.path.isfile(os.path.join(folder, file)) for file in PROJECT_FILES)


def _is_project(folder, tree):
    above, name = os.path.split(folder)
    if folder == tree or (above == tree and name in ("src", "lib")):
        return True
    return _has_project_file(folder) or (name in SOURCE_FOLDERS and _has_project_file(above))


def _own_file(name, path, homes):
    """Returns the tree's file that `import name` should load, or None; and whether its place leaves no doubt."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None, False
    for folder, is_certain in homes.get(parts[0], ()):
        for end in (".py", os.sep + "__init__.py"):
            own = os.path.join(folder, *parts) + end
            if own != path and os.path.isfile(own):
                return own, is_certain
    return None, False


def _above(path, depth):
    """Returns the folder in which the top package of a module lies."""
    for _ in range(depth + 1):
        path = os.path.dirname(path)
    return path


def _is_same(own, copy):
    content = _read(own)
    return content is not None and content == _read(copy)


def _is_alike(own, copy):
    """Returns whether two files are versions of one: they share most of their lines."""
    mine, other = _lines(own), _lines(copy)
    return len(mine) >= FEWEST_LINES and len(mine & other) >= SAME_LINES * len(mine)


def _lines(path):
    content = _read(path) or b""
    return {line.strip() for line in content.splitlines() if len(line.strip()) > 3}


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _stale_file(own, copy):
    """Returns a file of an installed package that differs from the tree's; None if there is none.

    Modules that were not loaded here may be loaded by a program that a test starts, and data is not loaded at all.
    """
    count = 0
    for folder, folders, files in os.walk(own):
        folders[:] = [name for name in folders if name not in NOT_COMPARED]
        for name in files:
            count += 1
            if count > FILE_LIMIT:
                return None
            path = os.path.join(folder, name)
            other = os.path.join(copy, os.path.relpath(path, own))
            if name != "_version.py" and os.path.isfile(other) and not _is_same(path, other):
                return other
    return None


def lies_in(path, folder):
    """Whether a path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
