"""A scripted model on loopback, for real agents: Anthropic Messages, OpenAI chat completions, OpenAI Responses.

What is answered depends only on the conversation that is asked about: the newest prompt with a known mark in it
chooses the replies, and the number of answers since then chooses one of them. So retries get the same answer again,
and requests on the side (titles, quota checks, summaries) eat no turns.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = (1000, 100)  # tokens in and out of each answer
_CWD = re.compile(r"(?:working directory: |<cwd>)([^\n<]{1,500})", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A tool that the model wants to use; "{cwd}" in its arguments becomes the agent's current directory.

    Arguments that are a text are those of a "custom" tool of OpenAI Responses (codex: apply_patch).
    """

    name: str
    arguments: Mapping[str, Any] | str


@dataclass(frozen=True)
class Say:
    """An answer of the model: text, then tools to use; an answer without tools ends the agent's turn."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    usage: tuple[int, int] = USAGE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fail:
    """No answer: an HTTP status with an error; `more` goes into the error's object.

    `times` None means always, else what follows it in the script comes after so many.
    """

    status: int
    kind: str = "api_error"
    message: str = "scripted failure"
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    times: int | None = None


@dataclass(frozen=True)
class Garbage:
    """Status 200 and a body that is no answer."""

    body: bytes = b"<html>not what you think</html>\n"


@dataclass(frozen=True)
class Cut:
    """The first half of an answer, and the end of the connection."""

    whole: Say


@dataclass(frozen=True)
class Hang:
    """Status 200 and never a word, until the server is closed."""


Step = Say | Fail | Garbage | Cut | Hang
DONE = Say("There is nothing more to do.")


@dataclass(frozen=True)
class Asked:
    """One request: `mark` is of the prompt that it is about ("" for one on the side), `step` the place in its script.

    `prompts` are all texts of the user in the conversation, `heard` what the tools said, `answers` how often the
    model had answered before.
    """

    path: str
    model: str
    mark: str
    step: int
    prompts: tuple[str, ...]
    heard: tuple[str, ...]
    answers: int
    key: str
    tools: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass
class ModelServer:
    """`script` maps a mark to the answers for a prompt that holds it; the first mark that fits counts."""

    script: dict[str, Sequence[Step]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failed: dict[tuple[str, int], int] = field(default_factory=dict)
    _http: ThreadingHTTPServer | None = None

    def __enter__(self) -> ModelServer:
        handler = type("Handler", (_Handler,), {"model": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        assert self._http is not None
        return f"http://127.0.0.1:{self._http.server_port}"

    def about(self, mark: str) -> list[Asked]:
        """What was asked about prompts with this mark."""
        return [asked for asked in self.asked if asked.mark == mark]

    def answer(self, path: str, key: str, body: Mapping[str, Any]) -> Step:
        """Notes the request and chooses the answer."""
        talk = _conversation(path, body)
        mark, step, answers = self._place(talk, body)
        said = tuple(text for role, text in talk if role == "user")
        heard = tuple(text for role, text in talk if role == "tool")
        tools = tuple(str(tool.get("name") or tool.get("function", {}).get("name")) for tool in body.get("tools") or ())
        with self._lock:
            model = str(body.get("model"))
            self.asked.append(Asked(path, model, mark, step, said, heard, answers, key, tools, body))
            return self._step(mark, step)

    def _place(self, talk: list[tuple[str, str]], body: Mapping[str, Any]) -> tuple[str, int, int]:
        answers = _runs(talk)
        if not body.get("tools"):  # a title, a quota check: nothing that can do work
            return "", 0, answers
        for place in range(len(talk) - 1, -1, -1):
            role, text = talk[place]
            mark = next((mark for mark in self.script if mark in text), "") if role == "user" else ""
            if mark:
                return mark, _runs(talk[place + 1 :]), answers
        return "", 0, answers

    def _step(self, mark: str, answers: int) -> Step:
        """The step after so many answers; a failure is no answer, so that it is met until it was met often enough."""
        for place, one in enumerate(self.script.get(mark, ())):
            if not isinstance(one, Fail):
                if answers == 0:
                    return one
                answers -= 1
            elif answers == 0:
                count = self._failed[mark, place] = self._failed.get((mark, place), 0) + 1
                if one.times is None or count <= one.times:
                    return one
        return DONE

    def hang(self) -> None:
        """Keeps a request without an answer until the server is closed."""
        self.hanging.set()
        self._closed.wait()


def _runs(talk: list[tuple[str, str]]) -> int:
    """How often the model answered: runs of its messages and tool uses."""
    roles = ["", *(role for role, _ in talk)]
    return sum(now == "assistant" != before for before, now in itertools.pairwise(roles))


def _conversation(path: str, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(role, text) in order; roles are user, assistant, tool and system."""
    if path.endswith("/responses"):
        given = body.get("input") or []
        return [_item(item) for item in ([{"role": "user", "content": given}] if isinstance(given, str) else given)]
    found = []
    for message in body.get("messages") or []:
        content = message.get("content") or ""
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        results = [block for block in blocks if block.get("type") == "tool_result"]
        found += [("tool", _text(block.get("content"))) for block in results]
        rest = [block for block in blocks if block.get("type") != "tool_result"]
        if rest or not results:
            role = str(message.get("role"))
            found.append(("system" if role == "developer" else role, _text(rest)))
    return found


def _item(item: Mapping[str, Any]) -> tuple[str, str]:
    kind = str(item.get("type") or "message")
    if kind == "message":
        role = str(item.get("role"))
        return ("system" if role == "developer" else role), _text(item.get("content"))
    if kind.endswith("_output"):
        return "tool", _text(item.get("output"))
    return "assistant", ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_text(part) for part in content)
    if isinstance(content, Mapping):
        return _text(content.get("text") or content.get("content") or "")
    return ""


class _Handler(BaseHTTPRequestHandler):
    model: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self._send(200, b"", "text/plain")

    def do_GET(self) -> None:
        data = {"object": "list", "data": [], "models": [], "has_more": False}
        self._send(200, json.dumps(data).encode(), "application/json")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        if path.endswith("/count_tokens"):
            return self._send(200, b'{"input_tokens": 1000}', "application/json")
        if not path.endswith(("/messages", "/chat/completions", "/responses")):
            return self._send(
                404, b'{"error": {"type": "not_found_error", "message": "no such thing"}}', "application/json"
            )
        key = self.headers.get("x-api-key") or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return self._reply(path, body, self.model.answer(path, key, body))

    def _reply(self, path: str, body: Mapping[str, Any], step: Step) -> None:
        match step:
            case Fail():
                error = {"type": step.kind, "code": step.kind, "message": step.message, **step.more}
                text = json.dumps({"type": "error", "error": error}).encode()
                self._send(step.status, text, "application/json", step.headers)
            case Garbage():
                self._send(200, step.body, "text/event-stream")
            case Hang():
                self._begin("text/event-stream")
                self.model.hang()
            case Cut():
                whole = b"".join(_stream(path, body, step.whole))
                self._begin("text/event-stream")
                self.wfile.write(whole[: len(whole) // 2])
            case Say() if body.get("stream"):
                self._begin("text/event-stream", step.headers)
                for event in _stream(path, body, step):
                    self.wfile.write(event)
            case Say():
                self._send(200, json.dumps(_message(path, body, step)).encode(), "application/json")

    def _begin(self, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def _send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


# The three languages


def _stream(path: str, body: Mapping[str, Any], say: Say) -> Iterator[bytes]:
    if path.endswith("/messages"):
        return (f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode() for data in _anthropic(body, say))
    if path.endswith("/responses"):
        return (f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode() for data in _responses(body, say))
    return (f"data: {json.dumps(data) if data else '[DONE]'}\n\n".encode() for data in _chat(body, say))


def _message(path: str, body: Mapping[str, Any], say: Say) -> Mapping[str, Any]:
    """The answer as one document."""
    if path.endswith("/messages"):
        return {**_head(body, say), "content": _blocks(body, say), "stop_reason": "end_turn"}
    message = {"role": "assistant", "content": say.text}
    return {"id": _id(body, "chat"), "object": "chat.completion", "choices": [{"index": 0, "message": message}]}


def _head(body: Mapping[str, Any], say: Say) -> dict[str, Any]:
    used = {"input_tokens": say.usage[0], "output_tokens": say.usage[1]}
    return {"id": _id(body, "msg"), "type": "message", "role": "assistant", "model": body.get("model"), "usage": used}


def _blocks(body: Mapping[str, Any], say: Say) -> list[dict[str, Any]]:
    texts = [{"type": "text", "text": say.text}] if say.text else []
    return texts + [
        {"type": "tool_use", "id": _id(body, "call", place), "name": call.name, "input": _filled(body, call.arguments)}
        for place, call in enumerate(say.calls)
    ]


def _anthropic(body: Mapping[str, Any], say: Say) -> Iterator[dict[str, Any]]:
    start = {**_head(body, say), "content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(_blocks(body, say)):
        if block["type"] == "text":
            opened, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            opened = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if say.calls else "end_turn"
    used = {"input_tokens": say.usage[0], "output_tokens": say.usage[1]}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": used}
    yield {"type": "message_stop"}


def _chat(body: Mapping[str, Any], say: Say) -> Iterator[dict[str, Any] | None]:
    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        head = {"id": _id(body, "chat"), "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}
        return {**head, "choices": [choice]}

    yield chunk({"role": "assistant", "content": say.text})
    for place, call in enumerate(say.calls):
        function = {"name": call.name, "arguments": json.dumps(_filled(body, call.arguments))}
        yield chunk(
            {"tool_calls": [{"index": place, "id": _id(body, "call", place), "type": "function", "function": function}]}
        )
    last = chunk({}, "tool_calls" if say.calls else "stop")
    total = sum(say.usage)
    used = {"prompt_tokens": say.usage[0], "completion_tokens": say.usage[1], "total_tokens": total}
    yield {**last, "usage": used}
    yield None


def _responses(body: Mapping[str, Any], say: Say) -> Iterator[dict[str, Any]]:
    whole: dict[str, Any] = {"id": _id(body, "resp"), "object": "response", "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": whole}
    items: list[dict[str, Any]] = []
    if say.text:
        content = [{"type": "output_text", "text": say.text, "annotations": []}]
        items.append({"type": "message", "role": "assistant", "id": _id(body, "msg"), "content": content})
    for place, call in enumerate(say.calls):
        head = {
            "call_id": _id(body, "call", place),
            "name": call.name,
            "id": _id(body, "item", place),
            "status": "completed",
        }
        filled = _filled(body, call.arguments)
        if isinstance(filled, str):
            items.append({"type": "custom_tool_call", **head, "input": filled})
        else:
            items.append({"type": "function_call", **head, "arguments": json.dumps(filled)})
    for index, item in enumerate(items):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    used: dict[str, Any] = {"input_tokens": say.usage[0], "output_tokens": say.usage[1]}
    used |= {"total_tokens": sum(say.usage), "input_tokens_details": {"cached_tokens": 0}}
    used["output_tokens_details"] = {"reasoning_tokens": 0}
    yield {"type": "response.completed", "response": {**whole, "status": "completed", "output": items, "usage": used}}


def _id(body: Mapping[str, Any], kind: str, place: int = 0) -> str:
    """An id that is new in this conversation."""
    return f"{kind}_{len(body.get('messages') or body.get('input') or ())}_{place}"


def _filled(body: Mapping[str, Any], arguments: Mapping[str, Any] | str) -> Any:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    if "{cwd}" in text:
        found = _CWD.search(
            _text([body.get("system"), body.get("messages"), body.get("input"), body.get("instructions")])
        )
        text = text.replace("{cwd}", found[1].strip() if found else ".")
    return text if isinstance(arguments, str) else json.loads(text)
