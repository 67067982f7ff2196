"""Any program as the agent (contract, section 8): it gets the prompt and a tree, and may write a result file."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from superteam import process
from superteam.agents import fields
from superteam.agents.verdict import read_review
from superteam.core.moments import as_utc
from superteam.core.results import Exit
from superteam.core.settings import AgentDefinition
from superteam.errors import AgentUnavailable
from superteam.ports import AgentReport, Brief, Limits

Ended = Literal["done", "failed", "timed-out", "idle", "unreadable", "over-budget", "rate-limited"]

UNKNOWN = ""  # a rate limit whose end was not told
_RESULT_LIMIT = 2**20
_TEXT_LIMIT = 16_384  # of each text that goes from a result file into a report


def _text(value: Any) -> Any:
    return "" if value is None else value


def _texts(value: Any) -> Any:
    """A list of texts, leniently: agents write null, one text, or objects where texts are meant."""
    if value is None:
        return ()
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items)


def _until(value: Any) -> Any:
    """A moment as ISO 8601 or in seconds since 1970; true and whatever else is said is one that is not known."""
    if isinstance(value, bool) or value is None:
        return UNKNOWN if value else None
    if isinstance(value, int | float) and 0 < value < 10**11:
        return datetime.fromtimestamp(value, UTC).isoformat()
    return (as_utc(value) if isinstance(value, str) else None) or UNKNOWN


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Tokens = Annotated[int | None, Field(ge=0, le=2**53)]


class Result(BaseModel):
    """What an agent may say about its work; keys that we do not know are its own business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    summary: Annotated[str, BeforeValidator(_text)] = ""
    cost_usd: Annotated[float | None, Field(ge=0, le=2**53, allow_inf_nan=False)] = None
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    claims: Texts = ()
    deviations: Texts = ()
    question: str | None = None
    turns: Tokens = None
    session: Annotated[str | None, Field(max_length=1_000)] = None
    rate_limited_until: Annotated[str | None, BeforeValidator(_until)] = None


@dataclass(frozen=True, slots=True)
class CommandAgent:
    """Starts the configured program for each dispatch; `name` is what the configuration calls it."""

    name: str
    command: tuple[str, ...]
    root: Path

    def check(self) -> None:
        """Raises AgentUnavailable when the program is not there or not executable."""
        program = resolve(self.command[0], self.root)
        hint = f"Mend `command` of [agents.{self.name}] in superteam.toml, or choose another agent with --agent NAME."
        if os.sep not in program:
            if shutil.which(program) is None:
                raise AgentUnavailable(f"The program {program!r} of the agent {self.name!r} is not on the PATH.", hint)
        elif not Path(program).is_file():
            raise AgentUnavailable(f"The program {program} of the agent {self.name!r} does not exist.", hint)
        elif not os.access(program, os.X_OK):
            raise AgentUnavailable(
                f"The program {program} of the agent {self.name!r} is not executable.", f"chmod +x {program}"
            )

    async def work(self, brief: Brief) -> AgentReport:
        """One dispatch. Whether we ended the program is decided before anything that it said is looked at."""
        try:
            prepare(brief)
        except OSError as problem:
            return AgentReport(ended="failed", detail=f"the agent was not started: {problem}")
        done = await process.run(
            [*arguments(self.command, self.root, brief.prompt_file), *brief.arguments],
            cwd=brief.tree,
            env=environment(brief),
            output=brief.output,
            stdin=brief.prompt.encode(errors="replace"),
            timeout=wall(brief),
            idle_timeout=brief.idle_timeout,
            grace=brief.grace,
            on_output=brief.on_output,
            redact=process.secrets_redactor(brief.env),
        )
        last_words = done.stderr_tail.strip() or done.stdout_tail.strip()
        return report(brief, done.exit, last_words, done.leftovers)


def resolve(program: str, root: Path) -> str:
    """The program to start: one with a slash is relative to the repository root, never to the agent's tree."""
    return str(root / Path(program).expanduser()) if os.sep in program else program


def arguments(command: tuple[str, ...], root: Path, prompt_file: Path) -> list[str]:
    """The argument list, with {prompt_file} filled in."""
    return [part.replace("{prompt_file}", str(prompt_file)) for part in (resolve(command[0], root), *command[1:])]


def environment(brief: Brief) -> dict[str, str]:
    """The brief's environment and what the contract promises an agent."""
    return {
        **brief.env,
        "SUPERTEAM_PROMPT_FILE": str(brief.prompt_file),
        "SUPERTEAM_ROLE": brief.role,
        "SUPERTEAM_TASK_ID": brief.task_id,
        "SUPERTEAM_ATTEMPT": str(brief.attempt),
        "SUPERTEAM_RUN_ID": brief.run_id,
        "SUPERTEAM_RESULT": str(brief.result_file),
        **({"SUPERTEAM_REVIEW_ROLE": brief.review_role} if brief.role == "review" else {}),
        **{name: str(value) for name, value in _wishes(brief).items() if value is not None},
    }


def _wishes(brief: Brief) -> dict[str, str | float | None]:
    """What is only there where something was chosen, is to be continued, or is limited."""
    return {
        "SUPERTEAM_MODEL": brief.model,
        "SUPERTEAM_EFFORT": brief.effort,
        "SUPERTEAM_SESSION": brief.session,
        "SUPERTEAM_MAX_USD": brief.limits.usd,
        "SUPERTEAM_MAX_TOKENS": brief.limits.tokens,
        "SUPERTEAM_MAX_TURNS": brief.limits.turns,
    }


def wall(brief: Brief) -> float | None:
    """How long the program may run: the time-out, or what is left of a budget of time, whichever is shorter."""
    return min((limit for limit in (brief.timeout, brief.limits.time) if limit is not None), default=None)


def out_of_time(brief: Brief, ended: Exit) -> bool:
    """Whether it was ended because a budget of time is used up, and not by its time-out."""
    limit = brief.limits.time
    return ended.ended_by == "wall" and limit is not None and (brief.timeout is None or limit < brief.timeout)


def passed_limit(limits: Limits, usd: float | None, tokens: int | None, turns: int | None) -> str:
    """The name of a maximum that is passed ("max-usd"), or nothing; what is unknown passes none."""
    pairs = (("max-usd", usd, limits.usd), ("max-tokens", tokens, limits.tokens), ("max-turns", turns, limits.turns))
    return next((name for name, used, most in pairs if used is not None and most is not None and used > most), "")


def prepare(brief: Brief) -> None:
    """Writes the prompt, and makes sure that a result file found later is of this dispatch."""
    write_private(brief.prompt_file, brief.prompt.encode(errors="replace"))
    write_private(brief.result_file, b"")
    brief.result_file.unlink()


def write_private(path: Path, data: bytes) -> None:
    """A file that only its owner can read."""
    with os.fdopen(process.create_private(path), "wb") as file:
        file.write(data)


def report(brief: Brief, ended: Exit, last_words: str, leftovers: tuple[str, ...]) -> AgentReport:
    """What the dispatch came to: first how the program ended, then what it said in its result file."""
    result, problem = read_result(brief)
    if ended.timed_out:
        # Its words may be an answer to our TERM; what it has cost is counted all the same.
        verdict: Ended = "idle" if ended.ended_by == "idle" else "timed-out"
        verdict = "over-budget" if out_of_time(brief, ended) else verdict
        result = unsaid(result)
    elif result.rate_limited_until is not None:
        verdict = "rate-limited"
        result = unsaid(result)
    elif ended.code != 0:
        verdict = "failed"
    else:
        verdict = "unreadable" if problem else "done"
    review = None
    if brief.role == "review" and verdict == "done" and not (result.question or "").strip():
        review, problem = read_review(brief)
        verdict = "done" if review else "unreadable"
    return AgentReport(
        ended=verdict,
        exit_code=ended.code,
        detail="; ".join(filter(None, (how_it_ended(ended, last_words), problem))),
        summary=_short(result.summary, brief),
        cost_usd=result.cost_usd,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        claims=tuple(_short(claim, brief) for claim in result.claims),
        deviations=tuple(_short(deviation, brief) for deviation in result.deviations),
        question=_short((result.question or "").strip(), brief) or None,
        leftovers=leftovers,
        review=review,
        turns=result.turns,
        session=result.session if verdict == "done" else None,
        limit="max-time" if verdict == "over-budget" else "",
        resets_at=result.rate_limited_until or None,
    )


def unsaid(result: Result) -> Result:
    """What is left of a result that was not reached: what it has cost, and nothing that was said."""
    return result.model_copy(update={"question": None, "summary": "", "claims": (), "deviations": ()})


def read_result(brief: Brief) -> tuple[Result, str]:
    """The result file and, if it cannot be read, why not. The agent could have put anything there."""
    path = brief.result_file
    try:
        raw = process.read_regular(path, _RESULT_LIMIT)
    except FileNotFoundError:
        return Result(), ""
    except OSError as problem:
        return Result(), f"the result file {path} cannot be read: {problem.strerror or problem}"
    clean = process.secrets_redactor(brief.env)(raw)
    if clean != raw:
        write_private(path, clean)
    try:
        return Result.model_validate_json(fields.without_halves(clean)), ""
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Result(), f"the result file {path} cannot be read: {place + ': ' if place else ''}{first['msg']}"


def how_it_ended(ended: Exit, last_words: str) -> str:
    """How the program ended, in words; nothing if it ended well."""
    if ended.ended_by == "not-started":
        return f"the agent's program could not be started: {ended.detail}"
    if ended.timed_out:
        return f"the agent's program {ended.detail}"
    if not ended.code:
        return ended.detail
    how = f"ended with exit code {ended.code}" if ended.code > 0 else f"was killed by {_signal_name(-ended.code)}"
    return f"the agent's program {how}" + (f"; it said last:\n{last_words}" if last_words else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _short(text: str, brief: Brief) -> str:
    if len(text) <= _TEXT_LIMIT:
        return text
    return f"{text[:_TEXT_LIMIT]}\n[superteam: cut here; the whole is in {brief.result_file}]"


def make(name: str, definition: AgentDefinition, root: Path) -> CommandAgent:
    """The agent that [agents.NAME] defines."""
    return CommandAgent(name, definition.command, root)
