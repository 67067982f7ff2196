"""Found by the user's own Python through PYTHONPATH: makes unittest write what happens to a file of JSON Lines.

Standard library only; Python 3.8 or newer. It is told what to do by these variables of the environment:

SUPERTEAM_UNITTEST_REPORT   the folder for the report; each run of unittest's main writes a file of its own
SUPERTEAM_UNITTEST_ONLY     a file with a JSON list of test ids: exactly these tests are run
SUPERTEAM_TREE              the tree whose code is to be tested
SUPERTEAM_CHECKOUT          the user's repository: a module that is loaded from it is another tree's

Nothing happens in a process that does not run unittest's main. Where it begins, the variables and this folder are
taken out of the environment, so that a Python started by a test behaves as always. The user's own sitecustomize is
loaded as if this one were not there. A report without its `end` record is cut short.
"""

import importlib.abc
import importlib.machinery
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


class _WhenLoaded(importlib.abc.MetaPathFinder):
    """Waits for `unittest.main`, which most processes never load, and changes it right then."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "unittest.main":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                _recorder().install(module.TestProgram)

            spec.loader.exec_module = exec_module
        return spec


def _recorder():
    """The module beside this one, without its folder on the path."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("superteam_unittest", os.path.join(_HERE, "superteam_unittest.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _make_way():
    """Loads the user's own sitecustomize, if there is one behind us."""
    sys.path[:] = [p for p in sys.path if not p or os.path.abspath(p) != _HERE]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as problem:
        if problem.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


if os.environ.get("SUPERTEAM_UNITTEST_REPORT"):
    sys.meta_path.insert(0, _WhenLoaded())
_make_way()
