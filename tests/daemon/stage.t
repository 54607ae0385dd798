#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is installed in a stage: read when it is added, shown, and matched
# with what recipes want of it. The packages are this machine's own.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

database=/var/lib/dpkg/status
[[ -r $database && -n $(command -v dpkg-query) ]] || plan_skip "needs a Debian machine"

farm_tree alpha
version=$(dpkg-query -W -f '${Version}' bash)
numbers=${version#*:} numbers=${numbers%%[!0-9.]*} numbers=${numbers%.}
simple alpha/has "Needs a package of the stage" "REQUIRES=\"stage:bash>=$numbers\""
simple alpha/newer "Needs a newer one" 'REQUIRES="stage:bash>=9999"'
simple alpha/other "Needs one that isn't there" 'REQUIRES="stage:no-such-package kvm"'
lease_time=600s
sign alpha >/dev/null && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }

# ---- read ---------------------------------------------------------------------

run master stage list
[[ $status == 0 ]] && grep -qE '^small [0-9a-f]{64} none 0$' "$tmp/out"
ok "a stage without packages"
mkdir -p "$tmp/big/var/lib/dpkg" && cp "$database" "$tmp/big/var/lib/dpkg/"
for kind in '' z j J zst lz4; do
	file=$tmp/big.tar$kind
	if [[ $kind == zst ]]; then
		zstd -q "$tmp/big.tar" -o "$file"
	elif [[ $kind == lz4 ]]; then
		lz4 -q "$tmp/big.tar" "$file"
	else
		tar -C "$tmp/big" "-c${kind}f" "$file" .
	fi && run master stage add "big$kind" "$file"
	[[ $status == 0 ]] && ! said "not known"; ok "one with Debian's, ${kind:-plain}"
	dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' | sed -n 's/^installed //p' | LC_ALL=C sort -u >"$tmp/want"
	master stage show "big$kind" | LC_ALL=C sort | diff - "$tmp/want" >"$tmp/diff"; ok "has what dpkg-query says"
done
run master stage list --json
jq -e --argjson n "$(wc -l <"$tmp/want")" '.[] | select(.name == "big") | .managers == "dpkg" and .packages == $n' "$tmp/out" >"$tmp/jq"
ok "counted in the list"
run master stage show big --json
jq -e --arg v "$version" '.name == "big" and (.packages | map(select(.name == "bash"))[0].version) == $v' "$tmp/out" >"$tmp/jq"
ok "and in JSON"
api GET stages; is 200 '.stages[] | select(.name == "big") | .managers == "dpkg" and .packages > 10'; ok "and in the API"
run master stage show none
[[ $status == 1 ]] && said "stage list"; ok "a stage that there is not"
run master stage list big
[[ $status == 2 ]]; ok "a word too many"
head -c 3000 "$tmp/big.tar" >"$tmp/cut.tar"
stages() { (cd "$tmp/master/stages" && echo *); }
before=$(stages)
run master stage add cut "$tmp/cut.tar"
[[ $status == 1 ]] && said "$tmp/cut.tar: no stage: "; ok "one that ends too early is none"
run master stage add junk "$tmp/want"
[[ $status == 1 ]] && said "no stage"; ok "nor is what is no archive"
run master stage list; ! said cut && ! said junk; ok "they aren't in the list"
[[ $(stages) == "$before" ]]; ok "and leave nothing"
mkdir -p "$tmp/rpm/var/lib/rpm" && echo "no SQLite" >"$tmp/rpm/var/lib/rpm/Packages"
tar -C "$tmp/rpm" -cf "$tmp/rpm.tar" . && run master stage add oldrpm "$tmp/rpm.tar"
[[ $status == 0 ]] && said "var/lib/rpm/Packages: this database of rpm is not SQLite's"; ok "one with an old database of rpm is told of"
run master stage list
grep -qE '^oldrpm [0-9a-f]{64} - 0$' "$tmp/out"; ok "and not taken for one without packages"
mkdir "$tmp/big/ärgerlich" && : >"$tmp/big/ärgerlich/größe"
tar --format=pax -C "$tmp/big" -cf "$tmp/names.tar" "ärgerlich" . && run master stage add names "$tmp/names.tar"
[[ $status == 0 ]] && ! said "not known" && master stage show names | LC_ALL=C sort | diff - "$tmp/want" >"$tmp/diff"
ok "names that aren't ASCII are no hindrance"
run master check
[[ $status == 0 ]]; ok "check finds all as it should be"

# ---- matched ------------------------------------------------------------------

waits() { # TEXT: of the only unit of $job
	api GET "jobs/$job/waiting" && has ".causes[0].text | contains(\"$1\")"
}
wanting() { # ROOT STAGE
	post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish "$1") + {stage: \"$2\"}")")"
	job=$(jq -r '.job // empty' "$tmp/out")
	[[ $http == 201 ]]
}
join_slave one "$(master token new)" && hello one; ok "a slave"
wanting alpha/newer big; ok "a job that wants a newer package"
waits "stage big has bash $version, wanted >=9999"; ok "waits for what the stage hasn't"
has '.causes[0] | .kind == "stage" and .name == "stage:bash>=9999" and .state == "'"$version"'"'; ok "as data"
wanting alpha/other big && waits "stage big has no package no-such-package"; ok "so does one whose package isn't there"
wanting alpha/has oldrpm && waits "the packages of stage oldrpm are not known"; ok "and one whose stage wasn't read"
wanting alpha/has small && waits "stage small has no package bash"; ok "and one in a stage without packages"
wanting alpha/has big && claim one 1; ok "one that is fulfilled runs"
report 0 && finish passed && is 200; ok "and passes"
wanting alpha/newer big; kill_daemon master TERM; start_master && hello one
waits "stage big has bash $version, wanted >=9999"; ok "the same after a restart"

# ---- a stage that changes while units wait ------------------------------------

digest_of() { b2sum -l 256 "$1" | cut -d' ' -f1; } # FILE
old=$(digest_of "$tmp/big.tar") waiting=$job
mkdir -p "$tmp/new/var/lib/dpkg"
printf 'Package: bash\nStatus: install ok installed\nVersion: 9999.1\n' >"$tmp/new/var/lib/dpkg/status"
tar -C "$tmp/new" -cf "$tmp/new.tar" .
run master stage add big "$tmp/new.tar"; [[ $status == 0 ]]; ok "the name moves on to a stage that has it"
anyone; wanting alpha/newer big && claim one 1; ok "a new job runs in it"
job=$waiting
within 5 waits "stage $old has bash $version, wanted >=9999"; ok "the one that waits keeps its own, told by its digest"
as one; report 0 && finish passed && is 200; ok "the new one passes"
! claim one 1 0; ok "the old one doesn't run"
kill_daemon master TERM; start_master && hello one
waits "stage $old has bash $version, wanted >=9999"; ok "nor after a restart"

# as one that was added before anybody looked into it
forget() { # DIGEST
	db "UPDATE stage SET managers = NULL WHERE digest = '$1'; DELETE FROM stage_package WHERE digest = '$1'"
}
kill_daemon master TERM; forget "$(digest_of "$tmp/new.tar")"; start_master && hello one
anyone; wanting alpha/newer big && waits "the packages of stage big are not known"; ok "a unit whose stage nobody has looked into waits"
as one; ! claim one 1 0; ok "and is not leased"
run master stage add big "$tmp/new.tar"; [[ $status == 0 ]]; ok "added again while it waits"
as one; claim one 1 20; ok "it runs"
report 0 && finish failed; is 200; ok "and fails"
kill_daemon master TERM; forget "$(digest_of "$tmp/new.tar")"; start_master && hello one
retried() {
	post "jobs/$job/retry" "$(envelope request@jobtage=retry "$(request retry "{job: $job}")")"
	is 200 '.units == 1'
}
anyone; retried && waits "the packages of stage big are not known"; ok "tried again, it is matched anew"
as one; ! claim one 1 0; ok "and not leased"
run master stage add other "$tmp/new.tar"; [[ $status == 0 ]]; ok "the same stage by another name"
as one; claim one 1 20; ok "it is leased again"
as one; report 0 && finish passed && is 200; ok "and it passes"

# ---- removed ------------------------------------------------------------------

new=$(digest_of "$tmp/new.tar")
run master stage remove none; [[ $status == 1 ]] && said "stage list"; ok "a stage that there is not can't be removed"
run master stage remove; [[ $status == 2 ]]; ok "nor one without a name"
run master stage remove bigz
[[ $status == 0 && ! -e $tmp/master/stages/$(digest_of "$tmp/big.tarz") ]]; ok "one that nobody has goes with its file"
run master stage list; ! grep -q "^bigz " "$tmp/out" && grep -q "^other " "$tmp/out"; ok "and is in no list"
run master stage remove other
[[ $status == 0 ]] && said "$new stays: it has another name" && [[ -e $tmp/master/stages/$new ]]; ok "one with another name stays"
anyone; wanting alpha/other big && waits "stage big has no package no-such-package"; ok "a job waits in it"
run master stage remove big
[[ $status == 0 ]] && said "$new stays: job $job has it" && [[ -e $tmp/master/stages/$new ]]; ok "its stage stays without a name"
within 5 waits "stage $new has no package no-such-package"; ok "and the job keeps it"
waiting=$job
! wanting alpha/other big && is 422; ok "a new one doesn't get it"
job=$waiting
post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"
is 200; ok "the job is cancelled"
run master stage remove "$new"
[[ $status == 0 && ! -s $tmp/out && ! -e $tmp/master/stages/$new ]]; ok "the stage goes by its digest"
post "jobs/$job/retry" "$(envelope request@jobtage=retry "$(request retry "{job: $job}")")"
problem 409 stage-removed && has '.detail | contains("the stage of alpha/other-1.0 was removed; submit")'
ok "and its jobs can't be tried again, for this reason"
api GET "jobs/$job"; is 200 '.state == "cancelled"'; ok "nothing has changed of them"
run master stage add big "$tmp/new.tar"; [[ $status == 0 ]]; ok "it can be added again"
retried; ok "and then they are tried again"
run master stage show big; [[ $status == 0 ]] && said "bash 9999.1"; ok "with its packages"
run master check; [[ $status == 0 ]] && said " 0 wrong"; ok "check finds all as it should be"
kill_daemon master TERM; start_master && hello one
waits "stage big has no package no-such-package"; ok "the same after a restart"
done_testing
