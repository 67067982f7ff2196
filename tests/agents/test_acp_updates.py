"""What is heard of an agent: lines however they are cut, updates of any shape, messages, turns and tokens."""

from __future__ import annotations

import json
from typing import Any

import anyio
from hypothesis import given
from hypothesis import strategies as st

from superteam.agents.acp_channel import Channel, sound
from superteam.agents.acp_updates import Told, Words

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KINDS = ("agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "usage_update", "plan")
FIELDS = ("content", "messageId", "toolCallId", "kind", "title", "locations", "rawInput", "status", "used", "cost")
updates = st.builds(
    lambda kind, rest: {"sessionUpdate": kind, **rest},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from((*FIELDS, "_meta")), anything, max_size=6),
)


def told(*updates: object) -> tuple[Told, list[str]]:
    shown: list[str] = []
    found = Told(shown.append, Words(shown.append))
    for update in updates:
        found.hear(update)
    found.finish()
    return found, [line for line in shown if line]


def say(said: str, name: str = "") -> dict[str, Any]:
    return {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": said}, "messageId": name}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call", "toolCallId": name, **more}


def ended(name: str) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call_update", "toolCallId": name, "status": "completed"}


def usage(used: int) -> dict[str, Any]:
    return {"sessionUpdate": "usage_update", "used": used}


@given(st.lists(updates | anything, max_size=8))
def test_updates_of_any_shape_are_taken(given: list[Any]) -> None:
    found, _ = told(*given)
    assert 0 <= found.turns <= len(given)
    assert found.total_usd is None or found.total_usd >= 0
    assert isinstance(found.words.last(), str) and all(isinstance(tool.title, str) for tool in found.tools.values())


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("xy\n ", max_size=6)), max_size=12))
def test_messages_are_joined_by_name_and_lines_are_shown_once(pieces: list[tuple[str, str]]) -> None:
    found, shown = told(*(say(text, name) for name, text in pieces))
    messages: list[str] = []
    before = None
    for name, text in pieces:
        if name == before:
            messages[-1] += text
        else:
            messages.append(text)
        before = name
    whole = [message.strip() for message in messages if message.strip()]
    assert found.words.last() == (whole[-1] if whole else "")
    assert found.words.all().split() == " ".join(whole).split()
    assert [line.strip() for line in shown if line.strip()] == [
        line.strip() for message in messages for line in message.split("\n") if line.strip()
    ]


def test_long_messages_are_kept_by_their_end() -> None:
    found, shown = told(*(say("x" * 100_000) for _ in range(50)), say("the end"))
    assert found.words.last().endswith("xthe end") and len(found.words.last()) <= 3 * 2**20
    assert len(found.words.all()) <= 2**20 and len(shown) == 1


def test_a_turn_begins_when_the_model_speaks_after_a_tool() -> None:
    one = (say("a"), tool("1"), tool("2"), ended("1"), ended("2"))
    assert told(*one)[0].turns == 1
    assert told(*one, say("b"), say("c"))[0].turns == 2
    assert told(*one, tool("3"), ended("3"), {"sessionUpdate": "agent_thought_chunk"})[0].turns == 3


def test_the_context_counts_once_for_each_turn() -> None:
    found, _ = told(
        usage(100), say("a"), usage(120), tool("1"), ended("1"), usage(150), say("b"), usage(160), usage(140)
    )
    assert (found.turns, found.tokens) == (2, 280)


def test_a_tool_is_shown_when_its_title_is_known() -> None:
    _, shown = told(tool("1", title="Terminal"), tool("1", title="make"), ended("1"), tool("2", title="make"))
    assert shown == ["tool: Terminal", "tool: make", "tool: make"]


def test_of_too_many_paths_one_is_forbidden() -> None:
    found, _ = told(tool("1", locations=[{"path": str(number)} for number in range(2000)]))
    assert len(found.tools["1"].paths) == 1001 and found.tools["1"].paths[-1] == "/"


@given(st.lists(st.integers(1, 40), max_size=30), st.booleans())
def test_messages_arrive_however_the_output_is_cut(cuts: list[int], ends: bool) -> None:
    messages = [{"id": number, "result": {"text": "ü\u2028" * number}} for number in range(4)]
    lines = [json.dumps(message, ensure_ascii=False) for message in messages]
    data = ("junk\n" + "\r\n\n".join(lines) + ("\n" if ends else "")).encode()

    async def arrived() -> list[Any]:
        send, _ = anyio.create_memory_object_stream[bytes](1)
        channel, rest = Channel(send), data
        for cut in cuts:
            channel.take(rest[:cut])
            rest = rest[cut:]
        channel.take(rest)
        channel.end()
        found = []
        while (message := await channel.receive()) is not None:
            found.append(message)
        await channel.close()
        return found

    assert anyio.run(arrived) == messages


@given(st.dictionaries(st.sampled_from(("id", "method", "params", "result", "error", "jsonrpc")), anything))
def test_only_messages_that_a_connection_can_take_are_sound(message: dict[str, Any]) -> None:
    found = sound(message)
    if found is None:
        return
    assert isinstance(found.get("method", ""), str)
    assert found.get("id") is None or isinstance(found["id"], str | int)
    if "method" not in found and "error" in found and "result" not in found:
        assert isinstance(found["error"]["code"], int) and found["error"]["message"]
