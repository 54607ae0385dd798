#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recipes for other architectures: lint, ci and new say the same of one without
# ARCH, whatever else they look at; diff compares for each that counts.
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

# ---- diff -------------------------------------------------------------------------

rm -r "${tree:?}/u/"*/
recipe u/a-1.0 <<<$'DESCRIPTION="For two"\nARCH="amd64 arm64"\nDEPEND="u/b"\njob_run() { :; }'
recipe u/b-1.0 <<<$'DESCRIPTION="Needed"\nARCH="amd64"\njob_run() { :; }'
recipe u/b-1.1 <<<$'DESCRIPTION="Needed"\nARCH="arm64"\njob_run() { :; }'
recipe u/any-1.0 <<<$'DESCRIPTION="For any"\nDEPEND=">=u/b-1.1"\njob_run() { :; }'
recipe u/free-1.0 <<<$'DESCRIPTION="Needs nothing"\njob_run() { :; }'
commit "for two"
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "diff: nothing differs for any"
echo 'job_test() { :; }' >>"$tree/u/b/b-1.1.jobuild"
run jobuild diff --exit-code HEAD u/a
[[ $status == 1 ]] && said "~ u/a-1.0 for arm64" && ! said "for amd64" && said "    ~ u/b-1.1"
ok "diff: a root's other architecture"
run jobuild diff --exit-code HEAD
[[ $status == 1 ]] && said "~ u/a-1.0 for arm64" && said "~ u/any-1.0 for arm64" && ! said "can't be resolved" && ! said "amd64"
ok "diff: as without a root, and of one that names none but runs on that only"
run jobuild --json diff HEAD
jq -e '.arch == "amd64" and ([.roots[] | [.root, .arch, .change, .arches]] == [
	["u/a-1.0", "arm64", "changed", ["amd64", "arm64"]],
	["u/any-1.0", "arm64", "changed", ["arm64"]],
	["u/b-1.1", "arm64", "changed", ["arm64"]]])' "$tmp/out" >/dev/null
ok "diff: as JSON"
run jobuild diff --exit-code -a amd64 HEAD u/a
[[ $status == 0 ]]
ok "diff: -a leaves the others out"
run jobuild diff --exit-code -a amd64 HEAD u/b
[[ $status == 1 ]] && said "~ u/b-1.1 for arm64"
ok "diff: but not of what doesn't run on that"
sed -i 's/arm64/s390x/' "$tree/u/b/b-1.1.jobuild"
run jobuild diff --exit-code HEAD u/a
[[ $status == 1 ]] && said "! u/a-1.0 for arm64: can't be resolved any more" && ! said "u/a-1.0 for amd64"
ok "diff: a root that can't be resolved any more on one of them"
run jobuild --json diff HEAD u/b
jq -e '[.roots[] | [.root, .arch, .change]] == [["u/b-1.1", "arm64", "removed"], ["u/b-1.1", "s390x", "added"]]' \
	"$tmp/out" >/dev/null
ok "diff: the root's own ARCH"
git -C "$tree" checkout --quiet .
sed -i 's/ARCH=.*/ARCH="amd64 arm64"/' "$tree/u/b/b-1.0.jobuild"
echo 'job_test() { :; }' >>"$tree/u/b/b-1.0.jobuild"
run jobuild diff HEAD u/a
said "~ u/a-1.0 for amd64" && ! said "u/a-1.0 for arm64"
ok "diff: the default is named where a root is compared for more"
echo 'job_test() { :; }' >>"$tree/u/free/free-1.0.jobuild"
run jobuild --json diff HEAD u/free
jq -e '[.roots[] | [.root, .arch, .arches]] == [["u/free-1.0", "amd64", ["amd64"]]]' "$tmp/out" >/dev/null &&
	run jobuild diff HEAD u/free && ! said "for amd64"
ok "diff: where all architectures are alike the default stands for them"
AUTOTUA_ARCH=riscv64 run jobuild --json diff HEAD u/free
jq -e '[.roots[] | [.root, .arch, .arches]] == [["u/free-1.0", "riscv64", ["riscv64"]]]' "$tmp/out" >/dev/null
ok "diff: whichever that is"
git -C "$tree" checkout --quiet .
sed -i 's/^DEPEND/\n&/; s/1\.1/1.2/' "$tree/u/any/any-1.0.jobuild"
commit "for nobody"
sed -i 's/^DEPEND/\n&/' "$tree/u/any/any-1.0.jobuild"
run jobuild --json diff HEAD u/any
jq -e '[.roots[] | [.root, .arch, .change]] == [["u/any-1.0", "amd64", "still-unresolvable"]]' "$tmp/out" >/dev/null
ok "diff: what can be resolved for none is told once"
sed -i 's/1\.2/1.1/' "$tree/u/any/any-1.0.jobuild"
run jobuild --json diff HEAD u/any
jq -e '[.roots[] | [.root, .arch, .change]] == [["u/any-1.0", "arm64", "resolvable"]]' "$tmp/out" >/dev/null
ok "diff: and what again can be, for that one"
done_testing
