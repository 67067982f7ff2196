"""Changes that decide verdicts: examples with a near miss each, real differences by git, and hostile ones."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.changes import Change, parse_diff
from superteam.core.finding import Finding
from superteam.core.integrity import examine

PY, JS, GO, RS, RB = "tests/test_a.py", "src/a.test.ts", "a_test.go", "src/lib.rs", "spec/a_spec.rb"
JAVA, CS, PHP, BATS, CPP = "src/test/java/ATest.java", "A.Tests/ATests.cs", "tests/ATest.php", "a.bats", "a_test.cpp"
CI, INI, PKG, CMAKE = ".github/workflows/ci.yml", "pytest.ini", "package.json", "CMakeLists.txt"

# kind, path, an added line that is a finding, and one that looks like it and is none
LINES = [
    ("focus", JS, "it.only('a', () => {", "it('only a', () => {"),
    ("focus", JS, "describe.concurrent.only('a', () => {", "describe.concurrent('a', () => {"),
    ("focus", JS, "fdescribe('a', () => {", "describe('fdescribe', () => {"),
    ("focus", JS, "fit('a', () => {", "model.fit('a')"),
    ("focus", JS, "test('a', { only: true }, () => {", "test('a', { only: false }, () => {"),
    ("focus", "src/inline.ts", "  test.only('a', f)", "  list.only('a', f)"),
    ("focus", "playwright.config.ts", "forbidOnly: false,", "forbidOnly: true,"),
    ("focus", RB, "it 'a', :focus do", "it 'a focus' do"),
    ("focus", RB, "describe 'a', focus: true do", "describe 'a', focus: false do"),
    ("focus", RB, "fcontext 'a' do", "context 'a' do"),
    ("focus", GO, 'FIt("a", func() {', 'It("a", func() {'),
    ("focus", RS, "#[only]", "// only"),
    ("focus", "tests/a.feature", "@only", "only"),
    ("focus", PY, "@pytest.mark.only", "@pytest.mark.lonely"),
    ("focus", BATS, "# bats:focus", "# focus"),
    ("focus", ".mocharc.yml", "allowOnly: true", "allowOnly: false"),
    ("focus", PHP, "})->only();", "$request->only(['a']);"),
    ("added-skip", PY, "@pytest.mark.skip(reason='later')", "@pytest.mark.slow"),
    ("added-skip", PY, "@pytest.mark.skipif(True, reason='')", "@pytest.mark.parametrize('skipif', [1])"),
    ("added-skip", PY, "pytestmark = pytest.mark.xfail", "pytestmark = pytest.mark.anyio"),
    ("added-skip", PY, "@unittest.skip('later')", "import unittest"),
    ("added-skip", PY, "    pytest.skip('later')", "    reader.skip('later')"),
    ("added-skip", PY, "    self.skipTest('later')", "    self.run_test('later')"),
    ("added-skip", PY, "    raise SkipTest", "    raise StopTest"),
    ("added-skip", "tests/conftest.py", "collect_ignore = ['test_a.py']", "collected = ['test_a.py']"),
    ("added-skip", PY, "    __test__ = False", "    __test__ = True"),
    ("added-skip", "app/plugin.py", "mark = pytest.mark.skip", "mark = skip"),
    ("added-skip", JS, "it.skip('a', () => {", "it('skips a', () => {"),
    ("added-skip", JS, "xit('a', () => {", "exit('a', () => {"),
    ("added-skip", JS, "xdescribe('a', () => {", "describe('xdescribe', () => {"),
    ("added-skip", JS, "test.todo('a')", "todo.test('a')"),
    ("added-skip", JS, "test.fixme('a', f)", "test('fixme', f)"),
    ("added-skip", JS, "  this.skip()", "  cursor.skip()"),
    ("added-skip", JS, "test('a', { skip: true }, f)", "test('a', { skip: false }, f)"),
    ("added-skip", GO, '\tt.Skip("later")', '\tscanner.Skip("later")'),
    ("added-skip", GO, "//go:build ignored", "//go:generate x"),
    ("added-skip", GO, 'PIt("a", func() {', 'It("PIt", func() {'),
    ("added-skip", RS, "/// ```no_run", "/// ```rust"),
    ("added-skip", RS, "    #[ignore]", "    #[inline]"),
    ("added-skip", RS, '    #[cfg_attr(windows, ignore = "slow")]', "    #[cfg_attr(windows, allow(dead_code))]"),
    ("added-skip", JAVA, '    @Disabled("later")', "    // see Disabled"),
    ("added-skip", JAVA, "    @Ignore", "    ignore();"),
    ("added-skip", JAVA, "    assumeTrue(ready);", "    assertTrue(ready);"),
    ("added-skip", CS, '[Ignore("later")]', "[TestMethod]"),
    ("added-skip", CS, '[Fact(Skip = "later")]', '[Fact(DisplayName = "skip")]'),
    ("added-skip", CS, "Assert.Inconclusive();", "Assert.Conclusive();"),
    ("added-skip", PHP, "$this->expectNotToPerformAssertions();", "$this->performAssertions();"),
    ("added-skip", RB, "  xit 'a' do", "  exit_code 'a'"),
    ("added-skip", RB, "  pending 'later'", "  orders.pending_count"),
    ("added-skip", RB, "  skip 'later'", "  list.skip(1)"),
    ("added-skip", PHP, "$this->markTestSkipped('later');", "$this->mark('skipped');"),
    ("added-skip", BATS, '  skip "later"', '  echo "skip this"'),
    ("added-skip", BATS, '  [ -x a ] || skip "later"', '  [ -x a ] || fail "skip"'),
    ("added-skip", CPP, "TEST(A, DISABLED_b) {", "TEST(A, disabled_b) {"),
    ("added-skip", CPP, "  GTEST_SKIP();", "  SKIP_LINE();"),
    ("added-skip", CPP, 'TEST_CASE("a", "[.slow]") {', 'TEST_CASE("a", "[slow]") {'),
    ("added-skip", CMAKE, "set_property(TEST a PROPERTY WILL_FAIL 1)", "set_property(TEST a PROPERTY COST 1)"),
    ("added-skip", INI, "addopts = --ignore=tests/slow", "addopts = --ignored"),
    ("added-skip", INI, "addopts = --deselect tests/test_a.py::b", "addopts = -q"),
    ("added-skip", INI, "addopts = -k 'not slow'", "addopts = -k 'knot'"),
    ("added-skip", "jest.config.js", "testPathIgnorePatterns: ['a'],", "testPathPatterns: ['a'],"),
    ("added-skip", "vitest.config.ts", "exclude: ['a.test.ts'],", "include: ['a.test.ts'],"),
    ("added-skip", CI, "run: mvn -DskipTests install", "run: mvn install"),
    ("added-skip", CI, "run: cargo test -- --skip slow", "run: cargo test -- --skipper"),
    ("added-skip", CI, "run: ctest -E slow", "run: ctest -V"),
    ("added-skip", "tests/a.feature", "  @wip", "  wip"),
    ("retries", INI, "addopts = --reruns 3", "addopts = --run 3"),
    ("retries", PY, "@pytest.mark.flaky(max_runs=3)", "counts = {'flaky': 3}"),
    ("retries", PY, "@flaky", "def test_flaky():"),
    ("retries", INI, "required_plugins = flaky", "required_plugins = flake8"),
    ("retries", "playwright.config.ts", "retries: 2,", "entries: 2,"),
    ("retries", PKG, '"test": "vitest --retry 3"', '"test": "vitest --reporter 3"'),
    ("retries", JS, "jest.retryTimes(3)", "jest.setTimeout(3)"),
    ("retries", JS, "  this.retries(3)", "  this.timeout(3)"),
    ("retries", JAVA, "@RetryingTest(3)", "@RepeatedTest(3)"),
    ("retries", "pom.xml", "<rerunFailingTestsCount>2</rerunFailingTestsCount>", "<forkCount>2</forkCount>"),
    ("retries", CI, "- uses: nick-fields/retry@v3", "- uses: actions/checkout@v4"),
    ("retries", CI, "run: ctest --repeat until-pass:3", "run: ctest --parallel 3"),
    ("early-exit", "tests/conftest.py", "    os._exit(0)", "    os.path.exists('0')"),
    ("early-exit", PY, "sys.exit(0)", "assert sys.exited"),
    ("early-exit", PY, "pytest.exit('done', 0)", "pytest.raises(SystemExit)"),
    ("early-exit", PY, "    raise SystemExit(0)", "    with pytest.raises(SystemExit):"),
    ("early-exit", RB, "Process.exit(true)", "Process.wait"),
    ("early-exit", JS, "process.exit(0)", "process.on('exit', f)"),
    ("early-exit", GO, "\tos.Exit(0)", "\tos.Exit(m.Run())"),
    ("early-exit", "tests/a.rs", "std::process::exit(0);", "std::process::id();"),
    ("early-exit", JAVA, "System.exit(0);", "System.out.println(0);"),
    ("early-exit", CS, "Environment.Exit(0);", "Environment.ExitCode();"),
    ("early-exit", RB, "  exit!", "  exit_status"),
    ("early-exit", PHP, "exit(0);", "$this->exit(0);"),
    ("early-exit", BATS, "exit 0", "exit 1"),
    ("early-exit", CPP, "  std::exit(0);", "  on.exit(0);"),
    ("ignored-failure", CI, "run: pytest || true", "run: pytest || false"),
    ("ignored-failure", CI, "continue-on-error: true", "continue: true"),
    ("ignored-failure", CI, "run: set +e", "run: set -e"),
    ("ignored-failure", PKG, '"test": "jest --passWithNoTests"', '"test": "jest --noTests"'),
    ("ignored-failure", ".gitlab-ci.yml", "  allow_failure: true", "  allow_success: true"),
    ("ignored-failure", "pom.xml", "<testFailureIgnore>true</testFailureIgnore>", "<testFailure>true</testFailure>"),
    ("runner-hook", "tests/conftest.py", "def pytest_runtest_makereport(item, call):", "def pytest_addoption(parser):"),
    ("runner-hook", "src/plugin.py", "def pytest_collection_modifyitems(items):", "def modifyitems(items):"),
    ("runner-hook", "tests/conftest.py", "    report.outcome = 'passed'", "    assert report.outcome == 'passed'"),
    ("runner-hook", "tests/conftest.py", "pytest_plugins = ['a']", "plugins = ['a']"),
    ("ignored-failure", "build.gradle", "ignoreFailures = true", "ignored = true"),
    ("ignored-failure", CI, "run: cargo nextest run --no-tests=pass", "run: cargo nextest run --no-tests=fail"),
    ("ignored-failure", BATS, "  run_it || true", "  run_it || fail"),
    ("ignored-failure", "Makefile", "test: ; pytest; true", "test: ; pytest"),
    ("runner-hook", "src/plugin.py", "def pytest_unconfigure(config):", "def unconfigure(config):"),
    ("runner-hook", "setup.py", "entry_points={'pytest11': ['a = b']},", "entry_points={'console': ['a = b']},"),
    ("runner-hook", CI, "  GOFLAGS: -run=A", "  FLAGS: -run=A"),
    ("runner-hook", INI, "addopts = -p no:superteam", "addopts = -p plugin"),
    ("runner-hook", CI, "  PYTEST_ADDOPTS: -x", "  OPTIONS: -x"),
    ("runner-hook", "src/shop.py", "import _pytest.python", "import my_pytest"),
    ("runner-hook", "src/shop.py", "if 'pytest' in sys.modules:", "if 'pytest' in programs:"),
    ("runner-hook", "src/shop.py", "sys.modules['pytest'].x = 1", "sys.modules['shop'].x = 1"),
    ("runner-hook", "src/shop.py", "if 'PYTEST_CURRENT_TEST' in x:", "if 'CURRENT_TEST' in x:"),
    ("runner-hook", "src/shop.py", "if os.environ.get('CI'):", "if os.environ.get('CITY'):"),
    ("runner-hook", "src/shop.ts", "if (process.env.CI) {", "if (process.env.CITY) {"),
    ("runner-hook", "shop.go", "if testing.Testing() {", "if testing.Short {"),
    ("runner-hook", "src/shop.py", "name.startswith('SUPERTEAM_')", "from superteam.core import x"),
    ("added-skip", "src/lib.rs", "    #[should_panic]", "    // should panic"),
    ("threshold", ".coveragerc", "fail_under = 50", "failed = 50"),
    ("threshold", "tox.ini", "commands = pytest --cov-fail-under=50", "commands = pytest --cov-report=term"),
    ("threshold", "jest.config.js", "coverageThreshold: {", "coverageReporters: {"),
    ("threshold", "vitest.config.ts", "thresholds: { lines: 50 },", "timelines: { a: 50 },"),
    ("threshold", PKG, '"lint": "eslint --max-warnings 10"', '"lint": "eslint --max-depth 10"'),
    ("threshold", "spec/spec_helper.rb", "SimpleCov.minimum_coverage 50", "SimpleCov.start 50"),
    ("threshold", "build.gradle", "minimum = 0.5", "minimumIdle = 5"),
    ("runner-configuration", "pyproject.toml", 'addopts = "-q"', 'version = "1.2"'),
    ("runner-configuration", "pyproject.toml", 'something = "else"', '    "httpx>=0.27",'),
    ("runner-configuration", PKG, '    "test": "true",', '    "lodash": "^4.17.0",'),
    ("runner-configuration", PKG, '  "jest": {', '  "devDependencies": {'),
    ("runner-configuration", "Cargo.toml", "[[test]]", "[dependencies]"),
    ("runner-configuration", "Cargo.toml", "harness = false", 'serde = "1"'),
    ("runner-configuration", CMAKE, "add_test(NAME a COMMAND b)", "add_executable(a b)"),
    ("runner-configuration", ".env", "PYTEST_ADDOPTS=-x", "PORT=80"),
    ("git-configuration", ".gitignore", "tests/", "build/"),
]  # fmt: skip

# kind, path that is a finding when it is changed, and one that looks like it and is none; the command is `pytest`
PATHS = [
    ("test-file", "pkg/test_a.py", "pkg/testing.py"),
    ("test-file", "pkg/a_test.py", "pkg/attest.py"),
    ("test-file", "conftest.py", "conftest.txt"),
    ("test-file", "tests/data/a.json", "latests/data/a.json"),
    ("test-file", "web/__tests__/a.js", "web/tests.css"),
    ("test-file", "web/a.test.mjs", "web/a.testing.mjs"),
    ("test-file", "web/a.spec.tsx", "web/aspec.tsx"),
    ("test-file", "web/__snapshots__/a.js.snap", "web/snapshots.js"),
    ("test-file", "pkg/a_test.go", "pkg/atest.go"),
    ("test-file", "lib/a_spec.rb", "lib/a_special.rb"),
    ("test-file", "src/ATest.java", "src/Attest.java"),
    ("test-file", "src/ATest.php", "src/Attest.php"),
    ("test-file", "A.Tests/B.cs", "A.Contests/B.cs"),
    ("test-file", "a.bats", "a.bat"),
    ("runner-configuration", "pytest.ini", "pytest.md"),
    ("runner-configuration", "tox.ini", "toxic.ini"),
    ("runner-configuration", "setup.cfg", "setup.py"),
    ("runner-configuration", "noxfile.py", "nox.md"),
    ("runner-configuration", ".coveragerc", "coverage.md"),
    ("runner-configuration", "web/vitest.config.mts", "web/vitest.md"),
    ("runner-configuration", "jest.config.js", "jest.js"),
    ("runner-configuration", ".mocharc.yml", "mocha.yml"),
    ("runner-configuration", "karma.conf.js", "karma.js"),
    ("runner-configuration", ".rspec", "rspec.md"),
    ("runner-configuration", "phpunit.xml.dist", "phpunit.md"),
    ("runner-configuration", "CMakePresets.json", "presets.json"),
    ("runner-configuration", ".config/nextest.toml", "next.toml"),
    ("runner-configuration", "core/pom.xml", "core/pomp.xml"),
    ("runner-configuration", "build.gradle.kts", "gradle.md"),
    ("runner-configuration", "bunfig.toml", "bun.toml"),
    ("runner-configuration", "deno.json", "deno.md"),
    ("runner-configuration", "src/sitecustomize.py", "src/customize.py"),
    ("runner-configuration", "a.pth", "a.path"),
    ("runner-configuration", "pytest.py", "app/runners/pytest.py"),
    ("ci", ".github/workflows/ci.yml", ".github/FUNDING.yml"),
    ("ci", ".gitlab-ci.yml", "gitlab.yml"),
    ("ci", ".circleci/config.yml", "circleci.yml"),
    ("ci", "Jenkinsfile", "jenkins.md"),
    ("ci", "azure-pipelines.yml", "pipelines.yml"),
    ("ci", ".travis.yml", "travis.yml"),
    ("ci", ".pre-commit-config.yaml", "pre-commit.md"),
    ("ci", "lefthook.yml", "hook.yml"),
    ("ci", ".husky/pre-push", "husky/pre-push"),
    ("git-configuration", ".gitattributes", ".gitkeep"),
]

# a command, a script behind it, and a file that is none
SCRIPTS = [
    ("./check.sh", "check.sh", "other.sh"),
    ("bash scripts/check.sh --all", "scripts/check.sh", "scripts/other.sh"),
    ("cd sub && ./check.sh", "sub/check.sh", "sub/recheck.sh"),
    ("python -m tools.check", "tools/check.py", "tools/other.py"),
    ("python -m check", "src/check/__main__.py", "app/check.py"),
    ("cd app && python -m check", "app/check.py", "app/recheck.py"),
    ("make test", "Makefile", "justfile"),
    ("make -C sub test", "sub/common.mk", "sub/common.md"),
    ("just test", "justfile", "Makefile"),
    ("task test", "Taskfile.yml", "Makefile"),
    ("pytest @ids.txt", "ids.txt", "grids.txt"),
    ("pytest -c etc/custom.cfg", "etc/custom.cfg", "custom.cfg"),
    ("docker compose run test", "compose.yaml", "composer.yaml"),
    ("FOO=1 /usr/bin/make test; true", "Makefile", "MakefileX"),
]


def changed(path: str, added: str = "", removed: str = "", **more: object) -> Change:
    """A modified file in which one line was replaced by another, or none where it is empty."""
    return Change(path, None, _line(added), _line(removed), "modified")


def _line(text: str) -> tuple[tuple[int, str], ...]:
    return ((7, text),) if text else ()


def kinds(change: Change, declared: tuple[str, ...] = (), command: str = "pytest") -> set[str]:
    return {finding.kind for finding in examine([change], declared, command)}


def only(findings: tuple[Finding, ...], kind: str) -> Finding:
    (found,) = [finding for finding in findings if finding.kind == kind]
    return found


@pytest.mark.parametrize(("kind", "path", "line", "near_miss"), LINES)
def test_a_line_that_decides_is_found_and_one_that_looks_like_it_is_not(
    kind: str, path: str, line: str, near_miss: str
) -> None:
    assert only(examine([changed(path, line)], (), "make"), kind).line == 7
    assert kind not in kinds(changed(path, near_miss), command="make")
    if kind not in ("threshold", "runner-configuration"):
        assert kind not in kinds(changed(path, removed=line))


@pytest.mark.parametrize(("kind", "path", "near_miss"), PATHS)
def test_a_file_that_decides_is_found_and_one_that_looks_like_it_is_not(kind: str, path: str, near_miss: str) -> None:
    found = only(examine([changed(path, "x")], (), "pytest"), kind)
    assert (found.path, found.line) == (path, 7)
    assert kinds(changed(near_miss, "x")) == set()


@pytest.mark.parametrize(("command", "script", "other"), SCRIPTS)
def test_the_scripts_behind_the_command_are_found(command: str, script: str, other: str) -> None:
    assert "test-script" in kinds(changed(script, "x"), command=command)
    assert "test-script" not in kinds(changed(other, "x"), command=command)
    assert "test-script" not in kinds(changed(script, "x"), command="true")


def test_package_json_is_a_script_where_the_command_runs_it() -> None:
    assert kinds(changed("package.json", '"test": "true",'), command="npm test") == {"test-script"}
    assert kinds(changed("package.json", '"lodash": "^4.0.0",'), command="npm test") == set()


def test_a_section_that_the_changed_lines_show_tells_what_they_belong_to() -> None:
    def table(name: str) -> Change:
        return Change("pyproject.toml", None, ((3, f"[{name}]"), (4, 'something = "else"')), (), "modified")

    assert kinds(table("tool.pytest.ini_options")) == {"runner-configuration"}
    assert kinds(table("tool.ruff.lint")) == set()
    apart = Change("pyproject.toml", None, ((3, "[tool.ruff.lint]"), (9, 'something = "else"')), (), "modified")
    assert kinds(apart) == {"runner-configuration"}
    unsure = only(examine([changed("pyproject.toml", 'something = "else"')], (), ""), "runner-configuration")
    assert "may change" in unsure.detail


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fail_under = 90", "fail_under = 50", "went down from 90 to 50, which allows more"),
        ("fail_under = 50", "fail_under = 90", "went up from 50 to 90, which is stricter"),
        ("run: eslint --max-warnings 0", "run: eslint --max-warnings=9", "went up from 0 to 9, which allows more"),
        ("branches: 80.5,", "branches: 80,", "went down from 80.5 to 80, which allows more"),
        ("fail_under = 90", "", "was removed (90)"),
        ("", "fail_under = 90", "was added (90)"),
    ],
)
def test_a_limit_says_where_it_went(old: str, new: str, words: str) -> None:
    assert words in only(examine([changed(CI, new, old)], (), ""), "threshold").detail


def test_a_limit_that_only_moved_is_no_finding() -> None:
    assert "threshold" not in kinds(changed(CI, "  fail_under = 90", "fail_under: 90"))


@pytest.mark.parametrize(
    ("path", "removed", "added"),
    [
        (PY, "    assert total == 3", "    print(total)"),
        (PY, "    assert total == 3", "    # assert total == 3"),
        (PY, "    assert total == 3", "    assert True"),
        (PY, "    assert total == 3", "    assert total == total"),
        (PY, "    assert total == 3", "    assert total == 3 or True"),
        (PY, "    with pytest.raises(ValueError):", "    if True:"),
        (JS, "  expect(total).toBe(3)", "  expect(true).toBe(true)"),
        (JS, "  assert.equal(total, 3)", "  console.log(total)"),
        (GO, '\t\tt.Errorf("total")', '\t\tt.Logf("total")'),
        (GO, "\trequire.Equal(t, 3, total)", "\t_ = total"),
        (RS, "        assert_eq!(total, 3);", "        assert!(true);"),
        (RB, "  expect(total).to eq 3", "  total"),
        (JAVA, "assertEquals(3, total);", "assertEquals(1, 1);"),
        (CPP, "  EXPECT_EQ(3, total);", "  (void) total;"),
        (BATS, '  [ "$status" -eq 0 ]', '  echo "$status"'),
    ],
)
def test_a_test_file_that_loses_assertions_is_found(path: str, removed: str, added: str) -> None:
    found = only(examine([changed(path, added, removed)], (), ""), "assertions-removed")
    assert removed.strip() in found.detail and found.rank == 2
    assert "assertions-removed" not in kinds(changed(path, removed.replace("3", "4"), removed))


def test_tests_in_declared_files_are_the_tasks_own_business() -> None:
    assert kinds(changed(PY, "x = 1"), ("tests/",)) == set()
    assert kinds(changed(PY, "x = 1"), ("src/", "tests/test_b.py")) == {"test-file"}
    assert kinds(changed(PY, "pytest.skip('later')"), ("tests/",)) == {"added-skip"}
    assert kinds(changed(INI, "x = 1"), ("pytest.ini",)) == {"runner-configuration"}


def test_where_nothing_is_declared_new_tests_are_no_finding_but_shared_test_code_is() -> None:
    def new(path: str) -> Change:
        return Change(path, None, ((1, "x"),), (), "added")

    assert kinds(new(PY)) == set()
    assert kinds(new("tests/conftest.py")) == {"test-file"}
    assert kinds(new(PY), ("src",)) == {"test-file"}


def test_a_deleted_test_file_is_found_even_where_it_is_declared() -> None:
    gone = Change(PY, None, (), ((1, "assert x"),), "deleted")
    assert kinds(gone) == kinds(gone, ("tests",)) == {"test-removed"}


def test_a_file_that_is_renamed_so_that_nobody_runs_it_is_found() -> None:
    moved = Change("tests_old/a.txt", PY, (), (), "renamed")
    found = only(examine([moved], (), ""), "test-removed")
    assert found.path == PY and "tests_old/a.txt" in found.detail
    assert kinds(Change("etc/old.txt", INI, (), (), "renamed")) == {"runner-configuration"}
    assert kinds(Change("tests/test_b.py", PY, (), (), "renamed"), ("tests/test_b.py",)) == {"test-file"}
    assert kinds(Change("src/b.py", "src/a.py", (), (), "renamed")) == set()


def test_a_binary_change_says_that_its_lines_were_not_looked_at() -> None:
    assert "binary" in only(examine([Change(PY, None, (), (), "modified", True)], (), ""), "test-file").detail


def test_a_bare_script_is_read_in_every_language() -> None:
    assert "early-exit" in kinds(changed("bin/check", "process.exit(1)"), command="bin/check")


def test_findings_come_ranked_and_without_repeats() -> None:
    flood = [changed(f"tests/test_{n:03}.py", "x = 1") for n in range(1500)]
    findings = examine([*flood, *flood, changed("zz/pytest.ini", "x")], (), "")
    assert len(findings) == 1000
    assert findings[-1].kind == "more" and findings[-1].detail.startswith("502 more")
    assert findings[0].path == "zz/pytest.ini"
    paths = [finding.path for finding in findings[1:-1]]
    assert paths == sorted(set(paths))


def test_many_lines_of_one_kind_in_a_file_are_counted_behind_the_first() -> None:
    lines = tuple((n, "pytest.skip()") for n in range(1, 31))
    findings = [f for f in examine([Change(PY, None, lines, (), "modified")], (), "") if f.kind == "added-skip"]
    assert [finding.line for finding in findings] == list(range(1, 12))
    assert "in 20 more lines" in findings[-1].detail


def test_details_are_one_short_printable_line() -> None:
    line = "x" * 5000 + " pytest.skip('\x1b[31m\u202e\r\x00\udcff" + "y" * 5000
    for finding in examine([changed("tests/\x1b\n\udcff.py", line)], ("src",), ""):
        assert finding.detail.isprintable() and len(finding.detail) <= 200
        assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert "pytest.skip(" in only(examine([changed(PY, line)], (), ""), "added-skip").detail


# git's own words

NASTY = [
    "plain.py",
    "sp ace .py",
    'q"uo\\te.py',
    "new\nline.py",
    "tab\t.py",
    "é ü.py",
    "b/ b/b.py",
    "a b/a.py",
    "-n.py",
]
OLD = "one\n-- two\n++ three\nfour"
NEW = "one\n--- a/other\n+++ b/other\n@@ -1 +1 @@\ndiff --git a/x b/x\n\\ odd\nfour\r\n\n"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    out = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
    return out.decode("utf-8", "surrogateescape")


def diff(folder: Path) -> tuple[Change, ...]:
    git(folder, "add", "-A")
    flags = ("-U0", "--no-ext-diff", "--no-textconv", "--no-color", "-M", "--src-prefix=a/", "--dst-prefix=b/")
    return parse_diff(git(folder, "diff", "--cached", *flags, "HEAD"))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in NASTY:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(OLD.encode())
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"a\0b")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


def test_lines_that_look_like_headers_are_read_as_lines_in_files_of_any_name(repo: Path) -> None:
    for name in NASTY:
        (repo / name).write_bytes(NEW.encode())
    found = {change.path: change for change in diff(repo)}
    assert sorted(found) == sorted(NASTY)
    for change in found.values():
        assert change.status == "modified" and change.old_path is None
        assert change.removed == ((2, "-- two"), (3, "++ three"), (4, "four"))
        assert change.added == tuple(enumerate(NEW.split("\n")[1:-1], start=2))


def test_new_deleted_renamed_and_binary_files_are_told_apart(repo: Path) -> None:
    (repo / "plain.py").write_bytes(b"all of it\nis its own\n")
    git(repo, "commit", "-qam", "y")
    for name in NASTY[1:]:
        (repo / name).rename(repo / f"{name} mo\tved")
    (repo / "plain.py").unlink()
    (repo / "binary").write_bytes(b"a\0c")
    (repo / "empty").chmod(0o755)
    (repo / 'new "empty').touch()
    found = {change.path: change for change in diff(repo)}
    assert found["plain.py"].status == "deleted" and found["plain.py"].removed[0] == (1, "all of it")
    assert found["binary"].binary and found["binary"].status == "modified"
    assert found["empty"].status == "modified" and found['new "empty'].status == "added"
    renamed = {change.path: change.old_path for change in found.values() if change.status == "renamed"}
    assert set(renamed) == {f"{name} mo\tved" for name in NASTY[1:]}
    assert set(renamed.values()) == set(NASTY[1:])


def test_a_name_that_is_not_utf8_survives(repo: Path) -> None:
    name = b"tests/test_\xff.py".decode("utf-8", "surrogateescape")
    (repo / "tests").mkdir()
    (repo / name).write_text("x")
    (change,) = diff(repo)
    assert change.path == name and change.status == "added"
    assert [finding.path for finding in examine([change], ("src",), "")] == ["tests/test_\\udcff.py"]


numbered = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=20), max_size=6)


@given(st.lists(st.tuples(numbered, numbered, st.integers(1, 999), st.integers(1, 999)), max_size=4))
def test_every_line_of_a_hunk_is_read_with_its_number(hunks: list[tuple[list[str], list[str], int, int]]) -> None:
    lines = ["diff --git a/x b/x", "index 1..2 100644", "--- a/x", "+++ b/x"]
    for old, new, at, to in hunks:
        lines += [f"@@ -{at},{len(old)} +{to},{len(new)} @@ def x():", *(f"-{t}" for t in old), *(f"+{t}" for t in new)]
    (change,) = parse_diff("\n".join([*lines, ""]))
    assert change.removed == tuple((at + n, text) for old, _, at, _ in hunks for n, text in enumerate(old))
    assert change.added == tuple((to + n, text) for _, new, _, to in hunks for n, text in enumerate(new))


pieces = st.sampled_from(
    ["diff --git ", "a/", 'b/"', '"a/\\303', "--- ", "+++ ", "@@ -1,9 +1 @@", "\n", "\n+", "\n-", "rename from ",
     "new file mode", "GIT binary patch", "tests/test_a.py", "package.json", "it.only(", "\\", " ", "\t",
     "fail_under = ", "\r", "\udcff", "\0", "99999999999", "pyproject.toml", "[tool.pytest", "]"]
)  # fmt: skip
anything = st.one_of(
    st.text(st.characters(), max_size=80), st.lists(st.one_of(pieces, st.text(max_size=3))).map("".join)
)


@given(anything, st.lists(anything, max_size=2), anything)
def test_no_text_can_break_the_reading(text: str, declared: list[str], command: str) -> None:
    for change in parse_diff(f"diff --git {text}"):
        for finding in examine([change], tuple(declared), command):
            assert finding.detail.isprintable() and len(finding.detail) <= 200


@given(anything, anything, st.sampled_from([path for _, path, _, _ in LINES]))
def test_no_changed_line_can_break_the_examination(added: str, removed: str, path: str) -> None:
    for finding in examine([changed(path, added, removed)], (), "npm test"):
        assert finding.detail.isprintable() and finding.model_dump_json()


@pytest.mark.parametrize("path", [PY, JS, CS, INI, "package.json", ".gitignore"])
@pytest.mark.parametrize("unit", ["[", '"', " ", "expect ", "assert aaaa", "ctest ", "describe.a.b.", "@a.b."])
def test_a_long_line_costs_no_more_than_its_length(path: str, unit: str) -> None:
    def cost(size: int) -> float:
        change = changed(path, unit * (size // len(unit)), unit * (size // len(unit)))
        start = time.process_time()
        examine([change], (), "npm test")
        return time.process_time() - start

    assert min(cost(16_000) for _ in range(2)) <= 4 * max(cost(8_000), 0.005)


def test_two_hundred_thousand_lines_are_read_to_the_end() -> None:
    count = 200_000
    head = f"diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -0,0 +1,{count} @@\n"
    (change,) = parse_diff(head + "+    assert x\n" * count)
    assert change.added[-1] == (count, "    assert x")
    assert examine([change], (), "pytest") == ()
