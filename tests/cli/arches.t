#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recipes for other architectures: lint, ci and new say the same of one without
# ARCH, whatever else they look at.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

commit() {
	git -C "$tree" add -A
	git -C "$tree" commit --quiet --allow-empty -m "$1"
}

# Do lint of the tree, lint of the name and ci all find this status?
all_find() { # STATUS NAME
	local n=0

	run jobuild lint
	[[ $status == "$1" ]] || { echo "# lint: $status"; n=1; }
	run jobuild lint "$2"
	[[ $status == "$1" ]] || { echo "# lint $2: $status"; n=1; }
	run jobuild ci -b HEAD~ -r HEAD --no-signatures
	[[ $status == "$1" ]] || { echo "# ci -b HEAD~: $status"; n=1; }
	return "$n"
}

gpg_key() {
	new_key u && mkdir -p "$tree/u" && gpg --armor --export u >"$tree/u/u.asc"
}

gpg_key
commit key

# ---- without ARCH, over what runs elsewhere ---------------------------------------

recipe u/boot-1.0 <<<$'DESCRIPTION="Boots"\nARCH="arm64"\njob_run() { :; }'
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nDEPEND="u/boot"\njob_run() { :; }'
commit "one for arm64"
all_find 0 u/test
ok "what runs on one architecture only is good enough for who names none"
(cd "$tree" && jobuild new -y u/more -D u/boot) >"$tmp/out" 2>"$tmp/err" </dev/null
[[ $? == 0 && -f $tree/u/more/more-1.0.jobuild ]]
ok "new writes another that needs it"
rm -rf "$tree/u/more"

recipe u/lib-1.0 <<<$'DESCRIPTION="A library"\njob_run() { :; }'
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nDEPEND="u/boot u/lib"\njob_run() { :; }'
commit "and a library for all"
all_find 0 u/test
ok "what runs on any doesn't matter"
recipe u/lib-1.0 <<<$'DESCRIPTION="A library"\nARCH="amd64"\njob_run() { :; }'
commit "which is for amd64 alone"
all_find 1 u/test
ok "what runs together nowhere is refused everywhere"
told "u/test/test-1.0.jobuild:2:" && told "runs on amd64 [arch]" && told "boot-1.0 runs on arm64 only" &&
	told "there is no architecture on which all that u/test-1.0 needs runs"
ok "and it is told why"
run jobuild --json ci -b HEAD~ -r HEAD --no-signatures
jq -e '.ranges[0].errors == 1' "$tmp/out" >/dev/null
ok "as one error, which wasn't there before"
commit "nothing more"
run jobuild ci -b HEAD~ -r HEAD --no-signatures
[[ $status == 0 ]]
ok "nor counted when it was"
git clone --quiet --bare "$tree" "$tmp/bare"
git -C "$tmp/bare" update-ref refs/heads/main "$(git -C "$tree" rev-parse HEAD~2)"
cat >"$tmp/bare/hooks/pre-receive" <<'X'
#!/bin/sh
exec jobuild ci --hook pre-receive --no-signatures
X
chmod +x "$tmp/bare/hooks/pre-receive"
! git -C "$tree" push --quiet "$tmp/bare" main 2>"$tmp/err" && told "no version of u/boot that fits runs on amd64"
ok "a push of it is refused"

# An error that has nothing to do with ARCH is told as such.
recipe u/lib-1.0 <<<$'DESCRIPTION="A library"\njob_run() { :; }'
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nDEPEND="u/boot\nu/lbi"\njob_run() { :; }'
run jobuild lint u/test
[[ $status == 1 ]] && told "there is no jobuild u/lbi" && ! told "[arch]" && ! told "no architecture"
ok "of the architectures the one is told for which ARCH is not in the way"
run jobuild lint
[[ $status == 1 ]] && told "there is no jobuild u/lbi" && ! told "[arch]"
ok "as in the whole tree"

# What gets in the way may be a version that only one architecture has.
git -C "$tree" checkout --quiet .
recipe u/lib-1.0 <<<$'DESCRIPTION="A library"\njob_run() { :; }'
recipe u/lib-2.0 <<<$'DESCRIPTION="A library"\nARCH="amd64"\nSIDEPEND="u/none"\njob_run() { :; }'
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nDEPEND="u/lib"\njob_run() { :; }'
run jobuild lint u/test
[[ $status == 0 ]]
ok "an architecture that no recipe names will do"
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nARCH="arm64 amd64"\nDEPEND="u/lib"\njob_run() { :; }'
run jobuild lint u/test
[[ $status == 1 ]] && told "there is no jobuild u/none" && ! told "no architecture"
ok "but who names some must run on all of them"
rm -r "$tree/u/lib" "$tree/u/test"
recipe u/odd-1.0 <<<$'DESCRIPTION="Odd"\nARCH="vax"\njob_run() { :; }'
recipe u/test-1.0 <<<$'DESCRIPTION="Tests"\nDEPEND="u/odd"\njob_run() { :; }'
run jobuild lint
[[ $status == 0 ]] && told "[unknown-arch]" && run jobuild lint u/test && [[ $status == 0 ]]
ok "an architecture of which nothing is known will do, too"
done_testing
