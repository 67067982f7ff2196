#!/bin/sh
# Installs the real coding agents that the tests of tests/agents_live run, as the lock files beside this file pin them.
# They go to $SUPERTEAM_AGENTS (default: .agents at the root, 1.3 GB): npm/NAME/node_modules. What is installed already
# and unchanged is left alone; `--force` does all anew. What cannot be installed is skipped by the tests, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SUPERTEAM_AGENTS:-$(dirname "$(dirname "$here")")/.agents}
mkdir -p "$target/npm"
target=$(cd "$target" && pwd)
[ "${1:-}" != --force ] || rm -f "$target"/npm/*/.stamp
status=0
. "$here/../npm_packages.sh"
npm_packages "$here/npm"
exit $status
