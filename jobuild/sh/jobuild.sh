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
# Theory of operation. The folder of this script holds helpers.sh, its second
# part, and what the planner wrote (all records end with a NUL):
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

emake() {
	local -a make=("${MAKE:-make}" "-j${JOBS:-1}" "$@")

	__autotua_quoted "${make[@]}"
	"${make[@]}" || die -n "failed ($?): $(__autotua_quoted "${make[@]}")"
}

has() { # WORD LIST...
	local word=${1-} item

	shift
	for item; do
		[[ ${item} != "${word}" ]] || return 0
	done
	return 1
}

# ---- helpers that few phases need ------------------------------------------

# They are read when the first of them is called, under any options: none of
# these is to show in what they are, nor to make the log or environment larger.
__autotua_more() {
	local -
	local __autotua_extglob=-s __autotua_aliases=-s

	set +av
	shopt -q extglob || __autotua_extglob=-u
	shopt -q expand_aliases || __autotua_aliases=-u
	shopt -s extglob
	shopt -u expand_aliases
	# shellcheck source=SCRIPTDIR/helpers.sh
	source "${__autotua_dir}/helpers.sh" ||
		die "${__autotua_dir}/helpers.sh: can't be read"
	shopt "${__autotua_extglob}" extglob
	shopt "${__autotua_aliases}" expand_aliases
	__autotua_more() { :; }
}

retry() { # N SECONDS COMMAND...
	__autotua_more
	__autotua_retry "$@"
}

eapply() { # [OPTION...] FILE...
	__autotua_more
	__autotua_eapply "$@"
}

ver_cut() { # RANGE [VERSION]
	__autotua_more
	__autotua_ver_cut "$@"
}

ver_rs() { # RANGE SEPARATOR [RANGE SEPARATOR...] [VERSION]
	__autotua_more
	__autotua_ver_rs "$@"
}

ver_test() { # [A] OPERATOR B
	__autotua_more
	__autotua_ver_test "$@"
}

unpack() { # FILE...
	__autotua_more
	__autotua_unpack "$@"
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
	((${#__autotua_files[@]} > 1)) || return 0
	__autotua_more
	__autotua_prepare_overrides
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
[[ -z ${__autotua_shell} ]] || {
	__autotua_more
	__autotua_begin_shell
}
if [[ -z ${__autotua_watched} ]] &&
	{ [[ -t 0 ]] || ! kill -0 -- "-$$" 2>/dev/null; }; then
	__autotua_more
	__autotua_watch "$@"
fi
trap 'exit 143' TERM # when the command has ended, which gets it too
__autotua_run
exit
