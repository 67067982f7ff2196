"""Files of a commit as text, named as git or as a test framework names them."""

from __future__ import annotations

import anyio
from bench import Open, git

FILES = {
    "a.py": "one\n",
    "sub/tests/test_a.py": "two\n",
    "sub/b.py": "three",
    "other/b.py": "four",
    "empty.py": "",
    "with space/é.py": "five\n\n",
}


def test_files_are_read_as_they_are_in_the_commit(bench_of: Open) -> None:
    found = bench_of()
    for name, text in FILES.items():
        path = found.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (found.root / "binary.py").write_bytes(b"\xff\xfe\0x")
    git(found.root, "add", "-A")
    git(found.root, "commit", "-q", "-m", "files")
    sha = git(found.root, "rev-parse", "HEAD")
    (found.root / "a.py").write_text("changed\n")
    wanted = [
        *FILES,
        "binary.py",
        "tests/test_a.py",
        "b.py",
        "none.py",
        "",
        "a.py\nx",
        "../a.py",
        "a\0.py",
        "x" * 200_000,
    ]

    texts = anyio.run(found.desk.texts, sha, wanted)

    assert texts.pop("binary.py") == "\ufffd\ufffd\0x"
    assert texts.pop("tests/test_a.py") == "two\n"
    assert texts == FILES
    assert anyio.run(found.desk.texts, sha, []) == {}
