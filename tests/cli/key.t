#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A maintainer's key: checked, published, replaced, revoked; and what verifying
# leaves behind, which is nothing.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
mkdir -p "$tree" "$tmp/left"
git init -q "$tree"

gen() { # ADDRESS ALGORITHM USE END [OPTION...]
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' "${@:5}" \
		--quick-gen-key "$1" "$2" "$3" "$4" 2>/dev/null
	fpr=$(gpg --batch --with-colons --list-keys "$1" 2>/dev/null |
		awk -F: '$1 == "fpr" { print $10; exit }')
}
sub() { # ALGORITHM USE END: to the last key
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-add-key "$fpr" "$@" 2>/dev/null
}
broken() { # RULE...: are these the rules that don't hold?
	jq -r '.rules[] | select(.holds | not) | .rule' "$tmp/out" | diff - <((($#)) && printf '%s\n' "$@") >/dev/null
}

run jobuild key
((status == 3)) && told "--quick-generate-key ADDRESS ed25519 cert 2y" && told "--quick-add-key FINGERPRINT ed25519 sign 2y"
ok "no key at all: how to make one as GLEP 63 wants it"
gen model@x.invalid ed25519 cert 2y
model=$fpr
run jobuild key "$model"
((status == 1)) && said "there is no signing subkey" && said "--quick-add-key $model ed25519 sign 2y"
ok "a key without subkeys: exit 1, with the remedy"
sub ed25519 sign 1y
sub cv25519 encr 1y
run jobuild key check "$model"
((status == 0)) && ! said failed && said "hint    revocation-certificate"
ok "a key as GLEP 63 wants it: exit 0"
run jobuild --json key "$model"
((status == 0)) && broken && [[ $(jq .good "$tmp/out") == true && $(jq '.parts | length' "$tmp/out") == 3 ]]
ok "the same as JSON"

gen plain@x.invalid ed25519 sign never
run jobuild --json key "$fpr"
((status == 1)) && broken signing-subkey expiry encryption-subkey certify-only
ok "one Ed25519 key for all, for ever"
gen far@x.invalid ed25519 cert 5y
sub ed25519 sign 4y
sub cv25519 encr 1y
run jobuild --json key "$fpr"
((status == 1)) && broken expiry && [[ $(jq .accepted "$tmp/out") == true ]]
ok "an end more than 900 days ahead"
gen soon@x.invalid ed25519 cert 10d
sub ed25519 sign 10d
sub cv25519 encr 10d
run jobuild --json key "$fpr"
((status == 1)) && broken renewal
ok "an end in less than two weeks"
mkdir -p "$tree/soon/y"
echo 'DESCRIPTION="y"' >"$tree/soon/y/y-1.0.template"
run jobuild sign --key "$fpr" soon
((status == 0)) && told "the key $fpr expires on" && [[ -s $tree/soon/soon.asc ]]
ok "who signs for the first time is told so"
run jobuild sign soon
((status == 0)) && ! told expires && told "0 written"
ok "who has nothing to sign is not"
echo 'DESCRIPTION="z"' >"$tree/soon/y/y-1.0.template"
run jobuild sign soon
((status == 0)) && told "the key $fpr expires on" && said soon/y/y-1.0.template.asc
ok "who has changed something is"
rm -r "$tree/soon"
gen both@x.invalid ed25519 cert 1y
sub rsa2048 sign,auth 1y
sub cv25519 encr 1y
run jobuild --json key "$fpr"
((status == 1)) && broken signing-subkey
ok "a signing subkey with another use"
gen dsa@x.invalid dsa2048 cert 1y
run jobuild --json key "$fpr"
((status == 1)) && [[ $(jq .accepted "$tmp/out") == false ]] &&
	[[ $(jq -r '.rules[] | select(.rule == "strength") | .text' "$tmp/out") == "DSA keys"* ]]
ok "DSA is not accepted"
run jobuild key "$fpr"
said "gpg --quick-add-key NEW ed25519 sign 2y); who keeps the keyring must enter it" &&
	! grep -qE "jobuild key rotate|-add-key $fpr|-set-expire $fpr" "$tmp/out"
ok "and nothing makes it better: another one"
gen short@x.invalid rsa1024 sign 1y
run jobuild key "$fpr"
((status == 1)) && said "RSA with 1024 bits is too weak"
ok "nor RSA with 1024 bits"
said "gpg --quick-add-key NEW ed25519 sign 2y); who keeps the keyring must enter it" &&
	! grep -qE "jobuild key rotate|-add-key $fpr|-set-expire $fpr" "$tmp/out"
ok "which needs another one, too"
gen past@x.invalid ed25519 cert 20500101T000000 --faked-system-time 20200101T000000
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --faked-system-time 20200101T000000 \
	--quick-add-key "$fpr" ed25519 sign 20200201T000000 2>/dev/null
run jobuild key "$fpr"
((status == 1)) && [[ $(grep -cE "(can-sign|signing-subkey) +the signing subkey [0-9A-F]{40} expired on 2020-0[12]" "$tmp/out") == 2 ]] &&
	subkey=$(sed -n "s/.*-set-expire $fpr 2y \([0-9A-F]\{40\}\); then .*/\1/p" "$tmp/out" | sort -u) && [[ $subkey ]] && ! said "primary key would sign" && ! said "ed25519 sign 2y"
ok "an expired signing subkey can be prolonged"
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-set-expire "$fpr" 2y "$subkey" 2>/dev/null
run jobuild --json key "$fpr"
broken expiry encryption-subkey
ok "by what was said"
gen mixed@x.invalid ed25519 cert 1y
sub rsa1024 sign 1y
run jobuild key "$fpr"
((status == 1)) && said "gpg --quick-add-key $fpr ed25519 sign 2y, and revoke the weak one (gpg --edit-key $fpr, key "
ok "a weak subkey of a good key can be replaced"
gen sha1@x.invalid rsa2048 sign 1y --cert-digest-algo SHA1
run jobuild key "$fpr"
((status == 1)) && said "is made with SHA1" && said "--cert-digest-algo SHA512"
ok "nor a key bound by SHA-1"
mkdir -p "$tree/x/y"
echo 'DESCRIPTION="y"' >"$tree/x/y/y-1.0.template"
run jobuild sign --key "$fpr" x/y
((status == 1)) && told "would be refused" && told "--cert-digest-algo SHA512" && [[ ! -e $tree/x/x.asc ]]
ok "and nothing is signed with it"
rm -r "$tree/x"

# what the tree has is good, but the caller's key has changed since
mkdir -p "$tree/x/y"
echo 'DESCRIPTION="y"' >"$tree/x/y/y-1.0.template"
gen worse@x.invalid ed25519 cert,sign 1y
run jobuild sign --key "$fpr" x/y
((status == 0)) && [[ -s $tree/x/x.asc ]]
ok "a key that is good signs"
sub rsa1024 sign 1y
run jobuild sign x/y
((status == 0)) && told "0 written"
ok "with a weak subkey, too, what it has signed is good"
echo 'DESCRIPTION="z"' >"$tree/x/y/y-1.0.template"
cp "$tree/x/y/y-1.0.template.asc" "$tmp/before.asc"
run jobuild sign x/y
((status == 1)) && told "sign x/y/y-1.0.template: signatures by the key $fpr would be refused" &&
	told "RSA with 1024 bits is too weak" && cmp -s "$tree/x/y/y-1.0.template.asc" "$tmp/before.asc"
ok "but it signs nothing more"
rm -r "$tree/x"

# a key that was good when it signed
over() { # COMMAND...: does it say that the key is over, and how to prolong it?
	run jobuild "$@"
	((status == 1)) && told "the key $fpr expired on 2020-02-01" && told "gpg --quick-set-expire $fpr 2y"
	ok "${*:1:2} with a key that has expired: what helps"
}
gen over@x.invalid ed25519 sign 20200201T000000 --faked-system-time 20200101T000000
mkdir -p "$tree/x/y"
echo 'DESCRIPTION="y"' >"$tree/x/y/y-1.0.template"
over sign --key "$fpr" x/y
gpg --batch --armor --export "$fpr" >"$tree/x/x.asc" 2>/dev/null
over sign x/y
over key export --user x
over key revoke --user x
over key rotate --user x "$model"
sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$model.rev" >"$tmp/model.rev"
cp -r "$GNUPGHOME" "$tmp/revoked" && chmod 700 "$tmp/revoked"
GNUPGHOME=$tmp/revoked gpg --quiet --import "$tmp/model.rev" 2>/dev/null
GNUPGHOME=$tmp/revoked gpg --armor --export "$model" >"$tree/x/x.asc"
for words in "sign x/y" "key rotate --user x worse@x.invalid" "key export --user x" "key revoke --user x"; do
	# shellcheck disable=SC2086 # words
	run env GNUPGHOME="$tmp/revoked" jobuild $words
	((status == 1)) && told "the key $model is revoked since" && told "make another key" && told "who keeps the keyring must enter it"
	ok "${words% *} with a revoked key: another one"
done
# one that asks for its passphrase
gpg --batch --quiet --pinentry-mode loopback --passphrase secret --quick-gen-key locked@x.invalid ed25519 sign 1y 2>/dev/null
rm "$tree/x/x.asc"
run env -u GPG_TTY -u DISPLAY -u WAYLAND_DISPLAY setsid -w jobuild sign --key locked@x.invalid x/y
((status == 1)) && told "sign x/y/y-1.0.template: sign: gpg has no way to ask for the key's passphrase" && told "GPG_TTY"
ok "a passphrase without a terminal: how gpg can ask"
rm -r "$tree/x"

# what the tree has is not good
mkdir -p "$tree/x/y" "$tmp/mute"
echo 'DESCRIPTION="y"' >"$tree/x/y/y-1.0.template"
gen old@x.invalid ed25519 sign 20200201T000000 --faked-system-time 20200101T000000
gpg --batch --armor --export "$fpr" >"$tree/x/x.asc" 2>/dev/null
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-set-expire "$fpr" 1y 2>/dev/null
run jobuild sign x/y
((status == 1)) && told "x/x.asc: " && told expired
ok "a tree whose key has expired: exit 1, also when the caller's is prolonged"
cp "$tmp/err" "$tmp/expired"
printf '#!/bin/sh\ncase " $* " in *" --export "*) exit 2 ;; esac\nexec "%s" "$@"\n' "$(type -P gpg)" >"$tmp/mute/gpg"
chmod +x "$tmp/mute/gpg"
run env PATH="$tmp/mute:$PATH" jobuild sign x/y # gpg exports nothing
((status == 1)) && told_exactly <"$tmp/expired"
ok "when that can't be looked at, the cause is told all the same"
run env PATH="$tmp/mute:$PATH" jobuild key export --replace --user x --key "$fpr"
((status == 1)) && told "exported nothing"
ok "which it really can't"
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-add-key "$fpr" rsa1024 sign 1y 2>/dev/null
run jobuild sign x/y
((status == 1)) && told "would be refused" && told "RSA with 1024 bits is too weak"
ok "what is wrong with the caller's own comes first"
rm -r "$tree/x"

gpg --armor --export "$model" >"$tmp/model.asc"
run jobuild key "$tmp/model.asc"
((status == 0)) && told "model.asc"
ok "a file"
echo junk >"$tmp/junk.asc"
run jobuild key "$tmp/junk.asc"
((status == 1)) && told "is not an armoured block"
ok "a file without a key"
gpg --batch --pinentry-mode loopback --passphrase '' --armor --export-secret-keys "$model" >"$tmp/secret.asc" 2>/dev/null
run jobuild key "$tmp/secret.asc"
((status == 1)) && told "PRIVATE key"
ok "a file with a secret key"
run jobuild key nobody
((status == 3)) && told '"nobody" is no file and no user of the tree'
ok "nobody's"

export AUTOTUA_USER=anna
recipe anna/one-1.0 <<-X
	DESCRIPTION="one"
	job_run() { :; }
X
gen anna@x.invalid ed25519 sign 1y
old=$fpr
run jobuild key export --key "$old"
((status == 0)) && said anna/anna.asc && [[ -s $tree/anna/anna.asc ]]
ok "key export writes USER.asc"
run jobuild key anna
((status == 1)) && told "the key in anna/anna.asc" && said "key $old"
ok "a user of the tree"
git -C "$tree" add anna/anna.asc
git -C "$tree" -c user.name=x -c user.email=x@x.invalid commit -q -m key
git clone -q --bare "$tree" "$tmp/bare"
run jobuild -C "$tmp/bare" key anna
((status == 1)) && told "the key in anna/anna.asc" && said "key $old"
ok "and of a bare repository"
run jobuild sign --key "$old" anna
((status == 0)) && said anna/one/one-1.0.jobuild.asc
ok "sign"
run jobuild -v sign --key "$old" anna
((status == 0)) && told "0 written, 1 signatures were good"
ok "sign signs only what changed"
run jobuild verify
((status == 0)) && [[ -s $XDG_CACHE_HOME/autotua/verdicts ]]
ok "verify remembers its verdicts"
echo >>"$tree/anna/one/one-1.0.jobuild"
run jobuild verify
((status == 1)) && told "was changed after signing"
ok "but not for other bytes"
run env PATH="$tmp/nowhere" "$(type -P jobuild)" sign --key "$old" anna
((status == 1)) && told "no gpg to run" && told "PATH"
ok "without gpg nothing is signed"
mkdir "$tmp/spy"
for name in gpg gpgsm gpgconf; do
	printf '#!/bin/sh\necho %s >>"%s/started"\nexec "%s" "$@"\n' "$name" "$tmp" "$(type -P "$name")" >"$tmp/spy/$name"
	chmod +x "$tmp/spy/$name"
done
run env PATH="$tmp/spy:$PATH" jobuild sign --key "$old" anna
((status == 0)) && said anna/one/one-1.0.jobuild.asc && [[ $(sort -u "$tmp/started") == gpg ]]
ok "signing runs the gpg of PATH, and nothing else of GnuPG"

gen new@x.invalid ed25519 cert 1y
new=$fpr
echo "anna $old" >"$tmp/keyring"
run jobuild key rotate "$new"
((status == 1)) && told "by the key $new would be refused: no part of it that is valid can sign" && told "gpg --quick-add-key $new ed25519 sign 2y"
ok "a new key that can't sign: what it lacks"
# the rest of it as the manual says
sed -n '/^\.Ss To replace a key/,/^\.Ed/s/^\$ gpg --quick-add-key NEW //p' "$top/man/jobuild.1" >"$tmp/subkeys"
while read -ra words; do
	sub "${words[@]}"
done <"$tmp/subkeys"
run jobuild key "$new"
((status == 0))
ok "as the manual makes it, it is as GLEP 63 wants it"
run jobuild key export --key "$new"
((status == 1)) && told "--replace" && told "jobuild key rotate"
ok "export puts no other key in place unasked"
line=$(sed -n '/^\.Ss To replace a key/,/^\.Ed/s/^\$ jobuild key rotate \(.*\) NEW$/\1/p' "$top/man/jobuild.1")
# shellcheck disable=SC2086 # words
run env -u AUTOTUA_USER XDG_CONFIG_HOME="$tmp/none" jobuild key rotate $line "$new"
mv "$tree/../statement" "$tmp/rotate"
((status == 0)) && grep -qx "old: $old" "$tmp/rotate" && grep -qx "new: $new" "$tmp/rotate"
ok "a statement, signed by both keys"
run jobuild key accept "$tmp/rotate"
((status == 2)) && told "which keyring"
ok "accepting needs a keyring"
sed "s/^user: anna/user: bert/" "$tmp/rotate" >"$tmp/bert"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/bert"
((status == 1)) && told "the old key's signature"
ok "nobody else's statement"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/rotate"
((status == 0)) && grep -qx "anna $old revoked" "$tmp/keyring" && grep -qx "anna $new" "$tmp/keyring"
ok "the keyring has the new key"
run jobuild verify --keyring "$tmp/keyring"
((status == 1)) && told "has the key $old of anna as revoked" && told "sign again with the key that the keyring trusts, $new"
ok "what the old key signed does not count, remembered or not"
run jobuild key export --replace --key "$new"
run jobuild sign anna
((status == 0)) && said anna/one/one-1.0.jobuild.asc
ok "signed again with the new key"
run jobuild verify --keyring "$tmp/keyring"
((status == 0))
ok "which is good"
# the manual's next steps, where the old key can sign as well
run jobuild key
((status == 0)) && told "the key in your GnuPG home" && said "key $new"
ok "with two keys that can sign, yours is the tree's"
mapfile -t lines < <(sed -n '/^\.Ss To prolong a key/,/^\.Ed/s/^\$ \(gpg .*\|jobuild .*\)/\1/p' "$top/man/jobuild.1")
for line in "${lines[@]}"; do
	line=${line/FINGERPRINT/"$new"}
	run env -u AUTOTUA_USER XDG_CONFIG_HOME="$tmp/none" bash -c "${line/#gpg/gpg --batch --pinentry-mode loopback --passphrase ''}"
	((status == 0))
	ok "to prolong it: ${line/"$new"/NEW}"
done
said anna/anna.asc && run jobuild verify --keyring "$tmp/keyring" && ((status == 0))
ok "the tree has it again, and what is signed counts"
rm "$tree/anna/anna.asc"
for words in "key export" key "sign anna"; do
	# shellcheck disable=SC2086 # words
	run jobuild $words
	((status == 2)) && told "secret keys can sign: choose one by its fingerprint with --key"
	ok "when the tree has none, $words asks which: exit 2"
done
gpg --armor --export "$old" >"$tree/anna/anna.asc"
run jobuild key export --replace --key "$new"
((status == 0)) && gpg --show-keys "$tree/anna/anna.asc" 2>/dev/null | grep -q "$new"
ok "--replace puts the given one there"
cp "$tmp/keyring" "$tmp/before"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/rotate"
((status == 0)) && told "$old is revoked already, trusted is $new" && cmp "$tmp/before" "$tmp/keyring"
ok "a statement does nothing twice"
run jobuild key revoke --reason boredom
((status == 2)) && told "superseded"
ok "an unknown reason"
run jobuild key revoke --reason compromised
((status == 0)) && said "reason: compromised" && cp "$tmp/out" "$tmp/revoke"
ok "a revocation"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/revoke"
((status == 0)) && grep -qx "anna $new revoked" "$tmp/keyring"
ok "is accepted"
run jobuild verify --keyring "$tmp/keyring"
((status == 1)) && told "it trusts no other key of anna" && ! told "sign again with the key that the keyring trusts"
ok "nothing of it counts, and there is no other to sign with"
cp "$tmp/keyring" "$tmp/before"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/revoke"
((status == 0)) && told_exactly <<<"$tmp/keyring: $new is revoked already" && cmp "$tmp/before" "$tmp/keyring"
ok "accepted again, it is revoked already"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/rotate"
((status == 1)) && told "has the key $new as revoked"
ok "but no rotation to it"
sed 's/$/\r/' "$tmp/revoke" >"$tmp/crlf"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/crlf"
((status == 1)) && told "$tmp/crlf: line 1 ends with a carriage return"
ok "a statement that mail has changed"

# the file that is changed is the one that is meant, for those who read it
group=1234
((EUID)) && group=$(id -G | tr ' ' '\n' | tail -n 1)
mkdir "$tmp/kept"
again() { # the keyring is as it was before the revocation
	echo "anna $new" >"$tmp/kept/keyring"
	chgrp "$group" "$tmp/kept/keyring"
	chmod 640 "$tmp/kept/keyring"
}
again
piped() { # FILE COMMAND...: the file on its standard input
	(cd "$tree" && "${@:2}" <"$1") >"$tmp/out" 2>"$tmp/err"
	status=$?
}
piped "$tmp/revoke" jobuild key accept --keyring "$tmp/kept/keyring" -
((status == 0)) && grep -qx "anna $new revoked" "$tmp/kept/keyring"
ok "a statement on standard input"
piped /dev/null jobuild key accept --keyring "$tmp/kept/keyring" -
((status == 1)) && told "<standard input>: line 1"
ok "and none"
again
ln -s kept/keyring "$tmp/link"
run jobuild key accept --keyring "$tmp/link" "$tmp/revoke"
((status == 0)) && [[ -L $tmp/link ]] && grep -qx "anna $new revoked" "$tmp/kept/keyring"
ok "a keyring that is a link: the file that it leads to is changed"
[[ $(stat -c %a:%g "$tmp/kept/keyring") == "640:$group" && $(ls "$tmp/kept") == keyring ]]
ok "and keeps its mode and group"
if ((EUID)); then
	ok "a group that can't be kept # SKIP not root"
else
	again
	chmod 711 "$tmp"
	cp "$tmp/revoke" "$tmp/kept/statement"
	chown -R 1235 "$tmp/kept"
	cp "$tmp/kept/keyring" "$tmp/before"
	run setpriv --reuid 1235 --regid 1235 --clear-groups env -C / HOME="$tmp/kept" TMPDIR="$tmp/kept" jobuild key accept --keyring "$tmp/kept/keyring" "$tmp/kept/statement"
	((status == 1)) && told "owner and group" && cmp "$tmp/before" "$tmp/kept/keyring" && [[ $(stat -c %a:%u:%g "$tmp/kept/keyring") == 640:1235:1234 ]]
	ok "who can't keep the group changes nothing"
fi
if ! setfacl -m u:1:r "$tmp/kept/keyring" 2>"$tmp/err"; then
	ok "access lists # SKIP there are none here: $(head -n 1 "$tmp/err")"
else
	acl() { getfacl -cnp "$tmp/kept/keyring"; }
	again
	chmod 644 "$tmp/kept/keyring"
	setfacl -m u:1236:rw,g::r,o::- "$tmp/kept/keyring"
	acl >"$tmp/before"
	run jobuild key accept --keyring "$tmp/kept/keyring" "$tmp/revoke"
	((status == 0)) && acl | diff -u "$tmp/before" - && [[ $(stat -c %a:%g "$tmp/kept/keyring") == "660:$group" ]]
	ok "a keyring's access list stays"
	setfacl -b "$tmp/kept/keyring"
	setfacl -d -m u:1236:rw "$tmp/kept"
	again
	acl >"$tmp/before"
	run jobuild key accept --keyring "$tmp/kept/keyring" "$tmp/revoke"
	((status == 0)) && acl | diff -u "$tmp/before" - && [[ $(stat -c %a "$tmp/kept/keyring") == 640 ]]
	ok "and none comes from the folder"
	setfacl -k "$tmp/kept"
fi
again
locked() { # FILE: by a process that goes on until "$holder" is killed
	local i

	flock -F "$1" sleep 600 &
	holder=$!
	for ((i = 0; i < 200; i++)); do
		flock -n "$1" true || return 0
		sleep 0.05
	done
	return 1
}
locked "$tmp/kept/keyring"
run timeout 60 jobuild key accept --keyring "$tmp/kept/keyring" "$tmp/revoke"
((status == 0)) && grep -qx "anna $new revoked" "$tmp/kept/keyring"
ok "who may only read the keyring can't hold a change up"
kill "$holder"
again
locked "$tmp/kept/keyring.lock"
jobuild key accept --keyring "$tmp/kept/keyring" "$tmp/revoke" 2>"$tmp/err" &
accepting=$!
waits() { # until the system says that it waits for a lock
	local i

	for ((i = 0; i < 200; i++)); do
		grep -q -- "-> FLOCK .* $accepting " /proc/locks && return
		kill -0 "$accepting" 2>/dev/null || return
		sleep 0.05
	done
	return 1
}
waits
echo "bert $old" >"$tmp/kept/next"
mv "$tmp/kept/next" "$tmp/kept/keyring"
echo "anna $new" >>"$tmp/kept/keyring"
kill "$holder"
wait "$accepting" && grep -qx "bert $old" "$tmp/kept/keyring" && grep -qx "anna $new revoked" "$tmp/kept/keyring"
ok "of two changes at once none is lost"
[[ ! -e $tmp/kept/keyring.lock ]]
ok "and no lock is left"

# OpenPGP's own revocation, made when the key was
gen lost@x.invalid ed25519 sign 1y
echo "carl $fpr" >"$tmp/keyring"
sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$fpr.rev" | gpg --quiet --import 2>/dev/null
gpg --armor --export "$fpr" >"$tmp/lost.asc"
run jobuild key accept --keyring "$tmp/keyring" "$tmp/lost.asc"
((status == 0)) && grep -qx "carl $fpr revoked" "$tmp/keyring"
ok "a revoked key revokes itself"
run jobuild key "$tmp/lost.asc"
((status == 1)) && said "is revoked since" && said "who keeps the keyring must enter it" &&
	! grep -qE "(-add-key|-set-expire|-add-uid) $fpr" "$tmp/out"
ok "and is told of, with no advice for a key that is none"

# what the caller's GnuPG homes have must not matter
mkdir -p "$tmp/home/.gnupg" "$tmp/evil"
chmod 700 "$tmp/home/.gnupg" "$tmp/evil"
for i in "$tmp/home/.gnupg" "$tmp/evil"; do
	printf 'no-such-option\n' >"$i/gpg.conf"
	printf 'use-keyboxd\n' >"$i/common.conf"
done
run env HOME="$tmp/home" GNUPGHOME="$tmp/evil" TMPDIR="$tmp/left" XDG_CACHE_HOME="$tmp/cold" jobuild verify
((status == 0)) && [[ $(find "$tmp/evil" "$tmp/home" -type f | wc -l) == 4 ]]
ok "the caller's GnuPG homes are not used"
[[ -z $(ls -A "$tmp/left") ]] && ! pgrep -f "$tmp/left" >/dev/null
ok "no file and no process is left"
echo >>"$tree/anna/one/one-1.0.jobuild"
run env TMPDIR="$tmp/left" XDG_CACHE_HOME="$tmp/cold" jobuild verify
((status == 1)) && [[ -z $(ls -A "$tmp/left") ]]
ok "nor after a failure"

# stopped in the middle of much work
for ((i = 0; i < 300; i++)); do
	printf 'DESCRIPTION="%d"\njob_run() { :; }\n' "$i" | recipe "anna/n$i-1.0"
	cp "$tree/anna/one/one-1.0.jobuild.asc" "$tree/anna/n$i/n$i-1.0.jobuild.asc"
done
gone() { # within 10 seconds
	local i

	for ((i = 0; i < 100; i++)); do
		[[ -z $(ls -A "$tmp/left") ]] && return
		sleep 0.1
	done
	return 1
}
for signal in TERM INT KILL; do
	(cd "$tree" && exec env --default-signal=INT TMPDIR="$tmp/left" XDG_CACHE_HOME="$tmp/before-$signal" jobuild verify) >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[[ -n $(ls -A "$tmp/left") ]] && break
		sleep 0.05
	done
	[[ -n $(ls -A "$tmp/left") ]]
	ok "a home is there while it works"
	kill -s "$signal" "$pid"
	wait "$pid" 2>/dev/null
	(($? > 128)) && gone
	ok "and gone after SIG$signal"
done

done_testing
