"""Where summaries lie, and where a plan's wish for one is not granted."""

from __future__ import annotations

from pathlib import Path

import pytest

from superteam.core import events as e
from superteam.core.evolve import start
from superteam.core.plan import Part, Plan
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.journal.runs import write_text
from superteam.journal.summaries import place, summary_lines, summary_path, wanted_path

WANTED = ".planning/phases/04-x/04-02-SUMMARY.md"


def part(output: str | None = WANTED, id: str = "04-02") -> Part:
    return Part(id=id, path="plan.md", title="A part", output=output)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def run_of(*parts: Part) -> Run:
    created = e.RunCreated(
        run_id="r1",
        plan=Plan(path="plan.md", format="gsd", title="A plan", sha256="f" * 64, parts=parts),
        settings=Settings(),
        start_sha="0" * 40,
        start_tree="a" * 40,
        user_branch="main",
        run_branch="superteam/plan-r1",
        interactive=False,
        superteam="0.1.0",
        pid=1,
        host="here",
    )
    return start(created, "2026-01-01T00:00:00+00:00")


def written(root: Path, run: Run, wanted: Part | None, text: str = "# text\n") -> None:
    path = summary_path(root, run, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


@pytest.mark.parametrize("output", [WANTED, "SUMMARY.md", "docs/summary.md", "a b/PHASE_SUMMARY.md"])
def test_a_summary_is_put_where_the_document_wants_it(output: str, tmp_path: Path) -> None:
    assert place(tmp_path, part(output), "# text\n")
    assert (tmp_path / output).read_text() == "# text\n"
    assert names((tmp_path / output).parent) == [Path(output).name]


@pytest.mark.parametrize(
    "output",
    [
        None,
        "",
        "/tmp/SUMMARY.md",
        "../SUMMARY.md",
        "a/../../SUMMARY.md",
        "a//SUMMARY.md",
        "./SUMMARY.md",
        ".git/SUMMARY.md",
        "x/.GIT/hooks/SUMMARY.md",
        ".superteam/SUMMARY.md",
        "CLAUDE.md",
        "AGENTS.md",
        "conftest.py",
        "SUMMARY.md/",
        "notSUMMARY.md",
        "SUMMARY.md\0x",
        "d/" * 600 + "SUMMARY.md",
    ],
)
def test_what_is_no_place_for_a_summary_gets_none(output: str | None, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    assert wanted_path(root, part(output)) is None
    assert not place(root, part(output), "# text\n")
    assert names(tmp_path) == ["repo"] and names(root) == []


def test_a_link_on_the_way_leads_nowhere(tmp_path: Path) -> None:
    root, outside = tmp_path / "repo", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / ".planning").symlink_to(outside)
    assert not place(root, part(".planning/SUMMARY.md"), "# text\n")
    assert names(outside) == []


def test_a_link_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "SUMMARY.md").symlink_to(tmp_path / "elsewhere")
    assert not place(tmp_path, part("SUMMARY.md"), "# text\n")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_is_there_is_never_changed(tmp_path: Path) -> None:
    (tmp_path / "SUMMARY.md").write_text("mine")
    assert not place(tmp_path, part("SUMMARY.md"), "# text\n")
    assert (tmp_path / "SUMMARY.md").read_text() == "mine"
    assert names(tmp_path) == ["SUMMARY.md"]


def test_each_part_has_a_file_of_its_own_in_the_runs_folder(tmp_path: Path) -> None:
    parts = (part(id="04-01"), part(id="04-02"), part(id="../x"), part(id=".. x"))
    paths = [summary_path(tmp_path, run_of(*parts), one) for one in parts]
    folder = tmp_path / ".superteam" / "runs" / "r1"
    assert paths[0] == folder / "SUMMARY-04-01.md"
    assert {path.parent for path in paths} == {folder} and len(set(paths)) == 4
    assert summary_path(tmp_path, run_of(part()), part()) == folder / "SUMMARY.md"
    assert summary_path(tmp_path, run_of(), None) == folder / "SUMMARY.md"


def test_a_summary_that_was_not_written_is_not_named(tmp_path: Path) -> None:
    assert summary_lines(tmp_path, run_of(part())) == ()


def test_the_end_text_says_where_each_summary_is(tmp_path: Path) -> None:
    one = part("SUMMARY.md")
    run = run_of(one)
    written(tmp_path, run, one)
    here = ".superteam/runs/r1/SUMMARY.md"
    assert summary_lines(tmp_path, run) == (f"summary: {here}",)
    place(tmp_path, one, "# text\n")
    assert summary_lines(tmp_path, run) == ("summary: SUMMARY.md (not committed)",)
    (tmp_path / "SUMMARY.md").write_text("# mine\n")
    assert summary_lines(tmp_path, run) == (f"summary: {here} (SUMMARY.md is another text and was left as it is)",)


def test_the_end_text_says_what_is_no_place_for_a_summary(tmp_path: Path) -> None:
    one, other = part("CLAUDE.md", "04-01"), part(None, "04-02")
    run = run_of(one, other)
    written(tmp_path, run, one)
    written(tmp_path, run, other)
    assert summary_lines(tmp_path, run) == (
        "summary of 04-01: .superteam/runs/r1/SUMMARY-04-01.md (CLAUDE.md is no place for it)",
        "summary of 04-02: .superteam/runs/r1/SUMMARY-04-02.md",
    )
