#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A private network for an ordinary user's jailer. The host is a network
# namespace of the test's own.
# shellcheck disable=SC2016,SC2317 # expanded inside, called by soon
if [ -z "${OWN_NETWORK:-}" ] && [ "$(id -u)" -eq 0 ]; then
	OWN_NETWORK=1 exec unshare -mn --propagation private "$0"
fi
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
if ! command -v pasta >/dev/null && ! command -v slirp4netns >/dev/null; then
	echo "1..0 # SKIP there is neither pasta nor slirp4netns"
	exit 0
fi
user=autotua-test-$$
servers=''
trap 'kill $servers 2>/dev/null; userdel "$user" 2>/dev/null; rm -rf "$tmp"' EXIT
if ! useradd -M -d "$tmp" "$user" 2>/dev/null; then
	echo "1..0 # SKIP no user can be made here"
	exit 0
fi
uid=$(id -u "$user")
mkdir own
cp "$CHROOT" "$(dirname "$CHROOT")/autotua-unpack" "$(stage_tar)" own/
mkdir own/store
chown -R "$user" own
chmod 711 "$tmp"
S=$tmp/own/store/state
as_user() {
	setpriv --reuid "$uid" --regid "$(id -g "$user")" --clear-groups \
		"$tmp/own/autotua-chroot" -s "$S" "$@"
}

ip link set lo up
ip tuntap add wan mode tap
ip link set wan up
ip addr add 192.0.2.2/24 dev wan
ip addr add 203.0.113.5/24 dev wan
ip route add default via 192.0.2.1
echo 'nameserver 203.0.113.5' >resolv.conf
chmod 644 resolv.conf
mount --bind resolv.conf "$(realpath /etc/resolv.conf)"
# as udev has it where it runs
if mknod tun c 10 200 && chmod 666 tun; then mount --bind tun /dev/net/tun; fi
if [ "$(as_user capabilities | jq -r .network)" != private ]; then
	as_user doctor | sed -n 's/^/# /;/network/p'
	echo "1..0 # SKIP no private network for users here: autotua-chroot doctor"
	exit 0
fi
# serve ADDRESS PORT: says its address to all that connect
serve() {
	perl -MIO::Socket::INET -e '$SIG{TERM} = sub { exit };
		$s = IO::Socket::INET->new(LocalAddr => $ARGV[0],
			LocalPort => $ARGV[1], Listen => 5, ReuseAddr => 1) or die;
		while ($c = $s->accept) { print $c "from $ARGV[0]\n"; close $c }' \
		"$1" "$2" &
	servers="$servers $!"
}
serve 203.0.113.5 7001
serve 127.0.0.1 7002
listens() { [ "$(grep -c ':1B5[9A] .* 0A ' /proc/net/tcp)" -eq 2 ]; }
ok "the host's services" soon listens
before=$(mounts)

stage=$(as_user import -n small own/small-stage.tar.zst)
# ask HOST PORT: what a phase with the network hears
serial=0
ask() {
	serial=$((serial + 1))
	as_user run --job "user-job-$serial" --stage "$stage" --network "$network" \
		--phase a,net --phase b -- timeout 5 /bin/bash -c \
		'if [[ $2 == b ]]; then echo "links $(grep -c : /proc/net/dev)"
		else exec 3<>"/dev/tcp/$0/$1" && head -1 <&3; cat /etc/resolv.conf; fi; :' \
		"$1" "$2" >log 2>&1
	grep '^from' log
}
network=host
is "$(ask 127.0.0.1 7002)" "from 127.0.0.1" "host: the loopback is the host's"
network=no
is "$(ask 203.0.113.5 7001)" "" "no: nobody is reached"
network=private
is "$(ask 203.0.113.5 7001)" "from 203.0.113.5" "private: a way out"
has "$(cat log)" "nameserver 203.0.113.5" "with the host's servers of names"
has "$(cat log)" "links 1" "the phase that doesn't ask has lo alone"
is "$(ask 127.0.0.1 7002)" "" "not to the host's loopback"
is "$(ask 192.0.2.1 7002)" "" "nor by the gateway's address"
carriers() { pgrep -U "$uid" -x 'pasta.*|slirp4netns|passt.*'; }
nobody_carries() { [ -z "$(carriers)" ]; }
ok "no carrier is left" soon nobody_carries

finish
