"""Opening a session over ACP: the first words, a login by key, an earlier session, mode, model and effort."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from superteam.agents.acp_presets import Preset
from superteam.agents.fields import count, objects, text
from superteam.agents.fields import field as at
from superteam.agents.heard import Session, session_of
from superteam.ports import Brief

PROTOCOL = 1
AUTH_REQUIRED = -32000
_LISTED = 20  # values of an option that a message names

Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class Unfit(Exception):
    """The agent cannot do what is asked of it; the text is for people."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that is ready for a prompt; `continued` if it goes on from an earlier dispatch."""

    id: str
    continued: Session | None = None
    note: str = ""


async def open_session(ask: Ask, brief: Brief, preset: Preset) -> Opened:
    """Raises Unfit, or what `ask` raises: the library's RequestError, and ConnectionError when the program is gone."""
    from superteam import __version__

    hello = await ask(
        "initialize",
        {
            "protocolVersion": PROTOCOL,
            # In so many words: agents that are told nothing have tried to read files through us.
            "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
            "clientInfo": {"name": "superteam", "title": "superteam", "version": __version__},
        },
    )
    version = count(hello.get("protocolVersion"))
    if version != PROTOCOL:
        raise Unfit(f"the agent speaks version {version} of the Agent Client Protocol, not version {PROTOCOL}")
    earlier = session_of(brief.session)
    found = await _continue(ask, hello, brief, earlier) if earlier else None
    if earlier and found is not None:
        session = Opened(earlier.id, earlier)
    else:
        found = await _begin(ask, hello, brief, preset)
        note = f"the session {earlier.id} could not be continued, so a new one was begun" if earlier else ""
        session = Opened(text(found.get("sessionId")), note=note)
    if not session.id:
        raise Unfit("the agent opened a session without an id")
    await _set_up(ask, session.id, found, brief, preset)
    return session


async def _continue(ask: Ask, hello: dict[str, Any], brief: Brief, earlier: Session) -> dict[str, Any] | None:
    """Resumes a session, or loads it (which repeats what was said in it); None where neither can be done."""
    from acp.exceptions import RequestError

    can = hello.get("agentCapabilities")
    resumes = isinstance(at(can, "sessionCapabilities", "resume"), dict)
    ways = (("session/resume", resumes), ("session/load", at(can, "loadSession") is True))
    for method in (method for method, possible in ways if possible):
        try:
            return await ask(method, {"sessionId": earlier.id, "cwd": str(brief.tree), "mcpServers": []})
        except RequestError as error:
            if error.code == AUTH_REQUIRED:
                raise
    return None


async def _begin(ask: Ask, hello: dict[str, Any], brief: Brief, preset: Preset) -> dict[str, Any]:
    """A new session; where a login is needed first, and a key for it is in the environment, with that."""
    from acp.exceptions import RequestError

    place = {"cwd": str(brief.tree), "mcpServers": []}
    try:
        return await ask("session/new", place)
    except RequestError as error:
        way = way_in(hello, preset, brief)
        if error.code != AUTH_REQUIRED or way is None:
            raise
    await ask("authenticate", {"methodId": way})
    return await ask("session/new", place)


def way_in(hello: dict[str, Any], preset: Preset, brief: Brief) -> str | None:
    """The way to authenticate, of those that the agent offers, for which a key is in the environment."""
    for offered in objects(hello.get("authMethods")):
        name = text(offered.get("id"))
        if any(brief.env.get(key) for key in preset.keys.get(name, ())):
            return name
    return None


async def _set_up(ask: Ask, session: str, found: dict[str, Any], brief: Brief, preset: Preset) -> None:
    """Mode, model and effort. A model or an effort that cannot be had is an error: it was asked for by name."""
    mode = wanted_mode(found, preset)
    if mode is not None:
        await ask("session/set_mode", {"sessionId": session, "modeId": mode})
    options = objects(found.get("configOptions"))
    if brief.model and not preset.model:
        if _option(options, "model") is None and at(found, "models") is not None:
            await _apply(ask, "session/set_model", {"sessionId": session, "modelId": brief.model}, "model", ())
        else:
            options = await _set(ask, session, options, ("model",), brief.model) or options
    if brief.effort:
        await _set(ask, session, options, ("thought_level", "effort", "reasoning_effort"), brief.effort)


def wanted_mode(found: dict[str, Any], preset: Preset) -> str | None:
    """The session mode that is to be set; None if it is set, or not offered."""
    offered = [text(mode.get("id")) for mode in objects(at(found, "modes", "availableModes"))]
    mode = next((mode for mode in preset.modes if mode in offered), None)
    return None if mode == at(found, "modes", "currentModeId") else mode


async def _set(
    ask: Ask, session: str, options: list[dict[str, Any]], names: tuple[str, ...], value: str
) -> list[dict[str, Any]]:
    """Sets an option of the session; the options as they then are, [] if that is not told."""
    what = "model" if names[0] == "model" else "effort"
    option = next(filter(None, (_option(options, name) for name in names)), None)
    if option is None:
        raise Unfit(
            f"the agent lets nobody choose its {what} over ACP: take `{what}` out of its configuration, "
            "or give it by `arguments`"
        )
    wish = {"sessionId": session, "configId": text(option.get("id")), "value": value}
    answer = await _apply(ask, "session/set_config_option", wish, what, tuple(_values(option)))
    return objects(answer.get("configOptions"))


async def _apply(ask: Ask, method: str, wish: dict[str, Any], what: str, offered: tuple[str, ...]) -> dict[str, Any]:
    from acp.exceptions import RequestError

    value = wish.get("value", wish.get("modelId"))
    try:
        return await ask(method, wish)
    except RequestError as error:
        why = text(at(error.data, "details"))[:1000] or text(error.args[0])
        more = f"; it offers: {', '.join(offered[:_LISTED])}" if offered else ""
        raise Unfit(f"the agent does not take the {what} {value!r}: {why}{more}") from error


def _option(options: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The option of this category, else of this id."""
    by_category = (option for option in options if option.get("category") == name)
    return next(by_category, None) or next((option for option in options if option.get("id") == name), None)


def _values(option: dict[str, Any]) -> Iterator[str]:
    """What can be chosen; values can be in groups."""
    for entry in objects(option.get("options")):
        for value in objects(entry.get("options")) or (entry,):
            yield text(value.get("value"))
