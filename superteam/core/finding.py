"""A finding: one change to what decides verdicts. It informs, it never blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Kind = Literal[
    "expectation-changed",
    "test-file",
    "test-removed",
    "assertions-removed",
    "assertion-changed",
    "runner-configuration",
    "runner-hook",
    "ci",
    "test-script",
    "focus",
    "added-skip",
    "retries",
    "early-exit",
    "ignored-failure",
    "threshold",
    "state-outside",
    "git-configuration",
    "git-planted",
    "reach",
    "more",
]
SHOWN = 10  # findings that people are shown, the most important first
LAST = 99
# What a change could do to the verdict: 1 can turn a red suite green at once, 9 only touches what others look at.
RANKS: dict[Kind, int] = {
    "expectation-changed": 1,
    "runner-hook": 1,
    "added-skip": 1,
    "focus": 1,
    "early-exit": 1,
    "ignored-failure": 1,
    "assertions-removed": 2,
    "assertion-changed": 2,
    "test-removed": 2,
    "runner-configuration": 4,
    "git-planted": 4,
    "state-outside": 4,
    "test-script": 5,
    "retries": 6,
    "threshold": 6,
    "test-file": 7,
    "reach": 7,
    "git-configuration": 8,
    "ci": 9,
    "more": LAST,
}


class Finding(BaseModel):
    """One change that decides verdicts. `path` is as git names it, with bytes that are not UTF-8 as \\udcXX.

    Kinds: `expectation-changed` a test passes only because this file was changed; `test-file` a test file, snapshot
    or shared test code was changed outside of the declared files;
    `test-removed` a test file was deleted or renamed to something that is none; `assertions-removed` an assertion is
    gone; `assertion-changed` an assertion, what it expects or whether its failure is seen was changed;
    `runner-configuration` and `ci` such a file was changed; `test-script` a script behind the test command, or a file
    that it or its configuration names, was changed; `runner-hook` code or a variable that gets into the test runner,
    or code that asks who runs it; `focus` only some tests are run; `added-skip` tests are skipped, excluded, hidden or
    expected to fail; `retries` failures are tried again; `early-exit` the process ends from inside; `ignored-failure`
    a failing command counts as a success; `threshold` a limit that decides; `state-outside` a changed file names what
    lies outside of the tree and was there before; `git-configuration` what git shows or tracks; `git-planted` a setting
    or file of an agent's git that could run programs, which our git never reads; `reach` what changed code can do
    beyond itself, or compiled code that nobody can read;
    `more` how many findings are not listed.

    `rank` says what it could do to the verdict: 1 most, 9 least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    path: str
    line: int | None = None
    detail: str
    rank: int = 5

    @model_validator(mode="before")
    @classmethod
    def _rank_of_its_kind(cls, data: Any) -> Any:
        """A finding that is given no rank has its kind's."""
        if isinstance(data, dict) and "rank" not in data and data.get("kind") in RANKS:
            return {**data, "rank": RANKS[data["kind"]]}
        return data


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without repeats, the most important first.

    Among those of one rank each kind takes its turn, and within a kind each file: many of one kind or of one file
    hide no other.
    """
    unique = sorted(set(findings), key=_place)
    in_file: Counter[tuple[int, str, str]] = Counter()
    by_file: list[tuple[int, int, int]] = []
    for index, finding in enumerate(unique):
        group = (finding.rank, finding.kind, finding.path)
        by_file.append((finding.rank, in_file[group], index))
        in_file[group] += 1
    in_kind: Counter[tuple[int, str]] = Counter()
    by_kind: list[tuple[int, int, int]] = []
    for place, (rank, _, index) in enumerate(sorted(by_file)):
        kind = unique[index].kind
        by_kind.append((rank, in_kind[rank, kind], place))
        in_kind[rank, kind] += 1
    places = [index for _, _, index in sorted(by_file)]
    return [unique[places[place]] for _, _, place in sorted(by_kind)]


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.path, finding.line or 0, finding.kind, finding.detail
