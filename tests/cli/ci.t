#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild ci: everything at once, for what has changed; as a forge calls it and
# as hooks of git, with real pushes into a real bare repository.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$tmp/cache
git() { command git -c core.hooksPath=.git/hooks -c advice.detachedHead=false "$@"; }

fingerprint() { gpg --with-colons --list-keys "$1" | awk -F: '/^fpr/ { print $10; exit }'; }
new_key anna
new_key ben
recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
job_run() { einfo done; }
X
recipe anna/app-1.0 <<'X'
DESCRIPTION="A program"
DEPEND="anna/lib"
job_run() { einfo done; }
X
recipe ben/tool-1.0 <<'X'
DESCRIPTION="Ben's"
job_run() { einfo done; }
X
run jobuild ci
[[ $status == 1 ]] && told "anna/anna.asc: error:" && told "no-key"
ok "nothing is signed: refused"
told "; 0 recipes verified"
ok "and nothing counts as verified"
ln -s elsewhere "$tree/anna/anna.asc"
run jobuild verify anna
[[ $status == 1 ]] && told "is not a plain file [no-key]" && ! told "gpg --armor"
ok "a key that is a link: no remedy for one that is missing"
rm "$tree/anna/anna.asc"
commit "without keys"
run jobuild ci -r HEAD
[[ $status == 1 && $(grep -c 'anna/anna.asc: error:' "$tmp/err") == 1 ]] &&
	told "anna/anna.asc: error: is missing: the maintainer's public key [no-key]"
ok "a missing key is one error"
git -C "$tree" update-ref -d HEAD
run jobuild sign -k anna anna
run jobuild ci
[[ $status == 1 ]] && told "; 2 recipes verified" && run jobuild --json ci && jq -e '.ranges[0].verified == 2' "$tmp/out" >/dev/null
ok "verified are those that are good"
run jobuild sign -k ben ben
run jobuild ci
[[ $status == 0 ]] && told "3 jobuilds, 0 templates: 0 errors, 0 warnings; 3 recipes verified"
ok "a whole tree that is good"
[[ $(grep -c "^warning: checking against the keys in the tree itself" "$tmp/err") == 1 ]] && told "--keyring FILE, AUTOTUA_KEYRING or \"keyring\" in $XDG_CONFIG_HOME/autotua/config"
ok "without a keyring: told once, with the remedy"
printf 'anna %s\nben %s\n' "$(fingerprint anna)" "$(fingerprint ben)" >"$tmp/keyring"
AUTOTUA_KEYRING=$tmp/keyring run jobuild ci
[[ $status == 0 ]] && ! told "the tree itself" && run jobuild ci --no-signatures && ! told "the tree itself"
ok "not with one, nor without signatures"
AUTOTUA_KEYRING=$tmp/keyring run jobuild --json ci
jq -e --arg k "$tmp/keyring" '.keyring == $k' "$tmp/out" >/dev/null && run jobuild --json ci && jq -e '.keyring == null' "$tmp/out" >/dev/null
ok "--json names the keyring"
commit one
run jobuild --json ci -r HEAD
[[ $status == 0 ]] && jq -e '.passed and (.ranges | length) == 1 and .ranges[0].verified == 3 and
	.ranges[0].errors == 0 and (.ranges[0].to | length) == 40' "$tmp/out" >/dev/null && [[ ! -s $tmp/err ]]
ok "as JSON, and nothing else"

# ---- a change ------------------------------------------------------------------
git -C "$tree" checkout --quiet -b change
echo "# more" >>"$tree/anna/lib/lib-1.0.jobuild"
run jobuild ci --base main
[[ $status == 1 ]] && told "anna/lib/lib-1.0.jobuild" && told "2 jobuilds, 0 templates" && ! told "ben/"
ok "a changed file whose signature is stale; only what it touches is looked at"
run jobuild sign -k anna anna
run jobuild ci --base main
[[ $status == 0 ]] && told "2 files changed in 1 package" && told "2 jobuilds, 0 templates: 0 errors, 0 warnings; 1 recipe verified"
ok "signed again: good, and the dependent was resolved, too"
commit "a comment"
git -C "$tree" checkout --quiet main
recipe ben/late-1.0 <<'X'
DESCRIPTION="Comes to main while the change is being written"
job_run() { einfo done; }
X
commit "not signed"
run jobuild ci --base main -r change
[[ $status == 0 ]] && told "2 files changed in 1 package"
ok "--base counts from the commit that both have in common"
git -C "$tree" reset --quiet --hard HEAD~1

git -C "$tree" checkout --quiet -b breaks
git -C "$tree" mv -k anna/lib anna/library
git -C "$tree" mv anna/library/lib-1.0.jobuild anna/library/library-1.0.jobuild
git -C "$tree" mv anna/library/lib-1.0.jobuild.asc anna/library/library-1.0.jobuild.asc
commit "renamed"
run jobuild ci --base main -r HEAD
[[ $status == 1 ]] && told "anna/app/app-1.0.jobuild:2:1: error:" && told "anna/library/library-1.0.jobuild.asc"
ok "what breaks others is told where they need it; a renamed signature is none"
for range in main..HEAD main...HEAD; do
	run jobuild ci --base "$range"
	[[ $status == 3 ]] && told "\"$range\" is a range of commits" && ! told shallow &&
		run jobuild lint -r "$range" && [[ $status == 3 ]] && told "\"$range\" is a range of commits"
	ok "where one commit is needed, $range is none"
done
run jobuild ci --format github --base main -r HEAD
[[ $status == 1 ]] && grep -q '^::error file=anna/app/app-1.0.jobuild,line=2,col=1,title=' "$tmp/out"
ok "--format github"
git -C "$tree" checkout --quiet main

# What was broken before is not the fault of who comes after.
recipe ben/old-1.0 <<'X'
DESCRIPTION="Broken since long"
DEPEND="ben/tool ben/gone"
job_run() { einfo done; }
X
run jobuild sign -k ben ben
commit "broken for long"
echo "# more" >>"$tree/ben/tool/tool-1.0.jobuild"
run jobuild sign -k ben ben
run jobuild ci --base HEAD
[[ $status == 0 ]] && told "1 error that was there before not counted"
ok "errors of dependents that were there before don't count"
run jobuild ci
[[ $status == 1 ]] && told "ben/gone"
ok "without a base they do"
git -C "$tree" checkout --quiet .
git -C "$tree" reset --quiet --hard HEAD~1

mkdir -p "$tree/anna/app/files"
echo x >"$tree/anna/app/files/fix.patch"
run jobuild ci --base HEAD --no-signatures
[[ $status == 1 ]] && told "fix.patch"
ok "a support file without its AUX line"
sed -i '2i SRC_URI="https://example.org/data-1.txt"' "$tree/anna/app/app-1.0.jobuild"
rm -r "$tree/anna/app/files"
run jobuild ci --base HEAD --no-signatures
[[ $status == 1 ]] && told "data-1.txt"
ok "a source without its DIST line"
git -C "$tree" checkout --quiet .

cat >"$tree/stray" </dev/null
run jobuild ci --base HEAD --no-signatures
[[ $status == 1 ]] && told "stray"
ok "a file that belongs nowhere"
rm "$tree/stray"
recipe anna/advice-1.0 <<'X'
DESCRIPTION="Takes no advice"
job_run() { sudo ls; }
X
run jobuild sign -k anna anna
run jobuild ci --base HEAD
[[ $status == 0 ]] && told "[sudo]" && told "1 warning;"
ok "warnings are no failure"
run jobuild ci --strict --base HEAD
[[ $status == 1 ]]
ok "but with --strict"
rm -r "$tree/anna/advice"
rm "$tree/ben/ben.asc"
gpg --armor --export anna >"$tree/ben/ben.asc"
run jobuild ci --base HEAD
[[ $status == 1 ]] && told "[key-changed]" && told "ben/tool"
ok "another key for a user: all of the user's signatures are looked at"
git -C "$tree" checkout --quiet .

# ---- usage -----------------------------------------------------------------------
run jobuild ci --hook pre-receive --base main
[[ $status == 2 ]] && told "leave out --base"
ok "a hook has no --base"
run jobuild ci --hook post-coffee
[[ $status == 2 ]] && told "expected pre-receive|update|pre-push|pre-commit"
ok "no such hook"
run jobuild ci main
[[ $status == 2 ]]
ok "no arguments without a hook"
run jobuild ci --base nowhere
[[ $status == 3 ]] && told "nowhere" && told "shallow"
ok "a base that isn't there"
(cd "$tree" && echo "a b" | jobuild ci --hook pre-receive) >"$tmp/out" 2>"$tmp/err"
[[ $? == 2 ]] && told "called by git"
ok "input that isn't git's"
run jobuild ci --hook pre-receive
[[ $status == 0 ]]
ok "a push of nothing"

# ---- hooks -------------------------------------------------------------------------
bare=$tmp/server.git
command git init --quiet --bare --initial-branch=main "$bare"
cat >"$bare/hooks/pre-receive" <<X
#!/bin/sh
exec jobuild ci --hook pre-receive --keyring $tmp/keyring
X
chmod +x "$bare/hooks/pre-receive"
git -C "$tree" remote add origin "$bare"
push() { # REF
	(cd "$tree" && git push origin "$1") >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}
at() { command git -C "$bare" rev-parse -q --verify "$1"; }
push main
[[ $status == 0 && $(at main) == $(git -C "$tree" rev-parse main) ]] && told "remote: refs/heads/main"
ok "pre-receive: a first push of a good tree is taken"
push breaks
[[ $status != 0 ]] && ! at breaks >/dev/null && told "remote: anna/app/app-1.0.jobuild:2:1: error:"
ok "a branch that breaks others is refused, with the place"
push change
[[ $status == 0 && $(at change) == $(git -C "$tree" rev-parse change) ]] && told "2 files changed in 1 package"
ok "a good one is taken; what is new in it was found in the quarantine"
before=$(at main)
echo "# more" >>"$tree/ben/tool/tool-1.0.jobuild"
commit "stale signature"
push main
[[ $status != 0 && $(at main) == "$before" ]] && told "ben/tool/tool-1.0.jobuild"
ok "a stale signature is refused, and nothing is kept"
gpg --armor --export anna >"$tree/ben/ben.asc"
run jobuild sign -k anna ben
commit "signed by somebody else"
push main
[[ $status != 0 ]] && told "untrusted-key"
ok "a key that the server's keyring doesn't know for this user"
git -C "$tree" reset --quiet --hard "$before"
push :change
[[ $status == 0 ]] && ! at change >/dev/null
ok "deleting a branch is no matter of ours"
git -C "$tree" tag v1
push v1
[[ $status == 0 ]] && at v1 >/dev/null
ok "nor is a tag"

rm "$bare/hooks/pre-receive"
cat >"$bare/hooks/update" <<X
#!/bin/sh
exec jobuild ci --hook update --branch main --keyring $tmp/keyring "\$@"
X
chmod +x "$bare/hooks/update"
push breaks
[[ $status == 0 ]] && at breaks >/dev/null
ok "update --branch main: other branches are free"
push breaks:main
[[ $status != 0 && $(at main) == "$before" ]] && told "anna/app/app-1.0.jobuild:2:1: error:"
ok "but main is not"
rm "$bare/hooks/update"

cat >"$tree/.git/hooks/pre-push" <<'X'
#!/bin/sh
exec jobuild ci --hook pre-push "$@"
X
chmod +x "$tree/.git/hooks/pre-push"
echo "# more" >>"$tree/ben/tool/tool-1.0.jobuild"
commit "stale signature"
push main
[[ $status != 0 && $(at main) == "$before" ]] && told "ben/tool/tool-1.0.jobuild" && ! told "anna/"
ok "pre-push: refused before it leaves; only the change counts"
run jobuild sign -k ben ben
commit "signed"
push main
[[ $status == 0 && $(at main) != "$before" ]]
ok "pre-push: good"
rm "$tree/.git/hooks/pre-push"

cat >"$tree/.git/hooks/pre-commit" <<'X'
#!/bin/sh
exec jobuild ci --hook pre-commit
X
chmod +x "$tree/.git/hooks/pre-commit"
echo 'DEPEND="' >>"$tree/ben/tool/tool-1.0.jobuild"
! (cd "$tree" && git add -A && git commit -m bad) >"$tmp/out" 2>"$tmp/err" && told "ben/tool/tool-1.0.jobuild:"
ok "pre-commit"

# a tree that begins
first=$tmp/first
git init -q -b main "$first"
git -C "$first" config user.name test
git -C "$first" config user.email test@test.invalid
printf '#!/bin/sh\nexec jobuild ci --hook pre-commit --no-signatures\n' >"$first/.git/hooks/pre-commit"
chmod +x "$first/.git/hooks/pre-commit"
mkdir -p "$first/ben/tool"
cp "$tree/ben/ben.asc" "$first/ben/"
printf 'DESCRIPTION="tool"\nDEPEND="\njob_run() { :; }\n' >"$first/ben/tool/tool-1.0.jobuild"
begin() { (cd "$first" && git add -A && git commit -m first) >"$tmp/out" 2>"$tmp/err"; }
! begin && told "ben/tool/tool-1.0.jobuild:"
ok "pre-commit, the first: all is checked"
printf 'DESCRIPTION="tool"\njob_run() { :; }\n' >"$first/ben/tool/tool-1.0.jobuild"
run jobuild -C "$first" ci --base HEAD
[[ $status == 3 ]] && told "no commit" && ! told shallow
ok "no history lacks what was never committed"
begin && [[ $(git -C "$first" rev-list --count HEAD) == 1 ]]
ok "and is committed if it is good"
done_testing
