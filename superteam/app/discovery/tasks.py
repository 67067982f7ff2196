"""What is no language's own: make and just targets, pre-commit, and what the CI runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from superteam.app.discovery.facts import Candidate, Facts, first, text

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")
PRE_COMMIT = (".pre-commit-config.yaml", ".pre-commit-config.yml")
CI = (".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml", ".travis.yml", "appveyor.yml", "Jenkinsfile")
WORKFLOWS = ".github/workflows/"

_TESTS = ("test", "tests", "check")
_GATES = ("lint", "typecheck", "format-check", "fmt-check")
_FLAGS = re.compile(r"\s-\S+")


def candidates(facts: Facts) -> Iterator[Candidate]:
    """Targets by the names that people give them, and pre-commit."""
    for program, names in (("make", MAKEFILES), ("just", JUSTFILES)):
        file = first(facts, names)
        targets = _targets(text(facts, file)) if file else set()
        for target in (name for name in _TESTS if name in targets):
            sure = "guess" if target == "check" else "likely"
            yield Candidate("test", f"{program} {target}", f"{file} has the target {target}", sure, program)  # type: ignore[arg-type]
        for target in (name for name in _GATES if name in targets):
            yield Candidate("gate", f"{program} {target}", f"{file} has the target {target}", "guess", program)
    hooks = first(facts, PRE_COMMIT)
    if hooks:
        # It looks at what is in the index; a hook that reformats fails the first time.
        again = "pre-commit run --all-files"
        yield Candidate("gate", f"git add -A && ({again} || {again})", hooks, "sure", "pre-commit")


def _targets(found: str) -> set[str]:
    """The names before a colon at the start of a line."""
    heads = (line.partition(":")[0] for line in found.splitlines() if line[:1] not in ("", " ", "\t", "#", "."))
    return {name for head in heads if "=" not in head for name in head[:1000].split()}


def with_ci(facts: Facts, found: list[Candidate]) -> list[Candidate]:
    """The candidates; those whose command stands in a CI file say so, and a guess becomes likely."""
    names = sorted(name for name in facts.texts if name in CI or name.startswith(WORKFLOWS))
    texts = {name: " ".join(text(facts, name).split()) for name in names}
    return [_confirmed(candidate, texts) for candidate in found]


def _confirmed(candidate: Candidate, texts: dict[str, str]) -> Candidate:
    gist = _FLAGS.sub("", candidate.command).strip() if len(candidate.command) < 60 else candidate.command
    file = next((name for name, found in texts.items() if gist in found or candidate.command in found), None)
    if file is None or candidate.kind == "setup":
        return candidate
    sure = "likely" if candidate.confidence == "guess" else candidate.confidence
    return replace(candidate, why=f"{candidate.why}; {file} runs it", confidence=sure)
