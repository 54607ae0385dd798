#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check, backup and restore; what a master has answered as stored is there
# after it was killed at any moment.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
simple alpha/app "Something to run"
simple alpha/lib "Is below another"
simple alpha/top "Stands on it" 'DEPEND="alpha/lib"'
lease_time=600s
sign alpha >/dev/null && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
run master backup "$tmp/young"; [[ $status == 0 ]]; ok "a backup before there was any job"
join_slave one "$(master token new)" && hello one && submit_by_hand alpha/app && claim one
ok "a unit is leased"

put_log() { api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=$1" --data-binary "$2"; }
put_blob() { # TEXT: sets $blob
	printf %s "$1" >"$tmp/blob"
	blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
	api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"
}
log=logs/$unit/$attempt/0.log
put_log 0 "first line." && put_blob "an artifact"; is 201; ok "with a log and an artifact"
first=$blob

# ---- check ---------------------------------------------------------------------

run master check
[[ $status == 0 ]] && said "0 wrong, 0 orphans"; ok "check finds all right, while it is served"
file=$tmp/master/blobs/${first:0:2}/$first
echo "an Artifact" | head -c 11 >"$file"
run master check
[[ $status == 1 ]] && said "$first: other bytes than its name says; copy it from a backup"
ok "and an artifact that was changed"
run master check --quick
[[ $status == 0 ]]; ok "which a quick one doesn't read"
mv "$file" "$tmp/kept"
run master check --quick
[[ $status == 1 ]] && said "$first: No such file"; ok "but misses"
printf 'an artifact' >"$file"
run master check; [[ $status == 0 ]]; ok "put back, all is right"
chown -R "$slave_user" "$tmp/master/trees" 2>/dev/null
run master check; [[ $status == 0 ]]; ok "also for root, whose mirrors these aren't"
chown -R "$(id -u)" "$tmp/master/trees"
stray=$tmp/master/blobs/00/$(printf '0%.0s' {1..64})
mkdir -p "${stray%/*}" && echo x >"$stray"
run master check; [[ $status == 0 ]] && said "0 orphans"; ok "a young file may be on its way in"
run master check --slow; [[ $status == 2 ]]; ok "an option that there is not"
rm "$stray"

# ---- artifacts that are lost -----------------------------------------------------

held=("$lease" "$attempt" "$unit")
tell_it() { report 0 ',"artifacts":[{"path":"a","type":"file","size":8,"digest":"'"$blob"'"}]'; } # of the first step of two
makes() { claim one && put_blob precious && tell_it && report 1 && finish passed && is 200; }
can_be_had() { anyone; api GET "artifacts/$blob/a"; is 200 && [[ $(<"$tmp/out") == precious ]]; }
reused() { anyone; reuse=true submit_by_hand alpha/top && job_has '.units[0].reused != null'; }
anyone; submit_by_hand alpha/top && makes && can_be_had; ok "a job has made something"
file=$tmp/master/blobs/${blob:0:2}/$blob
reused; ok "which another job reuses"
lost() { # WHAT COMMAND...: and how it comes back
	"${@:2}"
	run master check; [[ $status == 1 ]] && said "$blob: " && said "or run the job again"; ok "$1: check says what to do"
	anyone; api GET "artifacts/$blob/a"; problem 404 lost; ok "$1: it can't be had"
	! reused && claim one && jq -e '.capsules[0].steps[0].made == null' "$tmp/out" >/dev/null; ok "$1: nothing is reused for it"
	api HEAD "blob/$blob?lease=$lease&attempt=$attempt"; [[ $http == 404 ]]; ok "$1: it wasn't uploaded"
	tell_it; problem 409 blob-missing; ok "$1: nor may a report name it"
	put_blob precious; is 201; ok "$1: it comes anew"
	tell_it && report 1 && finish passed; is 200 && can_be_had; ok "$1: so it can be had again"
	run master check; [[ $status == 0 ]]; ok "$1: all is right"
	reused; ok "$1: and reused"
}
lost missing rm "$file"
lost "cut off" truncate -s 3 "$file"
wrong() { printf preciouS >"$file"; }
lost "other bytes" wrong
rm "$file"; anyone; api GET "artifacts/$blob/a"; problem 404 lost; ok "also before anybody has checked"
run master check --quick; [[ $status == 1 ]] && ! reused; ok "a quick check sees that as well"
change_back() { anyone; post "jobs/$job/cancel" "$(envelope request@jobtage=cancel "$(request cancel "{job: $job}")")"; is 200; }
change_back; printf precious >"$file"
run master check; [[ $status == 0 ]] && can_be_had && reused; ok "copied from a backup and checked, it is what it was"
mv "$file" "$tmp/kept" && ln -s "$file" "$file"
run master check; [[ $status == 1 ]] && said "$blob: " && rm "$file" && mv "$tmp/kept" "$file" && can_be_had
ok "one that can't be read at this moment isn't lost"
# check reads by digest and waits at each of the last two, until it has a writer
gates=("$(printf 'fe%.0s' {1..32})" "$(printf 'ff%.0s' {1..32})")
for gate in "${gates[@]}"; do
	db "INSERT INTO blob (digest, size, created) VALUES ('$gate', 0, 0)"
	mkdir -p "$tmp/master/blobs/${gate:0:2}" && mkfifo "$tmp/master/blobs/${gate:0:2}/$gate"
done
mv "$file" "$tmp/kept"
master check >"$tmp/checked" 2>&1 &
: >"$tmp/master/blobs/fe/${gates[0]}"
mv "$tmp/kept" "$file"
: >"$tmp/master/blobs/ff/${gates[1]}"
wait $!; [[ $? == 1 ]] && grep -q "$blob: No such file" "$tmp/checked" && can_be_had; ok "nor is one that comes back while others are read"
for gate in "${gates[@]}"; do
	rm "$tmp/master/blobs/${gate:0:2}/$gate" && db "DELETE FROM blob WHERE digest = '$gate'"
done
as one; lease=${held[0]} attempt=${held[1]} unit=${held[2]}
file=$tmp/master/blobs/${first:0:2}/$first

# ---- backup --------------------------------------------------------------------

mkdir "$tmp/theirs" && : >"$tmp/theirs/.hidden"
run master backup "$tmp/theirs"
[[ $status == 1 ]] && said "$tmp/theirs: it has files that are no backup" && [[ $(ls -A "$tmp/theirs") == .hidden ]]
ok "a folder with other files is left alone"
mkdir -m 700 "$tmp/saved" && mkdir "$tmp/saved/lost+found"
run master backup "$tmp/saved"
[[ $status == 0 && -s $tmp/saved/list ]]; ok "a backup while it is served"
rm "$tmp/saved/list"
run master backup "$tmp/saved"
[[ $status == 0 && -s $tmp/saved/list ]]; ok "one that broke off is made whole"
[[ $(stat -c %a "$tmp/saved") == 700 ]]; ok "it is private: the CA's key is in it"
[[ $file -ef $tmp/saved/blobs/${first:0:2}/$first ]]; ok "an artifact is linked, not copied"
run master restore --verify "$tmp/saved"
[[ $status == 0 ]] && said "all as they were saved"; ok "it is right"
put_log 11 " second line." && put_blob "another artifact"; is 201; ok "more comes"
run autotua-master -C "$tmp/back1" restore "$tmp/saved"
[[ $status == 0 && $(<"$tmp/back1/$log") == "first line." ]]; ok "what came later is not restored"
run master backup "$tmp/saved"
[[ $status == 0 ]]; ok "brought up to date"
[[ $(cd "$tmp/saved" && echo at-*) == "$(sed -n 's/^folder //p' "$tmp/saved/list")" ]]
ok "one generation is kept"
run autotua-master -C "$tmp/back2" restore "$tmp/saved"
[[ $status == 0 && $(<"$tmp/back2/$log") == "first line. second line." &&
	$(<"$tmp/back2/blobs/${blob:0:2}/$blob") == "another artifact" ]]
ok "a restored one has what came later"
run autotua-master -C "$tmp/back2" check; [[ $status == 0 ]]; ok "and is right"
run autotua-master -C "$tmp/back2" restore "$tmp/saved"
[[ $status == 1 ]] && said "empty folder"; ok "only an empty folder is filled"
run master backup "$tmp/back2"
[[ $status == 1 ]] && said "no place for a backup"; ok "a state folder is no place for one"
for inside in x x/y ../master/x tmp/x.tar; do
	run master backup "$tmp/master/$inside"
	[[ $status == 1 && ! -e $tmp/master/${inside%%/*}/lock && ! -e $tmp/master/$inside ]] && said "no place for a backup"
	ok "nor is anything in it: $inside"
done
ln -s "$tmp/master/logs" "$tmp/aside"
run master backup "$tmp/aside/x"; [[ $status == 1 && ! -e $tmp/master/logs/x ]]; ok "whatever leads there"
run master restore --verify "$tmp/tree"
[[ $status == 1 ]] && said "no backup here"; ok "a folder without one"

# a file of the backup that was spoilt, one that is cut, a list that is cut
damaged() { # COMMAND ON $tmp/spoilt...
	rm -rf "$tmp/spoilt" "$tmp/back3" && cp -r "$tmp/saved" "$tmp/spoilt" && "$@" || return
	run master restore --verify "$tmp/spoilt"
	[[ $status == 1 ]]
}
spoil() { printf X | dd of="$tmp/spoilt/$1" bs=1 seek="${2-0}" conv=notrunc status=none; }
damaged spoil "blobs/${blob:0:2}/$blob" && said "$blob: other bytes"; ok "a changed file is found"
run autotua-master -C "$tmp/back3" restore "$tmp/spoilt"
[[ $status == 1 && ! -e $tmp/back3/master.conf ]]; ok "and not restored as if it were right"
damaged truncate -s 5 "$tmp/spoilt/$log" && said "bytes are missing"; ok "so is one that is short"
damaged rm -r "$tmp/spoilt/stages" && said "stages/"; ok "and one that isn't there"
damaged truncate -s -10 "$tmp/spoilt/list" && said "damaged"; ok "a list that isn't whole"
damaged spoil "list" 30 && said "damaged"; ok "or was changed"

# ---- one file --------------------------------------------------------------------

tar=$tmp/saved.tar
run master backup "$tar"
[[ $status == 0 && -s $tar && ! -e $tar.new && ! -e $tar.new.db ]]; ok "a backup into one file"
[[ $(stat -c %a "$tar") == 600 ]]; ok "private too"
[[ $(tar -tf "$tar" | tail -n 1) == list ]]; ok "which tar can read, with its list last"
run master restore --verify "$tar"
[[ $status == 0 ]] && said "all as they were saved"; ok "it is right"
run master check "$tar"
[[ $status == 0 ]] && said "all as they were saved"; ok "check says so too"
run master check "$tmp/saved"; [[ $status == 0 ]]; ok "as of a folder"
run autotua-master -C "$tmp/back4" restore "$tar"
[[ $status == 0 && $(<"$tmp/back4/$log") == "first line. second line." &&
	$(<"$tmp/back4/blobs/${blob:0:2}/$blob") == "another artifact" ]]
ok "restored"
run autotua-master -C "$tmp/back4" check; [[ $status == 0 ]]; ok "that is whole"
run autotua-master -C "$tmp/back4" restore "$tar"
[[ $status == 1 ]] && said "empty folder"; ok "only an empty folder is filled"
mkdir "$tmp/unpacked" && tar -xf "$tar" -C "$tmp/unpacked"
run master restore --verify "$tmp/unpacked"; [[ $status == 0 ]]; ok "unpacked it is a backup in a folder"
run master backup "$tar"; [[ $status == 0 ]] && run master check "$tar"
[[ $status == 0 ]]; ok "made again in its place"
before=$(stat -c %i "$tar")
exec {busy}>"$tar.new"; flock -n "$busy"
run master backup "$tar"
[[ $status == 1 && $(stat -c %i "$tar") == "$before" ]] && said "another backup is being made"; ok "not twice at once"
exec {busy}>&-; rm -f "$tar.new"
: >"$tmp/empty.tar"
run master check "$tmp/empty.tar"; [[ $status == 1 ]] && said "Unrecognized archive format"; ok "an empty file"

# a tar that was spoilt, cut, added to; members that lead elsewhere
bad_tar() { # TEXT: nothing of $tmp/bad.tar is taken
	rm -rf "$tmp/back5"
	run master restore --verify "$tmp/bad.tar"
	[[ $status == 1 ]] && said "$1" || return
	run autotua-master -C "$tmp/back5" restore "$tmp/bad.tar"
	[[ $status == 1 && ! -e $tmp/back5 && ! -e $tmp/outside ]]
}
with() { cp "$tar" "$tmp/bad.tar" && tar -rf "$tmp/bad.tar" -P "$@"; }
at=$(grep -abo "another artifact" "$tar" | head -n 1 | cut -d: -f1)
cp "$tar" "$tmp/bad.tar" && printf X | dd of="$tmp/bad.tar" bs=1 seek="$at" conv=notrunc status=none
bad_tar "$blob: other bytes than were saved"; ok "a changed byte is found"
head -c "$((at + 3))" "$tar" >"$tmp/bad.tar"; bad_tar ""; ok "a file that is cut"
mkdir "$tmp/parts" && tar -xf "$tar" -C "$tmp/parts"
without() { tar -tf "$tar" | grep -v "$1" | tar -cf "$tmp/bad.tar" -C "$tmp/parts" -T -; }
without nothing && run master check "$tmp/bad.tar"; [[ $status == 0 ]]; ok "one that tar made is fine"
without "$blob"; bad_tar "$blob: missing"; ok "a member that isn't there"
without '^list$'
bad_tar 'there is no "list"'; ok "no list"
echo more >"$tmp/more"
with --transform 's,.*,logs/99/1/0.log,' "$tmp/more"; bad_tar "the list doesn't have it"; ok "one too many"
with --transform "s,.*,blobs/${blob:0:2}/$blob," "$tmp/more"; bad_tar "there twice"; ok "one that is there twice"
with --transform "s,.*,$tmp/outside," "$tmp/more"; bad_tar "stay below the top"; ok "an absolute name"
with --transform 's,.*,blobs/../../outside,' "$tmp/more"; bad_tar "stay below the top"; ok "a name that leads up"
with --transform 's,.*,./list,' "$tmp/more"; bad_tar "stay below the top"; ok "a name with a dot"
ln -s / "$tmp/away" && with --transform 's,.*/away,blobs/aa,;s,^/$,/,' "$tmp/away"; bad_tar "a link"; ok "a symbolic link"
ln "$tmp/more" "$tmp/more2" && with --transform 's,.*/more,blobs/more,' "$tmp/more" "$tmp/more2"
bad_tar "a link"; ok "a hard link"
mkdir "$tmp/folder" && with --transform 's,.*/folder,blobs/folder,' "$tmp/folder"; bad_tar "not a plain file"; ok "a folder"
mkfifo "$tmp/pipe" && with --transform 's,.*/pipe,blobs/pipe,' "$tmp/pipe"; bad_tar "not a plain file"; ok "a pipe"
with --transform 's,.*,blobs/null,' /dev/null; bad_tar "not a plain file"; ok "a device"
truncate -s 1T "$tmp/parts/logs/hole"
{ tar -tf "$tar"; echo logs/hole; } | tar --format=gnu -S -cf "$tmp/bad.tar" -C "$tmp/parts" -T -; bad_tar "a sparse file"; ok "a sparse file"
gzip -c "$tar" >"$tmp/bad.tar"; bad_tar ""; ok "a compressed one is not unpacked"
truncate -s 1100M "$tmp/list" && tar -cf - -C "$tmp" list 2>/dev/null | head -c 512 >"$tmp/bad.tar"
truncate -s 1101M "$tmp/bad.tar"; bad_tar "a list of 1153433600 bytes is none"; ok "a list that is too long is not read at all"
rm "$tmp/bad.tar" "$tmp/list"

# ---- a master that lacks what its database names ---------------------------------

file=$tmp/master/blobs/${blob:0:2}/$blob
whole() { # COMMAND PLACE: the backup there has the artifact still
	"$1" "$2" && run master restore --verify "$2" && [[ $status == 0 ]] && rm -rf "$tmp/back6" &&
		run autotua-master -C "$tmp/back6" restore "$2" && [[ $(<"$tmp/back6/blobs/${blob:0:2}/$blob") == "another artifact" ]] &&
		run autotua-master -C "$tmp/back6" check && [[ $status == 0 ]]
}
tells() { run master backup "$1"; [[ $status == 1 ]] && said "$blob: missing or damaged here; the backup keeps the copy that it had"; }
misses() { # HOW COMMAND...
	"${@:2}"
	for place in "$tmp/saved" "$tar"; do
		whole tells "$place"; ok "$1: ${place##*/} keeps the copy that it had, and says so"
		whole tells "$place"; ok "$1: once more"
	done
	run master backup "$tmp/fresh-$1"
	[[ $status == 1 ]] && said "$blob: missing or damaged here; no former backup has it"; ok "$1: a new one says that it lacks it"
	run master backup "$tmp/fresh-$1.tar"; [[ $status == 1 ]] && said "no former backup has it"; ok "$1: as a file too"
	rm -f "$file"; printf "another artifact" >"$file"
	run master backup "$tmp/fresh-$1"; [[ $status == 0 ]] && run master restore --verify "$tmp/fresh-$1"; [[ $status == 0 ]]; ok "$1: until it is back"
}
misses gone rm "$file"
cut_off() { rm "$file"; printf another >"$file"; }
misses short cut_off
spoilt() { rm "$file"; printf "another Artifact" >"$file"; run master check; [[ $status == 1 ]]; }
misses spoilt spoilt
rm "$file" && printf "another Artifact" >"$file"
whole tells "$tmp/saved"; ok "one that nobody has found spoilt doesn't take the place of the good copy"
rm "$file" && printf "another artifact" >"$file"
copy=$tmp/saved/blobs/${blob:0:2}/$blob
rm "$copy" && printf "another Artifact" >"$copy"
rm "$file" && printf "another artifact" >"$file"
run master backup "$tmp/saved"
[[ $status == 0 && $(<"$copy") == "another artifact" ]]; ok "what was put back since takes the place of a spoilt copy"
in_the_way() { # HOW COMMAND...: a former file that can't be read, or not whole
	cp "$tar" "$tmp/former.tar" && "${@:2}" && run master backup "$tmp/former.tar"
	[[ $status == 1 ]] && said "$tmp/former.tar: " && said "$blob: missing or damaged here; $kept" &&
		run master check "$tmp/former.tar" && [[ $status == 0 ]]
	ok "a former file that is $1 is no hindrance"
}
at=$(grep -abo "another artifact" "$tar" | head -n 1 | cut -d: -f1)
rm "$file"
kept="no former backup has it"
in_the_way empty truncate -s 0 "$tmp/former.tar"
in_the_way "cut before what is missing" truncate -s "$((at - 3))" "$tmp/former.tar"
in_the_way "cut in it" truncate -s "$((at + 3))" "$tmp/former.tar"
in_the_way "other things" cp "$tmp/stage.tar.zst" "$tmp/former.tar"
kept="the backup keeps the copy that it had"
in_the_way "cut after it" truncate -s "$((at + 1024))" "$tmp/former.tar"
in_the_way "spoilt after it" dd if=/dev/urandom of="$tmp/former.tar" bs=1 seek="$((at + 512))" count=2048 conv=notrunc status=none
rm "$tmp/former.tar"
printf "another artifact" >"$file"
run master check; [[ $status == 0 ]] && run master backup "$tmp/saved"; [[ $status == 0 ]]; ok "all is right again"
stage=$(ls "$tmp/master/stages"); mv "$tmp/master/stages/$stage" "$tmp/kept"
run master backup "$tmp/saved"
[[ $status == 1 ]] && said "stages/$stage: missing" && run master check "$tmp/saved"; [[ $status == 0 ]]; ok "a stage is missed as well, and kept"
mv "$tmp/kept" "$tmp/master/stages/$stage"
[[ ! -e $tar.new && ! -e $tar.new.part ]]; ok "nothing is left beside"

# numbers given away after the backup don't come again
old=$lease
kill_daemon master TERM
mv "$tmp/master" "$tmp/gone" && mv "$tmp/back2" "$tmp/master" && start_master
ok "the restored one serves"
as one; api PUT "lease/$old/log?attempt=$attempt&step=0&offset=24" --data-binary " third."
is 200; ok "the slave goes on where the backup has its lease"
anyone; submit_by_hand alpha/app && ((job > 1000000)); ok "later numbers are far from those of before"
again_from() { # BACKUP SLAVE: another life from there, with a lease of a new job
	kill_daemon master TERM
	rm -rf "$tmp/master" && run master restore "$1" && [[ $status == 0 ]] && start_master || return
	anyone
	[[ $2 == one ]] || join_slave "$2" "$(master token new)" || return
	submit_by_hand alpha/app && hello "$2" && claim "$2"
}
newer() { ((job > ${1%%:*} && lease != ${1##*:} && lease > 1000000)); } # JOB:LEASE
for from in "$tmp/young" "$tmp/saved"; do
	[[ $from == */saved ]] && who=one || who=late
	again_from "$from" "$who" && newer 1000000:0; ok "${from##*/}: no number comes again"
	life=$job:$lease had=$lease tried=$attempt
	anyone; sent=$(envelope request@jobtage=submit "$(request submit "$(wish alpha/app)")")
	post jobs "$sent"; is 201; ok "${from##*/}: a request"
	sleep 1 # its time is a whole second
	again_from "$from" "$who" && newer "$life"; ok "${from##*/}: restored twice, none of the life between"
	anyone; post jobs "$sent"; problem 409 replay && said "restored"; ok "${from##*/}: which isn't taken again"
	as "$who"; api PUT "lease/$had/log?attempt=$tried&step=0&offset=0" --data-binary "of another life"
	problem 409 stale-attempt; ok "${from##*/}: what a slave has of that is refused"
done

# ---- killed at any moment --------------------------------------------------------

anyone; submit_by_hand alpha/app && claim one; ok "a unit to work on"
offset=0 jobs=() blobs=()
# as often as it takes on a slow machine that something of each kind is answered
some_of_each() { ((offset > 0 && ${#blobs[@]} && ${#jobs[@]})); }
for ((round = 0; round < ${ROUNDS-6} || round < 60; round++)); do
	((round < ${ROUNDS-6})) || ! some_of_each || break
	(
		sleep "$((RANDOM % 3)).$((RANDOM % 10))"
		kill -s KILL "${pid[master]}"
	) &
	killer=$!
	while kill -0 "$killer" 2>/dev/null; do
		as one
		put_log "$offset" "line at $offset;" && is 200 && offset=$(jq .size "$tmp/out")
		put_blob "artifact of $round at $offset" && is 201 && blobs+=("$blob")
		anyone; submit_by_hand alpha/app && jobs+=("$job")
	done
	wait "$killer" "${pid[master]}" 2>/dev/null
	start_master || break
done
((round >= ${ROUNDS-6})) && some_of_each
ok "killed $round times: $offset bytes, ${#blobs[@]} artifacts, ${#jobs[@]} jobs were answered"
run master check
[[ $status == 0 ]]; ok "the master is whole"
lost=0
for blob in "${blobs[@]}"; do
	as one; api HEAD "blob/$blob?lease=$lease&attempt=$attempt"
	[[ $http == 200 ]] || lost=$((lost + 1))
done
for job in "${jobs[@]}"; do job_now; is 200 || lost=$((lost + 1)); done
((lost == 0)); ok "nothing that was answered as stored is lost"
size=$(stat -c %s "$tmp/master/logs/$unit/$attempt/0.log")
((size >= offset)); ok "no byte of the log either"
as one; put_log 0 "$(head -c "$offset" "$tmp/master/logs/$unit/$attempt/0.log")"
is 200; ok "it goes on"
done_testing
