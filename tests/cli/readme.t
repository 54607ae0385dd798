#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The README's first jobuild, line by line, as somebody who has nothing yet.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

export HOME=$tmp/home GNUPGHOME=$tmp/home/.gnupg
mkdir -p "$GNUPGHOME" "$tmp/mirror/pool/main/h/hello"
chmod 700 "$GNUPGHOME"
printf '%s\n' batch "pinentry-mode loopback" "passphrase ''" >"$GNUPGHOME/gpg.conf"
git config --global init.defaultBranch main
git config --global user.name You
git config --global user.email you@example.org
echo "in place of the real one" >"$tmp/mirror/pool/main/h/hello/hello_2.10.orig.tar.gz"

# The section's indented blocks, each in a file.
awk -v out="$tmp/block" '/^## / { on = $0 == "## Your first jobuild"; next }
	!on { next }
	/^    / { n += !within; within = 1; print substr($0, 5) >(out n) }
	/^[^ ]/ { within = 0 }' "$top/README.md"
block() { grep -l -- "$1" "$tmp"/block[0-9]* | head -n 1; }

# Do what the lines of the block say that has this text.
follow() {
	local line fpr from

	from=$(block "$1")
	[[ -n $from ]]
	ok "README has \"$1\""
	while IFS= read -r line; do
		line=${line//http:\/\/YOUR-DEBIAN-MIRROR\/debian/file:\/\/$tmp\/mirror}
		if [[ $line == *FINGERPRINT* ]]; then
			fpr=$(gpg --with-colons --list-keys 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
			line=${line//FINGERPRINT/$fpr}
		fi
		eval "$line" >"$tmp/out" 2>"$tmp/err" </dev/null
		ok "README: $line"
	done <"${from:-/dev/null}"
}

cat >"$tmp/editor" <<X
#!/bin/sh
cp "$(block '^DESCRIPTION=')" "\$1"
X
chmod +x "$tmp/editor"
export EDITOR=$tmp/editor
cd "$tmp" || exit 1
follow "gpg --quick-generate-key"
follow "git init"
follow "jobuild manifest"
jobuild lint --strict >"$tmp/out" 2>"$tmp/err"
ok "its recipe draws no warning"
git init -q --bare "$tmp/origin" && git remote add origin "$tmp/origin" && git push -q origin main
echo "# more" >>you/hello/hello-1.0.jobuild
jobuild sign you >"$tmp/out" 2>"$tmp/err"
follow "jobuild diff"
done_testing
