#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lint advises: x.jobuild or x.template with x.err, which is empty when
# nothing may be found. Each rule has a case that it hits.
#
#	B=build [UPDATE=1] tests/lint/run.t

prog=$(realpath "${B:-build}/tests/parse/parsetest")
jobuild=$(realpath "${B:-build}/bin/jobuild")
cd "$(dirname "$0")" || exit 1
n=0
bad=0

result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=$((bad + 1))
	fi
}

for f in *.jobuild *.template; do
	golden=${f%.*}.err
	[ -n "$UPDATE" ] && "$prog" lint "$f" >"$golden"
	out=$("$prog" lint "$f" | diff -u "$golden" - 2>&1)
	rc=$?
	result "$rc" "$f"
	[ "$rc" -eq 0 ] || echo "$out" | sed 's/^/# /'
done

rules=$("$jobuild" lint --rules | cut -d' ' -f1)
[ -n "$rules" ]
result $? "the rules are listed"
for rule in $rules; do
	grep -q "\\[$rule\\]\$" ./*.err
	result $? "$rule is hit by a case"
	grep -q "^\\.It Cm $rule\$" ../../man/jobuild.5
	result $? "$rule is in the manual"
done

echo "1..$n"
[ "$bad" -eq 0 ]
