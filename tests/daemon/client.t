#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The client commands against a real master and slave.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha beta
recipe alpha/good/good-1.0 <<'X'
DESCRIPTION="Passes, with an artifact and a figure"
job_run() { printf 'a line\nwith \033[31mcolour\n'; }
job_collect() {
	mkdir out && echo made >out/file
	artifact out
	result "made=1"
}
X
recipe alpha/bad/bad-1.0 <<'X'
DESCRIPTION="Fails"
job_run() { return 7; }
X
recipe alpha/slow/slow-1.0 <<'X'
DESCRIPTION="Writes now and then"
job_run() {
	local i

	for i in 1 2 3 4 5 6; do
		echo "tick ${i}"
		sleep 0.5
	done
}
X
recipe alpha/endless/endless-1.0 <<'X'
DESCRIPTION="Waits to be cancelled"
job_run() { sleep 1000; }
X
simple alpha/top "Needs what fails" 'SIDEPEND="alpha/bad"'
recipe alpha/lost/lost-1.0 <<'X'
DESCRIPTION="Needs what there is not"
DEPEND="alpha/goood"
X
farm_master alpha beta && sign alpha && commit "signed"
ok "a master with a signed tree"
cd "$tmp/tree" || exit 1

run jobuild status
[[ $status == 0 ]] && said "no jobs yet"
ok "an empty list says what to do"
run jobuild submit --stage small alpha/good
[[ $status == 0 ]] && said "units" && grep -qx 1 "$tmp/out"
ok "submit prints the number; the only tree needs no name"
run jobuild status 1
[[ $status == 0 ]] && said "alpha/good-1.0" && said "slave"
ok "a job without slaves: status says why it waits"
run jobuild status 99
[[ $status == 3 ]] && said "no such job" && said "jobuild status"
ok "no such job: the remedy is told"
run jobuild log 99
[[ $status == 3 ]]
ok "no such unit"
run jobuild --ca "$top/Makefile" status
[[ $status == 2 ]]
ok "an option of a command stands behind it"
autotua-master -C "$tmp/other" init --name other --listen 127.0.0.1:0 >/dev/null &&
	autotua-master -C "$tmp/other" ca >"$tmp/other.pem"
run jobuild status --ca "$tmp/other.pem"
[[ $status == 69 ]] && said "autotua-master ca"
ok "another master's CA: refused, with the remedy"
run jobuild status --master https://127.0.0.1:1
[[ $status == 69 ]]
ok "nobody listens: 69"

enroll_slave one && start_slave one
ok "a slave starts"
run jobuild status --watch 1
[[ $status == 0 ]] && said "job 1  alpha/good-1.0: passed" && said "made=1"
ok "watch ends with the job; the figure is in the table"
run jobuild log 1
[[ $status == 0 ]] && said "a line"
ok "log prints all steps"
[[ $(jobuild -q log --step 0 1) == *$'\na line\nwith \033[31mcolour\n'* ]]
ok "into a pipe it is what was written"
run jobuild -q --json log 1
[[ $status == 0 ]] && jq -e '.unit == 1 and (.steps[0] | .step == 0 and .complete and (.attempt | length) > 0 and
	(.text | contains("\na line\nwith \u001b[31mcolour\n")))' "$tmp/out" >/dev/null
ok "log --json: one document"
run jobuild --json log -f --step 0 1
[[ $status == 0 ]] && jq -se 'all(.step == 0) and any(.line == "a line") and any(.line == "with \u001b[31mcolour")' "$tmp/out" >/dev/null
ok "log --json -f: an object a line"
run script -qc "jobuild -q log --step 0 1" /dev/null
said 'with \x1b[31mcolour'
ok "on a terminal escapes are shown"
[[ $(jobuild log --offset 3 1 2>/dev/null) == "$(jobuild log 1 2>/dev/null | tail -c +4)" ]]
ok "from a byte on"
[[ $(jobuild log -s 0 --offset -4 1 2>/dev/null | wc -c) == 4 &&
	$(jobuild log -s 0 -o -4 1 2>/dev/null) == "$(jobuild log -s 0 1 2>/dev/null | tail -c 4)" ]]
ok "or so many before the end"
[[ $(jobuild log -s 0 -o -99999 1 2>/dev/null) == "$(jobuild log -s 0 1 2>/dev/null)" ]]
ok "which may be more than there are"
run jobuild log --offset x 1; [[ $status == 2 ]] && said "bytes"; ok "an offset that is none"
run jobuild log --step 5 1
[[ $status == 3 ]]
ok "no such step"
run jobuild artifacts 1
[[ $status == 0 ]] && said "out/file"
ok "artifacts are listed"
run jobuild --json artifacts 1
[[ $status == 0 ]] && jq -e '.artifacts[0].path == "out/file" and (.artifacts | length) == 1' "$tmp/out" >/dev/null
ok "and as a document"
run jobuild artifacts -o "$tmp/down" 1
[[ $status == 0 && $(<"$tmp/down/amd64/alpha/good-1.0/out/file") == made ]]
ok "and downloaded"
# two before it: a name that none has, and bytes that nobody has
none=$(printf 0%.0s {1..64})
db "UPDATE report SET body = json_set(body, '$.artifacts', json_array(
	json_object('path', '../../evil', 'type', 'file', 'size', 1, 'digest', '$none'),
	json_object('path', 'gone', 'type', 'file', 'size', 1, 'digest', '$none'),
	json(json_extract(body, '$.artifacts[0]')))) WHERE body LIKE '%out/file%'"
run jobuild artifacts -o "$tmp/again" 1
[[ $status == 1 ]] && said "can't be one: amd64/alpha/good-1.0/../../evil"; ok "a name that none can have is told, with status 1"
[[ $(<"$tmp/again/amd64/alpha/good-1.0/out/file") == made && -z $(find "$tmp" -name evil) ]]
ok "and keeps none of the others from being fetched"
[[ ! -e $tmp/again/amd64/alpha/good-1.0/gone && ! -e $tmp/again/amd64/alpha/good-1.0/gone.part ]]; ok "but what isn't there"

run jobuild submit --stage small --watch alpha/top
[[ $status == 1 ]] && said "job_run: exit 7" && said "dep-failed"
ok "submit --watch of what fails exits with 1 and says why"
run jobuild submit --stage small alpha/slow
job=$(tail -n 1 "$tmp/out")
unit=$(jobuild --json status "$job" | jq '.units[0].unit')
within 30 job_is '.units[0].steps[0].state == "run"'
[[ $(timeout 60 jobuild -q log -f --step 0 "$unit" | grep -c '^tick') == 6 ]]
ok "log -f follows to the end, nothing lost, nothing twice"

run jobuild submit --stage small alpha/endless
job=$(tail -n 1 "$tmp/out")
within 30 job_is '.units[0].steps[0].state == "run"'
run jobuild -q --json cancel "$job"
[[ $status == 0 ]] && within 30 job_is '.state == "cancelled"'
ok "cancel ends a running job"
jq -e ".job == $job" "$tmp/out" >/dev/null
ok "and says which"
run jobuild status "$job"
[[ $status == 1 ]] && said "cancelled"
ok "status of a cancelled job exits with 1"
run jobuild cancel --user beta --key "=beta <beta@test.invalid>" 1
[[ $status != 0 ]]
ok "somebody else's job can't be cancelled"

run jobuild submit --stage small alpha/lost
[[ $status == 1 ]] && said "alpha/lost/lost-1.0.jobuild:2:" && said "alpha/good"
ok "a refusal has the place and the nearest name"
run jobuild --json submit --stage small alpha/lost
[[ $status == 1 ]] && grep -q '"diagnostics"' "$tmp/out"
ok "and its JSON"
run jobuild submit --stage small --user alpha --key "=beta <beta@test.invalid>" alpha/good
[[ $status == 4 ]]
ok "another's key is not authorised: 4"
run jobuild key export --user beta --key "=beta <beta@test.invalid>"
mkdir "$tmp/keyless" "$tmp/keyless/autotua"
grep -v '^[[:blank:]]*key =' "$XDG_CONFIG_HOME/autotua/config" >"$tmp/keyless/autotua/config"
run env XDG_CONFIG_HOME="$tmp/keyless" jobuild submit --stage small --user beta alpha/good
[[ $status == 0 ]]
ok "of several keys the one that the tree has for the user signs requests"
rm -r beta
cp -r "$GNUPGHOME" "$tmp/over" && rm -f "$tmp/over"/S.*
fpr=$(gpg --batch --with-colons --list-keys "=alpha <alpha@test.invalid>" | awk -F: '$1 == "fpr" { print $10; exit }')
sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$fpr.rev" | GNUPGHOME=$tmp/over gpg --quiet --import 2>/dev/null
run env GNUPGHOME="$tmp/over" jobuild cancel 1
[[ $status == 1 ]] && said "the request can't be signed: " && said "the key $fpr is revoked since" && said "make another key"
ok "a request that can't be signed: what is wrong with the key"
GNUPGHOME=$tmp/over gpgconf --kill all
run jobuild submit --stage none-such alpha/good
[[ $status == 1 ]] && said "none-such"
ok "an unknown stage is refused"
run jobuild submit --revision 0123456789012345678901234567890123456789 alpha/good
[[ $status == 1 ]] && said "0123456789"
ok "an unknown revision is refused"
echo "# more" >>alpha/good/good-1.0.jobuild
run jobuild submit --stage small alpha/good
[[ $status == 0 ]] && said "not committed"
ok "changes that are not committed are told"
done_testing
