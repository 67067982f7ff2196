"""The reference names every finding that the code can have about a plan, with its severity, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(ROOT / "superteam/plans").glob("*.py"),
    ROOT / "superteam/core/plan_rules.py",
    ROOT / "superteam/app/checking.py",
]


def in_the_code() -> set[tuple[str, str]]:
    return {found for path in SOURCES for found in calls(ast.parse(path.read_text(encoding="utf-8")))}


def calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", "")).strip("_")
        if name in ("error", "warning", "warn") and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value), "error" if name == "error" else "warning"
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        code, severity = named.get("code"), named.get("severity")
        if isinstance(code, ast.Constant) and isinstance(severity, ast.Constant):
            yield str(code.value), str(severity.value)


def in_the_reference() -> set[tuple[str, str]]:
    lines = [
        line
        for path in (ROOT / "docs/reference").glob("plan-*.md")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    rows = [re.fullmatch(r"\| `([a-z0-9-]+)` \| (error|warning|error or warning) \| .+ \|", line) for line in lines]
    return {(row[1], severity) for row in rows if row for severity in row[2].split(" or ")}


def test_every_finding_is_in_the_reference_and_no_other() -> None:
    assert in_the_reference() == in_the_code() | {("more", "error"), ("more", "warning")}
