#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sessions in place of signatures, and a master that is private.
# shellcheck disable=SC2154 # set by farm.sh and hand.sh
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"
export XDG_RUNTIME_DIR=$tmp/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"

farm_tree alpha beta
simple alpha/lib "A library"
lease_time=40s
sign alpha && commit "signed" && farm_master alpha beta
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
ticket() { printf '%s\n' "$XDG_RUNTIME_DIR"/autotua/session-*; }
with() { api "$1" "$2" -H "Authorization: Bearer $token" "${@:3}"; } # METHOD PATH
unsigned() { jq -n --arg r "$1" '{request: $r}'; }                     # REQUEST
opened() { # USER [MEMBERS]: $token and $session
	post session "$(envelope request@jobtage=session "$(request session "${2-{\}}" "$1")" "$1")"
	token=$(jq -r '.token // empty' "$tmp/out") session=$(jq -r '.session // empty' "$tmp/out")
	is 201
}

# ---- opened by a signature ------------------------------------------------------

post session "$(envelope request@jobtage=session "$(request session '{}')" beta)"
problem 403 not-authorised; ok "somebody else's signature opens none"
post session "$(unsigned "$(request session '{}')")"
problem 400 bad-field; ok "nor does none at all"
opened alpha '{seconds: 600}'; ok "the user's own does"
has '.user == "alpha" and (.token | test("^ats1-[0-9a-f]{64}$")) and (.expires - now | . > 500 and . < 700)'
ok "with a token for as long as was asked"
! grep -qF "${token#ats1-}" "$tmp/master/master.db"*; ok "which the database doesn't have"
with GET session
is 200 '.sessions | length == 1 and .[0].this and .[0].user == "alpha" and .[0].origin == "127.0.0.1"'
ok "it is listed"
api GET session; problem 401 session-needed; ok "to its owner only"
grep -qi '^www-authenticate: bearer' "$tmp/headers"; ok "what is needed is said by a header too"

# ---- in place of a signature --------------------------------------------------------

one=$(request submit "$(wish alpha/lib)")
with POST jobs --data-binary "$(unsigned "$one")"
is 201 '.units == 1'; ok "a job is submitted by it"
job=$(jq .job "$tmp/out")
with POST jobs --data-binary "$(unsigned "$one")"; problem 409 replay; ok "a nonce is good once"
with POST jobs --data-binary "$(unsigned "$(request submit "$(wish alpha/lib)" beta)")"
problem 400 bad-request; ok "it stands for no other user"
with POST "jobs/$job/cancel" --data-binary "$(unsigned "$(request cancel "{job: $job}") ")"; is 200
job_has '.state == "cancelled"'; ok "the job is cancelled by it"
[[ $(db "SELECT origin FROM audit WHERE what = 'cancel'") == "127.0.0.1 session $session" ]]
ok "the audit says by which session"
master audit verify >/dev/null; ok "and its chain holds"
with POST session --data-binary "$(unsigned "$(request session '{}')")"
problem 400 bad-request; ok "a session opens no other"
good=$token
for token in "${good%?}" "${good}0" "ats1-$(printf '0%.0s' {1..64})" "' OR 1=1 --"; do
	with GET jobs; problem 401 session-over; ok "a wrong token is refused: ${token:0:12}"
done
token=$good

# ---- ended --------------------------------------------------------------------------

mine=$session alpha=$token
opened beta; ok "another user's session"
with GET session; is 200 '.sessions | length == 1 and .[0].user == "beta"'; ok "sees itself alone"
with POST "session/$mine/end"; problem 403 not-authorised; ok "and can't end the first"
master user rights beta admin >/dev/null
with GET session; is 200 '.sessions | length == 2'; ok "an administrator sees both"
with POST "session/$mine/end"; is 200 ".session == $mine"; ok "and may end both"
beta=$token token=$alpha
with GET jobs; problem 401 session-over; ok "it is over at once"
with POST jobs --data-binary "$(unsigned "$(request submit "$(wish alpha/lib)")")"
problem 401 session-over; ok "for changes too"
token=$beta
with POST "session/$mine/end"; problem 404 not-found; ok "it can't be ended again"
key=$(gpg --batch --with-colons --list-keys "=beta <beta@test.invalid>" | awk -F: '/^fpr/ { print $10; exit }')
master key revoke beta "$key" >/dev/null
with GET session; problem 401 session-over; ok "with its key revoked a session is over"
opened alpha '{seconds: 1}'; ok "a short one"
ended() { with GET session && problem 401 session-over; }
within 10 ended; ok "ends by itself"
kill_daemon master
start_master
db "SELECT count(*) FROM session" | grep -qx 3; ok "they are in the database over a restart"

# ---- jobuild and a private master ---------------------------------------------------------

kill_daemon master TERM
echo "private = yes" >>"$tmp/master/master.conf"
start_master; ok "a master that is private"
for path in jobs jobs/1 slaves trees stages locks metrics events units/1/log?step=0; do
	api GET "$path"; problem 401 session-needed; ok "nobody reads $path"
done
api GET health; is 200; ok "but health"
api GET ca; [[ $http == 200 ]]; ok "and the CA"
join_slave one "$(master token new)"; as one; api GET slaves; is 200; ok "a slave's certificate reads"
anyone
run jobuild jobs
[[ $status == 4 ]] && said "jobuild session open"; ok "jobuild says what is needed"
run jobuild session open --for 1h
[[ $status == 0 ]]; ok "jobuild session open"
[[ $(stat -c %a "$(ticket)") == 600 && $(stat -c %a "$XDG_RUNTIME_DIR/autotua") == 700 ]]
ok "the token is its user's alone"
run jobuild --json session list
has '.sessions | length == 1 and .[0].user == "alpha"'; ok "jobuild session list"
run jobuild --json jobs
[[ $status == 0 ]] && has '.jobs | length == 1'; ok "jobuild jobs"
# without a key at hand
GNUPGHOME=$tmp/none run jobuild -q -C "$tmp/tree" --json submit --tree main --stage small alpha/lib
[[ $status == 0 ]]; ok "jobuild submit signs nothing"
job=$(jq -r .job "$tmp/out")
run jobuild status "$job"; [[ $status == 0 ]] && said alpha/lib; ok "jobuild status"
GNUPGHOME=$tmp/none run jobuild cancel "$job"; [[ $status == 0 ]]; ok "jobuild cancel"
run jobuild watch --json "$job"; [[ $status == 1 ]]; ok "jobuild watch follows its events"
chmod 644 "$(ticket)"
run jobuild jobs; [[ $status == 4 ]]; ok "a token that others could read is not used"
chmod 600 "$(ticket)"
run jobuild session end; [[ $status == 0 && ! -e $(ticket) ]]; ok "jobuild session end"
run jobuild jobs; [[ $status == 4 ]]; ok "and it is over"
run jobuild session end; [[ $status == 3 ]]; ok "there is none to end"
run jobuild session sing; [[ $status == 2 ]]; ok "a word that there is not"
kill_daemon master TERM
done_testing
