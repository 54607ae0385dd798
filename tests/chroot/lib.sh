# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034 # read by the tests
#
# For tests of autotua-chroot, which source it: a small stage in a state
# folder of the test's own, TAP, and the demand that every test makes at its
# end: the host's mounts and processes are as they were.

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
CHROOT=${AUTOTUA_CHROOT:-${B:-$top/build}/bin/autotua-chroot}

[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
# what others mount meanwhile isn't seen here, what a jail leaks is
# shellcheck disable=SC2016 # it is the inner shell's
[ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare --mount \
	--propagation private sh -c 'mount --make-rshared / && exec "$0"' "$0"
[ -x "$CHROOT" ] || { echo "Bail out! $CHROOT is missing: make it"; exit 1; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/chroot-test.XXXXXX")
S=$tmp/state
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
cd "$tmp" || exit 1

count=0 bad=0

# ok WHAT COMMAND...: the command must succeed
ok() {
	what=$1
	shift
	count=$((count + 1))
	if "$@" >"$tmp/ok.out" 2>&1; then
		echo "ok $count - $what"
	else
		echo "not ok $count - $what"
		echo "#   $*"
		sed 's/^/#   /' "$tmp/ok.out"
		bad=$((bad + 1))
	fi
}

# is GOT WANT WHAT
is() {
	count=$((count + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $count - $3"
	else
		echo "not ok $count - $3"
		printf '%s\n' "$1" | sed 's/^/#        got: /'
		printf '%s\n' "$2" | sed 's/^/#   expected: /'
		bad=$((bad + 1))
	fi
}

# has TEXT PART WHAT: PART is in TEXT
has() {
	count=$((count + 1))
	case $1 in
	*"$2"*) echo "ok $count - $3" ;;
	*)
		echo "not ok $count - $3"
		printf '%s\n' "$1" | head -20 | sed 's/^/#        got: /'
		echo "#   expected in it: $2"
		bad=$((bad + 1))
		;;
	esac
}

# The host as a job could change it.
mounts() { sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo | sort; }

# Processes that have our state folder among their arguments or mounts. The
# pattern is in a file, so that grep doesn't find itself.
echo "$S" >"$tmp/needle"
jails() {
	grep -lFf "$tmp/needle" /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo \
		2>/dev/null
}
before=$(mounts)

# Wait until COMMAND succeeds, 10 s at most; for what the kernel does late.
soon() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.05
	done
}
# Control groups of our state folder's runs.
groups() {
	[ -d "$S" ] && find /sys/fs/cgroup -type d -name "$(printf 'autotua-%x-*' \
		"$(($(stat -c %d "$S") * 31 + $(stat -c %i "$S")))")" 2>/dev/null
}
leftovers() { find "$S/run" "$S/trash" -mindepth 1 -maxdepth 1; }
swept() { [ -z "$(leftovers)" ]; }
nobody() { [ -z "$(jails)" ]; }

# What every test ends with.
finish() {
	ok "no process is left" soon nobody
	is "$(mounts)" "$before" "the host's mounts are as before"
	is "$(groups)" "" "no control group is left"
	ok "no run and no trash is left" soon swept
	echo "1..$count"
	[ $bad -eq 0 ] || exit 1
	exit 0
}

# The stage, made once for all tests of a run of the suite.
stage_tar() {
	cache=$(dirname "$(dirname "$CHROOT")")/small-stage.tar.zst
	# made by one test while the others wait: a tarball that is replaced
	# changes under the hands of who imports it
	(
		flock 9
		if [ -z "$(find "$cache" -newer "$top/tests/tools/mkstage" \
			2>/dev/null)" ]; then
			"$top/tests/tools/mkstage" "$tmp/stage.tar.zst" &&
				cp "$tmp/stage.tar.zst" "$cache.new" &&
				mv "$cache.new" "$cache"
		fi
	) 9>"$cache.lock" || exit 1
	echo "$cache"
}
import_stage() {
	stage=$("$CHROOT" -s "$S" import -n small "$(stage_tar)") || {
		echo "Bail out! the stage can't be imported"
		exit 1
	}
}

# run OPTIONS... -- CMD: one step; log, status and code are what came of it
serial=0
run() {
	serial=$((serial + 1))
	"$CHROOT" -s "$S" run --job "test-job-$serial" --stage "$stage" \
		--status-fd 5 "$@" >"$tmp/log" 5>"$tmp/status" 2>"$tmp/err"
	code=$?
	log=$(cat "$tmp/log")
	status=$(cat "$tmp/status")
	err=$(cat "$tmp/err")
	# what nobody expects is told, so that it can be found out
	[ "$code" -ne 75 ] || printf '%s\n' "$err" | sed 's/^/# /'
}
# field NAME: of the last "end" line
field() {
	printf '%s\n' "$status" | grep '^end ' | tail -1 | tr ' ' '\n' |
		sed -n "s/^$1=//p"
}
key() { # a layer's key made of one digit
	printf '%064d' 0 | tr 0 "$1"
}
