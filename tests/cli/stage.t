#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stage with its maker's signature: taken in if that is good, and not if it
# isn't, with the reason.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
if [[ $(id -u) -ne 0 ]]; then
	echo "1..0 # SKIP stages need root"
	exit 0
fi
export AUTOTUA_STATE=$tmp/chroot

mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
gen() { # ADDRESS ALGORITHM [OPTION...]
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' "${@:3}" \
		--quick-gen-key "$1" "$2" default never 2>/dev/null
}
sign() { # ADDRESS FILE [OPTION...]: into FILE.asc
	gpg --batch --quiet --yes --pinentry-mode loopback --passphrase '' \
		"${@:3}" -u "$1" --armor --detach-sign "$2" 2>>"$tmp/err"
}
gen maker@x.invalid ed25519
gen other@x.invalid ed25519
gpg --batch --quiet --armor --export maker@x.invalid >"$tmp/maker.asc"
gpg --batch --quiet --export maker@x.invalid other@x.invalid >"$tmp/both.gpg"
"$top/tests/tools/mkstage" "$tmp/stage.tar.zst" 2>"$tmp/err"
sign maker@x.invalid "$tmp/stage.tar.zst"
stages() { autotua-chroot -s "$tmp/chroot" list --json | jq -r '.[].name' | xargs; }
import() { # [OPTION...]
	run jobuild stage import --keyring "$tmp/maker.asc" \
		--signature "$tmp/stage.tar.zst.asc" "$@" "$tmp/stage.tar.zst"
}
refused() { ((status == 1)) && told "$tmp/$file: " && told "$1" && [[ -z $(stages) ]]; }
file=stage.tar.zst

# ---- what isn't good

import --signature "$tmp/none.asc"
((status == 1)) && told "none.asc" && [[ -z $(stages) ]]
ok "no signature there: exit 1, nothing is imported"
: >"$tmp/empty.asc"
import --signature "$tmp/empty.asc"
refused "empty.asc: is empty"
ok "an empty one"
run jobuild stage import --signature "$tmp/stage.tar.zst.asc" "$tmp/stage.tar.zst"
((status == 2)) && told "belong together"
ok "a signature without keys: exit 2"
run jobuild stage import --keyring "$tmp/maker.asc" "$tmp/stage.tar.zst"
((status == 2)) && told "belong together"
ok "keys without a signature: exit 2"
import --signature "$tmp/maker.asc"
refused "PGP SIGNATURE"
ok "something else instead of a signature"
import --keyring "$tmp/stage.tar.zst.asc"
refused "holds no public key"
ok "something else instead of keys"
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --armor \
	--export-secret-keys maker@x.invalid >"$tmp/secret.asc" 2>>"$tmp/err"
import --keyring "$tmp/secret.asc"
refused "holds a PRIVATE key"
ok "secret keys"
sign other@x.invalid "$tmp/stage.tar.zst" --output "$tmp/other.asc"
import --signature "$tmp/other.asc"
refused "which is not in the keyring"
ok "an unknown key"
sign maker@x.invalid "$tmp/stage.tar.zst" --output "$tmp/sha1.asc" --digest-algo SHA1
import --signature "$tmp/sha1.asc"
refused "SHA-256 or better"
ok "by SHA-1"
sign maker@x.invalid "$tmp/stage.tar.zst" --output "$tmp/ahead.asc" --faked-system-time 20990101T000000!
import --signature "$tmp/ahead.asc"
refused ""
ok "from the future"
gpg --batch --quiet --pinentry-mode loopback --passphrase '' -u maker@x.invalid -u other@x.invalid \
	--armor --output "$tmp/two.asc" --detach-sign "$tmp/stage.tar.zst"
import --signature "$tmp/two.asc" --keyring "$tmp/both.gpg"
refused "exactly one"
ok "several signatures"
cp "$tmp/stage.tar.zst" "$tmp/bad.tar.zst"
printf x >>"$tmp/bad.tar.zst"
file=bad.tar.zst
run jobuild stage import --keyring "$tmp/maker.asc" --signature "$tmp/stage.tar.zst.asc" "$tmp/bad.tar.zst"
refused "the signature doesn't fit"
ok "a byte more than was signed"
file=stage.tar.zst
gen gone@x.invalid ed25519
sign gone@x.invalid "$tmp/stage.tar.zst" --output "$tmp/gone.asc"
sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$(gpg --batch --with-colons --list-keys gone@x.invalid |
	awk -F: '$1 == "fpr" { print $10; exit }').rev" >"$tmp/rev"
gpg --batch --quiet --import "$tmp/rev" 2>>"$tmp/err"
gpg --batch --quiet --export gone@x.invalid >"$tmp/gone.gpg"
import --signature "$tmp/gone.asc" --keyring "$tmp/gone.gpg"
refused "is revoked"
ok "a key that was revoked"
gen weak@x.invalid rsa1024
sign weak@x.invalid "$tmp/stage.tar.zst" --output "$tmp/weak.asc"
gpg --batch --quiet --export weak@x.invalid >"$tmp/weak.gpg"
import --signature "$tmp/weak.asc" --keyring "$tmp/weak.gpg"
refused "1024"
ok "a weak key"
run jobuild stage import "$tmp"
((status == 3)) && told "is not a file"
ok "a folder"
run jobuild stage remove x
((status == 2)) && told 'the only thing to do is "import"'
ok "another word"

# ---- what is

import -n signed
((status == 0)) && told "good signature by" && [[ $(stages) == signed ]]
ok "good: imported"
[[ $(autotua-chroot -s "$tmp/chroot" import "$tmp/stage.tar.zst") == "$(grep -xE '[0-9a-f]{64}' "$tmp/out")" ]]
ok "under the digest of its bytes"
import --json --keyring "$tmp/both.gpg"
((status == 0)) && [[ $(jq -r .signed_by "$tmp/out") == $(gpg --batch --with-colons --list-keys maker@x.invalid |
	awk -F: '$1 == "fpr" { print $10; exit }') ]]
ok "as JSON, with who signed, out of a keyring of several"
autotua-chroot -s "$tmp/chroot" remove signed
run jobuild stage import -n plain "$tmp/stage.tar.zst"
((status == 0)) && ! told "good signature" && [[ $(stages) == plain ]]
ok "without a signature: imported, and nothing told of one"

done_testing
