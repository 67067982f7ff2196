from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.plans.gsd_commands import automated, commands_of

COMMANDS = [
    "- [ ] node --check src/x.js src/y.js",
    "- [x] `npm test`",
    "1. `pytest -q tests` passes.",
    "* npm run build",
    "- `CI=1 npx vitest run`",
    "- FOO=a pytest -q",
    "npm test",
    "- make check",
    "- `make`",
    "- [ ] test -f dist/x.js",
    "- ! grep -r TODO src",
    "- [ ] ./scripts/check.sh --all",
    "- `scripts/check.sh`",
    "- python -m ruff check .",
    "- [ ] node -e \"import('./x.js').then(m=>{if(!m)process.exit(1);})\"",
    "- go test ./...",
    "- cargo clippy --all-targets",
    "- `(cd web && npm test)`",
    "- rg -n 'no|fails' README.md",
    "- `npm test -- --watchAll=false`",
    "- `[ -s x ]`",
]
PROSE = [
    "",
    "- ",
    "- [ ] All tests pass",
    "- make sure that it builds",
    "- `make sure`",
    "- test that it works",
    "- go through the pages",
    "- find all links",
    "- node is running",
    "- python 3.11 is installed",
    "- npm test passes",
    "- npm test passes without errors.",
    "- npm test, then look",
    "- git history is clean",
    "- coverage above 80%",
    "- docker image builds",
    "- `npm test` fails",
    "- `grep -c x y` returns 0",
    "- Run `npm test`",
    "- `src/x.ts`",
    "- `GET /api/health`",
    "- `const x = 1`",
    "- `user.name` is set",
    "- `npm run dev`",
    "- npm start",
    "- `npx vitest --watch`",
    "- `tail -f log`",
    "- `docker compose up`",
    "- don't node x",
    "- echo",
    "- time to look",
    "Verify manually in the browser:\n- `npm test`\n- node x.js",
    "```bash\nnpm test\n```",
    "~~~\n- npm test\n~~~",
    "> npm test",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_line_that_is_a_command_is_run(line: str) -> None:
    (command,) = commands_of(f"Before it is done:\n{line}\n\nThat is all.")
    assert command in line


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_never_run(text: str) -> None:
    assert commands_of(text) == ()


def test_what_a_person_does_ends_with_the_list() -> None:
    text = "In the browser:\n- `npm test`\n\nThen:\n- `npm run lint`\n- `npm run lint`"
    assert commands_of(text) == ("npm run lint",)


words = st.sampled_from(["All", "tests", "should", "pass", "the", "page", "is", "shown", "with", "no", "errors", "It"])


@given(st.lists(words, min_size=1, max_size=8), st.sampled_from(["- ", "- [ ] ", "1. ", ""]))
def test_sentences_are_never_run(found: list[str], mark: str) -> None:
    assert commands_of(mark + " ".join(found)) == ()


lines = st.sampled_from(["true", "false", "x=1", "test $x = 1", "cd /", "test $PWD = /", "true # note", "true; true"])


@given(st.lists(st.lists(lines, min_size=1, max_size=4), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_gate_passes_only_if_every_line_of_every_command_does(commands: list[list[str]]) -> None:
    """The oracle runs each command by itself with -e, which ends a shell at the first line that fails."""
    gate = automated(["\n".join(command) for command in commands])
    assert gate is not None
    wanted = all(_status("set -e\n" + "\n".join(command)) == 0 for command in commands)
    assert (_status(gate) == 0) is wanted


def _status(script: str) -> int:
    return subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True).returncode
