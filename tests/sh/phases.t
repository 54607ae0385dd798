#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild.sh: phases, die, skip, super, comparison of values.
# shellcheck disable=SC2154,SC2119 # status is set by phase
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/lib.sh"

recipe DESCRIPTION 'a b' <<'X'
=== u/t/t-1.0.jobuild
DESCRIPTION="a b"
job_run() { echo "in ${PWD##*/} ${PHASE} ${ARCH} ${JOB_ID} ${P}"; }
job_collect() { return 3; }
X
phase job_run
[[ $status == 0 ]] && said 'in work job_run amd64 7 t-1.0'; ok "a phase runs in WORKDIR with what is set"
mkdir "$tmp/root/work/t-1.0"
phase job_run
said 'in t-1.0 job_run'; ok "and in S if that exists"
phase job_collect
[[ $status == 1 ]] && reported 'die|-|job_collect returned 3'; ok "a non-zero return is a failure that is told"
phase job_setup
[[ $status == 0 && ! -s $tmp/log ]]; ok "a phase that is not defined does nothing"
[[ -z $(ls -A "$tmp/root/temp") ]]; ok "nothing is left below T"

recipe DESCRIPTION 'a  b' <<'X'
=== u/t/t-1.0.jobuild
DESCRIPTION="a b"
DEPEND="x/y"
job_run() { echo ran; }
X
phase job_run
[[ $status == 78 ]] && ! said ran; ok "other values than the planner's: the phase does not start"
reported 'mismatch|DESCRIPTION|a b'; ok "the value that bash has is told"
reported 'mismatch|DEPEND|x/y'; ok "a name that the planner has not is told"

recipe <<'X'
=== u/t/t-1.0.jobuild
helper() {
	die "from below"
}
job_setup() {
	local x

	x=$(helper)
	echo "still here ${x}"
}
job_unpack() { ( die "subshell" ); echo "still here"; }
job_run() { sleep 60 | { die "pipeline"; }; echo "still here"; }
job_collect() { nothing-of-this-name --x; echo "still here"; }
X
phase job_setup
[[ $status == 1 ]] && ! said "still here"; ok "die ends the phase out of a command substitution"
said 'at u/t/t-1.0.jobuild:2: helper' && said 'at u/t/t-1.0.jobuild:7: job_setup'; ok "with the stack as file and line"
phase job_unpack
[[ $status == 1 ]] && ! said "still here" && reported 'die|-|subshell'; ok "die out of a subshell"
phase job_run
[[ $status == 1 ]] && ! said "still here" && reported 'die|-|pipeline'; ok "die out of a pipeline does not wait for its sibling"
phase job_collect
[[ $status == 1 ]] && said 'command not found: nothing-of-this-name'; ok "a missing command is a failure"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() { nonfatal die -n "soft"; echo "status $?"; }
job_unpack() { nonfatal edo false; echo "status $?"; edo false; echo "still here"; }
job_run() { skip "no kvm here"; }
job_collect() { ( skip "from below" ); echo "still here"; }
X
phase job_setup
[[ $status == 0 ]] && said 'status 1' && reported 'log|error|soft'; ok "die -n under nonfatal returns"
phase job_unpack
[[ $status == 1 ]] && said 'status 1' && ! said 'still here'; ok "edo dies by itself, not under nonfatal"
reported 'die|-|failed (1): false'; ok "and says which command"
phase job_run
[[ $status == 77 ]] && reported 'skip|-|no kvm here'; ok "skip"
phase job_collect
[[ $status == 77 ]] && ! said 'still here'; ok "skip out of a subshell"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() { ( x=$( (die "deep"); echo "still here" ); echo "still here" ); echo "still here"; }
job_unpack() { cd /; ( skip "by a subshell" ) | cat; echo "still here"; }
job_run() { { echo begun; sleep 60; } & wait; echo "still here"; }
job_collect() { set -eu -C; ( ( ver_cut x 1.0 ); echo "still here" ); }
X
phase job_setup
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|deep'; ok "die ends all that waits for it, three levels up"
phase job_unpack
[[ $status == 77 ]] && ! said 'still here'; ok "skip does, out of a pipeline"
[[ -e $tmp/root/temp/.skipped ]]; ok "and leaves word of it for whoever would want a shell"
phase job_collect
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|not a range: x'; ok "a helper's die does, whatever the phase has set"
phase job_run &
for ((i = 0; i < 300; i++)); do said begun && break; sleep 0.1; done
kill -s TERM "$(pgrep -P "$!")"
wait "$!"
[[ $(<"$tmp/status") == 143 ]] && ! said 'still here'; ok "TERM ends a phase"
[[ $(ls -A "$tmp/root/temp") == .skipped ]]; ok "no files of its own are left below T"

recipe DEPEND 'a/b c/d' <<'X'
=== base/t/root-1.0.template
DEPEND="a/b"
flow()
{
	echo "root flow $*"
}
job_run() { flow one; check; }
check() { echo "root check"; }
=== base/t/mid-1.0.template
check() {
	echo "mid check"
	super
}
=== u/t/t-1.0.jobuild
DEPEND+=" c/d"
flow() { echo "leaf flow"; super "$@" two; }
check() { super || die; echo "leaf check"; die "at the end"; }
alone() { super; }
job_setup() { alone; }
X
phase job_run
[[ $(grep -E '^(root|mid|leaf)' "$tmp/log" | tr '\n' ,) == 'leaf flow,root flow one two,mid check,root check,leaf check,' ]]
ok "super runs the next definition up the chain, root owns the flow"
said 'at u/t/t-1.0.jobuild:3: check' && said 'at base/t/root-1.0.template:6: job_run'; ok "the stack has original files and lines"
phase job_setup
[[ $status == 1 ]] && said 'no file up the chain defines alone'; ok "super without a parent's definition dies"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_run() {
	einfo 'one %s\n'; elog two; ewarn three; eerror four; eqawarn five
	ebegin "six"; eend 0; ebegin seven; eend 1 "eight"
	result tests=12 "size=3 MB"
	echo data >file; artifact --type=log file
	mkdir "${ARTIFACTS}/sub"; echo x >"${ARTIFACTS}/sub/y"; artifact "${ARTIFACTS}/sub/y"
	has b a b c && echo has-b; has d a b c || echo has-no-d
	retry 2 0 false; echo "still here"
}
job_collect() { result "bad key=1"; }
job_setup() { artifact nowhere; }
X
phase job_run
[[ $status == 1 ]] && reported 'log|info|one %s\n' && reported 'log|warn|three' && reported 'log|qa|five'; ok "messages with their levels, not interpreted"
reported 'result|tests|12' && reported 'result|size|3 MB'; ok "results"
reported 'artifact|log|file' && [[ -f $tmp/root/artifacts/file ]] && reported 'artifact|file|sub/y'; ok "artifacts, copied or in place"
said has-b && said has-no-d; ok "has"
reported 'die|-|failed 2 times (1): false' && ! said 'still here'; ok "retry gives up after N"
phase job_collect; [[ $status == 1 ]]; ok "result refuses a bad key"
phase job_setup; [[ $status == 1 ]] && said 'nowhere: no such file'; ok "artifact of nothing dies"
done_testing
