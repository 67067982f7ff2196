#!/bin/sh
# Installs the Python packages that the tests of tests/cases need, as they are pinned beside this file,
# into $SUPERTEAM_CASES (default: .cases at the root). What is installed and unchanged is left alone.
# Without a network it gives up soon: what is missing then is skipped by the tests, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SUPERTEAM_CASES:-$(dirname "$(dirname "$here")")/.cases}
status=0

. "$here/../npm_packages.sh"

list=$here/python-requirements.txt
mkdir -p "$target"
if fresh "$target/venv.stamp" "$list"; then exit; fi
[ -x "$target/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$target/venv"
if "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 20 \
	--require-hashes -r "$list"; then
	cksum <"$list" >"$target/venv.stamp"
else
	warn "the Python packages could not be installed: their tests are skipped"
fi
exit $status
