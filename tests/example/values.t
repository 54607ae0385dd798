#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The example program of the library.

prog=$(realpath "${B:-build}/tests/example/values")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cat >"$dir/good" <<'X'
DESCRIPTION="the ${PN}"
_v=${PV%.*}
DEPEND="core/base"
job_run() { :; }
X
# shellcheck disable=SC2016 # it is the file's text
# shellcheck disable=SC2016
echo 'DESCRIPTION=$(id)' >"$dir/bad"

echo 1..3
printf '%s\n' 'DEPEND=core/base' 'DESCRIPTION=the name' '_v=1' >"$dir/want"
if "$prog" "$dir/good" >"$dir/out" && cmp -s "$dir/out" "$dir/want"; then
	echo "ok 1 - values, by name"
else
	echo "not ok 1 - values, by name"
	sed 's/^/# /' "$dir/out"
fi
if "$prog" "$dir/bad" >"$dir/out" 2>"$dir/err" || [ -s "$dir/out" ] ||
	! grep -q 'bad:1:13: error: .*command-substitution' "$dir/err"; then
	echo "not ok 2 - what is refused, and where"
	sed 's/^/# /' "$dir/err"
else
	echo "ok 2 - what is refused, and where"
fi
"$prog" "$dir/none" 2>"$dir/err"
if [ $? -eq 2 ] && grep -q none "$dir/err"; then
	echo "ok 3 - a file that isn't there"
else
	echo "not ok 3 - a file that isn't there"
fi
