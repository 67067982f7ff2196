"""Must-haves: nothing passes unless it was seen, nothing fails that is there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.must_haves import MustHaveResult, check_must_haves
from superteam.core.plan import Artifact, KeyLink, MustHaves

TEXT = """\
import { thing } from './thing'
export function createUser(name) {
  return thing(name)
}
const hidden = 1
def compute(): pass
class Model: pass
func Serve() {}
module.exports = { later }
export {
  listed,
}
"""


def check(must: MustHaves, files: Mapping[str, str | None]) -> list[MustHaveResult]:
    for path in files:
        assert not path.startswith(("/", ".."))

    def inside(path: str) -> str:
        assert not path.startswith("/") and ".." not in path.split("/"), "a path left the tree"
        return path

    return list(check_must_haves(must, lambda p: files.get(inside(p)), lambda p: inside(p) in files))


def one(must: MustHaves, files: Mapping[str, str | None]) -> tuple[str, str]:
    (found,) = check(must, files)
    return found.state, found.reason


def of(artifact: Artifact, files: Mapping[str, str | None] | None = None) -> tuple[str, str]:
    return one(MustHaves(artifacts=(artifact,)), {"a.ts": TEXT} if files is None else files)


def test_truths_are_for_people() -> None:
    assert one(MustHaves(truths=("It works",)), {}) == ("unverified", "no machine can check it")


@pytest.mark.parametrize(
    ("artifact", "state"),
    [
        (Artifact(text="x"), "unverified"),
        (Artifact(text="x", path="a.ts"), "passed"),
        (Artifact(text="x", path="./a.ts"), "failed"),
        (Artifact(text="x", path="b.ts"), "failed"),
        (Artifact(text="x", path="../a.ts"), "unverified"),
        (Artifact(text="x", path="/etc/passwd"), "unverified"),
        (Artifact(text="x", path=".git/config"), "unverified"),
        (Artifact(text="x", path="src/*.ts"), "unverified"),
        (Artifact(text="x", path="a.ts", min_lines=12), "passed"),
        (Artifact(text="x", path="a.ts", min_lines=13), "failed"),
        (Artifact(text="x", path="a.ts", contains=("createUser(name)",)), "passed"),
        (Artifact(text="x", path="a.ts", contains=("createUser.name.",)), "failed"),
        (Artifact(text="x", path="a.ts", exports=("createUser", "compute", "Model", "Serve")), "passed"),
        (Artifact(text="x", path="a.ts", exports=("later",)), "passed"),
        (Artifact(text="x", path="a.ts", exports=("listed",)), "unverified"),
        (Artifact(text="x", path="a.ts", exports=("create",)), "failed"),
        (Artifact(text="x", path="a.ts", exports=("GET /users",)), "unverified"),
        (Artifact(text="x", path="a.ts", exports=("createUser",), min_lines=99), "failed"),
        (Artifact(text="x", path="a.ts", exports=("listed", "nowhere")), "failed"),
    ],
)
def test_an_artifact_is_what_the_tree_says(artifact: Artifact, state: str) -> None:
    assert of(artifact)[0] == state


def test_a_file_that_cannot_be_read_fails_nothing() -> None:
    assert of(Artifact(text="x", path="big", min_lines=3), {"big": None}) == (
        "unverified",
        "big cannot be read as text",
    )
    assert of(Artifact(text="x", path="folder"), {"folder": None})[0] == "passed"


@pytest.mark.parametrize(
    ("link", "state"),
    [
        (KeyLink(text="a -> b -> c"), "unverified"),
        (KeyLink(text="x", source="a.ts", target="b"), "unverified"),
        (KeyLink(text="x", source="a.ts", pattern=""), "unverified"),
        (KeyLink(text="x", source="nowhere.ts", target="/api", pattern="x"), "unverified"),
        (KeyLink(text="x", source="a.ts", pattern="from './thing'"), "passed"),
        (KeyLink(text="x", source="a.ts", pattern="import.*thing"), "passed"),
        (KeyLink(text="x", source="nowhere.ts", target="a.ts", pattern="thing.name"), "passed"),
        (KeyLink(text="x", source="a.ts", pattern="fetch.*api"), "failed"),
        (KeyLink(text="x", source="a.ts", pattern="^import"), "unverified"),
        (KeyLink(text="x", source="a.ts", pattern="(a+)+$"), "unverified"),
        (KeyLink(text="x", source="../a.ts", pattern="x"), "unverified"),
    ],
)
def test_a_link_is_found_by_its_pattern(link: KeyLink, state: str) -> None:
    assert one(MustHaves(key_links=(link,)), {"a.ts": TEXT})[0] == state


names = st.from_regex(r"[a-c_$][a-c_0]{0,3}", fullmatch=True)
words = st.lists(st.sampled_from(["export ", "a", "b", "_", "$", " ", "\n", "0", "(", "def ", "ab"]), max_size=20)


@given(names, words.map("".join))
def test_a_name_passes_only_where_it_stands_and_fails_only_where_it_does_not(name: str, text: str) -> None:
    identifiers = _identifiers(text)
    state, _ = of(Artifact(text="x", path="f", exports=(name,)), {"f": text})
    assert state != "passed" or name in identifiers
    assert state != "failed" or name not in identifiers


def _identifiers(text: str) -> set[str]:
    """All longest runs of characters that names are made of, found one at a time."""
    found, word = set(), ""
    for c in text + " ":
        if c.isalnum() or c in "_$":
            word += c
        else:
            found.add(word)
            word = ""
    return found


@given(st.text(max_size=30), st.text(max_size=60))
def test_a_plain_pattern_and_contains_are_literal(part: str, text: str) -> None:
    special = set("\\.[](){}*+?|^$")
    if part.strip():
        assert (of(Artifact(text="x", path="f", contains=(part,)), {"f": text})[0] == "passed") == (part in text)
    if part and not special & set(part):
        link = KeyLink(text="x", source="f", pattern=part)
        assert (one(MustHaves(key_links=(link,)), {"f": text})[0] == "passed") == (part in text)


@given(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=2))
def test_no_path_of_a_document_leaves_the_tree(path: str, texts: list[str]) -> None:
    must = MustHaves(
        artifacts=(Artifact(text="x", path=path, contains=tuple(texts)),),
        key_links=(KeyLink(text="x", source=path, target=path, pattern="x"),),
    )
    check(must, {})
