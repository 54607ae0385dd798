# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The master, call by call as autotua-api(7) has them: a slave made of curl
# and openssl, people made of gpg. Comes after farm.sh.
# shellcheck disable=SC2154 # set by farm.sh

api() { # METHOD PATH [CURL-ARGUMENT...]: body in $tmp/out, status in $http
	local method=$1 path=$2
	shift 2
	[[ $method == HEAD ]] && set -- --head "$@"
	answered=$tmp/${answer_in-out}
	http=$(curl -sS --max-time 70 --cacert "$tmp/ca.pem" "${cert[@]}" -X "$method" \
		-D "$tmp/headers" -o "$answered" -w '%{http_code}' "$@" "$url/api/v1/$path" 2>"$tmp/curl.log")
}
post() { # PATH JSON
	api POST "$1" --data-binary "$2"
}
has() { jq -e "$1" "$tmp/out" >/dev/null; } # FILTER
is() { [[ $http == "$1" ]] && { [[ $# == 1 ]] || has "$2"; }; } # STATUS [FILTER]
problem() { is "$1" ".code == \"$2\" and .status == $1"; }      # STATUS CODE
anyone() { cert=(); }
as() { cert=(--cert "$tmp/$1.pem" --key "$tmp/$1.pkey"); } # SLAVE
anyone

join_slave() { # NAME TOKEN
	[[ -e $tmp/$1.pkey ]] ||
		openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/$1.pkey" 2>/dev/null
	openssl req -new -key "$tmp/$1.pkey" -subj /CN=whatever -out "$tmp/$1.csr"
	post enroll "$(jq -n --arg t "$2" --arg n "$1" --rawfile c "$tmp/$1.csr" \
		'{token: $t, name: $n, csr: $c}')"
	[[ $http == 201 ]] && jq -r .certificate "$tmp/out" >"$tmp/$1.pem"
}
hello() { # SLAVE [ARCH [SLOTS]]
	as "$1"
	post slave/hello '{"version":1,"keys":3,"arches":["'"${2-amd64}"'"],"slots":'"${3-2}"',"capabilities":{"python":"3.11"},"leases":[]}'
}
claim() { # SLAVE [FREE [WAIT]]: sets $lease $attempt $unit
	as "$1"
	post slave/claim '{"free":'"${2-1}"',"wait":'"${3-5}"'}'
	lease=$(jq -r '.capsules[0].lease // empty' "$answered")
	attempt=$(jq -r '.capsules[0].attempt // empty' "$answered")
	# shellcheck disable=SC2034 # for the scripts that read this one
	unit=$(jq -r '.capsules[0].unit // empty' "$answered")
	[[ -n $lease ]]
}
report() { # STEP [MEMBERS]
	post "lease/$lease/step" '{"attempt":'"$attempt"',"step":'"$1"',"result":"passed"'"${2-}"'}'
}
finish() { # RESULT
	post "lease/$lease/done" '{"attempt":'"$attempt"',"result":"'"$1"'","reason":"told so"}'
}
job_now() { api GET "jobs/$job"; }
job_has() { job_now && has "$1"; }
raw() { # TEXT: the first line of the answer; all of it in $tmp/raw
	printf '%b' "$1" | timeout 10 openssl s_client -quiet -connect "${url#https://}" \
		-CAfile "$tmp/ca.pem" >"$tmp/raw" 2>/dev/null
	head -n 1 "$tmp/raw"
}

# What a user signs: kind and members on top of what every request has.
request() { # KIND JQ-OBJECT [USER]
	jq -nc --arg kind "$1" --arg user "${3-alpha}" --arg nonce "$(openssl rand -hex 16)" \
		--argjson time "$(date +%s)" \
		'{kind: $kind, user: $user, master: "farm", nonce: $nonce, time: $time} + '"$2"
}
wish() { # ROOT
	echo '{tree: "main", root: "'"$1"'", revision: "", arches: ["amd64"], stage: "", priority: 0, parameters: {}, reuse: '"${reuse-false}"'}'
}
envelope() { # NOTATION REQUEST [SIGNER]
	printf %s "$2" >"$tmp/request"
	gpg --batch --yes --quiet --armor --detach-sign --local-user "=${3-alpha} <${3-alpha}@test.invalid>" \
		${1:+--set-notation "$1"} --output "$tmp/request.asc" "$tmp/request"
	jq -n --rawfile r "$tmp/request" --rawfile s "$tmp/request.asc" '{request: $r, signature: $s}'
}
submit_by_hand() { # ROOT [USER]
	post jobs "$(envelope request@jobtage=submit "$(request submit "$(wish "$1")" "${2-alpha}")" "${2-alpha}")"
	job=$(jq -r '.job // empty' "$tmp/out")
	[[ $http == 201 ]]
}
