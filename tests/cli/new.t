#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild new: what it writes lints clean, whatever it is told; questions.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$tmp/mirror"
export AUTOTUA_MIRROR="local file://$tmp/mirror"
echo plain >"$tmp/mirror/plain"
tar -C "$tmp/mirror" -czf "$tmp/mirror/a.tar.gz" plain
recipe base/lib-1.0 <<'X'
DESCRIPTION="To depend on"
job_run() { einfo "${P}"; }
X
recipe base/all-1.0.template <<'X'
DESCRIPTION="Has values of its own, one hole and one default"
SRC_URI="mirror://local/a.tar.gz -> all.tar.gz"
DEPEND="base/lib"
BLOCKS="work tidy"
job_run() { work; tidy; }
tidy() { :; }
X
recipe base/bare-2.10.template <<'X'
DESCRIPTION="Has nothing to fill"
job_run() { einfo "${P}"; }
X
new() { # like jobuild new, and what it says is the path
	run jobuild new "$@"
	[[ $status == 0 && -f $tree/$(<"$tmp/out") ]] && return
	sed "s/^/# new: /" "$tmp/err"
	return 1
}

# ---- each combination ----------------------------------------------------------
n=0 bad=0
for kind in "" -t; do
	for extends in "" base/all-1.0 base/bare-2.10; do
		for source in "" mirror://local/a.tar.gz "mirror://local/plain mirror://local/a.tar.gz"; do
			for depend in "" base/lib ">=base/lib-1.0"; do
				args=()
				[[ -z $kind ]] || args+=("$kind")
				for s in $source; do args+=(--source "$s"); done
				[[ -z $extends ]] || args+=(--extends "$extends")
				[[ -z $depend ]] || args+=(--sidepend "$depend")
				if [[ $depend == base/lib && $extends != base/all-1.0 ]]; then
					args+=(--depend base/lib)
				fi
				((n % 2)) && args+=(-d "It's \$5 \"new\"" --homepage "https://example.org/?a=\`b\`")
				((n % 3)) && args+=(--license "GPL-2.0-or-later OR MIT")
				new "anna/n$n" "${args[@]}" || bad=$((bad + 1))
				n=$((n + 1))
			done
		done
	done
done
[[ $n == 54 && $bad == 0 ]]
ok "each combination of kind, template, sources and dependencies is written"
run jobuild manifest
run jobuild lint
[[ $status == 0 ]] && told "28 jobuilds, 29 templates: 0 errors, 0 warnings"
ok "all of them lint clean"
head -n 1 "$tree/anna/n1/n1-1.0.jobuild" | grep -qx '# SPDX-License-Identifier: GPL-2.0-or-later OR MIT'
ok "the licence is the first line"
run jobuild --json show anna/n1
[[ $status == 0 ]] && jq -e '(.variables | map({key: .name, value: .value}) | from_entries) |
	.DESCRIPTION == "It'\''s $5 \"new\"" and .HOMEPAGE == "https://example.org/?a=`b`"' "$tmp/out" >/dev/null
ok "texts are quoted"
grep -q '^work() {' "$tree/anna/n9/n9-1.0.jobuild" && ! grep -q '^tidy' "$tree/anna/n9/n9-1.0.jobuild" &&
	grep -q '^#.*: tidy$' "$tree/anna/n9/n9-1.0.jobuild"
ok "the holes of the template are filled, its defaults are named"
new anna/more --extends base/all-1.0 --depend anna/n0
grep -qx 'DEPEND+=" anna/n0"' "$tree/anna/more/more-1.0.jobuild"
ok "what is inherited stays"

recipe base/lib-1.1 <<'X'
DESCRIPTION="A newer one"
job_run() { einfo "${P}"; }
X
# ---- refusals ------------------------------------------------------------------
refused() { # STATUS TEXT ARGUMENT...
	local want=$1 text=$2

	shift 2
	before=$(find "$tree/anna" | wc -l)
	run jobuild new "$@"
	[[ $status == "$want" ]] && told "$text" && [[ ! -s $tmp/out && $(find "$tree/anna" | wc -l) == "$before" ]]
	ok "refused: ${*@Q}"
}
echo mine >"$tree/anna/more/more-1.0.jobuild"
run jobuild new anna/more
[[ $status == 1 ]] && told "there already" && [[ $(<"$tree/anna/more/more-1.0.jobuild") == mine ]]
ok "nothing is overwritten"
rm -r "$tree/anna/more"
refused 2 "can't be a user" "Anna/hello"
refused 2 "can't be a name" "anna/.hello"
refused 2 "give it with --version" "anna/hello-1.0"
refused 2 "not two numbers" anna/x --version 1
refused 2 'did you mean "base/all-1.0"' anna/x --extends base/al-1.0
refused 2 "is not the name of a template" anna/x --extends base/all
refused 2 'did you mean "base/lib"' anna/x --depend base/lbi
refused 2 "no version of base/lib" anna/x --depend ">=base/lib-2.0"
refused 2 "is a template" anna/x --depend base/bare
refused 2 "is no URI" anna/x --source a.tar.gz
refused 2 "is no URL" anna/x --homepage example
refused 2 "SPDX" anna/x --license "$(printf 'a\nrm -rf /')"
refused 2 "more than one line" anna/x --description $'a\nb'
refused 1 "anna/x/x-1.0.jobuild:" anna/x --source "gopher://example.org/x"
refused 1 "[git-source]" anna/x --source "git+https://example.org/x#commit=0123456789012345678901234567890123456789"
refused 1 "[case]" anna/N0
told "anna/n0: note: the other one is N0" && told "anna/N0/N0-1.0.jobuild is not written: lint would refuse it"
ok "the name that it collides with is told"
refused 2 "that folder is for other trees" overlays/x
refused 1 "[cycle]" base/lib --version 1.2 --depend anna/n1
refused 1 "[cycle]" base/lib --version 1.2 --depend anna/n1 --source mirror://local/plain
refused 1 "[conflict]" anna/x --depend =base/lib-1.0 --depend =base/lib-1.1
recipe ring/b-1.0 <<<$'DESCRIPTION="x"\njob_run() { :; }'
recipe ring/foo-1.0 <<<$'DESCRIPTION="x"\nDEPEND="ring/b"\njob_run() { :; }'
recipe ring/foo-2.0 <<<$'DESCRIPTION="x"\njob_run() { :; }'
refused 1 "[cycle]" ring/b --version 2.0 --depend ring/foo
told "ring/b/b-2.0.jobuild:" && told "ring/b/b-2.0.jobuild is not written: lint would refuse it"
ok "a cycle that only another root meets"
run jobuild --json new -y ring/b --version 2.0 --depend ring/foo
jq -e 'any(.error.diagnostics // .diagnostics | .[]; .rule == "cycle")' "$tmp/out" >/dev/null
ok "as JSON, too"
[[ ! -e $tree/ring/b/b-2.0.jobuild ]]
ok "and nothing is written"
recipe ring/spoilt-1.0 <<<$'DESCRIPTION="x"\nDEPEND="ring/b ring/nowhere"\njob_run() { :; }'
run jobuild new -y ring/b --version 2.0
[[ $status == 0 && -f $tree/ring/b/b-2.0.jobuild ]]
ok "what was wrong with others before stands in nobody's way"
rm -r "${tree:?}/ring"

mkdir "$tmp/elsewhere"
ln -s "$tmp/elsewhere" "$tree/carl"
run jobuild new carl/x
[[ $status == 1 && -z $(ls "$tmp/elsewhere") ]] && told "carl: error: is a symbolic link [symlink]"
ok "nothing is written through a link of a user"
rm "$tree/carl"
ln -s "$tmp/elsewhere" "$tree/anna/link"
run jobuild new anna/link
[[ $status == 1 && -z $(ls "$tmp/elsewhere") ]] && told "anna/link: error: is a symbolic link [symlink]"
ok "nor of a package"
rm "$tree/anna/link"
echo x >"$tree/anna/plain"
refused 1 "[stray-file]" anna/plain
rm "$tree/anna/plain"
git -C "$tree" init -q "$tree/dora"
run jobuild new dora/x
[[ $status == 1 && ! -e $tree/dora/x ]] && told "[submodule]"
ok "nor into another repository"
rm -rf "$tree/dora"
echo 'anna/ign*' >"$tree/.gitignore"
refused 2 "would be ignored by git" anna/ignored
rm "$tree/.gitignore"
mkdir -p "$tree/anna/early/files"
echo patch >"$tree/anna/early/files/a.patch"
new anna/early
ok "what files/ has is measured later"
run jobuild --json new Anna/x
[[ $status == 2 ]]
ok "with --json too"
run jobuild --json new anna/N0
[[ $status == 1 && ! -e $tree/anna/N0 ]] && jq -e '.diagnostics[0].rule == "case"' "$tmp/out" >/dev/null
ok "as JSON"

# ---- who -----------------------------------------------------------------------
run jobuild new
[[ $status == 2 ]] && told "USER/NAME"
ok "no terminal, no name: nothing is asked"
git -C "$tree" config user.email "Ben.Smith@test.invalid"
run jobuild new short
[[ $status == 0 && $(<"$tmp/out") == bensmith/short/short-1.0.jobuild ]] &&
	told "bensmith/bensmith.asc is missing" && told "jobuild sign bensmith"
ok "a name alone: the user is git's; the missing key is told"
AUTOTUA_USER=anna run jobuild new short
[[ $status == 0 && $(<"$tmp/out") == anna/short/short-1.0.jobuild ]]
ok "the configuration's user comes first"
touch "$tree/anna/anna.asc"
run jobuild new anna/keyed
[[ $status == 0 ]] && ! told ".asc is missing"
ok "a key that is there isn't asked for"

# ---- questions, on a terminal ----------------------------------------------------
terminal() { # ANSWERS ARGUMENT...
	local answers=$1

	shift
	(cd "$tree" && printf '%b' "$answers" | script -qec "jobuild new $* 2>&1" /dev/null) >"$tmp/out" 2>"$tmp/err"
	status=$?
}
terminal '\nasked\nx\n2.1\nIt asks\n\nMIT\nbase/al-1.0\nbase/all-1.0\nnope\nmirror://local/plain\n\nbase/lib\n'
[[ $status == 0 ]] && said "user, your folder in the tree [bensmith]" && said 'version "x" is not two numbers' &&
	said "template base/all-1.0" && said 'did you mean "base/all-1.0"' && said '"nope" is no URI' &&
	said "bensmith/asked/asked-2.1.jobuild"
ok "questions, with defaults; a wrong answer is asked for again"
told_exactly </dev/null && diff - "$tree/bensmith/asked/asked-2.1.jobuild" >"$tmp/err" <<'X'
# SPDX-License-Identifier: MIT
EXTENDS="base/all-1.0"
DESCRIPTION="It asks"
SRC_URI+=" mirror://local/plain"
SIDEPEND="base/lib"

job_unpack() {
	cp "${DISTDIR}"/* "${WORKDIR}"
}

work() {
	einfo "work of ${P}"
}

# What the template does by default may be put in other words: tidy
X
ok "the answers are in the file"
terminal 'anna\nN0\n\nanna\nn100\n\n\n\n\n\n\n\n\n'
[[ $status == 0 && -f $tree/anna/n100/n100-1.0.jobuild ]] && said "[case]" && said "name [N0]"
ok "a name that is one with another is asked for again"
terminal '\n' base/lib --version 1.1
[[ $status == 1 ]] && said "there already" && ! said "homepage"
ok "what an option says is not asked for"
terminal '1.1\n1.7\n\n\n\n\n\nanna/n1\n\n\n' base/lib
[[ $status == 0 && -f $tree/base/lib/lib-1.7.jobuild ]] && said "there already" && said "[cycle]"
ok "a version that is there, a dependency that leads back: asked for again"
terminal '1.8\n' base/lib --depend anna/n1
[[ $status == 1 && ! -e $tree/base/lib/lib-1.8.jobuild ]] && said "[cycle]" && ! said "homepage"
ok "an option that leads back is refused"
terminal '' anna/quick -y
[[ $status == 0 ]] && said "anna/quick/quick-1.0.jobuild" && ! said "version"
ok "-y asks nothing"
terminal '\004' anna/ended
[[ $status == 2 && ! -e $tree/anna/ended ]] && said "nothing is written"
ok "no answer: nothing is written"
run jobuild manifest
run jobuild lint
[[ $status == 0 ]] && told "0 errors, 0 warnings"
ok "all that was written lints clean"
done_testing
