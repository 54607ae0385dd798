# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables are jobuild.sh's
#
# The second part of jobuild.sh, with what few phases need: to read it takes as
# long as all else that jobuild.sh does. Its functions have names that no recipe
# has, so that it can be read at any moment.

# ---- commands --------------------------------------------------------------

__autotua_retry() { # N SECONDS COMMAND...
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

# Patches, or folders of them: *.patch and *.diff in the C locale's order.
__autotua_eapply() {
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

__autotua_ver_cut() { # RANGE [VERSION]
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

__autotua_ver_rs() { # RANGE SEPARATOR [RANGE SEPARATOR...] [VERSION]
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

# Section 3.3: numeric components, letter, suffixes, revision.
__autotua_compare_versions() { # A B; REPLY
	local version='^([0-9]+(\.[0-9]+)*)([a-z]?)((_(alpha|beta|pre|rc|p)[0-9]*)*)(-r([0-9]+))?$'
	local -a a b

	[[ $1 =~ ${version} ]] || die "not a version: $1"
	a=("${BASH_REMATCH[@]}")
	[[ $2 =~ ${version} ]] || die "not a version: $2"
	b=("${BASH_REMATCH[@]}")
	__autotua_compare_components "${a[1]}" "${b[1]}"
	((REPLY == 0)) || return
	__autotua_compare_text "${a[3]}" "${b[3]}"
	((REPLY == 0)) || return
	__autotua_compare_suffixes "${a[4]}" "${b[4]}"
	((REPLY == 0)) || return
	__autotua_compare_numbers "${a[8]:-0}" "${b[8]:-0}"
}

__autotua_ver_test() { # [A] OPERATOR B
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

__autotua_unpack() {
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

# ---- functions that a later file overrides ---------------------------------

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
	"${BASH}" --noprofile --norc "$0" --state "${__autotua_state}" "$@" \
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
