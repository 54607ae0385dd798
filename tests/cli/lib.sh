# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of the command: TAP, a tree and a key below $tmp.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=${B:-$top/build}/bin:$PATH
command -v jobuild >/dev/null || {
	echo "Bail out! no jobuild in ${B:-$top/build}/bin: make it first"
	exit 1
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/cli.XXXXXX")
unset "${!AUTOTUA_@}" FORCE_COLOR CLICOLOR_FORCE
export GNUPGHOME=$tmp/gnupg XDG_CONFIG_HOME=$tmp/config XDG_CONFIG_DIRS=$tmp/none XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache
export AUTOTUA_HELPERS=$top/jobuild/sh AUTOTUA_STORE=$tmp/store NO_COLOR=1 AUTOTUA_ARCH=amd64
tree=$tmp/tree

# shellcheck disable=SC2317 # called by trap
cli_end() {
	gpgconf --kill all 2>/dev/null
	rm -rf "$tmp"
}
trap cli_end EXIT

# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"

# Run in the tree: output in $tmp/out and $tmp/err, the status in $status.
run() {
	(cd "$tree" && "$@") >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	export status # for the tests
}

said() { grep -qF -- "$1" "$tmp/out"; }
told() { grep -qF -- "$1" "$tmp/err"; }

# Is standard error exactly what is on standard input?
told_exactly() { diff -u - "$tmp/err" >"$tmp/diff" || { sed 's/^/# /' "$tmp/diff"; false; }; }
said_exactly() { diff -u - "$tmp/out" >"$tmp/diff" || { sed 's/^/# /' "$tmp/diff"; false; }; }

# Write a recipe (standard input): USER/NAME-VERSION[.template]
recipe() {
	local name=${1##*/} end=jobuild

	if [[ $name == *.template ]]; then
		name=${name%.template} end=template
	fi
	mkdir -p "$tree/${1%%/*}/${name%-*}"
	cat >"$tree/${1%%/*}/${name%-*}/$name.$end"
}

new_key() { # USER
	mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-generate-key "$1 <$1@test.invalid>" ed25519 sign never 2>/dev/null
}

git init --quiet --initial-branch=main "$tree"
git -C "$tree" config user.name test
git -C "$tree" config user.email test@test.invalid
commit() { git -C "$tree" add -A && git -C "$tree" commit --quiet -m "$1"; }
