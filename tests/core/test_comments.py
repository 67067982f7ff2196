"""What is no finding: comments, blank lines, and our own settings as `superteam init` writes them."""

from __future__ import annotations

import pytest

from superteam.app.template import Line, settings_text
from superteam.core.changes import Change
from superteam.core.comments import without_comments
from superteam.core.integrity import examine


def change(path: str, added: str, removed: str = "") -> Change:
    numbered = [tuple(enumerate(text.split("\n"), 1)) if text else () for text in (added, removed)]
    return Change(path, None, numbered[0], numbered[1], "modified")


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("a.py", "x = 1  # it's 2", "x = 1"),
        ("a.py", "x = '# no'  # yes", "x = '# no'"),
        ("a.toml", "#key = 1", ""),
        ("a.yml", "a: b#c # d", "a: b#c"),
        ("run.sh", "echo ${#x} # y", "echo ${#x}"),
        ("a.js", "it.only(/[/]\\/\\//, f) // no", "it.only(/[/]\\/\\//, f)"),
        ("a.js", "'http://x' // y", "'http://x'"),
        ("a.js", "f() /* a */ + g()", "f()  + g()"),
        ("a.js", "  * @param x", ""),
        ("a.js", "/*\n it.only()\n */", ""),
        ("a.js", "x = `\n/*\n`\nit.only()\n// */", "x = `\n`\nit.only()"),
        ("a.go", "//go:build ignored", "//go:build ignored"),
        ("a.rs", "/// ```no_run", "/// ```no_run"),
        ("a.rs", "#[ignore] // x", "#[ignore]"),
        ("a.bats", "# bats:focus", "# bats:focus"),
        ("a.xml", "<a/><!-- b -->", "<a/>"),
        ("a.unknown", "# x", "# x"),
    ],
)
def test_a_comment_is_taken_away_and_nothing_else(path: str, text: str, code: str) -> None:
    lines = without_comments(path, tuple(enumerate(text.split("\n"), 1)))
    assert "\n".join(line for _, line in lines).replace("\n */", "") == code


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_a.py", "    # pytest.skip('later')"),
        ("tests/test_a.py", "    x = 1  # pytest.skip('later')"),
        ("tests/a.test.js", "// it.only('a', f)"),
        (".github/workflows/ci.yml", "# run: pytest || true"),
        ("pytest.ini", "# addopts = --deselect a"),
        ("Makefile", "# pytest || true"),
        ("src/shop.py", "# import pytest"),
        ("src/shop.js", "/* require('jest') */"),
    ],
)
def test_a_commented_line_decides_nothing(path: str, text: str) -> None:
    code = "    x = 1" if "x = 1" in text else ""
    assert examine([change(path, text, code)], (), "make") == ()


@pytest.mark.parametrize("path", ["pytest.ini", "tests/test_a.py", ".github/workflows/ci.yml", "tox.ini"])
def test_a_file_of_which_only_comments_and_blanks_were_changed_is_no_finding(path: str) -> None:
    assert examine([change(path, "x = 1  # new\n\n# more", "# old\nx = 1")], (), "") == ()


def test_code_behind_what_looks_like_a_comment_is_still_read() -> None:
    for path, line in [("a.test.js", "f('//'); it.only('a', g)"), ("tests/test_a.py", "f('#'); pytest.skip('a')")]:
        assert {f.kind for f in examine([change(path, line)], ("tests/", "a.test.js"), "")} & {"focus", "added-skip"}


# our own settings


def added(text: str) -> Change:
    return Change("superteam.toml", None, tuple(enumerate(text.split("\n"), 1)), (), "added")


def test_what_init_writes_is_no_finding() -> None:
    lines = {"test-command": Line("pytest -q"), "validation-command": Line("ruff check ."), "agent.use": Line("claude")}
    assert examine([added(settings_text(lines))], (), "pytest -q") == ()


@pytest.mark.parametrize(
    "text",
    ['[failure-actions]\ntest-regression = "ignore"', 'on-escalation = "skip"', "[validation]\nauto-fix = 0"],
)
def test_a_new_file_of_ours_that_lets_more_pass_is_a_finding(text: str) -> None:
    (found,) = examine([added(f'test-command = "pytest"\n{text}')], (), "pytest")
    assert found.kind == "runner-configuration" and found.rank == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('test-command = "pytest"', 'test-command = "true"', 'test-command was changed: "pytest" -> "true"'),
        ('report = "junit:a.xml"', "", 'report was changed: "junit:a.xml" -> not set'),
        ("", 'rerun = ["true", "{ids}"]', 'rerun was changed: not set -> ["true", "{ids}"]'),
    ],
)
def test_another_command_is_the_first_finding(old: str, new: str, words: str) -> None:
    (found,) = examine([change("superteam.toml", new, old)], (), "")
    assert found.rank == 1 and found.detail == words


@pytest.mark.parametrize("new", ['[agent]\nuse = "codex"', '[agents.mine]\ncommand = ["./a.sh"]', "jobs = 4"])
def test_a_setting_of_ours_that_decides_nothing_is_no_finding(new: str) -> None:
    assert examine([change("superteam.toml", new)], (), "") == ()
