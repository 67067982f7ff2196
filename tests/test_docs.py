"""The documents say what the code does: tables, diagram, commands, keys, examples and links are compared with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from markdown_it import MarkdownIt
from markdown_it.token import Token

from superteam.agents.scripted import Script
from superteam.cli.exit_codes import ExitCode
from superteam.cli.main import COMMANDS, application
from superteam.core.events import Event
from superteam.core.failures import APPROVABLE, DEFAULT_ACTIONS, FIXABLE
from superteam.core.plan import Task
from superteam.core.run import BEGINS, ENDS, FOLLOWS, Phase
from superteam.core.settings import AgentDefinition, Section, Settings, SourceDefinition
from superteam.plans import load_plan
from superteam.reports.formats import READERS
from superteam.runners.recognise import RUNNERS

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCS]


# -- reading documents


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of all table rows of a document, without backticks; headings and rules of tables are among them."""
    lines = [line for line in text_of(name).splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def fences(text: str) -> list[Token]:
    """The fenced blocks, also those inside of lists."""
    return [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]


def blocks(text: str, kind: str) -> list[str]:
    """The contents of the fenced blocks of a kind."""
    return [fence.content for fence in fences(text) if fence.info == kind]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    fenced = {number for fence in fences(text) if fence.map for number in range(*fence.map)}
    return "\n".join(line for number, line in enumerate(text.split("\n")) if number not in fenced)


def anchors(text: str) -> set[str]:
    """The names under which headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- tables and the diagram


def diagram(follows: Mapping[Phase, frozenset[Phase]]) -> str:
    """The state diagram in mermaid's words, in the order in which phases are declared."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {_node(phase)}" for phase in Phase if phase in BEGINS)]
    for phase in Phase:
        after = [later for later in Phase if later in follows[phase]]
        lines += [f"    {_node(phase)} --> {_node(later)}" for later in after]
        lines += [f"    {_node(phase)} --> [*]"] if phase in ENDS else []
    return "\n".join(lines) + "\n"


def _node(phase: Phase) -> str:
    return phase.value.replace("-", "_")


def test_the_state_diagram_is_that_of_the_table_of_phases() -> None:
    assert blocks(text_of("docs/explanation/how-a-run-works.md"), "mermaid") == [diagram(FOLLOWS)]


def test_the_taxonomy_in_the_reference_is_that_of_the_code() -> None:
    types = {type.value for type in DEFAULT_ACTIONS}
    found = [(row[0], row[2], row[3], row[4]) for row in rows("docs/reference/taxonomy.md") if row[0] in types]
    wanted = [
        (type.value, action.value, "yes" if type in FIXABLE else "no", "yes" if type in APPROVABLE else "no")
        for type, action in DEFAULT_ACTIONS.items()
    ]
    assert found == wanted


@pytest.mark.parametrize("name", ["README.md", "docs/reference/exit-codes.md"])
def test_every_exit_code_is_documented_under_its_name(name: str) -> None:
    found = {int(row[0]): row[1] for row in rows(name) if row[0].isdecimal()}
    assert found == {code.value: code.name.lower() for code in ExitCode}


def test_every_event_is_documented() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(Event)}
    assert {row[0] for row in rows("docs/reference/events.md")} >= kinds


def test_every_key_of_a_task_is_documented() -> None:
    ours = {"kind", "part", "wave", "modifies", "line"}  # what readers find out, not what people write
    keys = {name if name in ("depends_on", "acceptance_test") else name.replace("_", "-") for name in Task.model_fields}
    assert {row[0] for row in rows("docs/reference/plan-format.md")} >= keys - ours


# -- commands


def commands(name: str) -> Iterator[tuple[str, Any]]:
    """A command, or those of a group, with what people type to call it."""
    found: Any = typer.main.get_command(application([name])).commands[name]  # type: ignore[attr-defined]
    if hasattr(found, "commands"):
        yield from ((f"{name} {inner}", command) for inner, command in found.commands.items())
    else:
        yield name, found


ALL_COMMANDS = dict(pair for name in COMMANDS for pair in commands(name))


def sections() -> dict[str, str]:
    parts = re.split(r"^## superteam (.+)$", text_of("docs/reference/commands.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_its_section_and_no_other_is_documented() -> None:
    assert list(sections()) == list(ALL_COMMANDS)


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    options = {option for parameter in ALL_COMMANDS[name].params for option in parameter.opts if option[:2] == "--"}
    table = [line.split("|")[1] for line in sections()[name].splitlines() if line.startswith("| `--")]
    assert set(re.findall(r"--[a-z-]+", " ".join(table))) == options - {"--help"}


# -- configuration


def keys(kind: type[Section], above: str = "") -> Iterator[str]:
    """Every key of the settings, dotted; a table of named tables has NAME (or a type) in its place."""
    for name, field in kind.model_fields.items():
        key = f"{above}{field.alias or name}"
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from keys(inner, f"{key}.")
        elif AgentDefinition in get_args(inner):
            yield from keys(AgentDefinition, f"{key}.NAME.")
        elif SourceDefinition in get_args(inner):
            yield from keys(SourceDefinition, f"{key}.")
        else:
            yield f"{key}.TYPE" if key == "failure-actions" else key


def test_every_key_is_in_the_configuration_reference_and_no_other() -> None:
    three = [row[0] for row in rows("docs/reference/configuration.md") if len(row) == 3]
    assert [key for key in three if key not in ("key", "---")] == list(keys(Settings))


def test_the_defaults_in_the_reference_are_those_of_the_code() -> None:
    shown = {row[0]: row[1] for row in rows("docs/reference/configuration.md") if len(row) == 3}
    listed = ("agents.NAME", "sources.")
    without = {key for key in keys(Settings) if key.startswith(listed) or key.endswith(".TYPE")}
    written = "\n".join(
        f"{key} = {shown[key]}" for key in keys(Settings) if shown[key] != "none" and key not in without
    )
    assert Settings.model_validate(tomllib.loads(written)) == Settings()
    unset = [key for key in keys(Settings) if shown[key] == "none" and key not in without]
    assert all(_value(Settings(), key) is None for key in unset)


def _value(settings: Settings, key: str) -> object:
    found: Any = settings.model_dump(by_alias=True)
    for part in key.split("."):
        found = found[part]
    return found


# -- examples and links


@pytest.mark.parametrize("name", NAMES)
def test_every_toml_example_is_valid(name: str) -> None:
    for block in blocks(text_of(name), "toml"):
        table = tomllib.loads(block)
        if "dispatch" in table:
            Script.model_validate(table)
        else:
            Settings.model_validate(table.get("tool", {}).get("superteam", table))


@pytest.mark.parametrize("name", NAMES)
def test_every_example_of_a_plan_can_be_read(name: str, tmp_path: Path) -> None:
    for block in blocks(text_of(name), "markdown"):
        path = tmp_path / "plan.md"
        path.write_text(block, encoding="utf-8")
        plan, findings = load_plan(path, tmp_path)
        assert plan is not None and plan.tasks and not findings, findings


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    here = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text_of(name))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (here / path).resolve() if path else ROOT / name
        assert file.exists(), f"{name} links to {target}"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{name} links to {target}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        here = todo.pop()
        if here in reached or here.suffix != ".md":
            continue
        reached.add(here)
        links = re.findall(r"\]\(([^)\s#]+)", prose(here.read_text(encoding="utf-8")))
        todo += [(here.parent / link).resolve() for link in links if "://" not in link]
    assert {path for path in DOCS if path not in reached} == set()


def test_every_framework_and_format_is_in_the_reference_and_no_other() -> None:
    named = [row[0] for row in rows("docs/reference/frameworks.md")]
    assert {*named} - {"framework", "format", "---"} == {*RUNNERS, *READERS}
    assert len(named) == len(RUNNERS) + len(READERS) + 4
