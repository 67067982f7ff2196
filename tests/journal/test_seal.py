"""The key of baselines and verdicts, and documents that are not by it."""

from __future__ import annotations

from pathlib import Path

from superteam.app.verdict_cache import _is_recent
from superteam.journal.seal import is_genuine, sealed, signing_key


def test_the_key_is_made_once_and_readable_by_the_user_alone(tmp_path: Path) -> None:
    key = signing_key(tmp_path / "superteam")
    assert key is not None and len(key) == 32 and signing_key(tmp_path / "superteam") == key
    assert (tmp_path / "superteam/key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "superteam").iterdir()] == ["key"]


def test_where_no_key_can_be_made_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert signing_key(tmp_path / "file") is None
    (tmp_path / "key").write_bytes(b"short")
    assert signing_key(tmp_path) is None


def test_a_changed_document_or_another_key_is_not_genuine() -> None:
    document = sealed({"a": 1, "b": ["\ud83d"]}, b"k" * 32)
    assert is_genuine(document, b"k" * 32)
    assert not is_genuine(document, b"l" * 32)
    assert not is_genuine({**document, "a": 2}, b"k" * 32)
    assert not is_genuine({**document, "c": 3}, b"k" * 32)
    assert not is_genuine({"a": 1}, b"k" * 32)
    assert not is_genuine({**document, "mac": 7}, b"k" * 32)


def test_a_verdict_is_recent_for_a_day_and_never_from_the_future() -> None:
    now = "2026-12-01T12:00:00.000+00:00"
    assert _is_recent("2026-11-30T12:00:00.000+00:00", now)
    assert not _is_recent("2026-11-30T11:59:59.000+00:00", now)
    assert not _is_recent("2026-12-01T12:00:01.000+00:00", now)
    assert not _is_recent("yesterday", now)
