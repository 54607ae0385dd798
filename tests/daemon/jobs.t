#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What becomes of jobs, call by call: earlier results, another try, another
# revision, priority, several architectures, quarantine, events.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

change() { # KIND JQ-OBJECT [USER]: of $job
	post "jobs/$job/$1" "$(envelope "request@jobtage=$1" \
		"$(request "$1" "{job: $job} + $2" "${3-alpha}")" "${3-alpha}")"
}
submit_wish() { # JQ-OBJECT ON TOP
	post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/one) + $1")")"
	job=$(jq -r '.job // empty' "$tmp/out")
	[[ $http == 201 ]]
}
steps() { # N: report that many and pass
	local i

	for ((i = 0; i < $1; i++)); do report "$i"; done
	finish passed && is 200
}
unit_of() { jq -r --arg r "$1" '.units[] | select(.root == $r) | .unit' "$tmp/out"; } # ROOT
ready() { job_has '[.units[] | select(.state == "ready")] | length == '"$1"; } # N

farm_tree alpha beta
for name in one two three four five; do
	simple "alpha/$name" "Stands alone"
done
simple alpha/net "What comes out depends on the network too" 'PROPERTIES="network"'
simple alpha/alone "Wants a slave for itself" 'PROPERTIES="exclusive"'
simple alpha/base "Is below others"
simple alpha/top "Stands on it" 'DEPEND="alpha/base"'
simple alpha/roof "Stands on both" 'DEPEND="alpha/top"'
simple beta/mid "Needs one" 'SIDEPEND="alpha/one"'
simple beta/end "Needs it through others" 'SIDEPEND="beta/mid alpha/two"'
simple beta/locked "Wants a lock" 'LOCKS="master:board"'
lease_time=40s
sign alpha beta >/dev/null && commit "signed" && farm_master alpha beta
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
join_slave one "$(master token new)" && hello one; ok "a slave"

# ---- earlier results ----------------------------------------------------------

anyone; submit_wish '{root: "beta/end", reuse: true}'; ok "a job of four"
job_now; first=$(unit_of alpha/one-1.0)
claim one 1 && api PUT "lease/$lease/log?attempt=1&step=0&offset=0" --data-binary 'hello' && steps 1
one=$unit
claim one 1 && steps 1
job_has '[.units[] | select(.state == "passed")] | length == 2'; ok "two of it have passed"
old=$job
anyone; submit_wish '{root: "beta/end", reuse: true}'
job_has '[.units[] | select(.state == "passed" and .reused.job == '"$old"')] | length == 2'
ok "in another job they count as passed at once"
has '.units[] | select(.root == "alpha/one-1.0") | .reused.unit == '"$first"' and .attempt == 0 and .slave == null'
ok "linked to the unit that ran"
has '.units[] | select(.root == "alpha/one-1.0") | .steps[0] | .state == "passed" and .reused'
ok "with its steps"
has '.units[] | select(.root == "alpha/two-1.0") | .state == "ready"'; ok "the others wait"
second=$job
api GET "units/$(unit_of alpha/one-1.0)/log?step=0"; [[ $(<"$tmp/out") == hello ]]
ok "and its log"
job_now
mid=$(jq '.units[] | select(.root == "beta/mid-1.0") | .reused.unit' "$tmp/out")
claim one 1; steps 1; ok "the next passes"
claim one 1
job=$old; job_has '.units[] | select(.root == "alpha/two-1.0") | .state == "passed"' &&
	job=$second && job_has '.units[] | select(.root == "alpha/two-1.0") | .state == "passed"'
ok "in both jobs, though it ran once"
steps 1; claim one 1 1
job=$old; job_has '.state == "passed"' && job=$second && job_has '.state == "passed"'
ok "both pass"
anyone; submit_wish '{root: "beta/end", reuse: true}' && job_has '.state == "passed" and .started == null'
ok "a job that all was done of is through at once"
has '[.units[].reused.unit] | index('"$one"') != null and index('"$mid"') != null'; ok "never linked to what was itself linked"
anyone; submit_wish '{root: "alpha/one", reuse: false}' && ready 1; ok "without reuse it runs"
claim one 1; finish failed
anyone; submit_wish '{root: "alpha/three", reuse: true}'; claim one 1; finish failed
anyone; submit_wish '{root: "alpha/three", reuse: true}' && ready 1; ok "what failed stands for nothing"
change cancel '{}'
anyone; submit_wish '{root: "alpha/one", reuse: true, parameters: {X: "1"}}' && ready 1; ok "other parameters are another thing"
change cancel '{}'
anyone; submit_wish '{root: "alpha/net", reuse: true}'; claim one 1; steps 1
anyone; submit_wish '{root: "alpha/net", reuse: true}' && ready 1; ok "what had the network runs again"
change cancel '{}'; is 200

# ---- steps that start from a layer ----------------------------------------------

made() { jq -c '[.capsules[0].steps[].made]' "$tmp/out"; } # by step, of what was claimed
reused() { report "$1" ',"reused":true,"artifacts":[],"figures":{},"messages":[]'; } # STEP
shows() { # FILTER: of the first step
	job_has '.units[0].steps[0] | '"$1"
}
its='[.artifacts[].path] == ["a"] and .figures.x == "1" and .messages == []'
anyone; submit_wish '{root: "alpha/top", reuse: false}' && claim one 1; ok "a unit of two steps"
[[ $(made) == "[null,null]" ]]; ok "of which nothing is known"
echo "an artifact" >"$tmp/blob" && blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"
report 0 ',"reused":false,"artifacts":[{"path":"a","type":"file","size":12,"digest":"'"$blob"'"}],"figures":{"x":"1"},"messages":[]'
is 200; ok "the first has an artifact and a figure"
anyone; change cancel '{}'; as one; finish cancelled; ok "it is cancelled"
shows '.artifacts == null'; ok "a cancelled unit has made nothing"
anyone; change retry '{}'; is 200 && claim one 1 && [[ $(made) == "[true,null]" ]]; ok "another try is told that the first is known"
reused 0; is 200 && shows "$its and .reused"; ok "reused, it has what it had made"
reused 0; is 200; ok "told twice it is the same"
finish infrastructure; claim one 1 0 || claim one 1; [[ $attempt == 3 && $(made) == "[true,null]" ]]; ok "it is still known after trouble"
reused 0 && report 1 && finish passed; is 200 && shows "$its"; ok "and there when the unit has passed"
kill_daemon master && start_master && as one && hello one && shows "$its"; ok "also after a death of the master"
anyone; api GET "artifacts/$blob/a"; is 200 && [[ $(<"$tmp/out") == "an artifact" ]]; ok "and can be had"
submit_wish '{root: "alpha/roof", reuse: false}' && claim one 1 && [[ $(made) == "[true,true,null]" ]]; ok "another job knows it too"
reused 0 && reused 1 && report 2 && finish passed; is 200 && shows "$its"; ok "and shows it"
anyone; submit_wish '{root: "alpha/top", reuse: false, parameters: {X: "2"}}' && claim one 1 && [[ $(made) == "[null,null]" ]]
ok "with other parameters it is another thing"
reused 0; is 200 && shows '.artifacts == [] and .messages[0].level == "warn" and (.messages[0].text | contains("not known here"))'
ok "what was reused and isn't known says so"
reused 0; is 200 && finish failed; is 200; ok "that may be told twice as well"
anyone; submit_wish '{root: "alpha/top", reuse: false, parameters: {X: "2"}}' && claim one 1 && [[ $(made) == "[null,null]" ]]
ok "and makes nothing known"
post "lease/$lease/step" '{"attempt":1,"step":0,"result":"limit","reused":false}'; finish limit
anyone; job_has '.units[0] | .state == "failed" and ([.steps[].state] == ["failed", "skipped"]) and .steps[0].result == "limit"'
ok "what came after a limit was skipped"
run jobuild status "$job"; grep -Eq "alpha/top-1.0 .* skipped" "$tmp/out"; ok "and is shown so"
anyone; submit_wish '{root: "alpha/top", reuse: false, parameters: {X: "2"}}' && claim one 1 && [[ $(made) == "[null,null]" ]]
ok "nor does a limit"
finish failed; is 200

# ---- the same unit of two jobs at once ----------------------------------------

for name in six seven eight; do
	simple "alpha/$name" "Wanted by two at once, $name"
done
sign alpha >/dev/null && commit "more"
pair() { # ROOT REUSE: two jobs, $one with a lease and $two; what to claim further is left
	anyone; submit_wish '{root: "'"$1"'", reuse: '"$2"'}' && one=$job && claim one 1 || return
	held=$lease held_unit=$unit held_attempt=$attempt
	anyone; submit_wish '{root: "'"$1"'", reuse: '"$2"'}' && two=$job && job_now
}
go_on() { lease=$held attempt=$held_attempt unit=$held_unit; as one; }
idle() { ! claim one 1 0 && is 200 '.capsules == []'; } # the master answers, and has nothing
pair alpha/six true && idle && job_has '.units[0].state == "ready"'; ok "the same unit isn't leased to a second job"
has '.units[0].reasons | length == 1 and (.[0] | .kind == "same" and .job == '"$one"' and .unit == '"$held_unit"' and
	.text == "the same unit runs for job '"$one"' (unit '"$held_unit"' on one)")'
ok "which says what it waits for"
api GET "jobs/$two/waiting"; is 200 '.causes[0].kind == "same" and .waiting == 1'; ok "so does what it waits for as a whole"
kill_daemon master && start_master && as one && post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":2,"capabilities":{},"leases":['"$held"']}' &&
	idle && job_has '.units[0].reasons[0].kind == "same"'
ok "also after a death of the master"
go_on; steps 1
job_has '.state == "passed" and .units[0].reused.unit == '"$held_unit"' and .units[0].attempt == 0'
ok "when it has passed, so has the other"
pair alpha/seven true && idle && job_has '.units[0].state == "ready"'; ok "another waits"
go_on; finish failed
claim one 1 0 && [[ $(jq '.capsules[0].job' "$tmp/out") == "$two" ]]; ok "when the first has failed it runs itself"
steps 1; job_has '.state == "passed" and .units[0].reused == null'; ok "with a result of its own"
pair alpha/eight true && idle && job_has '.units[0].state == "ready"'; ok "another waits"
job=$one; change cancel '{}'
claim one 1 0 && [[ $(jq '.capsules[0].job' "$tmp/out") == "$two" ]]; ok "when the first is cancelled it runs itself"
mine=$lease; go_on; finish cancelled; lease=$mine attempt=1; steps 1
job=$two; job_has '.state == "passed" and .units[0].reused == null'; ok "and passes"
pair alpha/eight false && claim one 1 0 && [[ $(jq '.capsules[0].job' "$tmp/out") == "$two" ]]; ok "without reuse both run at once"
steps 1; go_on; steps 1; is 200

# ---- failures and another try -------------------------------------------------

anyone; submit_wish '{root: "beta/end", reuse: false}'
claim one 1; has '.capsules[0].root == "alpha/one-1.0"'; ok "the longest way goes first"
finish failed
claim one 1 1 && steps 1
job_has '.state == "failed"'; ok "a failure of one"
has '.units[] | select(.root == "beta/end-1.0") | .state == "dep-failed" and
	[.chain[] | .root + " " + .state] == ["beta/mid-1.0 dep-failed", "alpha/one-1.0 failed"]'
ok "the chain as data"
has '.units[] | select(.root == "beta/end-1.0") |
	.reason | test("^needs beta/mid-1.0 [(]unit [0-9]+[)], which needs alpha/one-1.0 [(]unit [0-9]+[)], which failed$")'
ok "and as text"
change retry '{}' beta; problem 403 not-authorised; ok "another user may not retry it"
change retry '{}'; is 200 '.units == 3'; ok "its user may"
cp "$tmp/request" "$tmp/again"
job_has '.state == "running" and .ended == null and
	([.units[].state] | sort) == ["blocked", "blocked", "passed", "ready"]'
ok "what has passed stays, the others wait again"
api POST "jobs/$job/retry" --data-binary "$(jq -n --rawfile r "$tmp/again" --rawfile s "$tmp/request.asc" '{request: $r, signature: $s}')"
problem 409 replay; ok "the same request again is refused"
kill_daemon master && start_master && hello one
job_has '([.units[].state] | sort) == ["blocked", "blocked", "passed", "ready"]'; ok "also after a death of the master"
claim one 1; [[ $attempt -ge 2 ]]; steps 1; claim one 1; steps 1; claim one 1; steps 1
job_has '.state == "passed"'; ok "and it passes"
change retry '{}'; problem 409 nothing-to-retry; ok "nothing is left to retry"
anyone; submit_wish '{root: "beta/end"}'; change cancel '{}'; job_has '.state == "cancelled"'
change retry '{}'; is 200 '.units == 4' && job_has '.state == "queued"'; ok "a cancelled job begins again"
# a part that failed, while another still runs
claim one 1; l1=$lease; a1=$attempt; r1=$(jq -r '.capsules[0].root' "$tmp/out"); claim one 1; finish failed
job_has '.state == "running"'; change retry '{}'; is 200; ok "a part begins again while the rest runs"
lease=$l1 attempt=$a1; as one; steps 1
for i in 1 2 3; do claim one 1 2 && steps 1; done
job_has '.state == "passed"'; ok "and all passes ($r1 first)"

# ---- cancel -------------------------------------------------------------------

anyone; submit_wish '{root: "alpha/four"}'; claim one 1
printf artifact >"$tmp/blob"; blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"
report 0 ',"artifacts":[{"path":"a","type":"file","size":8,"digest":"'"$blob"'"}]'
api GET "artifacts/$blob/a"; is 200 2>/dev/null || [[ $http == 200 ]]; ok "an artifact of a unit that runs"
change cancel '{}'
change retry '{}'; problem 409 still-ending; ok "no retry before its slave has ended it"
as one; finish cancelled
api GET "artifacts/$blob/a"; problem 404 not-found; ok "cancelled: its artifact is dropped"
job_has '[.units[].steps[].artifacts // empty] == []'; ok "and not shown"

# ---- repin and priority -------------------------------------------------------

anyone; submit_wish '{root: "alpha/five"}'
unit=$(jq -r .units "$tmp/out"); job_now; before=$(jq -r .revision "$tmp/out"); number=$job
sed -i 's/job_run() { :; }/job_run() { true; }/' "$tmp/tree/alpha/five/five-1.0.jobuild"
sign alpha >/dev/null && commit "changed"
change repin '{revision: "no-such"}'; problem 422 refused; ok "repin to nowhere is refused"
job_has '.revision == "'"$before"'" and .units[0].state == "ready"'; ok "the job is as it was"
change repin '{revision: ""}' beta; problem 403 not-authorised; ok "not by another user"
change repin '{revision: ""}'; is 200 '.job == '"$number"' and .revision != "'"$before"'"'; ok "repin validates anew"
job_has '.state == "queued" and .revision == "'"$(git -C "$tmp/tree" rev-parse HEAD)"'" and (.units | length) == 1'
ok "the same number, the new revision"
change priority '{priority: 5}' beta; problem 403 not-authorised; ok "priority is not another user's"
change priority '{priority: 5000}'; problem 400 bad-request; ok "nor beyond its range"
change priority '{priority: 7}'; is 200 && job_has '.priority == 7'; ok "a priority"
kill_daemon master && start_master && hello one; job_has '.priority == 7'; ok "stays"
claim one 1; has '.capsules[0].revision == "'"$(git -C "$tmp/tree" rev-parse HEAD)"'"'; ok "the slave gets what was repinned"
change repin '{revision: ""}'; problem 409 being-offered; ok "while it looks at that it can't be moved"
as one; post "lease/$lease/refuse" '{"attempt":'"$attempt"',"kind":"hard","reason":"alpha is not in my keyring"}'
job_has '.state == "queued" and .started == null and .units[0].state == "ready"'; ok "a job that every slave refuses doesn't run"
anyone; change repin '{revision: ""}'; is 200 '.job == '"$number"; ok "and can be moved to a revision that they take"
hello_closed() { post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":2,"capabilities":{},"leases":[],"closed":"paused by its owner"}'; }
hello one && claim one 1 && hello_closed
post "lease/$lease/refuse" '{"attempt":'"$attempt"',"kind":"soft","reason":"paused by its owner"}'
! claim one 1 0; ok "a slave that its owner paused gives a unit back"
hello one && claim one 1; ok "and may have it again as soon as he ends that"
post "lease/$lease/refuse" '{"attempt":'"$attempt"',"kind":"soft","reason":"its disk is full"}'
hello one; ! claim one 1 0; ok "not what it refuses while it is open"
kill_daemon master; db "DELETE FROM refusal"; start_master
hello one && claim one 1; ok "which is given to the slave"
back() { hello one && anyone && job_has '.units[0].state == "ready"'; }
within 20 back && job_has '.state == "queued"'; ok "nor does one whose slave never got it"
change repin '{revision: ""}'; is 200; ok "so it can be moved again"
claim one 1; as one; post "lease/$lease/renew" '{"attempt":'"$attempt"'}'; anyone
job_has '.state == "queued"'; ok "nor one whose slave still looks at it"
as one; post "lease/$lease/renew" '{"attempt":'"$attempt"',"step":0,"state":"fetching"}'; anyone
job_has '.state == "running" and .started != null'; ok "it runs when its slave says so"
kill_daemon master && start_master && as one
post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":2,"capabilities":{},"leases":['"$lease"']}'; anyone
job_has '.state == "running"'; ok "which is kept"
change repin '{revision: ""}'; problem 409 already-accepted; ok "and then it can't be moved"
as one; steps 1
change priority '{priority: 1}'; problem 409 job-over; ok "no priority for what is over"

anyone; submit_wish '{root: "alpha/two"}'; claim one 1; runs=$lease
anyone; submit_wish '{root: "alpha/alone"}'
kill_daemon master; db "UPDATE unit SET ready = ready - 400000000 WHERE job_id = $job"; start_master
as one; post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":2,"capabilities":{},"leases":['"$runs"']}'
! claim one 1 0; anyone; job_has 'any(.units[0].reasons[]; .kind == "reserved")'; ok "a slave is kept free for one that has waited long"
change repin '{revision: ""}'; is 200; ok "which can be moved"
job_has '.units[0].state == "ready" and all(.units[0].reasons[]; .kind != "reserved")'; ok "and waits anew"
change cancel '{}'
as one; lease=$runs attempt=1; steps 1; ok "what ran goes on"

# ---- several architectures ----------------------------------------------------

anyone; submit_wish '{root: "alpha/one", arches: ["amd64", "arm64"], parameters: {WHAT: "both"}}'
claim one 1; has '.capsules[0].parameters.WHAT == "both" and .capsules[0].arch == "amd64"'; ok "parameters reach the slave"
steps 1
job_has '.state == "running" and .results.amd64 == {"passed": 1, "state": "passed"} and .results.arm64.state == "running"'
ok "a result for each architecture"
api GET "jobs/$job/waiting"
is 200 '.waiting == 1 and .running == 0 and .causes[0].kind == "arch" and .causes[0].name == "arm64" and .causes[0].units[0].arch == "arm64"'
ok "what the job waits for"
change cancel '{}'

# ---- locks are shown ----------------------------------------------------------

anyone; submit_wish '{root: "beta/locked"}'; submit_wish '{root: "beta/locked", parameters: {N: "2"}}'
claim one 1; holder=$unit
api GET locks; is 200 '.locks[0] | .lock == "master:board" and .holders[0].unit == '"$holder"' and .holders[0].slave == "one" and (.queue | length) == 1'
ok "who holds a lock and who waits"
api GET "jobs/$job/waiting"
is 200 '.causes[0].kind == "lock" and .causes[0].unit == '"$holder"' and .causes[0].until > 0'; ok "a cause with its estimate"
as one; steps 1; claim one 1; steps 1
api GET locks; is 200 '.locks == []'; ok "nobody has one"

# ---- quarantine ---------------------------------------------------------------

for name in one two three; do anyone; submit_wish '{root: "alpha/'$name'"}'; done
as one; post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":4,"capabilities":{},"leases":[]}'
leases=()
for i in 1 2 3; do claim one 1; leases+=("$lease"); done
for lease in "${leases[@]:0:2}"; do finish infrastructure; done
claim one 1; finish infrastructure
api GET slaves; is 200 '.slaves[0] | .state == "online" and .quarantine.failures == 2'; ok "failures of different units are counted"
lease=${leases[2]} attempt=1; finish infrastructure
api GET slaves; is 200 '.slaves[0] | .state == "quarantine" and .quarantine.pauses == 1 and .quarantine.until > 0'
ok "after three a slave is in quarantine"
! claim one 1 0; ok "it gets nothing"
job_has '.units[0].reasons | length == 1 and (.[0] | .kind == "quarantine" and .name == "one" and .count == 3)'
ok "which is the reason"
kill_daemon master && start_master && hello one
api GET slaves; is 200 '.slaves[0].state == "quarantine"'; ! claim one 1 0; ok "over a restart too"
anyone; join_slave two "$(master token new)"; hello two; claim two 1; ok "another slave goes on"
master slave resume one >/dev/null; sleep 1
anyone; api GET slaves; is 200 '.slaves[] | select(.name == "one") | .state == "online"'; ok "until the administrator ends it"

# ---- lists --------------------------------------------------------------------

anyone; api GET "jobs?user=alpha&state=cancelled&limit=2"
is 200 '(.jobs | length) == 2 and ([.jobs[].state] | unique) == ["cancelled"]'; ok "jobs of a state"
last=$(jq '.jobs[-1].job' "$tmp/out")
api GET "jobs?state=cancelled&before=$last"; is 200 '[.jobs[].job] | max < '"$last"; ok "the next page"
api GET "jobs?root=beta/end"; is 200 '([.jobs[].root] | unique) == ["beta/end-1.0"]'; ok "jobs of a root"
api GET "jobs?user=beta"; is 200 '.jobs == []'; ok "of a user"
api GET "jobs?state=nope"; problem 400 bad-query && has '.detail | test("queued, running")'; ok "a state that there is not"
run jobuild jobs --by nobody; [[ $status == 0 ]] && said "no job is like that"; ok "a filter that nothing fits"
run jobuild jobs --state nope; [[ $status != 0 ]] && said "queued|running"; ok "and one that nothing can fit"

# ---- events -------------------------------------------------------------------

listen() { # FILE [CURL-ARGUMENT...]
	local file=$1

	shift
	curl -sSN --max-time 60 --cacert "$tmp/ca.pem" "$@" "$url/api/v1/events" >"$file" 2>>"$tmp/curl.log" &
	listener=$!
}
listen "$tmp/events"
within 10 grep -q '^event: hello' "$tmp/events"; ok "a listener is greeted"
submit_wish '{root: "alpha/two", parameters: {E: "1"}}'
within 10 grep -q '"state":"queued".*"job":'"$job" "$tmp/events"; ok "and told of a new job"
change cancel '{}'
within 10 grep -q '"state":"cancelled".*"job":'"$job" "$tmp/events"; ok "and of its end"
within 10 grep -q '"state":"cancelled".*"job":'"$job"',"unit":' "$tmp/events"; ok "and of its unit's"
kill "$listener"; wait "$listener" 2>/dev/null
id=$(grep -m 1 -A 1 '^id:' "$tmp/events" | sed -n 's/^id: //p')
listen "$tmp/missed" -H "Last-Event-ID: $id"
within 10 grep -q '"state":"cancelled".*"job":'"$job" "$tmp/missed" && ! grep -q '^event: hello' "$tmp/missed"
ok "what was missed comes first"
kill "$listener"; wait "$listener" 2>/dev/null
listen "$tmp/lost" -H "Last-Event-ID: 1-5"
within 10 grep -q '^event: reset' "$tmp/lost"; ok "an unknown place: look at everything anew"
kill_daemon master TERM; ok "a listener doesn't keep the master from stopping"
wait "$listener" 2>/dev/null
start_master

# ---- a log while it is written -------------------------------------------------

hello two; as two; submit_wish '{root: "alpha/two", parameters: {E: "2"}}'
while claim two 1 1; do [[ $(jq -r '.capsules[0].job' "$tmp/out") == "$job" ]] && break; finish failed; done
put() { api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=$1" --data-binary "$2"; } # OFFSET TEXT
put 0 "one "
curl -sSN --max-time 60 --cacert "$tmp/ca.pem" "$url/api/v1/units/$unit/log?step=0&offset=2&follow=1" >"$tmp/log" 2>>"$tmp/curl.log" &
listener=$!
within 10 test -s "$tmp/log"; put 4 "two "; within 10 grep -q two "$tmp/log"; ok "a log is followed from an offset"
put 8 "three"; steps 1; wait "$listener"
[[ $(<"$tmp/log") == "e two three" ]]; ok "to its end, and the line is closed"
done_testing
