"""What a test command runs without looking how it ends: a pipe, a background job, an ignored failure.

Where such a part is a framework that reports, its failures are seen all the same. Of anything else nobody sees them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHOWN = 60
_LINE = 2000
_SWALLOWS = re.compile(
    r"[^|]\|[^|]|(?<![&>])&[ \t]{0,9}$|(?<![&>])&[ \t]{1,9}[\w./]|\|\|[ \t]{0,9}(?:true|:|exit 0|echo)\b"
    r"|;[ \t]{0,9}true\b|[ ]-exec[ ][^\n]{1,300}\\;|\bmake[ ]-[a-z]{0,4}[ik]\b|--if-present\b"
)
_FORGETS = re.compile(r"[^\s;];[ \t]{0,9}(?!then\b|do\b|done\b|fi\b|esac\b|else\b|exit\b)[\w./]")


def swallowed(command: str, scripts: Mapping[str, str]) -> str | None:
    """A note about the first part whose failure may not be seen, in the command or one of its scripts, by name."""
    found = [("the test command", line) for line in command.splitlines() if _hides(line) or _FORGETS.search(line)]
    for path, text in scripts.items():
        is_make = not path.endswith((".sh", ".bash"))
        if "pipefail" in text:
            continue
        lines = [line[:_LINE] for line in text.splitlines() if not is_make or line.startswith("\t")]
        found += [(path, line) for line in lines if _hides(line) or (is_make and re.match(r"\t@?-", line))]
    if not found:
        return None
    path, line = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    said = " ".join("".join(c if c.isprintable() else " " for c in line).split())[:_SHOWN]
    return f"{path} does not look how all that it runs ends: {said}{more}; a part that reports no tests can fail unseen"


def _hides(line: str) -> bool:
    return not line.lstrip().startswith("#") and _SWALLOWS.search(line[:_LINE]) is not None
