"""Any agent that speaks the Agent Client Protocol, over its standard input and output."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from superteam import process
from superteam.agents.acp_presets import PRESETS, UNKNOWN, Preset
from superteam.agents.command import CommandAgent, arguments, environment, prepare, resolve
from superteam.core.settings import AgentDefinition, Rates
from superteam.errors import AgentUnavailable
from superteam.ports import AgentReport, Brief


@dataclass(frozen=True, slots=True)
class AcpAgent:
    """Starts the program for each dispatch, and talks with it as a client of the protocol without a person."""

    name: str
    command: tuple[str, ...]
    root: Path
    preset: Preset = UNKNOWN
    rates: Rates | None = None

    def check(self) -> None:
        """Raises AgentUnavailable, with the command that installs it, when a program is not there."""
        own = self.command[:1] != self.preset.command[:1]
        if own:
            CommandAgent(self.name, self.command, self.root).check()
        for program in (*(() if own else self.command[:1]), *self.preset.needs):
            if shutil.which(resolve(program, self.root)) is None:
                raise AgentUnavailable(
                    f"The agent {self.name!r} needs the program {program}, which is not on the PATH.",
                    f"Install it: {self.preset.install}; or choose another agent with --agent NAME.",
                )

    async def work(self, brief: Brief) -> AgentReport:
        """One dispatch: one program, one session, one prompt."""
        import anyio

        from superteam.agents.acp_dialogue import Dialogue
        from superteam.agents.acp_report import report

        try:
            prepare(brief)
        except OSError as problem:
            return AgentReport(ended="failed", detail=f"the agent was not started: {problem}")
        said, heard = anyio.create_memory_object_stream[bytes](float("inf"))
        dialogue = Dialogue(brief, self.preset, self.rates, said)
        try:
            with heard:
                async with anyio.create_task_group() as group:
                    group.start_soon(dialogue.hold)
                    group.start_soon(dialogue.watch)
                    done = await process.run(
                        command_line(self, brief),
                        cwd=brief.tree,
                        env={**environment(brief), **self.preset.environment},
                        output=brief.output,
                        grace=brief.grace,
                        redact=dialogue.redact,
                        feed=heard,
                        on_stdout=dialogue.take,
                        stop=dialogue.stop,
                    )
                    dialogue.end()
                    await dialogue.over.wait()
                    group.cancel_scope.cancel()
        finally:
            await dialogue.close()
        return report(dialogue, done)


def command_line(agent: AcpAgent, brief: Brief) -> list[str]:
    """The program with its own arguments, those for the model where it takes it so, and the user's."""
    model = [part.replace("{model}", brief.model) for part in agent.preset.model] if brief.model else []
    return [*arguments(agent.command, agent.root, brief.prompt_file), *model, *brief.arguments]


def make(name: str, definition: AgentDefinition, root: Path) -> AcpAgent:
    """The agent that [agents.NAME] defines, or a known one."""
    if definition.preset is None:
        return AcpAgent(name, definition.command, root, UNKNOWN, definition.rates)
    preset = PRESETS[definition.preset]
    return AcpAgent(name, definition.command or preset.command, root, preset, definition.rates)
