"""Tries the fixtures that are asked for, or all, and writes what became of them."""

import json
import pathlib
import sys

from prices import gross

FIXTURES = {"basket": lambda: gross(100, 20) == 120, "free": lambda: gross(0, 20) == 0}


def tried(name):
    good = FIXTURES[name]()
    return {"fixtureId": name, "status": "pass" if good else "fail", "error": None if good else f"{name}: wrong price"}


def main(arguments):
    if "--list" in arguments:
        print("\n".join(FIXTURES))
        return 0
    names = arguments[1].split(",") if arguments[:1] == ["--fixture"] else list(FIXTURES)
    fixtures = [tried(name) for name in names]
    failed = sum(fixture["status"] == "fail" for fixture in fixtures)
    summary = {"totalFixtures": len(names), "passedFixtures": len(names) - failed, "failedFixtures": failed}
    result = "fail" if failed else "pass"
    artifact = {"runId": "smoke", "result": result, "mode": "live", "summary": summary, "fixtures": fixtures}
    folder = pathlib.Path("artifacts")
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(artifact))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
