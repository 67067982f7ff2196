"""What is looked at before and after a dispatch is an agent's to write: nothing there stops or holds us."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from superteam.core.planted import planted
from superteam.workspace.surface import Sight, look, what_is


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
