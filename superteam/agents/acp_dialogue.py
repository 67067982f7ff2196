"""One dispatch over ACP: opens a session, gives the prompt, answers what the agent asks, and ends it in time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from superteam import process
from superteam.agents.acp_channel import Channel
from superteam.agents.acp_permissions import Ground, Option, Wish, chosen, refused
from superteam.agents.acp_presets import Preset
from superteam.agents.acp_session import Unfit, open_session
from superteam.agents.acp_updates import Told, Words
from superteam.agents.command import wall
from superteam.agents.fields import count, objects, text, total
from superteam.agents.fields import field as at
from superteam.agents.heard import Heard, Session, exceeded, own
from superteam.core.settings import Rates
from superteam.ports import Brief

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectSendStream

CARRIED = ("total_usd",)  # what agents count from a session's beginning
_SETTLE = 0.2  # seconds in which an answer may come that is on its way when a limit is passed
_DENIED = 50  # refusals that a report names
_SHOWN = 1000  # characters of each
_FAR = Path("/")  # of a path that cannot be resolved

Ours = Literal["", "timed-out", "idle", "over-budget"]


@dataclass(slots=True)
class Outcome:
    """What came of a dialogue. `ours` is what we did, decided before the agent's answer to it; `limit` names a budget.

    `answer` is the answer to the prompt; `error` (code, text, data) the one to any request; `problem` is in words.
    """

    ours: Ours = ""
    limit: str = ""
    answer: dict[str, Any] | None = None
    error: tuple[Any, str, Any] | None = None
    problem: str = ""
    note: str = ""
    denied: list[str] = field(default_factory=list)


class Dialogue:
    """`hold` and `watch` run beside the program, whose output goes to `take` and `end`; `stop` is when to end it."""

    def __init__(
        self, brief: Brief, preset: Preset, rates: Rates | None, program: MemoryObjectSendStream[bytes]
    ) -> None:
        import anyio
        from acp.connection import Connection

        self.brief, self.preset, self.rates = brief, preset, rates
        self.redact = process.secrets_redactor(brief.env)
        self.told = Told(self._show, Words(self._show))
        self.outcome = Outcome()
        self.session = ""
        self.stop = anyio.Event()
        self.over = anyio.Event()
        self._continued: Session | None = None  # whose figures go on
        self._prompted = False
        self._passed = ""
        self._enough = anyio.Event()
        self._watching = anyio.CancelScope()
        self._ground = Ground(brief.tree.resolve(), brief.result_file.resolve(), brief.role != "review")
        self._channel = Channel(program)
        self.take, self.end = self._channel.take, self._channel.end
        self._connection = Connection(self._serve, self._channel)

    async def hold(self) -> None:
        """From the first word to the answer; then the program may end by itself within the grace period."""
        import anyio
        from acp.exceptions import RequestError

        try:
            await self._talk()
        except RequestError as error:
            self.outcome.error = (error.code, text(error.args[0]), error.data)
        except ConnectionError:  # the program has ended: its exit tells how
            pass
        except Unfit as problem:
            self.outcome.problem = str(problem)
        if not self.outcome.ours:
            self._watching.cancel()
        self.over.set()
        self._channel.hang_up()
        await anyio.sleep(self.brief.grace)
        self.stop.set()

    async def watch(self) -> None:
        """Cancels the prompt when a limit is passed, and ends an agent that does not heed it."""
        import anyio

        with self._watching:
            self.outcome.ours, self.outcome.limit = await self._until_limit()
            if self.session:
                with suppress(ConnectionError):
                    await self._connection.send_notification("session/cancel", {"sessionId": self.session})
            with anyio.move_on_after(self.brief.grace):
                await self.over.wait()
            self._channel.hang_up()
            self.stop.set()

    async def close(self) -> None:
        """Ends the library's tasks; nothing more is heard."""
        import anyio

        with anyio.CancelScope(shield=True):
            await self._connection.close()
        self.told.finish()

    def figures(self) -> Heard:
        """What the dispatch has come to by itself, as far as the agent told."""
        return own(self.counted(), CARRIED, self._continued, self.rates)

    def counted(self) -> Heard:
        """The figures as the agent counts them; where it gives no sum of the tokens, what it told on the way."""
        usage = at(self.outcome.answer, "usage")
        whole, output = count(at(usage, "totalTokens")), count(at(usage, "outputTokens"))
        parts = total(*(at(usage, f"{name}Tokens") for name in ("input", "cachedRead", "cachedWrite")))
        parts = self.told.tokens or None if parts is None else parts
        return Heard(
            session=self.session,
            turns=self.told.turns,
            input_tokens=parts if whole is None or output is None else max(whole - output, 0),
            cached_tokens=count(at(usage, "cachedReadTokens")),
            output_tokens=output,
            total_usd=self.told.total_usd,
        )

    async def _talk(self) -> None:
        opened = await open_session(self._ask, self.brief, self.preset)
        self.session, self.outcome.note = opened.id, opened.note
        self._continued = opened.continued if self.preset.carries_cost else None
        self._prompted = True
        prompt = [{"type": "text", "text": self.brief.prompt}]
        self.outcome.answer = await self._ask("session/prompt", {"sessionId": self.session, "prompt": prompt})

    async def _ask(self, method: str, wish: dict[str, Any]) -> dict[str, Any]:
        answer = await self._connection.send_request(method, wish)
        return answer if isinstance(answer, dict) else {}

    async def _until_limit(self) -> tuple[Ours, str]:
        """Waits until the dispatch is to be ended, and says why."""
        import anyio

        limit, timeout, idle = self.brief.limits.time, self.brief.timeout, self.brief.idle_timeout
        longest = wall(self.brief)
        end = float("inf") if longest is None else anyio.current_time() + longest
        while True:
            silent = float("inf") if idle is None else self._channel.last + idle
            with anyio.CancelScope(deadline=min(end, silent)):
                await self._enough.wait()
                await anyio.sleep(_SETTLE)
                return "over-budget", self._passed
            if anyio.current_time() >= end:
                budget = limit is not None and (timeout is None or limit < timeout)
                return ("over-budget", "max-time") if budget else ("timed-out", "")
            if idle is not None and anyio.current_time() >= self._channel.last + idle:
                return "idle", ""

    async def _serve(self, method: str, params: Any, is_notification: bool) -> Any:
        """What the agent sends. Every request is answered: silence hangs agents."""
        from acp.exceptions import RequestError

        if method == "session/update":
            self._hear(params)
        elif method == "session/request_permission" and not is_notification:
            return {"outcome": self._permit(at(params, "toolCall"), objects(at(params, "options")))}
        elif not is_notification:
            raise RequestError.method_not_found(method)
        return None

    def _hear(self, params: Any) -> None:
        if not self._prompted or at(params, "sessionId") != self.session:
            return  # what is told before our prompt is of an earlier one
        self.told.hear(at(params, "update"))
        so_far = Heard(turns=self.told.turns, input_tokens=self.told.tokens, total_usd=self.told.total_usd)
        self._passed = self._passed or exceeded(own(so_far, CARRIED, self._continued, None), self.brief.limits)
        if self._passed:
            self._enough.set()

    def _permit(self, call: Any, offered: list[dict[str, Any]]) -> dict[str, Any]:
        if self.outcome.ours:
            return {"outcome": "cancelled"}
        tool = self.told.tool(call)
        options = [Option(text(o.get("optionId")), text(o.get("kind")), text(o.get("name"))) for o in offered]
        paths = tuple(resolved(path, self._ground.tree) for path in tool.paths)
        reason = refused(Wish(tool.kind, paths), self._ground)
        choice = None if reason else chosen(options, True, tool.kind)
        if choice is None:
            self._deny(f"{tool.title or tool.kind or 'a tool'}: {reason or 'it offers no answer that fits'}")
            choice = chosen(options, False)
        return {"outcome": "cancelled"} if choice is None else {"outcome": "selected", "optionId": choice}

    def _deny(self, what: str) -> None:
        self._show(f"refused: {what}")
        if len(self.outcome.denied) < _DENIED:
            self.outcome.denied.append(what[:_SHOWN])

    def _show(self, line: str) -> None:
        if self.brief.on_output is not None and line.strip():
            self.brief.on_output(self.redact(line.encode(errors="replace")) + b"\n")


def resolved(path: str, tree: Any) -> Path:
    """Where a path of the agent's leads, links followed; the root if that cannot be known."""
    from urllib.parse import unquote, urlsplit

    try:
        if path.startswith("file:"):
            path = unquote(urlsplit(path).path)
        return (Path(tree) / Path(path).expanduser()).resolve()
    except (OSError, ValueError, RuntimeError):
        return _FAR
