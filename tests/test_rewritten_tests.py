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
