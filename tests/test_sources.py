"""Several validation sources: the test command and a smoke suite judge each commit together, with the same rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playground import CONFIG, SUITE, TEST_COMMAND, Repo, plan, script

# The fixture `cart` works when the tax is right, `login` always; what happens in the n-th run of `mood` stands in a
# file outside of every tree, one letter a run, and at a K the program that started this one is killed.
SMOKE = """\
import json, os, pathlib, signal, sys
import calc

chances = pathlib.Path(CHANCES)
wanted = ["login", "cart", "mood"]
if "--list" in sys.argv:
    print("\\n".join(wanted))
    sys.exit(0)
if "--fixture" in sys.argv:
    wanted = sys.argv[sys.argv.index("--fixture") + 1].split(",")

def mood():
    with open(chances / "runs", "a") as file:
        file.write(".")
    number = (chances / "runs").stat().st_size
    letter = (chances / "plan").read_text().strip().ljust(number, "P")[number - 1]
    if letter == "K":
        os.kill(os.getppid(), signal.SIGKILL)
    return letter == "P"

works = {"login": lambda: True, "cart": lambda: calc.tax(100) == 25, "mood": mood}
fixtures = [{"fixtureId": id, "status": "pass" if works[id]() else "fail", "error": id + " broke"} for id in wanted]
failed = sum(fixture["status"] == "fail" for fixture in fixtures)
summary = {"totalFixtures": len(wanted), "passedFixtures": len(wanted) - failed, "failedFixtures": failed}
result = "fail" if failed else "pass"
pathlib.Path("latest.json").write_text(
    json.dumps({"runId": "r", "result": result, "mode": "live", "summary": summary, "fixtures": fixtures})
)
sys.exit(1 if failed else 0)
"""
SOURCE = """
[[sources]]
name = "smoke"
kind = "smoke-artifact"
artifact = "latest.json"
command = ["python", "-S", "smoke.py", "--fixture", "{fixtures}"]
fixtures = ["python", "-S", "smoke.py", "--list"]
"""
NO_FIX = "\n[validation]\nauto-fix = 0\n"
TAX = "\n\ndef tax(amount):\n    return amount * {rate} // 100\n"
GOOD, WRONG = (SUITE["calc.py"] + TAX.format(rate=rate) for rate in (25, 19))
RIGHT_AGAIN = GOOD + "\n\nRATE = 25\n"

Shop = Callable[..., Repo]


@pytest.fixture
def shop(empty_repo: Repo, tmp_path: Path) -> Shop:
    """shop(dispatches, mood="PFP", config="..."): a repository with a unit suite and a smoke suite, and its plan."""

    def prepare(*dispatches: dict[str, Any], mood: str = "", tests: bool = True, config: str = NO_FIX) -> Repo:
        chances = tmp_path / "chances"
        chances.mkdir()
        (chances / "plan").write_text(mood)
        head = TEST_COMMAND if tests else 'agent.use = "script"\n'
        tasks = dict.fromkeys(entry["task"] for entry in dispatches)
        files = {
            **SUITE,
            "calc.py": GOOD,
            # in two pieces: no verdict would be kept where code names a file of the machine
            "smoke.py": SMOKE.replace("CHANCES", f"'/' + {json.dumps(str(chances)[1:])}"),
            ".gitignore": "latest.json\n__pycache__/\n",
            "superteam.toml": head + config.replace("[validation]", f"{SOURCE}\n[validation]") + CONFIG
            if "[validation]" in config
            else head + config + SOURCE + CONFIG,
            "plan.md": plan(*({"title": f"Task {id}", "id": id} for id in tasks)),
            "agent.toml": script(*dispatches),
        }
        empty_repo.commit(files, "start")
        return empty_repo

    return prepare


def writes(task: str, text: str, **more: Any) -> dict[str, Any]:
    return {"task": task, "write": {"calc.py": text}, **more}


def notes(task: str) -> dict[str, Any]:
    return {"task": task, "write": {f"notes-{task}.txt": "x\n"}}


def told(repo: Repo) -> list[tuple[str, str, str]]:
    return [(v["after_task"], v["source"], v["verdict"]) for v in repo.status()["validations"]]


def test_a_smoke_source_whose_rerun_tells_a_suspect_from_a_regression(shop: Shop) -> None:
    """At first run the moody fixture passes (the baseline), then it fails in the suite, passes and fails again alone,
    and fails at the reference; the cart is broken for good by the second task, and no test knows."""
    repo = shop(notes("1"), writes("2", WRONG), mood="PFPFF")

    done = repo.superteam("execute", "plan.md")

    assert done.code == 4, done.err
    status = repo.status()
    first, second = [v for v in status["validations"] if v["source"] == "smoke"]
    assert (first["verdict"], first["suspects"], first["regressions"]) == ("pass", ["mood"], [])
    assert (second["verdict"], second["flaky"], second["regressions"]) == ("fail", [], ["cart"])
    assert second["introduced_by"] == {"cart": "2"} and second["settlements"]["cart"] == {
        "task": [2, 2],
        "reference": [0, 2],
    }
    assert [v["verdict"] for v in status["validations"] if v["source"] == "tests"] == ["pass", "pass"]
    assert status["pending"]["failure_type"] == "test-regression" and status["pending"]["task"] == "2"
    assert "source smoke: cart worked before" in status["pending"]["question"]
    assert status["pending"]["evidence"]["tests"] == ["cart"]
    assert repo.task_commits(status["branch"]) == ["1"], "the branch must not have what one source refuses"
    assert list(status["baselines"]) == ["tests", "smoke"] and status["baseline"] == status["baselines"]["tests"]
    assert "baseline (smoke) pass" in done.err and "task 2 validation (smoke) fail: regressions: cart" in done.err


def test_a_fix_of_what_the_smoke_source_found_is_judged_by_all_sources(shop: Shop) -> None:
    repo = shop(writes("1", WRONG, role="implement"), writes("1", RIGHT_AGAIN, role="fix"), config="")

    done = repo.superteam("execute", "plan.md")

    assert done.code == 0, done.err
    assert [(source, verdict) for _, source, verdict in told(repo)] == [
        ("tests", "pass"),
        ("smoke", "fail"),
        ("tests", "pass"),
        ("smoke", "pass"),
    ]
    prompt = next((repo.root / ".superteam" / "latest" / "outputs").glob("attempt-1-2.prompt.md")).read_text()
    assert "source smoke: cart worked before" in prompt and "smoke.py --fixture cart" in prompt
    assert repo.task_commits() == ["1"]


def test_a_smoke_source_alone_is_validated_every_second_task_and_names_the_culprit(shop: Shop) -> None:
    dispatches = [writes("1", WRONG), notes("2"), writes("1", RIGHT_AGAIN, role="fix")]
    dispatches[0]["role"] = "implement"
    repo = shop(*dispatches, tests=False, config='validation-cadence = "every-2"\n')

    done = repo.superteam("execute", "plan.md")

    assert done.code == 0, done.err
    assert told(repo) == [("2", "smoke", "fail"), ("1", "smoke", "pass")]
    status = repo.status()
    assert status["validations"][0]["introduced_by"] == {"cart": "1"}
    assert status["baseline"]["granularity"] == "tests" and list(status["baselines"]) == ["smoke"]
    assert repo.task_commits() == ["1", "2", "1"]


def test_a_kill_between_the_validations_of_two_sources_ends_the_same(shop: Shop) -> None:
    """The smoke suite's second run kills the engine: the tests accepted the commit, the branch has not moved."""
    repo = shop(notes("1"), notes("2"), mood="PK")

    killed = repo.superteam("execute", "plan.md")
    half_way = repo.superteam("status", "--json").json
    done = repo.superteam("execute", "plan.md")

    assert killed.code == -9 and [v["source"] for v in half_way["validations"]] == ["tests"]
    assert done.code == 0, done.err
    wanted = [(task, source, "pass") for task in ("1", "2") for source in ("tests", "smoke")]
    assert told(repo) == wanted and repo.task_commits() == ["1", "2"]


def test_a_changed_definition_captures_that_source_s_baseline_again_and_no_other(shop: Shop) -> None:
    repo = shop(notes("1"), {"task": "2", "exit": 1})
    assert repo.superteam("execute", "plan.md").code == 4
    before = repo.status()["baselines"]
    config = (repo.root / "superteam.toml").read_text().replace('"python", "-S"', '"python"')
    repo.write({"superteam.toml": config, "agent.toml": script(notes("2"))})

    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")

    assert done.code == 0, done.err
    after = repo.status()["baselines"]
    assert after["tests"] == before["tests"] and after["smoke"]["captured_at"] > before["smoke"]["captured_at"]
    assert told(repo)[-1] == ("2", "smoke", "pass")


def test_a_source_that_comes_later_judges_what_was_done_before_it(shop: Shop) -> None:
    repo = shop(writes("1", WRONG), {"task": "2", "exit": 1})
    config = (repo.root / "superteam.toml").read_text()
    repo.write({"superteam.toml": config.replace(SOURCE, "")})
    assert repo.superteam("execute", "plan.md").code == 4
    repo.write({"superteam.toml": config, "agent.toml": script(notes("2"))})

    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")

    status = repo.status()
    assert done.code == 4 and status["pending"]["evidence"]["tests"] == ["cart"], done.err
    assert status["validations"][-1]["introduced_by"] == {"cart": "1"}


def test_a_source_that_is_gone_is_asked_about_no_more(shop: Shop) -> None:
    repo = shop(writes("1", WRONG), notes("2"))
    assert repo.superteam("execute", "plan.md").code == 4
    config = (repo.root / "superteam.toml").read_text()
    repo.write({"superteam.toml": config.replace(SOURCE, "")})

    done = repo.superteam("resume")

    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "2"] and told(repo)[-1] == ("2", "tests", "pass")


def test_a_source_without_a_sound_baseline_stops_the_run_by_its_name(shop: Shop) -> None:
    repo = shop(notes("1"))
    repo.commit({"smoke.py": "raise SystemExit(1)\n"}, "broken")

    done = repo.superteam("execute", "plan.md")

    assert done.code == 3 and "the run stops: source smoke: " in done.err
    assert repo.status()["tasks"][0]["attempts"] == 0


# -- validate


def test_validate_asks_all_sources_and_ends_with_the_worst_verdict(shop: Shop, tmp_path: Path) -> None:
    repo = shop(notes("1"))
    repo.write({"calc.py": WRONG})

    done = repo.superteam("validate", "--json", "--junit", str(tmp_path / "found.xml"))

    assert done.code == 1 and done.json["schema"] == "superteam.validations.v1"
    assert [(v["source"], v["verdict"]) for v in done.json["validations"]] == [("tests", "pass"), ("smoke", "fail")]
    suites = ElementTree.parse(tmp_path / "found.xml").getroot().findall("testsuite")
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [
        ("superteam", "0"),
        ("superteam smoke", "1"),
    ]
    text = repo.superteam("validate").out
    assert text.startswith("verdict: pass") and "\nsource: smoke\nverdict: fail\n" in text and "  cart  (" in text


def test_validate_asks_one_source_by_its_name_and_refuses_others(shop: Shop) -> None:
    repo = shop(notes("1"))
    repo.write({"calc.py": WRONG})

    tests = repo.superteam("validate", "--source", "tests", "--json")
    smoke = repo.superteam("validate", "--source", "smoke", "--json")
    unknown = repo.superteam("validate", "--source", "smoek")
    canary = repo.superteam("validate", "--source", "smoke", "--canary")

    assert (tests.code, tests.json["schema"], tests.json["source"]) == (0, "superteam.validation.v1", "tests")
    assert (smoke.code, smoke.json["source"], smoke.json["regressions"]) == (1, "smoke", ["cart"])
    assert unknown.code == 2 and "there is no source 'smoek'; the sources are: tests, smoke" in unknown.err
    assert canary.code == 2 and "canary" in canary.err


def test_only_asks_the_source_that_knows_the_test(shop: Shop) -> None:
    repo = shop(notes("1"))

    fixture = repo.superteam("validate", "--only", "cart", "--json").json["validations"]
    test = repo.superteam("validate", "--only", "test_calc.py::test_add", "--json").json["validations"]
    nobody = repo.superteam("validate", "--only", "nonesuch", "--json").json["validations"]

    assert [(v["source"], v["counts"]["passed"]) for v in fixture] == [("smoke", 1)]
    assert [(v["source"], v["counts"]["passed"]) for v in test] == [("tests", 1)]
    assert [(v["source"], v["verdict"]) for v in nobody] == [("tests", "inconclusive")]


def test_a_verdict_in_the_cache_is_that_of_its_source(shop: Shop) -> None:
    repo = shop(notes("1"))
    first = repo.superteam("validate", "--json").json["validations"]

    again = repo.superteam("validate", "--json").json["validations"]

    assert not any("from the cache" in note for v in first for note in v["notes"])
    assert [(v["source"], v["counts"]["passed"]) for v in again] == [("tests", 2), ("smoke", 3)]
    assert all("from the cache" in v["notes"][0] for v in again)


def test_annotations_name_the_source(shop: Shop) -> None:
    repo = shop(notes("1"))
    repo.write({"calc.py": WRONG})

    done = repo.superteam("validate", "--github")

    notices = [line.partition("::")[2] for line in done.out.splitlines() if line.startswith("::notice")]
    assert done.code == 1 and [line.partition("::")[0] for line in notices] == [
        "notice title=superteam%3A pass",
        "notice title=superteam smoke%3A fail",
    ]


@pytest.mark.parametrize("name", ["tests", "smoke"])
def test_each_source_needs_a_name_of_its_own(name: str, shop: Shop) -> None:
    repo = shop(notes("1"))
    config = (repo.root / "superteam.toml").read_text() + SOURCE.replace('"smoke"', json.dumps(name))
    repo.write({"superteam.toml": config})

    done = repo.superteam("validate")

    assert done.code == 2 and "a name of its own" in done.err and repr(name) in done.err


SPOILT = {
    "artifact_not_found": "",
    "artifact_read_error": "pathlib.Path('latest.json').mkdir()",
    "artifact_invalid_json": "pathlib.Path('latest.json').write_text('{not json')",
    "artifact_invalid_shape": "pathlib.Path('latest.json').write_text('{\"fixtures\": 3}')",
}


def spoils(line: str) -> dict[str, Any]:
    head = SMOKE.partition("def mood")[0].replace("CHANCES", '""')
    return {"task": "1", "write": {"smoke.py": head + line + "\n"}}


@pytest.mark.parametrize("code", SPOILT)
def test_an_artifact_that_cannot_be_read_is_a_parse_error_that_asks_after_retries(code: str, shop: Shop) -> None:
    repo = shop(spoils(SPOILT[code]), config="")

    done = repo.superteam("execute", "plan.md")

    assert done.code == 4, done.err
    status = repo.status()
    assert status["pending"]["failure_type"] == "parse-error" and code in status["pending"]["question"]
    assert [option["id"] for option in status["pending"]["options"]] == ["retry", "rollback", "skip", "abort"]
    assert [(f["type"], f["action"]) for f in status["tasks"][0]["failures"]] == [("parse-error", "auto-retry")] * 3
    assert status["tasks"][0]["attempts"] == 1, "the agent is not asked to mend what nobody could read"


@pytest.mark.parametrize(("action", "code"), [("warn-continue", 3), ("escalate", 4)])
def test_the_action_for_an_artifact_that_cannot_be_read_can_be_overridden(action: str, code: int, shop: Shop) -> None:
    repo = shop(spoils(""))

    done = repo.superteam("execute", "plan.md", "--action", f"parse-error={action}")

    assert done.code == code, done.err
    status = repo.status()
    assert {(f["type"], f["action"]) for f in status["tasks"][0]["failures"]} == {("parse-error", action)}
    assert [v["source"] for v in status["validations"]].count("smoke") == 1
    assert (status["pending"] or {}).get("failure_type") == (None if code == 3 else "parse-error")


@pytest.mark.parametrize("line", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(127)"])
def test_a_smoke_command_that_does_not_end_by_itself_is_a_crash_and_no_parse_error(line: str, shop: Shop) -> None:
    repo = shop(spoils(line))
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.status()["pending"]["failure_type"] == "suite-crash"
