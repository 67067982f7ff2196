"""The line between the protocol's library and a program that `process.run` started: one JSON object a line.

The library's own transport logs a traceback for each line that is no JSON, and its connection falls over messages of
a wrong shape. Here these are dropped: what a program prints is data.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from superteam.agents.fields import text
from superteam.agents.stream import Lines, event_of

if TYPE_CHECKING:
    import asyncio

    from anyio.streams.memory import MemoryObjectSendStream


_UNREAD = 10_000  # messages


class Channel:
    """A transport as `acp.connection.Connection` wants it. `take` and `end` are called with the program's output."""

    def __init__(self, program: MemoryObjectSendStream[bytes]) -> None:
        import asyncio

        import anyio

        self.messages = 0  # that came, of any kind
        self.last = anyio.current_time()  # when the newest of them came
        self._program = program
        self._lines = Lines()
        self._arrived: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def take(self, chunk: bytes) -> None:
        """More of the program's standard output, as it came."""
        for line in self._lines.split(chunk):
            self._arrive(line)

    def end(self) -> None:
        """The program has ended; its last line may lack its newline."""
        self._arrive(self._lines.rest())
        self._arrived.put_nowait(None)

    def hang_up(self) -> None:
        """Closes the program's standard input after all that was sent."""
        self._program.close()

    async def send(self, message: dict[str, Any]) -> None:
        """To a program that is gone, or reads nothing, nothing is sent: what it is owed would fill our memory."""
        import anyio

        if self._program.statistics().current_buffer_used >= _UNREAD:
            return
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"  # ASCII: half a surrogate pair is no error
        try:
            await self._program.send(line)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None after the last."""
        return await self._arrived.get()

    async def close(self) -> None:
        self.hang_up()

    def _arrive(self, line: bytes) -> None:
        import anyio

        found = event_of(line)
        if found is not None and (message := sound(found)) is not None:
            self.messages += 1
            self.last = anyio.current_time()
            self._arrived.put_nowait(message)


def sound(message: dict[str, Any]) -> dict[str, Any] | None:
    """A message of the shape that a JSON-RPC connection can take; None if it is none."""
    number = message.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int | None):
        return None
    if "method" in message:
        return message if isinstance(message["method"], str) else None
    if number is None:
        return None
    if "error" in message and "result" not in message:
        return {"id": number, "error": _error(message["error"])}
    return message


def _error(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        return {"code": 0, "message": text(said) or "an error without a text", "data": None}
    code = said.get("code")
    return {
        "code": code if isinstance(code, int) and not isinstance(code, bool) else 0,
        "message": text(said.get("message")) or "an error without a text",
        "data": said.get("data"),
    }
