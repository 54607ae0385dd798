#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The end of a unit, with the rest of its log, its last report and the claim
# for the next unit in one call.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
for i in 1 2 3; do
	printf 'DESCRIPTION="number %d"\njob_run() { :; }\n' "$i" | recipe "alpha/n$i/n$i-1.0"
done
sign alpha >/dev/null && commit "signed" && lease_time=60s farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
join_slave one "$(master token new)" && hello one && is 200; ok "a slave joins"
for i in 1 2 3; do submit_by_hand "alpha/n$i" || break; done; ok "three jobs"
job=1

all() { # LOG-OFFSET TEXT FREE [STEP]: done, with everything
	post "lease/$lease/done" "$(jq -nc --argjson a "$attempt" --argjson o "$1" --arg t "$2" \
		--argjson f "$3" --argjson k "${4-0}" '{attempt: $a, result: "passed", reason: "",
		log: {step: $k, offset: $o, text: $t}, report: {step: $k, result: "passed"},
		claim: {free: $f}}')"
}
log_of() { api GET "units/$1/log?step=0" && [[ $(<"$tmp/out") == "$2" ]]; }

claim one; ok "it gets a unit"
all 5 "late" 0; problem 409 log-gap && has '.offset == 0'; ok "a gap in the log is refused"
all 0 "text" 0 7; is 400; ok "so is a step that there is not"
job_has '.units[0].state == "leased"'; ok "and nothing has ended"
as one; post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"passed","report":[]}'; is 400; ok "nor by a report that is none"
post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"passed","log":{"step":0,"offset":0}}'; is 400; ok "nor by a log without text"
post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"passed","claim":{"free":-1}}'; is 400; ok "nor by a claim for less than nothing"
post "lease/$lease/done" '{"attempt":'$((attempt + 1))',"result":"passed","claim":{"free":1}}'
problem 409 stale-attempt && has 'has("capsules") | not'; ok "a stale attempt gets no work"
first=$lease tries=$attempt
all 0 "all of it" 1; is 200 '(.capsules | length) == 1 and .events == []'; ok "with all in order the next unit comes"
next=$(jq .capsules[0].lease "$tmp/out")
[[ $next != "$first" ]]; ok "which is another lease"
job_has '.state == "passed" and .units[0].steps[0].result == "passed"'; ok "the job has passed, with its report"
log_of 1 "all of it"; ok "and its log"
as one; lease=$first attempt=$tries; all 0 "all of it" 0; is 200 '.capsules == []'; ok "told again, it is fine again"
all 0 "all of it" 1; is 200 '(.capsules | length) == 1'; ok "and a free slot gets work by it"
all 0 "all of it" 1; is 200 '.capsules == []'; ok "but never more than there are slots"
lease=$next attempt=1
post "lease/$lease/step" '{"attempt":1,"step":0,"result":"passed","log":{"step":0,"offset":0,"text":"short"}}'
is 200 '.events == []'; ok "a report brings a log too"
log_of 2 short; ok "which is there"
as one; finish passed; is 200 'has("capsules") | not'; ok "without a claim there is no work in the answer"
done_testing
