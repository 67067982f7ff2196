"""The inventory sees each way in which a file can be changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inventory import Allowed, differences, not_allowed, take_inventory


def _same_bytes(file: Path) -> None:
    times = file.stat()
    file.write_text(file.read_text())
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


def _another_inode(file: Path) -> None:
    times = file.stat()
    text = file.read_text()
    file.rename(file.with_name("moved"))
    file.write_text(text)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _a_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/null")


CHANGES = {
    "sha256": lambda file: file.write_text("B"),
    "size": lambda file: file.write_text("AA"),
    "mode": lambda file: file.chmod(0o600),
    "mtime_ns": _same_bytes,
    "inode": _another_inode,
    "target": _a_link,
    "kind": _a_link,
}


@pytest.mark.parametrize("field", CHANGES)
def test_each_field_is_compared(tmp_path: Path, field: str) -> None:
    change: Callable[[Path], object] = CHANGES[field]
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_text("A")
    file.chmod(0o644)
    before = take_inventory(tmp_path)
    change(file)
    found = {difference.path: difference for difference in differences(before, take_inventory(tmp_path))}
    assert field in found["folder/file"].fields


def test_a_folder_may_be_touched_only_for_what_is_allowed_in_it(tmp_path: Path) -> None:
    for name in ("allowed", "other"):
        (tmp_path / name).mkdir()
    before = take_inventory(tmp_path)
    for name in ("allowed", "other"):
        (tmp_path / name / "new").touch()
    found = not_allowed(differences(before, take_inventory(tmp_path)), [Allowed("allowed/*")])
    assert [str(difference) for difference in found] == ["touched other (mtime_ns)", "added other/new"]


def test_an_allowed_change_is_allowed_in_its_way_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = take_inventory(tmp_path)
    (tmp_path / "file").unlink()
    found = not_allowed(differences(before, take_inventory(tmp_path)), [Allowed("*", ("added",))])
    assert [str(difference) for difference in found] == ["removed file"]
