#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line itself: synopsis, unknown things, configuration.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

run jobuild -h
[[ $status == 0 ]] && said "usage: jobuild"
ok "-h prints the overview"
missing=
for c in new lint show graph manifest sign verify run submit status log cancel artifacts config parse eval; do
	grep -q "^  $c " "$tmp/out" || missing+=" $c"
	(cd "$tree" && jobuild "$c" -h) >"$tmp/help" 2>&1 && head -n 1 "$tmp/help" |
		grep -q "^usage: jobuild $c" || missing+=" $c(-h)"
done
[[ -z $missing ]]
ok "all commands are there and know -h$missing"
run jobuild -V
[[ $status == 0 && $(<"$tmp/out") =~ ^jobuild\ [0-9]+\.[0-9] ]]
ok "-V prints the version"
run jobuild
[[ $status == 2 ]] && told "no command"
ok "no command"
run jobuild lnit
[[ $status == 2 ]] && told 'did you mean "lint"?'
ok "a misspelt command"
run jobuild lint --no-such-thing
[[ $status == 2 ]] && told "--no-such-thing" && told "jobuild lint -h"
ok "an unknown option"
run jobuild lint -r
[[ $status == 2 ]] && told "needs a value"
ok "an option without its value"
run jobuild show
[[ $status == 2 ]] && told "usage: jobuild show ATOM"
ok "a missing argument"
run jobuild graph one two
[[ $status == 2 ]] && told "too many arguments"
ok "too many arguments"
run jobuild --color sometimes config
[[ $status == 2 ]] && told "--color"
ok "an unknown colour mode"
run jobuild -C "$tmp/nowhere" lint
[[ $status == 2 ]] && told "$tmp/nowhere"
ok "-C with no folder"
mkdir "$tmp/empty"
run jobuild -C "$tmp/empty" lint
[[ $status == 3 ]] && told "git repository"
ok "outside of a repository"

# shellcheck disable=SC2088 # as they are
for path in '~/ring' '~root/ring' '~'; do
	AUTOTUA_KEYRING=$path run jobuild config
	[[ $status == 2 ]] && told "keyring: \"$path\": \"~\" is not expanded here"
	ok "a path that only a shell would understand: $path"
done
# the same shape everywhere, once
wrong() { # STATUS MESSAGE COMMAND...
	run jobuild "${@:3}"
	((status == $1)) && told "$2" && jq -se --arg m "$2" --argjson s "$1" \
		'length == 1 and .[0].error.status == $s and (.[0].error.message | contains($m))' "$tmp/out" >/dev/null
	ok "with --json an error is a document: ${*:3}"
}
none='nothing named "anna/none"'
for c in lint show rdeps graph verify sign run; do
	wrong 3 "$none" "$c" --json anna/none
done
wrong 3 "$none" why --json anna/none anna/none
wrong 3 "$none" show --json anna/none anna/none
wrong 3 "has no recipes yet" manifest --json anna/none
wrong 3 'no revision "none"' lint --json -r none
wrong 3 none ci --json -b none
wrong 3 none diff --json none
wrong 3 '"none" is no file' key --json none
wrong 3 none parse --json none
wrong 3 none eval --json none
wrong 3 'no run "none"' runs --json --remove none
wrong 2 "no master" status --json
wrong 2 "not the number of a unit" log --json none
wrong 2 "no command" --json
wrong 2 "--none" lint --none --json
wrong 3 "git repository" -C "$tmp/empty" --json lint
wrong 3 'no setting "none"' config --json arch none
jq -e '.settings[0].name == "arch"' "$tmp/out" >/dev/null
ok "beside what there is"
run jobuild show -- --json
[[ $status == 2 && ! -s $tmp/out ]]; ok "behind -- it is no option"
run jobuild --json config
[[ $status == 0 ]] && jq -e '.settings | map(select(.name == "arch"))[0] |
	.value == "amd64" and .origin == "environment"' "$tmp/out" >/dev/null
ok "a value of the environment and its origin"
wide=
for c in "" $(jobuild completion --words -- "" | cut -f1); do
	# shellcheck disable=SC2086 # no command is none
	jobuild $c -h | awk 'length > 80 { bad = 1 } END { exit bad || NR < 3 }' || wide+=" ${c:-itself}"
done
for p in master slave chroot; do
	"autotua-$p" -h | awk 'length > 80 { bad = 1 } END { exit bad || NR < 3 }' || wide+=" autotua-$p"
done
[[ -z $wide ]]
ok "no -h is wider than 80 columns$wide"
for c in show graph run; do
	recipe anna/hello-1.0 <<<'DESCRIPTION="Says hello"'
	AUTOTUA_CHROOT=/bin/false run jobuild "$c" anna/hallo
	[[ $status == 3 ]] && told 'anna/hallo' && told 'anna/hello'
	ok "$c: what isn't there is 3, with the nearest"
	AUTOTUA_CHROOT=/bin/false run jobuild "$c" hello
	[[ $status == 2 ]] && told 'expected USER/NAME'
	ok "$c: a name without a user"
done
commit hello
run jobuild diff HEAD nothing
[[ $status == 3 ]] && told "neither a revision nor a jobuild"
ok "diff: neither a revision nor a jobuild"
(cd "$tree" && git rm -qr anna && git commit -qm gone) >/dev/null
run jobuild manifest
[[ $status == 3 ]] && told "no recipes yet"
ok "manifest: an empty tree"
run jobuild verify
[[ $status == 0 ]] && told "nothing to verify"
ok "verify: an empty tree"
run jobuild runs x
[[ $status == 2 ]] && told_exactly <<<"jobuild: runs: too many arguments; usage: jobuild runs"
ok "arguments where there are none"
color() { # EXPECTED WHAT, environment and options before
	run "${@:3}"
	if [[ $1 == yes ]]; then grep -q $'\e\[' "$tmp/out"; else ! grep -q $'\e\[' "$tmp/out"; fi
	ok "colour: $2: $1"
}
color no "NO_COLOR" env NO_COLOR=1 CLICOLOR_FORCE=1 jobuild config
color yes "FORCE_COLOR before NO_COLOR" env NO_COLOR=1 FORCE_COLOR=1 jobuild config
color yes "CLICOLOR_FORCE" env NO_COLOR= CLICOLOR_FORCE=1 jobuild config
color no "no terminal" env NO_COLOR= jobuild config
color no "--color before all" env FORCE_COLOR=1 jobuild config --color never
color yes "--color always" env NO_COLOR=1 jobuild --color=always config

mkdir -p "$XDG_CONFIG_HOME/autotua"
printf '# mine\nmaster = https://one.invalid:1\nmirror = a file:///one\n' >"$XDG_CONFIG_HOME/autotua/config"
AUTOTUA_MASTER_URL=https://two.invalid:2 AUTOTUA_MIRROR=$'b file:///two\nc file:///three' \
	run jobuild --json config
[[ $status == 0 ]] && jq -e '(.settings | map({key: .name, value: .value}) | from_entries) |
	.master == "https://two.invalid:2" and
	.mirror == ["b file:///two", "c file:///three", "a file:///one"]' "$tmp/out" >/dev/null
ok "the environment wins over the file, mirrors add up"
echo "mastre = x" >"$XDG_CONFIG_HOME/autotua/config"
run jobuild config
[[ $status == 2 ]] && told "autotua/config:1" && told 'unknown option "mastre": did you mean "master"?'
ok "an unknown name in the file, with its place"
rm "$XDG_CONFIG_HOME/autotua/config"
AUTOTUA_CONFIG=$tmp/nothing run jobuild config
[[ $status == 2 ]] && told "$tmp/nothing"
ok "a named configuration that isn't there"

# folders of the system, the first of them wins
for n in 1 2; do
	mkdir -p "$tmp/xdg$n/autotua"
	printf 'user = user%d\nmirror = m%d file:///%d\n' $n $n $n >"$tmp/xdg$n/autotua/config"
done
echo "stage = second" >>"$tmp/xdg2/autotua/config"
XDG_CONFIG_DIRS=relative:$tmp/xdg1::$tmp/none:$tmp/xdg2 run jobuild --json config
[[ $status == 0 ]] && jq -e --arg t "$tmp" '(.settings | map({key: .name, value: .}) | from_entries) |
	.user.value == "user1" and .user.origin == "\($t)/xdg1/autotua/config" and .stage.value == "second" and
	.mirror.value == ["m1 file:///1", "m2 file:///2"]' "$tmp/out" >/dev/null
ok "XDG_CONFIG_DIRS: the first wins, mirrors add up"
echo "user = mine" >"$XDG_CONFIG_HOME/autotua/config"
XDG_CONFIG_DIRS=$tmp/xdg1:$tmp/xdg2 run jobuild --json config
[[ $status == 0 ]] && jq -e '.settings[] | select(.name == "user") | .value == "mine"' "$tmp/out" >/dev/null
ok "one's own file wins over them"
ln -s xdg1 "$tmp/link"
mirrors() { # MIRROR...: are they these, with the user of the first folder?
	[[ $status == 0 ]] && jq -e '.settings | map({key: .name, value: .value}) | from_entries |
		.user == "user1" and .mirror == $ARGS.positional' --args "$@" <"$tmp/out" >/dev/null
}
XDG_CONFIG_HOME=$tmp/xdg1 XDG_CONFIG_DIRS=$tmp/xdg1:$tmp/xdg2:$tmp/xdg1/:$tmp/link run jobuild --json config
mirrors "m1 file:///1" "m2 file:///2"
ok "a file that is named several times is read once, where it wins most"
AUTOTUA_CONFIG=$tmp/xdg1/autotua/config XDG_CONFIG_DIRS=$tmp/xdg2:$tmp/link run jobuild --json config
mirrors "m1 file:///1" "m2 file:///2"
ok "and so is the one that AUTOTUA_CONFIG names"
echo "users = x" >"$tmp/xdg2/autotua/config"
XDG_CONFIG_DIRS=$tmp/xdg1:$tmp/xdg2 run jobuild config
[[ $status == 2 ]] && told "$tmp/xdg2/autotua/config:1: unknown option"
ok "and an unknown name in one is told with its place"

# a value of the wrong form: who sets it
refused() { # NAME VALUE WANT
	printf '# mine\n%s = %s\n' "$1" "$2" >"$XDG_CONFIG_HOME/autotua/config"
	run env -u AUTOTUA_ARCH -u AUTOTUA_STORE jobuild config
	[[ $status == 2 ]] && told_exactly <<<"jobuild: $XDG_CONFIG_HOME/autotua/config:2: $3"
	ok "$1 = $2 in a file"
	rm "$XDG_CONFIG_HOME/autotua/config"
	[[ $2 ]] || return
	local variable=AUTOTUA_${1^^}
	run env "${variable//-/_}=$2" jobuild config
	[[ $status == 2 ]] && told_exactly <<<"jobuild: ${variable//-/_}: $3"
	ok "${variable//-/_}=$2"
}
refused runs x 'runs "x": expected a number of runs to keep'
refused runs 1234567 'runs "1234567": expected a number of runs to keep'
refused network maybe 'network "maybe": expected host, private or no'
refused layers-max big 'layers-max "big": expected a size, as in 20G'
refused runs-age long 'runs-age "long": expected a duration, as in 30d'
refused allow-rootful perhaps 'allow-rootful "perhaps": expected yes or no'
refused mirror lonely 'mirror "lonely": expected "NAME BASE-URL"'
# shellcheck disable=SC2088 # it must not
refused store '~/x' 'store: "~/x": "~" is not expanded here: write the whole path'
refused arch x86_64 'arch: there is no architecture "x86_64": is amd64 meant?'
for name in store user runs arch; do
	refused $name "" "$name \"\": expected a value; leave the line out to set none"
done
run env AUTOTUA_USER= AUTOTUA_RUNS= AUTOTUA_ARCH= jobuild --json config
[[ $status == 0 ]] && jq -e '[.settings[] | select(.name == "user" or .name == "runs" or .name == "arch") | .origin] == [null, "built in", "built in"]' "$tmp/out" >/dev/null
ok "an empty variable is not set"

run jobuild status
[[ $status == 2 ]] && told AUTOTUA_MASTER_URL
ok "no master: the remedy is told"
AUTOTUA_MASTER_URL=https://127.0.0.1:1 run jobuild status
[[ $status == 2 ]] && told AUTOTUA_CA
ok "no CA: the remedy is told"
AUTOTUA_MASTER_URL=http://127.0.0.1:1 AUTOTUA_CA=/dev/null run jobuild status
[[ $status == 2 ]] && told "https://"
ok "a master without TLS is refused"
run jobuild status 12x
[[ $status == 2 ]] && told "12x"
ok "not a job's number"
run jobuild config
[[ $status == 0 ]] && told_exactly <<X
set what is to stay in $XDG_CONFIG_HOME/autotua/config, a line each: NAME = VALUE
"jobuild config NAME" says more
X
ok "config: a hint of two lines"
home=$(awk -F: -v uid="$(id -u)" '$3 == uid { print $6; exit }' /etc/passwd)
for value in "" relative; do
	run env -u XDG_CONFIG_HOME HOME="$value" jobuild config
	[[ $status == 0 ]] && told "to stay in $home/.config/autotua/config,"
	ok "HOME=$value: the one of /etc/passwd"
done
run env -u XDG_CONFIG_HOME -u HOME jobuild config
[[ $status == 0 ]] && told "to stay in $home/.config/autotua/config,"
ok "no HOME: the same"
run jobuild config stoer
[[ $status == 3 ]] && told 'no setting "stoer": did you mean "store"?'
ok "config: an unknown setting, with the nearest"
run jobuild config arch AUTOTUA_KEY
[[ $status == 0 ]] && said "arch: architecture to plan" && said "  value     amd64" && said "  from      environment" &&
	said "  option    jobuild run --arch ARCH" && ! said "jobuild submit --arch" && said "  variable  AUTOTUA_ARCH" &&
	said "  file      \"key = ...\" in $XDG_CONFIG_HOME/autotua/config" && said "  option    jobuild sign --key KEY"
ok "config: one setting, with all ways to set it"
run jobuild graph --arch "bad arch!" anna/app
[[ $status == 2 ]] && told 'arch: there is no architecture "bad arch!": write it as Debian does'
ok "what is no architecture"
run jobuild graph --arch "" anna/app
[[ $status == 2 ]] && told_exactly <<<'jobuild: arch "": expected a value'
ok "an empty option"
run jobuild submit --arch amd64 --arch x86_64 anna/app
[[ $status == 2 ]] && told 'there is no architecture "x86_64"'
ok "nor does submit take it"
AUTOTUA_ARCH=x86_64 run jobuild config
[[ $status == 2 ]] && told 'arch: there is no architecture "x86_64": is amd64 meant?'
ok "another's name of one, from the environment"
AUTOTUA_STOER=/x run jobuild config
[[ $status == 0 ]] && told "AUTOTUA_STOER is not used: did you mean AUTOTUA_STORE?"
ok "config: a variable that means nothing"

# ---- exit statuses ---------------------------------------------------------------
git -C "$tree" add -A && git -C "$tree" commit -q --allow-empty -m x && git clone -q --bare "$tree" "$tmp/bare"
for words in "ci --no-signatures" lint "show anna/app" "graph anna/app" "why anna/app anna/app" "rdeps anna/app" verify; do
	# shellcheck disable=SC2086 # words
	run jobuild -C "$tmp/bare" $words
	[[ $status == 2 ]] && told "is a bare repository: say which revision with --revision"
	ok "${words%% *} in a bare repository needs a revision"
done
new_key anna
for words in manifest "sign anna" "new anna/two" "key export --user anna"; do
	# shellcheck disable=SC2086 # words
	run jobuild -C "$tmp/bare" $words
	[[ $status == 2 ]] && told "is a bare repository: clone it and work there"
	ok "${words%% *} in a bare repository has no work tree"
done
run jobuild sign
[[ $status == 2 ]] && told "say who you are"
ok "sign: whose files isn't configured"
run jobuild ci --revision nowhere
[[ $status == 3 ]]
ok "ci: a revision that isn't there"
run jobuild verify --keyring "$tmp/nowhere"
[[ $status == 3 ]] && told "$tmp/nowhere"
ok "verify: a keyring that isn't there"
run jobuild ci --keyring "$tmp/nowhere"
[[ $status == 3 ]] && told "$tmp/nowhere"
ok "ci: the same"
run jobuild run -p 1x=3 anna/app
[[ $status == 2 && ! -e $XDG_STATE_HOME/autotua/runs ]] && told 'parameter "1x=3": write NAME=VALUE'
ok "run: a parameter of a wrong name, before anything"
jobuild -h >/dev/full 2>"$tmp/err"
[[ $? == 1 ]] && told "standard output"
ok "a full disk is noticed"
for program in autotua-master autotua-slave autotua-chroot; do
	! "$program" -h >/dev/full 2>"$tmp/err" && told "$program: standard output"
	ok "so does $program"
done
done_testing
