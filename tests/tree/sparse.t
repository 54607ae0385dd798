#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Work trees that have only some of the files: a sparse checkout's others count
# as unchanged. Clones that have only some of the objects are told as that.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

new_up
cd "$up" || exit 1
# shellcheck disable=SC2016 # the recipe's dollar
package() { # USER/NAME DEPEND
	mkdir -p "$1"
	printf 'DESCRIPTION="x"\nDEPEND="%s"\njob_run() { einfo "${P}"; }\n' "$2" >"$1/${1#*/}-1.0.jobuild"
}
rm -r zlib
package you/hello ""
package you/two you/hello
package ben/base ""
mkdir ben/base/files
echo patch >ben/base/files/a.patch
for u in you ben; do echo key >$u/$u.asc; done
jobuild -q manifest
grow sparse
lint_whole() { # NAME
	run jobuild lint
	[[ $status == 0 ]] && told "3 jobuilds, 0 templates: 0 errors, 0 warnings"
	ok "$1"
}

# ---- what is left out is there -----------------------------------------------------
git sparse-checkout set --no-sparse-index you/two
[[ ! -e ben && ! -e you/hello ]]
ok "a sparse checkout leaves out a user and a package"
lint_whole "lint sees the whole tree"
lint_whole "and again, by what it knows"
run jobuild graph you/two
[[ $status == 0 ]] && grep -qF "you/hello-1.0" "$tmp/out"
ok "the graph has what is needed"
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "it doesn't differ from its commit"
run jobuild --json ci -b HEAD
[[ $status == 0 ]] && jq -e ".passed and .ranges[0].packages == []" "$tmp/out" >/dev/null
ok "for ci nothing has changed"
run jobuild ci -b HEAD
told "0 files changed in 0 packages"
ok "no file was removed"
echo "# changed" >>you/two/two-1.0.jobuild
run jobuild ci -b HEAD
told "1 file changed in 1 package"
ok "what is changed counts"
git checkout -q you
git rm -q --sparse you/hello/hello-1.0.jobuild
run jobuild ci -b HEAD
[[ $status == 1 ]] && told "1 file changed in 1 package" && told "there is no jobuild you/hello"
ok "so does what is removed from the index"
git reset -q --hard
mkdir -p you/hello
echo 'DESCRIPTION="mine"' >you/hello/hello-1.0.jobuild
run jobuild --json show you/hello
jq -e '.variables[] | select(.name == "DESCRIPTION").value == "mine"' "$tmp/out" >/dev/null
ok "a file that is there counts more than the index"
run jobuild --json diff --exit-code HEAD
[[ $status == 1 ]] && jq -e '.recipes[] | select(.recipe == "you/hello-1.0").change == "changed"' "$tmp/out" >/dev/null
ok "so it does in a comparison"
echo 'DEPEND="you/nowhere"' >>you/hello/hello-1.0.jobuild
run jobuild ci -b HEAD --no-signatures
[[ $status == 1 ]] && told "1 file changed in 1 package" && told "you/nowhere"
ok "and ci checks it"
run jobuild ci --hook pre-commit --no-signatures
[[ $status == 1 ]] && told "you/nowhere"
ok "before a commit, too"
git show HEAD:you/hello/hello-1.0.jobuild >you/hello/hello-1.0.jobuild
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "as it was committed, it doesn't differ"
git reset -q --hard
git sparse-checkout reapply

# ---- and can't be written ------------------------------------------------------------
run jobuild manifest
[[ $status == 0 && ! -e ben && -z $(git status --short) ]]
ok "manifest leaves it as it is"
run jobuild manifest ben/base
[[ $status == 1 && ! -e ben ]] && told 'leaves ben/base out: "git sparse-checkout add ben/base"'
ok "who names it is told what to do"
run jobuild new -y you/hello
[[ $status == 1 && ! -e you/hello ]] && told "you/hello/hello-1.0.jobuild is there already"
ok "new takes no place that is taken"
run jobuild new -y you/hello --version 1.1
[[ $status == 0 && -f you/hello/hello-1.1.jobuild ]]
ok "another version beside it"
rm -r you/hello

# ---- which index ------------------------------------------------------------------------
git sparse-checkout set --sparse-index you/two
run jobuild lint
[[ $status != 0 ]] && told '"git sparse-checkout reapply --no-sparse-index"'
ok "a sparse index: told how to have another"
run jobuild lint -r HEAD
[[ $status == 0 ]] && told "0 errors"
ok "a revision needs none"
git sparse-checkout reapply --no-sparse-index
lint_whole "that helps"
git sparse-checkout disable
lint_whole "a whole checkout"

# ---- which settings git keeps for one work tree -----------------------------------------------
# libgit2 1.5 loses memory of its own wherever there are extensions
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
git config core.repositoryformatversion 1
git config extensions.worktreeConfig true
lint_whole "each work tree has settings of its own"
run jobuild graph you/two
[[ $status == 0 ]] && grep -qF "you/hello-1.0" "$tmp/out"
ok "the graph, too"
git worktree add -q "$tmp/linked" HEAD && cd "$tmp/linked" || exit 1
lint_whole "a work tree beside it"
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "compared with its commit"
cd "$up" || exit 1
git config extensions.strange true
run jobuild lint
[[ $status != 0 ]] && told "$up: needs git's extension \"strange\", which is unknown here: work in a clone of it (git clone)"
ok "what is unknown of git is named, and what helps"
git config --file .git/config --unset extensions.strange
git worktree remove "$tmp/linked"

# ---- clones without all objects --------------------------------------------------------------
export XDG_CACHE_HOME=$tmp/cache
git config uploadpack.allowFilter true
lacks='a partial clone lacks its object: clone without --filter'
git clone -q --no-checkout --filter=blob:none "file://$up" "$tmp/blobless" && cd "$tmp/blobless" || exit 1
run jobuild lint -r HEAD
[[ $status == 1 ]] && told "you/two/two-1.0.jobuild: error: $lacks [unreadable]" && ! told damaged
ok "a clone without files isn't damaged"
run jobuild verify -r HEAD
[[ $status == 1 ]] && told "$lacks" && ! told damaged && ! told "gpg --armor"
ok "nor by verify"
git clone -q --filter=blob:none --sparse "file://$up" "$tmp/few" && cd "$tmp/few" || exit 1
git sparse-checkout set you/two
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "one with a sparse checkout doesn't differ from its commit"
run jobuild show you/two-1.0
[[ $status == 0 ]] && grep -qF "you/two-1.0" "$tmp/out"
ok "and shows what it has"
mkdir -p you/hello
echo 'DESCRIPTION="mine"' >you/hello/hello-1.0.jobuild
run jobuild ci -b HEAD --no-signatures
[[ $status != 0 ]] && told "what has changed: $lacks"
ok "what is written can't be compared with an object that is missing"
git clone -q --no-checkout "file://$up" "$tmp/keyless" && cd "$tmp/keyless" || exit 1
git config remote.origin.promisor true
key=$(git rev-parse HEAD:you/you.asc)
git unpack-objects -q < <(mv .git/objects/pack/*.pack "$tmp/pack" && cat "$tmp/pack")
rm -f .git/objects/pack/* ".git/objects/${key:0:2}/${key:2}"
run jobuild verify -r HEAD you
[[ $status == 1 ]] && told "you/you.asc: error: $lacks [unreadable]" && ! told "no-key" && ! told "gpg --armor"
ok "of a key that is not there nothing else is said"
git config remote.origin.promisor false
run jobuild verify -r HEAD you
[[ $status == 1 ]] && told "you/you.asc: error: repository is damaged (git fsck)"
ok "without a promise it is damaged"
git clone -q --no-checkout --filter=tree:0 "file://$up" "$tmp/treeless" && cd "$tmp/treeless" || exit 1
run jobuild lint -r HEAD
[[ $status == 1 ]] && told "$lacks" && ! told damaged
ok "a clone without folders"
run jobuild verify -r HEAD
[[ $status == 1 ]] && told "$lacks"
ok "for verify too"
run jobuild diff HEAD~1 HEAD
[[ $status == 1 ]] && told "$lacks"
ok "and for diff"
run jobuild ci -b HEAD~1 -r HEAD
[[ $status == 1 ]] && told "$lacks" && ! told damaged && ! told shallow
ok "it isn't shallow"
cd "$tmp/blobless" || exit 1
run jobuild ci -b HEAD~1 -r HEAD
[[ $status == 1 ]] && told "$lacks" && ! told damaged
ok "ci says the same"
run jobuild diff HEAD~1 HEAD
[[ $status == 1 ]] && told "$lacks" && ! told damaged
ok "and diff"
git init -q --object-format=sha256 "$tmp/long" && cd "$tmp/long" || exit 1
run jobuild lint
[[ $status != 0 ]] && told "$tmp/long: names objects by SHA-256: a repository with SHA-1 is needed"
ok "ids of another kind"

done_testing
