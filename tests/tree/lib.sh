# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of trees from elsewhere: TAP, a repository "up" that a master in
# $tmp/master mirrors as the tree "t". Servers are real ones on loopback.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=${B:-$top/build}/bin:$PATH:/usr/sbin
command -v autotua-master >/dev/null || {
	echo "Bail out! no autotua-master in ${B:-$top/build}/bin: make it first"
	exit 1
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tree.XXXXXX")
unset "${!AUTOTUA_@}" "${!GIT_@}" FORCE_COLOR CLICOLOR_FORCE SSH_AUTH_SOCK
export NO_COLOR=1 HOME=$tmp/home GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@x
mkdir "$HOME"
up=$tmp/up
mirror=$tmp/master/trees/t.git
servers=()

# shellcheck disable=SC2317 # called by trap
tree_end() {
	local pid

	for pid in "${servers[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap tree_end EXIT

# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"

# Output in $tmp/out and $tmp/err, the status in $status.
run() {
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	export status # for the tests
}

told() { grep -qF -- "$1" "$tmp/err"; }

master() { autotua-master -C "$tmp/master" "$@"; }

# A repository with one jobuild; a commit more; its id.
new_up() {
	git init -q -b main "$up"
	mkdir -p "$up/zlib/test"
	echo "a key" >"$up/zlib/zlib.asc"
	printf 'DESCRIPTION="x"\njob_run() { :; }\n' >"$up/zlib/test/test-1.0.jobuild"
	grow one
}
grow() { # TEXT
	echo "$1" >"$up/README"
	git -C "$up" add -A
	git -C "$up" commit -q -m "$1"
}
id() { git -C "$up" rev-parse "${1:-HEAD}"; }
has() { git -C "$mirror" rev-parse -q --verify "$1" 2>/dev/null; }

new_master() {
	master init --name t --listen 127.0.0.1:0 --host 127.0.0.1 >/dev/null && return
	echo "Bail out! no master can be made"
	exit 1
}
setting() { echo "$1" >>"$tmp/master/master.conf"; }

# The tree "t" is URL from here on.
tree_at() { # [--allow-forced] URL
	rm -rf "$mirror" "$mirror.lock"
	sqlite3 "$tmp/master/master.db" "DELETE FROM tree"
	if [[ $1 == --* ]]; then
		master tree add "$1" t "$2"
	else
		master tree add t "$1"
	fi
}

# Start a server on a free port: start_server CHECK COMMAND..., where @PORT@ in
# the files and the command stands for it (files: $tmp/*.in become $tmp/*).
start_server() {
	local check=$1 try f n

	shift
	for try in 1 2 3 4 5 6 7 8; do
		port=$((20000 + (RANDOM * 32768 + RANDOM + try) % 40000))
		for f in "$tmp"/*.in; do
			sed "s/@PORT@/$port/g" "$f" >"${f%.in}"
		done
		"$@" >"$tmp/server.log" 2>&1 &
		servers+=($!)
		for ((n = 0; n < 100; n++)); do
			kill -0 "${servers[-1]}" 2>/dev/null || break
			"$check" "$port" >/dev/null 2>&1 && return 0
			sleep 0.1
		done
		kill "${servers[-1]}" 2>/dev/null
	done
	echo "Bail out! the server doesn't start"
	sed 's/^/# /' "$tmp/server.log"
	exit 1
}
