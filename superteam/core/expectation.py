"""A test whose expectation was changed: it passes only because its own text, or what it uses, is not the base's."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from superteam.core.results import TestId


class ExpectationChanged(BaseModel):
    """One test of the reference that fails on the judged code when `path` is as it was there.

    `before` is the failure of the reference's version, `after` the changed lines of this version. `line` is the first
    of them in `path`, `excerpt` the test as it is now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: TestId
    path: str
    line: int | None = None
    before: str
    after: str
    excerpt: str = ""
