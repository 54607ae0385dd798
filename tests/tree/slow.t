#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A first fetch that takes longer than a validation may: as long as something
# comes it goes on, and when nothing does it ends.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/../daemon/farm.sh"

mkdir "$tmp/fake"
# the other side of ssh: 8 KiB at a time, none while there is "stall"
cat >"$tmp/fake/ssh" <<X
#!/bin/bash
eval "set -- \${!#}"
git-upload-pack "\$2" | perl -e 'while (sysread STDIN, \$b, 8192) {
	sleep 1 while -e "$tmp/stall"; syswrite STDOUT, \$b; select undef, undef, undef, 0.4 }'
X
chmod +x "$tmp/fake/ssh"
PATH=$tmp/fake:$PATH
farm_tree anna
recipe anna/one/one-1.0 <<'R'
DESCRIPTION="Does nothing"
job_run() { echo done; }
R
head -c 100000 /dev/urandom | base64 >"$tmp/tree/README"
sign anna && commit one
run farm_master anna
ok "a master"
master tree add slow "ssh://slow.test$tmp/tree" >/dev/null
kill_daemon master
echo 'validation = 2s' >>"$tmp/master/master.conf"
start_master

begin=$SECONDS
submit --tree slow --revision main anna/one
ok "a fetch that is slow, but goes on"
((SECONDS - begin >= 3))
ok "it took longer than a validation may"
commit two
touch "$tmp/stall"
! submit --tree slow --revision main anna/one && said "took longer than 2 s"
ok "a fetch in which nothing comes is ended"
touch "$tmp/master/trees/slow.git/objects/pack/pack_git2_0123456789abcdef"
rm "$tmp/stall"
submit --tree slow --revision main anna/one
ok "and the next one is not held up by it"
[[ -z $(ls "$tmp"/master/trees/slow.git/objects/pack/*git2* 2>/dev/null) ]]
ok "nor does what had come lie there for ever"

export TERM=vt100 COLUMNS=60
unset CI
master tree add bar "ssh://slow.test$tmp/tree" >/dev/null
script -qec "autotua-master -C '$tmp/master' tree sync bar" /dev/null >"$tmp/out" </dev/null
grep -q 'fetching tree bar.*[0-9]' "$tmp/out"
ok "on a terminal it is seen how far it is"
grep -q '\[[#.]*\] [0-9]*/[0-9]' "$tmp/out"
ok "of how much"
grep -o '[0-9]*/[0-9]*' "$tmp/out" | awk -F/ '$2 != (of ? of : $2) || $1 < done || $1 > $2 { bad = 1 }
	{ done = $1; of = $2 } END { exit bad || !of }'
ok "which stays the same, and is never passed"
[[ $(tail -c 4 "$tmp/out" | tr -d '\r\033') == "[K" ]]
ok "and nothing stays of it"

done_testing
