#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks from inside, each in a jail of its own, in each mode of the jail that
# this machine allows; after each the host must be as it was. MODES picks some.
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
probe=${B:-$top/build}/tests/chroot/probe
[ -x "$probe" ] || { echo "Bail out! $probe is missing: make it"; exit 1; }

# what the jail has to lower
for limit in c l n s; do
	# shellcheck disable=SC3045
	ulimit -S -$limit "$(ulimit -H -$limit)"
done

mkdir recipe host art "$S/distfiles"
cp "$probe" recipe/probe
echo secret >host/file
hex=$(printf '%0128d' 7)
echo source >"$S/distfiles/blake2b-$hex"
chmod 444 "$S/distfiles/blake2b-$hex"
export PROBE_SECRET=1

"$probe" listen listening &
listener=$!
trap 'kill $listener; rm -rf "$tmp"' EXIT
soon [ -e listening ] || echo "# another test has the abstract socket"

# attack PHASE OPTIONS...: run all that mean something, but those of SKIP
attack() {
	mode=$1
	shift
	"$probe" list | while read -r modes name; do
		case $modes in *["$skip"]*) continue ;; esac
		echo "$name"
	done >names
	while read -r name; do
		rm -rf art
		mkdir art
		[ -z "$user" ] || chown "$user" art
		jailer run --job "probe-$name" --stage "$stage" \
			--recipe "$tmp/recipe" --artifacts "$tmp/art" --time 60 \
			--source "source=blake2b-$hex" "$@" -- \
			/autotua/recipe/probe "$name" >"$tmp/log" 2>"$tmp/err"
		code=$?
		find art -mindepth 1 ! -type f -o -perm /7000 >found
		rm -rf art
		soon unchanged
		same=$?
		count=$((count + 1))
		if [ $code -eq 0 ] && [ $same -eq 0 ] && [ ! -s found ]; then
			echo "ok $count - $mode: $name"
		else
			echo "not ok $count - $mode: $name (exit $code)"
			sed 's/^/#   /' "$tmp/log" "$tmp/err" found
			[ $same -eq 0 ] || diff "$tmp/host.before" "$tmp/host.now" |
				sed 's/^/#   host: /' | head
			bad=$((bad + 1))
		fi
	done <names
}
# shellcheck disable=SC2317 # called by soon
view() { "$probe" host "$tmp" "$state"; }
# shellcheck disable=SC2317
unchanged() {
	view >"$tmp/host.now"
	cmp -s "$tmp/host.before" "$tmp/host.now"
}
can=$("$CHROOT" -s "$S" capabilities)
case $(printf %s "$can" | jq -r .network) in
private) private=private ;;
*) private='' ;;
esac
# as "doctor" says, such a job can speak to them
case $(printf %s "$can" | jq -r .lacks) in
*landlock*) unscoped=l ;;
*) unscoped='' ;;
esac
rm -rf art
state=$S user=''
# shellcheck disable=SC2317 # called by attack
jailer() { "$CHROOT" -s "$S" "$@"; }
view >host.before

# As an ordinary user, with programs and a state folder of its own.
as_user() {
	user=autotua-probe-$$
	trap 'kill $listener; userdel "$user" 2>/dev/null; rm -rf "$tmp"' EXIT
	useradd -M -d "$tmp" "$user" 2>/dev/null || return
	mkdir -p own/store
	cp "$CHROOT" "$(dirname "$CHROOT")/autotua-unpack" "$(stage_tar)" own/
	chown -R "$user" own
	chmod 711 "$tmp"
	state=$tmp/own/store/state
	jailer() {
		setpriv --reuid "$user" --regid "$(id -g "$user")" \
			--clear-groups "$tmp/own/autotua-chroot" -s "$state" "$@"
	}
	if ! jailer import own/small-stage.tar.zst >id 2>err; then
		echo "Bail out! the user can't import: $(cat err)"
		exit 1
	fi
	cp -r "$S/distfiles" "$state/"
	chown -R "$user" "$state/distfiles"
	rm -rf art
	view >host.before
}

for mode in ${MODES:-userns limits net $private nest rootful old copies user}; do
	case $mode in
	userns) skip=x; attack "$mode" ;;
	limits) skip=x; attack "$mode" --memory 512M --pids 100 --cpus 2 ;;
	net) skip=p$unscoped; attack "$mode" --phase net,net ;;
	private) skip=a; attack "$mode" --network private --phase net,net ;;
	nest) skip=n; attack "$mode" --nest ;;
	rootful) skip=u; attack "$mode" --without userns --allow-rootful ;;
	# what kernels of some years ago lack
	old) skip=x; attack "$mode" --without \
		detached,fsconfig,landlock,pivot,cgroup1,cgroup2 \
		--pids 100 --memory 512M ;;
	copies) skip=c; attack "$mode" --without overlay ;;
	user)
		skip=r
		if as_user; then attack "$mode"; else
			echo "# no user can be made here"
		fi
		userdel "$user" 2>/dev/null
		;;
	esac
done

# a fork bomb, now that the limit of processes has been seen to hold
run --pids 200 --time 20 -- /bin/bash -c ':(){ :|:& };:; sleep 100'
is "$code $(field limit)" "1 pids" "a fork bomb"
ok "is dead" soon nobody
is "$(cat host/file)" secret "the host's file"
kill $listener
trap 'rm -rf "$tmp"' EXIT
wait $listener 2>/dev/null

finish
