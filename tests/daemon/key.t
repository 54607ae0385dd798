#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Keys that are replaced and revoked, at a master and in a slave's keyring.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
mkdir -p "$tree" "$tmp/slave"
gen() { # ADDRESS
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-gen-key "$1" ed25519 sign 1y 2>/dev/null
	gpg --armor --export "$1" >"$tmp/$1"
	fpr=$(gpg --batch --with-colons --list-keys "$1" 2>/dev/null |
		awk -F: '$1 == "fpr" { print $10; exit }')
}
master() { run autotua-master -C "$tmp/master" "$@"; }

gen one; one=$fpr
gen two; two=$fpr
gen three; three=$fpr
export AUTOTUA_USER=anna
jobuild -q key rotate --key "$one" "$two" >"$tmp/rotate"
jobuild -q key revoke --key "$two" --reason retired >"$tmp/revoke"

master init --name test
master user add anna "$tmp/one"
((status == 0)) && said "anna $one"
ok "a key is entered"
master key accept "$tmp/revoke"
((status == 1)) && told "no trusted key $two of anna"
ok "a statement of an unknown key"
master key accept "$tmp/rotate"
((status == 0)) && said "$one revoked" && said "anna $two"
ok "a rotation is accepted"
master key list
said "anna $one revoked" && grep -qx "anna $two" "$tmp/out"
ok "the old key is revoked, the new one trusted"
master key accept "$tmp/rotate"
((status == 1)) && told "no trusted key $one"
ok "not twice"
master user add anna "$tmp/one"
((status == 1)) && told "is revoked"
ok "a revoked key can't be added again"
master key accept "$tmp/revoke"
((status == 0)) && said "$two revoked"
ok "a revocation is accepted"
master key restore anna "$two"
((status == 0))
ok "the administrator can take it back"
master key rotate anna "$two" "$tmp/three"
((status == 0)) && said "anna $three"
ok "and rotate without a statement"
master key rotate anna "$three" "$tmp/one"
((status == 1)) && told "is revoked"
ok "but not to a revoked key"
master key list
grep -qx "anna $three" "$tmp/out"
ok "which leaves all as it was"
master key revoke anna "$three" boredom
((status == 1)) && told "expected superseded"
ok "an unknown reason"
master key revoke bert "$three"
((status == 1)) && told "of bert"
ok "another user's key"
master key revoke anna "$three" compromised
((status == 0)) && said "$three revoked"
ok "revoke"
master key shred
((status == 2)) && told "usage"
ok "an unknown word"
piped() { (cd "$tree" && "${@:2}" <"$1") >"$tmp/out" 2>"$tmp/err"; status=$?; }
piped "$tmp/three" autotua-master -C "$tmp/master" key accept -
((status == 1)) && told "<standard input>: is a key that isn't revoked"
ok "standard input"

run autotua-slave -C "$tmp/slave" key accept "$tmp/rotate"
((status == 1)) && told "has no keyring of its own"
ok "a slave without a keyring"
printf 'keyring = %s\n' "$tmp/keyring" >"$tmp/slave/slave.conf"
printf 'anna %s\n' "$one" >"$tmp/keyring"
run autotua-slave -C "$tmp/slave" key accept "$tmp/rotate"
((status == 0)) && grep -qx "anna $one revoked" "$tmp/keyring" && grep -qx "anna $two" "$tmp/keyring"
ok "a slave's keyring"
run autotua-slave -C "$tmp/slave" key accept "$tmp/rotate"
((status == 0)) && told "$one is revoked already" && [[ $(grep -c . "$tmp/keyring") == 4 ]]
ok "which is so already the second time"
run autotua-slave -C "$tmp/slave" key accept "$tmp/three"
((status == 1)) && told "isn't revoked"
ok "a key is no statement"
printf 'anna %s\n' "$one" >"$tmp/keyring"
piped "$tmp/rotate" autotua-slave -C "$tmp/slave" key accept -
((status == 0)) && grep -qx "anna $one revoked" "$tmp/keyring"
ok "a statement on standard input"

done_testing
