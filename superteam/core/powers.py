"""What changed code can reach beyond itself: the runner, the language, the process it runs in, chance and the clock.

Code can disarm its tests, or know that it is tested, in more ways than a table of lines could name. All of them need a
power that most code does without: to find objects that are not its own, to run text, to change a part of another
module, to look at its surroundings. So these are told, whatever they are used for. It informs, and never blocks. Python
is read as Python reads it (names behind aliases, in any letters, behind any line end); other languages word by word.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from superteam.core.changes import Change
from superteam.core.comments import without_comments

_LONGEST = 400_000  # characters of a file that is read as Python
_LISTED = 6
_DEEP = 60  # names in a row


@dataclass(frozen=True, slots=True)
class Power:
    """What some lines of a change reach for: the first line, how much it could do to a verdict, and words."""

    line: int
    rank: int
    words: str
    stores: bool  # into another module


_TAKES = "the code can get at what is not its own, or run what cannot be read here"
_REPLACES = "the code changes a part of another module"
_HOLDS = "the code changes what another module holds"
_SETTINGS = "the code changes a setting of the whole process"
_COMPARED = "the code says itself what it is equal to, or what comes of comparing it"
_ASKS = "the code asks about its surroundings"
_CHANCE = "the code depends on chance, on the clock or on order"
_RANK = {_REPLACES: 2, _TAKES: 3, _COMPARED: 4, _HOLDS: 5, _SETTINGS: 5, _ASKS: 7, _CHANCE: 8}


def powers_of(change: Change, text: str) -> list[Power]:
    """The powers that a change brings in, the strongest first; `text` is the file as it is now, if it is known.

    What the removed lines reached for too is not told.
    """
    found = _in_python(change, text) if change.path.endswith((".py", ".pyi", ".pyx")) else None
    if found is None:
        found = list(_in_words(change))
    removed = "\n".join(line for _, line in change.removed)
    told: dict[str, tuple[int, dict[str, None]]] = {}
    for line, words, name in sorted(found, key=lambda hit: hit[0]):
        if _occurs(removed, name.rpartition(".")[2]):
            continue
        told.setdefault(words, (line, {}))[1][name] = None
    powers = [
        Power(line, _RANK[words], f"{words}: {_listed(names)}", words in (_REPLACES, _HOLDS))
        for words, (line, names) in told.items()
    ]
    return sorted(powers, key=lambda power: (power.rank, power.line))


def _occurs(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _listed(names: Collection[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(list(names)[:_LISTED]) + more


_Hit = tuple[int, str, str]  # line, words, name


# Python


def _dotted_names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# A name stands for itself and all that is in it.
_PYTHON = {
    _TAKES: _dotted_names(
        """gc ctypes cffi imp importlib builtins marshal code codeop bdb pluggy _pytest zipimport runpy site sys.modules
        sys.meta_path sys.path_hooks sys.path_importer_cache sys.settrace sys.setprofile sys.monitoring sys._getframe
        sys.addaudithook sys._current_frames threading.settrace threading.setprofile threading.excepthook sys.excepthook
        sys.unraisablehook inspect.stack inspect.currentframe inspect.getouterframes inspect.getinnerframes
        traceback.extract_stack traceback.walk_stack traceback.format_stack traceback.print_stack pickle.load
        pickle.loads pickle.Unpickler types.CodeType types.FunctionType warnings.showwarning"""
    ),
    _SETTINGS: _dotted_names(
        """decimal.getcontext decimal.setcontext decimal.DefaultContext locale.setlocale warnings.simplefilter
        warnings.filterwarnings warnings.catch_warnings warnings.resetwarnings logging.disable random.seed os.chdir
        numpy.random.seed numpy.seterr os.umask os.putenv os.unsetenv socket.setdefaulttimeout time.tzset signal.signal
        signal.alarm signal.setitimer atexit.register resource.setrlimit sys.setrecursionlimit"""
    ),
    _ASKS: _dotted_names(
        """sys.argv sys.orig_argv sys.flags sys.stdin sys.stdout sys.stderr sys.gettrace sys.getprofile sys.prefix
        sys.path sys.executable sys.warnoptions sys.dont_write_bytecode os.environ os.environb os.getenv os.getcwd
        os.getpid os.getppid os.getpgid os.getsid os.uname os.cpu_count os.sched_getaffinity os.getlogin os.isatty
        os.ttyname os.get_terminal_size os.popen os.system subprocess platform socket.gethostname getpass.getuser
        tempfile.gettempdir pathlib.Path.home pathlib.Path.cwd faulthandler threading.enumerate threading.current_thread
        threading.main_thread threading.active_count multiprocessing.current_process multiprocessing.parent_process
        resource psutil logging.root inspect traceback"""
    ),
    _CHANCE: _dotted_names(
        """random secrets uuid.uuid1 uuid.uuid4 os.urandom time.time time.time_ns time.monotonic time.perf_counter
        time.process_time time.localtime time.gmtime time.strftime time.ctime datetime.datetime.now
        datetime.datetime.utcnow datetime.datetime.today datetime.date.today threading.Thread threading.Timer
        concurrent.futures multiprocessing weakref"""
    ),
}
_HARMLESS = _dotted_names("importlib.metadata importlib.resources importlib.abc subprocess.CalledProcessError")
_BUILT_IN = {
    _TAKES: _dotted_names("exec eval compile __import__ globals vars locals delattr __builtins__ __loader__ __spec__"),
    _ASKS: _dotted_names("__debug__ __file__"),
    _CHANCE: _dotted_names("id hash"),
}
_ATTRIBUTES = {
    _TAKES: _dotted_names(
        """__subclasses__ __globals__ __builtins__ __code__ __closure__ __bases__ __mro__ __defaults__ __kwdefaults__
        __wrapped__ __loader__ __spec__ f_back f_globals f_locals f_code f_lineno tb_frame gi_frame co_filename co_name
        __traceback__ __reduce__"""
    ),
    _ASKS: _dotted_names("isatty handlers hasHandlers"),
}
_COMPARES = _dotted_names(
    """__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __contains__ __bool__ __sub__ __rsub__ __abs__ __float__ __round__
    __instancecheck__ __subclasscheck__ __getattr__ __getattribute__"""
)
_NAMES_TESTS = re.compile(r"(?i)(?:^|[\W_])tests?(?:[\W_]|$)|conftest|pytest|unittest|\.git\b")


def _in_python(change: Change, text: str) -> list[_Hit] | None:
    """The powers in the added lines; None for what is no Python that can be read."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if change.binary or hides_code(text):  # the numbers of its lines are not those of the difference
        added = None
    else:
        added = frozenset(number for number, _ in change.added)
    return list(_Reader(_bound(module)).read(module, added))


def _bound(module: ast.Module) -> dict[str, str]:
    """What each imported name stands for, wherever it is imported."""
    found: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                found[name.asname or name.name] = f"{'.' * node.level}{node.module or ''}.{name.name}"
    return found


def _is_in(dotted: str, names: Collection[str]) -> bool:
    parts = dotted.split(".")
    return any(".".join(parts[:end]) in names for end in range(1, len(parts) + 1))


@dataclass
class _Reader:
    """Reads a module for what it reaches. `bound` are its imported names."""

    bound: dict[str, str]
    called: frozenset[int] = frozenset()

    def read(self, module: ast.Module, added: frozenset[int] | None) -> Iterator[_Hit]:
        """The hits in the added lines; in all lines where these are not known."""
        documents = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
        self.called = frozenset(id(node.func) for node in ast.walk(module) if isinstance(node, ast.Call))
        inner = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Attribute)}
        for node in ast.walk(module):
            line = getattr(node, "lineno", None)
            if line is None or (added is not None and line not in added and not self._is_tall(node, added)):
                continue
            if id(node) not in documents:
                yield from ((line, words, name) for words, name in self._of(node, id(node) in inner))
        for node in module.body:
            yield from self._at_import(node, added)

    @staticmethod
    def _is_tall(node: ast.AST, added: frozenset[int]) -> bool:
        """Whether an assignment of several lines has a changed one."""
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            return False
        return not added.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1))

    def _of(self, node: ast.AST, is_inner: bool) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from self._imported(node)
        elif isinstance(node, ast.Attribute) and not is_inner:
            yield from self._attribute(node)
        elif isinstance(node, ast.Attribute):
            yield from self._by_attribute(node.attr)
        elif isinstance(node, ast.Name) and not is_inner:
            yield from self._name(node)
            if node.id in ("getattr", "setattr") and id(node) not in self.called:
                yield _TAKES, f"{node.id} as a value"
        elif isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            yield from self._stored(node)
        elif isinstance(node, ast.FunctionDef) and node.name in _COMPARES:
            yield _COMPARED, node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAMES_TESTS.search(node.value[:200]):
            yield _ASKS, repr(node.value[:40])

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        for name in node.names:
            if isinstance(node, ast.ImportFrom):
                yield from self._known(f"{'.' * node.level}{node.module or ''}.{name.name}")
            else:
                yield from self._known(name.name)

    def _known(self, dotted: str) -> Iterator[tuple[str, str]]:
        if _is_in(dotted, _HARMLESS):
            return
        for words, names in _PYTHON.items():
            if _is_in(dotted, names):
                yield words, dotted
                return

    def _attribute(self, node: ast.Attribute) -> Iterator[tuple[str, str]]:
        dotted = self._dotted(node)
        if dotted is not None:
            yield from self._known(dotted)
        yield from self._by_attribute(node.attr)

    @staticmethod
    def _by_attribute(name: str) -> Iterator[tuple[str, str]]:
        for words, names in _ATTRIBUTES.items():
            if name in names:
                yield words, name

    def _name(self, node: ast.Name) -> Iterator[tuple[str, str]]:
        if node.id in self.bound:
            yield from self._known(self.bound[node.id])
            return
        for words, names in _BUILT_IN.items():
            if node.id in names and isinstance(node.ctx, ast.Load):
                yield words, node.id

    def _call(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        own = bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id in ("self", "cls")
        if name == "setattr" and not own:
            yield _TAKES, name
        literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        if name == "getattr" and not own and not literal:
            yield _ASKS, "getattr"
        if isinstance(node.func, ast.Attribute) and node.func.attr == "__setattr__" and not own:
            yield _TAKES, "__setattr__"
        for keyword in node.keywords:
            off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg in ("compare", "eq", "order") and off:
                yield _COMPARED, f"{keyword.arg}=False"

    def _stored(self, node: ast.Assign | ast.AugAssign | ast.Delete) -> Iterator[tuple[str, str]]:
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        for target in _flat(targets):
            if isinstance(target, ast.Name) and target.id in _COMPARES:
                yield _COMPARED, target.id
            dotted = self._dotted(target.value if isinstance(target, ast.Subscript) else target)
            root = _root(target)
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Attribute | ast.Call):
                inside = target.value.func if isinstance(target.value, ast.Call) else target.value
                if getattr(inside, "attr", getattr(inside, "id", "")) in ("__dict__", "vars", "globals"):
                    yield _TAKES, "__dict__"
            if dotted is None or root not in self.bound:
                continue
            if isinstance(target, ast.Attribute):
                yield _REPLACES, dotted
            elif isinstance(target, ast.Subscript):
                yield _HOLDS, dotted

    def _at_import(self, node: ast.stmt, added: frozenset[int] | None) -> Iterator[_Hit]:
        """Attributes that are set while the module is loaded, of things that it did not make there."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return
        for inner in ast.walk(node):
            if not isinstance(inner, ast.Attribute) or isinstance(inner.ctx, ast.Load):
                continue
            if (added is None or inner.lineno in added) and _root(inner) not in ("self", "cls", *self.bound):
                yield inner.lineno, _SETTINGS, f".{inner.attr} of something"

    def _dotted(self, node: ast.AST) -> str | None:
        """The full name of an attribute of something imported; None for all else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute) and len(parts) < _DEEP:
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.bound:
            return None
        return ".".join((self.bound[node.id], *reversed(parts)))


def _flat(targets: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _flat(target.elts)
        else:
            yield target.value if isinstance(target, ast.Starred) else target


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


# other languages


_JS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_OBJECTS = r"(?:Object|Array|Number|String|Boolean|JSON|Math|Promise|Date|Symbol|Reflect|Error|Set|Map|RegExp|Function)"
_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        _JS,
        _REPLACES,
        rf"(?<![\w.$]){_OBJECTS}\.[\w.]{{1,60}}~=(?![=>]) | \bObject\.(?:assign|define(?:Property|Properties)"
        r"|setPrototypeOf)\( | \bReflect\.\w{1,30} | \.prototype\b | \b__proto__\b | \bprocess\.\w{1,20}~=(?![=>])",
    ),
    (
        _JS,
        _TAKES,
        r"\beval\b | \bnew~Function\b | (?<![\w$.])Function\( | \b(?:global|globalThis|window)\b~[.\[]"
        r" | \brequire\b(?!~\(~[\"'`][^\"'`+\n]{1,200}[\"'`]~\)) | \bimport~\((?!~[\"'`][^\"'`+\n$]{1,200}[\"'`]~\))"
        r" | \bprocess\.(?:binding|_\w{1,30}|mainModule|on|once|emit)\b | \bvm\b | \bnew~Proxy\b"
        r" | [\"'](?:node:)?(?:assert(?:/strict)?|module|vm|inspector|v8|test)[\"']",
    ),
    (_JS, _COMPARED, r"\basymmetricMatch\b | \$\$typeof\b | \bSymbol\.\w{1,30} | \bvalueOf\b | \bequals\b"),
    (
        _JS,
        _ASKS,
        r"\bprocess\.\w{1,20} | \bnew~Error\([^)\n]{0,80}\)\.stack\b | (?<![\w$])\w{1,30}\.stack\b"
        r" | \b(?:captureStackTrace|prepareStackTrace|stackTraceLimit)\b | \bmodule\.(?:parent|children|paths)\b"
        r" | \brequire\.main\b | \bimport\.meta\b | \b__(?:file|dir)name\b | \bchild_process\b | \bnode:os\b | \bos\."
        r" | \bworker_threads\b | \bisMainThread\b | (?i:[\"'`/\\][^\"'`\n]{0,40}(?<![a-z])(?:tests?|specs?)(?![a-z]))",
    ),
    (
        _JS,
        _CHANCE,
        r"\bMath\.random\b | \bDate\.now\b | \bnew~Date\(~\) | \bperformance\.\w{1,20} | \brandom\w{0,20}\("
        r" | \bset(?:Timeout|Interval|Immediate)\b | \bhrtime\b",
    ),
    ((".rb", ".rake"), _REPLACES, r"\b(?:RSpec|Minitest|Kernel|Object|BasicObject|Integer|String|Array)\b~$"),
    (
        (".rb", ".rake"),
        _TAKES,
        r"\bObjectSpace\b | \bconst_get\b | \b(?:class|instance|module)_e(?:val|xec)\b | (?<![\w.])eval\b"
        r" | \bdefine_method\b | \b(?:__)?send\b | \bpublic_send\b | \bprepend\b | \bTracePoint\b | \brefine\b"
        r" | \bat_exit\b | \bset_trace_func\b | \balias_method\b | \bMarshal\b | \bmethod_missing\b",
    ),
    ((".rb", ".rake"), _COMPARED, r"\bdef~(?:==|!=|===|=~|eql\?|equal\?|<=>|!|-|coerce)"),
    (
        (".rb", ".rake"),
        _ASKS,
        r"\bcaller\w{0,10}\b | \bENV\b | \$0\b | \$PROGRAM_NAME\b | \bARGV\b | \$LOADED_FEATURES\b | \bdefined\?"
        r" | \b__FILE__\b | \b__dir__\b | \bDir\.pwd\b | \bProcess\.\w{1,20} | (?i:[\"'/][^\"'\n]{0,40}_?spec\b)"
        r" | \$stdout\b | \$stdin\b",
    ),
    ((".rb", ".rake"), _CHANCE, r"\brand\b | \bSecureRandom\b | \bTime\.now\b | \bDate\.today\b | \bThread\b"),
    (
        (".go",),
        _TAKES,
        r"\"unsafe\" | \bgo:linkname\b | \"reflect\" | \"plugin\" | \"syscall\" | \bimport~\"C\"",
    ),
    (
        (".go",),
        _ASKS,
        r"\bos\.(?:Args|Getenv|LookupEnv|Environ|Executable|Getwd|Getppid|Getpid|Hostname)\b | \"testing\""
        r" | \bflag\.(?:Lookup|CommandLine|Visit\w{0,3})\b | \bruntime\.(?:Caller\w{0,10}|Stack|NumCPU|NumGoroutine)\b"
        r" | \bdebug\.(?:ReadBuildInfo|Stack|PrintStack)\b | \bexec\.Command | (?i:[\"`.][^\"`\n]{0,40}\.?tests?[\"`])",
    ),
    ((".go",), _CHANCE, r"\bmath/rand\b | \bcrypto/rand\b | \brand\.\w{1,20} | \btime\.Now\b"),
    (
        (".rs",),
        _ASKS,
        r"\bcfg!?\(~(?:not\(~)?test\b | \bcfg!?\(~debug_assertions | \benv::\w{1,20} | \bthread::current\b"
        r" | \bbacktrace\b",
    ),
    ((".rs",), _TAKES, r"\bunsafe\b | \bset_hook\b | \bcatch_unwind\b"),
    ((".rs",), _COMPARED, r"\bimpl\b[^\n]{0,80}\bPartialEq\b | \bfn~(?:eq|ne|partial_cmp)\b"),
    ((".rs",), _CHANCE, r"\brand::\w{1,20} | \b(?:Instant|SystemTime)::now\b"),
    (
        (".php",),
        _TAKES,
        r"(?<![\w>:])eval~\( | \brunkit\w{0,40} | \buopz\w{0,40} | \bReflection\w{1,30} | \bclass_alias\b"
        r" | \bset_error_handler\b | \bregister_shutdown_function\b | \bunserialize\b | \bcreate_function\b",
    ),
    (
        (".php",),
        _ASKS,
        r"\bgetenv\b | \$_(?:SERVER|ENV)\b | \$arg[vc]\b | \bdebug_(?:print_)?backtrace\b | \bPHP_SAPI\b"
        r" | \bphp_sapi_name\b | \bclass_exists\b | \bget_included_files\b | \bgetcwd\b | \b__DIR__\b | PHPUnit",
    ),
    ((".php",), _CHANCE, r"\b(?:mt_)?rand\b | \brandom_\w{1,10} | \btime~\( | \bmicrotime\b | \bdate~\("),
    (
        (".java", ".kt", ".kts", ".scala", ".groovy"),
        _TAKES,
        r"\bClass\.forName\b | \bsetAccessible\b | \bjava\.lang\.reflect\b | \bUnsafe\b | \bInstrumentation\b",
    ),
    (
        (".java", ".kt", ".kts", ".scala", ".groovy"),
        _ASKS,
        r"\bgetStackTrace\b | \bStackWalker\b | \bSystem\.get(?:env|Property|Properties)\b | \bProcessHandle\b"
        r" | \bManagementFactory\b | (?i:\"[^\"\n]{0,40}junit)",
    ),
    ((".java", ".kt", ".kts", ".scala", ".groovy"), _COMPARED, r"\b(?:boolean|fun)~equals~\("),
    (
        (".java", ".kt", ".kts", ".scala", ".groovy"),
        _CHANCE,
        r"\bMath\.random\b | \bRandom\b | \bcurrentTimeMillis\b | \bnanoTime\b | \.now\(\)",
    ),
)
_COMPILED = {
    source: re.compile(source.replace("~", r"[ \t]{0,4}"), re.VERBOSE | re.MULTILINE) for _, _, source in _WORDS
}


def _in_words(change: Change) -> Iterator[_Hit]:
    rules = [(words, _COMPILED[source]) for suffixes, words, source in _WORDS if change.path.endswith(suffixes)]
    if not rules:
        return
    for number, line in without_comments(change.path, change.added):
        for words, pattern in rules:
            yield from ((number, words, " ".join(match[0].split())) for match in pattern.finditer(line))


# what hides lines


_HIDING = re.compile("\r(?!\\Z|\n)|[\0\u2028\u2029\u202a-\u202e\u2066-\u2069]")


_CODING = re.compile(r"^[ \t\f]{0,99}#.{0,200}?coding[:=][ \t]{0,9}([-\w.]{1,60})", re.MULTILINE)
_PLAIN = re.compile(r"(?i)utf[-_]?8|u8|(?:us-)?ascii|latin|l1\b|iso|cp\d|windows|euc|gb|big5|shift|sjis|koi8|mac")


def hides_code(text: str) -> bool:
    """Whether a text has line ends, marks or an encoding by which a program reads other lines than people are shown."""
    if _HIDING.search(text):
        return True
    return "coding" in text and any(not _PLAIN.match(name) for name in _CODING.findall(text))


_BINARIES = (".so", ".pyd", ".dll", ".dylib", ".node", ".pyc", ".pyo", ".jar", ".class", ".wasm", ".whl", ".egg", ".a")


def is_compiled(path: str) -> bool:
    """Whether a file is code that nobody can read: compiled, or a package of code."""
    return path.endswith(_BINARIES)
