"""A finding: one change to what decides verdicts. It informs, it never blocks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "expectation-changed",
    "test-file",
    "test-removed",
    "assertions-removed",
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
    "git-configuration",
    "git-planted",
    "more",
]


class Finding(BaseModel):
    """One change that decides verdicts. `path` is as git names it, with bytes that are not UTF-8 as \\udcXX.

    Kinds: `expectation-changed` a test passes only because this file was changed;
    `test-file` a test file, snapshot or shared test code was changed outside of the declared files;
    `test-removed` a test file was deleted or renamed to something that is none; `assertions-removed` a test file lost
    more assertions than it won; `runner-configuration` and `ci` such a file was changed; `test-script` a script behind
    the test command was changed; `runner-hook` code or a variable that gets into the test runner, or code that asks
    who runs it; `focus` only some tests are run; `added-skip` tests are skipped, excluded or expected to fail;
    `retries` failures are tried again; `early-exit` the process ends from inside; `ignored-failure` a failing command
    counts as a success; `threshold` a limit that decides; `git-configuration` what git shows or tracks; `git-planted` a
    setting or file of an agent's git that could run programs, which our git never reads; `more` how
    many findings are not listed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    path: str
    line: int | None = None
    detail: str
