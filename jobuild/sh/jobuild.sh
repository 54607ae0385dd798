#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck disable=SC2317,SC2119,SC2120 # most functions are called by jobuilds
#
# The bash side of AutotuA: runs one phase of a jobuild inside its chroot.
#
#	/bin/bash --noprofile --norc jobuild.sh PHASE
#	/bin/bash --noprofile --norc jobuild.sh --shell PHASE
#
# Theory of operation. The folder of this script holds what the planner wrote
# (all records end with a NUL):
#	env	NAME=VALUE: what AutotuA sets, and the job's parameters
#	chain	shown path, file name: the chain of files, root first
#	values	name, value: what the planner computed for the global scope
# It sources the chain (in the C locale, as the planner reads it), compares its
# values with the planner's, and runs the phase. What a phase tells goes to
# descriptor 3 as records of three NUL-terminated fields: TYPE KEY VALUE.
# Exit: 0 passed, 1 failed, 77 skipped, 78 values differ.
#
# die and skip end it from any depth, with subshells, pipelines and $(...): a
# subshell tells why and kills the process group that this bash leads, as the
# jail's first command does. Who started it sees the signal and takes the first
# such record for its meaning. What leads no group or is started at a terminal
# is run as a child in a group of its own (--state PREFIX), which leaves its
# status in a file before it is killed.
#
# With --shell descriptor 3 is a terminal, which gets a shell with the phase's
# environment and the recipe's functions.
#
# Names beginning with __autotua_ are this script's; jobuilds can't use them.

if ((BASH_VERSINFO[0] < 5)); then
	echo "jobuild.sh: bash 5 or newer is needed, this is ${BASH_VERSION}" >&2
	exit 1
fi
LC_ALL=C # until the phase; it makes reading this file faster, too
set +o posix
shopt -s extglob
shopt -u patsub_replacement 2>/dev/null
unset -v IFS BASH_ENV ENV
IFS=$' \t\n'
umask 022

__autotua_dir=${BASH_SOURCE[0]%/*}
[[ ${BASH_SOURCE[0]} == */* ]] || __autotua_dir=.
[[ ${__autotua_dir} == /* ]] || __autotua_dir=${PWD}/${__autotua_dir}
__autotua_shell=
__autotua_state= # how the names of this run's few files begin
__autotua_watched=
case ${1-} in
--shell)
	__autotua_shell=1
	shift
	;;
--state)
	__autotua_state=$2
	__autotua_watched=1
	shift 2
	;;
esac
__autotua_phase=${1-}
__autotua_nonfatal=
# A descriptor of our own, as a recipe may well read a list from 3.
if ! { exec {__autotua_out}>&3; } 2>/dev/null; then
	exec 3>/dev/null {__autotua_out}>&3
fi

__autotua_report() { # TYPE KEY VALUE
	printf '%s\0%s\0%s\0' "$1" "$2" "$3" >&"${__autotua_out:-3}"
}

# ---- ending a phase --------------------------------------------------------

# Leave the phase with this status, from any depth.
__autotua_leave() {
	[[ ${BASHPID} != "$$" ]] || exit "$1"
	[[ -z ${__autotua_watched} ]] ||
		printf '%s\n' "$1" >>"${__autotua_state}.status"
	kill -s KILL -- "-$$"
	exit "$1"
}

# What is needed to end a phase has no variables that a recipe could have made
# readonly.

# One line of the call stack: function and place in the original file.
__autotua_frame() { # INDEX, counted from the caller's caller
	local __autotua_i=$(($1 + 1))

	set -- "${FUNCNAME[__autotua_i]}" "${BASH_SOURCE[__autotua_i]}" \
		"${BASH_LINENO[__autotua_i - 1]}"
	[[ -n $2 && -n ${__autotua_shown[$2]+set} ]] || return 0
	[[ $1 != source ]] || set -- "global scope" "$2" "$3"
	printf '  at %s:%s: %s\n' "${__autotua_shown[$2]}" "$3" \
		"${1#__autotua_[0-9]_}"
}

__autotua_stack() {
	local __autotua_n

	for ((__autotua_n = 2; __autotua_n < ${#FUNCNAME[@]}; __autotua_n++)); do
		__autotua_frame "${__autotua_n}"
	done
}

die() {
	if [[ ${1-} == -n ]]; then
		shift
		if [[ -n ${__autotua_nonfatal} ]]; then
			[[ $# -eq 0 ]] || eerror "$*"
			return 1
		fi
	fi
	set -- "${*:-(no message)}" "$(__autotua_stack)"
	{
		printf ' * %s\n' "ERROR: ${__autotua_phase}: $1"
		[[ -z $2 ]] || printf ' * %s\n' "${2//$'\n'/$'\n * '}"
	} >&2
	__autotua_report die - "$1${2:+$'\n'$2}"
	__autotua_leave 1
}

skip() {
	set -- "${*:-(no reason given)}"
	printf ' * skipped: %s\n' "$1"
	__autotua_report skip - "$1"
	# nobody wants a shell after that
	{ : >|"${__autotua_dir%/*}/temp/.skipped"; } 2>/dev/null
	__autotua_leave 77
}

nonfatal() {
	local __autotua_nonfatal=1

	"$@"
}

__autotua_usage() { # TEXT
	die "usage: $1"
}

command_not_found_handle() {
	die "command not found: $1 (install it in job_setup or choose another stage)"
}

# ---- messages --------------------------------------------------------------

__autotua_say() { # LEVEL MARK TEXT...
	local level=$1 mark=$2

	shift 2
	printf ' %s %s\n' "${mark}" "$*"
	__autotua_report log "${level}" "$*"
}

einfo() { __autotua_say info '*' "$@"; }
elog() { __autotua_say log '*' "$@"; }
ewarn() { __autotua_say warn '* WARNING:' "$@" >&2; }
eerror() { __autotua_say error '* ERROR:' "$@" >&2; }
eqawarn() { __autotua_say qa '* QA:' "$@" >&2; }

einfon() {
	printf ' * %s' "$*"
	__autotua_report log info "$*"
}

ebegin() {
	printf ' * %s ...\n' "$*"
	__autotua_report log info "$* ..."
}

eend() { # STATUS [TEXT...]
	local status=${1:-0}

	[[ $# -eq 0 ]] || shift
	if [[ ${status} == 0 ]]; then
		printf '   [ ok ]\n'
	else
		[[ $# -eq 0 ]] || eerror "$@"
		printf '   [ failed ]\n'
	fi
	return "${status}"
}

# ---- commands --------------------------------------------------------------

edo() {
	[[ $# -gt 0 ]] || __autotua_usage 'edo COMMAND [ARGUMENT...]'
	__autotua_quoted "$@"
	"$@" || die -n "failed ($?): $(__autotua_quoted "$@")"
}

# Print the words as they would be typed.
__autotua_quoted() {
	local word out=

	for word; do
		[[ -n ${word} && ${word} != *[!A-Za-z0-9_./=:,+@%-]* ]] || word=${word@Q}
		out+=" ${word}"
	done
	printf '%s\n' "${out# }"
}

# Read it at once: any command changes PIPESTATUS.
pipestatus() {
	local -a all=("${PIPESTATUS[@]}")
	local status last=0

	[[ ${1-} != -v ]] || printf '%s\n' "${all[*]}"
	for status in "${all[@]}"; do
		[[ ${status} == 0 ]] || last=${status}
	done
	return "${last}"
}

retry() { # N SECONDS COMMAND...
	local n=${1-} pause=${2-} i status=1

	[[ $# -ge 3 && ${n} =~ ^[1-9][0-9]{0,3}$ && ${pause} =~ ^[0-9]+$ ]] ||
		__autotua_usage 'retry N SECONDS COMMAND [ARGUMENT...]'
	shift 2
	for ((i = 1; i <= n; i++)); do
		nonfatal "$@" && return 0
		status=$?
		((i < n)) || break
		ewarn "try ${i} of ${n} failed (${status}), again in ${pause} s: $1"
		sleep "${pause}"
	done
	die -n "failed ${n} times (${status}): $(__autotua_quoted "$@")"
}

emake() {
	local -a make=("${MAKE:-make}" "-j${JOBS:-1}" "$@")

	__autotua_quoted "${make[@]}"
	"${make[@]}" || die -n "failed ($?): $(__autotua_quoted "${make[@]}")"
}

# Patches, or folders of them: *.patch and *.diff in the C locale's order.
eapply() {
	local -a options=() files=() list
	local arg LC_ALL=C

	while [[ ${1-} == -* ]]; do
		if [[ $1 == -- ]]; then
			shift
			break
		fi
		options+=("$1")
		shift
	done
	[[ $# -gt 0 ]] || __autotua_usage 'eapply [OPTION...] FILE...'
	for arg; do
		if [[ -d ${arg} ]]; then
			list=("${arg}"/*.@(patch|diff))
			[[ -e ${list[0]} ]] ||
				die "eapply: no *.patch or *.diff in ${arg}"
			files+=("${list[@]}")
		else
			files+=("${arg}")
		fi
	done
	for arg in "${files[@]}"; do
		printf ' * applying %s\n' "${arg##*/}"
		patch -p1 -f -g0 --no-backup-if-mismatch "${options[@]}" \
			<"${arg}" || {
			die -n "eapply: ${arg} does not apply"
			return 1
		}
	done
}

# ---- words and versions (Package Manager Specification, section 12.3) ------

has() { # WORD LIST...
	local word=${1-} item

	shift
	for item; do
		[[ ${item} != "${word}" ]] || return 0
	done
	return 1
}

# Split $1 into __autotua_parts: separator, component, separator, ...
__autotua_split() {
	local rest=$1 part

	__autotua_parts=()
	while :; do
		part=${rest%%[A-Za-z0-9]*}
		[[ -n ${rest} ]] || part=
		[[ ${rest} == *[A-Za-z0-9]* ]] || part=${rest}
		__autotua_parts+=("${part}")
		rest=${rest#"${part}"}
		[[ -n ${rest} ]] || break
		if [[ ${rest} == [0-9]* ]]; then
			part=${rest%%[!0-9]*}
		else
			part=${rest%%[!A-Za-z]*}
		fi
		__autotua_parts+=("${part}")
		rest=${rest#"${part}"}
	done
}

# "2-4" to first=2 last=4 of the caller; max is the highest that there is.
__autotua_range() { # RANGE MAX
	[[ $1 =~ ^([0-9]+)(-([0-9]*))?$ ]] || die "not a range: $1"
	first=$((10#${BASH_REMATCH[1]}))
	if [[ -z ${BASH_REMATCH[2]} ]]; then
		last=${first}
	elif [[ -z ${BASH_REMATCH[3]} ]]; then
		last=$2
	else
		last=$((10#${BASH_REMATCH[3]}))
	fi
	((first <= last || ${#BASH_REMATCH[2]} == 1)) || die "not a range: $1"
}

ver_cut() { # RANGE [VERSION]
	local first last i max out=
	local -a __autotua_parts

	__autotua_split "${2-${PV}}"
	max=$((${#__autotua_parts[@]} / 2))
	__autotua_range "${1-}" "${max}"
	((last <= max)) || last=${max}
	if ((first == 0)); then
		out=${__autotua_parts[0]}
		first=1
	fi
	for ((i = first; i <= last; i++)); do
		((i == first)) || out+=${__autotua_parts[2 * i - 2]}
		out+=${__autotua_parts[2 * i - 1]}
	done
	# a range to the end takes what follows the last component
	if [[ $1 == *- || $1 == *-* && ${1#*-} -gt ${max} ]]; then
		out+=${__autotua_parts[2 * max]-}
	fi
	printf '%s\n' "${out}"
}

ver_rs() { # RANGE SEPARATOR [RANGE SEPARATOR...] [VERSION]
	local version=${PV} first last i max out=
	local -a __autotua_parts

	(($# % 2 == 0)) || version=${!#}
	__autotua_split "${version}"
	max=$((${#__autotua_parts[@]} / 2))
	while (($# >= 2)); do
		__autotua_range "$1" "${max}"
		for ((i = first; i <= last && i <= max; i++)); do
			if ((i == 0 || i == max)) &&
				[[ -z ${__autotua_parts[2 * i]-} ]]; then
				continue # there is no separator at an end
			fi
			__autotua_parts[2 * i]=$2
		done
		shift 2
	done
	for i in "${__autotua_parts[@]}"; do
		out+=${i}
	done
	printf '%s\n' "${out}"
}

# -1, 0 or 1 in REPLY for two strings of digits of any length.
__autotua_compare_numbers() {
	local a=${1##+(0)} b=${2##+(0)} LC_ALL=C

	if ((${#a} != ${#b})); then
		((${#a} < ${#b})) && REPLY=-1 || REPLY=1
	elif [[ ${a} == "${b}" ]]; then
		REPLY=0
	else
		[[ ${a} < ${b} ]] && REPLY=-1 || REPLY=1
	fi
}

__autotua_compare_text() {
	local LC_ALL=C

	if [[ $1 == "$2" ]]; then
		REPLY=0
	else
		[[ $1 < $2 ]] && REPLY=-1 || REPLY=1
	fi
}

# Section 3.3: numeric components, letter, suffixes, revision.
__autotua_version='^([0-9]+(\.[0-9]+)*)([a-z]?)((_(alpha|beta|pre|rc|p)[0-9]*)*)(-r([0-9]+))?$'

__autotua_compare_components() { # A B, each numbers with dots
	local -a a b
	local i x y

	IFS=. read -ra a <<<"$1"
	IFS=. read -ra b <<<"$2"
	__autotua_compare_numbers "${a[0]}" "${b[0]}"
	for ((i = 1; REPLY == 0; i++)); do
		((i < ${#a[@]} || i < ${#b[@]})) || return
		if ((i >= ${#a[@]})); then
			REPLY=-1
		elif ((i >= ${#b[@]})); then
			REPLY=1
		elif [[ ${a[i]} == 0* || ${b[i]} == 0* ]]; then
			x=${a[i]} y=${b[i]}
			while [[ ${x} == *0 ]]; do x=${x%0}; done
			while [[ ${y} == *0 ]]; do y=${y%0}; done
			__autotua_compare_text "${x}" "${y}"
		else
			__autotua_compare_numbers "${a[i]}" "${b[i]}"
		fi
	done
}

__autotua_rank() { # SUFFIX NAME: alpha < beta < pre < rc < none < p
	case ${1%%[0-9]*} in
	alpha) REPLY=0 ;;
	beta) REPLY=1 ;;
	pre) REPLY=2 ;;
	rc) REPLY=3 ;;
	p) REPLY=5 ;;
	*) REPLY=4 ;;
	esac
}

__autotua_compare_suffixes() { # A B, each "_rc1_p2"
	local -a a b
	local i x y

	IFS=_ read -ra a <<<"${1#_}"
	IFS=_ read -ra b <<<"${2#_}"
	REPLY=0
	for ((i = 0; i < ${#a[@]} || i < ${#b[@]}; i++)); do
		__autotua_rank "${a[i]-}"
		x=${REPLY}
		__autotua_rank "${b[i]-}"
		y=${REPLY}
		if ((x != y)); then
			((x < y)) && REPLY=-1 || REPLY=1
			return
		fi
		x=${a[i]-} y=${b[i]-}
		__autotua_compare_numbers "${x##*[a-z]}" "${y##*[a-z]}"
		((REPLY == 0)) || return
	done
}

__autotua_compare_versions() { # A B; REPLY
	local -a a b

	[[ $1 =~ ${__autotua_version} ]] || die "not a version: $1"
	a=("${BASH_REMATCH[@]}")
	[[ $2 =~ ${__autotua_version} ]] || die "not a version: $2"
	b=("${BASH_REMATCH[@]}")
	__autotua_compare_components "${a[1]}" "${b[1]}"
	((REPLY == 0)) || return
	__autotua_compare_text "${a[3]}" "${b[3]}"
	((REPLY == 0)) || return
	__autotua_compare_suffixes "${a[4]}" "${b[4]}"
	((REPLY == 0)) || return
	__autotua_compare_numbers "${a[8]:-0}" "${b[8]:-0}"
}

ver_test() { # [A] OPERATOR B
	local REPLY
	local -a args=("$@")

	(($# == 3)) || args=("${PV}" "$@")
	((${#args[@]} == 3)) || __autotua_usage 'ver_test [VERSION] OPERATOR VERSION'
	case ${args[1]} in
	-eq | -ne | -lt | -le | -gt | -ge) ;;
	*) die "ver_test: not an operator: ${args[1]}" ;;
	esac
	__autotua_compare_versions "${args[0]}" "${args[2]}"
	test "${REPLY}" "${args[1]}" 0
}

# ---- archives --------------------------------------------------------------

__autotua_need() { # PROGRAM FILE
	type -P "$1" >/dev/null ||
		die "unpack: $2 needs $1, which this chroot has not: install it in job_setup"
}

# Read member names, one a line; die at one that leaves the folder.
__autotua_check_members() { # FILE
	local name any=

	while IFS= read -r name; do
		any=1
		name=${name//\\//}
		case /${name}/ in
		//*) [[ -z ${name} ]] || die "unpack: $1: member with an absolute path: ${name}" ;;
		*/../*) die "unpack: $1: member leaves the folder: ${name}" ;;
		esac
	done
	[[ -n ${any} ]] || die "unpack: $1: no members: empty or broken archive"
}

# Decompress $1 to standard output by its last suffix.
__autotua_decompress() { # FILE
	local tool

	case ${1,,} in
	*.gz | *.tgz | *.z) tool='gzip -dc' ;;
	*.bz2 | *.tbz2 | *.tbz) tool='bzip2 -dc' ;;
	*.xz | *.txz | *.lzma | *.tlz) tool='xz -dc' ;; # tells them apart itself
	*.zst | *.tzst) tool='zstd -dcq' ;;
	*.lz4) tool='lz4 -dcq' ;;
	*) tool='cat' ;;
	esac
	__autotua_need "${tool%% *}" "$1"
	${tool} <"$1"
}

__autotua_untar() { # FILE
	local list

	__autotua_need tar "$1"
	list=$(
		__autotua_decompress "$1" | tar -tf -
		pipestatus
	) || die "unpack: $1: broken archive"
	__autotua_check_members "$1" <<<"${list}"
	__autotua_decompress "$1" | tar -xf - -o
	pipestatus || die "unpack: $1: can't be unpacked"
}

__autotua_unzip() { # FILE
	local list

	__autotua_need unzip "$1"
	list=$(unzip -Z1 "$1") || die "unpack: $1: broken archive"
	__autotua_check_members "$1" <<<"${list}"
	unzip -qo "$1" || die "unpack: $1: can't be unpacked"
}

__autotua_un7z() { # FILE
	local list tool

	for tool in 7z 7zz 7zr; do
		! type -P "${tool}" >/dev/null || break
	done
	__autotua_need "${tool}" "$1"
	list=$("${tool}" l -slt -ba "$1" </dev/null) ||
		die "unpack: $1: broken archive"
	__autotua_check_members "$1" < <(
		while IFS= read -r line; do
			[[ ${line} != 'Path = '* ]] || printf '%s\n' "${line#Path = }"
		done <<<"${list}"
	)
	"${tool}" x -y "$1" </dev/null >/dev/null ||
		die "unpack: $1: can't be unpacked"
}

__autotua_unar() { # FILE
	local list

	__autotua_need ar "$1"
	list=$(ar t "$1") || die "unpack: $1: broken archive"
	__autotua_check_members "$1" <<<"${list}"
	ar x "$1" || die "unpack: $1: can't be unpacked"
}

__autotua_uncpio() { # FILE
	local list

	__autotua_need cpio "$1"
	list=$(
		__autotua_decompress "$1" | cpio -t --quiet
		pipestatus
	) || die "unpack: $1: broken archive"
	__autotua_check_members "$1" <<<"${list}"
	__autotua_decompress "$1" |
		cpio -idmu --quiet --no-absolute-filenames --no-preserve-owner
	pipestatus || die "unpack: $1: can't be unpacked"
}

__autotua_unpack_one() { # FILE
	local name=${1##*/}

	case ${name,,} in
	*.tar | *.tar.@(gz|bz2|xz|zst|lz4|lzma|z) | *.@(tgz|tbz2|tbz|txz|tzst|tlz))
		__autotua_untar "$1"
		;;
	*.zip | *.jar) __autotua_unzip "$1" ;;
	*.7z) __autotua_un7z "$1" ;;
	*.deb | *.a | *.ar) __autotua_unar "$1" ;;
	*.cpio | *.cpio.@(gz|bz2|xz|zst|lz4|lzma)) __autotua_uncpio "$1" ;;
	*.@(gz|bz2|xz|zst|lz4|lzma|z))
		__autotua_decompress "$1" >"${name%.*}" ||
			die "unpack: $1: broken"
		;;
	*) die "unpack: ${name}: unknown kind of archive; copy or unpack it by hand" ;;
	esac
}

unpack() {
	local file

	[[ $# -gt 0 ]] || __autotua_usage 'unpack FILE...'
	for file; do
		[[ ${file} == */* ]] || file=${DISTDIR}/${file}
		[[ -f ${file} ]] || die "unpack: ${file}: no such file"
		printf ' * unpacking %s\n' "${file##*/}"
		__autotua_unpack_one "${file}"
	done
	chmod -R a+rX,u+w,go-w . || die "unpack: can't set modes below ${PWD}"
}

# ---- results ---------------------------------------------------------------

artifact() { # [--type=TYPE] PATH...
	local kind=file path rel

	case ${1-} in
	--type=package | --type=image | --type=log | --type=file)
		kind=${1#--type=}
		shift
		;;
	--*) die "artifact: not known: $1 (--type=package, image, log or file)" ;;
	esac
	[[ $# -gt 0 ]] || __autotua_usage 'artifact [--type=TYPE] PATH...'
	for path; do
		[[ -e ${path} ]] || die "artifact: ${path}: no such file"
		rel=${path#"${ARTIFACTS}/"}
		if [[ ${rel} == "${path}" ]]; then
			rel=${path%/}
			rel=${rel##*/}
			cp -pR "${path}" "${ARTIFACTS}/" ||
				die "artifact: ${path} can't be copied"
		fi
		__autotua_report artifact "${kind}" "${rel}"
	done
}

result() { # KEY=VALUE...
	local pair

	[[ $# -gt 0 ]] || __autotua_usage 'result KEY=VALUE...'
	for pair; do
		[[ ${pair} =~ ^[A-Za-z][A-Za-z0-9_.-]{0,63}= ]] ||
			die "result: not KEY=VALUE (a letter, then letters, digits, _ . -): ${pair}"
		printf ' * result: %s\n' "${pair}"
		__autotua_report result "${pair%%=*}" "${pair#*=}"
	done
}

# ---- phases ----------------------------------------------------------------

__autotua_default() { # PHASE
	local -a files

	[[ $1 == job_unpack ]] || return 0
	read -ra files <<<"${A-}"
	[[ ${#files[@]} -eq 0 ]] || unpack "${files[@]}"
}

default() {
	__autotua_default "${__autotua_phase}"
}

# Run the next definition of the calling function up the chain.
super() {
	local name=${FUNCNAME[1]} link=${#__autotua_files[@]}

	if [[ ${name} =~ ^__autotua_([0-9])_(.*)$ ]]; then
		link=${BASH_REMATCH[1]}
		name=${BASH_REMATCH[2]}
	fi
	while ((--link >= 0)); do
		if declare -F "__autotua_${link}_${name}" >/dev/null; then
			"__autotua_${link}_${name}" "$@"
			return
		fi
	done
	die "super: no file up the chain defines ${name}"
}

# ---- reading the chain -----------------------------------------------------

# name:line of each function that the file defines, read in a subshell.
__autotua_functions() { # FILE
	(
		shopt -s extdebug
		local __name __line __file
		while read -r __name; do
			unset -f "${__name}"
		done < <(compgen -A function)
		# shellcheck disable=SC1090 # the recipe
		source "$1" >/dev/null
		while read -r __name; do
			read -r _ __line __file <<<"$(declare -F "${__name}")"
			printf '%s:%s\n' "${__name}" "${__line}"
		done < <(compgen -A function)
	)
}

# Write file number $1 with the overridden functions $2... ("name:line")
# renamed to __autotua_$1_name; no line moves.
__autotua_rename() {
	local link=$1 entry name line
	local -a text

	mapfile -t text <"${__autotua_files[link]}"
	shift
	for entry; do
		name=${entry%:*}
		line=$((${entry##*:} - 1))
		while ((line >= 0)) && [[ ${text[line]} != "${name}"* ]]; do
			line=$((line - 1)) # the brace was on a line of its own
		done
		((line >= 0)) || die "${name}: its definition isn't found"
		text[line]="__autotua_${link}_${text[line]}"
	done
	printf '%s\n' "${text[@]}" >"${__autotua_state}.${link}"
}

# Let files whose functions a later one overrides be read under other names.
__autotua_prepare_overrides() {
	local link entry n=${#__autotua_files[@]}
	local -A later=()
	local -a all overridden

	for ((link = n - 1; link >= 0; link--)); do
		mapfile -t all < <(__autotua_functions "${__autotua_files[link]}")
		overridden=()
		for entry in "${all[@]}"; do
			[[ -z ${later[${entry%:*}]+set} ]] || overridden+=("${entry}")
			later[${entry%:*}]=1
		done
		if ((${#overridden[@]} > 0)); then
			__autotua_rename "${link}" "${overridden[@]}"
			__autotua_shown[${__autotua_state}.${link}]=${__autotua_shown[${__autotua_files[link]}]}
			__autotua_files[link]=${__autotua_state}.${link}
			__autotua_made+=("${__autotua_state}.${link}")
		fi
	done
}

__autotua_compare() {
	local name value i bad=
	local -a values
	local -A known=()

	mapfile -d '' -t values <"${__autotua_dir}/values" ||
		die "${__autotua_dir}/values: can't be read"
	for ((i = 0; i + 1 < ${#values[@]}; i += 2)); do
		name=${values[i]} value=${values[i + 1]}
		known[${name}]=1
		if [[ ${!name-} != "${value}" ]]; then
			bad=1
			printf ' * ERROR: %s: bash has %s, the planner computed %s\n' \
				"${name}" "${!name@Q}" "${value@Q}" >&2
			__autotua_report mismatch "${name}" "${!name-}"
		fi
	done
	for name in ${EXTENDS:+EXTENDS} ${DESCRIPTION:+DESCRIPTION} \
		${HOMEPAGE:+HOMEPAGE} ${SRC_URI:+SRC_URI} \
		${PORTCONF_URI:+PORTCONF_URI} ${DEPEND:+DEPEND} \
		${SIDEPEND:+SIDEPEND} ${STAGE:+STAGE} ${ARCH:+ARCH} \
		${REQUIRES:+REQUIRES} ${PROPERTIES:+PROPERTIES} \
		${LOCKS:+LOCKS} ${RESOURCES:+RESOURCES} ${BLOCKS:+BLOCKS}; do
		[[ -z ${known[${name}]-} ]] || continue
		bad=1
		printf ' * ERROR: %s: bash has %s, the planner nothing\n' \
			"${name}" "${!name@Q}" >&2
		__autotua_report mismatch "${name}" "${!name}"
	done
	[[ -z ${bad} ]] || __autotua_leave 78
}

__autotua_read_chain() {
	local i file
	local -a chain

	mapfile -d '' -t chain <"${__autotua_dir}/chain" ||
		die "${__autotua_dir}/chain: can't be read"
	for ((i = 0; i + 1 < ${#chain[@]}; i += 2)); do
		file=${__autotua_dir}/${chain[i + 1]}
		__autotua_files+=("${file}")
		__autotua_shown[${file}]=${chain[i]}
	done
	((${#__autotua_files[@]} < 2)) || __autotua_prepare_overrides
}

# Source the chain with what is set before; the rest of env is set after it,
# by who calls this.
__autotua_source_chain() {
	local __autotua_file
	local -a __autotua_env __autotua_early=()

	mapfile -d '' -t __autotua_env <"${__autotua_dir}/env" ||
		die "${__autotua_dir}/env: can't be read"
	for __autotua_file in "${__autotua_env[@]}"; do
		case ${__autotua_file} in
		P=* | PN=* | PV=* | JOBUSER=* | FILESDIR=*) __autotua_early+=("${__autotua_file}") ;;
		*) __autotua_late+=("${__autotua_file}") ;;
		esac
	done
	export "${__autotua_early[@]}"
	__autotua_read_chain
	for __autotua_file in "${__autotua_files[@]}"; do
		# shellcheck disable=SC1090 # the recipe
		source "${__autotua_file}" || die "${__autotua_shown[${__autotua_file}]}: can't be read"
	done
	((${#__autotua_made[@]} == 0)) || command rm -f "${__autotua_made[@]}"
}

__autotua_enter() {
	local dir=${WORKDIR}

	case ${__autotua_phase} in
	job_run | job_collect) [[ ! -d ${S} ]] || dir=${S} ;;
	esac
	cd "${dir}" || die "can't enter ${dir}"
}

declare -A __autotua_shown=()
declare -a __autotua_files=() __autotua_late=()
declare -a __autotua_made=() # files, to be deleted

# Files in the C locale, phase in C.UTF-8.
__autotua_run() {
	__autotua_report phase - "${__autotua_phase}"
	__autotua_source_chain
	__autotua_compare
	export "${__autotua_late[@]}" LC_ALL=C.UTF-8 PHASE="${__autotua_phase}"
	__autotua_enter
	if declare -F "${__autotua_phase}" >/dev/null; then
		"${__autotua_phase}"
	else
		__autotua_default "${__autotua_phase}"
	fi || die "${__autotua_phase} returned $?"
}

# ---- a shell ---------------------------------------------------------------

# Instead of the phase: variables and functions go to the shell by a file.
__autotua_begin_shell() {
	local __autotua_rc=${__autotua_dir%/*}/temp/.shell
	local -a command=(/bin/bash --noprofile --rcfile "${__autotua_rc}" -i)

	[[ ! -e ${__autotua_dir%/*}/temp/.skipped ]] || exit 0
	# who leads a session and opens a terminal has it for job control
	{ exec 0<>/proc/self/fd/3; } 2>/dev/null || exec 0<&3
	exec 1>&0 2>&0 3>/dev/null
	__autotua_source_chain
	export "${__autotua_late[@]}" LC_ALL=C.UTF-8 PHASE="${__autotua_phase}" TERM=xterm
	{
		echo 'shopt -s extglob'
		declare -f
		cat <<-'END'
			die() {
				[[ ${1-} != -n ]] || shift
				echo "die: $*" >&2
				return 1
			}
			phase() {
				env -i PATH="${PATH}" HOME="${HOME}" LC_ALL=C.UTF-8 TERM=dumb \
					/bin/bash --noprofile --norc /autotua/recipe/jobuild.sh "$@"
			}
			unset HISTFILE
			PS1='${JOBUSER}/${P} ${PHASE} \w \$ '
		END
	} >"${__autotua_rc}"
	__autotua_enter
	echo "${__autotua_phase} of ${JOBUSER}/${P} failed; this is its chroot."
	echo '"phase job_run" runs a phase again; "exit" ends the shell.'
	exec "${command[@]}"
}

# ---- a group of its own ----------------------------------------------------

# Run it there, with a status for the signal that may end it.
__autotua_watch() { # PHASE
	local status

	set -m
	"${BASH}" --noprofile --norc "${BASH_SOURCE[0]}" --state "${__autotua_state}" "$@" \
		</dev/null {__autotua_out}>&- &
	trap 'kill -s TERM -- "-$!" 2>/dev/null' TERM INT HUP
	set +m
	wait "$!" 2>/dev/null
	status=$?
	# a signal of ours ends the waiting, not the phase
	while kill -0 "$!" 2>/dev/null; do
		wait "$!" 2>/dev/null
		status=$?
	done
	kill -s KILL -- "-$!" 2>/dev/null
	[[ ! -e ${__autotua_state}.status ]] ||
		read -r status <"${__autotua_state}.status"
	rm -f "${__autotua_state}".*
	exit "${status:-1}"
}

case ${__autotua_phase} in
job_setup | job_unpack | job_run | job_collect) ;;
*)
	echo "usage: jobuild.sh job_setup|job_unpack|job_run|job_collect" >&2
	exit 2
	;;
esac
[[ -n ${__autotua_state} ]] || {
	# below T, which only this job can see
	__autotua_state=${__autotua_dir%/*}/temp
	[[ -d ${__autotua_state} ]] || __autotua_state=${TMPDIR:-/tmp}
	__autotua_state+=/.jobuild-$$
}
[[ -z ${__autotua_shell} ]] || __autotua_begin_shell
if [[ -z ${__autotua_watched} ]] &&
	{ [[ -t 0 ]] || ! kill -0 -- "-$$" 2>/dev/null; }; then
	__autotua_watch "$@"
fi
trap 'exit 143' TERM # when the command has ended, which gets it too
__autotua_run
exit
