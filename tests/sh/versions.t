#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ver_cut, ver_rs, ver_test: the Package Manager Specification's algorithms.
# shellcheck disable=SC2154,SC2119
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/lib.sh"

recipe <<'X'
=== u/t/t-1.0.jobuild
job_run() {
	cut() { echo "cut $(ver_cut "$@")"; }
	cut 1 1.2.3; cut 1-2 1.2.3; cut 2- 1.2.3; cut 1-3 1.2b_alpha4; cut 3 1.2.3b_alpha4
	cut 0-2 .1.2.3; cut 1-9 1.2.3.; cut 1; cut 2-2 1.2.3; cut 2-4 1.2.3b_alpha4
}
job_unpack() {
	rs() { echo "rs $(ver_rs "$@")"; }
	rs 1 - 1.2.3; rs 2 - 1.2.3; rs 1-2 _ 1.2.3b; rs 3 _ 1.2.3b_alpha4; rs 2- - 1.2.3b_alpha4
	rs 1 - 3 . 1.2.3b; rs 0 - 1.2.3; rs 1 -
}
job_setup() {
	lt() { ver_test "$1" -lt "$2" && ! ver_test "$2" -lt "$1" && echo "lt ok" || echo "lt bad $*"; }
	eq() { ver_test "$1" -eq "$2" && ver_test "$2" -ge "$1" && echo "eq ok" || echo "eq bad $*"; }
	lt 1.2 1.10; lt 1 1.0; lt 1.0 1.1; lt 1.01 1.1; lt 1.1_alpha 1.1; lt 1.1_alpha1 1.1_beta
	lt 1.1_rc2 1.1; lt 1.1 1.1_p1; lt 1.1 1.1a; lt 1.1a 1.1b; lt 1.1 1.1-r1; lt 1.1-r1 1.1-r2
	lt 1_p1_alpha 1_p1; lt 99999999999999999998 99999999999999999999; lt 1.1_pre1 1.1_rc
	eq 1.1 1.1-r0; eq 1.10 1.10; eq 01 1; eq 1.0_p0 1.0_p; eq 1.010 1.01; eq 1.0-r00 1.0
	ver_test -ge 1.0 && echo "pv ok"
	ver_test 1 -xx 2
	echo "still here"
}
X
phase job_run
[[ $(grep ^cut "$tmp/log" | cut -c5- | tr '\n' ,) == '1,1.2,2.3,1.2b,3,.1.2,1.2.3.,1,2,2.3b,' ]]; ok "ver_cut"
phase job_unpack
[[ $(grep ^rs "$tmp/log" | cut -c4- | tr '\n' ,) == '1-2.3,1.2-3,1_2_3b,1.2.3_b_alpha4,1.2-3-b-alpha-4,1-2.3.b,1.2.3,1-0,' ]]; ok "ver_rs"
phase job_setup
! grep bad "$tmp/log" && [[ $(grep -c ' ok$' "$tmp/log") == 22 ]]; ok "ver_test"
[[ $status == 1 ]] && ! said "still here"; ok "ver_test refuses an unknown operator"
done_testing
