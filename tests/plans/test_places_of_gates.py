"""Commands of plans run in the task's tree: what names the checkout is rewritten, what leaves the tree is no gate."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.plans import load_plan
from superteam.plans.places import Checkout, checkout_at, placed, without_programs

THERE = {"/tmp", "/home/me", "/home/me/shop-2", "/other/thing", "/"}
CHECKOUT = Checkout(
    paths=("/home/me/shop",),
    home="/home/me",
    locate={"/link": ".", "/link/src": "src"}.get,
    exists=lambda path: path in THERE,
    has_folder=lambda path: path in ("packages/x", "web"),
)


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("cd /home/me/shop && npm test", "cd . && npm test"),
        ("cd '/home/me/shop' && npm test", "cd '.' && npm test"),
        ('cd "/home/me/shop/web"; npm t && /home/me/shop/x', 'cd "./web"; npm t && ../x'),
        ("cd -- /home/me/shop && t", "cd -- . && t"),
        ("cd ~/shop && t", "cd . && t"),
        ("cd $HOME/shop/web && t", "cd ./web && t"),
        ('cd "${HOME}/shop" && t', 'cd "." && t'),
        ("pushd /home/me/shop; t", "pushd .; t"),
        ("{ cd /home/me/shop\n} && { t\n}", "{ cd .\n} && { t\n}"),
        ("( cd /home/me/shop && a ) && ( cd ~/shop/web && b )", "( cd . && a ) && ( cd ./web && b )"),
        ("make -C /home/me/shop test", "make -C . test"),
        ("/home/me/shop/.venv/bin/pytest -q", "./.venv/bin/pytest -q"),
        ("git -C /home/me/shop diff --check", "git -C . diff --check"),
        ("npm --prefix=/home/me/shop t", "npm --prefix=. t"),
        ("pytest --rootdir=/home/me/shop", "pytest --rootdir=."),
        ("cd web && pytest /home/me/shop/tests", "cd web && pytest ../tests"),
        ("PYTHONPATH=/home/me/shop/src pytest", "PYTHONPATH=./src pytest"),
        ("PATH=/home/me/shop/bin:$PATH t", "PATH=./bin:$PATH t"),
        ("python -c \"open('/home/me/shop/a')\"", "python -c \"open('./a')\""),
        ("cd /link && t", "cd . && t"),
        ("cat /link/src", "cat ./src"),
    ],
)
def test_what_names_the_checkout_runs_in_the_tree(written: str, run: str) -> None:
    found = placed(written, CHECKOUT)
    assert found.command == run
    assert "checkout" in found.reason


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("cd /Users/me/shop && npm test", "cd . && npm test"),
        ("cd /Users/me/shop/web && npm test", "cd web && npm test"),
        ("cd /Users/bob/project/packages/x && t", "cd packages/x && t"),
        ("cd /Users/bob/project && t", "cd . && t"),
        ('cd "/Users/bob/my project" && t', "cd . && t"),
        ("cd C:\\work\\shop && t", "cd . && t"),
        ("export CI=1 && cd /Users/bob/project && t", "export CI=1 && cd . && t"),
    ],
)
def test_a_folder_of_another_machine_at_the_front_is_the_tree(written: str, run: str) -> None:
    found = placed(written, CHECKOUT)
    assert found.command == run
    assert "is taken for the task's tree" in found.reason


@pytest.mark.parametrize(
    "written",
    [
        "cd .. && t",
        "cd web/../.. && t",
        "cd web && cd ../.. && t",
        "cd ~ && t",
        "cd && t",
        "cd /tmp && t",
        "cd /home/me/shop-2 && t",
        "cd /home/me && cd shop && t",
        "cd web && cd /Users/bob/project && t",
        "if true; then cd ..; fi; t",
        "t $(cd .. && pwd)",
        "cd $X && /home/me/shop/t",
        "pushd web; popd; /home/me/shop/t",
        "curl file:///home/me/shop/x",
        "make -C/home/me/shop",
    ],
)
def test_what_leaves_the_tree_is_no_gate(written: str) -> None:
    found = placed(written, CHECKOUT)
    assert found.command is None
    assert found.reason


@pytest.mark.parametrize(
    "written",
    [
        "npm test",
        "cd web && npm test",
        "cd web && cd .. && npm test",
        "cd $(git rev-parse --show-toplevel) && t",
        "cat /tmp/x",
        "cat /home/me/shop-2/x",
        "cat /home/me/shop.txt ~/shopping",
        "grep -q 'cd ..' a.txt",
        "echo 'it''s",
        "\0",
    ],
)
def test_other_commands_stay_as_they_are(written: str) -> None:
    assert placed(written, CHECKOUT).command == written


@given(st.text(alphabet="cd ./~$HOMEwebshop\"'(){};&|\\\n", max_size=60))
def test_any_text_is_read(text: str) -> None:
    found = placed(text, CHECKOUT)
    assert found.command is None or "/home/me/shop" not in found.command.replace("/home/me/shop-2", "")


@pytest.mark.parametrize("unit", ['"', "\\", '\\"', "'", "(", "cd ", "cd (", "/", "~/", " ", "\n", "$HOME/"])
def test_reading_is_linear(unit: str) -> None:
    begun = time.process_time()
    placed(unit * (40_000 // len(unit)), CHECKOUT)
    assert time.process_time() - begun < 5


def test_a_checkout_is_known_by_every_path_that_leads_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "real" / "shop"
    (root / "web").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    monkeypatch.setenv("PWD", str(tmp_path / "linked" / "shop" / "web"))
    checkout = checkout_at(tmp_path / "linked" / "shop")
    for spelling in (root, tmp_path / "linked" / "shop", os.path.relpath(root, "/")):
        written = str(spelling) if str(spelling).startswith("/") else f"/{spelling}"
        assert placed(f"cd {written} && t", checkout).command == "cd . && t"
    assert placed(f"cd {root}/web && t", checkout).command == "cd ./web && t"


TASK = "<task type='auto'><name>A</name><action>Do it.</action><verify>{}</verify><done>Yes.</done></task>"
FORMS = {
    "block gate": "# P\n\n```superteam-tasks\n- title: One\n  gate: cd {root} && make\n```\n",
    "block acceptance_test": "# P\n\n```superteam-tasks\n- title: One\n  acceptance_test: cd {root} && make\n```\n",
    "gsd automated": f"<tasks>{TASK.format('<automated>cd {root} && make</automated>')}</tasks>\n",
    "superpowers": "# P\n\n### Task 1: A\n\n- [ ] **Step 1: x**\n\nRun: `cd {root} && make`\nExpected: PASS\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_rule_holds_in_each_form_of_a_plan(form: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(FORMS[form].replace("{root}", str(tmp_path)))
    plan, findings = load_plan(path, tmp_path)
    assert plan is not None and plan.commands() == ("cd . && make",)
    assert [found.code for found in findings if found.code.startswith("gate-")] == ["gate-rewritten"]
    path.write_text(FORMS[form].replace("{root}", ".."))
    plan, findings = load_plan(path, tmp_path)
    assert plan is not None and plan.commands() == ()
    assert [found.code for found in findings if found.code.startswith("gate-")] == ["gate-elsewhere"]


def test_a_program_of_the_checkouts_environment_is_a_program() -> None:
    assert without_programs("/home/me/shop/.venv/bin/ruff check .", CHECKOUT) == "bin/ruff check ."
    assert without_programs("cd /home/me/shop && x", CHECKOUT) == "cd /home/me/shop && x"
    assert without_programs("~/shop/venv/bin/ruff check .", CHECKOUT) == "bin/ruff check ."


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
@pytest.mark.parametrize("place", ["env", ".direnv/python-3.11", "a/b/.tox/py"])
def test_an_environment_is_one_whatever_its_folder_is_called(tmp_path: Path, mark: str, place: str) -> None:
    (tmp_path / place / mark).parent.mkdir(parents=True)
    (tmp_path / place / mark).touch()
    (tmp_path / "tools/bin").mkdir(parents=True)
    checkout = checkout_at(tmp_path)
    assert without_programs(f"{tmp_path}/{place}/bin/pytest -q", checkout) == "bin/pytest -q"
    for command in (f"{tmp_path}/tools/bin/check", f"cd {tmp_path} && pytest", f"{tmp_path}/{place}/x.py"):
        assert without_programs(command, checkout) == command
