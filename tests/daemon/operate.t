#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How a master is kept: what the service manager and those that watch it are
# told, settings read again, a disk that gets full, the audit.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

# A manager's socket: each datagram's lines go to $tmp/told.
export NOTIFY_SOCKET=$tmp/notify WATCHDOG_USEC=200000
perl -MIO::Socket::UNIX -MSocket -e '
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => shift) or die;
	open(my $out, ">>", shift) or die; $out->autoflush(1);
	while (defined $s->recv(my $text, 4096)) { print $out "$text\n" }
' "$NOTIFY_SOCKET" "$tmp/told" &
pid[manager]=$!
told() { grep -qE "$1" "$tmp/told"; }
within 10 test -S "$NOTIFY_SOCKET"

farm_tree alpha
simple alpha/app "Something to run"
lease_time=600s
sign alpha >/dev/null && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
conf=$tmp/master/master.conf

# ---- the service manager, and those that watch -----------------------------------

within 10 told '^READY=1$'; ok "the manager is told that it is ready"
told "^STATUS=serving on port ${url##*:}$"; ok "and where it serves"
: >"$tmp/told"
within 10 told '^WATCHDOG=1$'; ok "it shows that it lives"
get() { http=$(curl -sS --max-time 20 --cacert "$tmp/ca.pem" -o "$tmp/out" -w '%{http_code}' "$@"); }
get "$url/healthz"; [[ $http == 200 && $(<"$tmp/out") == ok ]]; ok "/healthz"
get -X POST "$url/healthz"; [[ $http == 404 ]]; ok "which is only for reading"
get -I "$url/healthz"; [[ $http == 200 ]]; ok "also its head"
api GET health; is 200 '.status == "ok" and .disk.low == false and .disk.free > .disk.reserve'
ok "health tells of the disk"
get "$url/metrics"
[[ $http == 200 ]] && grep -q '^autotua_disk_low 0$' "$tmp/out" &&
	grep -q '^process_start_time_seconds 1' "$tmp/out" && grep -q '^autotua_build_info' "$tmp/out"
ok "/metrics"
# each sample after its type; buckets grow, the last has all; nothing twice
strict() {
	awk '
	/^# TYPE / { if ($3 in type) exit bad = 1; type[$3] = $4; next }
	{
		name = $1; sub(/\{.*/, "", name); family = name
		if (!(family in type)) sub(/_(bucket|sum|count)$/, "", family)
		if (!(family in type) || ($1 in seen) || NF != 2 || $2 !~ /^[0-9.]+(e[-+]?[0-9]+)?$/) exit bad = 1
		seen[$1]
		if (type[family] == "histogram") {
			if (name ~ /_bucket$/) { if ($2 < last[family] + 0) exit bad = 1; last[family] = $2; end[family] = $1 }
			if (name ~ /_count$/ && ($2 != last[family] || end[family] !~ /le="\+Inf"/)) exit bad = 1
			if (name ~ /_count$/) histograms++
		}
	}
	END { exit bad || histograms != 3 }' "$1"
}
strict "$tmp/out"; ok "it is well-formed, with three histograms"
! sed 's/le="+Inf"} [0-9]*/le="+Inf"} 99999/' "$tmp/out" | strict -; ok "what isn't would be found"
! grep -vqE '^(# TYPE [a-z_]+ (counter|gauge|histogram)|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-0-9.e+]+)$' "$tmp/out"
ok "each line of them is one of a metric"
! grep -qvE '^<[3467]>' "$tmp/master.log"; ok "each line of the log has its priority"

# ---- settings ---------------------------------------------------------------------

reload() { # SECONDS-OF-NOTHING: waits until it is done
	local n

	n=$(grep -cE 'settings read again|reload: ' "$tmp/master.log")
	kill -s HUP "${pid[master]}"
	# shellcheck disable=SC2016 # for the inner shell
	within 10 bash -c '[[ $(grep -cE "settings read again|reload: " "$1") -gt $2 ]]' _ "$tmp/master.log" "$n"
}
cp "$conf" "$tmp/conf"
line=$(($(wc -l <"$conf") + 1))
echo "reserve = much" >>"$conf"
run master serve -n
[[ $status == 1 ]] && said "master.conf:$line: reserve: expected"; ok "a wrong value is told with its line"
cp "$tmp/conf" "$conf"
for setting in "certificate-life = 1s" "certificate-life = 40000d" "token-life = 0s" "token-life = 200000d" \
	"upload-max = 8" "log-max = 0" "stage = a b" "tree-ca = $tmp/nope" "tree-ssh-key = $tmp/nope" \
	"tree-known-hosts = $tmp/nope" "tree-ca = $tmp"; do
	(cat "$tmp/conf" && echo "$setting") >"$conf"
	run master serve -n
	[[ $status == 1 ]] && said "master.conf:$line: ${setting%% *}: "; ok "so is $setting"
done
for setting in "host = x y" "host = ÿ/.." "host = a..b"; do
	(cat "$tmp/conf" && echo "$setting" && echo "host = ci.example.org") >"$conf"
	run master serve -n
	[[ $status == 1 ]] && said "master.conf:$line: host \"${setting#host = }\": "; ok "no name is in $setting"
done
(cat "$tmp/conf" && printf 'host = %s\n' ::1 10.0.0.1 '*.example.org' ci_2.example.org && echo "certificate-life = 1204s") >"$conf"
run master serve -n; [[ $status == 0 ]]; ok "names and addresses"
(cat "$tmp/conf" && echo "stage = nosuch") >"$conf"
run master serve -n; [[ $status == 0 ]] && said 'no stage "nosuch"'; ok "a stage that may come is only warned of"
run autotua-master -C "$tmp/odd" init --host "x y"; [[ $status == 1 && ! -e $tmp/odd/master.conf ]] && said 'host "x y"'
ok "init refuses what is no name"
(cat "$tmp/conf" && echo "tree-ca = $tmp/nope") >"$conf"
reload && grep -q "reload: .*tree-ca: .*the former settings stay" "$tmp/master.log"; ok "SIGHUP looks for files too"
(cat "$tmp/conf" && echo "stage = nosuch") >"$conf"
reload && grep -q 'stage: there is no stage "nosuch"' "$tmp/master.log"; ok "and warns of a stage that isn't there"
(cat "$tmp/conf" && echo "reserve = much") >"$conf"
: >"$tmp/told"
reload && grep -q "reload: .*master.conf:$line: .*the former settings stay" "$tmp/master.log"
ok "SIGHUP with wrong settings changes nothing"
within 10 told '^RELOADING=1$' && told '^MONOTONIC_USEC=[0-9]+$' && told '^READY=1$'
ok "the manager is told of it all the same"
api GET health; is 200 '.status == "ok"'; ok "it goes on"
cp "$tmp/conf" "$conf"; echo "name = other" >>"$conf"
reload && grep -q "change only with a restart" "$tmp/master.log"; ok "what needs a restart is told"
api GET health; is 200 '.master == "farm"'; ok "and stays as it was"

# ---- trees that can't be read ---------------------------------------------------------

git init --quiet --bare "$tmp/theirs.git" && chown -R "$slave_user" "$tmp/theirs.git"
run master tree add theirs "$tmp/theirs.git"
[[ $status == 1 ]] && said "$tmp/theirs.git: belongs to another user (id $slave_user" && said safe.directory
ok "a local tree of another user is refused at once, with the remedy"
run master tree add theirs "file://$tmp/theirs.git"; [[ $status == 1 ]] && said "belongs to another user"
ok "also by its URL"
run master tree add mirrors "$tmp/mirror"; [[ $status == 1 ]] && said "is not a git repository"
ok "and so is a folder without one"
run master tree list; [[ $status == 0 && $(<"$tmp/out") == "main $tmp/tree" ]]; ok "neither is a tree then"
run master tree add later "$tmp/later"
[[ $status == 0 ]] && said "tree later: there is nothing at $tmp/later"; ok "a tree that may come is only warned of"
run master serve -n
[[ $status == 0 ]] && said "tree later: there is nothing at $tmp/later" && ! said "tree main"; ok "again by serve -n"
run master tree add far https://127.0.0.1:9/far.git; [[ $status == 0 && ! -s $tmp/out ]]; ok "one elsewhere isn't asked for"

# ---- a disk that gets full ----------------------------------------------------------

join_slave one "$(master token new)" && hello one && submit_by_hand alpha/app && claim one
ok "a unit is leased"
cp "$tmp/conf" "$conf"; printf 'reserve = 900T\nupload-max = 1M\n' >>"$conf"
reload; grep -q "disk is low: no jobs and artifacts are taken free=" "$tmp/master.log"
ok "the log says that the disk is low"
api GET health; is 200 '.status == "degraded" and .disk.low'; ok "so does health"
get "$url/healthz"; [[ $http == 503 ]]; ok "and /healthz"
get "$url/metrics"; grep -q '^autotua_disk_low 1$' "$tmp/out"; ok "and a metric"
anyone; submit_by_hand alpha/app; problem 503 disk-full && grep -qi '^retry-after: 60' "$tmp/headers"
ok "no job is taken"
printf 'artifact' >"$tmp/blob"
blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
as one; api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"
problem 507 disk-full && grep -qi '^retry-after: 60' "$tmp/headers"; ok "and no artifact"
truncate -s 2M "$tmp/large"
api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/large"
problem 413 too-large; ok "one that is too large is told that, whatever the disk has"
anyone; api POST jobs -T "$tmp/large"; is 413; ok "as is such a request"; as one
api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=0" --data-binary "line"
is 200; ok "the log of what runs is"
report 0; is 200 && finish passed && is 200; ok "and its end"
api GET jobs; is 200 '.jobs | length == 1'; ok "what there is can be read"
cp "$tmp/conf" "$conf"; reload; grep -q "disk has room again" "$tmp/master.log"
ok "there is room again"
anyone; submit_by_hand alpha/app; is 201; ok "and jobs are taken"

# ---- an upgrade -------------------------------------------------------------------------

# a serve of the program before, as the commands of this one see it
schema() { db "PRAGMA user_version${1:+ = $1}"; }
now=$(schema)
schema 18
for command in status "token new" "backup $tmp/early" "check" "serve -n"; do
	# shellcheck disable=SC2086 # words
	run master $command
	[[ $status == 1 && $(schema) == 18 ]] && said "an older autotua-master serves it: restart that one first"
	ok "$command leaves the database to a serve that is older"
done
anyone; submit_by_hand alpha/app; is 201; ok "which goes on"
# another command brings it up to date right now: what has its locks goes on until $tmp/go
folder=$(stat -c %i "$tmp/master")
is_waited_for() { grep -qE -- "-> FLOCK.*:$folder " /proc/locks; }
migrating() {
	rm -f "$tmp/go" "$tmp/has"
	(
		exec 8<"$tmp/master" 9<>"$tmp/master/lock"
		flock 8 && { [[ -z ${pid[master]-} ]] && flock 9; touch "$tmp/has"; within 30 test -e "$tmp/go"; }
	) &
	holder=$!
	within 10 test -e "$tmp/has"
}
migrating && { master status >"$tmp/status" 2>&1 & } && command=$! && within 10 is_waited_for
ok "a command waits for one that brings the database up to date"
schema "$now"; touch "$tmp/go"; wait "$holder"; wait "$command" && grep -q "^serving: yes" "$tmp/status"; ok "and goes on then"
kill_daemon master TERM
migrating
{ within 10 is_waited_for; touch "$tmp/go"; } &
start_master; ok "so does a serve that starts"

# ---- the audit ------------------------------------------------------------------------

job=1; post "jobs/$job/priority" '{}'
run master audit verify
[[ $status == 0 && $(<"$tmp/out") =~ ^[0-9]+\ rows,\ head\ ([0-9]+:[0-9a-f]{64})$ ]]; ok "the audit is whole"
head=${BASH_REMATCH[1]}
run master audit list
[[ $status == 0 ]] && said ": user add " && said ": tree add main" && said ": stage add " &&
	said ": token new " && said "one from 127.0.0.1: enroll " && said "alpha from 127.0.0.1: submit "
ok "it has what administrators, slaves and people did"
run master audit list --json
[[ $status == 0 ]] && jq -es '[.[].row] == [range(1; length + 1)]' "$tmp/out" >/dev/null
ok "row by row, also as JSON"
grep -qE 'audit head=[0-9]+:[0-9a-f]{64}$' "$tmp/master.log"; ok "the log has its head"
run master audit verify "$head"; [[ $status == 0 ]]; ok "a head that was noted"
run master slave retire one
run master audit verify "$head"; [[ $status == 0 ]]; ok "is in it later as well"
run master audit verify "x$head"; [[ $status == 2 ]]; ok "a head that is none"
db "DELETE FROM audit WHERE id = 2" 2>"$tmp/out"
said "never deleted"; ok "rows can't be deleted"
db "DROP TRIGGER audit_unchanged;
	UPDATE audit SET who = 'uid 1' WHERE id = 2"
run master audit verify
[[ $status == 1 ]] && said "audit: row 2 ("; ok "one that was forged is named"
run master check
[[ $status == 1 ]] && said "audit: row 2 ("; ok "check finds it as well"
: >"$tmp/told"
kill_daemon master TERM
within 10 told '^STOPPING=1$'; ok "the manager is told of the end"
db "ALTER TABLE token DROP COLUMN name; PRAGMA user_version = $((now - 1))"
run master status
[[ $status == 0 && $(schema) == "$now" ]] && said "database: schema $((now - 1)) is now $now"
ok "when nothing serves, a command brings the database up to date, and says so"

# ---- units of the service manager -------------------------------------------------------

make -s -C "$top" B="${B:-$top/build}" DESTDIR= PREFIX="$tmp/usr" install-units >"$tmp/out" 2>&1
mkdir -p "$tmp/usr/sbin" && cp "$bin/autotua-master" "$bin/autotua-slave" "$tmp/usr/sbin/"
units=$tmp/usr/lib/systemd/system
[[ -s $units/autotua-master.service && -s $units/autotua-slave.service && -s $tmp/usr/lib/sysusers.d/autotua.conf ]] &&
	! grep -q '@[A-Z]*@' "$units"/*.service
ok "units are installed"
run systemd-analyze verify --man=no "$units"/*.service
[[ $status == 0 ]] && ! said "$units"; ok "systemd finds them right"
run systemd-analyze security --offline=true --threshold=20 "$units/autotua-master.service"
[[ $status == 0 ]]; ok "and the master's confined"
done_testing
