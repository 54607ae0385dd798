#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Jobs of a tree whose history is rewritten: what was accepted stays, what
# wasn't taken into the mirror is refused.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/../daemon/farm.sh"

farm_tree anna
recipe anna/one/one-1.0 <<'R'
DESCRIPTION="Does nothing"
job_run() { echo done; }
R
recipe anna/two/two-1.0 <<'R'
DESCRIPTION="Does nothing either"
job_run() { echo done; }
R
sign anna && commit one
run farm_master anna
ok "a master"
id() { git -C "$tmp/tree" rev-parse "${1:-HEAD}"; }
first=$(id)
submit --revision main anna/one
ok "a job of a branch"
old=$job

git -C "$tmp/tree" branch side
git -C "$tmp/tree" commit -q --amend -m "another past"
! submit --revision main anna/one && said "$first" && said "$(id)" &&
	said "autotua-master tree sync --allow-forced main"
ok "of the branch when it was rewritten: refused with both ids and what to do"
! submit --revision "$(id)" anna/one && said "no branch and no tag leads to it"
ok "of its new commit by id: refused too"
submit --revision "$first" anna/one
ok "of its old commit"
submit --revision side anna/one
ok "of another branch"
run master tree sync --allow-forced main
[[ $status == 0 ]]
ok "the administrator allows it"
git -C "$tmp/tree" branch -q -D side
run master tree sync main
submit --revision main anna/one
ok "of the branch again"
! submit --revision "$first" anna/two && said "no branch and no tag leads to it"
ok "of its old commit, which nothing leads to: refused"
git -C "$tmp/tree" reflog expire --expire=now --all
git -C "$tmp/tree" gc -q --prune=now
git -C "$tmp/master/trees/main.git" gc -q --prune=now
kill_daemon master
start_master
enroll_slave one && start_slave one
job=$old
within 60 job_ended
job_is ".state == \"passed\" and .revision == \"$first\""
ok "the job that was accepted before all this passes"

done_testing
