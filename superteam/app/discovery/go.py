"""Go: go.mod and go.work; golangci-lint."""

from __future__ import annotations

import re
from collections.abc import Iterator

from superteam.app.discovery.facts import Candidate, Facts, first, text

NAME = "Go"
MANIFESTS = ("go.mod", "go.work", "go.sum", ".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json")
SUFFIXES = (".go",)

_USED = re.compile(r"^(?:use)?[ \t(]{0,20}\./([A-Za-z0-9_][A-Za-z0-9_./-]{0,200})[ \t]*$", re.MULTILINE)


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What go.mod or go.work says."""
    if "go.work" in facts.files:
        modules = [name.rstrip("/") for name in _USED.findall(text(facts, "go.work"))]
        used = [f"./{name}/..." for name in modules if ".." not in name and f"{name}/go.mod" in facts.files]
        if "go.mod" in facts.files:
            used = ["./...", *used]
        yield from _commands(facts, "go.work", " ".join(used) or "./...")
    elif "go.mod" in facts.files:
        yield from _commands(facts, "go.mod", "./...")


def _commands(facts: Facts, file: str, packages: str) -> Iterator[Candidate]:
    tested = any(name.endswith("_test.go") for name in facts.files)
    why = file if tested else f"{file}, though there is no file *_test.go"
    yield Candidate("test", f"go test {packages}", why, "sure" if tested else "guess", "go", NAME)
    linted = first(facts, MANIFESTS[3:])
    if linted:
        yield Candidate("gate", "golangci-lint run", linted, "sure", "golangci-lint", NAME)
    yield Candidate("gate", f"go vet {packages}", file, "likely", "go", NAME)
