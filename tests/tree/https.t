#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree over HTTPS, from git's own backend behind a server that speaks
# nothing older than TLS 1.3.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- a certificate authority, a server ---------------------------------------
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test CA" \
	-keyout "$tmp/ca.key" -out "$tmp/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" \
	-keyout "$tmp/server.key" -out "$tmp/server.csr" 2>/dev/null
openssl x509 -req -in "$tmp/server.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 2 \
	-extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$tmp/server.crt" 2>/dev/null
cat "$tmp/server.key" "$tmp/server.crt" >"$tmp/server.pem"

# What answers below /x/: the first part of the path says how.
cat >"$tmp/cgi.in" <<'CGI'
#!/bin/bash
rest=${PATH_INFO#/*/}
case $PATH_INFO in
/moved/*) printf 'Status: 302\nLocation: https://127.0.0.1:@PORT@/x/git/%s?%s\n\n' "$rest" "$QUERY_STRING" ;;
/elsewhere/*) printf 'Status: 302\nLocation: https://127.0.0.1:@PORT@/x/page/index.html\n\n' ;;
/to-http/*) printf 'Status: 302\nLocation: http://127.0.0.1:1/git/%s?%s\n\n' "$rest" "$QUERY_STRING" ;;
/round/*) printf 'Status: 302\nLocation: https://127.0.0.1:@PORT@/x%s?%s\n\n' "$PATH_INFO" "$QUERY_STRING" ;;
/page/*) printf 'Content-Type: text/html\n\n<html>hello</html>' ;;
/private/*) printf 'Status: 401\nWWW-Authenticate: Basic realm="x"\n\n' ;;
/broken/*) printf 'Status: 503\n\n' ;;
/stall/*) printf 'Content-Type: application/x-git-upload-pack-advertisement\n\n001e#'; sleep 60 ;;
/cut/*) printf 'Content-Type: application/x-git-upload-pack-advertisement\n\n001e# service=git-upload-pack\n0000' ;;
/junk/*) printf 'Content-Type: application/x-git-upload-pack-advertisement\n\n\033]0;x\007zzzz' ;;
/endless/*) printf 'Content-Type: application/x-git-upload-pack-advertisement\n\n'; yes "$(printf '%0400d' 0)" | head -c 100000000 ;;
/git/* | /late/*/info/refs)
	export PATH_INFO=/$rest GIT_PROJECT_ROOT=TMP GIT_HTTP_EXPORT_ALL=1 HOME=TMP/home
	exec git http-backend ;;
/claim/*/info/refs)
	printf 'Content-Type: application/x-git-upload-pack-advertisement\n\n001e# service=git-upload-pack\n0000'
	printf '0045%s refs/heads/main\0multi_ack\n0000' "$(cat TMP/claim.id)" ;;
/claim/*) printf 'Content-Type: application/x-git-upload-pack-result\n\n0008NAK\n'; cat TMP/claim.pack ;;
/late/*) printf 'Status: 302\nLocation: https://127.0.0.1:@PORT@/x/git/%s\n\n' "$rest" ;;
*) printf 'Status: 404\n\n' ;;
esac
CGI
sed -i "s|TMP|$tmp|g" "$tmp/cgi.in"
cat >"$tmp/lighttpd.conf.in" <<CONF
server.document-root = "$tmp/empty"
server.errorlog = "$tmp/error.log"
server.bind = "127.0.0.1"
server.port = @PORT@
server.upload-dirs = ("$tmp")
server.modules = ("mod_alias", "mod_cgi", "mod_openssl")
server.stream-response-body = 1
ssl.engine = "enable"
ssl.pemfile = "$tmp/server.pem"
ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1.3")
alias.url = ("/x" => "$tmp/cgi")
cgi.assign = ("/cgi" => "/bin/bash")
CONF
mkdir "$tmp/empty"
ask() { curl -s --noproxy '*' --cacert "$tmp/ca.pem" "https://127.0.0.1:$1/x/page/" | grep -q "^<html>hello"; }
new_up
new_master
start_server ask lighttpd -D -f "$tmp/lighttpd.conf"
base=https://127.0.0.1:$port

# ---- what works ----------------------------------------------------------------
! curl -s --noproxy '*' --cacert "$tmp/ca.pem" --tls-max 1.2 "$base/x/page/" >/dev/null
ok "the server takes nothing older than TLS 1.3"
tree_at "$base/x/git/up/.git"
run master tree sync t
[[ $status == 1 ]] && told "certificate isn't accepted"
ok "a CA that nobody knows isn't believed"
setting "tree-ca = $tmp/ca.pem"
run master tree sync t
[[ $status == 0 && $(has main) == $(id) && $(has HEAD) == $(id) ]]
ok "a tree from a server with TLS 1.3 alone"
[[ -n $(has main) ]] && git -C "$mirror" fsck --strict >/dev/null 2>&1
ok "all of it"
for i in {1..40}; do grow "$i"; done
git -C "$up" tag v1
git -C "$up" tag -a -m x v2
run master tree sync t
[[ $status == 0 && $(has main) == $(id) && $(has v2) == $(id v2) ]]
ok "what is new"
run master tree sync t
[[ $status == 0 ]]
ok "nothing new"
head -c 3000000 /dev/urandom >"$up/zlib/test/big"
grow big
run master tree sync t
[[ $status == 0 && $(has main) == $(id) ]]
ok "more than one buffer"
tree_at "$base/x/moved/up/.git/"
run master tree sync t
[[ $status == 0 && $(has main) == $(id) ]]
ok "a repository that has moved"
git init -q --bare "$tmp/empty.git"
tree_at "$base/x/git/empty.git"
run master tree sync t
[[ $status == 0 ]]
ok "a repository without a commit"

# ---- what doesn't ----------------------------------------------------------------
bad() { # PATH TEXT NAME
	tree_at "$base$1"
	run master tree sync t
	[[ $status == 1 ]] && told "$base$1" && told "$2" && [[ -z $(has main) ]]
	ok "$3"
}
bad /x/git/nowhere "there is no git repository there (HTTP 404)" "404"
bad /x/private/r "wants to know who asks (HTTP 401)" "401"
bad /x/broken/r "fails (HTTP 503): try again later" "503"
bad /x/page/r "is no git server (its type is text/html)" "a web page"
bad /x/elsewhere/r "is no git server" "a redirect to a page"
bad /x/to-http/r "redirects to something else than https" "a redirect to http"
bad /x/round/r "more than 5 redirects" "redirects without end"
bad /x/late/up/.git "redirects in the middle" "a redirect of the request for objects"
bad /x/cut/r "early EOF" "an answer that ends too soon"
bad /x/junk/r "" "an answer that is no list of refs"
! grep -q $'\033' "$tmp/err"
ok "no escape sequence of a server reaches the terminal"
bad /x/endless/r "" "an answer without end"
# a blob of ten bytes and a delta on it that makes 2 GiB of them
perl -MCompress::Zlib -MDigest::SHA=sha1 -e '
	sub num { my $n = shift; my $o = ""; while ($n > 127) { $o .= chr($n & 127 | 128); $n >>= 7 } $o . chr($n) }
	my $base = "0123456789"; my $id = sha1("blob 10\0$base");
	my $delta = num(10) . num(2 ** 31 - 1) . "\x90\x0a";
	my $p = "PACK" . pack("NN", 2, 2) . chr(3 << 4 | 10) . compress($base) .
		chr(7 << 4 | length $delta) . $id . compress($delta);
	print $p . sha1($p)' >"$tmp/claim.pack"
id >"$tmp/claim.id"
setting "tree-stall = 20s"
bad /x/claim/r "" "a delta that claims to make 2 GiB"
! compgen -G "$mirror/objects/pack/*.pack" >/dev/null
ok "of which nothing stays"
tree_at "https://127.0.0.1:1/r"
run master tree sync t
[[ $status == 1 ]] && told "https://127.0.0.1:1/r: "
ok "nobody answers"
setting "tree-stall = 2s"
bad /x/stall/r "the connection stalled" "a server that says nothing more"
setting "tree-max = 1M"
bad /x/git/up/.git "sends more than the 1048576 bytes" "more than one fetch may have"
run master tree add t2 "https://me:secret@127.0.0.1/r"
[[ $status == 1 ]] && told "/.netrc" && ! told secret
ok "a password in the URL"
run master tree add t2 "http://127.0.0.1/r"
[[ $status == 1 ]] && told "not by \"http\""
ok "http"

done_testing
