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
run jobuild run anna/app
[[ $status == 1 ]] && told "anna/app/app-1.0.jobuild:4:"
ok "run without the Manifest's line: the diagnostics are told"
run jobuild manifest --mirror "local file://$tmp/mirror" anna/app
run jobuild run --stage large anna/app
[[ $status == 3 ]] && told "small"
ok "an unknown stage: those that are there are told"
run jobuild run --param COLOUR anna/app
[[ $status == 2 ]] && told "NAME=VALUE"
ok "a parameter without a value"

run jobuild run --mirror "local file://$tmp/mirror" --keep "$tmp/kept" -p COLOUR=blue anna/app
[[ $status == 0 ]]
ok "a graph of two units passes"
[[ $(grep -c ' passed ' "$tmp/out") == 3 ]] && said "lines=2"
ok "the table has every jobuild and the figure"
[[ $(<"$tmp/kept/anna/app-1.0/1.out/all") == $'the library\nsome data' ]] && said "$tmp/kept/anna/app-1.0/1.out/all"
ok "the artifact is where the report says"
grep -q "colour: blue" "$tmp/kept/anna/app-1.0/1.log"
ok "the log is there, with the parameter"
told "anna/app-1.0: run" && told "unit 2/2"
ok "progress on standard error"
run jobuild run --keep "$tmp/kept" anna/app
[[ $status == 75 ]] && told "must be empty"
ok "results are never mixed"

run jobuild --json run anna/app
[[ $status == 0 ]] && jq -e '.passed and (.units | length) == 2 and
	.units[1].steps[0].atom == "anna/lib-1.0" and .units[1].steps[0].reused' "$tmp/out" >/dev/null
ok "a second run starts from the layer of its DEPEND; --json"
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

recipe anna/long-1.0 <<'X'
DESCRIPTION="Waits to be interrupted"
job_run() { echo started; sleep 1000; }
X
(cd "$tree" && exec jobuild run --keep "$tmp/long" anna/long) >"$tmp/out" 2>"$tmp/err" </dev/null &
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
