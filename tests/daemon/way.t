#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The way of a job: signed recipes, a master, two slaves, real chroots; and
# what must be refused or survived on it.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha beta
mkdir -p "$tmp/data-1"
echo "some data" >"$tmp/data-1/data"
tar -C "$tmp" -czf "$tmp/mirror/data-1.tar.gz" data-1

recipe alpha/lib/lib-1.0 <<'X'
DESCRIPTION="Leaves a file in the chroot"
job_run() {
	mkdir -p /usr/lib && echo "library 1.0" >/usr/lib/library
	cp /usr/lib/library index && artifact index
	result "books=1"
}
X
recipe alpha/app/app-1.0 <<'X'
DESCRIPTION="Needs the library in the same chroot and a source"
DEPEND="alpha/lib"
SRC_URI="mirror://local/data-1.tar.gz"
job_run() {
	[[ $(</usr/lib/library) == "library 1.0" ]] || die "no library"
	[[ $(<data-1/data) == "some data" ]] || die "no data"
	einfo "running on ${ARCH}"
}
job_collect() {
	cat /usr/lib/library data-1/data >report.txt
	artifact --type=log report.txt
	result "lines=$(wc -l <report.txt)"
}
X
recipe beta/all/all-1.0 <<'X'
DESCRIPTION="Both have passed somewhere"
SIDEPEND="alpha/app beta/other"
job_run() { echo "all passed"; }
X
recipe beta/other/other-1.0 <<'X'
DESCRIPTION="In a chroot of its own"
job_run() { [[ ! -e /usr/lib/library ]] || die "somebody was here before"; }
X
recipe beta/fails/fails-1.0 <<'X'
DESCRIPTION="Fails in its second phase"
job_unpack() { echo "unpacked"; }
job_run() {
	echo "a last line"
	return 7
}
job_collect() { echo "never"; }
X
simple beta/after "Waits for what fails" 'SIDEPEND="beta/fails"'
recipe beta/slow/slow-1.0 <<'X'
DESCRIPTION="Takes a while"
job_run() {
	echo "begins"
	sleep 4
	echo "ends"
}
X
recipe beta/ring-a/ring-a-1.0 <<'X'
DESCRIPTION="One side of a cycle"
DEPEND="beta/ring-b"
X
recipe beta/ring-b/ring-b-1.0 <<'X'
DESCRIPTION="The other side"
SIDEPEND="beta/ring-a"
X
recipe beta/lost/lost-1.0 <<'X'
DESCRIPTION="Needs what there is not"
DEPEND="alpha/lbi"
X
recipe beta/digest/digest-1.0 <<'X'
DESCRIPTION="Its source is not what the Manifest says"
SRC_URI="mirror://local/other-1.tar.gz"
job_run() { :; }
X
echo "other data" >"$tmp/data-1/data"
tar -C "$tmp" -czf "$tmp/mirror/other-1.tar.gz" data-1
run farm_master alpha beta
ok "a master is set up"
(cd "$tmp/tree" && jobuild -q manifest alpha/app beta/digest)
ok "Manifests are made"
printf 'x' | dd of="$tmp/mirror/other-1.tar.gz" bs=1 seek=20 conv=notrunc 2>/dev/null
sign alpha beta && commit "signed"
ok "the tree is signed"

run enroll_slave one
[[ $status == 0 ]]; ok "a slave joins with a token"
enroll_slave two
start_slave one
start_slave two

submit beta/all; ok "a job is accepted"
within 60 job_ended; job_is '.state == "passed"'; ok "and passes"
job_is '[.units[] | select(.state == "passed")] | length == 3'
ok "in three units"
job_is '.units[] | select(.root == "alpha/app-1.0") | .steps | length == 2 and .[1].figures.lines == "2"'
ok "DEPEND was done before in the same chroot, the figure is there"
mkdir "$tmp/artifacts"
jobuild artifacts -o "$tmp/artifacts" "$job" >/dev/null
[[ $(find "$tmp/artifacts" -name report.txt -exec cat {} +) == $'library 1.0\nsome data' ]]
ok "the artifact comes back"
unit=$(jobuild --json status "$job" | jq -r '.units[] | select(.root == "alpha/app-1.0") | .unit')
jobuild log "$unit" | grep -q "running on"
ok "and the log"

submit alpha/app
within 60 job_ended; job_is '.state == "passed" and .units[0].steps[0].reused' ||
	{ submit alpha/app && within 60 job_ended && job_is '.units[0].steps[0].reused'; }
ok "a second run starts from the layer of its DEPEND"
job_is '.units[0].steps[0] | .figures.books == "1" and [.artifacts[].path] == ["index"]'; ok "and shows what that had made"

submit beta/after
within 60 job_ended; job_is '.state == "failed"'; ok "a failing phase fails its job"
job_is '.units[] | select(.root == "beta/fails-1.0") | .steps[0] | .result == "failed" and (.reason | test("job_run"))'
ok "the reason names the phase"
job_is '.units[] | select(.root == "beta/after-1.0") | .state == "dep-failed"'
ok "what waited for it is told so"
unit=$(jobuild --json status "$job" | jq -r '.units[] | select(.root == "beta/fails-1.0") | .unit')
run jobuild log "$unit"
said "a last line" && ! said "never"; ok "its log ends with the failure"

submit beta/digest
within 60 job_ended; job_is '.state == "failed"'; ok "a source with another digest fails"
job_is '[.units[].steps[].reason, .units[].reason] | join(" ") | test("other-1.tar.gz")'
ok "the reason names the file"

! submit beta/ring-a && said "cycle" && said "beta/ring-b/ring-b-1.0.jobuild:2"
ok "a cycle through DEPEND and SIDEPEND is refused with its places"
! submit beta/lost && said "alpha/lbi" && said "alpha/lib"
ok "a missing name is refused, with the nearest one"

git -C "$tmp/tree" checkout --quiet -b forged
echo "# more" >>"$tmp/tree/alpha/lib/lib-1.0.jobuild"
commit "not signed anew"
! submit alpha/app && said "alpha/lib/lib-1.0.jobuild"
ok "a recipe that was changed after signing is refused"
git -C "$tmp/tree" checkout --quiet main

# a slave dies in the middle: its unit runs again elsewhere
submit beta/slow
within 30 job_is '.units[0].steps[0].state == "run"'
first=$(jobuild --json status "$job" | jq -r '.units[0].slave')
kill_daemon "$first"
within 20 bash -c "! pgrep -f 'autotua-chroo[t].*$tmp/$first/' >/dev/null"
ok "a killed slave leaves no process"
[[ $first == one || $first == two ]]; ok "it was slave $first"
within 90 job_ended; job_is '.state == "passed" and .units[0].attempt == 2'
ok "the unit runs again and passes"
job_is ".units[0].slave != \"$first\""; ok "on the other slave"
start_slave "$first"

# the master dies in the middle: nothing is lost
submit beta/slow
within 30 job_is '.units[0].steps[0].state == "run"'
kill_daemon master
sleep 1
start_master
ok "a killed master comes back"
within 60 job_ended; job_is '.state == "passed" and .units[0].attempt == 1'
ok "the running unit was not disturbed"
unit=$(jobuild --json status "$job" | jq -r '.units[0].unit')
[[ $(jobuild log "$unit" | grep -cE '^(begins|ends)$') == 2 ]]
ok "its log is whole, nothing twice"
done_testing
