"""What decides verdicts: the paths of tests, configuration, CI and scripts, and the lines that skip, stop or soften.

Tables, and what looks things up in them. All patterns are linear, since paths and lines are hostile text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

from superteam.core.finding import RANKS, Kind

# paths


def _names(globs: str) -> re.Pattern[str]:
    """Globs, one a word, for the end of a path: `*` within a name, `**` over folders, `{a,b}` either of them."""
    either = "|".join(map(re.escape, globs.split()))
    for written, meant in ((",", "|"), (r"\{", "(?:"), (r"\}", ")"), (r"\*\*", ".*"), (r"\*", "[^/]{0,255}")):
        either = either.replace(written, meant)
    return re.compile(f"(?:.*/)?(?:{either})", re.DOTALL)


def _keys(names: str, *more: str) -> re.Pattern[str]:
    """A line that begins with one of these keys of TOML or JSON, or as one of the patterns says."""
    keys = "|".join(re.escape(name).replace(r"\*", r"[\w:.-]{0,60}") for name in names.split())
    return re.compile("|".join((rf"""[ \t{{]{{0,40}}["']?(?:{keys})["']?[ \t]{{0,9}}[=:]""", *more)))


_CI = _names(
    """.github/workflows/** .github/actions/** .circleci/** .buildkite/** .husky/** .ci/** .githooks/** .semaphore/**
    .azure-pipelines/** .woodpecker/** .gitlab/**.yml .gitlab-ci*.{yml,yaml} Jenkinsfile* azure-pipelines*.{yml,yaml}
    .travis.{yml,yaml} .pre-commit-{config,hooks}.{yml,yaml} {lefthook,.lefthook}*.{yml,yaml,toml,json} .lintstagedrc*
    bitbucket-pipelines.yml .drone.{yml,yaml} {appveyor,.appveyor}.yml .woodpecker.{yml,yaml} .cirrus.{yml,yaml}
    {codecov,.codecov}.{yml,yaml} cloudbuild.{yml,yaml} buildspec.{yml,yaml}"""
)
_RUNNER = _names(
    """{pytest,.pytest}.{ini,toml} tox.{ini,toml} setup.cfg noxfile.py .coveragerc* superteam.toml .superteam.toml
    sitecustomize.py usercustomize.py *.pth entry_points.txt
    {vitest,vite,jest,mocha,playwright,cypress,ava,wdio,nyc,c8,stryker,cucumber}*.{config,workspace,projects}*.*
    {vitest,jest,mocha,playwright,cypress}{-,.}{setup,global,env}*.* karma*.conf*.* cypress.json
    {.mocharc,.nycrc,.c8rc,.taprc,.jestrc}* bunfig.toml deno.json deno.jsonc .npmrc .yarnrc*
    .rspec* .simplecov phpunit*.xml* {paratest,infection}.* codeception*.yml behat*.yml
    CTestTestfile.cmake {CTestCustom,CTestConfig}* {CMakePresets,CMakeUserPresets}.json
    nextest.toml .cargo/config .cargo/config.toml {tarpaulin,.tarpaulin}.toml
    pom.xml {build,settings}.gradle* gradle.properties .mvn/** junit-platform.properties testng*.xml
    *.runsettings xunit.runner.json Directory.Build.*"""
)
# Run by every Python that starts.
STARTED = _names("sitecustomize.py usercustomize.py *.pth entry_points.txt")
# Beside the tests or at the root, a module of this name is imported instead of the test runner's own.
_SHADOW = re.compile(
    r"(?:(?:src|lib|tests?)/)?(?:_?pytest|pluggy|unittest|coverage|xdist|nox|tox|superteam_\w{1,40})(?:\.py|/[^/]+\.py)"
)
_TEST_FOLDER = re.compile(
    r"(?:^|/)(?:(?i:tests?|specs?|__tests__|__snapshots__|__mocks__|testdata|e2e|cypress|features)"
    r"|[^/]{0,255}(?:[._-][Tt]ests?|Tests?))/"
)
_TEST = _names(
    """conftest.py {test,tests}.{py,rs,js,mjs,cjs,jsx,ts,mts,cts,tsx}
    {test_,test-}*.{py,rb,c,cc,cpp,cxx,rs,sh,js,mjs,cjs,jsx,ts,mts,cts,tsx}
    *{_,-}{test,tests}.{py,go,rb,rs,c,cc,cpp,cxx,dart,exs,sh,js,mjs,cjs,jsx,ts,mts,cts,tsx}
    *.{test,spec}.* *.{e2e,cy,bench}.{js,jsx,ts,tsx} *{_unittest,_unittests}.{cc,cpp} *_spec.rb
    *{Test,Tests,TestCase,IT,Spec}.{java,kt,kts,groovy,scala} Test*.{java,kt,groovy,scala}
    *{Test,Tests,TestCase,Cest,Cept,Spec}.{php,cs,fs,vb,swift,cc,cpp,cxx}
    *.{bats,snap,ambr,feature,phpt,robot} {spec,rails,test}_helper.* setupTests.*"""
)
# Test code that decides about the tests of other files.
SHARED = _names("conftest.py {spec,rails,test}_helper.* setupTests.* bootstrap.php setup_suite.bash Pest.php")
_GIT = _names(".gitattributes .gitmodules")
GITIGNORE = _names(".gitignore")
LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Partly:
    """A file of which only some lines decide. Where `harmless` is given, a line that is neither may decide.

    `section` names the tables that decide as a whole, where a changed line says in which table it is.
    """

    name: re.Pattern[str]
    about: str
    decides: re.Pattern[str]
    harmless: re.Pattern[str] | None = None
    section: re.Pattern[str] | None = None


SECTION = re.compile(r"[ \t]{0,20}\[{1,2}[ \t]{0,9}([\w.\-\"':][\w.\-\"': ]{0,200})\]{1,2}[ \t\r]{0,20}(?:#|$)")
OWN_SETTINGS = _names("superteam.toml .superteam.toml")
# What superteam runs and believes; a new file may say it without a word.
OWN_COMMANDS = _keys("test-command report rerun validation-command setup artifact command fixtures")
# What can make a verdict milder.
OWN_MILDER = _keys(
    """on-escalation canary auto-fix reruns confirmations rerun-budget may-* validation-cadence
    parse-error test-regression test-flake test-preexisting test-missing test-suspect tool-timeout suite-crash
    validation-failure impl-crash environment scope-violation expectation-changed exception-added gate-weakened
    review-max-retries budget-threshold"""
)
_PARTLY = (
    Partly(
        _names("pyproject.toml"),
        "the settings of pytest, coverage or tox",
        _keys(
            """testpaths addopts markers python_files python_classes python_functions xfail_strict filterwarnings omit
            norecursedirs minversion required_plugins pythonpath usefixtures junit_* log_* timeout* strict_* consider_*
            collect_imported_tests asyncio_* fail_under precision exclude_lines exclude_also source source_pkgs branch
            show_missing skip_* relative_files envlist env_list legacy_tox_ini commands commands_pre commands_post
            allowlist_externals pass_env set_env passenv setenv ignore_outcome reruns*""",
            r"[ \t]{0,40}[\"']-",  # an item of addopts
        ),
        _keys(
            """name version description readme requires-python license license-files authors maintainers keywords email
            classifiers dependencies dynamic urls requires build-backend line-length target-version""",
            r"[ \t]{0,40}(?:[\[\](){},\r]{0,9}$|#|\{ ?name\b)",
            r"[ \t]{0,40}[\"'][A-Za-z][\w.-]{0,99}(?:\[[\w,. -]{0,99}\])? ?(?:[<>=!~]=|[<>;]|@ )",  # a requirement
            r"[ \t]{0,40}[\"'][A-Z][\w ]{1,60} :: ",  # a classifier
        ),
        re.compile(r"tool\.(?:pytest|coverage|tox|nox|hatch\.envs|poe|taskipy|pdm\.scripts|superteam)\b|.*pytest11"),
    ),
    Partly(
        _names("package.json"),
        "scripts or test settings",
        _keys(
            """test* pretest* posttest* spec* ci ci:* check* verify* coverage* e2e* unit* validate* scripts jest mocha
            vitest nyc c8 ava tap lint-staged husky collectCoverage* setupFiles* transform preset moduleNameMapper
            reporter reporters globalSetup globalTeardown""",
            r"[^\n]*\b(?:jest|vitest|mocha|playwright|karma|cypress|ava) ",
        ),
        _keys(
            """name version description license author homepage private main module types typings keywords repository
            bugs url email files engines sideEffects packageManager dependencies devDependencies peerDependencies
            optionalDependencies bundledDependencies""",
            r"[ \t]{0,40}[\[\]{},\r]{0,9}$",
            r"[ \t]{0,40}\"[@\w./-]{1,214}\" ?: ?\"(?:[\^~<>=v]{0,3}[0-9][\w.+ |<>=^~*-]{0,99}|\*|latest|next)\",?\r?$",
        ),
    ),
    Partly(
        _names("Cargo.toml"),
        "which tests cargo builds and runs",
        _keys(
            "harness test doctest autotests bench required-features panic",
            r"[ \t]{0,40}\[{1,2}(?:test|profile\.test)\b|[ \t]{0,40}path ?= ?\"[^\"]{0,200}tests?/",
        ),
    ),
    Partly(
        _names("CMakeLists.txt *.cmake"),
        "which tests ctest knows and how it judges them",
        re.compile(
            r"[^\n]*(?i:\b(?:add_test|enable_testing|set_tests_properties|set_property|gtest_\w{1,20}|doctest_\w{1,20}"
            r"|catch_discover_tests|BUILD_TESTING|WILL_FAIL|SKIP_RETURN_CODE|(?:PASS|FAIL|SKIP)_REGULAR_EXPRESSION)\b)"
        ),
    ),
    Partly(
        _names("*.{csproj,fsproj,vbproj}"),
        "which tests dotnet builds and runs",
        re.compile(r"[^\n]*(?:IsTestProject|Remove=|VSTest|RunSettings|Threshold|CollectCoverage|DefineConstants)"),
    ),
    Partly(
        _names("composer.json"),
        "scripts or test settings",
        _keys("test* pre-test* post-test* check* ci* scripts", r"[^\n]*\b(?:phpunit|pest|paratest) "),
    ),
    Partly(
        _names(".env .envrc .env.*"),
        "variables that a test runner reads",
        re.compile(r"[^\n]*(?:PYTEST|PYTHONPATH|_OPTIONS|GOFLAGS|RUSTFLAGS|SPEC_OPTS|TOX_|SUPERTEAM_)"),
    ),
)


# A program in the command, and the files that say what it does.
_PROGRAMS = (
    (r"g?make|ninja|cmake", _names("{GNUmakefile,Makefile,makefile} *.{mk,make} build.ninja")),
    (r"just", _names("{justfile,Justfile,.justfile,.Justfile} *.just")),
    (r"task|go-task", _names("{Taskfile,taskfile}*.{yml,yaml}")),
    (r"rake|rails", _names("Rakefile *.rake")),
    (r"inv|invoke", _names("tasks.py")),
    (r"doit", _names("dodo.py")),
    (r"mise", _names("{mise,.mise}*.toml")),
    (r"docker|docker-compose|podman", _names("{compose,docker-compose}{.,.*.}{yml,yaml} *Dockerfile* Containerfile")),
    (r"gradlew?", _names("gradle-wrapper.{properties,jar} gradlew gradlew.bat")),
    (r"mvnw?", _names("mvnw mvnw.cmd")),
    (r"bazel|bazelisk", _names("BUILD BUILD.bazel .bazelrc")),
    (r"npm|npx|yarn|pnpm|bun|bunx|node", _names("package.json")),
    (r"composer", _names("composer.json")),
    (r"poe|hatch|pdm|task", _names("pyproject.toml")),
)
_WORD = re.compile(r"[^\s;&|()<>\"'`$={}]+")
_LIKE_A_FILE = re.compile(r"[^/]*/|.*\.[A-Za-z]\w{0,4}\Z", re.DOTALL)


def files_behind(command: str) -> Callable[[str], bool]:
    """Whether a path is one of the scripts that the command names, or that say what its programs do."""
    words = [word.removeprefix("./").lstrip("@") for word in _WORD.findall(command)]
    programs = {word.rpartition("/")[2] for word in words}
    files = {word for word in words if word} | set(_modules(words))
    elsewhere = not {"cd", "pushd", "-C"}.isdisjoint(words)
    below = tuple(f"/{word}" for word in files if elsewhere and _LIKE_A_FILE.match(word))
    told = [names for program, names in _PROGRAMS if any(re.fullmatch(program, word) for word in programs)]

    def is_behind(path: str) -> bool:
        return path in files or path.endswith(below) or any(names.fullmatch(path) for names in told)

    return is_behind


def _modules(words: Sequence[str]) -> Iterator[str]:
    """The files of a module that is run by `-m`."""
    for option, module in pairwise(words):
        if option == "-m":
            path = module.replace(".", "/")
            yield from (f"{root}{path}{end}" for root in ("", "src/") for end in (".py", "/__main__.py"))


def gone_from(
    command: str, before: Collection[str], after: Collection[str], texts: Callable[[str], tuple[str, str]]
) -> str | None:
    """What a command names that a change removed: a file, a folder, or a target or script of its programs.

    What the command says when it runs is no evidence for that: the product can say the same. `texts` are the contents
    of a file before and after.
    """
    is_behind = files_behind(command)
    words: list[str] = [word.removeprefix("./").rstrip("/") for word in _WORD.findall(command)]
    for word in words:
        if _is_in(word, before) and not _is_in(word, after):
            return word
    tables = [texts(path) for path in before if is_behind(path) and path not in words]
    for word in words:
        if any(_names_word(old, word) for old, _ in tables) and not any(_names_word(new, word) for _, new in tables):
            return word
    return None


def _is_in(word: str, files: Collection[str]) -> bool:
    """Whether a word is one of the files, or a folder of theirs."""
    return bool(word) and any(path == word or path.startswith(f"{word}/") for path in files)


def _names_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", text) is not None


Role = Literal["ci", "runner-configuration", "git-configuration", "test-script", "test-file", "partly", "other"]


def role_of(path: str, is_behind: Callable[[str], bool]) -> Role:
    path = path[-LONGEST_PATH:]
    if _CI.fullmatch(path):
        return "ci"
    if _RUNNER.fullmatch(path) or _SHADOW.fullmatch(path):
        return "runner-configuration"
    if _GIT.fullmatch(path):
        return "git-configuration"
    if partly_deciding(path):
        return "partly"
    if _TEST.fullmatch(path):
        return "test-file"
    if is_behind(path):
        return "test-script"
    return "test-file" if _TEST_FOLDER.search(path) else "other"


def replaces_the_runner(path: str) -> bool:
    """Whether a file is run by every Python that starts, or imported in the place of the test runner's own."""
    return STARTED.fullmatch(path) is not None or _SHADOW.fullmatch(path) is not None


def pieces(path: str, text: str) -> Sequence[str]:
    """The keys of a line, which JSON may hold all of."""
    return re.split(r"(?<=[{,])", text) if path.endswith(".json") else (text,)


def partly_deciding(path: str) -> Partly | None:
    return next((partly for partly in _PARTLY if partly.name.fullmatch(path)), None)


# lines


Scope = Literal["any", "decisive", "tests", "settings", "product"]
_PY = (".py", ".pyi", ".pyx", ".ipynb")
_JS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_GO = (".go",)
_RS = (".rs",)
_JVM = (".java", ".kt", ".kts", ".groovy", ".scala")
_NET = (".cs", ".fs", ".vb")
_RB = (".rb", ".rake")
_PHP = (".php", ".phpt")
_SH = (".bats", ".sh", ".bash")
_CPP = (".c", ".cc", ".cpp", ".cxx", ".cu", ".h", ".hh", ".hpp")
_ALL = ("",)


def is_code(path: str) -> bool:
    """Whether a file is a program's source in a language that is looked into."""
    return path.endswith((*_PY, *_JS, *_GO, *_RS, *_JVM, *_NET, *_RB, *_PHP, *_CPP))


@dataclass(frozen=True, slots=True)
class Rule:
    """What an added line says, in files with these suffixes.

    Scope: any file, decisive ones (tests and settings), tests alone, settings (configuration, CI, scripts) alone, or
    the product alone, which are all others.
    """

    kind: Kind
    words: str
    scope: Scope
    suffixes: tuple[str, ...]
    source: str
    rank: int

    @property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first asked for: most commands look at no line."""
        return _pattern(self.source)


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source.replace("~", r"[ \t]{0,4}"), re.MULTILINE | re.VERBOSE)


def _rules(
    kind: Kind, words: str, *rows: tuple[Scope, tuple[str, ...], str], rank: int | None = None
) -> tuple[Rule, ...]:
    """Rules of one kind, with its rank or another one. Patterns are verbose; `~` stands for up to four blanks.

    No repetition is unbounded and none leaves its line: a pattern is run over all added lines of a file at once.
    """
    rank = rank or RANKS[kind]
    return tuple(Rule(kind, words, scope, suffixes, pattern, rank) for scope, suffixes, pattern in rows)


_JS_TEST = r"(?<![\w$.])(?:it|test|describe|context|suite|specify|bench|Deno\.test)(?:\.[A-Za-z]{1,20}){0,3}"
RULES = (
    *_rules(
        "focus",
        "runs only some tests",
        ("any", _JS, _JS_TEST + r"\.only\b | (?<![\w$.])(?:fdescribe|fcontext|ddescribe|iit)~[(.`]"),
        ("decisive", _JS, r"\.only~[(.\[`<] | (?<![\w$.])fit~[(.`] | \bonly[\"']?~:~true\b"),
        ("settings", _ALL, r"--test-only\b | --allow-?[oO]nly\b | \bforbidOnly[\"']?~[:=]~false"),
        ("settings", _ALL, r"\ballowOnly[\"']?~[:=]~true | (?:--tag|[ ]-t)~focus\b"),
        ("decisive", _RB, r":focus\b | \bfocus:~true | (?<![\w.:])f(?:it|describe|context|specify|example)\b(?!:)"),
        ("tests", _GO, r"(?<![\w.])F(?:It|Describe|Context|Specify|Entry|When|DescribeTable)\( | \bFocus\b"),
        ("any", _RS, r"\#\[only\b"),
        ("tests", _PY, r"\bmark\.(?:only|focus)\b"),
        ("tests", _PHP, r"->only\(~\)"),
        ("tests", _SH, r"\bbats:focus\b"),
        ("decisive", _ALL, r"(?<![\w.])@[Oo]nly\b"),
    ),
    *_rules(
        "added-skip",
        "skips or excludes tests, or expects them to fail",
        ("any", _PY, r"\bmark\.(?:skip|skipif|xfail)\b | \bpytest\.(?:skip|xfail|importorskip)\b | \bunittest\.skip"),
        ("any", _PY, r"\bunittest\.(?:expectedFailure|SkipTest)\b | \bself\.skipTest\( | @expectedFailure\b"),
        ("decisive", _PY, r"(?<![\w.])(?:skip|skip[iI]f|skipUnless|xfail|importorskip)\( | \braise~SkipTest\b"),
        ("decisive", _PY, r"\bcollect_ignore | \b__test__~=~False | doctest:~\+SKIP | \badd_marker\("),
        ("any", _JS, _JS_TEST + r"\.(?:skip|skipIf|runIf|todo|fixme|fails|failing|fail|ignore)\b"),
        ("any", _JS, r"(?<![\w$.])x(?:it|describe|test|context|specify)~[(.`]"),
        ("decisive", _JS, r"\b(?:this|t|ctx|context|test|task)\.(?:skip|todo)~\( | (?<![\w$.])pending\("),
        ("decisive", _JS, r"\b(?:skip|todo|ignore|fails)[\"']?~:~(?:true\b|[\"'`])"),
        ("any", _GO, r"(?<![\w.])(?:t|b|f|tb)\.(?:Skip|Skipf|SkipNow)\("),
        ("tests", _GO, r"\btesting\.Short\(\) | ^//go:build\b | ^//~\+build\b | (?<![\w.])Skip\("),
        ("tests", _GO, r"(?<![\w.])[PX](?:It|Describe|Context|Specify|Entry|When|DescribeTable)\("),
        ("any", _RS, r"\#!?\[~(?:ignore\b | cfg_attr\([^\n]{0,200}?\bignore\b | cfg\((?:any\(\)|FALSE|false)\))"),
        ("any", _RS, r"```~(?:[\w,]{0,30},)?(?:ignore|no_run|compile_fail)\b | \#\[~should_panic\b"),
        ("decisive", _JVM, r"@(?:[\w.]{0,60}\.)?(?:Ignore|Disabled|Requires|PendingFeature|Enabled(?:On|If|For))"),
        (
            "decisive",
            _JVM,
            r"\bassum(?:e|ing)[A-Z]?\w{0,20}\( | \b(?:Skip|TestAborted)Exception\b | \benabled~=~false\b",
        ),
        ("decisive", _NET, r"\[[^\[\]\n]{0,80}?\b(?:Ignore|Explicit)\b | \bSkip~=(?!=) | \bSkip\.If"),
        ("decisive", _NET, r"\bAssert\.(?:Ignore|Inconclusive)\b"),
        ("decisive", _RB, r"(?<![\w.:])x(?:it|describe|context|specify|example)\b(?!:) | \bfilter_run_excluding\b"),
        ("decisive", _RB, r"(?<![\w.\"'])(?:skip|pending)(?=[ \t(\r]|:[ \t]|$) | :(?:skip|pending)\b"),
        ("decisive", _PHP, r"\bmarkTest(?:Skipped|Incomplete) | ->(?:skip|todo|skipOn\w{1,20})\( | @requires\b"),
        ("decisive", _PHP, r"\#\[Requires | \bdoesNotPerformAssertions\b | \bexpectNotToPerformAssertions\b"),
        ("decisive", (".bats",), r"(?:^|[;&|{]|\b(?:then|else|do)\b)[ \t]{0,40}skip\b"),
        ("any", _CPP, r"\bDISABLED_\w | \bGTEST_SKIP\b | \bQSKIP\( | \*~(?:doctest::)?(?:skip|may_fail|should_fail)\("),
        ("any", _CPP, r"\"[^\"\n]{0,200}?\[(?:\.|!hide|!mayfail|!shouldfail)"),
        ("settings", _ALL, r"--ignore(?:-glob)?[= \t] | --deselect\b | (?:^|[ \t'\"])-[km]~=?[\"'(]{0,3}not\b"),
        ("settings", _ALL, r"PathIgnorePatterns\b | \bnorecursedirs\b | \bcollect_ignore | \btestIgnore\b | \bomit~="),
        ("settings", _ALL, r"(?i:\bexclude[a-z]{0,30}[\"']?~[:=({>\[]) | --exclude | grepInvert\b | --grep-invert\b"),
        ("settings", _ALL, r"--skip\b | (?:^|[ \t'\"])-skip\b | --test-skip-pattern\b | --gtest_filter=\S{0,200}?-"),
        ("settings", _ALL, r"skipTests?\b | skipITs\b | \bmaven\.test\.skip\b | [\"']not[ ]@"),
        ("settings", _ALL, r"\bctest\b[^\n]{0,200}?[ ](?:-E|-LE)\b | \bWILL_FAIL\b | \bDISABLED\b | \bSKIP_RE[TG]"),
        ("tests", (".feature", ".robot"), r"@(?:skip|ignore|wip|todo|manual|pending)\b | \brobot:(?:skip|exclude)"),
    ),
    *_rules(
        "retries",
        "tries failures again",
        ("decisive", _ALL, r"\breruns\w{0,10}\b | \brerunfailures\b | \brerunFailingTests | --rerun-fail"),
        ("decisive", _ALL, r"\bmark\.flaky | @[Ff]laky | \b[Ff]laky\("),
        ("settings", _ALL, r"(?i:\bflaky)"),
        ("decisive", _ALL, r"(?<![\w-])--(?:test-)?retr(?:y|ies)\b | \bretr(?:y|ies)[\"']?~[:=(] | \bmaxRetries\b"),
        ("decisive", _ALL, r"\bretryTimes\b | @Retry | (?<![\w.])Retry(?:ing)?(?:Fact|Theory)?\( | --flake-attempts\b"),
        ("settings", _ALL, r"\buntil-pass\b | --repeat\b | /retry@ | \bmax_attempts: | \btest-retry\b"),
    ),
    *_rules(
        "early-exit",
        "ends the process from inside",
        ("decisive", _PY, r"\bos\.(?:_exit|abort|kill|killpg|exec[lv]\w{0,3})\b | \b(?:sys|pytest)\.exit\b"),
        ("decisive", _PY, r"\braise~SystemExit\b | (?<![\w.])(?:_exit|exit|quit)\("),
        ("decisive", _JS, r"\bprocess\.(?:exit|reallyExit|abort|kill|exitCode)\b | \bDeno\.exit\b"),
        ("decisive", _GO, r"\bos\.Exit\((?!~m\.Run\(\)) | \bsyscall\.(?:Exit|Kill)\("),
        ("decisive", _RS, r"\bprocess::(?:exit|abort)\b"),
        ("decisive", _JVM, r"\bSystem\.exit\b | \bexitProcess\( | \.halt\("),
        ("decisive", _NET, r"\bEnvironment\.(?:Exit|FailFast)\b"),
        ("decisive", _RB, r"^[ \t]{0,40}(?:Kernel\.)?(?:exit!?|abort)(?=[ \t(;\r]|$) | (?<![\w.])exit!"),
        ("decisive", _RB, r"\bProcess\.(?:exit|kill|abort)"),
        ("decisive", _PHP, r"(?<![\w$>:-])(?:exit|die)~[(;]"),
        ("decisive", _CPP, r"(?<![\w.>])(?:_?exit|_Exit|quick_exit|abort)~\("),
        ("decisive", _ALL, r"(?<![\w.])exit[ \t]{1,4}0\b"),
    ),
    *_rules(
        "ignored-failure",
        "lets a failure pass for a success",
        ("settings", _ALL, r"\|\|~(?:(?:/bin/)?true\b | :(?![\w:]) | (?:exit|return)~0\b | echo\b) | ;~true\b"),
        ("settings", _ALL, r"\bset~\+[a-z]{0,4}e | \bg?make~-[a-z]{0,5}[ik]\b | ^\t[@+]?-[@+\w./$]"),
        ("settings", _ALL, r"\bcontinue-on-error\b | \bcontinueOnError\b | \ballow_failures?\b | \bcatchError\b"),
        ("settings", _ALL, r"(?i:\bpass-?with-?no-?tests\b) | --suppress-no-test | --exit-zero\b | \bsuccess_codes\b"),
        ("settings", _ALL, r"\bignore_(?:outcome|errors)\b | \btestFailureIgnore\b | \btest\.failure\.ignore\b"),
        ("settings", _ALL, r"\bignoreFailures\b | \bfailIfNo\w{0,20}Tests\b | \bdangerouslyIgnoreUnhandledErrors\b"),
        ("settings", _ALL, r"--no-tests=(?:pass|warn|ignore)\b | --do-not-fail"),
        ("tests", _SH, r"\|\|~(?:(?:/bin/)?true\b | :(?![\w:]) | return~0\b) | \bset~\+[a-z]{0,4}e"),
    ),
    *_rules(
        "runner-hook",
        "gets into the test runner",
        (
            "any",
            _PY,
            r"\bdef~pytest_(?:runtest|collect|pycollect|pyfunc|ignore|sessionfinish|report_teststatus|cmdline)",
        ),
        ("any", _PY, r"\bdef~pytest_(?:load_initial|deselected|itemcollected|unconfigure|fixture_setup)"),
        ("any", (*_PY, ".cfg", ".toml"), r"\bpytest11\b"),
        ("decisive", _PY, r"\bautouse~=~True\b"),
        ("decisive", _PY, r"\bpytest_plugins\b | (?:\.outcome|\bexitstatus|\bshouldstop)~=(?!=)"),
        ("decisive", _ALL, r"\bPYTEST_(?:ADDOPTS|PLUGINS|DISABLE_PLUGIN_AUTOLOAD)\b | \b(?:NODE|MOCHA|BUN)_OPTIONS\b"),
        (
            "decisive",
            _ALL,
            r"\b(?:GOFLAGS|SPEC_OPTS|TOX_OVERRIDE|RUSTC_BOOTSTRAP)\b | \bSUPERTEAM_[A-Z]",
        ),
        ("settings", _ALL, r"(?<![\w-])-p~no:\w"),
        ("tests", _GO, r"^func~(?:init|TestMain)\("),
        ("tests", _RB, r"\bRSpec\.configure\b | \b(?:before|around|after)~\(?~:suite\b"),
        ("tests", _JS, r"^(?:beforeEach|before|afterEach|after)\( | \bmochaHooks\b | \bmochaGlobalSetup\b"),
        ("any", _PY, r"\b_pytest\b | \bsuperteam_(?:pytest|unittest|session|tree)"),
        ("any", _PY, r"\bsys\.modules\b[^\n]{1,9}(?:pytest|unittest)\b"),
    ),
    *_rules(
        "runner-hook",
        "asks who runs it",
        ("any", _PY, r"[\"'](?:pytest|unittest)[\"']~(?:not~)?in~sys\.modules | \bPYTEST_CURRENT_TEST\b"),
        ("any", _PY, r"\benviron\b[^\n]{1,9}[\"']CI[\"'] | \bgetenv\([\"']CI[\"']"),
        ("any", _JS, r"\bJEST_WORKER_ID\b | \benv\.(?:VITEST|CI)\b"),
        ("any", _GO, r"\btesting\.Testing\(\) | \"test\.v\" | \bGetenv\(\"CI\"\)"),
        ("any", (*_PY, *_JS, *_GO, *_RS, *_RB, *_PHP), r"\bSUPERTEAM_[A-Z] | [\"'](?i:superteam)_?[\"']"),
    ),
    *_rules(
        "runner-hook",
        "the product takes a part of the test runner or of the language in hand",
        (
            "product",
            _PY,
            r"(?<![\w.])(?:pytest|_pytest|unittest|pluggy|builtins|__builtins__|doctest)\.[\w.]{1,80}~=(?!=)",
        ),
        ("product", _PY, r"\b(?:setattr|delattr)\(~(?:pytest|_pytest|unittest|pluggy|builtins|__builtins__)\b"),
        ("product", _PY, r"\bsys\.modules\[[^\]\n]{1,80}\]~=(?!=) | \bsys\.modules\.(?:update|setdefault|pop)\("),
        ("product", _PY, r"\bsys\.(?:meta_path|path_hooks|path_importer_cache|settrace|setprofile)\b"),
        ("product", _PY, r"\b(?:sys|threading)\.(?:excepthook|unraisablehook)\b | \bsys\.(?:stdout|stderr)~=(?!=)"),
        ("product", _PY, r"(?<![\w.])AssertionError~=(?!=) | \b__builtins__\[ | \.__code__~=(?!=)"),
        ("product", _PY, r"\bpy_compile\b | \bmarshal\.(?:loads?|dumps?)\b | \bSourceless"),
        ("product", _JS, r"\b(?:globalThis|global|window)\.(?:expect|test|it|describe|assert|jest|vi)~=(?![=>])"),
        ("product", _JS, r"(?<![\w.$])(?:assert|expect|chai|jest|vi)\.\w{1,40}(?:\.\w{1,40})?~=(?![=>])"),
        ("product", _JS, r"\brequire\.(?:cache|extensions)\b | \bModule\.(?:_\w{1,40}|prototype\.require)\b"),
        ("product", _JS, r"\bprocess\.(?:exit|reallyExit|exitCode|emit)~=(?![=>]) | \bexpect\.extend\("),
        (
            "product",
            _RB,
            r"\b(?:RSpec|Minitest|Kernel)\b[^\n]{0,60}(?:prepend|define_method|class_eval|alias_method)\b",
        ),
        (
            "product",
            (*_PY, *_JS, *_RB, *_PHP, *_GO),
            r"[\"'`][^\"'`\n]{0,80}(?:\btest_|_test\.|\.test\.|\.spec\.|conftest)[^\"'`\n]{0,40}[\"'`]"
            r"[^\n]{0,60}(?:[\"'][wa]b?[\"'] | [wW]rite | unlink | remove | rename)",
        ),
    ),
    *_rules(
        "runner-hook",
        "the product imports a test framework",
        ("product", _PY, r"^[ \t]{0,60}(?:import|from)[ \t]{1,4}(?:pytest|_pytest|unittest|pluggy|nose2?)\b"),
        ("product", _PY, r"(?:\b__import__|\bimport_module)\(~[\"'](?:pytest|_pytest|unittest|pluggy|builtins)\b"),
        (
            "product",
            _JS,
            r"(?:\bfrom|\brequire~\(|\bimport~\(?)~[\"'`](?:node:test|vitest|jest|mocha|chai|ava|tape|sinon|expect"
            r"|@jest/|@vitest/|@playwright/test|bun:test)",
        ),
        ("product", _GO, r"^[ \t]{0,20}(?:import~)?\"(?:testing(?:/\w{1,20})?|github\.com/(?:stretchr/testify|onsi/))"),
        ("product", _JVM, r"^[ \t]{0,20}import~(?:static~)?(?:org\.(?:junit|testng|mockito|assertj)|kotlin\.test)\b"),
        ("product", _NET, r"^[ \t]{0,20}(?:using|open|Imports)~(?:NUnit|Xunit|Microsoft\.VisualStudio\.TestTools)\b"),
        ("product", _RB, r"\brequire~\(?[\"'](?:rspec|minitest|test/unit)"),
        ("product", _PHP, r"\bPHPUnit\\\\"),
        ("product", _CPP, r"\#~include~[<\"](?:gtest|gmock|catch2?|doctest|boost/test)/"),
        rank=2,
    ),
    *_rules(
        "runner-hook",
        "asks whether it is judged",
        ("product", (*_PY, *_JS, *_GO, *_RS, *_RB, *_PHP, *_JVM), r"[\"'`][^\"'`\n]{0,80}(?i:superteam)"),
        (
            "product",
            (*_PY, *_JS, *_GO, *_RS, *_RB, *_PHP, *_JVM),
            r"\bGIT_CEILING | \binfo/alternates\b | \bobjects[/\\,\"' ]{1,8}info\b | \bPYTEST_\w"
            r" | \bPYTHONPYCACHEPREFIX\b",
        ),
        ("product", _PY, r"[\"'](?:pytest|unittest|conftest)[^\"'\n]{0,20}[\"']~(?:not~)?in~(?:sys|os|str|repr)\b"),
        (
            "product",
            (*_PY, *_JS, *_GO, *_RB, *_PHP),
            r"\.git(?:/|\\|[\"'],~[\"'])(?:HEAD|objects|config|worktrees|index)\b | \bsymbolic-ref\b | --abbrev-ref\b",
        ),
        rank=1,
    ),
    *_rules(
        "runner-hook",
        "touches compiled Python, which is run instead of its source",
        ("product", _PY, r"\.pyc\b | \b__pycache__\b"),
        rank=3,
    ),
    *_rules(
        "runner-hook",
        "the product decides what it is equal to",
        ("product", _PY, r"\b__(?:eq|ne)__\b"),
        ("product", _JS, r"\basymmetricMatch(?:er)?\b"),
        ("product", _RB, r"\bdef~(?:===?|eql\?|equal\?)(?![\w=])"),
        rank=3,
    ),
    *_rules(
        "runner-hook",
        "may ask whether it is judged",
        ("product", _PY, r"\b(?:inspect\.(?:stack|currentframe)|sys\._getframe|gc\.get_objects|os\.getppid)\b"),
        ("product", (*_PY, *_JS, *_GO, *_RB, *_PHP), r"/proc/(?:self|[0-9]|\{|\$) | \bgetppid\( | \bprocess\.ppid\b"),
        ("product", (*_PY, *_JS, *_GO, *_RB, *_PHP), r"[\"'](?:NO_COLOR|FORCE_COLOR|CI|TMPDIR|XDG_CACHE_HOME)[\"']"),
        ("product", _JS, r"\bprocess\.env\.(?:NO_COLOR|CI|TMPDIR|NODE_ENV)\b | \bprocess\.argv\b[^\n]{0,60}test"),
        (
            "product",
            (*_PY, *_JS, *_GO, *_RB, *_PHP),
            r"(?:\b[gG]et_?cwd\(|\.cwd\(\)|\bGetwd\(|__file__|__dirname)[^\n]{0,60}[\"'][^\"'\n]{0,40}(?:cache|check|tree)"
            r" | [\"'][^\"'\n]{0,40}(?:cache|check|tree)[^\"'\n]{0,40}[\"']~(?:not~)?in\b[^\n]{0,60}(?:cwd\b|__file__)",
        ),
        rank=3,
    ),
)
# Two names compared with each other, not one with a fixed value.
COMPARES = re.compile(
    r"\b(?:return|if|assert|unless)\b[^\n\"'`]{0,80}?(?<![\w.\"')])[A-Za-z_][\w.]{0,60}[ ]{0,2}"
    r"(?:[!=]==?|is(?:[ ]not)?)[ ]{0,2}(?!None\b|True\b|False\b|null\b|undefined\b|true\b|false\b|nil\b|not\b)[A-Za-z_]"
)
# Files that no test compares with, or of which something is said otherwise.
NO_DATA = re.compile(
    r"(?:.*/)?(?:docs?/.*|[^/]*\.(?:md|rst|adoc|lock|sum|mod|toml|cfg|ini|editorconfig|png|jpe?g|gif|svg|ico|woff2?)"
    r"|(?:LICENSE|CHANGELOG|AUTHORS|NOTICE|CODEOWNERS|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml)[^/]*"
    r"|\.(?:git\w{1,20}|editorconfig|prettier\w{0,20}|eslint\w{0,20}|dockerignore|npmignore|mailmap)[^/]*"
    r"|Makefile|Dockerfile)",
    re.IGNORECASE,
)
LIMITS = re.compile(
    r"""( fail[-_]under(?:[-_][a-z]{1,12})? | max-?_?warnings | minimum_coverage(?:_by_file)? | maximum_coverage_drop
        | refuse_coverage_drop | min(?:imum)?[-_]?coverage | coverage_?thresholds? | check-?coverage
        | min-?(?:covered-)?msi
        | thresholds?(?=["']?[ \t]{0,4}[:={(]) | <minimum> | (?<![\w.-])minimum(?=[ \t]{0,4}=)
        | (?<![\w.-])(?:branches|functions|lines|statements)(?=["']?[ \t]{0,4}[:=][ \t]{0,4}["']?[\d-])
        | (?<=--)(?:branches|functions|lines|statements)\b | (?<![\w.-])target(?=:[ \t]{0,4}[\d.]{1,9}%) )
        ["']?[ \t]{0,4}[:=(>]{0,2}[ \t]{0,4}["']?(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)?""",
    re.IGNORECASE | re.VERBOSE,
)
COMMENT = re.compile(r"[ \t]{0,200}(?:#(?!\[)|//|/\*|\*[ /]|--[ ]|<!--|[\"']{3})")
ASSERTION = re.compile(
    r"""(?i: (?<![a-z])(?:assert|refute) | \b(?:expect|verify)\w{0,40}!?[ \t]{0,4}[(.{] | \bexpect_ | \braises\( )
      | \.should\b | \bshould(?:\.|_|[A-Z]) | (?<![\w.])(?:require|is|suite)\.[A-Z]\w{2,40}\(
      | (?<![\w.])t\.(?:is|not|ok|like|true|false|deep|equal|same|throws|fail|Error|Fatal|Fail|assert)[A-Za-z]{0,20}\(
      | \b(?:REQUIRE|CHECK|EXPECT|ASSERT)(?:_[A-Z]{1,30}){0,4}\( | (?<![\w.])fail\( | \bself\.fail\( | \b(?:must|wont)_
      | \.to(?:Be|Equal|Have|Match|Throw|Contain)\w{0,30}\( | ^[ \t]{0,40}\[\[?[ ]""",
    re.VERBOSE,
)
# An assertion that cannot fail is none.
EMPTY_ASSERTION = re.compile(
    r"""(?i: \bassert(?:_?true|!|\.(?:true|ok|isTrue))?[ \t]{0,4}\(?[ \t]{0,4}(?:true|1|not[ ]false|!false)[ \t]{0,4}
             (?:[),;\#]|$)
      | \bexpect\((?:true|1)\) | \bassert\w{0,20}!?[ \t]{0,4}\(?([\w.]{1,40})[ \t]{0,4}(?:==|,)[ \t]{0,4}\1(?![\w.(\[])
      | \bor[ ]True\b | \|\|[ \t]{0,4}true\b )""",
    re.VERBOSE,
)
