"""`superteam init`: finds out how a repository is tested, proves it, and writes its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say, table

if TYPE_CHECKING:
    from superteam.app.discovery.facts import Candidate
    from superteam.app.initialising import Proof, Proposal
    from superteam.core.events import BaselineDocument


def init(
    agent: Annotated[str | None, typer.Option(help="Use this agent.", metavar="NAME")] = None,
    test_command: Annotated[str | None, typer.Option(help="Use this suite.", metavar="CMD")] = None,
    to_print: Annotated[bool, typer.Option("--print", help="Print the file, write nothing.")] = False,
    no_run: Annotated[bool, typer.Option("--no-run", help="Run neither the suite nor the gate.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Find the agent, the suite, the gate and the setup of this repository, and write superteam.toml."""
    from superteam.app import initialising

    proposal = initialising.propose(Path.cwd(), agent, test_command, to_print)
    tell = (lambda text: None) if json else note if to_print else say
    tell(_found(proposal))
    proof = None
    if not no_run:
        progress = (lambda text: None) if json else note
        proposal, proof = initialising.prove(proposal, lambda key, data: None, progress)
    text = initialising.file_text(proposal, proof)
    file = None if to_print else initialising.write(proposal.project.root, text)
    if json:
        emit_json(_document(proposal, proof, file, text))
    else:
        tell(_shown(proposal, proof))
        say(text if file is None else _next(proposal, proof, file))
    return 3 if proof and proof.unsound else 0


# -- for people


def _found(proposal: Proposal) -> str:
    """What was found, why, and what else could be taken."""
    languages = ", ".join(proposal.found.ecosystems) or "no language that is known"
    rows: list[tuple[str, ...]] = [("agent", proposal.agent or "none found", proposal.why_agent)]
    rows += [("  or", one.agent.name, one.path) for one in proposal.agents if one.agent.name != proposal.agent]
    rows += _rows(
        "test-command", proposal.choice.test, proposal.found.tests, "looked for pytest, package.json, go.mod,"
    )
    if proposal.choice.test is None:
        rows.append(("", "", "Cargo.toml, pom.xml, build.gradle, Gemfile, composer.json, Makefile and others"))
    for gate in proposal.choice.gates:
        rows.append(("gate", gate.command, gate.why))
    rows += [("  or", one.command, one.why) for one in proposal.found.gates if one not in proposal.choice.gates]
    rows += _rows("setup", proposal.choice.setup, proposal.found.setups, _no_setup(proposal))
    notes = [f"note: {text}" for text in proposal.found.notes]
    root, head = proposal.project.root, proposal.project.repository.head[:12]
    return "\n".join([f"{root} at {head}: {languages}", table(rows), *notes])


def _rows(name: str, taken: Candidate | None, found: tuple[Candidate, ...], none: str) -> list[tuple[str, ...]]:
    first = (name, taken.command, taken.why) if taken else (name, "none", none)
    return [first, *(("  or", one.command, one.why) for one in found if taken is None or one.command != taken.command)]


def _no_setup(proposal: Proposal) -> str:
    here = ", ".join(sorted(proposal.facts.folders & {".venv", "node_modules"}))
    return f"{here} of the checkout is brought into each tree" if here else "nothing that a new tree would need"


def _shown(proposal: Proposal, proof: Proof | None) -> str:
    """What the runs showed."""
    from superteam.app.initialising import ending_text, suite_text

    if proof is None:
        return "nothing was run (--no-run)"
    lines = []
    if proof.unsound:
        lines += [f"the suite is NOT sound: {proof.unsound}"]
        lines += _output(proof.suite) if proof.suite else []
    elif proof.suite:
        lines.append(f"the suite is sound: {suite_text(proof.suite)}")
        known = proof.suite.known_failures
        lines += [f"  fails already, which no task is blamed for: {id}" for id in known[:5]]
        lines += [f"  and {len(known) - 5} more"] if len(known) > 5 else []
    lines += [f"the gate {one.gate.command} {ending_text(one)}" for one in proof.gates]
    if not all(one.passes for one in proof.gates):
        lines.append("  a gate that fails before any work would stop every task, so it is left out: mend it first")
    return "\n".join(filter(None, lines))


def _output(suite: BaselineDocument) -> list[str]:
    """Where the suite's output is, and how it ends."""
    from superteam.app.initialising import last_words

    where = [f"its output, {suite.output}, ends with:"] if suite.output else []
    return [*where, *(f"  | {line}" for line in last_words(suite))]


def _next(proposal: Proposal, proof: Proof | None, file: Path) -> str:
    """Where the file is and what to do now."""
    lines = [f"wrote {file}"]
    if proposal.choice.test is None:
        lines.append("next: write your test-command into it, then: superteam validate")
    elif proof and proof.unsound and proof.suite and proof.suite.verdict == "pass":
        lines.append(
            'next: let the suite write JUnit XML, and name it in the file: report = "junit:PATH"; or go on as it is'
        )
        lines.append("      (a run then compares the exit code alone, with low confidence): superteam doctor")
    elif proof and proof.unsound:
        lines.append("next: mend test-command, or [workspace] setup, in it, then: superteam validate")
    elif proposal.agent is None:
        lines.append("next: install an agent, or define your own in it ([agents.mine]), then: superteam doctor")
    else:
        lines.append("next: superteam doctor; then: superteam execute plan.md")
    return "\n".join(lines)


# -- for programs


def _document(proposal: Proposal, proof: Proof | None, file: Path | None, text: str) -> dict[str, Any]:
    from superteam.app.initialising import gates_that_pass, joined

    found, choice = proposal.found, proposal.choice
    return {
        "schema": "superteam.init.v1",
        "root": str(proposal.project.root),
        "sha": proposal.project.repository.head,
        "ecosystems": list(found.ecosystems),
        "agents": [{"name": one.agent.name, "path": one.path} for one in proposal.agents],
        "agent": proposal.agent,
        "test_command": choice.test.command if choice.test else None,
        "validation_command": joined(gates_that_pass(proposal, proof)),
        "setup": choice.setup.command if choice.setup else None,
        "candidates": [_candidate(one) for one in (*found.tests, *found.gates, *found.setups)],
        "notes": list(found.notes),
        "suite": _suite(proof),
        "gates": [{"command": one.gate.command, "exit_code": one.exit.code} for one in proof.gates] if proof else [],
        "file": str(file) if file else None,
        "text": text,
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {"kind": one.kind, "command": one.command, "why": one.why, "confidence": one.confidence}


def _suite(proof: Proof | None) -> dict[str, Any] | None:
    if proof is None or (proof.suite is None and not proof.unsound):
        return None
    suite = proof.suite
    return {
        "sound": proof.unsound is None,
        "reason": proof.unsound,
        "verdict": suite.verdict if suite else "inconclusive",
        "granularity": suite.granularity.value if suite else None,
        "counts": suite.counts if suite else {},
        "known_failures": list(suite.known_failures) if suite else [],
        "output": suite.output if suite else None,
    }
