#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The master, call by call as autotua-api(7) has them: a slave made of curl
# and openssl, people made of gpg.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

# ---- a tree and a master ------------------------------------------------------

farm_tree alpha beta
simple alpha/lib "A library"
simple alpha/app "Needs the library in the same chroot" 'DEPEND="alpha/lib"'
simple beta/top "Needs alpha/app to have passed somewhere" 'SIDEPEND="alpha/app"'
simple beta/old "Needs what no slave has" 'REQUIRES="python>=4"'
simple beta/alone "Wants a slave for itself" 'PROPERTIES="exclusive"'
simple beta/locked "Wants a lock" 'LOCKS="master:board"'
recipe beta/ring/ring-1.0 <<'X'
DESCRIPTION="A cycle"
DEPEND="beta/rung"
X
recipe beta/rung/rung-1.0 <<'X'
DESCRIPTION="A cycle"
SIDEPEND="beta/ring"
X
recipe beta/lost/lost-1.0 <<'X'
DESCRIPTION="Needs what there is not"
DEPEND="alpha/lbi"
X
# this slave does nothing by itself: slow machines must not lose its lease
lease_time=40s
sign alpha beta >/dev/null && commit "signed" && farm_master alpha beta
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
run master init --name other
[[ $status == 1 ]] && said "already"; ok "init is refused where there is a master"
[[ $(stat -c %a "$tmp/master") == 700 ]]; ok "its folder is private"
run timeout 20 autotua-master -C "$tmp/master" serve
[[ $status == 1 ]] && said "another autotua-master"; ok "so is a second serve"
[[ $url == *:$(<"$tmp/master/port") ]]; ok "which leaves the first one's port"
run master serve -n
[[ $status == 0 ]]; ok "serve -n finds the settings good"
echo "lesae = 5s" >>"$tmp/master/master.conf"
run master serve -n
[[ $status == 1 ]] && said "lesae"; ok "and names a setting that there is not"
sed -i /lesae/d "$tmp/master/master.conf"
run master user list
said alpha && said beta; ok "users are listed while it serves"
run master user add beta "$tmp/beta.key"
[[ $status == 1 ]] && said "already"; ok "a key is registered once"
run master user add gamma "$tmp/ca.pem"
[[ $status == 1 ]]; ok "what is no key is refused"
api GET health; is 200 '.status == "ok" and .master == "farm"'; ok "it is in health"
api GET trees; is 200 '.trees[0].name == "main"'; ok "its tree is shown"
api GET stages; is 200 '.stages[0].name == "small"'; ok "and its stage"
stage=$(jq -r '.stages[0].digest' "$tmp/out")
[[ $stage == "$(b2sum -l 256 "$tmp/stage.tar.zst" | cut -d' ' -f1)" ]]
ok "which is named by its digest"

# ---- strict requests -----------------------------------------------------------

api GET nothing; problem 404 not-found; ok "an unknown endpoint"
api PUT health; problem 405 method-not-allowed; ok "an unknown method"
api GET "jobs/0x1"; problem 404 not-found; ok "a number that is none"
api GET "jobs/99999"; problem 404 not-found; ok "a job that there is not"
api HEAD health; [[ $http == 200 ]]; ok "HEAD where there is GET"
api GET "health?a=%00"; problem 400 bad-request; ok "an escaped NUL"
[[ $(raw 'POST /api/v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n') == *" 400 "* ]]
ok "Content-Length with Transfer-Encoding"
[[ $(raw 'POST /api/v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}') == *" 400 "* ]]
ok "two Content-Lengths"
[[ $(raw 'POST /api/v1/enroll HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n') == *" 400 "* ]]
ok "two Transfer-Encodings"
[[ $(raw 'POST /api/v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}') == *" 400 "* ]]
ok "a Content-Length with a sign"
[[ $(raw 'GET /api/v1/health HTTP/1.1\r\n\r\n') == *" 400 "* ]]
ok "no Host"
[[ $(raw 'GET /api/v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n') == *" 400 "* ]]
ok "two Hosts"
refused() { [[ $(raw "$2") =~ ^HTTP/1\.1\ $1\  ]]; } # STATUS-PATTERN REQUEST
from() { refused "$1" "${2-GET} /api/v1/health ${4-HTTP/1.1}\\r\\nHost: a\\r\\n$3\\r\\n\\r\\n"; } # STATUS METHOD FIELD [VERSION]
# STATUS REST [VERSION]: refused for its form, so that its body was never read
sent() {
	refused "$1" "POST /api/v1/enroll ${3-HTTP/1.1}\\r\\nHost: a\\r\\nConnection: close\\r\\n$2" && ! was_read
}
was_read() { grep -qE '"code":"bad-(field|json)"' "$tmp/raw"; }
! sent 400 'Content-Length: 2\r\n\r\n{}' && was_read; ok "a right request is read"
! sent 400 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n' && was_read; ok "so is one in chunks"
sent 400 'Content-Length : 2\r\n\r\n{}'; ok "a blank before the colon"
sent 400 'Content-Length\t: 2\r\n\r\n{}'; ok "or a tab"
sent 400 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'; ok "a blank there too"
sent 400 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}'; ok "one Content-Length twice"
for value in '2, 2' 0x2 '2 2' -2 '' 2.0 99999999999999999999; do
	sent '4[01][03]' "Content-Length: $value\r\n\r\n{}"; ok "a length of \"$value\""
done
for value in gzip 'gzip, chunked' identity xchunked '\x0bchunked' chunked,chunked; do
	sent 400 "Transfer-Encoding: $value\r\n\r\n0\r\n\r\n"; ok "an encoding \"$value\""
done
sent 400 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' HTTP/1.0; ok "chunks in HTTP/1.0"
for value in 0x2 +2 -2 ' 2' 2z fffffffffffffffff2; do
	sent '4[01][03]' "Transfer-Encoding: chunked\r\n\r\n$value\r\n{}\r\n0\r\n\r\n"; ok "a chunk of \"$value\""
done
sent 400 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n'; ok "a chunk without an end"
from 400 GET 'X(y): z'; ok "a name with brackets"
from 400 GET 'nonsense'; ok "no colon"
from 400 GET 'X: a\x01b'; ok "a control in a value"
for value in '' 'a, b' 'a b' 'u@a' 'a/b'; do
	refused 400 "GET /api/v1/health HTTP/1.1\r\nHost: $value\r\n\r\n"; ok "\"$value\" as Host"
done
for value in HTTP/1.2 HTTP/2.0; do
	from 505 GET 'X: y' "$value"; ok "$value"
done
for value in http/1.1 HTTP/1.1x HTTP/1.10; do
	from 400 GET 'X: y' "$value"; ok "$value"
done
refused 400 'GET /api/v1/he\xffalth HTTP/1.1\r\nHost: a\r\n\r\n'; ok "a byte of the URI that isn't ASCII"
refused 400 'GET https://a/api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n'; ok "a whole URI"
from 431 GET "X: $(printf '%9000s' '' | tr ' ' x)"; ok "a head that is too long"
[[ $(raw 'GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n') == *" 200 "* ]]
ok "an ordinary one is served"
post enroll '{"token":"a","token":"b"}'; problem 400 bad-json; ok "a member twice"
post enroll '{"token":"a"} x'; problem 400 bad-json; ok "something behind the JSON"
post enroll '[]'; problem 400 bad-json; ok "no object"
head -c 70000 /dev/zero | tr '\0' ' ' >"$tmp/big"
api POST enroll --data-binary "@$tmp/big"; problem 413 too-large; ok "a body that is too large"
api POST enroll -H 'Transfer-Encoding: chunked' --data-binary "@$tmp/big"
problem 413 too-large; ok "also when its length isn't told"

# ---- slaves join ----------------------------------------------------------------

post slave/hello '{}'; problem 403 not-authorised; ok "no hello without a certificate"
join_slave one "aut1-00000000000000000000000000000000-$(printf '0%.0s' {1..64})"
problem 403 bad-token; ok "a wrong token"
token=$(master token new)
[[ $token =~ ^aut1-[0-9a-f]{32}-[0-9a-f]{64}$ ]]; ok "a token is one word"
[[ ${token##*-} == "$(openssl x509 -in "$tmp/ca.pem" -outform der | sha256sum | cut -d' ' -f1)" ]]
ok "with the CA's digest"
! grep -qF "$token" "$tmp/master/master.db"* && ! grep -qF "${token:5:32}" "$tmp/master/master.db"*
ok "the database doesn't have it"
join_slave one "$token"; is 201 '.slave == 1 and .master == "farm"'; ok "a slave joins"
join_slave two "$token"; problem 403 bad-token; ok "a token is good once"
join_slave one "$(master token new)"; problem 409 name-taken; ok "a name is taken once"
join_slave two "$(master token new)"; is 201; ok "another slave joins"
as one
post slave/claim '{"free":1,"wait":0}'; problem 409 hello-again; ok "a hello comes first"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
	-keyout "$tmp/rogue.pkey" -out "$tmp/rogue.pem" -subj "/CN=AutotuA CA of farm" 2>/dev/null
as rogue; post slave/hello '{}'; problem 403 not-authorised; ok "a certificate of another CA"
post slave/hello '{"version":2}'
as one; post slave/hello '{"version":2,"arches":["amd64"],"slots":1}'
problem 426 upgrade-required && has '.oldest == 1 and .newest == 1 and (.detail | test("too new"))'
ok "a version that isn't spoken"
post slave/hello '{"version":0,"arches":["amd64"],"slots":1}'
problem 426 upgrade-required && has '.detail | test("upgrade it")'; ok "an older one is told to upgrade"
for keys in '' '"keys":2,' '"keys":"3",'; do
	post slave/hello '{"version":1,'"$keys"'"arches":["amd64"],"slots":1}'
	problem 426 upgrade-required && has '.keys == 3 and (.detail | test("too old.*upgrade it"))'
	ok "so is one with keys of an older format: ${keys:-none is told}"
done
post slave/hello '{"version":1,"keys":4,"arches":["amd64"],"slots":1}'; is 200; ok "one with a newer format is not"
hello one; is 200 '.master == "farm" and .lease_seconds > 0'; ok "hello"
hello two arm64
api GET slaves; is 200 '.slaves | length == 2 and .[0].state == "online"'; ok "it is shown online"
anyone; api GET "stages/$stage"; problem 403 not-authorised; ok "stages are for slaves"
as one; api GET "stages/$stage" -r 10-19
is 206 && [[ $(<"$tmp/out") == "$(tail -c +11 "$tmp/stage.tar.zst" | head -c 10)" ]]
ok "a part of the stage"
api GET "stages/$stage"
cmp -s "$tmp/out" "$tmp/stage.tar.zst"; ok "all of it"

# ---- what people may ask ---------------------------------------------------------

anyone
post jobs "$(jq -n --arg r "$(request submit "$(wish alpha/app)")" '{request: $r, signature: "none"}')"
problem 403 not-authorised; ok "no signature"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app)")" beta)"
problem 403 not-authorised; ok "somebody else's signature"
post jobs "$(envelope "" "$(request submit "$(wish alpha/app)")")"
problem 403 not-authorised; ok "a signature without the notation"
post jobs "$(envelope request@jobtage=cancel "$(request submit "$(wish alpha/app)")")"
problem 403 not-authorised; ok "a signature for something else"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app)")" |
	jq -c '.request |= sub("alpha/app"; "alpha/lib")')"
problem 403 not-authorised; ok "another text than was signed"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {time: 1000}")")"
problem 403 not-authorised; ok "a request that is old"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {master: \"x\"}")")"
problem 403 not-authorised; ok "a request for another master"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app)" gamma)")"
problem 403 not-authorised; ok "a user that there is not"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {tree: \"x\"}")")"
problem 422 no-such-tree; ok "a tree that there is not"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {revision: \"nowhere\"}")")"
problem 422 refused && has '.diagnostics[0].text | test("nowhere")'; ok "a revision that there is not"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {parameters: {PATH: \"x\"}}")")"
problem 400 bad-request; ok "a parameter that means something"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {parameters: {flavour: \"x\"}}")")"
problem 400 bad-request && has '.detail | test("\"flavour=x\": write NAME=VALUE with a name of capitals")'
ok "a parameter that no phase may have"
post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app) + {arches: []}")")"
problem 400 bad-request; ok "no architecture"
! submit_by_hand beta/ring && problem 422 refused &&
	has '[.diagnostics[].text] | join(" ") | test("cycle")'
ok "a cycle is refused with diagnostics"
! submit_by_hand beta/lost && problem 422 refused &&
	has '[.diagnostics[].text] | join(" ") | test("alpha/lbi")'
ok "so is a missing dependency"
api GET jobs; is 200 '.jobs == []'; ok "nothing was stored"
envelope request@jobtage=submit "$(request submit "$(wish beta/top)")" >"$tmp/signed"
api POST jobs --data-binary "@$tmp/signed"
is 201 '.units == 2 and .steps == 3'; ok "a job is stored"
job=$(jq .job "$tmp/out")
api POST jobs --data-binary "@$tmp/signed"; problem 409 replay; ok "the same request again is not"
job_now; is 200 '.state == "queued" and .user == "alpha" and .root == "beta/top-1.0"'
ok "the job is shown"
has '.units[1] | .state == "blocked" and (.reasons[0].text | test("alpha/app-1.0")) and .needs == [1]'
ok "the unit that waits says for what"

# ---- a lease -------------------------------------------------------------------------

claim one; ok "a slave gets a unit"
has '.capsules[0] | .root == "alpha/app-1.0" and .arch == "amd64" and .stage.name == "small"
	and [.steps[].atom] == ["alpha/lib-1.0", "alpha/app-1.0"] and (.signers.alpha | length) == 1
	and .steps[1].values.DEPEND == "alpha/lib" and (.steps[0].files[0].blob | length) == 40'
ok "the capsule has what it needs"
revision=$(jq -r '.capsules[0].revision' "$tmp/out")
git init --quiet --bare "$tmp/bare"
api GET "lease/$lease/pack?attempt=1"
is 200 && git -C "$tmp/bare" unpack-objects -q <"$tmp/out" &&
	git -C "$tmp/bare" cat-file blob "$revision:alpha/app/app-1.0.jobuild" | grep -q DESCRIPTION
ok "the pack has its recipes"
! git -C "$tmp/bare" cat-file -e "$revision:beta/top/top-1.0.jobuild" 2>/dev/null
ok "and no others"
rm -f "$tmp/master/packs"/*
api GET "lease/$lease/pack?attempt=1"; is 200 && [[ $(head -c 4 "$tmp/out") == PACK ]]
ok "a pack that is gone is made again"
post "lease/$lease/renew" '{"attempt":1,"step":1,"state":"run"}'
is 200 '.events == [] and .lease_seconds > 0'; ok "renewed"
job_has '.state == "running" and .units[0].steps[1].state == "run" and .units[0].slave == "one"'
ok "progress is shown"
post "lease/$lease/renew" '{"attempt":2}'; problem 409 stale-attempt; ok "another attempt is stale"
as two; post "lease/$lease/renew" '{"attempt":1}'; problem 409 stale-attempt; ok "another slave's lease too"
as one
log() { api PUT "lease/$lease/log?attempt=$attempt&step=$1&offset=$2" --data-binary "$3"; }
log 0 0 "one two"; is 200 '.size == 7'; ok "a log begins"
log 0 4 "two three"; is 200 '.size == 13'; ok "bytes that are there are skipped"
for coding in zstd gzip 'identity, gzip' x; do
	api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=13" -H "Content-Encoding: $coding" --data-binary "packed"
	problem 415 content-encoding && has '.title == "Unsupported media type"'; ok "no bytes with the encoding $coding"
done
api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=0" -H "Content-Encoding: Identity" --data-binary "one"
is 200 '.size == 13'; ok "but with none"
log 0 20 "x"; problem 409 log-gap && has '.offset == 13'; ok "a gap is refused"
log 0 4 "TWO"; problem 409 log-differs; ok "so are other bytes"
for step in 2 7 999999 1000001; do log "$step" 0 "no such step"; problem 400 bad-query; ok "and step $step, which there is not"; done
[[ $(find "$tmp/master/logs" -type f) == "$tmp/master/logs/$unit/1/0.log" ]]; ok "nothing is left of these"
api GET "units/$unit/log?step=0&offset=4"
is 200 && [[ $(<"$tmp/out") == "two three" ]] && grep -qi '^x-log-state: open' "$tmp/headers"
ok "anybody may read it"
printf 'figures' >"$tmp/blob"
blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
named=',"artifacts":[{"path":"a/figures","type":"log","size":7,"digest":"'$blob'"}]'
report 1 "$named"; problem 409 blob-missing; ok "an artifact that wasn't uploaded"
api HEAD "blob/$blob?lease=$lease&attempt=1"; [[ $http == 404 ]]; ok "it isn't there"
api PUT "blob/$blob?lease=$lease&attempt=1" --data-binary "other"
problem 422 digest-mismatch; ok "bytes with another digest"
api PUT "blob/$blob?lease=$lease&attempt=9" --data-binary "@$tmp/blob"
problem 409 stale-attempt; ok "a blob of a stale attempt"
api PUT "blob/../../x?lease=$lease&attempt=1" --path-as-is --data-binary "x"
problem 404 not-found; ok "a path in place of a digest"
api PUT "blob/..%2F..%2Fx?lease=$lease&attempt=1" --data-binary "x"
problem 400 bad-digest; ok "also when it is escaped"
empty() { [[ -z $(ls -A "$tmp/master/tmp")$(ls -A "$tmp/master/blobs") ]]; }
within 5 empty; ok "nothing is left of these"
api PUT "blob/$blob?lease=$lease&attempt=1" -T "$tmp/blob"; is 201; ok "uploaded"
api PUT "blob/$blob?lease=$lease&attempt=1" -T "$tmp/blob"; is 200; ok "again: known"
api HEAD "blob/$blob?lease=$lease&attempt=1"; [[ $http == 200 ]]; ok "it is there"
api GET "artifacts/$blob/x"; problem 404 not-found; ok "not for readers as long as no report names it"
report 0; is 200; ok "the first step is reported"
report 0; is 200; ok "once more"
log 0 13 "!"; problem 409 log-closed; ok "its log doesn't grow any more: readers were told that it is closed"
log 0 13 ""; is 200 '.size == 13'; log 0 4 "two three"; is 200 '.size == 13'; ok "what is there may come again"
report 0 ',"reason":"other"'; problem 409 report-differs; ok "but not otherwise"
report 7; problem 400 bad-field; ok "nor a step that there is not"
finish passed; problem 409 step-missing; ok "passed needs all steps"
report 1 "$named"; is 200; ok "with its artifact now"

# ---- the master dies in the middle -----------------------------------------------------

kill_daemon master
start_master
ok "killed, and started again"
post "lease/$lease/renew" '{"attempt":1}'; is 200; ok "the lease is still held"
post slave/claim '{"free":1,"wait":0}'; problem 409 hello-again; ok "it wants to know the slave again"
hello one; is 200
log 0 0 "one two three"; is 200 '.size == 13'; ok "so is its log"
finish passed; is 200; ok "the unit ends"
finish passed; is 200; ok "told twice"
finish failed; problem 409 stale-attempt; ok "not in another way"
report 1 "$named"; is 200; ok "a report that is known is still fine"
log 0 14 "x"; problem 409 stale-attempt; ok "the log is closed"
anyone
api GET "artifacts/$blob/figures"
is 200 && cmp -s "$tmp/out" "$tmp/blob"; ok "the artifact can be had"
api GET "units/$unit/log?step=0"
[[ $(<"$tmp/out") == "one two three" ]] && grep -qi '^x-log-state: closed' "$tmp/headers"
ok "and the whole log"
job_has '.units[0].state == "passed" and .units[1].state == "ready" and .state == "running"'
ok "what waited is ready"
claim one && kill_daemon master && start_master && as one && report 0 && finish passed
is 200; ok "another unit over another death"
job_has '.state == "passed" and .ended != null and ([.units[].attempt] == [1, 1])'
ok "the job has passed"

# ---- waiting, failing, refusing ----------------------------------------------------------

hello one
claims_wait() { curl -sS --cacert "$tmp/ca.pem" "$url/api/v1/metrics" | grep -q "^autotua_long_polls $1"; } # N
(answer_in=waiting; claim one 1 20) &
waiter=$!
within 10 claims_wait 1; ok "a claim waits"
hello one; wait $waiter; jq -e '.capsules == [] and .events == [{event: "claim-again"}]' "$tmp/waiting" >/dev/null
ok "a hello ends it with the word to claim again"
(answer_in=waiting; claim one 1 20; echo "${lease:-none}" >"$tmp/waited") &
waiter=$!
within 10 claims_wait 1; ok "that one waits"
anyone; submit_by_hand beta/top
wait $waiter
[[ $(<"$tmp/waited") =~ ^[0-9]+$ ]]; ok "and is answered when there is work"
job_has '.units[0].state == "leased"'
lease=$(<"$tmp/waited") attempt=1
as one
post "lease/$lease/done" '{"attempt":1,"result":"failed","reason":"job_run: exit 7"}'
job_has '.state == "failed" and .units[0].reason == "job_run: exit 7" and .units[1].state == "dep-failed"
	and (.units[1].reason | test("alpha/app-1.0.*failed"))'
ok "a failure takes along what needs it"
anyone; submit_by_hand alpha/lib
claim one
post "lease/$lease/refuse" '{"attempt":1,"kind":"hard","reason":"not my taste"}'; is 200
job_has '.units[0] | .state == "ready" and (.reasons[0].text | test("not on one: not my taste"))'
ok "a refusal is remembered and told"
! claim one 1 0 && is 200 '.capsules == []'; ok "it isn't offered again"
hello two; claim two; ok "another slave takes it"
for _ in 1 2; do
	finish infrastructure
	hello two && claim two 1 0
done
[[ $attempt == 4 ]]; ok "an infrastructure failure is tried again"
finish infrastructure
job_has '.state == "failed" and .units[0].state == "failed" and .units[0].result == "infrastructure"'
ok "three times at most"
anyone; submit_by_hand beta/old
job_has '.units[0].reasons == [{"kind":"requirement","name":"python>=4","text":"no slave for arch amd64 fulfils python>=4"}]'
ok "a requirement that nobody fulfils is named"
anyone; submit_by_hand beta/alone
claim one; alone=$lease; anyone; submit_by_hand alpha/lib
! claim one 1 0; ok "nothing goes beside an exclusive unit"
lease=$alone attempt=1
job_has '.units[0].reasons[0].text | test("match, waiting")'; ok "which is a reason"

# ---- a plan that is wanted again ---------------------------------------------------------------

pinned="$(wish alpha/app) + {revision: \"$revision\"}"
reused() { api GET metrics && grep -q "^autotua_validations_reused_total $1\$" "$tmp/out"; }
anyone
for n in 0 1; do
	post jobs "$(envelope request@jobtage=submit "$(request submit "$pinned")")"
	is 201 '.units == 1 and .steps == 2 and .revision == "'"$revision"'"'; ok "a job at a commit"
	again=$(jq -r .job "$tmp/out")
	reused $n; ok "validated anew: $((1 - n))"
done
post jobs "$(envelope request@jobtage=submit "$(request submit "$pinned")" beta)"
problem 403 not-authorised; ok "the signature is verified all the same"
post jobs "$(envelope request@jobtage=submit "$(request submit "$pinned + {parameters: {DEBUG: \"1\"}}")")"
is 201 && reused 2; ok "other parameters make another plan"
for n in $((again - 1)) "$again" $((again + 1)); do
	post "jobs/$n/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $n}")")"
done
is 200; ok "these are cancelled"

# ---- cancelling ------------------------------------------------------------------------------

anyone
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}" beta)" beta)"
problem 403 not-authorised; ok "only its user may cancel a job"
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: 1}")")"
problem 400 bad-request; ok "the signed job must be the one of the path"
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"; is 200
job_has '.state == "cancelled" and .units[0].state == "cancelled"'; ok "a waiting job is cancelled"
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"
problem 409 job-over; ok "once"
job=$((job - 1))
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"; is 200
as one
post slave/claim '{"free":1,"wait":5}'
is 200 '.events == [{"event": "cancel", "lease": '"$lease"'}]'; ok "a running one's slave is told at its claim"
post "lease/$lease/renew" "{\"attempt\":$attempt}"
is 200 '.events[0].event == "cancel"'; ok "and when it renews"
finish cancelled; is 200
job_has '.state == "cancelled" and .units[0].state == "cancelled"'; ok "the unit is cancelled"

# ---- leases that end by themselves ----------------------------------------------------------

kill_daemon master TERM
[[ ! -e $tmp/master/port ]]; ok "SIGTERM: a clean stop"
tail -n 1 "$tmp/master.log" | grep -q "stopping"; ok "that is logged"
printf 'lease = 1s\ngrace = 0s\n' >>"$tmp/master/master.conf"
start_master
anyone; submit_by_hand alpha/lib
hello one; claim one; old=$lease
within 20 job_has '.units[0].state == "ready"'; ok "a lease that isn't renewed ends"
hello one; claim one
[[ $attempt == 2 && $lease != "$old" ]]; ok "the next attempt"
post "lease/$old/renew" '{"attempt":1}'; problem 409 stale-attempt; ok "the old one is stale"
api PUT "lease/$old/log?attempt=1&step=0&offset=0" --data-binary "late"
problem 409 stale-attempt; ok "its late log is refused"
[[ ! -e $tmp/master/logs/$unit/1 ]]; ok "and not kept"
master slave retire one
post "lease/$lease/renew" '{"attempt":2}'; problem 403 retired; ok "a retired slave is refused at once"
api GET metrics; [[ $http == 200 ]] && grep -q '^autotua_leases_expired_total [1-9]' "$tmp/out"
ok "metrics count it"
[[ $(db "SELECT count(*) FROM audit WHERE what IN
	('submit', 'cancel', 'enroll', 'user add', 'token new', 'slave retire')") -ge 12 ]]
ok "who changed what is on record"
[[ $(db "PRAGMA integrity_check; PRAGMA foreign_key_check") == ok ]]
ok "the database is sound"
kill_daemon master TERM
done_testing
