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
printf 'DESCRIPTION="after another"\nDEPEND="alpha/n1"\njob_run() { :; }\n' | recipe "alpha/n4/n4-1.0"
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

# ---- reports that a master has lost, as one that was restored ------------------------

for result in failed skipped limit passed; do
	anyone; submit_by_hand alpha/n4; claim one; report 1 && is 200; ok "$result: the second step is reported"
	finish $result; problem 409 step-missing; ok "$result: the end needs what is before it"
	job_has '.units[0].state == "leased"'; as one; report 0 && finish $result; is 200; ok "$result: then it is taken"
done
anyone; submit_by_hand alpha/n4; claim one; report 1
post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"limit","spoilt":true}'; is 200; ok "a slave that hasn't got it says so"
anyone; submit_by_hand alpha/n4; claim one
post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"passed","spoilt":true}'; problem 409 step-missing; ok "but nothing has passed without its reports"
job_has '.units[] | select(.unit == '"$unit"') | .state == "leased"'; ok "and it hasn't"
as one; report 0; report 1; finish passed; is 200; ok "with them it has"

# ---- an artifact over a line that breaks ---------------------------------------------

submit_by_hand alpha/n1; claim one; ok "another unit"
head -c 900000 /dev/urandom >"$tmp/blob"
blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
where="blob/$blob?lease=$lease&attempt=$attempt"
half=$tmp/master/tmp/upload-$lease-$blob
size_is() { [[ $(stat -c %s "$half") == "$1" ]]; }
torn() { # FROM COUNT [MORE]: so many bytes come, of all that are left and MORE
	local line feed rc

	exec {feed}> >(exec openssl s_client -quiet -connect "${url#https://}" -CAfile "$tmp/ca.pem" \
		-cert "$tmp/one.pem" -key "$tmp/one.pkey" >/dev/null 2>&1)
	line=$!
	printf 'PUT /api/v1/%s&offset=%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' \
		"$where" "$1" $((900000 - $1 + ${3-0})) >&"$feed"
	tail -c "+$(($1 + 1))" "$tmp/blob" | head -c "$2" >&"$feed"
	within 20 size_is $(($1 + $2))
	rc=$?
	kill -s KILL "$line"
	exec {feed}>&-
	return "$rc"
}
rest() { tail -c "+$(($1 + 1))" "$tmp/blob" >"$tmp/rest" && api PUT "$where&offset=$1" -T "$tmp/rest"; } # FROM
has_come() { api HEAD "$where" && [[ $http == 404 ]] && grep -qi "^upload-offset: $1[^0-9]" "$tmp/headers"; }
has_come 0; ok "nothing of it is there"
torn 0 300000 && has_come 300000; ok "the line breaks: what came is there"
rest 200000; problem 409 upload-gap && has '.offset == 300000'; ok "it goes on there"
rest 800000; problem 409 upload-gap; ok "and nowhere else"
api PUT "$where&offset=x" -T "$tmp/rest"; is 400; ok "nor at what is no number"
torn 300000 200000 && has_come 500000; ok "it breaks again"
head -c 400000 "$tmp/blob" >"$tmp/rest" && api PUT "$where&offset=500000" -T "$tmp/rest"
problem 422 digest-mismatch; ok "what doesn't belong to it is found out"
has_come 0 && [[ ! -e $half ]]; ok "and all of it is worth nothing"
torn 0 300000 && torn 300000 400000 && rest 700000; is 201; ok "in three pieces it is whole"
cmp -s "$tmp/blob" "$tmp/master/blobs/${blob:0:2}/$blob" && [[ ! -e $half ]]; ok "and the same"
rest 700000; is 200; ok "told again, it is there"
more() { # another artifact of the same lease
	head -c 900000 /dev/urandom >"$tmp/blob"
	blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
	where="blob/$blob?lease=$lease&attempt=$attempt"
	half=$tmp/master/tmp/upload-$lease-$blob
}
more; torn 0 900000 1 && has_come 900000; ok "all bytes come, and the line breaks"
rest 900000; is 201; ok "then no byte is sent, and it is there"
more; torn 0 100000 && api PUT "$where" -T "$tmp/blob"; is 201; ok "who knows of no pieces begins anew"
more; torn 0 100000; ok "after another break"
kill_daemon master TERM; start_master; as one; has_come 0 && [[ ! -e $half ]]; ok "a restart begins anew too"
more; torn 0 100000; ok "and again"
report 0; finish passed; is 200 && within 10 test ! -e "$half"; ok "nothing is left when the lease is over"
done_testing
