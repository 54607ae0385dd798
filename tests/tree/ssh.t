#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree over ssh, from a real sshd: who it is must be known.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

for key in host other user stranger; do
	ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$tmp/$key"
done
cp "$tmp/user.pub" "$tmp/authorized"
cat >"$tmp/sshd.conf.in" <<CONF
Port @PORT@
ListenAddress 127.0.0.1
HostKey $tmp/host
AuthorizedKeysFile $tmp/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
CONF
((UID)) || mkdir -p /run/sshd
ask() { ssh-keyscan -p "$1" 127.0.0.1 2>/dev/null | grep -q ssh-ed25519; }
new_up
new_master
start_server ask "$(command -v sshd)" -D -e -f "$tmp/sshd.conf"
me=$(command id -un)
url=ssh://$me@127.0.0.1:$port$up
setting "tree-known-hosts = $tmp/known"
setting "tree-ssh-key = $tmp/user"
setting "tree-stall = 20s"

: >"$tmp/known"
tree_at "$url"
run master tree sync t
[[ $status == 1 ]] && told "$url: the host key of 127.0.0.1 isn't known: ssh-keyscan -p $port 127.0.0.1 >>$tmp/known"
ok "a host that nobody knows is refused, with what to do"
[[ ! -s $tmp/known && -z $(has main) ]]
ok "and isn't taken as known from then on"
sed "s/^/[127.0.0.1]:$port /" "$tmp/other.pub" >"$tmp/known"
run master tree sync t
[[ $status == 1 ]] && told "is ANOTHER one than the known" && told "ssh-keygen -f $tmp/known -R '[127.0.0.1]:$port'"
ok "a host with another key is refused, with what to do"
sed "s/^/[127.0.0.1]:$port /" "$tmp/host.pub" >"$tmp/known"
run master tree sync t
[[ $status == 0 && $(has main) == $(id) && $(has HEAD) == $(id) ]]
ok "a known host"
ssh-keygen -q -H -f "$tmp/known" >"$tmp/out" 2>&1
for i in {1..30}; do grow "$i"; done
git -C "$up" tag -a -m x v1
run master tree sync t
[[ $status == 0 && $(has main) == $(id) && $(has v1) == $(id v1) ]]
ok "what is new, from a host whose name is hashed"
run master tree sync t
[[ $status == 0 ]]
ok "nothing new"
cp -r "$up" "$tmp/it's a \$HOME"
tree_at "ssh://$me@127.0.0.1:$port$tmp/it's a \$HOME"
run master tree sync t
[[ $status == 0 && $(has main) == $(id) ]]
ok "a path that a shell would take apart"
tree_at "ssh://$me@127.0.0.1:$port$tmp/it%27s%20a%20%24HOME"
run master tree sync t
[[ $status == 0 && $(has main) == $(id) ]]
ok "the same, written with % as git reads it"
tree_at "$url/nowhere"
run master tree sync t
[[ $status == 1 ]] && told "does not appear to be a git repository"
ok "a path where nothing is"
cp "$tmp/stranger" "$tmp/user"
tree_at "$url"
run master tree sync t
[[ $status == 1 ]] && told "ssh isn't let in"
ok "a key that isn't let in"

refused() { # URL TEXT NAME
	run master tree add t2 "$1"
	[[ $status == 1 ]] && told "$2"
	ok "$3"
}
refused "ssh://-oProxyCommand=touch$tmp/x/r" "is no name of a host" "a host that is an option"
refused "-oProxyCommand=x:r" "is not a place of a tree" "another one"
refused "ssh://-l@host/r" "is no name of a user" "a user that is an option"
refused "user@host:-u" "is no path of a repository" "a path that is an option"
refused "ssh://host:22x/r" "is no port" "a port that is none"
refused "ssh://host/%0Aeverything" "control characters" "control characters by way of %"
refused "ssh://%2DoProxyCommand=touch$tmp/x/r" "is no name of a host" "an option by way of %"
refused "ssh://host" "the path of the repository is missing" "no path"
refused "ssh://a:secret@host/r" "ssh uses keys" "a password"
! told secret
ok "which isn't shown"
refused "git://host/r" "not by \"git\"" "git://"
refused "ext::sh -c touch% $tmp/x" "is no path of a repository" "ext::"
[[ ! -e $tmp/x ]]
ok "nothing was run"

done_testing
