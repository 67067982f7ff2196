"""The demonstration behind `make demo`: plans/quickstart.md, run for real in a temporary repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLANS = Path(__file__).resolve().parents[1] / "plans"


def main() -> int:
    """Makes the repository, runs `superteam execute` in it and says where to look next."""
    folder = Path(tempfile.mkdtemp(prefix="superteam-demo-"))
    environ = environment(folder)
    repository = make_repository(folder, environ)
    print(f"A small project with a known failure and a flaky test: {repository}")
    print(f"$ cd {repository}\n$ superteam execute quickstart.md\n", flush=True)
    command = [sys.executable, "-m", "superteam", "execute", "quickstart.md"]
    code = subprocess.run(command, cwd=repository, env=environ, check=False).returncode
    print(f"\nLook at what it left there:\n  cd {repository}\n  git log --stat\n  cat .superteam/latest/state.json")
    return code


def environment(folder: Path) -> dict[str, str]:
    """The environment of the demonstration: its own caches and identity, this interpreter first on PATH."""
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SUPERTEAM_CACHE": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "SHOP_CALLS": str(folder / "calls"),
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.org",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.org",
    }
    return {**os.environ, **own}


def make_repository(folder: Path, environ: dict[str, str]) -> Path:
    """The quickstart project as a repository with one commit, its plan and its scripted agent."""
    repository = folder / "shop"
    shutil.copytree(PLANS / "quickstart" / "project", repository, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PLANS / "quickstart.md", repository)
    shutil.copy(PLANS / "quickstart" / "agent.toml", repository)
    (folder / "calls").write_text("0")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "A small shop"]):
        subprocess.run(["git", *arguments], cwd=repository, env=environ, check=True)
    return repository


if __name__ == "__main__":
    sys.exit(main())
