# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A farm for tests: a signed tree, a master, slaves; all below $tmp, on
# loopback, with a small stage and local files as mirrors. TAP helpers too.
# Everything that was started is gone when the test ends.
set -u

# a test that mounts sets this, and no other sees it
if [[ -n ${own_mounts-} && -z ${FARM_MOUNTS-} && $(id -u) -eq 0 ]]; then
	FARM_MOUNTS=1 exec unshare --mount --propagation private "$0"
fi
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${B:-$top/build}/bin
PATH=$bin:$PATH
tmp=$(mktemp -d "${TMPDIR:-/tmp}/farm.XXXXXX")
# slaves are this user, which nobody else is
slave_user=64111
chmod 711 "$tmp"
export GNUPGHOME=$tmp/gnupg XDG_CONFIG_HOME=$tmp/config XDG_CACHE_HOME=$tmp/cache
unset "${!AUTOTUA_@}"
bad=0
declare -A pid=()

farm_stop() {
	local name

	for name in "${!pid[@]}"; do
		kill -s KILL "${pid[$name]}" 2>/dev/null
	done
	wait 2>/dev/null
	pid=()
	gpgconf --kill all 2>/dev/null
}
# shellcheck disable=SC2317 # called by trap
farm_end() {
	# what gets SIGTERM before it has become a daemon comes here too
	[[ $BASHPID == "$$" ]] || return
	farm_stop
	# a copy, as what is mounted ends with us
	((bad)) && [[ -n ${KEEP-} ]] && cp -a "$tmp" "$tmp.kept" && echo "# kept: $tmp.kept"
	[[ -z ${own_mounts-} ]] ||
		awk -v t="$tmp/" 'index($2, t) == 1 { print $2 }' /proc/mounts | tac | xargs -r umount -l
	rm -rf "$tmp"
}
trap farm_end EXIT

# What a jailer runs: its children that have one themselves. The one that is
# ready for the next run has none.
runs_of() { # PID
	local child state any=1

	state=$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n '/^-s$/{n;p;q;}')
	for child in $(pgrep -P "$1"); do
		[[ ! -e $state/run/spare.$child ]] || continue
		! pgrep -P "$child" >/dev/null || { echo "$child" && any=0; }
	done
	return "$any"
}

plan_skip() { # WHY
	echo "1..0 # SKIP $1"
	exit 0
}
[[ $(id -u) -eq 0 ]] || plan_skip "chroots need root"

# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"

tap_leftovers() {
	bad=1
	tail -n 15 "$tmp"/*.log "$tmp/out" 2>/dev/null | sed 's/^/# /'
	echo
}

# Run with output and status kept in $tmp/out and $status.
run() {
	"$@" >"$tmp/out" 2>&1 </dev/null
	status=$?
}

said() { grep -qF -- "$1" "$tmp/out"; }

# Try a command each tenth of a second, for at most $1 seconds.
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return
		sleep 0.1
	done
}

farm_key() { # USER
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-generate-key "$1 <$1@test.invalid>" ed25519 sign never 2>/dev/null
	gpg --batch --armor --export "=$1 <$1@test.invalid>" >"$tmp/$1.key"
}

# Write a recipe (standard input) into the tree.
recipe() { # USER/NAME-VERSION
	local path=$1 name=${1##*/}

	mkdir -p "$tmp/tree/${path%/*}"
	cat >"$tmp/tree/${path%/*}/$name.jobuild"
}

# A recipe of version 1.0 that does nothing, with further lines.
simple() { # USER/NAME DESCRIPTION [LINE]...
	printf '%s\n' "DESCRIPTION=\"$2\"" "${@:3}" 'job_run() { :; }' |
		recipe "$1/${1##*/}-1.0"
}

# One that sends 100 kB to where nobody hears them.
sender() { # USER/NAME
	recipe "$1/${1##*/}-1.0" <<'X'
DESCRIPTION="Sends what nobody hears"
PROPERTIES="network"
job_run() {
	local i text

	printf -v text '%01000d' 0
	for ((i = 0; i < 100; i++)); do
		printf %s "${text}" >/dev/udp/203.0.113.1/9 || :
	done
}
X
}

sign() { # USER...
	local user

	for user; do
		(cd "$tmp/tree" && jobuild -q sign --key "=$user <$user@test.invalid>" "$user") >/dev/null || return
	done
}

commit() { # TEXT
	git -C "$tmp/tree" add -A && git -C "$tmp/tree" commit --quiet -m "$1"
}

# An empty tree and keys for these users.
farm_tree() { # USER...
	local user

	mkdir -p "$GNUPGHOME" "$XDG_CONFIG_HOME/autotua" "$tmp/mirror"
	chmod 700 "$GNUPGHOME"
	git init --quiet --initial-branch=main "$tmp/tree"
	git -C "$tmp/tree" config user.name test
	git -C "$tmp/tree" config user.email test@test.invalid
	for user; do
		farm_key "$user"
		mkdir -p "$tmp/tree/$user"
		cp "$tmp/$user.key" "$tmp/tree/$user/$user.asc"
	done
}

master() { autotua-master -C "$tmp/master" "$@"; }
# SQL, an argument or the input, in its database, which it may be writing.
db() { sqlite3 -cmd ".timeout 5000" "$tmp/master/master.db" "$@"; }

# Become a daemon, told as by the service manager that its log is the journal.
become() { # LOG COMMAND...
	exec >>"$1" 2>&1 </dev/null
	JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "${@:2}"
}

# Serve on the port of the last time, or on a free one.
start_master() {
	rm -f "$tmp/master/port"
	become "$tmp/master.log" autotua-master -C "$tmp/master" serve &
	pid[master]=$!
	within 20 test -s "$tmp/master/port" || return
	url=https://127.0.0.1:$(<"$tmp/master/port")
}

# A master with these users, the tree as "main" and the stage as "small".
farm_master() { # USER...
	local user

	"$top/tests/tools/mkstage" "$tmp/stage.tar.zst" &&
		master init --name farm --listen 127.0.0.1:0 >/dev/null || return
	for user; do
		master user add "$user" "$tmp/$user.key" >/dev/null || return
	done
	# short, so that lost slaves are missed soon
	printf 'lease = %s\ngrace = 4s\n' "${lease_time-4s}" >>"$tmp/master/master.conf"
	master tree add main "$tmp/tree" >/dev/null &&
		master stage add small "$tmp/stage.tar.zst" >/dev/null &&
		start_master || return
	# a master that is restarted comes back at the same place
	sed -i "s/^listen *=.*/listen = 127.0.0.1:${url##*:}/" "$tmp/master/master.conf"
	master ca >"$tmp/ca.pem"
	cat >"$XDG_CONFIG_HOME/autotua/config" <<-X
		master = $url
		ca = $tmp/ca.pem
		user = $1
		key = =$1 <$1@test.invalid>
		mirror = local file://$tmp/mirror
	X
}

enroll_slave() { # NAME [CONFIG-LINE...]
	local name=$1

	shift
	mkdir -p "$tmp/$name"
	printf '%s\n' "slots = 1" "user = $slave_user" "helpers = $top/jobuild/sh" \
		"mirror = local file://$tmp/mirror" "$@" >"$tmp/$name/slave.conf"
	autotua-slave -C "$tmp/$name" enroll "$url" "$(master token new)" --name "$name" >/dev/null
}

start_slave() { # NAME
	become "$tmp/$1.log" autotua-slave -C "$tmp/$1" run &
	pid[$1]=$!
}

kill_daemon() { # NAME [SIGNAL]
	kill -s "${2-KILL}" "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

# Submit; the job's number in $job. All of it runs unless $reuse is set (empty).
submit() { # ARGUMENT...
	# shellcheck disable=SC2086 # an option or nothing
	run jobuild -q -C "$tmp/tree" --json submit --tree main --stage small ${reuse---no-reuse} "$@"
	job=$(jq -r '.job // empty' "$tmp/out" 2>/dev/null)
	[[ $status == 0 && -n $job ]]
}

# What GET jobs/$job says, through a filter of jq.
job_is() { # FILTER
	local answer

	answer=$(jobuild --json status "$job" 2>/dev/null)
	[[ -n $answer ]] && jq -e "$1" <<<"$answer" >/dev/null
}
job_ended() { job_is '.state == "passed" or .state == "failed" or .state == "cancelled"'; }
