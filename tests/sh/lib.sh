# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TAP and a jobuild folder for tests of jobuild.sh on the host's bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"

tap_leftovers() {
	sed 's/^/# status: /; s/^/# /' "$tmp/status"
	sed 's/^/# log: /' "$tmp/log"
	tr '\0' '|' <"$tmp/report" | sed 's/^/# report: /'
	echo
}

# Make the folder anew: chain files are read from standard input, parted by
# lines "=== shown/path"; the arguments are records of values.
recipe() {
	local line n=-1 name=t-1.0

	rm -rf "$tmp/root"
	mkdir -p "$tmp/root/recipe/files" "$tmp/root"/{work,temp,home,artifacts,distfiles}
	cd "$tmp/root/recipe" || exit 1
	cp "$top"/jobuild/sh/*.sh .
	: >chain
	while IFS= read -r line; do
		if [[ $line == "=== "* ]]; then
			n=$((n + 1))
			: >"$n"
			printf '%s\0%s\0' "${line#=== }" "$n" >>chain
		else
			printf '%s\n' "$line" >>"$n"
		fi
	done
	printf '%s\0' "P=$name" PN=t PV=1.0 JOBUSER=u "FILESDIR=$PWD/files" \
		"A=${A-}" "DISTDIR=$tmp/root/distfiles" "WORKDIR=$tmp/root/work" \
		"S=$tmp/root/work/$name" "T=$tmp/root/temp" ARCH=amd64 JOBS=2 \
		JOB_ID=7 "ARTIFACTS=$tmp/root/artifacts" "HOME=$tmp/root/home" >./env
	: >values
	(($# == 0)) || printf '%s\0' "$@" >values
}

# Run a phase as the jail does: its bash leads a session. Its status in $status,
# output in $tmp/log, report in $tmp/report. A subshell's die or skip ends it by
# a signal; the first such record stands for the status then.
phase() {
	alone env -i "PATH=$PATH" LC_ALL=C.UTF-8 setsid -w \
		/bin/bash --noprofile --norc "$tmp/root/recipe/jobuild.sh" "$1"
	[[ $status != 137 ]] || status=$(meaning)
	echo "$status" >"$tmp/status"
}

# Run it as a part of our group.
by_hand() {
	alone env -i "PATH=$PATH" LC_ALL=C.UTF-8 \
		/bin/bash --noprofile --norc "$tmp/root/recipe/jobuild.sh" "$1"
	echo "$status" >"$tmp/status"
}

alone() { # COMMAND...; what bash says on a signal is nobody's
	{
		"$@" 3>"$tmp/report" >"$tmp/log" 2>&1 </dev/null
		status=$?
	} 2>/dev/null
}

meaning() {
	local i
	local -a field

	mapfile -d '' -t field <"$tmp/report"
	for ((i = 0; i < ${#field[@]}; i += 3)); do
		case ${field[i]} in
		die) echo 1 && return ;;
		skip) echo 77 && return ;;
		esac
	done
	echo 137
}

said() { grep -qF -- "$1" "$tmp/log"; }
reported() { tr '\0' '|' <"$tmp/report" | grep -qF -- "$1"; }
