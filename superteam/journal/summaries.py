"""The summaries of a run: in its folder, and where a plan document wants its own in the checkout."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from superteam.core.plan import Part
from superteam.core.run import Run
from superteam.journal.runs import journal_path

_NAMES = re.compile(r"(?:.{0,100}[-_.])?SUMMARY\.md", re.IGNORECASE | re.DOTALL)
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")


def parts_of(run: Run) -> tuple[Part | None, ...]:
    """What gets a summary: each part, or (None) the run as a whole where its plan is not made of parts."""
    return run.plan.parts or (None,)


def summary_path(root: Path, run: Run, part: Part | None) -> Path:
    """Where the summary of a part lies in the run's folder; with no or one part it is SUMMARY.md."""
    folder = journal_path(root, run.run_id).parent
    if part is None or len(run.plan.parts) == 1:
        return folder / "SUMMARY.md"
    name = _FOREIGN.sub("-", part.id)[:80]
    if name != part.id:  # two ids must not become one name
        name += "-" + hashlib.sha256(part.id.encode(errors="surrogatepass")).hexdigest()[:8]
    return folder / f"SUMMARY-{name}.md"


def place(root: Path, part: Part, text: str) -> bool:
    """Puts the summary where the document wants it, unless that is no place for it or something is there already.

    A file that is there is never changed. The name has to end in SUMMARY.md: a plan must not plant a file that tools
    or agents take as code or as instructions.
    """
    path = wanted_path(root, part)
    if path is None or path.is_symlink() or path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(text.encode(errors="replace"))
        path.hardlink_to(draft)  # unlike a rename this never replaces what came there meanwhile
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return True


def wanted_path(root: Path, part: Part) -> Path | None:
    """Where in the checkout the document wants its summary; None if it says nothing or that is no place for it."""
    if part.output is None or "\0" in part.output or len(part.output) > 1_000:
        return None
    steps = part.output.split("/")
    ours = {".git", ".superteam"}
    if any(step in ("", ".", "..") or step.lower() in ours for step in steps) or not _NAMES.fullmatch(steps[-1]):
        return None
    path = root.resolve().joinpath(*steps)
    try:
        return path if path.parent.resolve() == path.parent else None  # a link on the way may lead anywhere
    except (OSError, RuntimeError):
        return None


def summary_lines(root: Path, run: Run) -> tuple[str, ...]:
    """Where the summaries are now, in words; nothing for one that was not written."""
    return tuple(line for part in parts_of(run) for line in _line(root, run, part))


def _line(root: Path, run: Run, part: Part | None) -> list[str]:
    path = summary_path(root, run, part)
    if not path.is_file():
        return []
    about = f" of {part.id}" if part and len(run.plan.parts) > 1 else ""
    here = path.relative_to(root).as_posix()
    if part is None or part.output is None:
        return [f"summary{about}: {here}"]
    wanted = wanted_path(root, part)
    if wanted is None:
        return [f"summary{about}: {here} ({part.output} is no place for it)"]
    if not wanted.is_file():
        return [f"summary{about}: {here}"]
    if _same(wanted, path):
        return [f"summary{about}: {part.output} (not committed)"]
    return [f"summary{about}: {here} ({part.output} is another text and was left as it is)"]


def _same(one: Path, other: Path) -> bool:
    """Whether two files hold the same; one that cannot be read does not."""
    try:
        return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False
