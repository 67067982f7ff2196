"""`superteam init`: what is found in a repository, the proof that its suite is sound, and the file that comes of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from superteam import process
from superteam.agents import choices
from superteam.app.agents_here import AGENTS, Installed, installed
from superteam.app.discovery import Choice, Discovery, choose, discover, runnable
from superteam.app.discovery.facts import Candidate, Facts
from superteam.app.looking import look
from superteam.app.project import Project, open_project
from superteam.app.template import Line, settings_text
from superteam.app.validating import baseline_at
from superteam.core.events import BaselineDocument
from superteam.core.results import Exit, Granularity
from superteam.errors import ConfigError, SetupFailed, SuperteamError
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.environment import base_environment

Output = Callable[[str, bytes], None]
FILE = "superteam.toml"
_GATE_TIME = 300.0  # seconds for one try of a gate
_REASON = 1000  # characters of a reason that are kept
_TRIES = 3  # test commands that are run until one is sound
_LAST = 5  # lines of an output
_OTHERS = 5  # alternatives that the file names for one key


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found in a repository and what is taken of it; `agent` None where none is installed."""

    project: Project
    facts: Facts
    found: Discovery
    choice: Choice
    agents: tuple[Installed, ...]
    agent: str | None
    why_agent: str


@dataclass(frozen=True, slots=True)
class GateTry:
    """One run of a gate on a clean tree of HEAD."""

    gate: Candidate
    exit: Exit

    @property
    def passes(self) -> bool:
        return self.exit.code == 0 and not self.exit.timed_out


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run of the suite and of each gate at HEAD showed; `unsound` says why the suite proves nothing.

    `rejected` are test commands that were not sound, with the reason, where another one was.
    """

    sha: str
    suite: BaselineDocument | None
    unsound: str | None
    gates: tuple[GateTry, ...]
    rejected: tuple[tuple[Candidate, str], ...] = ()


# -- what is proposed


def propose(cwd: Path, agent: str | None, test_command: str | None, to_print: bool) -> Proposal:
    """Looks at the repository around a folder; ConfigError if it has a configuration that must not be overwritten."""
    project = open_project(cwd)
    if not to_print:
        _refuse_to_overwrite(project)
    facts = look(project.repository, project.environ)
    found = discover(facts)
    choice = choose(found, facts)
    if test_command:
        choice = replace(choice, test=_given(test_command, choice))
    here = installed(project.environ.get("PATH", os.defpath))
    name, why = _agent(project, agent, here)
    return Proposal(_with(project, choice), facts, found, choice, here, name, why)


def _refuse_to_overwrite(project: Project) -> None:
    hint = "superteam config show prints it; superteam init --print shows what init would write"
    if os.path.lexists(project.root / FILE):
        raise ConfigError(f"{project.root / FILE} exists; it is not overwritten", hint)
    if project.root / "pyproject.toml" in project.configuration.files:
        text = f"this repository is configured in [tool.superteam] of {project.root / 'pyproject.toml'}"
        raise ConfigError(text, hint)


def _given(command: str, choice: Choice) -> Candidate:
    ecosystem = choice.test.ecosystem if choice.test else ""
    return Candidate("test", command, "given by --test-command", ecosystem=ecosystem)


def _agent(project: Project, wanted: str | None, here: tuple[Installed, ...]) -> tuple[str | None, str]:
    """The agent to use, and why: the wanted one, that of the user's own configuration, the first installed one."""
    known = choices(project.settings)
    if wanted is not None and wanted not in known:
        text = f"there is no agent {wanted!r}; the choices are: {', '.join(known)}"
        raise ConfigError(text, "superteam init --agent NAME, or without --agent, and define it in the file")
    if wanted is not None:
        return wanted, "given by --agent"
    chosen = project.settings.agent.use
    if chosen is not None:
        return chosen, f"your configuration says so ({project.configuration.origins['agent.use']})"
    if here:
        return here[0].agent.name, f"its program {here[0].agent.program} is on PATH"
    names = ", ".join(agent.program for agent in AGENTS if not agent.name.endswith("-acp"))
    return None, f"looked on PATH for {names} and for ACP adapters"


def _with(project: Project, choice: Choice) -> Project:
    """The project with the proposed commands, as if they stood in its file."""
    options: dict[str, Any] = {"test-command": choice.test.command} if choice.test else {}
    if choice.setup:
        options["workspace"] = {"setup": choice.setup.command}
    return open_project(project.root, options=options)


# -- whether it is sound


def prove(proposal: Proposal, on_output: Output, say: Callable[[str], None]) -> tuple[Proposal, Proof]:
    """Runs the suite once at HEAD, as a baseline, and each gate once; nothing in the checkout is touched.

    A suite that is not sound gives way to the next candidate that is, so that the proposal may be another one.
    """
    project = proposal.project
    desk = open_desk(project.repository, None, project.settings, project.environ)
    try:
        return anyio.run(_prove, proposal, desk, on_output, say)
    finally:
        desk.close()


async def _prove(
    proposal: Proposal, desk: Desk, on_output: Output, say: Callable[[str], None]
) -> tuple[Proposal, Proof]:
    head = proposal.project.repository.head
    try:
        runs = await _run_suites(proposal, desk, on_output, say)
        gates = tuple([await _try(proposal.project, desk, gate, say) for gate in proposal.choice.gates])
    except SetupFailed as problem:
        return proposal, Proof(head, None, problem.message[:_REASON], ())
    if not runs:
        return proposal, Proof(head, None, None, gates)
    sound = next((run for run in runs if run[2] is None), runs[0])
    rejected = tuple((test, why) for test, _, why in runs if why is not None and test != sound[0])
    choice = replace(proposal.choice, test=sound[0])
    proposal = replace(proposal, choice=choice, project=_with(proposal.project, choice))
    return proposal, Proof(head, sound[1], sound[2], gates, rejected if sound[2] is None else ())


async def _run_suites(
    proposal: Proposal, desk: Desk, on_output: Output, say: Callable[[str], None]
) -> list[tuple[Candidate, BaselineDocument, str | None]]:
    """One run of each candidate, with why it proves nothing, up to the first that is sound."""
    found: list[tuple[Candidate, BaselineDocument, str | None]] = []
    head = proposal.project.repository.head
    for test in _tests_to_try(proposal):
        say(f"running the suite once at {head[:12]}: {test.command}")
        project = _with(proposal.project, replace(proposal.choice, test=test))
        suite = await baseline_at(project, desk, on_output, head)
        found.append((test, suite, _unsound(suite, project)))
        if found[-1][2] is None:
            break
        say(f"  not sound: {found[-1][2]}")
    return found


def _tests_to_try(proposal: Proposal) -> list[Candidate]:
    """The chosen test command, and what else is no guess; only the chosen one where a person named it."""
    test = proposal.choice.test
    if test is None:
        return []
    others = [one for one in runnable(proposal.found.tests, proposal.facts) if one.confidence != "guess"]
    named = test not in proposal.found.tests
    return [test, *(one for one in others if one != test and not named)][:_TRIES]


def _unsound(suite: BaselineDocument, project: Project) -> str | None:
    """Why this run is no basis for verdicts; None if it is one. Paths are as in the repository, not in our tree."""
    if suite.verdict == "inconclusive":
        trees = re.escape(str(project.repository.cache / "trees"))
        return re.sub(rf"{trees}/check(-\d{{1,3}})?/", "", suite.reason or "the run was inconclusive")[:_REASON]
    if suite.granularity is Granularity.COMMAND:
        return "no test was counted, only the exit code of the command is seen" + (
            f" ({suite.note})" if suite.note else ""
        )
    if not any(number for name, number in suite.counts.items() if name != "skipped"):
        return "no test ran: all of them are skipped"
    return None


async def _try(project: Project, desk: Desk, gate: Candidate, say: Callable[[str], None]) -> GateTry:
    say(f"trying the gate: {gate.command}")
    tree = await desk.check_out(project.repository.head)
    done = await process.run(
        process.shell(gate.command),
        cwd=tree.path,
        env=tree.env,
        output=project.repository.cache / "outputs" / f"{tree.path.name}-init-gate.log",
        timeout=min(_GATE_TIME, project.settings.validation.timeout),
        redact=process.secrets_redactor(base_environment(project.environ)),
    )
    return GateTry(gate, done.exit)


# -- the file


def file_text(proposal: Proposal, proof: Proof | None) -> str:
    """The text of superteam.toml; without a proof nothing was run."""
    return settings_text(
        {
            "test-command": _test_line(proposal, proof),
            "validation-command": _gate_line(proposal, proof),
            "agent.use": _agent_line(proposal),
            "workspace.setup": _setup_line(proposal),
        }
    )


def gates_that_pass(proposal: Proposal, proof: Proof | None) -> tuple[Candidate, ...]:
    """The gates to be written: those that passed at HEAD; all of them where nothing was run."""
    if proof is None or (proof.suite is None and proof.unsound):
        return proposal.choice.gates
    return tuple(one.gate for one in proof.gates if one.passes)


def suite_text(suite: BaselineDocument) -> str:
    """What a run of the suite showed, in words."""
    counts = ", ".join(f"{number} {name}" for name, number in suite.counts.items() if number)
    return counts if suite.granularity is Granularity.TESTS else f"{counts}, read from what it prints"


def joined(gates: Iterable[Candidate]) -> str | None:
    """One command that runs them all; each in a shell of its own where it leads into a folder."""
    commands = [one.command for one in gates]
    if len(commands) > 1:
        commands = [f"({command})" if "&&" in command else command for command in commands]
    return " && ".join(commands) or None


def last_words(suite: BaselineDocument) -> tuple[str, ...]:
    """The last lines that a run of the suite printed; () where its output is gone."""
    try:
        with Path(suite.output or "").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(line[:200] for line in lines if line.strip())[-_LAST:]


def ending_text(one: GateTry) -> str:
    """How a gate ended at HEAD."""
    if one.passes:
        return "passes at HEAD"
    if one.exit.timed_out:
        return f"was ended after {one.exit.duration_s:.0f} s at HEAD"
    missing = ", its program is missing" if one.exit.code == 127 else ""
    return f"fails at HEAD (exit code {one.exit.code}{missing})"


def _test_line(proposal: Proposal, proof: Proof | None) -> Line:
    test = proposal.choice.test
    rejected = proof.rejected if proof else ()
    not_sound = tuple(f"Not sound: {one.command} ({one.why}): {why}." for one, why in rejected)
    used = {test.command if test else "", *(one.command for one, _ in rejected)}
    others = [one for one in proposal.found.tests if one.command not in used]
    if test is None:
        example = others[0].command if others else None
        return Line(None, ("No test command was found that can be run here.", *_alternatives(others)), example)
    why = [f"Why: {test.why}."]
    if proof and proof.unsound:
        why.append(f"NOT SOUND yet, at {proof.sha[:12]}: {proof.unsound}. Mend it, then: superteam validate")
    elif proof and proof.suite:
        why.append(f"Run once at {proof.sha[:12]}: {suite_text(proof.suite)}.")
    else:
        why.append("Not run yet: superteam validate")
    return Line(test.command, (*why, *not_sound, *_alternatives(others)))


def _gate_line(proposal: Proposal, proof: Proof | None) -> Line:
    taken = gates_that_pass(proposal, proof)
    tried = {one.gate.command: ending_text(one) for one in proof.gates} if proof else {}
    why = [f"Why: {one.command} ({one.why}) {tried.get(one.command, 'was not run yet')}." for one in taken]
    left = [one for one in proposal.choice.gates if one not in taken]
    why += [f"Left out: {one.command} ({one.why}) {tried.get(one.command, '')}." for one in left]
    others = [one for one in proposal.found.gates if one not in proposal.choice.gates]
    example = joined(left or others[:1])
    return Line(joined(taken), (*why, *_alternatives(others)), example)


def _agent_line(proposal: Proposal) -> Line:
    others = [one.agent.name for one in proposal.agents if one.agent.name != proposal.agent]
    also = (f"Also installed: {', '.join(others)}.",) if others else ()
    if proposal.agent is None:
        return Line(None, ("No agent was found on PATH. Install one, or define your own: [agents.mine] below.",))
    return Line(proposal.agent, (f"Why: {proposal.why_agent}.", *also))


def _setup_line(proposal: Proposal) -> Line:
    setup = proposal.choice.setup
    others = [one for one in proposal.found.setups if one != setup]
    why = (f"Why: {setup.why}.",) if setup else ()
    example = others[0].command if others else None
    return Line(setup.command if setup else None, (*why, *_alternatives(others)), example)


def _alternatives(others: list[Candidate]) -> tuple[str, ...]:
    return tuple(f"Or: {one.command} ({one.why})" for one in others[:_OTHERS])


def write(root: Path, text: str) -> Path:
    """Writes superteam.toml whole or not at all, and never over one that is there by now."""
    target, part = root / FILE, root / f".{FILE}.{os.getpid()}.part"
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        os.link(part, target)
    except FileExistsError as problem:
        raise ConfigError(f"{target} exists; it is not overwritten", "superteam config show") from problem
    except OSError as problem:
        text = f"{target} could not be written: {problem.strerror or problem}"
        raise SuperteamError(text, "superteam init --print prints it instead") from problem
    finally:
        with suppress(OSError):
            part.unlink()
    return target
