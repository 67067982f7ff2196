"""RSpec, PHPUnit, CTest, Surefire, Gradle and dotnet: which calls are theirs, and how tests are selected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.runners import ctest, dotnet, gradle, phpunit, rspec, surefire
from superteam.runners.call import Call, Told, Untold

TREE = Path("/tree")


def call(words: str, **more) -> Call:
    return Call(tuple(words.split()), **more)


@pytest.mark.parametrize(
    ("runner", "words", "known"),
    [
        (rspec, "rspec", True),
        (rspec, "bin/rspec spec/a_spec.rb:4", True),
        (rspec, "ruby -S rspec", True),
        (rspec, "rspecq", False),
        (phpunit, "vendor/bin/phpunit tests", True),
        (phpunit, "php -d memory_limit=-1 phpunit.phar", False),
        (phpunit, "php vendor/bin/phpunit", True),
        (phpunit, "phpunit --list-tests", False),
        (ctest, "ctest --test-dir build", True),
        (ctest, "ctest -N", False),
        (ctest, "ctest --show-only=json-v1", False),
        (surefire, "mvn -B test", True),
        (surefire, "./mvnw -pl core verify", True),
        (surefire, "mvn surefire:test", True),
        (surefire, "mvn compile", False),
        (surefire, "mvn install -DskipTests", False),
        (surefire, "mvn install -DskipTests=false", True),
        (gradle, "./gradlew :core:test", True),
        (gradle, "gradle build -x test", False),
        (gradle, "gradle connectedAndroidTest", True),
        (gradle, "gradle assemble", False),
        (dotnet, "dotnet test Demo.sln", True),
        (dotnet, "dotnet build", False),
        (dotnet, "dotnet test --list-tests", False),
    ],
)
def test_calls_are_recognised(runner, words, known):
    assert runner.recognises(call(words), TREE) is known


@given(st.text(min_size=1, max_size=30))
def test_ctest_matches_a_name_and_nothing_else(name):
    """CMake's expressions quote with a backslash as Python's do, for the characters that are quoted here."""
    pattern = re.compile(ctest._pattern([name])[:-1] + r"\Z", re.DOTALL)
    assert pattern.match(name)
    assert not pattern.match(name + "x")


@given(st.text(min_size=1, max_size=30))
def test_rspec_and_phpunit_write_all_but_letters_as_codes(name):
    assert re.fullmatch(r"[A-Za-z0-9_\\{}\x80-\U0010ffff]*", rspec._escaped(name))
    assert re.fullmatch(r"[A-Za-z0-9_\\\x80-\U0010ffff]*", phpunit._escaped(name))
    decoded = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), phpunit._escaped(name))
    assert decoded == name


def test_rspec_is_told_by_the_environment(tmp_path):
    told = rspec.tell(call("rspec"), {"SPEC_OPTS": "--tag fast"}, tmp_path, TREE, None)
    assert told.env["SPEC_OPTS"].startswith("--tag fast --format progress --format json --out ")
    told = rspec.tell(call("rspec"), {}, tmp_path, TREE, frozenset({"a_spec.rb::A b", "a_spec.rb::A c #2"}))
    assert told.env["SPEC_OPTS"].endswith(r"'\A(?:A\u{20}b|A\u{20}c|A\u{20}c\u{20}\u{23}2)\z'")
    told = rspec.tell(call("rspec"), {}, tmp_path, TREE, frozenset({"a_spec.rb::A is expected to eq 3"}))
    assert told.selects == "everything"


def test_phpunit_filters_class_and_method(tmp_path):
    only = frozenset({'tests/ATest.php::App\\ATest::testData with data set "a|b"', "BTest::testOne"})
    told = phpunit.tell(call("phpunit"), {}, tmp_path, TREE, only)
    assert isinstance(told, Told)
    pattern = r"App\x5cATest\x3a\x3atestData\x20with\x20data\x20set\x20\x22a\x7cb\x22|BTest\x3a\x3atestOne"
    assert told.arguments[-2:] == ("--filter", rf"/\A(?:{pattern})\z/")


def test_surefire_groups_methods_by_class(tmp_path):
    only = frozenset({"d.A::b", "d.A::a", "d.B::odd[1: x,+#]", "d.C", "d.E::two words(int)"})
    told = surefire.tell(call("mvn test"), {}, tmp_path, TREE, only)
    assert "-Dtest=d.A#a+b,d.B#odd*,d.C,d.E#two?words*" in told.arguments
    assert told.selects == "more"


def test_gradle_selects_by_a_script_that_quotes_nothing(tmp_path):
    only = frozenset({"d.A::passes()", "d.B::it's ${x}\\", "d.C::odd[1]"})
    told = gradle.tell(call("gradle check"), {}, tmp_path, TREE, only)
    script = (tmp_path / "superteam.init.gradle").read_text()
    assert "filter.includeTestsMatching('d.A.passes')" in script
    assert "it's" not in script
    assert "${" not in script
    numbers = re.search(r"new String\(\[([\d, ]+)\] as char\[\]\)", script)
    assert numbers is not None
    assert told.arguments[:2] == ("--no-build-cache", "--continue")


def test_dotnet_escapes_operators(tmp_path):
    only = frozenset({"N.C::Adds(a: 1, b: 2)", "N.C::One"})
    told = dotnet.tell(call("dotnet test"), {}, tmp_path, TREE, only)
    assert isinstance(told, Told)
    assert told.arguments[-1] == (
        r"FullyQualifiedName=N.C.Adds\(a: 1%2C b: 2\)|FullyQualifiedName=N.C.Adds|FullyQualifiedName=N.C.One"
    )


@pytest.mark.parametrize("runner", [phpunit, ctest, dotnet])
def test_where_no_argument_can_be_appended_nothing_is_told(runner, tmp_path):
    assert isinstance(runner.tell(call("x", after=None), {}, tmp_path, TREE, None), Untold)


@pytest.mark.parametrize("runner", [surefire, gradle])
def test_where_no_argument_can_be_appended_the_reports_are_there_all_the_same(runner, tmp_path):
    told = runner.tell(call("mvn test", after=None), {}, tmp_path, TREE, frozenset({"d.A::b"}))
    assert (told.format, told.arguments, told.selects) == ("junit", (), "everything")


@pytest.mark.parametrize("runner", [rspec, phpunit, ctest])
def test_too_many_tests_for_one_argument_run_everything(runner, tmp_path):
    only = frozenset(f"a::{'x' * 100}{n}" for n in range(2000))
    told = runner.tell(call("x"), {}, tmp_path, TREE, only)
    assert told.selects == "everything"
    assert "too many" in told.why


def test_canaries_stand_where_the_framework_looks(tmp_path):
    for folder in ("spec", "tests", "src/test/java"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pom.xml").write_text("<artifactId>junit-jupiter</artifactId>")
    (tmp_path / "build.gradle").write_text("junit4")
    found = [runner.canary(call("x"), tmp_path) for runner in (rspec, phpunit, surefire, gradle)]
    assert all(one is not None and "superteam_canary" in one[1] for one in found)
    assert "org.junit.jupiter.api.Test" in found[2][1]
    assert "org.junit.Test" in found[3][1]
    assert ctest.canary(call("ctest"), tmp_path) is None
