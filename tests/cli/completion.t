#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion: what the command answers, and what bash, zsh and fish make of it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

recipe anna/app-1.0 <<<'DESCRIPTION="An application"'
recipe anna/app-1.10 <<<'DESCRIPTION="An application"'
recipe anna/apple-1.0 <<<'DESCRIPTION="A fruit"'
recipe base/frame-2.0.template <<<'DESCRIPTION="A template"'
mkdir -p "$tree/overlays/other" "$tree/Folder"
commit first && git -C "$tree" tag v1
words() { run jobuild completion --words -- "$@"; }
are() { [[ $status == 0 && $(cut -f1 "$tmp/out" | sort | tr '\n' ' ') == "${1:+$1 }" ]]; }

# ---- the answers -----------------------------------------------------------------
words li
[[ $status == 0 ]] && said_exactly <<<"lint	$(jobuild -h | sed -n 's/^  lint *//p')"
ok "a command, with its summary"
words ""
[[ $(cut -f1 "$tmp/out") == "$(jobuild -h | sed -n '/^$/,/^$/s/^  \([a-z-]*\) .*/\1/p')" && $(wc -l <"$tmp/out") -gt 15 ]]
ok "all commands"
missing=
for c in $(jobuild completion --words -- "" | cut -f1); do
	words "$c" --
	(cd "$tree" && jobuild "$c" -h) | sed -n 's/^  \(-.,\|   \) --\([a-z-]*\).*/--\2/p' | sort >"$tmp/help"
	cut -f1 "$tmp/out" | sort | cmp -s - "$tmp/help" || missing+=" $c"
done
[[ -z $missing && -s $tmp/help ]]
ok "each command's options are those of its -h$missing"
words lint --rev
are --revision
ok "an option"
words graph -a ""
are "amd64 arm64 armel armhf i386 loong64 mips64el ppc64el riscv64 s390x"
ok "a value of known kind: architectures"
words graph --arch=am
are "--arch=amd64"
ok "--option=value in one word"
words lint --color = ""
are "always auto never"
ok "--option = value as bash breaks it: words of the help stand for themselves"
words lint --color =
are "always auto never"
ok "the same right after the sign"
words show ""
are "anna/ base/"
ok "users of the tree; neither overlays nor what can't be a user"
words show anna/app
are "anna/app anna/apple"
ok "packages"
words graph anna/app-
are "anna/app-1.0 anna/app-1.10"
ok "versions"
words show ">=anna/app-"
are ">=anna/app-1.0 >=anna/app-1.10"
ok "an operator stays in front"
words new -e ""
are base/frame-2.0
ok "templates"
words new --extends ""
are base/frame-2.0
ok "by the long name"
words lint -r ""
are "HEAD main v1"
ok "revisions"
# libgit2 1.5 loses memory of its own wherever there are extensions
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
git -C "$tree" config core.repositoryformatversion 1 && git -C "$tree" config extensions.worktreeConfig true
words lint -r ""
are "HEAD main v1"
ok "where each work tree has settings of its own, too"
words diff ""
are "HEAD anna/ base/ main v1"
ok "what two names of the synopsis mean is offered once"
words key ""
[[ $(grep -cxF :files "$tmp/out") == 1 ]] && grep -qx "revoke" "$tmp/out"
ok "files, too"
words why ""
are "anna/ base/"
words why anna/app anna/app
are "anna/app anna/apple"
ok "both ends of a chain"
words run --from anna/app-
are "anna/app-1.0 anna/app-1.10"
ok "steps"
for list in "lint --format:gcc github" "ci --format:gcc github" "ci --hook:pre-commit pre-push pre-receive update" \
	"jobs --state:cancelled failed passed queued running" \
	"key revoke --reason:compromised retired superseded unspecified"; do
	# shellcheck disable=SC2086 # words
	words ${list%%:*} ""
	are "${list#*:}"
	ok "${list%%:*} has a closed list"
done
words sign an
are "anna anna/"
ok "users, or packages"
words -C / show ""
are ""
ok "-C is followed"
words lint -- --
are ":files"
ok "after -- there are no options"
words parse ""
are ":files"
ok "files"
words run -o ""
are ":dirs"
ok "folders"
words config st
are "stage state store"
ok "settings"
words completion ""
are "bash fish zsh"
ok "shells"
words nonsense ""
are ""
ok "nothing after an unknown command"
run jobuild completion csh
[[ $status == 2 ]] && told "bash, zsh or fish"
ok "an unknown shell"
AUTOTUA_CONFIG=$tmp/nothing words li
are lint
ok "a broken configuration does no harm"

# ---- the other programs ----------------------------------------------------------
of() { run "autotua-$1" completion --words -- "${@:2}"; }
for p in master slave chroot; do
	of "$p" ""
	[[ $status == 0 && $(cut -f1 "$tmp/out" | sort) == "$("autotua-$p" -h | sed -n '/^$/,/^$/s/^  \([a-z]*\).*/\1/p' | sed '/^$/d' | sort -u)" &&
		$(wc -l <"$tmp/out") -ge 9 ]]
	ok "autotua-$p: all commands of its -h, each once"
done
missing=
for c in $(autotua-chroot completion --words -- "" | cut -f1); do
	for o in $(autotua-chroot completion --words -- "$c" -- | cut -f1); do
		timeout 10 autotua-chroot -s "$tmp/none" "$c" "$o" x 2>&1 </dev/null | grep -q "no such option\($\|:\|, \)" && missing+=" $c $o"
	done
done
for p in master slave; do
	for o in $("autotua-$p" completion --words -- - | cut -f1 | grep -v -e -h -e -V -e -v); do
		"autotua-$p" "$o" 2>&1 </dev/null | grep -q "requires an argument" || missing+=" $p $o"
	done
done
[[ -z $missing ]]
ok "the programs know all options that are offered$missing"
of master sl
said_exactly <<<slave
ok "autotua-master: a command of several forms"
of master bac
said_exactly <<<"backup	save all of it, also while it is served"
ok "one of one form, with what it does"
of master -C "$tmp" slave ""
are "drain list pause resume retire show" && said "drain	give it nothing more"
ok "the words behind it, after an option before it"
of master user rights anna ""
are "admin maintain operate read"
ok "words that stand for themselves"
of master user add anna ""
are ":files"
ok "a file"
of master --state ""
are ":dirs"
ok "an option's value: a folder"
of master init --h
are "--host"
ok "an option of the command"
of master init --name x --
are "--host --listen --name"
ok "and after another with its value"
of master tree sync ""
are ""
ok "nothing where nobody knows"
of master nonsense ""
are ""
ok "nor after an unknown command"
master=$tmp/master
autotua-master -C "$master" init --name m --listen 127.0.0.1:0 --host 127.0.0.1 >/dev/null
for t in base overlay; do autotua-master -C "$master" tree add "$t" "$tree" >/dev/null; done
tar -C "$tmp" -cf "$tmp/stage.tar" config 2>/dev/null || tar -cf "$tmp/stage.tar" -T /dev/null
autotua-master -C "$master" stage add debian "$tmp/stage.tar" >/dev/null
of master -C "$master" tree sync ""
are "base overlay"
ok "trees of the state folder that is named"
of master --state "$master" tree sync ov
said_exactly <<<overlay
ok "those that begin so"
of master "-C$master" tree sync ov
said_exactly <<<overlay
ok "the option and the folder in one word"
of master "--state=$master" tree sync ov
said_exactly <<<overlay
ok "or with its long name"
of master -C "$tmp/none" "--state=$master" -v tree sync ov
said_exactly <<<overlay
ok "the last one counts"
of master -C "$master" tree add ""
are ""
ok "but none for a new tree's name"
of master -C "$master" stage show ""
are debian
ok "stages"
sqlite3 "$master/master.db" "INSERT INTO slave (name, fingerprint, state, created, last_seen) VALUES ('s1', 'a', 'active', 0, 0);
	INSERT INTO person (name, created) VALUES ('anna', 0);
	INSERT INTO user_key (fingerprint, user_id, armour, created) VALUES ('F1', 1, '', 0), ('F2', 1, '', 0)"
of master -C "$master" slave drain ""
are s1
ok "slaves"
of master -C "$master" user rights ""
are anna
ok "users, each once"
of master -C "$master" key revoke anna ""
are "F1 F2"
ok "their keys"
of master -C "$tmp/nowhere" slave drain ""
are "" && [[ ! -e $tmp/nowhere ]]
ok "nothing where there is no master"
of slave key ac
are accept
ok "autotua-slave"
of chroot has ""
are "layer stage"
ok "autotua-chroot"
id=$(printf '%064d' 1) key=$(printf '%064d' 2)
mkdir -p "$tmp/chroot/stages/$id" "$tmp/chroot/stages/odd" "$tmp/chroot/layers/$key"
printf small >"$tmp/chroot/stages/$id/name"
of chroot -s "$tmp/chroot" remove ""
are "$id $key small"
ok "stages by id and name, and layers"
of chroot -s "$tmp/chroot" run --stage ""
are "$id $key"
ok "as an option's value"
of chroot -s "$tmp/chroot" import -n ""
are ""
ok "but none for a new stage"
of chroot run --job x --recipe ""
are ":dirs"
ok "a folder as an option's value"
of chroot run --job x -- ""
are ""
ok "behind -- is another program's"
of chroot import -l -d digest ""
said ":files"
ok "an argument after an option with its value"
for p in master slave chroot; do
	run "autotua-$p" completion csh
	[[ $status == 2 ]] && told "completion bash|zsh|fish"
	ok "autotua-$p: an unknown shell"
done

# ---- bash ------------------------------------------------------------------------
cat >"$tmp/bash" <<'X'
p=${program:-jobuild}
source <("$p" completion bash)
[[ $(complete -p "$p") == "complete -F _$p $p" ]] || exit 1
COMP_WORDS=("$p" "$@") COMP_CWORD=$#
"_$p" "$p" "${!#}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
X
run bash --norc "$tmp/bash" gra
said_exactly <<<graph
ok "bash: a command"
run bash --norc "$tmp/bash" lint --color = al
said_exactly <<<always
ok "bash: a value behind ="
run bash --norc "$tmp/bash" show anna/app-1.1
said_exactly <<<anna/app-1.10
ok "bash: a version"
touch "$tree/some file"
run bash --norc "$tmp/bash" parse some
said_exactly <<<"some file"
ok "bash: a file's name with a blank"
program=autotua-master run bash --norc "$tmp/bash" slave re
said_exactly <<<$'resume\nretire'
ok "bash: another program"
run jobuild completion bash
bash -n "$tmp/out" && grep -q 'complete -F' "$tmp/out"
ok "bash: the script is one"
# a terminal of its own, and the key that completes
jobuild completion bash >"$tmp/completion.bash"
cat >"$tmp/type" <<'X'
# SHELL SETUP KEYS LINE: what the line has become
zmodload zsh/zpty
zpty z "$1"
zpty -w z "PS1=; $2; stty columns 200; echo READ''Y"
zpty -r -m z out '*READY*'
zpty -w -n z "$4$3"
zpty -w -n z $'\x01echo "{\x05}"\n'
zpty -r -m z out '*[
]{*}*'
print -r -- "$out" | tr -d '\r' | sed -n 's/^{\(.*\)}$/\1/p'
zpty -d z
X
type_into() { run timeout 60 zsh -f "$tmp/type" "$@"; }
in_bash() {
	type_into "bash --norc --noprofile -i" \
		"cd $tree; . $tmp/completion.bash; bind 'set enable-bracketed-paste off'" \
		$'\t\t' "$1"
}
in_bash "jobuild gra"
said_exactly <<<"jobuild graph "
ok "bash: a command that is typed"
for line in "jobuild run anna/app -p X=" "jobuild run anna/app -m a=" "jobuild show ="; do
	in_bash "$line"
	said_exactly <<<"$line"
	ok "bash: $line stays as it is"
done
in_bash "jobuild lint --color="
said_exactly <<<"jobuild lint --color="
ok "bash: of several values none is chosen"
in_bash "jobuild lint --color=al"
said_exactly <<<"jobuild lint --color=always "
ok "bash: one is"
in_bash "jobuild graph '>=anna/app-1.1"
said_exactly <<<"jobuild graph '>=anna/app-1.10' "
ok "bash: a quoted atom"
in_bash "jobuild -C '$tree' show 'anna/app-1.1"
said_exactly <<<"jobuild -C '$tree' show 'anna/app-1.10' "
ok "bash: quoted words before it"
in_bash "jobuild parse 'some"
said_exactly <<<"jobuild parse 'some file' "
ok "bash: a quoted file's name"

# ---- fish ------------------------------------------------------------------------
export HOME=$tmp/home
mkdir -p "$HOME"
in_fish() { run fish --no-config -c "jobuild completion fish | source; complete -C '$1'"; }
in_fish "jobuild li"
said_exactly <<<"lint	$(jobuild -h | sed -n 's/^  lint *//p')"
ok "fish: a command"
in_fish "jobuild lint --rev"
said_exactly <<<"--revision	a commit instead of the work tree"
ok "fish: an option"
in_fish "jobuild graph --arch=am"
said_exactly <<<"--arch=amd64"
ok "fish: a value behind ="
in_fish "jobuild show anna/app-1.1"
said_exactly <<<"anna/app-1.10"
ok "fish: a version"
in_fish "jobuild graph \">=anna/app-1.1"
said_exactly <<<">=anna/app-1.10"
ok "fish: a quoted atom"
in_fish "jobuild show "
said "anna/" && said "base/" && ! said "Folder"
ok "fish: no files where none are meant"
in_fish "jobuild parse some"
said "some file"
ok "fish: files where they are"
run fish --no-config -c "autotua-chroot completion fish | source; complete -C 'autotua-chroot rec'"
said_exactly <<<"recover	clear away what runs that died have left"
ok "fish: another program"

# ---- zsh: a terminal of its own, and the key that lists ----------------------------
jobuild completion zsh >"$tmp/_jobuild"
in_zsh() {
	type_into "zsh -f -i" "unset zle_bracketed_paste; cd $tree; fpath=($tmp \$fpath)
		autoload -Uz compinit; compinit -D -u; LISTMAX=0
		zstyle ':completion:*' list-colors ''; bindkey '^I' complete-word" \
		$'\t' "$1"
}
in_zsh "jobuild gra"
said_exactly <<<"jobuild graph"
ok "zsh: a command"
in_zsh "jobuild lint --rev"
said_exactly <<<"jobuild lint --revision"
ok "zsh: an option"
in_zsh "jobuild show anna/app-1.1"
said_exactly <<<"jobuild show anna/app-1.10"
ok "zsh: a version"
in_zsh "jobuild graph '>=anna/app-1.1"
said_exactly <<<"jobuild graph '>=anna/app-1.10'"
ok "zsh: a quoted atom"
in_zsh "jobuild show ba"
said_exactly <<<"jobuild show base/"
ok "zsh: no blank after a folder"
in_zsh "jobuild lint --color=al"
said_exactly <<<"jobuild lint --color=always"
ok "zsh: a value behind ="
autotua-slave completion zsh >"$tmp/_autotua-slave"
in_zsh "autotua-slave enr"
said_exactly <<<"autotua-slave enroll"
ok "zsh: another program"
done_testing
