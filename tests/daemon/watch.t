#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The live view of a job in a real terminal: of any size, with wide characters,
# and with a master that goes away.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

lease_time=30s # the slave keeps its work while the master is away
farm_tree alpha
recipe alpha/wide/wide-1.0 <<'X'
DESCRIPTION="Writes lines of wide characters"
job_run() {
	local i line=

	for i in {1..40}; do
		line+="日本語"
	done
	while sleep 0.3; do echo "${line}"; done
}
X
farm_master alpha && sign alpha && commit "signed" && enroll_slave one && start_slave one
ok "a farm"
cd "$tmp/tree" || exit 1
submit alpha/wide
within 30 job_is '.units[0].steps[0].state == "run" and .units[0].steps[0].log_bytes > 0'
ok "a job that writes"

# a shell in a terminal of its own; what it shows, and all that has been above
t() { TMUX_TMPDIR=$tmp LC_ALL=C.UTF-8 tmux -f /dev/null "$@"; }
t new-session -d -x 100 -y 12 "env PS1='> ' TERM=\$TERM bash --norc --noprofile -i"
pid[tmux]=$(t display-message -p '#{pid}')
type_in() { t send-keys "$@"; }
screen() { t capture-pane -p -S -; }
shows() { screen | grep -q -- "$1"; }
hides() { ! shows "$1"; }
redrawn() { [[ $(screen | grep "^job ") != "$seen" ]]; }
# some pictures later there is one on the screen
whole() {
	local left=3

	while ((left-- > 0)); do
		seen=$(screen | grep "^job ")
		within 20 redrawn || return
	done
	[[ $(screen | grep -c "^job $job ") == 1 ]]
}
is_cut() { screen | head -n 1 | grep -qxE "job $job .{$((columns - 7))}"; }
type_in "echo before" Enter
within 10 shows "^before" && type_in "jobuild watch $job; echo \"ended: \$?\"" Enter
within 20 shows "^job $job .*running"; ok "watch draws"
within 20 shows "| 日本語"; ok "with the end of the log"
whole; ok "wide characters leave nothing behind"
for size in "20 6" "200 30" "61 5" "10 2" "20 1" "100 12"; do
	columns=${size% *}
	t resize-window -x "$columns" -y "${size#* }"
	if ((columns < 60)); then within 20 is_cut; else whole; fi
	ok "nor does another size of the terminal: $size"
done

kill_daemon master
within 20 shows "^master away for [0-9]*s: "; ok "a master that is away: the picture says so, and since when"
shows ": $url:" && shows "^[0-9]* alpha/wide-1.0"
ok "with the reason, above what was last known"
away() { screen | grep -o "^master [a-z]* for [0-9]*s"; }
is_later() { [[ -n $(away) && $(away) != "$seen" ]]; }
seen=$(away)
within 20 is_later; ok "the time goes on"
[[ $(screen | grep -c "^job $job \|^master away\|^jobuild:") == 2 ]]; ok "and all is in its place"
start_master
within 30 hides "^master "; ok "it comes back"
whole; ok "and the picture is as before"
kill -STOP "${pid[master]}"
within 20 shows "^master silent for [0-9]*s"; ok "so with a master that says nothing"
seen=$(away)
within 20 is_later; ok "for which the time goes on, too"
kill -CONT "${pid[master]}"
within 20 hides "^master "; ok "until it does"
whole; ok "and here the picture is as before, too"

t pipe-pane -o "cat >'$tmp/left'"
type_in C-z
within 10 shows "^before" && hides "^job $job "; ok "stopped, the shell has its screen"
t pipe-pane
# in the middle of a picture lines don't wrap, and that is no place to wait for
within 10 grep -qF $'\e[?7h\e[H\e[J\e[?1049l' "$tmp/left"; ok "with lines that wrap, wherever the picture was"
type_in "fg" Enter
within 20 shows "^job $job " && hides "^before"; ok "and then the picture is there again"
jobuild -q cancel "$job"
within 20 shows "^ended: 1"; ok "it ends with the job"
shows "^before" && shows "^UNIT" && hides "^master \|^jobuild:" && [[ $(screen | grep -c "^job $job ") == 1 ]]
ok "what stays is the table, below what was there before"

submit alpha/wide
within 30 job_is '.units[0].steps[0].state == "run" and .units[0].steps[0].log_bytes > 0'
type_in "clear; echo before; jobuild watch $job; echo \"ended: \$?\"" Enter
within 20 shows "^job $job .*running" && type_in C-\\
within 20 shows "^ended: 130" && shows "^before" && shows "goes on" && hides "^UNIT"; ok "ended by ^\\, too"

# the job is nowhere while its events go on
hide_job() { db "UPDATE job SET id = $2 WHERE id = $1"; }
type_in "clear; jobuild watch $job; echo \"ended: \$?\"" Enter
within 20 shows "^job $job .*running" && hide_job "$job" 1000000
within 20 shows "^ended: " && [[ $(screen | grep -c "^jobuild: ") == 1 ]]; ok "what no further try helps is told once"
hide_job 1000000 "$job"

timeout 120 jobuild watch "$job" >"$tmp/lines" 2>"$tmp/lines.log" &
watcher=$!
within 20 grep -q leased "$tmp/lines"
kill_daemon master
within 20 grep -q "^jobuild:" "$tmp/lines.log"; ok "without a terminal, a line says that the master is away"
sleep 3 # some more tries
start_master
jobuild -q cancel "$job"
wait "$watcher"
[[ $? == 1 && $(grep -c "^jobuild:" "$tmp/lines.log") == 1 ]]; ok "once, and it recovers as well"
t kill-server
done_testing
