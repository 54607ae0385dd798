#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "jobuild run": a unit graph on this machine, in real chroots.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
if [[ $(id -u) -ne 0 ]]; then
	echo "1..0 # SKIP chroots need root"
	exit 0
fi
unset AUTOTUA_STORE
export AUTOTUA_STATE=$tmp/chroot
mkdir "$tmp/mirror"
echo "some data" >"$tmp/mirror/data-1.txt"

recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
job_run() { echo "the library" >/lib.txt; }
X
recipe anna/app-1.0 <<'X'
DESCRIPTION="Uses it"
DEPEND="anna/lib"
SIDEPEND="anna/other"
SRC_URI="mirror://local/data-1.txt"
job_unpack() { cp "${DISTDIR}/data-1.txt" .; }
job_run() { cat /lib.txt data-1.txt >all; echo "colour: ${COLOUR:-none}"; }
job_collect() {
	artifact all
	result "lines=$(wc -l <all)"
}
X
recipe anna/other-1.0 <<'X'
DESCRIPTION="In a chroot of its own"
job_run() { [[ ! -e /lib.txt ]] || die "somebody was here before"; }
X
recipe anna/bad-1.0 <<'X'
DESCRIPTION="Fails in job_run"
job_setup() { echo "set up"; }
job_run() {
	printf 'a last \033[31mred line\n'
	return 7
}
job_collect() { echo "never"; }
X
recipe anna/top-1.0 <<'X'
DESCRIPTION="Needs one that fails and one that doesn't"
SIDEPEND="anna/bad anna/other"
job_run() { :; }
X

run jobuild run anna/app
[[ $status == 3 ]] && told "autotua-chroot -s $tmp/chroot import"
ok "no stage: the remedy is told"
"$top/tests/tools/mkstage" "$tmp/stage.tar.zst" >"$tmp/out" 2>"$tmp/err" &&
	run autotua-chroot -s "$tmp/chroot" import -n small "$tmp/stage.tar.zst"
[[ $status == 0 ]]
ok "a stage is imported"
mkdir "$tmp/half"
cp "$top/jobuild/sh/jobuild.sh" "$tmp/half"
run env AUTOTUA_HELPERS="$tmp/half" jobuild run anna/app
[[ $status == 2 ]] && told "helpers.sh is not there"
ok "a folder with half of the helpers is refused"
run jobuild run anna/app
[[ $status == 1 ]] && told "anna/app/app-1.0.jobuild:4:"
ok "run without the Manifest's line: the diagnostics are told"
run jobuild manifest --mirror "local file://$tmp/mirror" anna/app
run jobuild run --stage large anna/app
[[ $status == 3 ]] && told "small"
ok "an unknown stage: those that are there are told"
run autotua-chroot capabilities
for arch in s390x riscv64 loong64; do
	said "\"$arch\"" || break
done
run jobuild run --arch "$arch" anna/other
[[ $status == 2 ]] && told "arch $arch: programs of that don't run here, but of amd64" && ! told "unit 1/"
ok "an architecture that this machine can't run"
run jobuild run --arch x86_64 anna/other
[[ $status == 2 ]] && told "is amd64 meant?"
ok "what is no architecture"
run jobuild run --param COLOUR anna/app
[[ $status == 2 ]] && told "NAME=VALUE"
ok "a parameter without a value"

run jobuild run --mirror "local file://$tmp/mirror" --output "$tmp/kept" -p COLOUR=blue anna/app
[[ $status == 0 ]]
ok "a graph of two units passes"
[[ $(grep -c ' passed ' "$tmp/out") == 3 ]] && said "lines=2"
ok "the table has every jobuild and the figure"
[[ $(<"$tmp/kept/anna/app-1.0/1.out/all") == $'the library\nsome data' ]] && said "$tmp/kept/anna/app-1.0/1.out/all"
ok "the artifact is where the report says"
grep -q "colour: blue" "$tmp/kept/anna/app-1.0/1.log"
ok "the log is there, with the parameter"
told "unit 2/2  anna/app-1.0: run"
ok "progress on standard error"
run jobuild run --output "$tmp/kept" anna/app
[[ $status == 2 ]] && told "must be empty"
ok "results are never mixed"
run jobuild run --output "" anna/app
[[ $status == 2 ]] && told "expected a folder"
ok "no name is no folder"
run jobuild run --output "$tmp/kept/anna/app-1.0/1.log/x" anna/app
[[ $status == 2 ]] && told "1.log/x: Not a directory"
ok "nor is there one below a file"

run jobuild --json run anna/app
[[ $status == 0 ]] && jq -e '.passed and (.units | length) == 2 and
	.units[1].steps[0].atom == "anna/lib-1.0" and .units[1].steps[0].reused' "$tmp/out" >/dev/null
ok "a second run starts from the layer of its DEPEND; --json"
run jobuild run --from anna/app anna/app --output "$tmp/from" --mirror "local file://$tmp/mirror"
[[ $status == 0 ]] && ! told "unit 1/2" && told "unit 2/2  anna/app-1.0: passed" && said "left out"
ok "--from: earlier units are left out, layers of earlier steps are used"
run autotua-chroot -s "$tmp/chroot" list --json
for layer in $(jq -r '.[] | select(.kind == "layer") | .id' "$tmp/out"); do
	autotua-chroot -s "$tmp/chroot" remove "$layer"
done
run jobuild run --from anna/app anna/app --mirror "local file://$tmp/mirror"
[[ $status == 75 ]] && told "can't start at anna/app-1.0: the layer of anna/lib-1.0 is not here"
ok "--from: a missing layer is named"
run jobuild run --from anna/lib anna/app --mirror "local file://$tmp/mirror"
[[ $status == 0 ]] && ! said reused
ok "--from the first step: nothing is reused"
run jobuild run --from anna/nobody anna/app
[[ $status == 2 ]] && told "no such step"
ok "--from what isn't in the job"
run jobuild run -v anna/other
[[ $status == 0 ]] && told "anna/other-1.0, step 0, on amd64"
ok "-v: the log is streamed"

# ---- where a job can't have ids of its own: overlayfs can't translate them
mkdir "$tmp/lower" "$tmp/over" "$tmp/over/upper" "$tmp/over/work" "$tmp/overlay"
# shellcheck disable=SC2016 # expanded inside
on_overlay() { # COMMAND...
	unshare --mount --propagation private bash -c 'mount -t overlay -o \
		"lowerdir=$1/lower,upperdir=$1/over/upper,workdir=$1/over/work" none "$1/overlay" && chmod 700 "$1/overlay" || exit
		export AUTOTUA_STATE=$1/overlay; shift; "$@"' bash "$tmp" "$@"
}
AUTOTUA_ALLOW_ROOTFUL=yes run on_overlay jobuild stage import -n small "$tmp/stage.tar.zst"
[[ $status == 0 ]]
ok "allow-rootful: a stage is imported"
run on_overlay jobuild run anna/other
[[ $status == 75 ]] && told "a job can't have ids of its own"
ok "without it nothing is run"
AUTOTUA_ALLOW_ROOTFUL=yes run on_overlay jobuild run anna/other
[[ $status == 0 ]]
ok "with it a job whose root is the machine's"
recipe anna/user-1.0 <<'X'
DESCRIPTION="Uses the library"
DEPEND="anna/lib"
job_run() { cat /lib.txt; }
X
cat >"$tmp/without" <<'X'
#!/bin/sh
case " $* " in
*" serve "*) exec autotua-chroot "$@" --without "${LACKING-userns}" ;;
*) exec autotua-chroot "$@" ;;
esac
X
chmod +x "$tmp/without"
later() { AUTOTUA_STATE=$tmp/later run "$@"; }
later jobuild stage import -n small "$tmp/stage.tar.zst"
for reused in false true; do
	AUTOTUA_CHROOT=$tmp/without AUTOTUA_ALLOW_ROOTFUL=yes later jobuild --json run anna/user
	jq -e ".units[0].steps[0].reused == $reused" "$tmp/out" >/dev/null
	ok "its layers serve others like it: $reused"
done
for reused in false true; do
	AUTOTUA_ALLOW_ROOTFUL=yes later jobuild --json run anna/user
	jq -e ".units[0].steps[0].reused == $reused" "$tmp/out" >/dev/null
	ok "where jobs get ids of their own they are made again, once: $reused"
done
export LACKING=overlay
for reused in false true; do
	AUTOTUA_CHROOT=$tmp/without later jobuild --json run anna/user
	[[ $status == 0 ]] && jq -e ".units[0].steps[0].reused == $reused" "$tmp/out" >/dev/null
	ok "and where overlayfs can't be used, too: $reused"
done
unset LACKING
later jobuild --json run anna/user
[[ $status == 0 ]] && jq -e ".units[0].steps[0].reused" "$tmp/out" >/dev/null
ok "those serve where it can"
AUTOTUA_ALLOW_ROOTFUL=perhaps run jobuild run anna/other
[[ $status == 2 ]] && told "AUTOTUA_ALLOW_ROOTFUL: allow-rootful \"perhaps\": expected yes or no"
ok "yes or no"

# ---- old runs --------------------------------------------------------------------
runs=$tmp/state/autotua/runs
old() { # NAME RESULT [KEEP [KEPT]]
	mkdir -p "$runs/$1" && printf 'some output\n' >"$runs/$1/log"
	jq -n --arg result "$2" --argjson keep "${3:-false}" --arg kept "${4:-run-none}" \
		--argjson ended "$(($(date +%s) - 10 * 86400))" \
		'{root: "anna/other-1.0", arch: "amd64", started: ($ended - 90), ended: $ended, result: $result, keep: $keep, kept: [$kept]}' \
		>"$runs/$1/run.json"
}
rm -rf "$runs"
mkdir -p "$runs/mine" "$runs/20200104-000000-1"
old 20200101-000000-1 passed
old 20200102-000000-1 passed
old 20200103-000000-1 failed
old 20200102-000000-2 passed true
exec 9<"$runs/20200101-000000-1"
flock -s 9
AUTOTUA_RUNS=1 run jobuild run anna/other
[[ $status == 0 && -d $runs/20200101-000000-1 && ! -e $runs/20200102-000000-1 && -d $runs/mine ]]
ok "old runs are deleted, but not one that is in use, nor what is none"
[[ ! -e $runs/20200103-000000-1 && -d $runs/20200104-000000-1 && -d $runs/20200102-000000-2 ]]
ok "failed ones, too, but the newest, and what was to be kept"
exec 9<&-
run jobuild run anna/other
[[ $status == 0 && -d $runs/20200101-000000-1 ]]
ok "after ten days they are still there"
AUTOTUA_RUNS_AGE=9d run jobuild run anna/other
[[ $status == 0 && ! -e $runs/20200101-000000-1 && -d $runs/20200102-000000-2 ]]
ok "runs-age says for how long; what was to be kept stays"
AUTOTUA_RUNS_AGE=soon run jobuild run anna/other
[[ $status == 2 ]] && told "runs-age \"soon\": expected a duration"
ok "a runs-age that is none"

run jobuild runs
[[ $status == 0 ]] && grep -Eq "^20200102-000000-2  +anna/other-1.0  +amd64  +passed  +20[0-9-]+ [0-9:]+  +1m30s  +[0-9.]+ KiB  +kept$" "$tmp/out" &&
	grep -Eq "^20[0-9-]+  +anna/other-1.0  +amd64  +passed " "$tmp/out" && grep -Eq "^20200104-000000-1  +unknown" "$tmp/out" && ! said mine
ok "runs: the list"
exec 9<"$runs/20200104-000000-1"
flock -s 9
run jobuild --json runs
[[ $status == 0 ]] && jq -e --arg f "$runs" '.folder == $f and (.runs | map({key: .run, value: .}) | from_entries |
	.["20200102-000000-2"].keep and .["20200102-000000-2"].size > 0 and .["20200102-000000-2"].ended - .["20200102-000000-2"].started == 90 and
	.["20200104-000000-1"].result == "running")' "$tmp/out" >/dev/null
ok "runs --json, with one that is under way"
run jobuild runs --remove 20200104-000000-1
[[ $status == 1 && -d $runs/20200104-000000-1 ]] && told "is under way"
ok "which is not deleted"
exec 9<&-
mkdir -p "$tmp/chroot/kept/run-1-2-3" "$tmp/chroot/kept/run-1-2-4"
old 20200105-000000-1 failed false run-1-2-3
old 20200106-000000-1 failed false ../../run-1-2-4
old 20200107-000000-1 ""
run jobuild runs -n --older-than 9d
[[ $status == 0 && -d $runs/20200105-000000-1 && $(sort "$tmp/out") == 2020010[5-7]*2020010[5-7]*2020010[5-7]* ]] &&
	told "3 runs would be deleted" && told "1 that was to be kept left"
ok "--dry-run tells and deletes nothing"
run jobuild runs
grep -q "^20200107-000000-1.*interrupted" "$tmp/out"
ok "one that didn't live to tell its result"
run jobuild runs --older-than 11d
[[ $status == 0 && ! -s $tmp/out ]] && told "0 runs deleted"
ok "--older-than: younger ones stay"
run jobuild runs --older-than 9d
[[ $status == 0 && ! -e $runs/20200105-000000-1 && ! -e $tmp/chroot/kept/run-1-2-3 && -d $tmp/chroot/kept/run-1-2-4 &&
	-d $runs/20200102-000000-2 ]]
ok "--older-than deletes, with what they kept and nothing else"
rm -rf "$tmp/chroot/kept"/*
run jobuild --json runs --remove 20200102-000000-2
[[ $status == 0 && ! -e $runs/20200102-000000-2 ]] && jq -e '.deleted == ["20200102-000000-2"] and .size > 0' "$tmp/out" >/dev/null
ok "--remove deletes what was to be kept; --json"
run jobuild runs --remove mine --remove ..
[[ $status == 3 && -d $runs/mine ]] && told 'no run "mine"' && told 'no run ".."'
ok "what is no run is not deleted"
run jobuild runs --older-than 9x
[[ $status == 2 ]] && told "expected a duration"
ok "a duration that is none"
AUTOTUA_RUNS=x run jobuild run anna/other
[[ $status == 2 ]] && told "runs \"x\": expected a number"
ok "a number of runs that is none"

run jobuild run anna/top
[[ $status == 1 ]] && grep -q 'bad-1.0 .*failed' "$tmp/out" &&
	grep -q 'other-1.0 .*passed' "$tmp/out" && grep -q 'top-1.0 .*dep-failed' "$tmp/out"
ok "after a failure the rest of the graph goes on"
told "job_run: exit 7" && told 'a last \x1b[31mred line' && ! said never
ok "phase, exit and the log's end are shown, escaped"
echo "anna 0000000000000000000000000000000000000000" >"$tmp/keyring"
run jobuild run --keyring "$tmp/keyring" anna/other
[[ $status == 1 ]] && told "signatures are not good"
ok "--keyring: nothing unsigned runs"
run jobuild run --json --keyring "$tmp/keyring" anna/other
[[ $status == 1 ]] && jq -e '(.diagnostics | length) > 0 and .error == {"message": "not run: signatures are not good", "status": 1}' "$tmp/out" >/dev/null
ok "as JSON with what is wrong of which"

# ---- looking around after a failure ----------------------------------------------
run jobuild run --shell anna/bad
[[ $status == 2 ]] && told "--shell needs a terminal"
ok "--shell without a terminal"
recipe anna/look-1.0 <<'X'
DESCRIPTION="Fails, leaving something behind"
DEPEND="anna/lib"
_helper() { echo "helped by ${PN}"; }
job_run() {
	echo "left behind" >/behind.txt
	echo "in the work folder" >note
	return 3
}
X
run jobuild run --keep anna/look
kept=$(sed -n 's/^kept *\([^ ]*\) .*/\1/p' "$tmp/out")
[[ $status == 1 && -n $kept && $(<"$kept/upper/behind.txt") == "left behind" &&
	$(<"$kept/home/work/note") == "in the work folder" ]]
ok "--keep: what the step wrote is where the end of the run says"
run jobuild -q run anna/look
[[ $status == 1 && $(<"$tmp/err") == "jobuild: anna/look-1.0: "*"exit 3"* &&
	$(wc -l <"$tmp/err") == 1 ]]
ok "-q: a line says why it failed"
rm -rf "${kept:?}"
run jobuild run anna/look
[[ $status == 1 ]] && ! said "kept  " && [[ -z $(ls -A "$tmp/chroot/kept")$(ls -A "$tmp/chroot/run") ]]
ok "nothing is kept without it"
cat >"$tmp/typed" <<'X'
echo "shell: $PHASE $P $PWD, pid $$"; cat /behind.txt /lib.txt note; _helper
echo "tty: $(test -t 0 && echo yes)"; echo changed >/shell.txt
ver_test 1.9 -lt 1.10 && echo "versions: $(ver_cut 1-2 1.2.3)"
phase job_run; echo "again: $?"
exit
X
# Processes of ours that have a socket: the jailer knows the end by its close.
sockets() {
	local p

	for p in $(pgrep -x jobuild); do
		[[ $(readlink "/proc/$p/cwd") == "$tree" && $(readlink "/proc/$p/fd"/* 2>/dev/null) == *socket:* ]] && echo "$p"
	done
}
(
	cd "$tree" && {
		for ((i = 0; i < 600; i++)); do
			grep -q "phase job_run" "$tmp/seen" 2>/dev/null && break
			sleep 0.1
		done
		sockets >"$tmp/sockets"
		cat "$tmp/typed"
		sleep 1
	} | script -qefc "TERM=xterm jobuild run --shell --keep anna/look" "$tmp/seen"
) >"$tmp/out" 2>"$tmp/err"
status=$?
tr -d '\r' <"$tmp/seen" >"$tmp/out"
[[ $status == 1 ]] && grep -q "^shell: job_run look-1.0 /autotua/work, pid " "$tmp/out" && grep -q "^left behind" "$tmp/out" &&
	grep -q "^the library" "$tmp/out" && grep -q "^in the work folder" "$tmp/out" && grep -q "^helped by look" "$tmp/out" &&
	grep -q "^tty: yes" "$tmp/out" && ! grep -q "no job control" "$tmp/out" && grep -q "^again: 1" "$tmp/out" &&
	grep -q "^versions: 1.2" "$tmp/out"
ok "--shell: the same root, the phase's environment and functions, and it can be run again"
[[ $(wc -l <"$tmp/sockets") == 1 ]]
ok "who carries the terminal's bytes doesn't hold up the jailer's end"
kept=$(sed -n 's/^kept *\([^ ]*\) .*/\1/p' "$tmp/out")
[[ -n $kept && $(<"$kept/upper/shell.txt") == changed ]]
ok "--keep after --shell has what was done in it"
run jobuild --json runs
last=$(jq -r '.runs[0] | select(.keep and .result == "failed") | .run' "$tmp/out")
jq -e --arg kept "$kept" '.runs[0].kept == [$kept]' "$tmp/out" >/dev/null && run jobuild runs --remove "$last" &&
	[[ $status == 0 && ! -e $kept && ! -e $runs/$last ]]
ok "runs knows what was kept, and deletes it with its run"

recipe anna/long-1.0 <<'X'
DESCRIPTION="Waits to be interrupted"
job_run() { echo started; sleep 1000; }
X
(cd "$tree" && exec jobuild run --output "$tmp/long" anna/long) >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
for ((i = 0; i < 300; i++)); do
	grep -q started "$tmp/long/anna/long-1.0/0.log" 2>/dev/null && break
	sleep 0.1
done
kill -TERM "$pid"
wait "$pid"
[[ $? == 130 && $i -lt 300 ]] && [[ -z $(ls "$tmp/chroot/run") ]]
ok "interrupted: it ends, and so does the jail"
done_testing
