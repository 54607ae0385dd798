#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From a new jobuild to a signed tree: new, lint, show, graph, manifest, sign,
# verify.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- new ---------------------------------------------------------------------
run jobuild new anna/hello
[[ $status == 0 && $(<"$tmp/out") == anna/hello/hello-1.0.jobuild ]]
ok "new prints the path"
run jobuild lint
[[ $status == 0 ]] && told_exactly <<<"1 jobuild, 0 templates: 0 errors, 0 warnings"
ok "what new writes lints clean"
run jobuild new anna/hello
[[ $status == 1 ]] && told "there already"
ok "new never overwrites"
run jobuild new anna/hello --version 1.10 -d "It's \$5 \"new\""
run jobuild --json show anna/hello
[[ $status == 0 ]] && jq -e '.atom == "anna/hello-1.10" and
	(.variables[] | select(.name == "DESCRIPTION").value) == "It'\''s $5 \"new\""' "$tmp/out" >/dev/null
ok "a description is quoted, 1.10 is newer than 1.0"
run jobuild new base/frame --template
[[ $status == 0 && -e $tree/base/frame/frame-1.0.template ]]
ok "new --template"
run jobuild new anna/filled --extends base/frame-1.0
run jobuild lint
[[ $status == 0 ]] && told "3 jobuilds, 1 template: 0 errors, 0 warnings"
ok "a template and its child lint clean"
run jobuild new "Anna/hello"
[[ $status == 2 ]] && told '"Anna" can'"'"'t be a user'
ok "a name that can't be one"
run jobuild new anna/x --version 1
[[ $status == 2 ]] && told "1.0"
ok "a version that can't be one"

# ---- show --------------------------------------------------------------------
run jobuild show anna/filled
[[ $status == 0 ]] && said "extends base/frame/frame-1.0.template" &&
	grep -q '^DESCRIPTION .*anna/filled/filled-1.0.jobuild:2$' "$tmp/out" &&
	grep -q '^job_run .*base/frame/frame-1.0.template:[0-9]*$' "$tmp/out"
ok "show says what comes from where"
run jobuild --json show anna/filled
[[ $status == 0 ]] && jq -e '.variables[] | select(.name == "DESCRIPTION").origins |
	map("\(.operator) \(.file):\(.line)") == ["= base/frame/frame-1.0.template:1", "= anna/filled/filled-1.0.jobuild:2"]' "$tmp/out" >/dev/null
ok "show --json has every assignment of the chain"
run jobuild --json show anna/filled base/frame
[[ $status == 0 ]] && jq -e '[.recipes[].atom] == ["anna/filled-1.0", "base/frame-1.0"]' "$tmp/out" >/dev/null
ok "show of several"
run jobuild show base/frame
[[ $status == 0 ]] && said "(template)"
ok "show of a template"
run jobuild show anna/helo
[[ $status == 3 ]] && told 'did you mean "anna/hello"?'
ok "a misspelt name"
run jobuild show '>=anna/hello-2.0'
[[ $status == 3 ]] && told "no version of anna/hello is >=anna/hello-2.0"
ok "no such version"
run jobuild show 'anna/hello-1.0'
[[ $status == 0 ]] && said "anna/hello-1.0"
ok "an exact version"

# ---- lint --------------------------------------------------------------------
recipe anna/wrong-1.0 <<'X'
DESCRIPTION="Wrong"
HOME=$(pwd)
X
run jobuild lint
[[ $status == 1 ]] && told "anna/wrong/wrong-1.0.jobuild:2:"
ok "lint names file, line and column"
run jobuild lint anna/hello
[[ $status == 0 ]]
ok "lint of another package doesn't see it"
(cd "$tree/anna/wrong" && jobuild lint wrong-1.0.jobuild) >"$tmp/out" 2>"$tmp/err"
[[ $? == 1 ]] && told "anna/wrong/wrong-1.0.jobuild:2:"
ok "lint by a path below the current folder"
run jobuild --json lint
[[ $status == 1 ]] && jq -e '.errors >= 1 and .diagnostics[0].file ==
	"anna/wrong/wrong-1.0.jobuild" and .diagnostics[0].line == 2' "$tmp/out" >/dev/null
ok "lint --json"
run jobuild lint anna/wrnog
[[ $status == 3 ]] && told "anna/wrong"
ok "lint of what isn't there"
rm -r "$tree/anna/wrong"

recipe anna/ring-1.0 <<'X'
DESCRIPTION="One side"
DEPEND="anna/gnir"
X
recipe anna/gnir-1.0 <<'X'
DESCRIPTION="The other side"
SIDEPEND="anna/ring"
X
run jobuild lint
[[ $status == 1 && $(grep -c "error:" "$tmp/err") == 1 ]] && told "anna/gnir"
ok "a cycle is told once"
rm -r "$tree/anna/ring" "$tree/anna/gnir"
recipe anna/lost-1.0 <<'X'
DESCRIPTION="Asks for what there is not"
DEPEND="anna/hallo"
X
recipe anna/victim-1.0 <<'X'
DESCRIPTION="Asks for what asks"
DEPEND="anna/lost"
X
run jobuild lint
[[ $status == 1 && $(grep -c "error:" "$tmp/err") == 1 ]] &&
	told "anna/lost/lost-1.0.jobuild:2:" && told "anna/hello"
ok "a missing name is told once, with the nearest"
rm -r "$tree/anna/lost" "$tree/anna/victim"

# ---- graph -------------------------------------------------------------------
recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
job_run() { echo "the library" >/lib.txt; }
X
recipe anna/app-1.0 <<'X'
DESCRIPTION="Uses it"
DEPEND="anna/lib"
SIDEPEND="anna/hello"
SRC_URI="mirror://local/data-1.txt -> data"
job_unpack() { :; }
job_run() { cat /lib.txt "${DISTDIR}/data" "${FILESDIR}/note" >all; }
job_collect() {
	artifact all
	result "lines=$(wc -l <all)"
}
X
mkdir -p "$tree/anna/app/files" "$tmp/mirror"
echo "a note" >"$tree/anna/app/files/note"
echo "some data" >"$tmp/mirror/data-1.txt"

# ---- manifest ----------------------------------------------------------------
run jobuild lint
[[ $status == 1 ]] && told "anna/app/app-1.0.jobuild:4:"
ok "lint asks for the Manifest's lines"
run jobuild manifest anna/app
[[ $status == 1 ]] && told "local" && [[ ! -e $tree/anna/app/Manifest ]]
ok "manifest without the mirror: nothing is written"
run jobuild manifest --check --mirror "local file://$tmp/mirror" anna/app
[[ $status == 1 && ! -e $tree/anna/app/Manifest ]] && said "missing DIST data" && said "missing AUX note"
ok "manifest --check only tells"
run jobuild manifest --mirror "local file://$tmp/mirror" anna/app
[[ $status == 0 && $(grep -c . "$tree/anna/app/Manifest") == 2 ]] &&
	grep -q "^DIST data 10 BLAKE2B [0-9a-f]\{128\} SHA512 $(sha512sum <"$tmp/mirror/data-1.txt" |
		cut -d' ' -f1)\$" "$tree/anna/app/Manifest"
ok "manifest fetches and measures"
run jobuild lint
[[ $status == 0 ]]
ok "lint is content with it"
cp "$tree/anna/app/Manifest" "$tmp/before"
run jobuild manifest anna/app
[[ $status == 0 && ! -s $tmp/out ]] && cmp -s "$tmp/before" "$tree/anna/app/Manifest"
ok "nothing to do: nothing changes, no mirror is needed"
echo "another note" >"$tree/anna/app/files/note"
run jobuild lint anna/app
[[ $status == 1 ]] && told "note"
ok "lint sees a changed file of files/"
run jobuild manifest anna/app
[[ $status == 0 ]] && said_exactly <<<"anna/app: changed AUX note" &&
	[[ $(grep ^DIST "$tree/anna/app/Manifest") == "$(grep ^DIST "$tmp/before")" ]]
ok "only its line changes"
echo "DIST unused 1 BLAKE2B $(printf %0128d 0) SHA512 $(printf %0128d 0)" >>"$tree/anna/app/Manifest"
run jobuild manifest anna/app
[[ $status == 0 ]] && said_exactly <<<"anna/app: removed DIST unused" &&
	! grep -q unused "$tree/anna/app/Manifest"
ok "a line that nobody needs goes"
run jobuild manifest anna/nothing
[[ $status == 3 ]] && told "anna/nothing"
ok "manifest of what isn't there"

run jobuild graph anna/app
[[ $status == 0 ]] && said_exactly <<'X'
unit 2  anna/app-1.0  (amd64, stage default)
|  1. anna/lib-1.0
|  2. anna/app-1.0
`-- unit 1  anna/hello-1.10  (amd64, stage default)
       1. anna/hello-1.10
X
ok "graph"
run jobuild --json graph anna/app
[[ $status == 0 ]] && jq -e '.units[.root - 1] | .steps == ["anna/lib-1.0", "anna/app-1.0"] and .needs == [1]' "$tmp/out" >/dev/null
ok "graph --json"
run jobuild graph --dot anna/app
[[ $status == 0 && $(head -n 1 "$tmp/out") == "digraph job {" ]] && said "u1_1 -> u0_0 [style=dashed];"
ok "graph --dot"

# ---- sign, verify ------------------------------------------------------------
run jobuild verify
[[ $status == 1 ]]
ok "verify refuses what isn't signed"
run jobuild sign
[[ $status == 2 ]] && told AUTOTUA_USER
ok "sign what? the remedy is told"
run jobuild sign anna
[[ $status == 1 ]] && told "no secret key"
ok "sign without a key"
new_key anna
run jobuild sign anna base
[[ $status == 0 ]] && said anna/anna.asc && said anna/app/Manifest.asc &&
	said anna/hello/hello-1.0.jobuild.asc && said base/frame/frame-1.0.template.asc
ok "sign signs everything and brings the key"
AUTOTUA_USER=anna run jobuild sign
[[ $status == 0 && ! -s $tmp/out ]] && told "0 written"
ok "good signatures stay"
run jobuild verify
[[ $status == 0 ]] && told "keys in the tree itself" && told "all signatures are good"
ok "verify against the tree's own keys"
fpr=$(gpg --batch --with-colons --list-keys anna 2>/dev/null | sed -n 's/^fpr:*\([0-9A-F]*\):/\1/p' | head -n 1)
printf 'anna %s\nbase %s\n' "$fpr" "$fpr" >"$tmp/keyring"
run jobuild verify --keyring "$tmp/keyring"
[[ $status == 0 ]] && ! told "tree itself"
ok "verify against a keyring"
echo "anna $fpr" >"$tmp/keyring"
run jobuild verify --keyring "$tmp/keyring"
[[ $status == 1 ]] && told "base"
ok "a signer who is not trusted"
run jobuild lint
[[ $status == 0 ]] && told "0 errors, 0 warnings"
ok "a signed tree lints clean"
commit one
run jobuild lint --revision HEAD
[[ $status == 0 ]]
ok "so does its commit"
echo "# tampered" >>"$tree/anna/hello/hello-1.0.jobuild"
run jobuild verify
[[ $status == 1 ]] && told "anna/hello/hello-1.0.jobuild"
ok "verify sees a changed file"
run jobuild verify --revision HEAD
[[ $status == 0 ]]
ok "its commit is good still"
run jobuild sign anna/hello
[[ $status == 0 ]] && said_exactly <<<"anna/hello/hello-1.0.jobuild.asc"
ok "sign renews just that one"
mv "$tree/anna/hello/hello-1.0.jobuild" "$tree/anna/hello/hello-1.1.jobuild"
mv "$tree/anna/hello/hello-1.0.jobuild.asc" "$tree/anna/hello/hello-1.1.jobuild.asc"
run jobuild verify anna/hello
[[ $status == 1 ]] && told "hello-1.1"
ok "a signed file can't be renamed"
new_key other
run jobuild sign --key other@test.invalid anna/hello
[[ $status == 1 ]] && told "anna/anna.asc"
ok "another key than the tree's is not taken"
# ---- somebody else's -----------------------------------------------------------
if ((EUID == 0)); then
	chown -R 12345 "$tree"
	mkdir -p "$tree/anna/hello"
	for n in lint "show anna/hello" ci; do
		# shellcheck disable=SC2086 # some have an argument
		(cd "$tree/anna/hello" && env -u SUDO_UID jobuild $n) >"$tmp/out" 2>"$tmp/err" </dev/null
		[[ $? == 3 ]] && told "$tree: belongs to another user (id 12345, this is 0)" &&
			told "git config --global --add safe.directory $tree\"" && ! told "git init"
		ok "jobuild ${n%% *} in a tree of another user says so, and the remedy"
	done
	chown -R 0 "$tree"
else
	for n in lint show ci; do ok "jobuild $n in a tree of another user # SKIP only root can give it away"; done
fi

done_testing
