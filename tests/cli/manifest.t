#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild manifest: what is kept, what changes, what is refused.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$tmp/mirror"
export AUTOTUA_MIRROR="local file://$tmp/mirror"
for f in one two three; do echo "source $f" >"$tmp/mirror/$f"; done
recipe anna/app-1.0 <<'X'
DESCRIPTION="Needs two"
SRC_URI="mirror://local/one mirror://local/two"
job_unpack() { :; }
job_run() { cat "${DISTDIR}/one" "${DISTDIR}/two"; }
X
recipe anna/lib-1.0 <<'X'
DESCRIPTION="Needs one"
SRC_URI="mirror://local/three -> 3"
job_unpack() { :; }
job_run() { cat "${DISTDIR}/3"; }
X
recipe ben/none-1.0 <<'X'
DESCRIPTION="Needs nothing"
job_run() { :; }
X
mkdir -p "$tree/anna/app/files/sub"
echo note >"$tree/anna/app/files/sub/note"
m=$tree/anna/app/Manifest
line() { # TAG NAME FILE
	echo "$1 $2 $(stat -c %s "$3") BLAKE2B $(b2sum <"$3" | cut -d' ' -f1) SHA512 $(sha512sum <"$3" | cut -d' ' -f1)"
}
run_in() { # FOLDER COMMAND...
	(cd "$1" && shift && "$@") >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

run jobuild manifest
[[ $status == 0 ]] && said_exactly <<'X'
anna/app: added AUX sub/note
anna/app: added DIST one
anna/app: added DIST two
anna/lib: added DIST 3
X
ok "without arguments: the whole tree from its top"
{
	line AUX sub/note "$tree/anna/app/files/sub/note"
	line DIST one "$tmp/mirror/one"
	line DIST two "$tmp/mirror/two"
} | cmp -s - "$m" && told "anna/app/Manifest: 3 added, 0 changed, 0 removed, 0 kept; sign it: jobuild sign anna/app"
ok "sorted, sizes and hashes as b2sum and sha512sum have them"
[[ ! -e $tree/ben/none/Manifest ]]
ok "no Manifest where nothing needs one"
run jobuild lint
[[ $status == 0 ]]
ok "lint is content"

# A line that is there is kept byte for byte, also in an odd form.
one=$(grep '^DIST one' "$m")
odd="DIST	one  ${one#DIST one }   WHIRLPOOL 00"
{ grep AUX "$m"; echo "$odd"; } >"$m.new" && mv "$m.new" "$m"
rm "$tmp/mirror/one" # so that fetching it would fail
run jobuild manifest anna/app
[[ $status == 0 ]] && said_exactly <<<"anna/app: added DIST two" && [[ $(sed -n 2p "$m") == "$odd" ]] &&
	told "1 added, 0 changed, 0 removed, 2 kept"
ok "only what is new is fetched, the other lines stay as they stood"
touch "$m" -d '2001-01-01'
run jobuild manifest anna/app
[[ $status == 0 && ! -s $tmp/out && $(stat -c %Y "$m") == $(date -d 2001-01-01 +%s) ]]
ok "nothing to do: the file isn't touched"
echo "source one" >"$tmp/mirror/one"

# ---- --check -------------------------------------------------------------------
run jobuild manifest --check
[[ $status == 0 && ! -s $tmp/out ]]
ok "--check: all is well"
echo more >>"$tree/anna/app/files/sub/note"
echo new >"$tree/anna/app/files/new"
sed -i '/two/d' "$m"
line DIST zwei "$tmp/mirror/two" >>"$m"
cp -a "$tree" "$tmp/copy"
run jobuild manifest -n
[[ $status == 1 ]] && diff -r "$tree" "$tmp/copy" >"$tmp/diff" && said_exactly <<'X'
anna/app: missing AUX new
anna/app: changed AUX sub/note
anna/app: missing DIST two
anna/app: superfluous DIST zwei
X
ok "--check tells what differs, exits with 1 and changes nothing"
run jobuild --json manifest --check
[[ $status == 1 ]] && jq -e '[.diagnostics[].level] == ["warning"] and
	(.packages | map({key: .package, value: .state}) | from_entries) ==
	{"anna/app": "differs", "anna/lib": "unchanged", "ben/none": "unchanged"} and
	(.packages[0] | .kept == 1 and .changes[0] == {change: "missing", tag: "AUX", name: "new", size: 4} and
	.changes[2] == {change: "missing", tag: "DIST", name: "two"})' "$tmp/out" >/dev/null
ok "--json"
run jobuild manifest -q anna/app ./anna/lib
[[ $status == 0 && $(wc -l <"$tmp/out") == 4 ]] && ! told "sign it"
ok "several packages, by name and by path"
echo again >"$tree/anna/app/files/sub/note"
run_in "$tree/anna/app/files/sub" jobuild manifest
[[ $status == 0 ]] && said_exactly <<<"anna/app: changed AUX sub/note"
ok "from a folder inside: that package"
sed -i 1d "$m"
run_in "$tree/anna" jobuild manifest
[[ $status == 0 ]] && said_exactly <<<"anna/app: added AUX new"
ok "from a user's folder: all of the user's"

# ---- upstream changed ----------------------------------------------------------
cp "$m" "$tmp/before"
old=$(b2sum <"$tmp/mirror/two" | cut -d' ' -f1)
echo "source 2.0" >"$tmp/mirror/two"
new=$(b2sum <"$tmp/mirror/two" | cut -d' ' -f1)
run jobuild manifest
[[ $status == 0 && ! -s $tmp/out ]]
ok "a line that is there is believed"
run jobuild manifest --fetch
[[ $status == 1 && ! -s $tmp/out ]] && cmp -s "$m" "$tmp/before" &&
	told "anna/app/Manifest:4:1: error: \"two\" is not what this line says" &&
	told "$old" && told "$new" && told "jobuild manifest --force two anna/app" && told "anna/app/Manifest is as it was"
ok "--fetch: another content is an error with both digests and what to do"
run jobuild --json manifest --check --fetch
[[ $status == 1 ]] && jq -e '(.packages | map(.state)) == ["failed", "unchanged", "unchanged"] and
	(.diagnostics[] | select(.level == "error") | .rule == "source-changed" and .line == 4)' "$tmp/out" >/dev/null
ok "--check --fetch, --json"
run jobuild manifest --check --force two
[[ $status == 2 ]] && told "choose one"
ok "--check and --force contradict each other"
run jobuild manifest --force tow anna/app
[[ $status == 3 ]] && told 'did you mean "two"?' && cmp -s "$m" "$tmp/before"
ok "--force of a name that isn't a source"
run jobuild manifest --force two
[[ $status == 0 ]] && said_exactly <<<"anna/app: changed DIST two" &&
	grep -qxF "$(line DIST two "$tmp/mirror/two")" "$m" && [[ $(sed -n 3p "$m") == "$odd" ]]
ok "--force takes what upstream has, of this source only"
run jobuild manifest --check --fetch
[[ $status == 0 ]]
ok "--check --fetch: all sources are what the lines say"

# ---- what goes wrong -----------------------------------------------------------
sed -i 's/local\/two/local\/gone/' "$tree/anna/app/app-1.0.jobuild"
sed -i 's/-> 3/-> drei/' "$tree/anna/lib/lib-1.0.jobuild"
cp "$m" "$tmp/before"
run jobuild manifest
[[ $status == 1 ]] && cmp -s "$m" "$tmp/before" && told "anna/app/app-1.0.jobuild:2:" && told "mirror/gone" &&
	said "anna/lib: added DIST drei" && said "anna/lib: removed DIST 3"
ok "a source that can't be had: its place, the old Manifest; others go on"
echo "DIST x 1 MD5 00" >>"$m"
run jobuild manifest anna/app
[[ $status == 1 ]] && told "anna/app/Manifest:5:" && told "neither BLAKE2B nor SHA512"
ok "a broken Manifest is refused with its line"
cp "$tmp/before" "$m"
ln -s /etc/passwd "$tree/anna/app/files/link"
run jobuild manifest anna/app
[[ $status == 1 ]] && told "not a regular file" && cmp -s "$m" "$tmp/before"
ok "a link in files/ is refused"
rm "$tree/anna/app/files/link"

# A run that is killed while it fetches leaves the old file and nothing else:
# the source is a pipe that never ends.
mkfifo "$tmp/mirror/gone"
exec 3<>"$tmp/mirror/gone"
: >"$tmp/err" # what is waited for may stand in the last one's
(cd "$tree" && exec jobuild manifest anna/app) >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q "fetching gone" "$tmp/err"; do sleep 0.05; done
kill $pid
wait $pid 2>/dev/null
[[ $? -gt 128 ]] && cmp -s "$m" "$tmp/before" && [[ $(ls -A "$tree/anna/app") == $'Manifest\napp-1.0.jobuild\nfiles' ]]
ok "interrupted: the old Manifest is whole, nothing is left over"
exec 3>&-

recipe anna/app-1.0 <<'X'
DESCRIPTION="Needs nothing any more"
job_run() { :; }
X
rm -r "$tree/anna/app/files"
touch "$m.asc"
run jobuild manifest anna/app
[[ $status == 0 && ! -e $m && ! -e $m.asc ]] && told "4 removed"
ok "a Manifest with nothing to say goes, with its signature"

# ---- progress: a source that comes slowly ------------------------------------------
cat >"$tmp/slow.py" <<'X'
import http.server, sys, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "8192")
        self.end_headers()
        self.wfile.write(b"x" * 4096)
        self.wfile.flush()
        time.sleep(float(self.path[1:4]))
        self.wfile.write(b"x" * 4096)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_address[1], flush=True)
server.serve_forever()
X
python3 "$tmp/slow.py" >"$tmp/port" &
server=$!
for ((i = 0; i < 100; i++)); do
	[[ -s $tmp/port ]] && break
	sleep 0.1
done
AUTOTUA_MIRROR="slow http://127.0.0.1:$(<"$tmp/port")"
export AUTOTUA_MIRROR
for n in 2.5 6.5; do
	recipe "anna/slow${n%.*}-1.0" <<X
DESCRIPTION="Waits for a source"
SRC_URI="mirror://slow/$n/slow-$n.bin"
job_run() { einfo done; }
X
done
(cd "$tree" && CI='' TERM=xterm COLUMNS=80 script -qec "jobuild manifest anna/slow2" /dev/null) </dev/null >"$tmp/bar" &
bar=$!
run jobuild manifest anna/slow6
[[ $status == 0 ]] && told "slow-6.5.bin: 4.0 KiB of 8.0 KiB after "
ok "what takes long is told in lines"
wait "$bar" && grep -qF $'\r\e[Kslow-2.5.bin [####################....................] 4.0 KiB/8.0 KiB' "$tmp/bar" &&
	grep -qF $'8.0 KiB\r\e[K' "$tmp/bar"
ok "on a terminal there is a bar, and then none"
rm "$tree"/anna/slow*/Manifest
run jobuild --json manifest anna/slow2
[[ $status == 0 ]] && jq -e '.packages[0].state == "written"' "$tmp/out" >/dev/null && ! told "KiB"
ok "with --json neither"
recipe anna/full-1.0 <<'X'
DESCRIPTION="Has much"
X
full() { # TEXT NAME
	run jobuild manifest anna/full
	[[ $status != 0 ]] && told "$1" && [[ ! -e $tree/anna/full/Manifest ]]
	ok "$2"
	rm -r "$tree/anna/full/files"
}
mkdir -p "$tree/anna/full/files"
touch "$tree"/anna/full/files/{0..1000}
full "files/ has more than 1000 files and folders" "more files than lint takes aren't listed"
mkdir -p "$tree/anna/full/files/1/2/3/4/5/6/7/8/9"
full "/9 has too many folders above it" "nor folders that are too deep"
mkdir "$tree/anna/full/files"
truncate -s 1048577 "$tree/anna/full/files/big"
full "/big has 1048577 bytes; at most 1048576 are allowed" "nor a file that is too large"
kill "$server"
done_testing
