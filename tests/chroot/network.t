#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A private network: a way out to what anybody outside could reach, and none to
# what is the host's own. The host is a network namespace of the test's own.
# shellcheck disable=SC2016 # expanded inside
if [ -z "${OWN_NETWORK:-}" ] && [ "$(id -u)" -eq 0 ]; then
	OWN_NETWORK=1 exec unshare -mn --propagation private "$0"
fi
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
if ! command -v pasta >/dev/null && ! command -v slirp4netns >/dev/null; then
	echo "1..0 # SKIP there is neither pasta nor slirp4netns"
	exit 0
fi
import_stage

# 192.0.2.2 is what the host calls itself, 203.0.113.5 another address of its
ip link set lo up
ip tuntap add wan mode tap
ip link set wan up
ip addr add 192.0.2.2/24 dev wan
ip addr add 203.0.113.5/24 dev wan
ip route add default via 192.0.2.1
echo 'nameserver 203.0.113.5' >resolv.conf
mount --bind resolv.conf "$(realpath /etc/resolv.conf)"

# serve ADDRESS PORT: says its address to all that connect
serve() {
	perl -MIO::Socket::INET -e '$SIG{TERM} = sub { exit };
		$s = IO::Socket::INET->new(LocalAddr => $ARGV[0],
			LocalPort => $ARGV[1], Listen => 5, ReuseAddr => 1) or die;
		while ($c = $s->accept) { print $c "from $ARGV[0]\n"; close $c }' \
		"$1" "$2" &
	servers="$servers $!"
}
servers=''
serve 203.0.113.5 7001
serve 127.0.0.1 7002
serve 0.0.0.0 7003
perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Listen => 1,
	Local => "\0autotua-network-test") or die; sleep 1000' &
servers="$servers $!"
trap 'kill $servers 2>/dev/null; rm -rf "$tmp"' EXIT
# shellcheck disable=SC2317 # called by soon
listens() { [ "$(grep -c ':1B5[9AB] .* 0A ' /proc/net/tcp)" -eq 3 ]; }
ok "the host's services" soon listens
before=$(mounts)

# ask HOST PORT: what a phase with the network hears
ask() {
	run --network "$network" --phase a,net -- timeout 5 /bin/bash -c \
		'exec 3<>"/dev/tcp/$0/$1" && head -1 <&3' "$1" "$2"
	printf '%s\n' "$log" | grep '^from'
}

network=host
is "$(ask 127.0.0.1 7002)" "from 127.0.0.1" "host: the loopback is the host's"

# the small stage has no such file: one is made to mount the host's on
run --network host --phase a,net --commit "$(key a)" -- touch /opt/done
run --layer "$(key a)" -- /bin/bash -c 'ls /opt/done; [ ! -e /etc/resolv.conf ]'
is "$code $log" "0 /opt/done" "the mount point doesn't get into a layer"
writes='[ "$0" = a ] || echo "nameserver 192.0.2.1" >/etc/resolv.conf'
run --network host --phase a,net --phase b --commit "$(key b)" -- /bin/bash -c "$writes"
run --layer "$(key b)" -- cat /etc/resolv.conf
is "$log" "nameserver 192.0.2.1" "what a job writes does"
run --phase a --commit "$(key c)" -- touch /etc/resolv.conf
run --layer "$(key c)" --network host --phase a,net --commit "$(key d)" -- rm -f /opt/done
run --layer "$(key c)" --layer "$(key d)" -- ls /etc/resolv.conf
is "$code $log" "0 /etc/resolv.conf" "and an empty one that was there"
# and one that a layer below has removed
i=0
for way in 'rm -r /etc' 'mv /etc /other; mkdir /etc' 'rm /etc/resolv.conf'; do
	i=$((i + 2))
	gone="--layer $(key b) --layer $(key $i)" more=$(key $((i + 1)))
	# shellcheck disable=SC2086 # words
	{
		run --layer "$(key b)" --commit "$(key $i)" -- /bin/sh -c "$way"
		run $gone --network host --phase a,net --commit "$more" -- touch /opt/more
		run $gone --layer "$more" -- \
			/bin/bash -c 'ls /opt/more; [ ! -e /etc/resolv.conf ]'
	}
	is "$code $log" "0 /opt/more" "nor where a layer did: $way"
done
# shellcheck disable=SC2086
run $gone --commit "$(key 8)" -- touch /etc/resolv.conf
# shellcheck disable=SC2086
run $gone --layer "$(key 8)" --network host --phase a,net --commit "$(key 9)" -- true
# shellcheck disable=SC2086
run $gone --layer "$(key 8)" --layer "$(key 9)" -- ls /etc/resolv.conf
is "$code $log" "0 /etc/resolv.conf" "one that was made again stays"
mkdir linked && : >linked/resolv.conf
run --network host --phase a,net --phase b --commit "$(key e)" -- /bin/bash -c \
	"[ \"\$0\" = a ] || { rm -rf /etc && ln -s '$tmp/linked' /etc; }"
is "$code" 0 "a link takes the place of /etc"
ok "and isn't followed" [ -e linked/resolv.conf ]

# what is mounted over the host's file meanwhile stays outside
mount --make-shared "$(realpath /etc/resolv.conf)"
echo 'nameserver 192.0.2.99' >other.conf
mkfifo begun
"$CHROOT" -s "$S" run --job resolver-job --stage "$stage" --network host \
	--phase a,net --report-fd 6 -- /bin/bash -c 'echo up >&3
	until [ -e /autotua/work/go ]; do sleep 0.1; done
	cat /etc/resolv.conf; grep resolv.conf /proc/self/mountinfo' 6<>begun >log &
pid=$!
read -r _ <begun
mount --bind other.conf "$(realpath /etc/resolv.conf)"
touch "$S/run/resolver-job/home/work/go"
wait "$pid"
is "$? $(head -1 log)" "0 nameserver 203.0.113.5" "the servers of names are the job's own"
has "$(tail -1 log)" " ro,nosuid,nodev" "read-only"
is "$(grep -c shared: log)" 0 "and nobody's peer"
umount "$(realpath /etc/resolv.conf)"
network=no
is "$(ask 203.0.113.5 7001)" "" "no: nobody is reached"
network=private
run --network private -- true
is "$(field exit) $(field net_bytes)" "0 0" "who doesn't ask gets none"
is "$(ask 203.0.113.5 7001)" "from 203.0.113.5" "private: a way out"
run --network private --phase a,net -- /bin/bash -c 'head -1 </dev/tcp/203.0.113.5/7001'
ok "what it carried is counted" [ "$(field net_bytes)" -gt 100 ]
is "$(ask 203.0.113.5 7003)" "from 0.0.0.0" "to each service that is public"
is "$(ask 127.0.0.1 7002)$(ask 127.0.0.1 7003)" "" "not to the host's loopback"
is "$(ask 192.0.2.1 7003)$(ask 192.0.2.1 7002)" "" "nor by the gateway's address"
run --network private --phase a,net -- cat /proc/net/unix
is "$(printf '%s\n' "$log" | grep -c autotua-network-test)" 0 \
	"abstract sockets of the host aren't there"
is "$(grep -c autotua-network-test /proc/net/unix)" 1 "which are on the host"
run --network private --phase a,net -- /bin/bash -c 'cat /etc/resolv.conf'
is "$log" "nameserver 203.0.113.5" "the host's resolv.conf"
run --network private --phase a,net --phase b -- /bin/bash -c 'echo "$(
	grep -c : /proc/net/dev) $(wc -l </proc/net/route)"'
has "$log" "1 1" "the phase that doesn't ask has lo alone"
run --network private --phase a,net -- /bin/bash -c 'ip link set lo down
	ip addr add 203.0.113.9/24 dev lo; ip route del default; head -1 </dev/tcp/203.0.113.5/7001'
is "$(printf '%s\n' "$log" | grep -c 'Operation not permitted')" 3 \
	"its root can't change it"
has "$log" "from 203.0.113.5" "and it stays as it is"
run --network private --nest --phase a,net -- /bin/bash -c \
	'ip link set lo down; ip route del default; :'
is "$(printf '%s\n' "$log" | grep -c 'Operation not permitted')" 2 \
	"nor that of a nesting job"
echo 'nameserver 127.0.0.53' >resolv.conf
run --network private --phase a,net -- true
[ -e /run/systemd/resolve/resolv.conf ] ||
	has "$log" "no server that a private network can reach" "is told of"

# who carries the packets
mkfifo up
"$CHROOT" -s "$S" run --job carried-job --stage "$stage" --network private \
	--phase a,net --report-fd 6 -- /bin/bash -c 'echo up >&3; sleep 1000' \
	6<>up >/dev/null 2>&1 &
pid=$!
read -r _ <up
carriers() {
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/net")" = "$(readlink /proc/self/ns/net)" ] &&
			[ "$(stat -c %u "$p" 2>/dev/null)" -ge 1879048192 ] &&
			basename "$p"
	done 2>/dev/null
}
carrier=$(carriers)
ok "is one process" [ "$(printf '%s\n' "$carrier" | wc -l)" -eq 1 ]
is "$(awk '/^NSpid/ { print NF }' "/proc/$carrier/status")" 3 \
	"in a pid namespace"
ok "which is not root's" [ "$(awk '/^Uid/ { print $2 }' \
	"/proc/$carrier/status")" -ge 1879048192 ]
kill -KILL $pid
wait $pid 2>/dev/null
# shellcheck disable=SC2317
gone() { [ ! -e "/proc/${carrier:-self}" ]; }
ok "it dies with the jailer" soon gone
"$CHROOT" -s "$S" recover

# where it can't be had
run --network private --without private --phase a,net -- true
is "$code" 75 "refused where it can't be had"
has "$err" "a private network can't be had here" "and why"
run --network private --without private -- true
is "$code" 0 "but not for who doesn't ask"
"$CHROOT" -s "$S" serve --fd 0 --network private --without private </dev/null 2>err
is $? 75 "serve: refused at its start"
has "$(cat err)" "a private network can't be had here" "and why"
run --network nonsense -- true
is "$code" 2 "another word"
has "$err" "must be host, private or no" "is refused"
is "$("$CHROOT" -s "$S" capabilities | jq -r .network)" private "is announced"
has "$("$CHROOT" -s "$S" doctor)" "less network" "doctor tells of names"

# hide PROGRAM
hide() {
	program=$(command -v "$1") || return 0
	for p in "$program" "/bin/$1" "/usr/bin/$1" "/usr/local/bin/$1"; do
		[ ! -e "$p" ] || mount --bind /dev/null "$(realpath "$p")"
	done
}
if command -v pasta >/dev/null; then
	hide pasta
	before=$(mounts)
	if command -v slirp4netns >/dev/null; then
		is "$(ask 203.0.113.5 7001)" "from 203.0.113.5" "slirp4netns: a way out"
		is "$(ask 127.0.0.1 7002)$(ask 10.0.2.2 7002)$(ask 10.0.2.2 7003)" "" \
			"not to the host's loopback"
	fi
fi
hide slirp4netns
before=$(mounts)
run --network private --phase a,net -- true
is "$code" 75 "without a carrier: refused"
has "$err" "install pasta (Debian: passt) or slirp4netns" "with what to do"
is "$("$CHROOT" -s "$S" capabilities | jq -r '"\(.network) \(.lacks | split(",") | last) \(.fit)"')" \
	"host private true" "is announced"

finish
