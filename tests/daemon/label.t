#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Channels: jobs for slaves with a label, and jobs that go before all others.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
simple alpha/mid "Something to run"
sign alpha && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
enroll_slave four "label = big mandatory" "label = GPU-2.x"
start_slave four
in_list() { jobuild --json slaves | jq -e '.slaves[] | select(.name == "four") | '"$1"; }
within 20 in_list '.labels == {big: true, "GPU-2.x": false}'; ok "the list has a slave's labels"
run jobuild slaves
said "big mandatory" && said "GPU-2.x"; ok "in words too"

waits() { jobuild why-waiting "$job" | grep -qF -- "$1"; }
submit alpha/mid
within 20 waits "not on four: it takes only jobs with the label big"; ok "why a job isn't there that doesn't ask for it"
job_is '.labels == [] and .security == false'; ok "which has no labels"
jobuild cancel "$job" >/dev/null 2>&1
submit --label nowhere alpha/mid
within 20 waits "no slave for arch"; waits "has the label nowhere"; ok "a label that no slave has"
run jobuild -q -C "$tmp/tree" repin "$job"
[[ $status == 0 ]] && job_is '.labels == ["nowhere"]' && waits "has the label nowhere"; ok "it stays with the job"
jobuild cancel "$job" >/dev/null 2>&1
submit -l big -l GPU-2.x alpha/mid; ok "a job with both"
job_is '.labels == ["big", "GPU-2.x"]'; ok "which it shows"
run jobuild status "$job"
said "for slaves with big, GPU-2.x"; ok "in words too"
within 60 job_ended; job_is '.state == "passed" and .units[0].slave == "four"'; ok "runs there"

run jobuild -q -C "$tmp/tree" submit --tree main --label "a b" alpha/mid
[[ $status != 0 ]] && said "labels"; ok "a label of the wrong form"
run jobuild -q -C "$tmp/tree" submit --tree main --label $'\xff' alpha/mid
[[ $status == 2 ]] && said "UTF-8"; ok "or of no form"
run jobuild -q -C "$tmp/tree" submit --tree main -l big -l big alpha/mid
[[ $status != 0 ]] && said "twice"; ok "or twice the same"

run jobuild -q -C "$tmp/tree" submit --tree main --security alpha/mid
[[ $status == 4 ]] && said "operate"; ok "the security lane is for those who may operate"
master user rights alpha operate
submit --security --label big alpha/mid; ok "who then may"
job_is '.security == true'; ok "which the job shows"
run jobuild status "$job"
said "  security"; ok "in words too"
within 60 job_ended; job_is '.state == "passed"'; ok "it runs"
done_testing
