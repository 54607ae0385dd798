#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients and slaves that mean no good: slow ones, many at once, old TLS, what
# isn't theirs, bodies made to hurt. The others are served all the time.
# shellcheck disable=SC2154 # set by farm.sh and hand.sh
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
simple alpha/lib "A library"
simple alpha/base "Is below others"
simple alpha/top "Stands on it" 'DEPEND="alpha/base"'
simple alpha/own "Stands alone"
simple alpha/late "Passes twice"
lease_time=60s
sign alpha && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
served() { anyone; api GET health; is 200; }
settings() { # LINE...: served with these in place of the former ones
	[[ -e $tmp/conf ]] || cp "$tmp/master/master.conf" "$tmp/conf"
	kill_daemon master TERM
	{ cat "$tmp/conf"; printf '%s\n' "$@"; } >"$tmp/master/master.conf"
	start_master
}

# ---- TLS -----------------------------------------------------------------------

tls() { openssl s_client "$@" -connect "${url#https://}" -CAfile "$tmp/ca.pem" </dev/null 2>&1; }
for v in tls1_2 tls1_3; do
	tls -$v | grep -q 'New, TLSv1.[23], Cipher is [A-Z]'; ok "$v is spoken"
done
for v in tls1 tls1_1; do
	tls -$v -cipher 'ALL:@SECLEVEL=0' | grep -q 'Cipher is (NONE)'; ok "$v is not"
done
plain() (
	trap '' PIPE # it may be closed before all is said
	exec 9<>"/dev/tcp/127.0.0.1/${url##*:}" || exit
	printf 'GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n' >&9
	timeout 5 head -c 12 <&9 | grep -q HTTP
)
! plain 2>/dev/null; ok "nor is HTTP without TLS"

# ---- slow ones --------------------------------------------------------------------

settings "request-time = 2s"; ok "two seconds for a request"
# Each holds its connection by a byte now and then; ended by us, not by itself.
drip() { # NAME BEGIN
	{
		printf '%b' "$2"
		for _ in {1..150}; do
			sleep 0.2
			printf a || break
		done
	} 2>/dev/null | openssl s_client -quiet -connect "${url#https://}" -CAfile "$tmp/ca.pem" \
		>"$tmp/drip.$1" 2>/dev/null
	touch "$tmp/ended.$1"
}
drip line 'GET /api/v1/hea' &
drip headers 'GET /api/v1/health HTTP/1.1\r\nHost: a\r\nX-Slow: ' &
drip body 'POST /api/v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n{' &
exec 8<>"/dev/tcp/127.0.0.1/${url##*:}" # says nothing at all
served; ok "others are served meanwhile"
for name in line headers body; do
	within 25 test -e "$tmp/ended.$name"; ok "a slow $name is cut off"
done
within 20 timeout 1 cat <&8; ok "and who says nothing"
exec 8>&-
connections() { anyone; api GET metrics; awk '/^autotua_connections /{ exit $2 > 2 }' "$tmp/out"; }
within 10 connections; ok "nothing is left of them"

# ---- many ---------------------------------------------------------------------------

settings "connections-per-address = 8" "rate-address = 3"; ok "few connections and requests"
for _ in {1..20}; do
	exec {fd}<>"/dev/tcp/127.0.0.1/${url##*:}" && fds+=("$fd")
done 2>/dev/null
full() { ! curl -sS --max-time 3 --cacert "$tmp/ca.pem" "$url/api/v1/health" >/dev/null 2>&1; }
within 5 full; ok "a ninth connection of an address is refused"
for fd in "${fds[@]}"; do exec {fd}>&-; done
within 10 served; ok "until others are closed"
# one after the other on one connection, which no machine is too slow for
too_many() { # N PATH [CURL-ARGUMENT...]: at least one of that many is refused
	rm -f "$tmp"/many.*
	curl -sS --max-time 70 --cacert "$tmp/ca.pem" "${cert[@]}" -D "$tmp/headers" \
		-o "$tmp/many.#1" "${@:3}" "$url/api/v1/$2#[1-$1]" 2>"$tmp/curl.log"
	cat "$tmp"/many.* >"$tmp/out"
	said '"code":"too-many-requests"' && grep -q '^HTTP/1.1 429 ' "$tmp/headers"
}
anyone; too_many 200 health && grep -qi '^retry-after: [0-9]' "$tmp/headers"
ok "too many requests: 429, and when to come again"
within 10 served; ok "after a while it is served again"
settings "rate-slave = 1"; ok "slaves are counted by themselves"
join_slave one "$(master token new)" && hello one
too_many 100 slave/claim --data-binary '{"free":0,"wait":0}'; ok "a slave that asks too often"
served; ok "its address is another matter"
join_slave two "$(master token new)" && hello two; is 200; ok "so is another slave"
settings "rate-slave = 0"; ok "without a limit"

# ---- bodies made to hurt -----------------------------------------------------------------

hello one; hello two; as one
printf '[%.0s' {1..30000} >"$tmp/deep"
api POST slave/hello --data-binary "@$tmp/deep"; problem 400 bad-json; ok "a body that is nested deeply"
{ printf '{"a":'; printf '{"a":%.0s' {1..20000}; } >"$tmp/deep"
api POST slave/hello --data-binary "@$tmp/deep"; problem 400 bad-json; ok "objects too"
head -c 1100000 /dev/zero | tr '\0' '[' >"$tmp/big"
api POST slave/hello --data-binary "@$tmp/big"; problem 413 too-large; ok "one that is too large"
post slave/hello $'{"version":1,"keys":3,"arches":["\xff\xfe"],"slots":1}'; problem 400 bad-json; ok "what is no UTF-8"
post slave/claim '{"free":1e3,"wait":0}'; problem 400 bad-field; ok "a number with an exponent"
post slave/claim '{"free":99999999999999999999,"wait":0}'; problem 400 bad-json; ok "a number above all"
post slave/claim '{"free":-1,"wait":0}'; problem 400 bad-field; ok "one below"

# ---- what is another slave's -----------------------------------------------------------------

anyone; submit_by_hand alpha/lib
claim one; ok "one has a lease"
printf figures >"$tmp/blob"
blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
as two
for path in "lease/$lease/renew" "lease/$lease/step" "lease/$lease/done" "lease/$lease/refuse"; do
	post "$path" '{"attempt":1,"step":0,"result":"passed","reason":"","kind":"hard"}'
	problem 409 stale-attempt; ok "two can't $path"
done
api PUT "lease/$lease/log?attempt=1&step=0&offset=0" --data-binary "forged"
problem 409 stale-attempt; ok "nor write its log"
api GET "lease/$lease/pack?attempt=1"; problem 409 stale-attempt; ok "nor get its pack"
api PUT "blob/$blob?lease=$lease&attempt=1" -T "$tmp/blob"; problem 409 stale-attempt; ok "nor upload for it"
api HEAD "blob/$blob?lease=$lease&attempt=1"; [[ $http == 409 ]]; ok "nor ask what it has"
for n in 0 -1 999999 9223372036854775808 0x1 1%2f..; do
	post "lease/$n/renew" '{"attempt":1}'
	[[ $http == 404 || $http == 409 ]]; ok "a lease $n"
done
as one
for name in ../../master.db ..%2f..%2fmaster.db "${blob^^}" "$blob%2f.." "${blob:0:63}." %2e%2e; do
	api PUT "blob/$name?lease=$lease&attempt=1" --path-as-is --data-binary x
	[[ $http == 400 || $http == 404 ]]; ok "a blob $name"
	api GET "artifacts/$name/x" --path-as-is
	[[ $http == 400 || $http == 404 ]]; ok "an artifact $name"
done
report 0 ',"artifacts":[{"path":"etc/passwd","type":"file","size":7,"digest":"'"$blob"'"}]'
problem 409 blob-missing; ok "an artifact that isn't there"
for name in ../../etc/passwd /etc/passwd .. a/. a//b a/ 'a\n' 'a\u001b[2J' 'a\u202eb'; do
	report 0 ',"artifacts":[{"path":"'"$name"'","type":"file","size":7,"digest":"'"$blob"'"}]'
	problem 400 bad-field && has '.detail | test("number 0.*path")'; ok "an artifact that is called $name"
done
for bytes in -5 1.5 '"5"' null; do
	report 0 ',"log_bytes":'"$bytes"; problem 400 bad-field && has '.detail | test("log_bytes.*number from 0")'
	ok "a log of $bytes bytes"
done
report 0 ',"artifacts":{"path":"a"}'; problem 400 bad-field; ok "artifacts that are no list"
[[ -z $(find "$tmp/master/blobs" "$tmp/master/tmp" -type f) ]]; ok "nothing was written"
report 0; finish passed; is 200; ok "and one ends its unit as if nothing had been"

# ---- artifacts that no report names -------------------------------------------------------------

settings "upload-max = 1M" "upload-total = 2M"; ok "two megabytes for a lease"
hello one; anyone; submit_by_hand alpha/lib; claim one; ok "one has a lease"
declare -A blobs
bring() { # FILE [SLAVE]
	blobs[$1]=$(b2sum -l 256 "$tmp/blob.$1" | cut -d' ' -f1)
	as "${2-one}"; api PUT "blob/${blobs[$1]}?lease=$lease&attempt=$attempt" -T "$tmp/blob.$1"
}
one_named() { echo '{"path":"a","type":"file","size":'"${2-$(stat -c %s "$tmp/blob.$1")}"',"digest":"'"${blobs[$1]}"'"}'; } # FILE [SIZE]
named() { echo ',"artifacts":['"$(one_named "$@")"']'; }
there() { [[ -e $tmp/master/blobs/${blobs[$1]:0:2}/${blobs[$1]} ]]; }
for i in 1 2 3; do head -c 1000000 /dev/urandom >"$tmp/blob.$i"; done
bring 1; is 201 && bring 2; is 201; ok "it brings two artifacts"
report 0 "$(named 1 999999)"; problem 400 bad-field && has '.detail | test("size")'; ok "one has another size than is told"
report 0 "$(named 1 '"1"')"; problem 400 bad-field; ok "or none"
report 0 ',"artifacts":['"$(one_named 1),$(one_named 2)"']'; problem 400 bad-field && has '.detail | test("number 1.*there before")'
ok "two can't have one name"
bring 3; problem 413 too-large && has '.detail | contains("2097152")'; ok "more than that no report may leave unnamed"
settings "upload-max = 1M" "upload-total = 2M"; ok "after a restart"
bring 3; problem 413 too-large; ok "it is the same"
report 0 "$(named 1)"; is 200; ok "one is named"
bring 3; is 201; ok "so there is room for another"
there 1 && there 2 && there 3; ok "all are kept as long as the lease is held"
finish passed; is 200; ok "the unit ends"
exec {kept}<"$tmp/master/blobs"; flock -s "$kept"
settings "upload-max = 1M"; ok "later, while a backup is made"
served; there 1 && there 2 && there 3; ok "nothing goes"
exec {kept}<&-
settings "upload-max = 1M"; ok "and after it"
left() { there 1 && ! there 2 && ! there 3 && [[ ! -e $tmp/master/tmp/gone ]]; }
within 20 left; ok "what no report names is gone"
run master check; [[ $status == 0 ]] && said " 0 wrong, 0 orphans"; ok "and nobody misses it"
anyone; api GET "artifacts/${blobs[1]}/a"; is 200; ok "what one names can be had"
submit_by_hand alpha/lib; hello one; claim one; ok "another lease"
report 0 "$(named 2)"; problem 409 blob-missing; ok "which can't name what is gone"
bring 2; is 201 && report 0 "$(named 2)"; is 200; ok "but bring it again"
bring 1; is 200; ok "what is there is there"
finish infrastructure; is 200; ok "its work is lost"
settings "upload-max = 1M"; within 20 eval 'there 1 && ! there 2'; ok "and so is what it has made"
run master check; [[ $status == 0 ]] && said " 0 wrong, 0 orphans"; ok "nothing else is"
hello two; claim two && report 0 && finish passed; is 200; ok "the other slave passes the unit"

# ---- what another slave's steps have made --------------------------------------------------------

printf honest >"$tmp/blob.honest" && printf evil >"$tmp/blob.evil"
made() { jq .capsules[0].steps[0].made "$tmp/out"; } # of what was claimed
leased() { anyone; submit_by_hand alpha/top && hello "$1" && claim "$1"; } # SLAVE
tells() { # SLAVE BLOB FIGURE: of the first step, which it has made
	bring "$2" "$1" && report 0 ',"reused":false,"artifacts":[{"path":"a.txt","type":"file","size":'"$(stat -c %s "$tmp/blob.$2")"',"digest":"'"${blobs[$2]}"'"}],"figures":{"x":"'"$3"'"}'
}
reuses() { report "$1" ',"reused":true,"artifacts":[],"figures":{},"messages":[]'; } # STEP
shows() { # BLOB FIGURE: of the first step
	anyone; job_has '.state == "passed" and (.units[0].steps[0] | [.artifacts[].digest] == ["'"${blobs[$1]}"'"] and .figures.x == "'"$2"'")'
}
leased one && [[ $(made) == null ]]; ok "one makes something that nothing is known of"
tells one honest 1 && report 1 && finish passed; is 200 && shows honest 1; ok "its first step has an artifact and a figure"
first=$job
leased two && [[ $(made) == null ]]; ok "two has no layer that this is known of"
reuses 0; is 200; anyone; job_has '.units[0].steps[0] | .artifacts == [] and .figures == {} and .messages[0].level == "warn"'
ok "and gets nothing of it by saying that it had one"
as two; report 1 && finish passed; is 200 && leased two; ok "it has another lease"
tells two evil 666; is 200; anyone
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"; is 200 && as two && finish cancelled; is 200
ok "two says it has made something else, and is cancelled"
leased one && [[ $(made) == true ]]; ok "one's layer stands for what one has made"
reuses 0 && report 1 && finish passed; is 200 && shows honest 1; ok "which is what a job shows that one did"
leased two && [[ $(made) == true ]] && tells two evil 666 && report 1 && finish passed; is 200 && shows evil 666
ok "two can spoil what it does itself"
anyone; submit_by_hand alpha/own && hello two && claim two && report 0 && finish passed; is 200; ok "two alone passes something else"
anyone; reuse=true submit_by_hand alpha/own; job_has '.state == "passed" and .units[0].reused != null'; ok "which is reused too"
again() { anyone; reuse=true submit_by_hand "${2-alpha/top}"; job_has '.units[0].reused.job == '"$1"; } # JOB [ROOT]
again "$first" && shows honest 1; ok "a job that reuses a result has the one that was there first"
anyone; submit_by_hand alpha/late && hello two && claim two && sat="$lease $attempt"; ok "two sits on a lease"
anyone; submit_by_hand alpha/late && hello one && claim one && tells one honest 2 && finish passed; is 200 && shows honest 2
ok "one passes the same in a later job"
soon=$job
again "$soon" alpha/late && shows honest 2; ok "which is reused"
read -r lease attempt <<<"$sat"
tells two evil 667 && finish passed; is 200; ok "then two passes the earlier one"
again "$soon" alpha/late && shows honest 2; ok "and is too late with it"

# ---- a slave that is believed no more ------------------------------------------------------------

(answer_in=waiting; as two; post slave/claim '{"free":1,"wait":50}'; touch "$tmp/cut") &
waits() { anyone; api GET metrics && grep -q '^autotua_long_polls 1' "$tmp/out"; }
within 10 waits; ok "two waits for work"
master slave retire two >/dev/null
within 20 test -e "$tmp/cut"; ok "retired, its call ends at once"
as two; post slave/claim '{"free":1,"wait":0}'; problem 403 retired; ok "and there is no other"
again "$first" && shows honest 1; ok "what others have done is reused as before"
anyone; reuse=true submit_by_hand alpha/own; job_has '.state == "queued" and .units[0].reused == null'
ok "what only it has done stands for nothing any more"
anew=$job
join_slave two "$(master token new)"
problem 409 name-taken && has '.detail | test("token new --slave two")'; ok "its name is taken, which says what to do"
run master token new --slave 'a b'; [[ $status == 1 ]] && said "letters"; ok "a name that none can have"
word=$(master token new --slave two)
join_slave three "$word"; problem 403 bad-token && has '.detail | test("for the slave two")'; ok "a token for it is for no other"
cp "$tmp/two.pem" "$tmp/former.pem"; cp "$tmp/two.pkey" "$tmp/former.pkey"
anyone; join_slave two "$word"; is 201; ok "but for a machine that takes its place"
join_slave two "$word"; problem 403 bad-token; ok "once"
hello former; problem 403 not-authorised && has '.detail | test("token new --slave")'; ok "the former certificate is refused"
hello two; is 200; ok "the new one is good"
anyone; reuse=true submit_by_hand alpha/own; job_has '.state == "queued" and .units[0].reused == null'
ok "what was believed no more stays so"
claim two && report 0 && finish passed; is 200; ok "it gets work"
again "$anew" alpha/own; ok "and what it does now counts"
run master audit list; said ": token new " && said " for two" && [[ $(grep -c "two from 127.0.0.1: enroll " "$tmp/out") == 2 ]]
ok "the audit has it"
cp "$tmp/two.pem" "$tmp/former.pem"; rm "$tmp/cut"
(answer_in=waiting; as former; post slave/claim '{"free":1,"wait":50}'; touch "$tmp/cut") &
within 10 waits; ok "it waits for work"
anyone; join_slave two "$(master token new --slave two)"; is 201; ok "its place is taken while it is active"
within 20 test -e "$tmp/cut"; ok "what it has open is cut"
hello former; problem 403 not-authorised && hello two; is 200; ok "and it is another one"
served; ok "the master is well"
! grep -q '^<[0-3]>' "$tmp/master.log"; ok "and took none of it for trouble of its own"
kill_daemon master TERM
done_testing
