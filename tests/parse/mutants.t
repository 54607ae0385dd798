#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Damaged scripts: the parser must say what the exit status of
# bash -O extglob -n says. The scripts are those of the tests, and CORPUS.
#
#	B=build [SEED=n] [COUNT=n] [CORPUS="FILE..."] tests/parse/mutants.t

prog=$(realpath "${B:-build}/tests/parse/mutants")
cd "$(dirname "$0")" || exit 1
case $(bash -c 'echo "$BASH_VERSION"') in
5.2.*) ;;
*)
	echo "1..0 # SKIP syntax is compared with bash 5.2, which isn't here"
	exit 0
	;;
esac
seed=${SEED:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
awk -v dir="$dir" 'BEGIN { n = 1 }
	$0 == "%%" { n++; next }
	{ print > sprintf("%s/%03d", dir, n) }' syntax.cases
# shellcheck disable=SC2086 # CORPUS is a list
"$prog" "$seed" "${COUNT:-3000}" "$dir"/* "$dir"/* ./*.jobuild \
	../lint/*.jobuild ../fuzz/corpus/recipe/* ../../jobuild/sh/*.sh \
	$CORPUS
