from pathlib import Path


def test_the_readme_has_a_title():
    assert Path("README.md").read_text().startswith("# ")
