# For install.sh of tests/frameworks and of tests/agents_live: npm packages, pinned by lock files.
# Expects $target, a folder, and $status, which becomes 1 when something could not be installed.

warn() {
	echo "install.sh: $*" >&2
	status=1
}

fresh() { # STAMP FILE...: whether the stamp holds the sum of these files
	stamp=$1
	shift
	[ "$(cat "$stamp" 2>/dev/null)" = "$(cat "$@" | cksum)" ]
}

npm_packages() { # FOLDER: installs each folder in it as $target/npm/NAME; why one failed is in $target/npm/NAME.log
	installed=
	if ! command -v npm >/dev/null; then
		warn "npm is not installed: the tests of its packages are skipped (apt-get install npm)"
		return
	fi
	for folder in "$1"/*/; do
		name=$(basename "$folder")
		place=$target/npm/$name
		if fresh "$place/.stamp" "$folder/package.json" "$folder/package-lock.json"; then continue; fi
		mkdir -p "$place"
		cp "$1/.npmrc" "$folder/package.json" "$folder/package-lock.json" "$place/"
		if (cd "$place" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --loglevel=error) >"$place.log" 2>&1; then
			cat "$folder/package.json" "$folder/package-lock.json" | cksum >"$place/.stamp"
			rm "$place.log"
			installed=yes
		else
			tail -n 5 "$place.log" >&2
			warn "the npm packages of $name could not be installed: their tests are skipped"
			rm -rf "$place/node_modules"
			[ -n "$installed" ] || break # there is no network, and each of the others would try for minutes
		fi
	done
}
