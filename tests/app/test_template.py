"""The file that `init` writes: valid as it is, with every key, and with the defaults that are in force."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from hypothesis import given as for_all
from hypothesis import strategies as st

from superteam.app.template import Line, settings_text
from superteam.core.failures import DEFAULT_ACTIONS
from superteam.core.settings import Section, Settings

KEY = re.compile(r"^#(?! )", re.MULTILINE)


def test_what_is_written_without_any_choice_is_the_defaults() -> None:
    assert Settings.model_validate(tomllib.loads(settings_text({}))) == Settings()


def test_every_commented_key_may_be_taken_as_it_is() -> None:
    taken = tomllib.loads(KEY.sub("", settings_text({})))
    assert Settings.model_validate(taken).model_fields_set == set(Settings.model_fields)


def test_the_defaults_that_are_shown_are_those_of_the_code() -> None:
    lines = [line for line in settings_text({}).splitlines() if "# not set" not in line and "smoke" not in line]
    text = KEY.sub("", "\n".join(lines)).partition("# Any program can be the agent")[0]
    found = Settings.model_validate(tomllib.loads(text))
    assert found.failure_actions == DEFAULT_ACTIONS
    assert found.model_copy(update={"failure_actions": {}}) == Settings.model_validate(
        {"agent": found.agent.model_dump(), "budget": found.budget.model_dump()}
    )
    assert found.agent.timeout == Settings().agent.timeout and found.agent.max_attempts == Settings().agent.max_attempts


def keys(kind: type[Section], above: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from keys(field.annotation, f"{above}{field.alias or name}.")
        else:
            yield f"{above}{field.alias or name}"


def test_every_key_of_the_settings_is_shown() -> None:
    table, shown = "", set()
    for line in settings_text({}).splitlines():
        if line.startswith("[") or line.startswith("#["):
            table = line.strip("#[]") + "."
        elif " = " in line and not line.startswith("# "):
            shown.add(table + line.lstrip("#").partition(" ")[0])
    assert set(keys(Settings)) - {"agents", "sources", "failure-actions"} <= shown
    assert {"sources.name", "agents.mine.command", "failure-actions.test-flake"} <= shown


TEXT = st.text(max_size=60)


@for_all(TEXT, st.lists(TEXT, max_size=3), TEXT)
def test_any_command_and_any_reason_is_written_so_that_it_is_read_as_it_was(
    command: str, why: list[str], example: str
) -> None:
    command = command.encode("utf-8", "ignore").decode()
    lines = {"test-command": Line(command, tuple(why)), "workspace.setup": Line(None, tuple(why), example)}
    assert tomllib.loads(settings_text(lines))["test-command"] == command


def test_a_reason_of_many_words_stays_a_comment_on_every_line() -> None:
    text = settings_text({"test-command": Line("x", ("word " * 100 + "\n[agent]\nuse = 'evil'",))})
    assert Settings.model_validate(tomllib.loads(text)).agent.use is None
    assert max(map(len, text.splitlines())) < 160
