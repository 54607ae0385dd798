# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What chaos.t builds, what it breaks, and how its end is checked. Comes after
# farm.sh. What a unit writes follows from its name and $seed alone, so that
# each byte can be made again here and compared.
# shellcheck disable=SC2154 # set by farm.sh and chaos.t
# shellcheck disable=SC2016 # for recipes and SQL
# shellcheck disable=SC2034 # for chaos.t
state=$seed

# The same seed makes the same choices, in subshells or not.
roll() { # N: sets r to 0..N-1
	state=$(((state * 1103515245 + 12345) % 2147483648))
	r=$(((state >> 8) % $1))
}
pick() { # WORD...: sets picked
	roll $#
	picked=${*:r + 1:1}
}

# ---- the tree ---------------------------------------------------------------------

# Park and Miller's numbers: small enough for awk to be exact. Lines of words,
# or bytes of all kinds.
noise='BEGIN {
	s = seed
	for (i = 1; i <= lines; i++) {
		printf "%s %d of %d:", name, i, lines
		for (k = 0; k < 8; k++) {
			s = s * 16807 % 2147483647
			printf " %d", s
		}
		print ""
	}
	for (i = 0; i < bytes; i++) {
		s = s * 16807 % 2147483647
		printf "%c", 1 + s % 255
	}
}'

unit_name() { printf 'u%03d' "$1"; }
# Two calls' worth of lines, and bytes of the artifact: from the name.
figures_of() { # NAME: sets n_seed n_lines n_bytes
	n_seed=$((1 + (seed * 7919 + $(cksum <<<"$1" | cut -d ' ' -f 1)) % 2147483646))
	n_lines=$((1 + n_seed % 150))
	n_bytes=$((n_seed % 4 ? n_seed % 3000 : n_seed % 40000))
	((n_seed % 7)) || n_lines=$((n_lines + 4000))
}
make_noise() { # NAME SEED LINES BYTES
	LC_ALL=C busybox awk -v name="$1" -v seed="$2" -v lines="$3" -v bytes="$4" "$noise"
}
log_of() { # NAME
	figures_of "$1"
	make_noise "$1" "$n_seed" "$n_lines" 0
	make_noise "$1, after a pause" "$n_seed" "$n_lines" 200
}
artifact_of() { # NAME
	figures_of "$1"
	make_noise "$1" "$n_seed" 0 "$n_bytes"
}

chaos_recipe() { # NAME [LINE...]
	local name=$1 call="LC_ALL=C awk -v seed="

	shift
	figures_of "$name"
	call+="$n_seed"
	{
		printf 'DESCRIPTION="writes what its name says"\n'
		printf '%s\n' "$@"
		printf 'noise=%s\n' "'$noise'"
		printf 'job_run() {\n\t%s -v name="%s" -v lines=%d "${noise}"\n' "$call" "$name" "$n_lines"
		printf '\tsleep %s\n' "$((n_seed % 9 ? 0 : n_seed % 3)).$((n_seed % 6))"
		printf '\t%s -v name="%s, after a pause" -v lines=%d -v bytes=200 "${noise}"\n}\n' \
			"$call" "$name" "$n_lines"
		printf 'job_collect() {\n\t%s -v lines=0 -v bytes=%d "${noise}" >%s.bin\n' "$call" "$n_bytes" "$name"
		printf '\tartifact %s.bin\n}\n' "$name"
	} | recipe "chaos/$name/$name-1.0"
}

# N units that need others of lower number, and one that needs all. Every third
# has a step before its own: the same one, so that it is a layer where it ran.
chaos_tree() { # UNITS
	local i k needs lines all="" names=(base all)

	chaos_recipe base
	for ((i = 1; i <= $1; i++)); do
		needs="" lines=()
		roll 4
		for ((k = r; k > 0 && i > 1; k--)); do
			roll $((i - 1))
			needs+="chaos/$(unit_name $((1 + r)))"$'\n'
		done
		[[ -z $needs ]] || lines+=("SIDEPEND=\"$(sort -u <<<"${needs%$'\n'}" | xargs)\"")
		((i % 3)) || lines+=('DEPEND="chaos/base"')
		chaos_recipe "$(unit_name "$i")" "${lines[@]}"
		all+=" chaos/$(unit_name "$i")"
		names+=("$(unit_name "$i")")
	done
	chaos_recipe all "SIDEPEND=\"${all# }\""
	mkdir -p "$tmp/expect"
	for i in "${names[@]}"; do
		log_of "$i" >"$tmp/expect/$i.log"
		artifact_of "$i" >"$tmp/expect/$i.bin"
		b2sum -l 256 "$tmp/expect/$i.bin" | cut -d ' ' -f 1 >"$tmp/expect/$i.digest"
	done
}

# ---- the end: each prints a line for what is wrong, and fails if there is any -----

rows() { sqlite3 -separator ' ' "$1/master.db" "$2"; } # STATE SQL
none() { ! grep .; }
one_name() { n=${1#*/} n=${n%-*}; } # ATOM: sets n

# All jobs that were answered are there, all have passed, one result a step.
check_results() { # STATE
	{
		rows "$1" "SELECT 'job', id, state FROM job WHERE state <> 'passed' OR ended IS NULL"
		rows "$1" "SELECT 'unit', id, state FROM unit WHERE state <> 'passed' OR ended IS NULL"
		while read -r job; do
			[[ -n $(rows "$1" "SELECT 1 FROM job WHERE id = $job") ]] || echo "job $job was answered, and isn't there"
		done <"$tmp/answered"
		rows "$1" "SELECT 'unit', n.id, 'step', s.step, 'reports', count(r.step) FROM unit n
			JOIN unit o ON o.id = coalesce(n.reused_id, n.id) JOIN step s ON s.unit_id = n.id
			LEFT JOIN report r ON r.unit_id = o.id AND r.attempt = o.attempt AND r.step = s.step
			AND json_extract(r.body, '\$.result') = 'passed'
			GROUP BY n.id, s.step HAVING count(r.step) <> 1"
	} | none
}

# Attempts count up, each unit that ran has passed in its last attempt, and in
# no other: but that one may have passed too late, when its job was cancelled.
check_attempts() { # STATE
	{
		rows "$1" "SELECT 'lease', id, 'is held' FROM lease WHERE state = 'held'"
		rows "$1" "SELECT 'unit', n.id, 'has not passed in attempt', n.attempt FROM unit n
			LEFT JOIN lease l ON l.unit_id = n.id AND l.attempt = n.attempt
			AND l.state = 'done' AND l.result = 'passed' WHERE n.reused_id IS NULL AND l.id IS NULL"
		rows "$1" "SELECT 'unit', n.id, 'passed in attempt', l.attempt, 'too' FROM unit n
			JOIN lease l ON l.unit_id = n.id AND l.result = 'passed' AND l.attempt <> n.attempt
			WHERE NOT EXISTS (SELECT 1 FROM audit WHERE what = 'cancel' AND object = 'job ' || n.job_id)"
		rows "$1" "SELECT 'lease', b.id, 'attempt', b.attempt, 'after', a.attempt FROM lease a
			JOIN lease b ON b.unit_id = a.unit_id AND b.id > a.id WHERE b.attempt <= a.attempt"
		rows "$1" "SELECT 'unit', unit_id, 'gap before attempt', max(attempt) FROM lease
			GROUP BY unit_id HAVING max(attempt) <> count(*)"
		rows "$1" "SELECT 'report of unit', r.unit_id, 'attempt', r.attempt, 'without lease' FROM report r
			LEFT JOIN lease l ON l.unit_id = r.unit_id AND l.attempt = r.attempt WHERE l.id IS NULL"
	} | none
}

# What slaves noted when they began, against what the master gave. A slave may
# be killed before it notes anything, but what has passed was begun once.
check_starts() { # STATE
	rows "$1" "SELECT l.id, l.attempt, s.name, n.root, l.state || l.result FROM lease l
		JOIN slave s ON s.id = l.slave_id JOIN unit n ON n.id = l.unit_id" >"$tmp/leases"
	awk '
		NR == FNR { given[$1] = $2 " " $3 " " $4; passed[$1] = $5 == "donepassed"; next }
		!($1 in given) { print "lease " $1 " was begun, never given" }
		$1 in given && given[$1] != $2 " " $3 " " $4 { print "lease " $1 " is " given[$1] ", begun as " $2, $3, $4 }
		{ begun[$1]++ }
		END { for (i in passed) if (passed[i] && begun[i] != 1) print "lease " i " passed, begun " begun[i] + 0 " times" }
	' "$tmp/leases" "$tmp/starts" | none
}
note_starts() { # from the logs of the slaves
	local name

	for name in "${slaves[@]}"; do
		sed -n "s/.*accepted lease=\([0-9]*\) attempt=\([0-9]*\) root=\(.*\)/\1 \2 $name \3/p" "$tmp/$name.log"
	done >"$tmp/starts"
}

read_log() { # FILE without .log
	if [[ -e $1.log.zst ]]; then
		zstd -qdc "$1.log.zst"
	elif [[ -e $1.log ]]; then
		cat "$1.log"
	fi
}

# What the log of a step must be, when it passed; the slave writes the ends.
whole_log() { # NAME STEP
	echo " * chaos/$1-1.0, step $2, on $arch, stage ${stage:0:12}"
	cat "$tmp/expect/$1.log"
	echo " * passed"
}

# One that didn't pass is how a whole one begins; where they part a line says
# why, and may begin as what would have come.
is_beginning() { # FILE WHOLE
	local LC_ALL=C at line

	at=$(cmp "$1" "$2" 2>&1) || true
	[[ -n $at && $at != *"EOF on $1"* ]] || return 0
	[[ $at =~ "byte "([0-9]+) ]] || return
	at=${BASH_REMATCH[1]}
	line=$(tail -c "+$((at > 3 ? at - 3 : 1))" "$1" | tr -d '\0')
	[[ $line =~ ^.{0,4}" * "[^$'\n']*$ ]]
}

# Where they part, and what comes then.
parted() { # FILE WHOLE
	local LC_ALL=C at

	at=$(cmp "$1" "$2" 2>&1) || true
	[[ $at =~ "byte "([0-9]+) ]] || return 0
	echo " at ${BASH_REMATCH[1]} of $(stat -c %s "$1"): $(tail -c "+${BASH_REMATCH[1]}" "$1" | head -c 300 | cat -v | tr '\n' '$')"
}

# Logs of what passed byte by byte; what was lost or failed is how one begins.
check_logs() { # STATE
	local unit attempt step atom key result bytes n
	local arch stage

	arch=$(rows "$1" "SELECT arch FROM unit LIMIT 1")
	stage=$(rows "$1" "SELECT digest FROM stage")
	rows "$1" "SELECT l.unit_id, l.attempt, s.step, s.atom, s.key,
		CASE WHEN json_extract(r.body, '\$.reused') THEN 'reused'
		ELSE coalesce(json_extract(r.body, '\$.result'), 'none') END,
		coalesce(json_extract(r.body, '\$.log_bytes'), 0)
		FROM lease l JOIN step s ON s.unit_id = l.unit_id LEFT JOIN report r
		ON r.unit_id = l.unit_id AND r.attempt = l.attempt AND r.step = s.step" |
		while read -r unit attempt step atom key result bytes; do
			one_name "$atom"
			read_log "$1/logs/$unit/$attempt/$step" >"$tmp/seen"
			if [[ $result == reused ]]; then
				echo " * $atom: reused, layer ${key:0:12} is there" >"$tmp/want"
			else
				whole_log "$n" "$step" >"$tmp/want"
			fi
			case $result in
			passed | reused)
				cmp -s "$tmp/seen" "$tmp/want" && [[ $(stat -c %s "$tmp/seen") == "$bytes" ]] ||
					echo "log of unit $unit attempt $attempt step $step ($n): $(cmp "$tmp/seen" "$tmp/want" 2>&1)"
				;;
			*)
				echo " * $atom: reused, layer ${key:0:12} is there" >"$tmp/reused"
				is_beginning "$tmp/seen" "$tmp/want" || is_beginning "$tmp/seen" "$tmp/reused" ||
					grep -aqxF " * $atom: reused, layer ${key:0:12} is there" "$tmp/seen" ||
					echo "log of unit $unit attempt $attempt step $step ($n, $result): other bytes$(parted "$tmp/seen" "$tmp/want")"
				;;
			esac
		done | none
}

# Each step that ran in the attempt that counts has its artifact, by digest and
# byte. What passed too late, when its job was cancelled, has none.
check_artifacts() { # STATE
	local unit atom path digest n

	{
		rows "$1" "SELECT 'unit', r.unit_id, 'step', r.step, 'artifacts', count(a.id) FROM lease l
			JOIN unit n ON n.id = l.unit_id AND n.attempt = l.attempt AND n.reused_id IS NULL
			JOIN report r ON r.unit_id = l.unit_id AND r.attempt = l.attempt
			LEFT JOIN artifact a ON a.unit_id = r.unit_id AND a.attempt = r.attempt AND a.step = r.step
			WHERE l.state = 'done' AND l.result = 'passed' AND NOT coalesce(json_extract(r.body, '\$.reused'), 0)
			GROUP BY r.unit_id, r.step HAVING count(a.id) <> 1"
		rows "$1" "SELECT a.unit_id, s.atom, a.path, a.digest FROM artifact a
			JOIN step s ON s.unit_id = a.unit_id AND s.step = a.step" |
			while read -r unit atom path digest; do
				one_name "$atom"
				[[ $path == "$n.bin" && $digest == "$(<"$tmp/expect/$n.digest")" ]] ||
					echo "artifact $path of unit $unit has the digest $digest"
				cmp -s "$1/blobs/${digest:0:2}/$digest" "$tmp/expect/$n.bin" ||
					echo "artifact $path of unit $unit has other bytes"
			done
	} | none
}

check_whole() { # STATE
	{
		autotua-master -C "$1" check 2>&1 | grep -v ' 0 wrong, 0 orphans$'
		autotua-master -C "$1" audit verify >/dev/null 2>&1 || echo "the audit doesn't verify"
	} | none
}

check_all() { # STATE
	local what bad=0

	for what in results attempts starts logs artifacts whole; do
		"check_$what" "$1" || bad=1
	done
	return $bad
}

# What runs where our folders are mounted, but not here.
in_jails() {
	local dir here

	here=$(readlink /proc/self/ns/mnt)
	for dir in /proc/[0-9]*; do
		[[ $(readlink "$dir/ns/mnt") == "$here" ]] || ! grep -qs "$tmp/" "$dir/mountinfo" ||
			echo "${dir#/proc/} $(tr '\0' ' ' <"$dir/cmdline")"
	done 2>/dev/null
}

# Nothing of what ran is left: processes, mounts, runs, spools, halves of files.
check_left() {
	{
		pgrep -af "autotua-(master|slave|chroot).*$tmp" | sed 's/^/process /'
		in_jails | sed 's/^/process /'
		awk -v at="$tmp/" 'index($2, at) == 1 && $1 != "chaos" { print "mount " $2 }' /proc/mounts
		for n in "${slaves[@]}"; do
			find "$tmp/$n/spool" -mindepth 1 -maxdepth 1
			find "$tmp/$n/chroot/run" "$tmp/$n/chroot/trash" -mindepth 1 -maxdepth 1
		done 2>/dev/null
		find "$tmp/master/tmp" -mindepth 1
		find "$tmp/master" -name '*.part' -o -name '*.tmp' -o -name '*.new'
	} | none
}
