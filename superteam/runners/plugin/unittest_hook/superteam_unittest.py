"""Writes what happens in a run of unittest's main, or of its text runner, as JSON Lines.

sitecustomize.py, which loads this, says how it is told what to do.
"""

import json
import os
import sys
import time
import traceback

VERSION = 1
TEXT_LIMIT = 4096
HEAD_LIMIT = 1000
IDS_A_RECORD = 500
_HERE = os.path.dirname(os.path.abspath(__file__))
_VARIABLES = ("SUPERTEAM_UNITTEST_REPORT", "SUPERTEAM_UNITTEST_ONLY", "SUPERTEAM_TREE", "SUPERTEAM_CHECKOUT")
_active = []  # the run that is going on: one that starts inside of it is a test's own affair
_settings = {}
_count = [0]


def install(program):
    """Makes unittest's TestProgram report its runs, and TextTestRunner for those who call it themselves (Django).

    A run inside of another one is not reported.
    """
    from unittest.runner import TextTestRunner

    _install_in_runner(TextTestRunner)
    init, run_tests = program.__init__, program.runTests

    def __init__(self, *args, **kwargs):
        _settings.update(_take_settings())
        if _active or not _settings.get("SUPERTEAM_UNITTEST_REPORT"):
            return init(self, *args, **kwargs)
        recorder = _Recorder()
        _active.append(recorder)
        try:
            return init(self, *args, **kwargs)
        finally:
            del _active[:]
            recorder.close()

    def runTests(self):
        recorder = _active[-1] if _active else None
        if recorder is None or recorder.began:
            return run_tests(self)
        self.failfast = False  # a referee needs the outcome of every test
        self.test = recorder.prepare(self.test)
        try:
            found = run_tests(self)
        except SystemExit as end:
            recorder.finish(getattr(self, "result", None), end.code)
            raise
        recorder.finish(getattr(self, "result", None), None)
        return found

    program.__init__, program.runTests = __init__, runTests


def _install_in_runner(runner):
    run_suite = runner.run

    def run(self, test):
        _settings.update(_take_settings())
        if _active or not _settings.get("SUPERTEAM_UNITTEST_REPORT"):
            return run_suite(self, test)
        recorder = _Recorder()
        _active.append(recorder)
        try:
            self.failfast = False
            result = run_suite(self, recorder.prepare(test))
            recorder.finish(result, None)
            return result
        finally:
            del _active[:]
            recorder.close()

    runner.run = run


def _take_settings():
    """What the environment says, removed from it together with what brought us here."""
    found = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = os.pathsep.join(p for p in folders if not p or os.path.abspath(p) != _HERE)
    if rest:
        os.environ["PYTHONPATH"] = rest
    else:
        os.environ.pop("PYTHONPATH", None)
    return found


class _Recorder:
    """The file of one run. What it writes with is kept from the start, since tests may replace `os` and its like."""

    def __init__(self):
        _count[0] += 1
        self.began = False
        self.waiting = {}  # ids of tests that have not run, by their class
        self.ran = []  # (class, id) of tests that have
        self._pid, self._getpid, self._dumps, self._clock = os.getpid(), os.getpid, json.dumps, time.perf_counter
        self.prefix = _prefix(os.getcwd(), _settings.get("SUPERTEAM_TREE", ""))
        name = f"{self._pid}-{_count[0]}.jsonl"
        self._file = open(os.path.join(_settings["SUPERTEAM_UNITTEST_REPORT"], name), "xb", buffering=0)
        start = {"kind": "start", "unittest": VERSION, "python": sys.version.split()[0]}
        start.update(rootdir=os.getcwd(), part=sys.argv, variables=_beside("superteam_variables").lasting_variables())
        self.record(dict(start, pid=self._pid, time=time.time()))

    def record(self, record):
        """Writes one line, unless this is a fork of the process or the disk is full."""
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

    def prepare(self, tests):
        """Takes the tests as they were loaded, keeps those that are wanted, and listens to their running."""
        import unittest

        self.began = True
        only = _read_only(self.prefix)
        if only is not None:
            tests = _chosen(tests, only) or unittest.TestSuite()
        ids = []
        for test in _flat(tests):
            if _failed_import(test) is None:
                ids.append(_id(test))
                self.waiting.setdefault(_class_of(test), []).append(ids[-1])
        for start in range(0, len(ids), IDS_A_RECORD):
            named = [self.prefix + id for id in ids[start : start + IDS_A_RECORD]]
            self.record({"kind": "collected", "ids": named})
        return _watched(tests, self, unittest)

    def ended(self, test, words, began):
        """The end of a test: the worst of what was said about it."""
        id, key = _id(test), _class_of(test)
        self.ran.append((key, id))
        waiting = self.waiting.get(key, [])
        if id in waiting:
            waiting.remove(id)
        if not words:
            return
        _, phase, outcome, more = max(words, key=lambda word: word[0])
        setup = outcome if phase == "setup" else "passed"
        seconds = round(self._clock() - began, 6)
        self._say(id, "setup", setup, **(more if phase == "setup" else {}))
        if phase == "call":
            self._say(id, "call", outcome, seconds=seconds, **more)

    def around(self, holder, outcome, text):
        """What setUpClass, setUpModule and their opposites came to is charged to the tests that they stand for."""
        where, _, name = _id(holder).partition(" ")
        name = name[1:-1]
        if where.startswith("tearDown"):
            charged = [id for key, id in self.ran if _is_of(key, name)][-1:]
        else:
            keys = [key for key in self.waiting if _is_of(key, name)]
            charged = [id for key in keys for id in self.waiting.pop(key)]
        for id in charged:
            self._say(id, "teardown" if where.startswith("tearDown") else "setup", outcome, text=text)
        if not charged:
            self.record({"kind": "collect-error", "id": self.prefix + _id(holder), "text": text})

    def _say(self, id, when, outcome, **more):
        self.record(dict({"kind": "result", "id": self.prefix + id, "when": when, "outcome": outcome}, **more))

    def finish(self, result, code):
        """The last words, if the run came to its end: who leaves it by SystemExit has no result."""
        if result is None:
            return
        status = code if isinstance(code, int) and not isinstance(code, bool) else None
        if status in (None, 0, 1):
            status = 0 if result.wasSuccessful() else 1
        foreign, files = _loaded_code(_settings.get("SUPERTEAM_TREE", ""), _settings.get("SUPERTEAM_CHECKOUT", ""))
        self.record({"kind": "foreign", "modules": foreign})
        for start in range(0, len(files) or 1, IDS_A_RECORD):
            self.record({"kind": "loaded", "files": files[start : start + IDS_A_RECORD]})
        self.record({"kind": "finish", "status": status})
        self.record({"kind": "end"})
        self.close()


class _Listener:
    """Stands in front of the runner's own result: hears what is said and passes everything on."""

    def __init__(self, result, recorder):
        object.__setattr__(self, "_result", result)
        object.__setattr__(self, "_recorder", recorder)
        object.__setattr__(self, "_words", [])
        object.__setattr__(self, "_began", 0.0)

    __class__ = property(lambda self: type(self._result))

    def __getattr__(self, name):
        return getattr(self._result, name)

    def __setattr__(self, name, value):
        setattr(self._result, name, value)

    def startTest(self, test):
        object.__setattr__(self, "_words", [])
        object.__setattr__(self, "_began", self._recorder._clock())
        self._result.startTest(test)

    def stopTest(self, test):
        if _failed_import(test) is None:
            self._recorder.ended(test, self._words, self._began)
        object.__setattr__(self, "_words", [])  # Python 3.12.1 begins no test that is skipped, and ends it
        self._result.stopTest(test)

    def addSuccess(self, test):
        self._hear(1, "call", "passed")
        self._result.addSuccess(test)

    def addFailure(self, test, err):
        self._hear(5, "call", "failed", text=_text(err))
        self._result.addFailure(test, err)

    def addError(self, test, err):
        name = _failed_import(test)
        if name is not None:
            self._recorder.record(
                {"kind": "collect-error", "id": self._recorder.prefix + name, "text": _last_line(err)}
            )
        elif _is_holder(test):
            self._recorder.around(test, "failed", _text(err))
        else:
            self._hear(6, "setup", "failed", text=_text(err))
        self._result.addError(test, err)

    def addSkip(self, test, reason):
        if _is_holder(test):
            self._recorder.around(test, "skipped", str(reason)[:HEAD_LIMIT])
        else:
            self._hear(2, "call", "skipped", text=str(reason)[:HEAD_LIMIT])
        self._result.addSkip(test, reason)

    def addExpectedFailure(self, test, err):
        self._hear(3, "call", "skipped", xfail=_text(err)[:HEAD_LIMIT])
        self._result.addExpectedFailure(test, err)

    def addUnexpectedSuccess(self, test):
        self._hear(4, "call", "failed", text="unexpected success: the test is marked as an expected failure")
        self._result.addUnexpectedSuccess(test)

    def addSubTest(self, test, subtest, err):
        """A part of a test: what goes wrong in it is charged to the test."""
        if err is not None:
            folded = issubclass(err[0], test.failureException)
            params = str(subtest)[:HEAD_LIMIT]
            text = f"{_text(err)}\nin {params}"
            self._hear(5 if folded else 6, "call" if folded else "setup", "failed", text=text)
        self._result.addSubTest(test, subtest, err)

    def _hear(self, weight, phase, outcome, **more):
        self._words.append((weight, phase, outcome, more))


def _watched(tests, recorder, unittest):
    class Watched(unittest.TestSuite):
        def run(self, result, debug=False):
            result.failfast = False
            return super().run(_Listener(result, recorder), debug)

    return Watched([tests])


def _read_only(prefix):
    """The wanted ids as this run calls them; those of other runs are none of its own."""
    path = _settings.get("SUPERTEAM_UNITTEST_ONLY")
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        return {id[len(prefix) :] for id in json.load(file) if id.startswith(prefix)}


def _prefix(folder, tree):
    """What stands before the ids of a run: its folder below the tree, so that two runs have no id in common."""
    folder, tree = os.path.realpath(folder), os.path.realpath(tree or folder)
    return os.path.relpath(folder, tree).replace(os.sep, "/") + "/" if folder.startswith(tree + os.sep) else ""


def _flat(tests):
    if not _is_suite(tests):
        yield tests
        return
    for test in tests:
        yield from _flat(test)


def _chosen(tests, only):
    """The suite with these tests alone, or None. A file that cannot be loaded stays if it would hold one of them."""
    if hasattr(tests, "subsuites"):  # Django's, whose parts run in processes of their own
        tests.subsuites = [suite for suite in (_chosen(suite, only) for suite in tests.subsuites) if suite is not None]
        return tests if tests.subsuites else None
    if _is_suite(tests):
        tests._tests = [test for test in (_chosen(test, only) for test in list(tests)) if test is not None]
        return tests if tests._tests else None
    name = _failed_import(tests)
    if name is not None:
        return tests if any(id.startswith(name + ".") or "." + name + "." in id for id in only) else None
    return tests if _id(tests) in only else None


def _is_suite(test):
    import unittest

    return isinstance(test, unittest.BaseTestSuite)


def _is_holder(test):
    """What unittest makes up for a setUpClass and its like."""
    return type(test).__name__ == "_ErrorHolder"


def _failed_import(test):
    """The name of the module that could not be loaded, for what unittest puts in its place; else None."""
    kind = type(test)
    if kind.__name__ == "_FailedTest" and kind.__module__ == "unittest.loader":
        return str(getattr(test, "_testMethodName", "unknown"))
    return None


def _id(test):
    return str(test.id())


def _class_of(test):
    return f"{type(test).__module__}.{type(test).__qualname__}"


def _is_of(key, name):
    """Whether a class is the one of this name, or of the module of this name."""
    return key == name or key.startswith(name + ".")


def _text(err):
    """What went wrong and where in the tree first, then the traceback; head and tail of what is too long."""
    kind, value, trace = err
    while trace is not None and "__unittest" in trace.tb_frame.f_globals:
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(kind, value, trace))
        head = f"{kind.__name__}: {value}"
    except Exception as problem:  # an exception that cannot be printed
        return f"{kind.__name__} (cannot be printed: {type(problem).__name__})"
    place = _place(trace)
    for folder in {_settings.get("SUPERTEAM_TREE", ""), os.path.realpath(_settings.get("SUPERTEAM_TREE", ""))} - {""}:
        text = text.replace(folder + os.sep, "")  # trees are called differently, their failures are not
    return "\n".join(filter(None, (_cut(head, HEAD_LIMIT), place, _cut(text, TEXT_LIMIT))))


def _place(trace):
    """The last line of the tree that was reached."""
    tree = os.path.realpath(_settings.get("SUPERTEAM_TREE", "") or ".") + os.sep
    frames = [(os.path.realpath(f.f_code.co_filename), line) for f, line in traceback.walk_tb(trace)]
    own = [(file[len(tree) :], line) for file, line in frames if file.startswith(tree) and "site-packages" not in file]
    return "{}:{}".format(*own[-1]) if own else ""


def _last_line(err):
    """The text of a failed import holds a whole traceback; its last line says what happened."""
    text = str(err[1]).strip()
    return "E {}\n{}".format(text.rpartition("\n")[2], _cut(text, TEXT_LIMIT))


def _cut(text, limit):
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[superteam: {len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


def _loaded_code(tree, checkout):
    """The modules that were loaded from elsewhere and the tree's own files, by the check beside pytest's plugin."""
    module = _beside("superteam_tree_check")
    foreign, files = module.loaded_code(tree, checkout, module.module_files())
    return sorted(foreign.items()), sorted(files)


def _beside(name):
    """Loads a module that lies beside pytest's plugin, in a folder that is not searched."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, os.path.join(os.path.dirname(_HERE), f"{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
