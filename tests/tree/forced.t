#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# History that is rewritten where the tree comes from.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

new_up
new_master
tree_at "$up"
git -C "$up" branch next
git -C "$up" tag v1
run master tree sync t
first=$(id)
[[ $status == 0 && $(has main) == "$first" && $(has next) == "$first" ]]
ok "a mirror"

rewrite() { git -C "$up" commit -q --amend --allow-empty -m "$1"; }
rewrite "another past"
git -C "$up" checkout -q next
grow two
git -C "$up" checkout -q main
run master tree sync t
[[ $status == 1 ]] && told "refs/heads/main: error: history was rewritten: it was $first and would be $(id main)"
ok "a rewritten branch is refused, with both ids"
told "let the mirror's administrator allow" && told "autotua-master tree sync --allow-forced t"
ok "and with what to do"
[[ $(has main) == "$first" && $(has next) == $(id next) ]]
ok "it stays what it was, the others are up to date"

# ---- deleting it first is no way around ----------------------------------------
git -C "$up" checkout -q --detach
git -C "$up" branch -q -D main
run master tree sync t
[[ $status == 0 && -z $(has refs/heads/main) ]]
ok "a deleted branch goes"
git -C "$mirror" rev-list --all | grep -q "$first"
ok "what it was stays reachable"
git -C "$up" branch main
run master tree sync t
[[ $status == 1 ]] && told "it was $first" && [[ -z $(has refs/heads/main) ]]
ok "it can't come back as something else"
git -C "$up" branch -q -f main "$first"
run master tree sync t
[[ $status == 0 && $(has main) == "$first" && -z $(git -C "$mirror" for-each-ref refs/gone) ]]
ok "it can come back as it was"

# ---- tags ------------------------------------------------------------------------
git -C "$up" tag -f v1 next >/dev/null
run master tree sync t
[[ $status == 1 ]] && told "refs/tags/v1: error: the tag was moved" && [[ $(has v1) == "$first" ]]
ok "a tag doesn't move, not even forward"
git -C "$up" tag -f v1 "$first" >/dev/null

# ---- allowed ---------------------------------------------------------------------
git -C "$up" checkout -q main
rewrite "yet another"
run master tree sync --allow-forced t
[[ $status == 0 && $(has main) == $(id main) ]]
ok "--allow-forced takes it once"
[[ $(has "refs/kept/$first") == "$first" ]]
ok "what it was stays reachable again"
git -C "$mirror" gc -q --prune=now 2>/dev/null
git -C "$mirror" cat-file -e "$first^{commit}"
ok "also after git gc"
rewrite "once more"
run master tree sync t
[[ $status == 1 ]]
ok "only once"
sqlite3 "$tmp/master/master.db" "SELECT what FROM audit" | grep -q "tree sync --allow-forced"
ok "it is in the audit"
tree_at --allow-forced "$up"
run master tree list
[[ $(<"$tmp/out") == "t $up (rewritten history allowed)" ]]
ok "tree list tells what is allowed"
master tree sync t
rewrite "as often as they like"
run master tree sync t
[[ $status == 0 && $(has main) == $(id main) ]]
ok "tree add --allow-forced takes it always"

# ---- names -----------------------------------------------------------------------
git -C "$up" branch a
master tree sync t
git -C "$up" branch -q -D a
git -C "$up" branch a/b
run master tree sync t
[[ $status == 0 && $(has refs/heads/a/b) == $(id main) ]]
ok "a branch a/b after a branch a"
git -C "$up" branch -q -D a/b
master tree sync t
git -C "$up" branch a
run master tree sync t
[[ $status == 0 && $(has refs/heads/a) == $(id main) ]]
ok "and the other way round"
grow three
git -C "$up" checkout -q next
grow four
git -C "$up" checkout -q main
git -C "$up" branch -q -D a
touch "$mirror"/{refs/heads/next,refs/heads/a,HEAD,packed-refs,config}.lock
run master tree sync t
[[ $status == 0 && $(has main) == $(id main) && $(has next) == $(id next) && -z $(has refs/heads/a) ]]
ok "locks of one that was killed hold up no branch"
blob=$(git -C "$up" rev-parse HEAD:README)
echo "$blob" >"$up/.git/refs/heads/blob"
run master tree sync t
[[ $status == 1 ]] && told "refs/heads/blob: error: is a branch, but of no commit" && [[ $(has main) == $(id main) ]]
ok "a branch of a blob"
rm "$up/.git/refs/heads/blob"
run master tree sync nothing
[[ $status == 1 ]] && told "there is no tree \"nothing\""
ok "an unknown tree"
run master tree sync
[[ $status == 2 ]] && told "usage:"
ok "usage"

done_testing
