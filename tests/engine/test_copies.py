"""Copies of a source are known by what they hold, and only where a copy may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from superteam.engine.copies import copies_of

OLD = "export function price(kind: number): number {\n  const cost = table[kind];\n  return cost * 3;\n}\n"
NEW = OLD.replace("* 3", "+ 3")
COMPILED = "export function price(kind) {\n    const cost = table[kind]\n    return cost * 3\n}\n"


def found(tree: Path, files: dict[str, str], tracked: tuple[str, ...] = ()) -> dict[str, str]:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return copies_of(tree, {"src/price.ts": (NEW, OLD)}, ("src/price.ts", *tracked))


@pytest.mark.parametrize("name", ["dist/price.js", "node_modules/@shop/price/price.ts", "dist/all.min.js", "price.ts"])
def test_a_copy(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, {"src/price.ts": "nonsense", name: OLD}) == {"src/price.ts": name}


def test_a_compiled_copy(tmp_path: Path) -> None:
    assert found(tmp_path, {"dist/price.js": COMPILED}) == {"src/price.ts": "dist/price.js"}


NONE = {
    "another file of this name": {"dist/price.js": "export const other = 'something else altogether'\n"},
    "a copy of the nonsense": {"dist/price.js": "nonsense"},
    "a copy of the source as it is": {"dist/price.js": NEW},
    "another source that looks alike": {"lab/price.ts": OLD},
    "a file of another name that is none of a build's": {"notes/cost.txt": OLD},
}


@pytest.mark.parametrize("what", NONE)
def test_no_copy(tmp_path: Path, what: str) -> None:
    assert found(tmp_path, NONE[what], tracked=("lab/price.ts",)) == {}


def test_a_copy_that_lacks_what_came(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "price.js").write_text(OLD)
    more = f"{OLD}export const currency = 'EUR'\n"
    assert copies_of(tmp_path, {"src/price.ts": (more, OLD)}, ()) == {"src/price.ts": "dist/price.js"}
    (tmp_path / "dist" / "price.js").write_text(more)
    assert copies_of(tmp_path, {"src/price.ts": (more, OLD)}, ()) == {}


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "price.js").write_text(OLD)
    tree = tmp_path / "tree"
    (tree / "dist").mkdir(parents=True)
    (tree / "dist" / "price.js").symlink_to(tmp_path / "outside" / "price.js")
    (tree / "build").symlink_to(tmp_path / "outside")
    assert found(tree, {}) == {}
