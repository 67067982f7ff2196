"""Whose code is tested: modules that were loaded from another place than the tree that holds them as well.

Standard library only, Python 3.8 or newer; used by the plugins for pytest and unittest.
"""

import os
import sys
import sysconfig


def foreign_modules(tree, tracked_file):
    """Loaded modules, name to file, that the tree holds as well but that were not loaded from it."""
    if not tree:
        return {}
    tree = os.path.realpath(tree)
    tracked = _tracked(tracked_file)
    found = {}
    for name, module in list(sys.modules.items()):
        try:
            file = getattr(module, "__file__", None)
        except Exception:  # a lazy module may do anything
            continue
        if isinstance(file, str) and not _is_stdlib(name, file):
            own = _own_file(name, tree, tracked)
            if own and _is_foreign(os.path.realpath(file), tree) and not _same_in_tox(own, file):
                found[name] = file
    return found


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


def _tracked(path):
    """The paths that the tree tracks, or None if nobody said so."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError):
        return None
    return set(os.fsdecode(data).replace("\0", "\n").split("\n"))


def _own_file(name, tree, tracked):
    """The tree's file that `import name` should load, or None."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for folder in ("", "src/", "lib/"):
        for end in (".py", "/__init__.py"):
            path = folder + "/".join(parts) + end
            full = os.path.join(tree, path)
            if path in tracked if tracked is not None else os.path.isfile(full):
                return full
    return None


def _is_stdlib(name, file):
    if name.partition(".")[0] in getattr(sys, "stdlib_module_names", ()):
        return True
    library = sysconfig.get_paths().get("stdlib", "")
    return bool(library) and file.startswith(library + os.sep) and not _is_installed(file)


def _is_foreign(file, tree):
    return not lies_in(file, tree) or _is_installed(file[len(tree) :])


def _is_installed(file):
    parts = file.replace("\\", "/").split("/")
    return "site-packages" in parts or "dist-packages" in parts


def _same_in_tox(own, file):
    """tox and nox install a copy of the tree; it is as good as the tree while it has the same content."""
    if not (os.environ.get("TOX_ENV_NAME") or os.environ.get("NOX_CURRENT_SESSION")):
        return False
    try:
        with open(own, "rb") as one, open(file, "rb") as other:
            return one.read() == other.read()
    except OSError:
        return False


def lies_in(path, folder):
    """Whether a path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
