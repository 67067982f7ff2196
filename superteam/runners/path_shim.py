"""A small program in front of another one of the same name, where arguments cannot be appended (make, pipelines).

It adds arguments to one subcommand and hands everything else through. This reaches only what the user's command calls:
an environment variable like GOFLAGS=-json would also change `go vet`, which then exits 0 whatever it finds, and
`go list`, whose output other commands read.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

_MARK = "SUPERTEAM_SHIM"
_SCRIPT = """#!/bin/sh
# Written by superteam: adds arguments behind the subcommand. Programs that are started below it get none of this.
real={real}
if [ "${{{mark}:-}}" ]; then exec "$real" "$@"; fi
found= over= value=
for word do
  shift
  set -- "$@" "$word"
  if [ "$over" ]; then continue; fi
  if [ "$value" ]; then value=; continue; fi
  case "$word" in
    {subcommands}) found=1; over=1; set -- "$@" {arguments} ;;
    -C|--config|--color) value=1 ;;
    -*|+*) ;;
    *) over=1 ;;
  esac
done
if [ "$found" ]; then {mark}=1; export {mark}; fi
exec "$real" "$@"
"""


def put_in_front(
    program: str, subcommands: Iterable[str], arguments: Iterable[str], folder: Path, env: Mapping[str, str]
) -> dict[str, str] | None:
    """Writes the program into `folder` and returns the PATH with it in front; None where the real one is not found."""
    real = shutil.which(program, path=env.get("PATH"))
    if real is None:
        return None
    bin = folder / "bin"
    bin.mkdir(mode=0o700, parents=True, exist_ok=True)
    script = bin / program
    words = {"real": shlex.quote(str(Path(real).absolute())), "mark": _MARK}
    script.write_text(
        _SCRIPT.format(subcommands="|".join(subcommands), arguments=shlex.join(arguments), **words), encoding="utf-8"
    )
    script.chmod(0o700)
    return {"PATH": os.pathsep.join([str(bin), env.get("PATH", os.defpath)])}
