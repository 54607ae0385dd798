#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What one unit's end can be, and what each leaves: reasons, reports, logs.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
if [[ $(id -u) -ne 0 ]]; then
	echo "1..0 # SKIP chroots need root"
	exit 0
fi
unset AUTOTUA_STORE
export AUTOTUA_STATE=$tmp/chroot
mirror=$tmp/mirror
mkdir -p "$mirror"

"$top/tests/tools/mkstage" "$tmp/stage.tar.zst" >"$tmp/out" 2>"$tmp/err" &&
	autotua-chroot -s "$tmp/chroot" import -n small "$tmp/stage.tar.zst" >"$tmp/out" 2>"$tmp/err"
ok "a stage is imported"

# Run it, results in $tmp/kept; say (jq) is about the report of step $step.
step=0
job() { # NAME, options
	local name=$1

	shift
	rm -rf "$tmp/kept"
	run jobuild run --output "$tmp/kept" --mirror "local file://$mirror" "$@" "anna/$name"
	dir=$tmp/kept/anna/$name-1.0
}
report() { jq -e "$1" "$dir/$step.json" >/dev/null 2>>"$tmp/err"; }
reason() { # TEXT
	jq -r .reason "$dir/$step.json" >"$tmp/reason" 2>>"$tmp/err"
	grep -qF -- "$1" "$tmp/reason" || { sed 's/^/# reason: /' "$tmp/reason"; false; }
}
distribute() { run jobuild manifest --mirror "local file://$mirror" "anna/$1"; }

# ---- what a recipe can end as

recipe anna/dies-1.0 <<'X'
DESCRIPTION="Dies in a function"
job_setup() { :; }
job_run() { _deep; }
_deep() { $(die "no luck"); }
job_collect() { einfo "never"; }
X
job dies
report '.result == "failed" and (.phases | length) == 2 and .phases[1].exit == 1' && reason "job_run: exit 1: no luck"
ok "die: the reason is its text, what comes after doesn't run"
report '[.messages[] | select(.level == "error")][0] | .phase == "job_run" and (.text | contains("dies-1.0.jobuild:4: _deep"))'
ok "die: the stack is in the report"
[[ $(jq .log_bytes "$dir/0.json") == $(stat -c %s "$dir/0.log") ]] && tail -n1 "$dir/0.log" | grep -q '^ \* failed: job_run: exit 1'
ok "the log's size and last line"

recipe anna/leaves-1.0 <<'X'
DESCRIPTION="Skips in a subshell, and has traps of its own"
job_run() { trap 'exit 3' EXIT TERM; ( skip "no such device" ); einfo "never"; }
X
job leaves
report '.result == "skipped" and ([.messages[] | select(.text == "never")] == []) and .phases[0].exit == 77 and .phases[0].signal == 0' && reason "no such device"
ok "skip: a recipe's own traps change nothing"

recipe anna/falls-1.0 <<'X'
DESCRIPTION="Dies in a subshell, and has traps of its own"
job_run() { trap 'echo cleaned' EXIT; ( die "no such device" ); einfo "never"; }
X
job falls
report '.result == "failed" and ([.messages[] | select(.text == "never")] == []) and .phases[0].exit == 1 and .phases[0].signal == 0' && reason "job_run: exit 1: no such device"
ok "die: a recipe's own traps change nothing"

recipe anna/many-1.0 <<'X'
DESCRIPTION="Dies in many places at once"
job_run() { for i in 1 2 3 4 5 6 7 8; do die "no luck" & done; wait; einfo "never"; }
X
job many
report '.result == "failed" and .phases[0].exit == 1 and ([.messages[] | select(.level == "error")] | length) == 1' && reason "job_run: exit 1: no luck"
ok "die: the first of many is the reason"

recipe anna/killed-1.0 <<'X'
DESCRIPTION="Is killed by another"
job_run() { kill -s KILL "$$"; }
X
job killed
report '.result == "failed" and .phases[0].signal == 9' && reason "job_run: signal 9 (Killed)"
ok "a signal that nobody gave a reason for"

recipe anna/status-1.0 <<'X'
DESCRIPTION="Returns a status"
job_run() { return 7; }
X
job status
report '.result == "failed"' && reason "job_run: exit 7"
ok "a status that a phase returns is told"

recipe anna/skips-1.0 <<'X'
DESCRIPTION="Skips"
job_run() { skip "no gtk here"; }
X
recipe anna/after-1.0 <<'X'
DESCRIPTION="Comes after it"
DEPEND="anna/skips"
job_run() { :; }
X
job after
report '.result == "skipped" and .phases[0].exit == 77' && reason "no gtk here"
ok "skip: neither passed nor failed"
[[ ! -e $dir/1.json ]]
ok "skip: what follows in this chroot doesn't run"

recipe anna/loud-1.0 <<'X'
DESCRIPTION="Fills the log"
RESOURCES="log=100K"
job_run() { while :; do echo "all work and no play"; done; }
X
job loud
report '.result == "limit" and .phases[0].limit == "log"' && reason "job_run: limit: log: 102400 bytes"
ok "the recipe's own ceiling for the log"
report '[.messages[] | select(.level == "warn" and (.text | test("^job_run: [0-9]+ bytes in the middle of the log are left out$")))] | length == 1'
ok "what is left out of it is told"

recipe anna/eats-1.0 <<'X'
DESCRIPTION="Wants much memory"
RESOURCES="memory=48M"
job_run() { local x; x=$(head -c 200000000 /dev/zero | tr '\0' x); }
X
job eats
report '.result == "limit" and .phases[0].limit == "memory"' && reason "job_run: limit: memory: 50331648 bytes"
ok "the recipe's own ceiling for memory"

recipe anna/online-1.0 <<'X'
DESCRIPTION="Wants the network"
PROPERTIES="network:job_setup"
job_setup() { :; }
X
AUTOTUA_NETWORK=no job online
report '.result == "limit" and (.phases | length) == 0' && reason "policy: network"
ok "the network, where it isn't allowed"
case $(autotua-chroot -s "$tmp/chroot" capabilities | jq -r .network) in
private)
	recipe anna/own-1.0 <<-'X'
	DESCRIPTION="Has a network of its own"
	PROPERTIES="network:job_setup"
	job_setup() { result interfaces="$(grep -c : /proc/net/dev)"; }
	job_run() { result later="$(grep -c : /proc/net/dev)"; }
	X
	AUTOTUA_NETWORK=private job own
	report '.result == "passed" and .figures.interfaces == "2" and .figures.later == "1"'
	ok "a private one, in the phase that asks for it"
	;;
*)
	ok "a private one # SKIP can't be had here: autotua-chroot doctor" ;;
esac
AUTOTUA_NETWORK=some job online
((status == 2)) && told "expected host, private or no"
ok "another word for it"

recipe anna/nests-1.0 <<'X'
DESCRIPTION="Wants namespaces of its own"
PROPERTIES="nest"
job_run() { unshare -Um true; }
X
job nests
report '.result == "passed"'
ok "nest: namespaces of a job's own"

# ---- sources

echo "some data" >"$mirror/data-1.txt"
recipe anna/data-1.0 <<'X'
DESCRIPTION="Has a source"
SRC_URI="mirror://local/data-1.txt"
job_unpack() { cp "${DISTDIR}/data-1.txt" .; }
job_run() { cat "${WORKDIR}/data-1.txt"; }
X
distribute data
# it came with the line, so that nothing would be left to fetch
rm -f "$tmp"/chroot/distfiles/*-*
echo "SOME DATA" >"$mirror/data-1.txt"
job data
report '.result == "failed" and (.phases | length) == 0' && reason "data-1.txt: file://$mirror/data-1.txt: wrong content"
ok "a wrong digest is final, nothing runs"
rm "$mirror/data-1.txt"
job data
report '.result == "infrastructure"' && reason "data-1.txt: file://$mirror/data-1.txt: "
ok "a missing file may be had elsewhere"
echo "some data" >"$mirror/data-1.txt"
job data
report '.result == "passed"' && grep -qx "some data" "$dir/0.log"
ok "the right file is used"
rm "$mirror/data-1.txt"
job data
report '.result == "passed"'
ok "and found again by its digest"

mkdir -p "$tmp/conf/etc/portage" "$tmp/evil/usr"
echo "FEATURES=test" >"$tmp/conf/etc/portage/make.conf"
echo "x" >"$tmp/evil/usr/evil"
tar -C "$tmp/conf" -czf "$mirror/conf-1.tar.gz" etc
tar -C "$tmp/evil" -czf "$mirror/evil-1.tar.gz" usr
recipe anna/conf-1.0 <<'X'
DESCRIPTION="Only configuration"
PORTCONF_URI="mirror://local/conf-1.tar.gz"
X
recipe anna/confuser-1.0 <<'X'
DESCRIPTION="Uses it"
DEPEND="anna/conf"
job_run() { cat /etc/portage/make.conf; }
X
recipe anna/evil-1.0 <<'X'
DESCRIPTION="Configuration that isn't"
PORTCONF_URI="mirror://local/evil-1.tar.gz"
job_run() { :; }
X
distribute conf && distribute evil
step=1
job confuser
report '.result == "passed" and .reused == false' && grep -qx "FEATURES=test" "$dir/1.log"
ok "configuration comes before the first phase, and stays for the next step"
job confuser
report '.reused == false' && step=0 report '.reused and .result == "passed"'
ok "again: the step below is reused, the unit's own runs"
step=0
job evil
report '.result == "failed"' && reason "PORTCONF_URI" && grep -q 'usr' "$dir/0.log"
ok "a member outside of etc/ ends it"

# ---- after the network nothing is what its key says

recipe anna/random-1.0 <<'X'
DESCRIPTION="Different each time"
PROPERTIES="network"
job_run() { cat /proc/sys/kernel/random/uuid >/usr/uuid; }
X
recipe anna/upon-1.0 <<'X'
DESCRIPTION="Builds upon it"
DEPEND="anna/random"
job_run() { result "uuid=$(cat /usr/uuid)"; }
X
step=1
AUTOTUA_NETWORK=yes job upon
first=$(jq -r .figures.uuid "$dir/1.json")
layers=$(ls "$tmp/chroot/layers")
AUTOTUA_NETWORK=yes job upon
second=$(jq -r .figures.uuid "$dir/1.json")
[[ ${#first} == 36 && ${#second} == 36 && $first != "$second" ]]
ok "a step with network runs again, and what follows sees the new one"
[[ $layers == $(ls "$tmp/chroot/layers") ]]
ok "its layers don't stay"

# ---- artifacts

recipe anna/makes-1.0 <<'X'
DESCRIPTION="Makes artifacts"
job_run() {
	mkdir -p out/deep
	echo one >out/a.pkg
	echo two >out/deep/b.log
	ln -s /etc/passwd out/link
	mkfifo out/fifo
}
job_collect() {
	artifact --type=package out/a.pkg
	artifact out/deep
	cp -a out/link out/fifo "${ARTIFACTS}"
	result good=1 "bad name=2"
}
X
step=0
job makes
report '.artifacts == (.artifacts | sort_by(.path)) and ([.artifacts[].path] == ["a.pkg", "deep/b.log"])'
ok "files are collected, links and others are not"
report '.artifacts[0].type == "package" and .artifacts[1].type == "file" and .artifacts[0].size == 4'
ok "with type and size"
[[ $(jq -r '.artifacts[0].digest' "$dir/0.json") == $(b2sum -l 256 <"$dir/0.out/a.pkg" | cut -d' ' -f1) ]]
ok "and the digest of what is there"
report '[.messages[] | select(.level == "warn") | .text] | sort == ["artifact fifo left out: it is neither a file nor a folder",
	"artifact link left out: it is a symbolic link; copy the file instead"]'
ok "what is left out is warned of"
said "anna/makes-1.0: warn: artifact link left out: it is a symbolic link"
ok "where the artifacts are listed"

# ---- more results than a report has

recipe anna/crowd-1.0 <<'X'
DESCRIPTION="Makes very many artifacts"
job_run() { mkdir d && (cd d && seq 1001 | xargs touch) && artifact d; }
X
recipe anna/behind-1.0 <<'X'
DESCRIPTION="Needs the one that makes them"
DEPEND="anna/crowd"
job_run() { einfo "never"; }
X
job crowd
[[ $status == 1 ]] && report '.result == "limit" and (.artifacts | length) == 1000' && reason "limit: artifacts: 1000 files"
ok "one artifact too many is a limit, which is named"
job behind
report '.atom == "anna/crowd-1.0" and (.reused | not) and .result == "limit"' && [[ ! -e $dir/1.json ]]
ok "and what it made is nothing that passed"
sed -i 's/1001/1000/' "$tree/anna/crowd/crowd-1.0.jobuild"
job crowd
[[ $status == 0 ]] && report '.result == "passed" and (.artifacts | length) == 1000'
ok "with one less all of them are there"
recipe anna/figures-1.0 <<'X'
DESCRIPTION="Has very many figures"
job_run() { for i in {1..1001}; do result "k$i=$i"; done; }
X
job figures
[[ $status == 1 ]] && report '.result == "limit" and (.figures | length) == 1000' && reason "limit: results: 1000 figures"
ok "one figure too many is a limit, which is named"
sed -i 's/1001/1000/' "$tree/anna/figures/figures-1.0.jobuild"
job figures
report '.result == "passed" and (.figures | length) == 1000'
ok "with one less all of them are there"
done_testing
