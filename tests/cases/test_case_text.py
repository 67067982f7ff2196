"""Half a surrogate pair in what a test, a report or an agent says is no bug of superteam."""

from __future__ import annotations

from conftest import execute, report, write_agent
from playground import Repo

GO = r"""#!/bin/sh
mkdir -p build
if grep -q good code.txt; then
    result=pass
    output=
else
    result=fail
    output='{"Action":"output","Package":"p","Test":"TestA","Output":"cut \ud83d"}'
fi
{
    echo '{"Action":"run","Package":"p","Test":"TestA"}'
    printf '%s\n' "$output" | grep . || true
    echo '{"Action":"'$result'","Package":"p","Test":"TestA","Elapsed":0.1}'
    echo '{"Action":"'$result'","Package":"p","Elapsed":0.1}'
} >build/r.json
[ $result = pass ]
"""


def test_in_the_message_of_a_failure(shop: Repo) -> None:
    test = 'from calc import f\ndef test_a(): assert f() == 1, "cut \\ud83d here"\n'
    config = 'test-command = "pytest -q"\n'
    shop.commit({"test_a.py": test, "calc.py": "def f(): return 1\n", "superteam.toml": config}, "start")
    shop.superteam("validate")
    shop.write({"calc.py": "def f(): return 2\n"})
    done = shop.superteam("validate")
    assert done.code == 1, report(done)


def test_in_a_report_in_json(shop: Repo) -> None:
    config = 'test-command = "sh run.sh"\nreport = "go:build/r.json"\n'
    shop.commit({"run.sh": GO, "code.txt": "good\n", "superteam.toml": config}, "start")
    shop.superteam("validate")
    shop.write({"code.txt": "bad\n"})
    done = shop.superteam("validate")
    assert done.code == 1, report(done)


def test_in_the_result_of_an_agent(shop: Repo) -> None:
    shop.write({"test_a.py": "def test_a(): pass\n"})
    result = 'echo x >y.txt; printf "%s" "{\\"summary\\": \\"cut \\\\ud83d here\\"}" >"$SUPERTEAM_RESULT"'
    write_agent(shop, result, 'test-command = "pytest -q"\n')
    done = execute(shop)
    assert done.code == 0, report(done)
