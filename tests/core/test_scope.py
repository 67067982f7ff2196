"""Declared files against a naive reading of them."""

from __future__ import annotations

import re
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.scope import LOCK_FILES, outside

names = st.sampled_from(["src", "a.py", "b.py", "tests", "lib", "uv.lock", "x[1].py", "go.sum"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
patterns = st.one_of(paths, st.sampled_from(["src/*", "*.py", "tests/", "./src", "**/a.py", "src/?.py", "*"]))


def allowed(path: str, declared: list[str]) -> bool:
    """One pattern at a time: the file itself, a folder above it, or a glob."""
    for pattern in declared:
        plain = re.sub(r"^\./", "", pattern).rstrip("/")
        folders = ["/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 1)]
        if plain == path or plain in folders or re.match(translate(plain.replace("[", "[[]")), path):
            return True
    return path.split("/")[-1] in LOCK_FILES


@given(st.lists(paths, max_size=5), st.lists(patterns, min_size=1, max_size=3))
def test_a_change_is_outside_if_nothing_declared_covers_it(changed: list[str], declared: list[str]) -> None:
    assert outside(changed, declared) == tuple(path for path in changed if not allowed(path, declared))


@given(st.lists(paths, max_size=5))
def test_a_task_that_declares_nothing_is_not_checked(changed: list[str]) -> None:
    assert outside(changed, ()) == ()


@pytest.mark.parametrize(
    ("path", "declared"),
    [("src-old/a.py", "src"), ("a.pyc", "a.py"), ("other/src/a.py", "src"), ("my-uv.lock", "a.py"), ("A.py", "a.py")],
)
def test_a_name_that_only_looks_like_a_declared_one_is_outside(path: str, declared: str) -> None:
    assert outside([path], [declared]) == (path,)


def test_lock_files_are_exempt_wherever_they_lie() -> None:
    assert outside(["uv.lock", "packages/web/package-lock.json"], ["src"]) == ()


@pytest.mark.parametrize(
    ("path", "declared"),
    [
        ("app/[id]/page.tsx", "app/[id]/*.tsx"),
        ("app/[id]/page.tsx", "app/[id]"),
        ("app/[...slug]/page.tsx", "./app/[...slug]/page.*"),
        ("app/(shop)/[[...all]]/a/b.ts", "app/(shop)/[[...all]]/**"),
        ("pages/[user]/[id].vue", "pages/[user]/[??].vue"),
    ],
)
def test_brackets_in_a_declared_file_are_part_of_its_name(path: str, declared: str) -> None:
    assert outside([path], [declared]) == ()


def test_brackets_are_no_class_of_characters() -> None:
    assert outside(["app/i/page.tsx"], ["app/[id]/*.tsx"]) == ("app/i/page.tsx",)
