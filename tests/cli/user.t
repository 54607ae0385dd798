#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "jobuild run" of an ordinary user: all in folders of their own, which nobody
# else may enter.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
user=autotua-test-$$
if [[ $(id -u) -ne 0 ]] || ! useradd -M -d "$tmp/home" "$user" 2>/dev/null; then
	echo "1..0 # SKIP no user can be made here"
	exit 0
fi
uid=$(id -u "$user") gid=$(id -g "$user")
trap 'userdel "$user" 2>/dev/null; cli_end' EXIT
tree=$tmp/home/tree state=$tmp/home/.local/state/autotua
mkdir -p "$tmp/own/bin" "$tmp/own/share/autotua" "$tree/anna" "$tmp/home/mirror"
cp "$top"/jobuild/sh/*.sh "$tmp/own/share/autotua"
for program in jobuild autotua-chroot autotua-unpack; do
	cp "${B:-$top/build}/bin/$program" "$tmp/own/bin"
done
"$top/tests/tools/mkstage" "$tmp/own/stage.tar.zst" >"$tmp/out" 2>"$tmp/err" || exit 1

recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
job_run() { echo "the library" >/lib.txt; chown 5:5 /lib.txt; }
X
recipe anna/app-1.0 <<'X'
DESCRIPTION="Uses it"
DEPEND="anna/lib"
SRC_URI="mirror://local/data-1.txt"
job_unpack() { cp "${DISTDIR}/data-1.txt" .; }
job_run() { cat /lib.txt data-1.txt "${FILESDIR}/more/patch" >all; echo "owner $(stat -c %u /lib.txt)"; }
job_collect() { artifact all; }
X
mkdir -p "$tree/anna/app/files/more"
echo "a patch" >"$tree/anna/app/files/more/patch"
recipe anna/bad-1.0 <<'X'
DESCRIPTION="Fails"
job_run() { mkdir -m 700 /secret; echo found >/secret/f; return 3; }
X
git init --quiet "$tree"
echo "some data" >"$tmp/home/mirror/data-1.txt"
printf 'mirror = local file://%s\n' "$tmp/home/mirror" >"$tmp/own/config"
chown -R "$uid:$gid" "$tmp/home"
chmod 755 "$tmp"
chmod 700 "$tmp/home"

# COMMAND...: as the user, whose files are nobody else's
as_user() {
	env -i -C "$tree" HOME="$tmp/home" PATH="$tmp/own/bin:/usr/bin:/bin" TERM=dumb AUTOTUA_ARCH=amd64 \
		AUTOTUA_CONFIG="$tmp/own/config" setpriv --reuid "$uid" --regid "$gid" --clear-groups \
		bash -c 'umask 077; "$@"' bash "$@"
}
do_as_user() {
	as_user "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

do_as_user jobuild run anna/app
[[ $status == 3 ]] && told "there is no stage in $state/chroot"
ok "no stage: the state folder is the user's own"
do_as_user jobuild stage import -n small "$tmp/own/stage.tar.zst"
[[ $status == 0 ]]
ok "a stage is imported"
do_as_user autotua-chroot list
[[ $status == 0 ]] && said " small"
ok "autotua-chroot has the same folder"
[[ $(stat -c '%u %a' "$state/chroot") == "$uid 700" ]]
ok "which nobody else may enter"
do_as_user jobuild manifest anna/app
rm "$tmp/home/mirror/data-1.txt"
do_as_user jobuild run anna/app
[[ $status == 0 && $(grep -c ' passed ' "$tmp/out") == 2 ]]
ok "a job passes, with the source that manifest has fetched"
run=$(sed -n 's,^logs *\(.*\)/USER/NAME-VERSION/STEP.log$,\1,p' "$tmp/out")
[[ $run == "$state"/runs/* && $(<"$run/anna/app-1.0/1.out/all") == $'the library\nsome data\na patch' ]]
ok "its artifact is there"
[[ $(stat -c %u "$run/anna/app-1.0/1.out/all") == "$uid" ]] && grep -q "^owner 5$" "$run/anna/app-1.0/1.log"
ok "and the user's; owners in the layer are kept"
do_as_user jobuild --json run anna/app
[[ $status == 0 ]] && jq -e '.units[0].steps[0].reused' "$tmp/out" >/dev/null
ok "the next run starts from the layer"

do_as_user jobuild run --keep anna/bad
kept=$(sed -n 's/^kept *\([^ ]*\) .*/\1/p' "$tmp/out")
[[ $status == 1 && $kept == "$state"/chroot/kept/* && $(<"$kept/upper/secret/f") == found ]]
ok "--keep: what a failed step wrote is there"
do_as_user jobuild runs --remove "$(cd "$state/runs" && grep -l '"anna/bad-1.0"' ./*/run.json | cut -d/ -f2)"
[[ $status == 0 && ! -e $kept ]]
ok "and deleted with its run, though its files aren't the user's"
do_as_user autotua-chroot remove --kept ../../stages
[[ $status == 2 ]]
ok "remove --kept: what is no job is nothing to delete"
do_as_user autotua-chroot remove --kept job-that-is-not
[[ $status == 3 ]] && told "kept/job-that-is-not"
ok "nor one that isn't kept"
# shellcheck disable=SC2094 # what comes out is waited for
{
	for ((i = 0; i < 600; i++)); do
		grep -q "phase job_run" "$tmp/seen" 2>/dev/null && break
		sleep 0.1
	done
	printf 'cat /secret/f; test -t 0 && echo "a tty"\nexit\n'
	sleep 1
} | as_user script -qefc "jobuild run --shell anna/bad" /dev/null >"$tmp/seen" 2>&1
tr -d '\r' <"$tmp/seen" >"$tmp/out"
grep -q "^found" "$tmp/out" && grep -q "^a tty" "$tmp/out"
ok "--shell: a shell in the chroot of the step that failed"

sed -i "/^$user:/d" /etc/subuid
do_as_user jobuild run anna/app
[[ $status != 0 ]] && told "usermod --add-subuids"
ok "without subordinate ids: the remedy is told"
for ((i = 0; i < 100; i++)); do
	find "$state/chroot/run" "$state/chroot/trash" "$state/chroot/kept" -mindepth 1 >"$tmp/out"
	[[ ! -s $tmp/out ]] && break
	sleep 0.1
done
[[ ! -s $tmp/out ]]
ok "nothing is left"
done_testing
