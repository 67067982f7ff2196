"""Loaded into the user's own pytest: writes what happens to a file of JSON Lines that only superteam knows of.

Standard library only; Python 3.8 and pytest 7 or newer. It is told what to do by these variables of the environment:

SUPERTEAM_PYTEST_REPORT   the folder for the report; each session that is no xdist worker writes a file of its own
SUPERTEAM_PYTEST_ONLY     a file with a JSON list of node ids: exactly these tests are run
SUPERTEAM_TREE            the tree whose code is to be tested
SUPERTEAM_CHECKOUT        the user's repository: a module that is loaded from it is another tree's

They, and what brought the plugin here, are taken out of the environment at once, so that a pytest started by a test
behaves as always. A report without its `end` record is cut short.
"""

import json
import os
import sys
import time

import pytest
from superteam_tree_check import hidden_modules, lies_in, loaded_code, module_files
from superteam_variables import lasting_variables

VERSION = 1
LOADER = "-p superteam_pytest_plugin"
TEXT_LIMIT = 4096
HEAD_LIMIT = 1000
IDS_A_RECORD = 500


def _take_settings():
    """What the environment says, removed from it together with what loaded this plugin."""
    names = ("SUPERTEAM_PYTEST_REPORT", "SUPERTEAM_PYTEST_ONLY", "SUPERTEAM_TREE", "SUPERTEAM_CHECKOUT")
    _set_variable("PYTEST_ADDOPTS", os.environ.get("PYTEST_ADDOPTS", "").replace(LOADER, "", 1).strip())
    here = os.path.dirname(os.path.abspath(__file__))
    overrides = os.environ.get("TOX_OVERRIDE", "").partition(";")
    if names[0] in overrides[0]:
        _set_variable("TOX_OVERRIDE", overrides[2])
    ours = (here, os.path.join(here, "unittest_hook"))
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    _set_variable("PYTHONPATH", os.pathsep.join(p for p in folders if not p or os.path.abspath(p) not in ours))
    for name in ("SUPERTEAM_UNITTEST_REPORT", "SUPERTEAM_UNITTEST_ONLY"):  # of a command that calls both
        os.environ.pop(name, None)
    return {name: os.environ.pop(name, "") for name in names}


def _set_variable(name, value):
    if value:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)


SETTINGS = _take_settings()
# Taken now, before any file of the tree is loaded: tests may replace `json`, `os`, `open` and their like.
HIDDEN = hidden_modules(SETTINGS["SUPERTEAM_TREE"]) if SETTINGS["SUPERTEAM_TREE"] else []
KEPT = (json.dumps, os.getpid, open)
_active = []  # the configs of the session that is going on: one that starts inside it is a test's own affair
_count = [0]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Claims the first session of the process; what is configured inside of it is nested and left alone."""
    told = getattr(config, "workerinput", {}).get("superteam")
    if told is not None:
        _begin(config, None, json.loads(told))
    elif SETTINGS["SUPERTEAM_PYTEST_REPORT"] and not _active and not hasattr(config, "workerinput"):
        _count[0] += 1
        name = f"{os.getpid()}-{_count[0]}.jsonl"
        path = os.path.join(SETTINGS["SUPERTEAM_PYTEST_REPORT"], name)
        tree, checkout = SETTINGS["SUPERTEAM_TREE"], SETTINGS["SUPERTEAM_CHECKOUT"]
        _begin(config, path, {"only": _read_only(), "tree": tree, "checkout": checkout})


def _read_only():
    if not SETTINGS["SUPERTEAM_PYTEST_ONLY"]:
        return None
    with open(SETTINGS["SUPERTEAM_PYTEST_ONLY"], encoding="utf-8") as file:
        return json.load(file)


def _begin(config, path, told):
    if HIDDEN:
        raise pytest.UsageError(f"the tree holds modules by the names of Python's own: {', '.join(HIDDEN)}")
    session = _Session(config, path, told)
    _active.append(config)
    config.pluginmanager.register(session, "superteam_session")
    _run_everything(config)
    if session.only is not None:
        _run_exactly(config, session.only)


class _Session:
    """The hooks of one pytest session, which therefore never hear of a nested one; a worker's writes no file.

    `raised` are the phases of tests that raised something, whatever hooks make of it.
    """

    def __init__(self, config, path, told, kept=KEPT):
        self.config = config
        self.told = told
        self.prefix = _prefix(str(config.rootpath), told["tree"])
        self.only = None if told["only"] is None else _own_ids(told["only"], self.prefix)
        self.foreign = {}
        self.loaded = set()
        self.modules = set()
        self.raised = {}
        self._dumps, self._getpid, opened = kept
        self._pid = self._getpid()
        self._file = opened(path, "xb", buffering=0) if path else None  # a line a write
        self.record(
            {
                "kind": "start",
                "plugin": VERSION,
                "pytest": pytest.__version__,
                "python": sys.version.split()[0],
                "rootdir": str(config.rootpath),
                "tree": told["tree"],
                "part": _part_of_a_matrix(config),
                "pid": self._pid,
                "time": time.time(),
                "variables": lasting_variables(),
            }
        )

    def record(self, record):
        """Writes one line, unless this is a fork of the session's process or the disk is full."""
        if self._file is None or self._getpid() != self._pid:
            return
        try:
            self._file.write(self._dumps(record).encode("ascii") + b"\n")
        except OSError:
            self.close()  # without its end the report counts as cut short

    def close(self):
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def record_ids(self, ids):
        ids = [self.prefix + id for id in ids]
        for start in range(0, len(ids), IDS_A_RECORD):
            self.record({"kind": "collected", "ids": ids[start : start + IDS_A_RECORD]})

    def look_at_modules(self):
        foreign, loaded = loaded_code(self.told["tree"], self.told["checkout"], self.modules | module_files())
        self.foreign.update(foreign)
        self.loaded |= loaded

    def record_modules(self):
        self.record({"kind": "foreign", "modules": sorted(self.foreign.items())})
        files = sorted(self.loaded)
        for start in range(0, len(files) or 1, IDS_A_RECORD):
            self.record({"kind": "loaded", "files": files[start : start + IDS_A_RECORD]})

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        if self.only is not None:
            _select(config, items, self.only)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        self.modules = module_files()  # a test may take modules out of `sys.modules` again
        self.record_ids([item.nodeid for item in session.items])

    def pytest_collectreport(self, report):
        if report.failed:
            self.record(
                {"kind": "collect-error", "id": self.prefix + report.nodeid, "text": _text_of(report, self.config)}
            )

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        self.raised[item.nodeid, call.when] = call.excinfo.typename if call.excinfo is not None else ""
        yield

    def pytest_runtest_logreport(self, report):
        raised = self.raised.pop((report.nodeid, report.when), "")
        if self._file is not None:
            record = _result(report, self.config, self.prefix)
            if raised and record["outcome"] == "passed" and "xfail" not in record:
                record.update(outcome="failed", text=f"a hook calls it passed, and yet it raised {raised}")
            self.record(record)

    def pytest_internalerror(self, excrepr):
        self.record({"kind": "internal-error", "text": _cut(str(excrepr), TEXT_LIMIT)})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self):
        # Workers read the environment again; each takes this out as it loads the plugin.
        _set_variable("PYTEST_ADDOPTS", f"{LOADER} {os.environ.get('PYTEST_ADDOPTS', '')}".strip())

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["superteam"] = json.dumps(self.told)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.record_ids(list(ids))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        output = getattr(node, "workeroutput", None) or {}
        self.foreign.update(output.get("superteam_foreign", {}))
        self.loaded.update(output.get("superteam_loaded", ()))
        if error:
            self.record({"kind": "worker-death", "text": _cut(str(error), HEAD_LIMIT)})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        self.look_at_modules()
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["superteam_foreign"] = self.foreign
            output["superteam_loaded"] = sorted(self.loaded)
        if self.only is not None and int(session.exitstatus) == 5:
            # None of the wanted tests is in this session; a command of several has to go on to the next one.
            session.exitstatus = 0
        self.record_modules()
        self.record({"kind": "finish", "status": int(session.exitstatus)})

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        """Says that the session came to its proper end."""
        del _active[:]
        self.record({"kind": "end"})
        self.close()


# What a report says


def _prefix(root, tree):
    """What stands before the ids of a session: its root below the tree, so that they do not depend on that root."""
    root, tree = os.path.realpath(root), os.path.realpath(tree or root)
    return os.path.relpath(root, tree).replace(os.sep, "/") + "/" if root != tree and lies_in(root, tree) else ""


def _part_of_a_matrix(config):
    """What tells sessions with one root apart, in every run in the same way."""
    names = ("TOX_ENV_NAME", "NOX_CURRENT_SESSION")
    arguments = [str(argument) for argument in config.invocation_params.args]
    python = ".".join(map(str, sys.version_info[:2]))
    return [*(os.environ.get(name, "") for name in names), python, *arguments]


def _result(report, config, prefix):
    record = {"kind": "result", "id": prefix + report.nodeid, "when": report.when, "outcome": report.outcome}
    seconds = getattr(report, "duration", 0.0)
    if seconds:
        record["seconds"] = round(seconds, 6)
    if hasattr(report, "wasxfail"):
        record["xfail"] = _cut(str(report.wasxfail), HEAD_LIMIT)
    if report.outcome != "passed":
        record["text"] = _text_of(report, config)
    worker = getattr(getattr(getattr(report, "node", None), "gateway", None), "id", None)
    if worker is not None:
        record["worker"] = str(worker)
    return record


def _text_of(report, config):
    """The crash's message and place first, then the traceback; head and tail of what is too long."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return _cut(str(longrepr[2]), TEXT_LIMIT)
    crash = getattr(longrepr, "reprcrash", None)
    text = str(getattr(report, "longreprtext", "") or longrepr or "")
    if text.startswith("[gw"):  # xdist names the worker, which is another one each time
        text = text.partition("\n")[2]
    text = _cut(text, TEXT_LIMIT)
    if crash is None:
        return text
    place = _relative(str(crash.path), str(config.rootpath))
    return f"{_cut(str(crash.message), HEAD_LIMIT)}\n{place}:{crash.lineno}\n{text}"


def _relative(path, root):
    return path[len(root) + 1 :] if path.startswith(root + os.sep) else path


def _cut(text, limit):
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[superteam: {len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


# Running exactly these tests


def _run_everything(config):
    """A referee needs the outcome of every test: stopping at the first failure would hide the rest."""
    _set(config, maxfail=0, stepwise=False, stepwise_skip=False)


def _run_exactly(config, only):
    off = {"lf": False, "failedfirst": False, "newfirst": False, "cov_fail_under": 0, "reruns": 0}
    off.update(force_reruns=None, randomly_reorganize=False, random_order_bucket="none")
    off.update(retries=0, force_flaky=False, max_runs=1, min_passes=1)  # pytest-retry and flaky
    _set(config, **off)
    coverage = config.pluginmanager.getplugin("_cov")
    if hasattr(getattr(coverage, "options", None), "cov_fail_under"):
        coverage.options.cov_fail_under = 0
    files = _files_of(only, config)
    if files:
        config.args[:] = files


def _set(config, **values):
    for name, value in values.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)


def _files_of(only, config):
    """The files of these tests that the session would look at; nothing if there is one that is not to be found."""
    files = sorted({os.path.join(str(config.rootpath), nodeid.split("::")[0]) for nodeid in only})
    if not all(os.path.isfile(file) for file in files):
        return []
    here = str(config.invocation_params.dir)
    roots = [os.path.realpath(os.path.join(here, str(arg).split("::")[0])) for arg in config.args]
    if not all(os.path.exists(root) for root in roots):
        return files
    return [file for file in files if any(lies_in(os.path.realpath(file), root) for root in roots)]


def _select(config, items, only):
    chosen, dropped = [], []
    for item in items:
        (chosen if item.nodeid in only else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = chosen
    values = _no_retries(config)
    for item in chosen if values else ():
        if item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(**values), append=False)


def _no_retries(config):
    """The values with which the mark `flaky` means no second try, for the plugin that reads it."""
    values = {"reruns": 0, "retries": 0}
    values = {name: value for name, value in values.items() if hasattr(config.option, name)}
    if not values and hasattr(config.option, "force_flaky"):
        values = {"max_runs": 1, "min_passes": 1}
    return values


def _own_ids(only, prefix):
    """The wanted ids as this session calls them; those of other sessions are none of its own."""
    own = [id[len(prefix) :] for id in only if id.startswith(prefix)]
    return {*own, *map(_without_group, own)}


def _without_group(nodeid):
    """The node id before xdist's loadgroup put "@group" behind it, which it does after us."""
    return nodeid.rpartition("@")[0] or nodeid
