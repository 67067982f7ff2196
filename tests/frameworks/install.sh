#!/bin/sh
# Installs the test frameworks that the tests of tests/frameworks run, as they are pinned beside this file.
# They go to $SUPERTEAM_FRAMEWORKS (default: .frameworks at the root): npm/NAME/node_modules and venv; Debian packages
# go into the system, when run as root. What is installed already and unchanged is left alone; `--force` does all anew.
# Without a network it gives up soon: what is missing then is skipped by the tests, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SUPERTEAM_FRAMEWORKS:-$(dirname "$(dirname "$here")")/.frameworks}
mkdir -p "$target/npm"
target=$(cd "$target" && pwd)
[ "${1:-}" != --force ] || rm -f "$target"/*.stamp "$target"/npm/*/.stamp
status=0

. "$here/../npm_packages.sh"

python_packages() {
	list=$here/python-requirements.txt
	if fresh "$target/venv.stamp" "$list"; then return; fi
	[ -x "$target/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$target/venv"
	if "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 20 \
		--require-hashes -r "$list"; then
		cksum <"$list" >"$target/venv.stamp"
	else
		warn "the Python packages could not be installed: their tests are skipped"
	fi
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" >/dev/null
}

debian_packages() {
	list=$here/apt.txt
	wanted=$(sed 's/#.*//' "$list" | tr -s ' \t\n' ' ')
	missing=
	for package in $wanted; do
		have=$(dpkg-query -W -f '${db:Status-Status}=${Version}' "${package%%=*}" 2>/dev/null) || have=
		[ "$have" = "installed=${package#*=}" ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		warn "not root, or no Debian: these packages have to be installed by hand:$missing"
		return
	fi
	apt update || true
	# shellcheck disable=SC2086
	if apt install -y --no-install-recommends $missing; then return; fi
	for package in $missing; do
		name=${package%%=*}
		if apt install -y --no-install-recommends "$package" 2>/dev/null; then continue; fi
		if dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed; then
			warn "$package is not to be had; the tests run with the version of $name that is installed"
		elif apt install -y --no-install-recommends "$name"; then
			warn "$package is gone; the tests run with another version of $name"
		else
			warn "the Debian package $name could not be installed: its tests are skipped"
		fi
	done
}

npm_packages "$here/npm"
python_packages
debian_packages
exit $status
