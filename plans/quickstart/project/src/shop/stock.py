import os
from pathlib import Path


def answer() -> bool:
    """Whether the (pretended) warehouse answers in time.

    It does not at some calls. A real one is unreliable at random; here the calls are counted in a file outside the
    repository, so that the demonstration shows the same each time.
    """
    counter = Path(os.environ.get("SHOP_CALLS", os.devnull))
    calls = int(counter.read_text() or 0) + 1 if counter.is_file() else 1
    if counter.is_file():
        counter.write_text(str(calls))
    return calls not in (4, 7)
