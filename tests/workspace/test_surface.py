"""What is looked at before and after a dispatch is an agent's to write: nothing there stops or holds us."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from superteam.core.planted import planted
from superteam.workspace import watching
from superteam.workspace.surface import LIMIT, Sight, look, what_is


@pytest.mark.parametrize(
    "included",
    [b'"a\0b"', b"x" * 5000, b"~nobody\x80/x", b"config", b"", b"/dev/zero", b"/proc/self/mem", b"/proc/kcore"],
)
def test_an_include_of_any_path_is_borne(tmp_path: Path, included: bytes) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_bytes(b"[include]\n\tpath = " + included + b"\n")
    found = look(Sight(tmp_path, (), (), ()))
    assert any("include.path" in finding.detail for finding in planted({}, found))


def test_a_file_without_end_does_not_hold_us_and_its_change_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"[core]\n")
    os.truncate(file, 2**40)
    began = time.monotonic()
    before = what_is(file)
    os.truncate(file, 2**40 + 1)
    assert time.monotonic() - began < 10
    after = what_is(file)
    assert before and after and before != after


def test_the_way_back_gives_a_removed_hook_back_executable_and_is_not_told_of_a_part(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "hooks").mkdir(parents=True)
    hook, large, note = git / "hooks/pre-commit", git / "hooks/pre-push", tmp_path / "note.json"
    for path, data in ((hook, b"#!/bin/sh\n"), (large, b"x" * LIMIT)):
        path.write_bytes(data)
        path.chmod(0o755)
    watching.begin(note, Sight(None, (git,), (), ()))
    hook.unlink()
    large.unlink()
    told = {finding.path: finding.detail for finding in watching.end(tmp_path, note, tmp_path / "copies")}
    assert "too large" in told[str(large)] and "take it back" not in told[str(large)]
    subprocess.run(shlex.split(told[str(hook)].partition("to take it back: ")[2]), check=True)
    assert hook.read_bytes() == b"#!/bin/sh\n" and os.access(hook, os.X_OK)
