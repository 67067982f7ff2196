#!/bin/sh
# run_shared.sh FOLDER: runs the scripts of FOLDER with the `superteam` on PATH and prints their figures.
# Fails if one of them is not right. Does nothing where there is no such folder.
set -u
folder=${1:-}
[ -n "$folder" ] && [ -d "$folder" ] || exit 0
folder=$(cd "$folder" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wrong=0
for case in "$folder"/*.sh; do
	if sh "$case" >"$log" 2>&1; then
		tail -n 1 "$log"
	else
		cat "$log"
		wrong=$((wrong + 1))
	fi
done
if [ -f "$folder/soundness/run.py" ]; then
	python3 "$folder/soundness/run.py" || wrong=$((wrong + 1))
fi
[ $wrong = 0 ] || echo "not right: $wrong" >&2
[ $wrong = 0 ]
