"""GSD plans through the command: one document, a folder of them, and the trust in what they want to run."""

from __future__ import annotations

from typing import Any

from playground import Repo, Setup

FOLDER = ".planning/phases/03-lamp"


def document(number: str, wave: int, depends: str, *works: tuple[str, str]) -> str:
    tasks = "".join(
        f'<task type="auto">\n<name>Task: write {name}</name>\n<files>{name}</files>\n<action>Write {name}.</action>\n'
        f"<verify><automated>{command}</automated></verify>\n</task>\n"
        for name, command in works
    )
    return (
        f"---\nphase: 03-lamp\nplan: {number}\ntype: execute\nwave: {wave}\ndepends_on: {depends}\nautonomous: true\n"
        f"---\n\n<objective>\nLight {number}.\n</objective>\n\n<tasks>\n{tasks}</tasks>\n"
    )


FIRST = document("01", 1, "[]", ("a.txt", "test -f a.txt"), ("b.txt", "test -f b.txt &amp;&amp; test -f a.txt"))
SECOND = document("02", 2, '["03-01"]', ("c.txt", 'touch "$PLACE/ran" && test -f b.txt'))
PHASE = {f"{FOLDER}/03-01-PLAN.md": FIRST, f"{FOLDER}/03-02-PLAN.md": SECOND}
IDS = {"03-01.1": "a", "03-01.2": "b", "03-02.1": "c"}
AGENT: list[dict[str, Any]] = [{"task": id, "write": {f"{name}.txt": name}} for id, name in IDS.items()]
ALONE = [{**entry, "task": id} for id, entry in zip("12", AGENT, strict=False)]


def test_a_gsd_document_runs_and_its_commands_are_the_gates(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], ALONE, {f"{FOLDER}/03-01-PLAN.md": FIRST})
    done = repo.superteam("execute", f"{FOLDER}/03-01-PLAN.md")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "2"]
    assert "write b.txt" in repo.git("log", "-1", "--format=%s")


def test_a_gate_that_fails_keeps_the_task_from_being_committed(given: Setup, repo: Repo) -> None:
    wrong = [{"task": "1", "write": {f"{number}.txt": "x"}} for number in range(3)]
    given([{"title": "unused"}], wrong, {f"{FOLDER}/03-01-PLAN.md": FIRST})
    assert repo.superteam("execute", f"{FOLDER}/03-01-PLAN.md").code == 4
    assert "validation-failure" in str(repo.status())
    assert repo.task_commits() == []


def test_a_phase_runs_in_the_order_of_its_waves_and_is_one_run(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], AGENT, PHASE)
    repo.env["PLACE"] = str(repo.cache)
    done = repo.superteam("execute", FOLDER)
    assert done.code == 0, done.err
    assert repo.task_commits() == ["03-01.1", "03-01.2", "03-02.1"]
    status = repo.status()
    assert status["plan"]["path"] == FOLDER
    assert "superteam/03-lamp-" in repo.git("branch", "--list", "superteam/*")
    again = repo.superteam("execute", FOLDER + "/")
    assert again.code == 0 and "carried out this plan already" in again.err


def test_a_phase_goes_on_after_it_was_interrupted_and_takes_what_changed(given: Setup, repo: Repo) -> None:
    given(
        [{"title": "unused"}],
        [AGENT[0], AGENT[1], *[{"task": "03-02.1", "exit": 1}] * 3],
        PHASE,
        config='on-escalation = "pause"',
    )
    repo.env["PLACE"] = str(repo.cache)
    assert repo.superteam("execute", FOLDER).code == 4
    repo.commit({f"{FOLDER}/03-02-PLAN.md": SECOND.replace("Write c.txt.", "Write c.txt well.")}, "clearer")
    explained = repo.superteam("resume", "--explain")
    assert explained.code == 0 and "take    task 03-02.1" in explained.out
    repo.git("rm", "-rq", FOLDER)
    assert "take    task 03-02.1" not in repo.superteam("resume", "--explain").out


def test_a_phase_with_one_document_that_is_not_committed_is_not_trusted(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], AGENT, {f"{FOLDER}/03-01-PLAN.md": FIRST})
    place = repo.cache.parent / "place"
    place.mkdir()
    repo.env["PLACE"] = str(place)
    repo.write({f"{FOLDER}/03-02-PLAN.md": SECOND})
    refused = repo.superteam("execute", FOLDER)
    assert refused.code == 2 and "--trust-plan" in refused.err
    assert 'touch "$PLACE/ran"' in refused.err and not (place / "ran").exists()
    trusted = repo.superteam("execute", FOLDER, "--trust-plan")
    assert trusted.code == 0, trusted.err
    assert (place / "ran").exists()


def test_a_document_that_is_changed_is_not_trusted(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], AGENT, PHASE)
    repo.write({f"{FOLDER}/03-01-PLAN.md": FIRST.replace("test -f a.txt<", "true<")})
    refused = repo.superteam("execute", FOLDER)
    assert refused.code == 2 and "--trust-plan" in refused.err


def test_a_link_to_a_document_is_not_trusted_for_being_committed(given: Setup, repo: Repo) -> None:
    outside = repo.root.parent / "outside.md"
    outside.write_text(FIRST)
    (repo.root / "03-01-PLAN.md").symlink_to(outside)
    given([{"title": "unused"}], ALONE)
    refused = repo.superteam("execute", "03-01-PLAN.md")
    assert refused.code == 2 and "--trust-plan" in refused.err


def test_the_commands_of_a_verification_have_to_be_trusted_too(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], ALONE)
    text = "<task>\n<name>A</name>\n<action>x</action>\n</task>\n<verification>\n- `make danger`\n</verification>\n"
    repo.write({"03-01-PLAN.md": text})
    refused = repo.superteam("execute", "03-01-PLAN.md")
    assert refused.code == 2 and "make danger" in refused.err and "--trust-plan" in refused.err


def test_a_phase_can_be_checked_and_run_dry(given: Setup, repo: Repo) -> None:
    given([{"title": "unused"}], AGENT, PHASE)
    done = repo.superteam("plan", "check", FOLDER)
    assert done.code == 0 and "gsd-phase, 3 tasks, 0 errors" in done.out
    assert "03-02.1" in repo.superteam("execute", FOLDER, "--dry-run").out
    repo.write({f"{FOLDER}/03-03-PLAN.md": "nothing\n"})
    broken = repo.superteam("plan", "check", FOLDER)
    assert broken.code == 2
    assert f"{FOLDER}/03-03-PLAN.md:1: error: the plan holds no tasks" in broken.out
    assert repo.superteam("execute", FOLDER).code == 2


def test_a_folder_without_plans_is_refused(repo: Repo) -> None:
    (repo.root / "empty").mkdir()
    for command in (("plan", "check", "empty"), ("execute", "empty")):
        done = repo.superteam(*command)
        assert done.code == 2 and "looked for files named PLAN.md" in done.err
