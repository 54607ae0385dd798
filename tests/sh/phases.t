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
kill -s TERM -- "-$(pgrep -P "$!")"
wait "$!"
[[ $(<"$tmp/status") == 143 ]] && ! said 'still here'; ok "TERM ends a phase"
[[ $(ls -A "$tmp/root/temp") == .skipped ]]; ok "no files of its own are left below T"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() { for i in 1 2 3 4 5 6 7 8; do die "one of $i" & done; wait; echo "still here"; }
job_unpack() { nope-one | nope-two; echo "still here"; }
job_run() { ( skip a ) & ( die b ) & wait; echo "still here"; }
job_collect() { trap 'echo cleaned' EXIT; trap '' TERM; ( die "no such device" ); echo "still here"; }
X
for run in phase by_hand; do
	"$run" job_setup
	[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|one of '; ok "$run: eight die at once"
	"$run" job_unpack
	[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|command not found: nope-'; ok "$run: two commands of a pipeline don't exist"
	"$run" job_run
	case $status in
	1) reported 'die|-|b' ;;
	77) reported 'skip|-|a' ;;
	*) false ;;
	esac && ! said 'still here'
	ok "$run: skip and die at once"
	"$run" job_collect
	[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|no such device'; ok "$run: die, where the recipe has traps"
done
[[ $(ls -A "$tmp/root/temp") == @(|.skipped) ]]; ok "no files of its own are left below T"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() { return 3; }
job_unpack() { { echo begun; sleep 60; } & wait; echo "still here"; }
job_run() { x=$(skip "not by hand"); echo "still here"; }
X
by_hand job_setup
[[ $status == 1 ]] && reported 'die|-|job_setup returned 3'; ok "by hand: a failure"
by_hand job_run
[[ $status == 77 ]] && ! said 'still here' && reported 'skip|-|not by hand'; ok "by hand: skip out of a subshell"
by_hand job_unpack &
for ((i = 0; i < 300; i++)); do said begun && break; sleep 0.1; done
kill -s TERM "$(pgrep -P "$!")"
wait "$!"
[[ $(<"$tmp/status") == 143 ]] && ! said 'still here' && ! said Terminated; ok "by hand: TERM reaches the phase"
[[ $(ls -A "$tmp/root/temp") == .skipped ]]; ok "by hand: no files of its own are left below T"
(cd "$tmp/root/recipe" && alone /bin/bash jobuild.sh job_setup)
said 'job_setup returned 3'; ok "by hand: in the script's own folder"
for file in env chain values; do
	mv "$tmp/root/recipe/$file" "$tmp/kept"
	phase job_collect
	[[ $status == 1 ]] && reported "recipe/$file: can't be read"; ok "$file is needed"
	mv "$tmp/kept" "$tmp/root/recipe/$file"
done

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() {
	readonly status=1 text=2 stack=3 name=4 file=5 line=6 i=7 REPLY=8
	( skip "all taken" )
	echo "still here"
}
job_unpack() {
	readonly status=1 text=2 stack=3 name=4 file=5 line=6 i=7 REPLY=8
	( die "all taken" )
	echo "still here"
}
job_run() {
	local one

	printf '1\n2\n' >list
	while read -r one <&3; do
		einfo "line ${one}"
		[[ ${one} != 2 ]] || ( die "at ${one}" )
	done 3<list
	echo "still here"
}
job_collect() {
	printf 'exit 0\n' >env
	export BASH_ENV=${PWD}/env
	BASH=/bin/true
	( die "for good" )
	echo "still here"
}
X
phase job_setup
[[ $status == 77 ]] && ! said 'still here' && reported 'skip|-|all taken'; ok "skip, whatever variables are readonly"
phase job_unpack
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|all taken' && said 'at u/t/t-1.0.jobuild:8: job_unpack'; ok "die, with its stack"
phase job_run
[[ $status == 1 ]] && ! said 'still here' && reported 'log|info|line 1' && reported 'die|-|at 2'; ok "where the recipe uses descriptor 3"
phase job_collect
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|for good'; ok "where it changes what bash starts with"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() { set -u; ( die ); echo "still here"; }
job_unpack() { set -u; true | true; pipestatus && echo "status $?"; true | false; pipestatus; echo "status $?"; }
job_run() {
	set -u
	echo "cut $(ver_cut 2- 1.2.3.) $(ver_cut 1-9 1.2) $(ver_rs 0-3 - 1.2)"
	ver_test 1.2 -lt 1.2.1 && ver_test 1.2_rc -lt 1.2 && echo "tested"
	has && echo "still here"
	nonfatal eapply --
	echo "still here"
}
job_collect() { set -u; ( artifact ); echo "still here"; }
X
phase job_setup
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|(no message)'; ok "set -u: die without a text"
phase job_unpack
[[ $status == 0 ]] && said 'status 0' && said 'status 1'; ok "set -u: pipestatus"
phase job_run
[[ $status == 1 ]] && said 'cut 2.3. 1.2 1-2' && said tested && ! said 'still here' && reported 'die|-|usage: eapply'; ok "set -u: versions, has, eapply"
phase job_collect
[[ $status == 1 ]] && ! said 'still here' && reported 'die|-|usage: artifact'; ok "set -u: artifact"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_setup() {
	eval "orig_$(declare -f unpack)"
	eval "orig_$(declare -f ver_cut)"
	unpack() { einfo "wrapped"; orig_unpack "$@"; }
	ver_cut() { echo "v$(orig_ver_cut "$@")"; }
	gzip -c <<<hello >"${DISTDIR}/x.gz"
	unpack x.gz
	echo "unpacked $(<x) $(ver_cut 1 3.4)"
}
job_unpack() {
	artifact() { einfo "own artifact $*"; }
	emake() { echo "own emake"; }
	ver_test 1.0 -lt 2 && artifact nothing
	ver_cut 1
	emake
}
job_run() {
	[[ key=value =~ ^(.*)=(.*)$ ]]
	edo true "two words" ''
	MAKE=true emake
	echo "matched ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
}
job_collect() {
	shopt -u extglob
	ver_test 1.2 -lt 1.10 && ver_cut 1
	shopt extglob || echo "stays"
}
X
phase job_setup
[[ $status == 0 ]] && said wrapped && said 'unpacked hello v3'; ok "a helper can be wrapped"
phase job_unpack
[[ $status == 0 ]] && said 'own artifact nothing' && said 'own emake'; ok "a phase's own functions stay, whatever helper is called"
phase job_run
[[ $status == 0 ]] && said 'matched key value' && said "true 'two words' ''" && said 'true -j2'; ok "edo and emake leave BASH_REMATCH as it is"
phase job_collect
[[ $status == 0 ]] && said 'stays'; ok "and a helper the shell's options"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_run() {
	set -av
	shopt -s expand_aliases
	alias local='echo aliased; local'
	retry 1 0 env >env
	echo "$- $(shopt expand_aliases), functions: $(grep -c ^BASH_FUNC_ env)"
}
X
phase job_run
[[ $status == 0 ]] && grep -q '^a[^ ]*v[^ ]* expand_aliases.*on, functions: 0$' "$tmp/log"; ok "a helper's own functions aren't exported by set -a, and options stay"
! grep -q aliased "$tmp/root/work/env" && ! said __autotua; ok "set -v and aliases aren't theirs"

recipe <<'X'
=== base/t/root-1.0.template
flow() { echo "root"; }
job_run() { PATH=/nope; flow; }
job_setup() { ( flow; die "at last" ); }
=== u/t/t-1.0.jobuild
flow() { echo "leaf"; super; }
X
phase job_run
[[ $status == 0 && $(tr '\n' , <"$tmp/log") == leaf,root, ]]; ok "a phase with a PATH of its own passes"
phase job_setup
[[ $status == 1 ]] && said 'at base/t/root-1.0.template:3: job_setup'; ok "and one dies"
[[ -z $(ls -A "$tmp/root/temp") ]]; ok "nothing is left below T by either"

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
rm "$tmp/root/recipe/helpers.sh"
phase job_run; [[ $status == 1 ]] && reported "helpers.sh: can't be read"; ok "helpers.sh is needed by who calls retry"
phase job_setup; [[ $status == 1 ]] && said 'nowhere: no such file'; ok "and by nobody else"
done_testing
