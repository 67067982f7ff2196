"""cargo test: each test program is run by a small script of ours, which records what it lists and what it says.

cargo runs test programs through CARGO_TARGET_<TRIPLE>_RUNNER, and documentation tests through RUSTDOC: both are
environment. So each program has a record of its own (cargo prints headers and results into different streams), and
of each program exactly the tests that are asked for can be run, whatever the user's command line looks like.
"""

from __future__ import annotations

import platform
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from superteam.core.results import Completeness, TestId, TestReport
from superteam.reports.libtest import MAGIC, PROGRAM
from superteam.runners.call import Call, Told, Untold, family, fits
from superteam.runners.path_shim import put_in_front

NAME = "cargo test"
_KEEP_ON = "--no-fail-fast"
_VALUED = ("-C", "--config", "--color", "-Z", "--manifest-path")
_MACHINES = {"AMD64": "x86_64", "arm64": "aarch64"}
_SYSTEMS = ("UNKNOWN_LINUX_GNU", "UNKNOWN_LINUX_MUSL", "APPLE_DARWIN")
_NOT_BUILT = re.compile(rb"error(?:\[E\d{4}\])?: could not (?:compile|document) .{1,200}")
_HEADER = re.compile(rb"\s{0,8}(?:\x1b\[[0-9;]{0,9}m){0,3}\s{0,8}(?:Running|Doc-tests)(?:\x1b\[[0-9;]{0,9}m){0,3} ")
_DOCS = "documentation tests are selected by file, so that more of them ran"
_RUN = r"""#!/bin/sh
# Written by superteam: runs a test program of cargo, and records what it lists, how it ends and what it says.
set -f
folder={folder}
unset {names}
{rustdoc_back}
program=$1
case "$program" in */deps/*-????????????????|*/deps/*-????????????????.exe) ;; *) exec "$@" ;; esac
root=$(sed -n '1s/^.*\.d: *//p' "$program.d" 2>/dev/null | sed 's/\\ /\t/g; s/ .*//; s/\t/ /g')
[ "$root" ] || root=${{program##*/}}
record="$folder/$(date +%s)-$$.libtest"
for word do shift; case "$word" in --quiet|-q) ;; *) set -- "$@" "$word" ;; esac; done
if [ -f "$folder/only" ]; then
  names=$(ROOT="$root" awk -F '\t' '$1 == ENVIRON["ROOT"] {{ print $2 }}' "$folder/only")
  [ "$names" ] || exit 0
fi
{{ printf '%s\n' {magic} "root $root"; }} > "$record"
if LC_ALL=C grep -q RUST_TEST_THREADS "$program"; then
  if [ -f "$folder/only" ]; then
    IFS='
'
    set -- "$@" --exact $names
    unset IFS
  fi
  printf 'listed\n' >> "$record"
  "$@" --list --format terse 2>/dev/null | sed 's/^/listed /' >> "$record"
else
  printf 'program\n' >> "$record"
fi
"$@" > "$record.said"
code=$?
{{ printf '%s\n' "ended $code" '## said'; cat "$record.said"; }} >> "$record"
cat "$record.said"
exit $code
"""
_RUN_DOCS = r"""#!/bin/sh
# Written by superteam: runs rustdoc, and records what its tests said and how they ended.
set -f
folder={folder}
unset {names}
{rustdoc_back}
tests=
for word do if [ "$word" = --test ]; then tests=1; fi; done
if [ ! "$tests" ]; then exec {rustdoc} "$@"; fi
if [ -f "$folder/only" ]; then
  files=$(awk -F '\t' '$1 == "doc" {{ print $2 }}' "$folder/only")
  [ "$files" ] || exit 0
  for file in $files; do set -- "$@" --test-args "$file"; done
fi
record="$folder/$(date +%s)-$$.libtest"
printf '%s\n' {magic} "root $CARGO_PKG_NAME" > "$record"
{rustdoc} "$@" > "$record.said"
code=$?
{{ printf '%s\n' "ended $code" '## said'; cat "$record.said"; }} >> "$record"
cat "$record.said"
exit $code
"""


def recognises(call: Call, tree: Path) -> bool:
    """`cargo test` or `cargo t`, also with a toolchain; not where it only builds or lists the tests."""
    words = call.words
    if call.program != "cargo" or {"--no-run", "--list", "--help", "-h"} & set(words):
        return False
    return _subcommand(words[1:]) in ("test", "t")


def _subcommand(words: tuple[str, ...]) -> str:
    """The first word that is no option of cargo itself."""
    value = False
    for word in words:
        if value or word.startswith(("-", "+")):
            value = not value and word in _VALUED
            continue
        return word
    return ""


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """Through the runner and the rustdoc of cargo; `--no-fail-fast` as an argument, or by a `cargo` of ours."""
    known = {**env, **call.env}
    if any(name.startswith("CARGO_TARGET_") and name.endswith("_RUNNER") for name in known) or _own_runner(tree, call):
        return Untold("the tests have a runner of their own (CARGO_TARGET_..._RUNNER, or runner in .cargo/config.toml)")
    ours = _write_scripts(folder, known)
    why = ""
    if only is not None:
        if not fits(only):
            return replace(_told(call, ours, folder, env), selects="everything", why="too many tests to name")
        _write_only(folder / "only", only)
        why = _DOCS if any(" - " in id for id in only) else ""
    return replace(_told(call, ours, folder, env), selects="more" if why else "exactly", why=why)


def _told(call: Call, ours: Mapping[str, str], folder: Path, env: Mapping[str, str]) -> Told:
    told = Told("libtest", "*.libtest", folder, env=ours, finish=partial(_finish, folder))
    if _KEEP_ON in call.words:
        return told
    if call.after is not None and "--" not in call.words:
        return replace(told, arguments=(_KEEP_ON,))
    path = put_in_front("cargo", ("test", "t"), (_KEEP_ON,), folder, env)
    return replace(told, env={**ours, **(path or {})})


def _own_runner(tree: Path, call: Call) -> bool:
    """Whether the repository configures a runner, which ours would replace."""
    for name in (".cargo/config.toml", ".cargo/config"):
        for folder in {tree, tree / call.folder}:
            path = folder / name
            if path.is_file() and re.search(rb"^\s{0,40}runner\s{0,40}=", path.read_bytes()[:200_000], re.MULTILINE):
                return True
    return False


def _write_scripts(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The two scripts, and the environment through which cargo runs them."""
    machine = _MACHINES.get(platform.machine(), platform.machine()).upper().replace("-", "_")
    names = [f"CARGO_TARGET_{machine}_{system}_RUNNER" for system in _SYSTEMS]
    before = env.get("RUSTDOC", "")
    words = {
        "folder": shlex.quote(str(folder)),
        "names": " ".join(names),
        "magic": shlex.quote(MAGIC.decode().strip()),
        "rustdoc": shlex.quote(before or "rustdoc"),
        "rustdoc_back": f"export RUSTDOC={shlex.quote(before)}" if before else "unset RUSTDOC",
    }
    run, docs = folder / "run", folder / "rustdoc"
    for path, script in ((run, _RUN), (docs, _RUN_DOCS)):
        path.write_text(script.format(**words), encoding="utf-8")
        path.chmod(0o700)
    return {**dict.fromkeys(names, str(run)), "RUSTDOC": str(docs)}


def _write_only(path: Path, only: Iterable[TestId]) -> None:
    """One wanted test a line: its source file and name; of documentation tests the file."""
    lines = sorted({"\t".join(place) for id in only if (place := _place(id))})
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogateescape")


def _place(id: TestId) -> tuple[str, str] | None:
    """(source file, name) of a test, ("doc", file) of a documentation test; None for what a script cannot take."""
    name = family(id)
    if "\n" in name or "\t" in name:
        return None
    doc = re.match(r"([^\s:]{1,1000}\.\w{1,8}) - ", name)
    if doc:
        return "doc", doc[1]
    file, _, test = name.partition("::")
    return (file, test) if test and not test.startswith("-") else None


def _finish(folder: Path, report: TestReport, output: Path) -> TestReport:
    """A crate that could not be built is an error of the suite; each program that cargo names needs a record."""
    errors, headers = _scan(output)
    records = list(folder.glob("*.libtest"))
    headers -= sum(_scan(path)[1] for path in records)  # such lines of the tests' own
    if errors:
        completeness = Completeness.PARTIAL
        return replace(report, suite_errors=(*report.suite_errors, *errors), completeness=completeness)
    if not (folder / "only").exists() and len(records) < headers and report.completeness is Completeness.COMPLETE:
        damage = f"cargo names {headers} test programs, of which {len(records)} left a record"
        return replace(report, completeness=Completeness.PARTIAL, damage=damage)
    return report


def _scan(path: Path) -> tuple[list[str], int]:
    """What could not be built, and how many test programs are announced, in an output of any size."""
    errors: dict[str, None] = {}
    headers = 0
    with path.open("rb") as stream:
        while line := stream.readline(64 * 1024):
            headers += _HEADER.match(line) is not None
            if found := _NOT_BUILT.search(line[:2000]):
                errors[found[0].decode(errors="replace").strip()] = None
    return list(errors), headers


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """cargo test with the names of these tests; whole programs and documentation tests with the user's own words."""
    places = [place for id in ids if (place := _place(id))]
    names = sorted({name for file, name in places if file != "doc" and name != PROGRAM})
    if not names or len(places) < len(ids) or any(file == "doc" for file, _ in places) or "--" in call.words:
        return None
    return shlex.join([*call.words, *([] if _KEEP_ON in call.words else [_KEEP_ON]), "--", "--exact", *names])


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test program of its own, in the tests folder of the package in the call's folder."""
    manifest = tree / call.folder / "Cargo.toml"
    if not manifest.is_file() or not re.search(rb"^\[package\]", manifest.read_bytes()[:200_000], re.MULTILINE):
        return None
    path = Path(call.folder, "tests", "superteam_canary.rs").as_posix()
    return path, '#[test]\nfn superteam_canary() {\n    panic!("planted by superteam");\n}\n'
