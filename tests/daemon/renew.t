#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A slave's certificate is renewed by itself; the old one is good until the
# new one was used, and a retired slave's is good for nothing.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
simple alpha/app "Something to run"
sign alpha >/dev/null && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }

# ---- by hand: both are good until the new one is used

renew() { # SLAVE: the next key and certificate are SLAVE-next
	openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/$1-next.pkey" 2>/dev/null
	openssl req -new -key "$tmp/$1-next.pkey" -subj /CN=whatever -out "$tmp/$1.csr"
	as "$1"
	post slave/renew "$(jq -n --rawfile c "$tmp/$1.csr" '{csr: $c}')"
	[[ $http == 200 ]] && jq -r .certificate "$tmp/out" >"$tmp/$1-next.pem"
}
join_slave hand "$(master token new)" && hello hand && is 200; ok "a slave joins"
anyone; post slave/renew '{"csr": "x"}'; problem 403 not-authorised; ok "who is no slave can't renew"
as hand; post slave/renew '{"csr": "x"}'; problem 400 bad-request-for-certificate; ok "what is no request is refused"
renew hand; ok "it gets another certificate"
cp "$tmp/hand-next.pem" "$tmp/lost.pem"; cp "$tmp/hand-next.pkey" "$tmp/lost.pkey"
hello hand; is 200; ok "the old one is good still"
renew hand; ok "and asks again, as after an answer that was lost"
hello lost; problem 403 not-authorised; ok "what was not used before that is void"
hello hand-next; is 200; ok "the new one is good"
hello hand; problem 403 not-authorised; ok "which ends the old one"
hello hand-next; is 200; ok "and stays"
run master audit list; said "hand from 127.0.0.1: renewed"; ok "the audit has it"

# ---- and the master is restored to what it was before

anyone; submit_by_hand alpha/app && claim hand-next; ok "it has work"
run master backup "$tmp/saved"; [[ $status == 0 ]]; ok "a backup"
renew hand-next && hello hand-next-next; is 200; ok "it goes on with another certificate"
kill_daemon master TERM
mv "$tmp/master" "$tmp/gone" && master restore "$tmp/saved" >/dev/null && start_master; ok "the backup is restored"
hello hand-next-next
problem 403 not-authorised && has '.detail | test("token new --slave NAME")'; ok "which doesn't know that one, and says what to do"
anyone; join_slave hand "$(master token new)"; problem 409 name-taken; ok "its name is taken"
join_slave hand "$(master token new --slave hand)"; is 201; ok "by a token for it the slave joins in its own place"
hello hand-next; problem 403 not-authorised; ok "and in nobody else's"
as hand; post slave/hello '{"version":1,"keys":3,"arches":["amd64"],"slots":2,"leases":['"$lease"']}'; is 200; ok "it is known"
report 0 && finish passed; is 200; ok "what it had it can end"
anyone; job_has '.state == "passed" and .units[0].attempt == 1'; ok "in the same attempt"

# ---- by itself

printf 'certificate-life = 9s\n' >>"$tmp/master/master.conf"
kill_daemon master TERM; start_master; ok "certificates live for seconds"
enroll_slave self && start_slave self; ok "a slave runs"
first=$(<"$tmp/self/cert.pem")
cp "$tmp/self/cert.pem" "$tmp/first.pem"; cp "$tmp/self/key.pem" "$tmp/first.pkey"
renewed() { [[ $(<"$tmp/self/cert.pem") != "$first" && ! -e $tmp/self/cert.new ]]; }
within 20 renewed; ok "its certificate is another one after a while"
refused() { hello first; problem 403 not-authorised; }
within 10 refused; ok "and the first one is refused"
first=$(<"$tmp/self/cert.pem")
within 20 renewed; ok "and again"
submit alpha/app && within 20 job_is '.state == "passed"'; ok "it works on"
kill_daemon self
# as a kill between the two renames leaves it
cp -p "$tmp/self/cert.pem" "$tmp/self/cert.new"; echo garbage >"$tmp/self/cert.pem"
start_slave self
submit alpha/app && within 20 job_is '.state == "passed"'; ok "a new pair is taken over at start"
run master slave retire self
refused_self() { grep -q "refuses this slave" "$tmp/self.log"; }
within 20 refused_self; ok "a retired one is refused, renewed or not"
done_testing
