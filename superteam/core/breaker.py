"""What a gate or an agent said, as a signature: two dispatches after which it is the same went round in a circle."""

from __future__ import annotations

from hashlib import sha256

from superteam.core.failures import Failure, History, signature_of
from superteam.core.signature import normalise

_LINES = 2_000  # of each text that are looked at


def look(kind: str, *texts: str) -> str:
    """The signature of texts, without numbers, times, addresses and paths; `kind` is how it ended."""
    lines = (normalise(line) for text in texts for line in text.splitlines()[:_LINES])
    found = "\n".join(line for line in lines if line)
    return f"{kind} {sha256(found.encode(errors='replace')).hexdigest()[:16]}"


def tried(history: History, failures: tuple[Failure, ...]) -> History:
    """The history with a dispatch that is to mend these failures."""
    seen = {failure.type: signature_of(failure) for failure in failures}
    return history.model_copy(update={"signatures": {**history.signatures, **seen}})


def ended(history: History, changed: bool) -> History:
    """The history after a dispatch that changed the tree, or did not."""
    return history.model_copy(update={"idle": 0 if changed else history.idle + 1})
