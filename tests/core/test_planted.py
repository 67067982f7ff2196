"""What was planted in git's configuration, read from its contents alone."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.planted import LIMIT, Place, drivers_named, planted, settings_in, why_planted, without_spaces

_words = st.text("ab \t\"\\#;='nt.[]é", max_size=8)
_lines = st.one_of(
    st.builds("[core]{}".format, st.sampled_from(["", " ", "# x", " a = 1"])),
    st.builds('[filter "{}"]'.format, st.sampled_from(["x", "X y", 'q\\"r', "a.b", "\\\\", ""])),
    st.builds("{}{} = {}".format, st.sampled_from(["", "\t", "  "]), st.sampled_from(["clean", "a-B", "x1"]), _words),
    st.sampled_from(["bare", "; comment", "# comment \\", "", "[include]path=nowhere", "[Section.SUB]", "k=v\r"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_lines, max_size=6))
def test_settings_are_read_as_git_reads_them(lines: list[str]) -> None:
    text = "\n".join(["[start]", *lines]) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config").write_text(text, newline="")
        how = ["git", "config", "--no-includes", "--list", "-z", "-f", "config"]
        done = subprocess.run(how, cwd=folder, capture_output=True, check=False)
    if done.returncode == 0:
        pairs = [entry.partition("\n") for entry in done.stdout.decode().split("\0")[:-1]]
        wanted = [(key, value if mark else "true") for key, mark, value in pairs]
        assert [without_spaces(one) for one in settings_in(text)] == [without_spaces(one) for one in wanted]


PLANTED = """
    core.fsmonitor core.hookspath core.sshcommand core.askpass core.editor core.pager core.gitproxy core.worktree
    core.attributesfile filter.x.clean filter.a.b.smudge filter.x.process diff.external diff.x.command diff.x.textconv
    merge.x.driver gpg.program gpg.ssh.program gpg.ssh.defaultkeycommand user.signingkey commit.gpgsign tag.gpgsign
    log.showsignature include.path includeif.gitdir:/x/.path alias.st credential.helper credential.https://x.helper
    remote.o.uploadpack remote.o.vcs url.ext::x.insteadof protocol.ext.allow uploadpack.packobjectshook
    init.templatedir trailer.x.command trailer.x.cmd sequence.editor extensions.worktreeconfig hook.x.command
    difftool.x.cmd pager.log interactive.difffilter core.sparsecheckout"""


@pytest.mark.parametrize("key", PLANTED.split())
def test_what_could_run_a_program_or_leads_elsewhere_is_planted(key: str) -> None:
    assert why_planted(key, "value")


HARMLESS = """
    branch.main.remote=origin branch.main.merge=refs/heads/main user.name=Ada remote.origin.url=https://x/y.git
    remote.origin.url=git@x:y.git remote.origin.fetch=+refs/heads/*:refs/remotes/origin/* core.bare=false
    core.filemode=true core.ignorecase=true submodule.x.update=rebase lfs.repositoryformatversion=0 pull.rebase=true
    push.default=current advice.detachedhead=false color.ui=auto extensions.objectformat=sha256"""


@pytest.mark.parametrize("setting", HARMLESS.split())
def test_what_git_and_people_write_every_day_is_not(setting: str) -> None:
    key, _, value = setting.partition("=")
    assert why_planted(key, value) is None


def test_values_decide_where_the_key_alone_does_not() -> None:
    assert why_planted("remote.o.url", "ext::sh -c x") and why_planted("submodule.s.update", "!x")
    assert why_planted("core.bare", "true")


def test_only_what_is_new_is_a_finding() -> None:
    here = Place("settings", ".git/config")
    before = {here: b"[core]\n\tpager = less\n"}
    after = {here: b"[core]\n\tpager = less\n\tfsmonitor = touch\n[user]\n\tname = A\n"}
    [found] = planted(before, after)
    assert (found.kind, found.path) == ("git-planted", ".git/config") and "core.fsmonitor" in found.detail
    assert planted(after, after) == () and planted(after, before) == ()


def test_files_are_named_with_what_was_done_to_them() -> None:
    before = {Place("hook", "h/a"): b"1", Place("hook", "h/b"): b"1", Place("objects", "alternates"): b"/x\n"}
    after = {Place("hook", "h/a"): b"2", Place("hook", "h/c"): b"1"}
    found = {f.path: f.detail for f in planted(before, after)}
    assert found == {"h/a": "a hook was changed", "h/b": "a hook was removed", "h/c": "a hook was added"}


def test_a_flood_is_cut_and_texts_are_harmless() -> None:
    text = "".join(f"[alias]\n a{n} = !x\x1b[31m\n" for n in range(LIMIT + 5)).encode()
    found = planted({}, {Place("settings", "c\udcff"): text})
    assert len(found) == LIMIT + 1 and found[-1].kind == "more" and "5 more" in found[-1].detail
    assert "\x1b" not in found[0].detail and found[0].path == "c\\udcff"


def test_attributes_that_name_an_unknown_driver_are_named_by_line() -> None:
    before = b"*.png binary\n*.old filter=gone\n"
    after = (
        before + b"*.bin filter=lfs diff=lfs merge=lfs -text\n*.c diff=cpp merge=union\n* filter=evil\n# * filter=no\n"
    )
    found = drivers_named("src/.gitattributes", before, after, frozenset({"lfs"}))
    assert [(f.line, f.detail) for f in found] == [(5, "names the filter driver evil, which is not configured")]
