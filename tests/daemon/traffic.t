#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a lender lets come and go in a day: one account for all slots, which
# nothing overdraws, whoever asks first.
# shellcheck disable=SC2154 # set by farm.sh
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha
simple alpha/quick "Nothing much"
sender alpha/online
recipe alpha/much/much-1.0 <<'X'
DESCRIPTION="Brings back much"
job_collect() { head -c 1300000 /dev/urandom >it && artifact it; }
X
for name in here away; do
	mkdir "$tmp/$name-1" && head -c 2000000 /dev/urandom >"$tmp/$name-1/noise"
	tar -C "$tmp" -czf "$tmp/mirror/$name-1.tar.gz" "$name-1"
	simple "alpha/$name" "Has a large source" "SRC_URI=\"mirror://$name/$name-1.tar.gz\""
	echo "mirror = $name file://$tmp/mirror" >>"$tmp/mirrors"
done
for parts in 1 2; do
	simple "alpha/pack$parts" "Comes with much"
	mkdir "$tmp/tree/alpha/pack$parts/files"
	for ((part = 0; part < 3 * parts; part++)); do
		head -c 900000 /dev/urandom >"$tmp/tree/alpha/pack$parts/files/noise$part"
	done
done
cp "$tmp/mirrors" "$XDG_CONFIG_HOME/autotua/config"
(cd "$tmp/tree" && jobuild -q manifest alpha/{here,away,pack1,pack2} >"$tmp/out") && sign alpha && commit "signed"
lease_time=40s
run farm_master alpha
ok "a master is set up"

# A mirror that takes its time: who asks it waits, and $tmp/asked is there.
perl -MIO::Socket::INET -e '
	my ($port, $asked) = @ARGV; my @all;
	my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1") or die;
	open(my $out, ">", $port) or die; print $out $s->sockport; close($out);
	while (my $c = $s->accept) { push @all, $c; open(my $f, ">", $asked) }
' "$tmp/mirror.port" "$tmp/asked" &
pid[mirror]=$!
within 10 test -s "$tmp/mirror.port"

slave() { autotua-slave -C "$tmp/$1" "${@:2}"; }
# Only a slave that has ended has written the last byte.
lends() { # SLAVE BYTES: so many more; $now are those until then
	[[ -z ${pid[$1]-} ]] || kill_daemon "$1" TERM
	rm "$tmp/$1.log"
	now=$(today "$1")
	sed -i "s/^traffic = .*/traffic = $((now + $2))/" "$tmp/$1/slave.conf"
	start_slave "$1"
}
closes() { # SLAVE: it says so
	db "SELECT hello FROM slave WHERE name = '$1'" |
		jq -e '.closed == "its traffic of today is used up"'
}
refused() { job_is "any(.units[0].reasons[]; .text | test(\"$1\"))"; }
today() { slave "$1" status --json | jq .contract.traffic_today; } # SLAVE
moved() { # LEAST MOST: so many bytes came and went since
	local all

	all=$(today one)
	((all >= now + $1 && all <= now + $2))
}
is_open() { run slave one status --json && jq -e '.closed == null' "$tmp/out" >/dev/null; }
is_gone() { ! kill -0 "${pid[$1]}"; } # SLAVE
cancel() { jobuild cancel "$1" >/dev/null 2>&1; }

enroll_slave one "slots = 2" "traffic = 10M" "mirror = here file://$tmp/mirror" \
	"mirror = away http://127.0.0.1:$(<"$tmp/mirror.port")"
start_slave one
submit alpha/quick
within 60 job_ended; job_is '.state == "passed"'; ok "a slave has its stage"
lends one 3000000
((now > 1000000)); ok "which is counted"
stage=$now

# ---- two at once

submit alpha/away
away=$job
within 60 test -e "$tmp/asked"; ok "a unit fetches most of what the day has left"
submit alpha/here
within 30 refused "sources: more than the slave.s owner lets it fetch today"; ok "what is promised to it another doesn't get"
job_is '.units[0].state == "ready"'; ok "and goes back"
moved 0 1000000; ok "nothing of it came"
is_open; ok "the slave stays open"
cancel "$job"
submit alpha/quick --param N=1
within 30 job_ended; job_is '.state == "passed"'; ok "for what fits beside it"
cancel "$away"
within 30 eval "job=$away job_ended"
submit alpha/here --param N=1
within 30 job_ended; job_is '.state == "passed"'; ok "what didn't come after all is there for others"
lends one 900000
((now > stage + 2000000 && now <= stage + 3000000)); ok "all of them have kept to the day's traffic"

# ---- recipes

submit alpha/pack1
within 30 refused "pack: more than the slave.s owner lets it fetch today"; ok "recipes that are too much for today aren't fetched"
moved 0 200000; ok "nor a part of them"
is_open; ok "and don't use up the day"
cancel "$job"
submit alpha/pack2
within 30 refused "one: pack: more than the slave.s owner lets it fetch in a day"; ok "those that no day has room for are refused"
cancel "$job"
lends one 20000000
submit alpha/pack1 --param N=1
within 30 job_ended; job_is '.state == "passed"'; ok "another day they may come"
within 20 moved 2700000 3500000; ok "and are counted"

# ---- results that wait for another day

lends one 1000000
submit alpha/much
within 60 closes one; ok "more is to go out than the day has left"
slave one stop >/dev/null
within 20 is_gone one; ok "a stop doesn't wait for another day"
job_is '.state == "running" and .units[0].attempt == 1'; ok "nor gives back what is done"
unset "pid[one]"
lends one 10000000
within 30 job_ended; job_is '.state == "passed" and .units[0].attempt == 1'; ok "the spool keeps it"
kill_daemon one TERM

# ---- the day is over

if [[ $(autotua-chroot -s "$tmp/trial" capabilities | jq -r .network) == private ]]; then
	enroll_slave net "slots = 2" "network = private" "traffic = 100M" "memory = 100M"
	start_slave net
	submit alpha/quick --param N=2
	within 60 job_ended; job_is '.state == "passed"'; ok "a slave whose phases have a network"
	lends net 60000
	submit alpha/online
	online=$job
	within 30 grep -q "ended lease=.* result=passed" "$tmp/net.log"; ok "they use up the day"
	submit alpha/quick --param N=3
	within 30 closes net
	job_is '.units[0].state == "ready"'; ok "and nothing is taken from that moment on"
	lends net 1000000
	within 60 job_ended; job_is '.state == "passed"'; ok "until there is more"
	job=$online
	within 30 job_ended; job_is '.state == "passed"'; ok "for what waits as well"
	kill_daemon net TERM
else
	ok "no private network can be had here # SKIP"
fi
done_testing
