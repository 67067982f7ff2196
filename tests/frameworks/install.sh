#!/bin/sh
# Installs the test frameworks that the tests of tests/frameworks run, as they are pinned beside this file.
# They go to $SUPERTEAM_FRAMEWORKS (default: .frameworks at the root): npm/NAME/node_modules and venv; Debian packages
# go into the system, when run as root. What is installed already and unchanged is left alone; `--force` does all anew.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SUPERTEAM_FRAMEWORKS:-$(dirname "$(dirname "$here")")/.frameworks}
mkdir -p "$target/npm"
target=$(cd "$target" && pwd)
[ "${1:-}" != --force ] || rm -f "$target"/*.stamp "$target"/npm/*/.stamp
status=0

warn() {
	echo "install.sh: $*" >&2
}

fresh() { # STAMP FILE...: whether the stamp holds the sum of these files
	stamp=$1
	shift
	[ "$(cat "$stamp" 2>/dev/null)" = "$(cat "$@" | cksum)" ]
}

quiet_npm() {
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm "$@" --no-audit --no-fund --loglevel=error
}

npm_packages() {
	for folder in "$here"/npm/*/; do
		name=$(basename "$folder")
		place=$target/npm/$name
		lock=$folder/package-lock.json
		[ -f "$lock" ] || lock=
		if fresh "$place/.stamp" "$folder/package.json" $lock; then continue; fi
		mkdir -p "$place"
		cp "$here/npm/.npmrc" "$folder/package.json" $lock "$place/"
		# `npm ci` refuses a lock file that lacks optional packages for other systems; `npm install` obeys it otherwise.
		if (cd "$place" && { quiet_npm ci >/dev/null 2>&1 || quiet_npm install; }); then
			cat "$folder/package.json" $lock | cksum >"$place/.stamp"
		else
			warn "the npm packages of $name could not be installed: their tests are skipped"
			status=1
		fi
	done
}

python_packages() {
	list=$here/python-requirements.txt
	if [ ! -f "$list" ] || fresh "$target/venv.stamp" "$list"; then return; fi
	[ -x "$target/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$target/venv"
	if "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"; then
		cksum <"$list" >"$target/venv.stamp"
	else
		warn "the Python packages could not be installed: their tests are skipped"
		status=1
	fi
}

debian_packages() {
	list=$here/apt.txt
	if [ ! -f "$list" ] || fresh "$target/apt.stamp" "$list"; then return; fi
	wanted=$(sed 's/#.*//' "$list" | tr -s ' \t\n' ' ')
	[ -n "${wanted# }" ] || return 0
	missing=
	for package in $wanted; do
		[ "$(dpkg-query -W -f '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing="$missing $package"
	done
	if [ -n "$missing" ] && { [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; }; then
		warn "not root, or no Debian: these packages have to be installed by hand:$missing"
		status=1
		return
	fi
	[ -z "$missing" ] || apt-get update -qq || true
	whole=yes
	for package in $missing; do
		name=${package%%=*}
		if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null; then continue; fi
		warn "$package is gone; taking whatever version of $name there is"
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$name" >/dev/null || whole=
	done
	if [ -n "$whole" ]; then
		cksum <"$list" >"$target/apt.stamp"
	else
		warn "some Debian packages could not be installed: their tests are skipped"
		status=1
	fi
}

if command -v npm >/dev/null; then
	npm_packages
else
	warn "npm is not installed: the tests of JavaScript frameworks are skipped (apt-get install npm)"
fi
python_packages
debian_packages
exit $status
