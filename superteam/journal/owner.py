"""Who holds the repository's lock, as it stands in the lock file. Apart from the lock, since `status` is to be fast."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Owner(BaseModel):
    """Who holds the lock; written into the lock file. `started` is the time given to `acquire`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["superteam.lock.v1"] = Field("superteam.lock.v1", alias="schema")
    pid: int
    host: str
    started: str
    purpose: str
    run_id: str | None = None
