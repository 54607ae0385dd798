#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a user may ask for, by the right that the administrator gave.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha beta
simple alpha/app "Something to run"
sign alpha >/dev/null && commit "signed" && farm_master alpha beta
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }

change() { # KIND USER [JQ-OBJECT]
	post "jobs/$job/$1" "$(envelope "request@jobtage=$1" \
		"$(request "$1" "{job: $job} + ${3-{\}}" "$2")" "$2")"
}
urgent() { # USER
	post jobs "$(envelope request@jobtage=submit \
		"$(request submit "$(wish alpha/app) + {security: true}" "$1")" "$1")"
}
run master user rights
[[ $status == 0 && $(<"$tmp/out") == $'alpha maintain\nbeta maintain' ]]; ok "who was added may maintain"
submit_by_hand alpha/app; ok "submit a job"
change priority beta '{priority: 1}'; problem 403 not-authorised; ok "not change another's"
urgent beta; problem 403 not-authorised && has '.detail | test("operate")'
ok "nor put one before everybody's"
run master user rights beta operate; [[ $status == 0 ]]; ok "beta may operate"
change priority beta '{priority: 1}'; is 200; ok "and change another's job, at once"
urgent beta; is 201; ok "and put one before everybody's"
run master user rights beta read; [[ $status == 0 ]]; ok "beta may only read"
! submit_by_hand alpha/app beta && problem 403 not-authorised; ok "and submits nothing"
job=1; change cancel beta; problem 403 not-authorised; ok "and cancels nothing"
change cancel alpha; is 200; ok "its owner does"
run master user rights gamma admin; [[ $status == 1 ]] && said "no user"; ok "a user that there is not"
run master user rights beta king; [[ $status == 1 ]] && said "expected read"; ok "a right that there is not"
run master user rights beta; [[ $status == 2 ]]; ok "no right"
run master audit list; said ": user rights beta operate" && said ": user rights beta read"
ok "the audit has who was given what"
done_testing
