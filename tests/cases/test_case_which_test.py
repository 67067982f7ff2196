"""Which test is which: equal ids in two sessions, and ids that change from run to run."""

from __future__ import annotations

import pytest
from conftest import report
from playground import Repo

COUNTED = """\
#!/bin/sh
# Which session begins first alternates from run to run.
n=$(cat {counter} 2>/dev/null || echo 0)
echo $((n + 1)) >{counter}
status=0
if [ $((n % 2)) = 0 ]; then order="a b"; else order="b a"; fi
for package in $order; do (cd $package && pytest -q -p no:cacheprovider) || status=1; done
exit $status
"""
TEST = """\
import os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import mod_{package}
def test_f(): assert mod_{package}.f() == 1
"""


def test_two_sessions_with_equal_ids(shop: Repo) -> None:
    """Package b has a known failure; whichever session begins first, a failure of a is one of a."""
    for package, value in (("a", 1), ("b", 2)):
        shop.write(
            {
                f"{package}/pytest.ini": "[pytest]\n",
                f"{package}/mod_{package}.py": f"def f(): return {value}\n",
                f"{package}/tests/test_main.py": TEST.format(package=package),
            }
        )
    counter = shop.root.parent / "counter"
    shop.commit(
        {"both.sh": COUNTED.format(counter=counter), "superteam.toml": 'test-command = "sh both.sh"\n'}, "start"
    )
    for _ in range(2):
        unchanged = shop.superteam("validate", "--fresh", "--json")
        assert unchanged.code == 0, report(unchanged)
        assert unchanged.json["flaky"] == []
    shop.write({"a/mod_a.py": "def f(): return 3\n"})
    for _ in range(2):
        broken = shop.superteam("validate", "--fresh")
        assert broken.code == 1, report(broken)


JUNIT = """\
#!/bin/sh
mkdir -p build
x={expression}
printf '<testsuite name="s" tests="2" failures="0" errors="0" skipped="0">
<testcase classname="com.acme.ReqTest" name="check(Req)[1] %s" time="0.1"/>
<testcase classname="com.acme.ReqTest" name="plain" time="0.1"/></testsuite>' "$x" >build/TEST-a.xml
"""
EXPRESSIONS = {
    "identity hash": 'com.acme.Req@$(od -An -N4 -tx4 /dev/urandom | tr -d " ")',
    "short identity hash": "'Foo$3@'$(od -An -N3 -tx1 /dev/urandom | tr -d \" \")",
    "epoch in milliseconds": "$(date +%s%N | cut -c1-13)",
    "process id": "worker-$$",
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_unchanged_suite_with_unstable_names_passes(shop: Repo, name: str) -> None:
    config = 'test-command = "sh run.sh"\nreport = "junit:build/TEST-*.xml"\n'
    shop.commit({"run.sh": JUNIT.format(expression=EXPRESSIONS[name]), "superteam.toml": config}, "start")
    done = shop.superteam("validate")
    assert done.code == 0, report(done)


PARAMETERS = {
    "epoch": "[time.time()]",
    "compact time": '[datetime.now().strftime("%Y%m%dT%H%M%S%f")]',
    "time as ISO": "[datetime.now().isoformat()]",
    "random numbers": "random.sample(range(10**6), 3)",
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_unchanged_suite_with_unstable_parameters_passes(shop: Repo, name: str) -> None:
    test = (
        "import random, time, pytest\nfrom datetime import datetime\n"
        f'@pytest.mark.parametrize("x", {PARAMETERS[name]})\ndef test_x(x): assert x is not None\n'
        "def test_plain(): pass\n"
    )
    shop.commit({"test_a.py": test, "superteam.toml": 'test-command = "pytest -q"\n'}, "start")
    done = shop.superteam("validate")
    assert done.code == 0, report(done)
