#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random graphs against libsolv (see differ.c). COUNT=N makes it that many,
# SEED=N others.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/differ.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
bin=${B:?}/tests/resolve
count=${COUNT:-6000} seed=${SEED:-1} n=0

ok() {
	local good=$?

	n=$((n + 1))
	((good == 0)) && echo "ok $n - $1" || echo "not ok $n - $1"
}

"$bin/differ" "$count" "$seed" >"$tmp/questions" 2>"$tmp/err" 3>"$tmp/ours"
ok "$count graphs: the short way and the search agree, and all plans are sound"
sed 's/^#* */# /' "$tmp/err" | tail -n 20
"$bin/peer" <"$tmp/questions" >"$tmp/theirs"
[[ $? == 0 && $(wc -l <"$tmp/theirs") == $(wc -l <"$tmp/ours") ]]
ok "libsolv has answered"
cut -d ' ' -f 1 "$tmp/theirs" | diff "$tmp/ours" - >"$tmp/diff"
ok "it finds a solution exactly where there is a plan"
sed 's/^/# /' "$tmp/diff" | head -n 20
[[ $(grep -c 1 "$tmp/ours") -gt $((count / 20)) && $(grep -c 0 "$tmp/ours") -gt $((count / 20)) ]]
ok "there were enough of both kinds"
# the judge itself: it can say no, and why not
printf 'P a/p0 1.0\nR a/p1 > 1.0\nP a/p1 1.0\nS a/p0\nP a/p0 1.0\nR a/p1 > 1.0\nP a/p1 1.1\nS a/p0\n' |
	"$bin/peer" | cut -d ' ' -f 1 | tr -d '\n' | grep -qx 01
ok "libsolv tells versions apart"
echo "1..$n"
