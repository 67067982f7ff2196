"""What an agent may do without a person: the rule against an oracle that reads it off a table."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.agents.acp_permissions import Ground, Option, Wish, chosen, refused

TREE = "/work/tree"
RESULT = "/work/run/result.json"
PLACES = {
    f"{TREE}/a.py": "tree",
    f"{TREE}/deep/b.py": "tree",
    TREE: "tree",
    f"{TREE}/.git/config": "git",
    f"{TREE}/sub/.GIT/hooks/x": "git",
    RESULT: "result",
    "/work/run/prompt.md": "run",
    "/work/tree2/a.py": "outside",
    "/work": "outside",
    "/": "outside",
    "/etc/passwd": "outside",
}
# What each kind may touch, for an implementer and for a reviewer; None: also without any path.
LOOKS = {None, "tree", "git", "result", "run"}
EVERYWHERE = {None, *PLACES.values()}
TABLE: dict[str, tuple[set[str | None], set[str | None]]] = {
    "read": (LOOKS, LOOKS),
    "search": (LOOKS, LOOKS),
    "execute": (LOOKS, LOOKS),
    "think": (EVERYWHERE, EVERYWHERE),
    "fetch": (EVERYWHERE, EVERYWHERE),
    "switch_mode": (EVERYWHERE, EVERYWHERE),
    "edit": ({None, "tree", "result"}, {"result"}),
    "delete": ({None, "tree", "result"}, {"result"}),
    "move": ({None, "tree", "result"}, {"result"}),
    "other": ({"tree", "result"}, {"result"}),
    "": ({"tree", "result"}, {"result"}),
    "brand_new": ({"tree", "result"}, {"result"}),
}


@given(st.sampled_from(sorted(TABLE)), st.lists(st.sampled_from(sorted(PLACES)), max_size=4), st.booleans())
def test_a_wish_is_allowed_if_its_kind_may_touch_each_of_its_paths(kind: str, paths: list[str], reviews: bool) -> None:
    ground = Ground(PurePosixPath(TREE), PurePosixPath(RESULT), not reviews)
    reason = refused(Wish(kind, tuple(map(PurePosixPath, paths))), ground)
    touched: set[str | None] = {PLACES[path] for path in paths} or {None}
    assert (reason == "") == (touched <= TABLE[kind][reviews]), reason


KINDS = ("allow_once", "allow_always", "reject_once", "reject_always", "other", "")
options = st.lists(
    st.builds(
        Option, st.sampled_from("abcdef"), st.sampled_from(KINDS), st.sampled_from(["", "Yes", "Bypass permissions"])
    ),
    max_size=6,
)


@given(options, st.booleans(), st.sampled_from(["edit", "switch_mode", ""]))
def test_the_option_that_says_the_least_is_chosen(offered: list[Option], allow: bool, kind: str) -> None:
    fitting = [
        option
        for option in offered
        if option.kind.startswith("allow" if allow else "reject")
        and not (allow and "Bypass" in option.name)
        and not (allow and kind == "switch_mode" and option.kind == "allow_always")
    ]
    fitting.sort(key=lambda option: option.kind.endswith("always"))  # stable: the first of the best
    assert chosen(offered, allow, kind) == (fitting[0].id if fitting else None)


@pytest.mark.parametrize("name", ["bypassPermissions", "agent-full-access", "YOLO", "dontAsk", "Full access"])
def test_an_answer_that_ends_all_asking_is_never_chosen(name: str) -> None:
    assert chosen([Option(name, "allow_once"), Option("x", "allow_always", name)], True) is None
    assert chosen([Option("x", "reject_once", name)], False) == "x"  # refusing it is fine
