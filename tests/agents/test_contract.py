"""What each adapter owes the engine, whatever its protocol: one suite, a kit for each adapter (kits.py)."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from agents.acp_program import make_brief
from agents.kits import KITS, Kit

from superteam.ports import AgentReport, Limits

GOES_ON = "begin()\nfor n in range(10_000):\n    turn('step %d' % n)\n    time.sleep(0.02)\n"
SINGLE = "begin(); turn('All done.'); end()"


def with_kits(*, knows: str = "", tells: str = "") -> pytest.MarkDecorator:
    chosen = [kit for kit in KITS if (not knows or knows in kit.knows) and (not tells or tells in kit.tells)]
    return pytest.mark.parametrize("kit", chosen, ids=lambda kit: kit.name)


def work(kit: Kit, body: str, tmp_path: Path, **more: Any) -> AgentReport:
    brief = make_brief(tmp_path, **more)
    return anyio.run(kit.make(body, tmp_path).work, brief)


@with_kits()
def test_a_change_is_left_in_the_tree(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); write('a.txt', 'a'); turn('All done.'); end()", tmp_path)
    assert (found.ended, found.exit_code, found.detail) == ("done", 0, "")
    assert found.summary == "All done."
    assert (tmp_path / "tree" / "a.txt").read_text() == "a"


@with_kits()
def test_figures_are_of_the_whole_dispatch(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('One.'); turn('Two.', (20, 2), 0.5); end()", tmp_path)
    told = {"cost_usd": 0.75, "input_tokens": 30, "output_tokens": 3, "turns": 2}
    assert {name: getattr(found, name) for name in told} == {
        name: value if name in kit.tells else None for name, value in told.items()
    }


@with_kits()
def test_an_unknown_cost_is_none(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('One.', usd=None); end()", tmp_path)
    assert (found.ended, found.cost_usd) == ("done", None)


@with_kits()
def test_a_bad_exit_code_is_a_failure_with_the_last_words(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('One.'); sys.stderr.write('no such luck\\n'); sys.exit(3)", tmp_path)
    assert (found.ended, found.exit_code, found.session) == ("failed", 3, None)
    assert "exit code 3" in found.detail
    assert "no such luck" in found.detail or kit.name == "scripted"  # whose words are its script's


@with_kits(knows="stream")
def test_a_stream_that_ends_without_its_result_is_a_failure(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('All done.'); sys.stderr.write('oh no\\n'); sys.exit(0)", tmp_path)
    assert (found.ended, found.exit_code) == ("failed", 0)
    assert "oh no" in found.detail


@with_kits()
def test_a_program_that_is_killed_by_another_is_a_failure(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); os.kill(os.getpid(), 9)", tmp_path)
    assert found.ended == "failed"
    assert "SIGKILL" in found.detail


@with_kits()
def test_a_time_out_ends_it(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, GOES_ON, tmp_path, timeout=0.7)
    assert (found.ended, found.summary, found.session) == ("timed-out", "", None)
    assert "0.7 s" in found.detail


@with_kits()
def test_silence_ends_it(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('One.'); time.sleep(60)", tmp_path, idle_timeout=0.7)
    assert (found.ended, found.summary) == ("idle", "")


@with_kits()
def test_a_budget_of_time_ends_it_and_is_named(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, GOES_ON, tmp_path, limits=Limits(time=0.7))
    assert (found.ended, found.limit, found.session) == ("over-budget", "max-time", None)


MAXIMA = {"max-usd": Limits(usd=0.6), "max-tokens": Limits(tokens=25), "max-turns": Limits(turns=2)}
STOPS = [pytest.param(kit, name, id=f"{kit.name}-{name}") for kit in KITS for name in sorted(kit.stops_at)]


@pytest.mark.parametrize(("kit", "name"), STOPS)
def test_a_budget_that_is_passed_ends_it_in_the_middle(kit: Kit, name: str, tmp_path: Path) -> None:
    found = work(kit, GOES_ON, tmp_path, limits=MAXIMA[name])
    assert (found.ended, found.limit, found.session, found.question) == ("over-budget", name, None, None)


@with_kits()
def test_a_budget_that_is_just_kept_ends_nothing(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('All done.'); end()", tmp_path, limits=Limits(usd=0.25, tokens=11, turns=1))
    assert (found.ended, found.limit) == ("done", "")


@with_kits()
def test_a_result_after_our_signal_is_not_believed(kit: Kit, tmp_path: Path) -> None:
    body = f"""
import signal
def good_bye(*_):
    turn("All done."); end(); os._exit(0)
signal.signal(signal.SIGTERM, good_bye)
{GOES_ON}
"""
    found = work(kit, body, tmp_path, timeout=0.7)
    assert (found.ended, found.summary, found.session, found.claims) == ("timed-out", "", None, ())


@with_kits()
def test_junk_on_standard_output_does_no_harm(kit: Kit, tmp_path: Path) -> None:
    junk = [b"not json\\n", b"{\\n", b"[1]\\n", b"null\\n", b"{}\\n", b'{"type": 7}\\n', b"\\xff\\xfe\\n", b"\\n\\n"]
    body = "begin()\n" + "".join(f"junk({text!r})\n".replace("\\\\", "\\") for text in junk) + "turn('OK'); end()"
    found = work(kit, body, tmp_path)
    assert (found.ended, found.summary) == ("done", "OK")


@with_kits()
def test_a_line_of_ten_megabytes_is_read(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('x' * 10_000_000); turn('OK'); end()", tmp_path)
    assert (found.ended, found.summary) == ("done", "OK")


@with_kits()
def test_a_long_last_message_is_cut(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); turn('x' * 100_000); end()", tmp_path)
    assert found.ended == "done" and len(found.summary) < 20_000 and "cut here" in found.summary


@with_kits()
def test_a_megabyte_on_standard_error_blocks_nothing(kit: Kit, tmp_path: Path) -> None:
    body = "begin(); sys.stderr.write(('e' * 99 + '\\n') * 10_000); sys.stderr.flush(); turn('OK'); end()"
    assert work(kit, body, tmp_path).ended == "done"


@with_kits()
def test_a_prompt_of_half_a_megabyte_arrives_whole(kit: Kit, tmp_path: Path) -> None:
    prompt = "-- begin ü\n" + "x" * 500_000 + "\nend"
    assert work(kit, "begin(); write('got', PROMPT); turn('OK'); end()", tmp_path, prompt=prompt).ended == "done"
    assert (tmp_path / "tree" / "got").read_text() == prompt


@with_kits()
def test_what_it_leaves_running_is_ended_and_named(kit: Kit, tmp_path: Path) -> None:
    body = """
import subprocess
begin()
left = subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
write("pid", str(left.pid)); turn("OK"); end()
"""
    found = work(kit, body, tmp_path)
    pid = (tmp_path / "tree" / "pid").read_text()
    assert found.ended == "done" and found.leftovers == (f"{pid} sleep",)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@with_kits()
def test_a_cancelled_dispatch_leaves_nothing_running(kit: Kit, tmp_path: Path) -> None:
    agent, brief = kit.make(f"write('pid', str(os.getpid()))\n{GOES_ON}", tmp_path), make_brief(tmp_path)

    async def cancelled() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(agent.work, brief)
            while not (tmp_path / "tree" / "pid").is_file() or not (tmp_path / "tree" / "pid").read_text():
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    anyio.run(cancelled)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "tree" / "pid").read_text()), signal.SIGTERM)


@with_kits()
def test_secrets_are_not_kept(kit: Kit, tmp_path: Path) -> None:
    shown: list[bytes] = []
    body = "begin(); turn('I saw ' + os.environ['MY_TOKEN']); sys.stderr.write(os.environ['MY_TOKEN'] + '\\n'); end()"
    found = work(kit, body, tmp_path, on_output=shown.append)
    kept = [*shown, (tmp_path / "run" / "output").read_bytes(), repr(found).encode()]
    assert found.ended == "done" and b"[redacted]" in b"".join(kept)
    assert [text for text in kept if b"open-sesame" in text] == []


@with_kits()
def test_the_environment_says_what_the_dispatch_is(kit: Kit, tmp_path: Path) -> None:
    body = "begin(); write('env', json.dumps(dict(os.environ))); turn('OK'); end()"
    work(kit, body, tmp_path)
    text = (tmp_path / "tree" / "env").read_text()
    assert '"SUPERTEAM_TASK_ID": "3"' in text and '"SUPERTEAM_RUN_ID": "run-1"' in text
    assert f'"SUPERTEAM_RESULT": "{tmp_path / "run" / "result.json"}"' in text


@with_kits()
def test_a_question_in_the_result_file_is_passed_on(kit: Kit, tmp_path: Path) -> None:
    ask = "write(os.environ['SUPERTEAM_RESULT'], json.dumps({'question': ' Which one? '}))"
    assert work(kit, f"begin(); turn('Hm.'); end(); {ask}", tmp_path).question == "Which one?"


@with_kits(knows="session")
def test_a_session_is_given_back_and_continued(kit: Kit, tmp_path: Path) -> None:
    body = "write('session', begin()); turn('OK'); end()"
    first = work(kit, body, tmp_path)
    assert first.session is not None and (tmp_path / "tree" / "session").read_text() == ""
    second = work(kit, body, tmp_path, session=first.session, role="fix")
    assert second.ended == "done"
    assert (tmp_path / "tree" / "session").read_text() == first.session.partition("@")[0]


@with_kits(knows="limited")
def test_a_rate_limit_says_when_it_ends(kit: Kit, tmp_path: Path) -> None:
    reset = int(time.time()) + 5_000
    found = work(kit, f"begin(); limited({reset})", tmp_path)
    assert found.ended == "rate-limited"
    assert found.resets_at is not None and datetime.fromisoformat(found.resets_at).timestamp() == reset


@with_kits(knows="rejected")
def test_a_rejected_key_is_a_failure_soon(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, "begin(); rejected()", tmp_path)
    assert found.ended == "failed"
    assert "401" in found.detail and "Log in with: " in found.detail


VERDICT = '```superteam-json\n{"passed": false, "findings": [{"severity": "high", "issue": "x"}]}\n```'


@with_kits()
def test_a_reviewer_gives_its_verdict_in_its_last_message(kit: Kit, tmp_path: Path) -> None:
    found = work(kit, f"begin(); turn({VERDICT!r}); end()", tmp_path, role="review", review_role="spec")
    assert found.ended == "done" and found.review is not None
    assert (found.review.passed, found.review.findings[0].issue) == (False, "x")
    assert work(kit, SINGLE, tmp_path, role="review", review_role="spec").ended == "unreadable"


@with_kits()
def test_a_reviewer_gives_its_verdict_in_the_result_file(kit: Kit, tmp_path: Path) -> None:
    give = "write(os.environ['SUPERTEAM_RESULT'], json.dumps({'passed': True}))"
    found = work(kit, f"begin(); turn('OK'); end(); {give}", tmp_path, role="review", review_role="spec")
    assert found.ended == "done" and found.review is not None and found.review.passed
