"""What people see while a run goes on.

One of three views observes a run: `Live`, a picture on a terminal; `Plain`, one line per event that matters; `Json`,
the events themselves. cli/story.py says what matters, cli/picture.py what a terminal shows, cli/ending.py what a run
came to: these are pure. Whatever a plan, a test or an agent wrote passes `one_line` before it is shown.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from superteam.cli.console import emit_json, note
from superteam.core import events as e
from superteam.core.run import Run

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live as RichLive
from superteam.cli.picture import Doing, Row, Tail, label, picture
from superteam.cli.story import story
from superteam.cli.words import STYLES, clock


def make_view(json: bool, quiet: bool, terminal: bool) -> Live | Plain | Json:
    """The view for how a command was called; a terminal that cannot move its cursor gets plain lines."""
    if json:
        return Json()
    if quiet or not terminal or os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return Plain(quiet)
    return Live()


@dataclass(slots=True)
class Json:
    """Streams each event as one line of JSON to standard output."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        document = {"schema": "superteam.event.v1", "at": at, "event": event.model_dump(mode="json")}
        emit_json(document, line=True)

    def output(self, key: str, data: bytes) -> None: ...


@dataclass(slots=True)
class Plain:
    """One line per event that matters, to standard error; quiet: only warnings and questions."""

    quiet: bool = False

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        for line in story(before, event, after):
            if not self.quiet or line.level in ("warning", "question"):
                note(f"{clock(after.elapsed_s)} {line.text}", STYLES.get(line.level))

    def output(self, key: str, data: bytes) -> None: ...


class Live:
    """A picture of the run on a terminal, drawn four times a second; what happens scrolls by above it.

    While it is stopped (a question is asked) lines are still told. Output may come from any step under way; the
    picture shows the last lines of each. A thread draws, so all that it reads is replaced, never
    changed in place.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._live: RichLive | None = None
        self._run: Run | None = None
        self._at = time.monotonic()
        self._doing: dict[str, tuple[str, float]] = {}
        self._tails: dict[str, Tail] = {}

    def start(self) -> None:
        """Begins to draw; again after `stop`."""
        from rich.live import Live as RichLive

        if self._live is not None:
            return
        # transient: the picture gives way to a question or the final table. Lines told meanwhile stay.
        self._live = RichLive(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)
        self._console.show_cursor(True)  # a killed process could not bring it back

    def stop(self) -> None:
        """Takes the picture off the terminal; may be called at any time."""
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except OSError:
                pass

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        """Takes the new state in and tells what matters."""
        self._follow(event, after)
        for line in story(before, event, after):
            self._print(f"{clock(after.elapsed_s)} {line.text}", STYLES.get(line.level, ""))

    def output(self, key: str, data: bytes) -> None:
        """Takes what a program printed."""
        if key not in self._tails:
            self._tails = {**self._tails, key: Tail()}
        self._tails[key].feed(data)

    def _follow(self, event: e.Event, after: Run) -> None:
        now = time.monotonic()
        doing = {key: step for key, step in self._doing.items() if key in after.in_flight}
        if isinstance(event, e.StepStarted) and event.key and (words := label(after, event)):
            doing[event.key] = (words, now)
        self._tails = {key: tail for key, tail in self._tails.items() if key in after.in_flight}
        self._run, self._at, self._doing = after, now, doing

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text

        try:
            self._console.print(Text(text, style=style), soft_wrap=True)
        except OSError:
            pass

    def _render(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        return Group(*(Text(row.text, row.style, no_wrap=True, overflow="ellipsis") for row in self._rows()))

    def _rows(self) -> list[Row]:
        run, now = self._run, time.monotonic()
        if run is None:
            return []
        shown = {key: tail.shown() for key, tail in self._tails.items()}
        several = len(self._doing) > 1
        doing = [
            Doing(words, now - since, shown.get(key, ()) if several else ())
            for key, (words, since) in self._doing.items()
        ]
        plain = not self._console.encoding.lower().startswith("utf")
        height = self._console.size.height
        tail = () if several else next(reversed(shown.values()), ())
        return picture(run, doing, tail, run.elapsed_s + now - self._at, height, plain)
