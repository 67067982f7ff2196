"""A product that rewrites its tests while they run is no pass, with the real command."""

from __future__ import annotations

from playground import TEST_COMMAND, Repo

GREEN = "def test_b():\n    pass\n"
DISARMS = f"open('test_b.py', 'w').write({GREEN!r})\n"


def test_a_product_that_rewrites_its_tests_is_inconclusive(repo: Repo) -> None:
    repo.commit(
        {
            "superteam.toml": TEST_COMMAND.partition("\n")[2],
            "product.py": "one = 1\n",
            "test_a.py": "import product\n\ndef test_a():\n    assert product\n",
            "test_b.py": "import product\n\ndef test_b():\n    assert product.one == 1\n",
        }
    )
    repo.write({"product.py": f"{DISARMS}one = 2\n"})
    done = repo.superteam("validate", "--json")
    assert done.code in (1, 3), done.out
    assert "the run rewrote test_b.py" in done.out


GOLDEN = (
    "import pathlib, product\n\n\ndef test_price():\n"
    "    assert str(product.price()) == pathlib.Path('tests/golden/a.txt').read_text()\n"
)
WRITES = "import pathlib\n\n\ndef price():\n    pathlib.Path('tests/golden/a.txt').write_text('{0}')\n    return {0}\n"


def test_a_product_that_rewrites_golden_data_is_inconclusive(repo: Repo) -> None:
    repo.commit(
        {
            "superteam.toml": TEST_COMMAND.partition("\n")[2],
            "conftest.py": "",
            "product.py": "def price():\n    return 4\n",
            "tests/golden/a.txt": "4",
            "tests/test_a.py": GOLDEN,
        }
    )
    repo.write({"product.py": WRITES.format(5)})
    done = repo.superteam("validate", "--json")
    assert done.code == 3 and "the run rewrote tests/golden/a.txt" in done.out, done.out


def test_golden_data_that_the_reference_rewrites_too_is_a_note(repo: Repo) -> None:
    repo.commit(
        {
            "superteam.toml": TEST_COMMAND.partition("\n")[2],
            "conftest.py": "",
            "product.py": WRITES.format(4),
            "tests/golden/a.txt": "3",
            "tests/test_a.py": GOLDEN,
        }
    )
    repo.write({"product.py": WRITES.format(4) + "# a word\n"})
    done = repo.superteam("validate", "--json")
    assert done.code == 0 and "the run changed tracked files: tests/golden/a.txt" in done.out, done.out
