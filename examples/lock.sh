#!/bin/sh
# A lock that its holder cannot forget: the client that creates the key has it, until it expires.
# This needs a majority of the key's owners.
# Prints:
#   ann: 200
#   bob: 412
#   bob, when ann's time is over: 200
#   bob gives it back: 204
set -eu
N1=${1:-http://127.0.0.1:3000}
N2=${2:-http://127.0.0.1:3001}
KEY="lock-$$"

# Takes the lock at a node for four seconds: prints 200 if the caller has it, 412 if not.
take() {
  curl -sS -o /dev/null -w '%{http_code}\n' -X PUT "$1/mec/$KEY" -H 'If-None-Match: *' -H 'X-Mec-TTL: 4' -d "$2"
}

printf 'ann: ' && take "$N1" ann
printf 'bob: ' && take "$N2" bob
sleep 5
printf "bob, when ann's time is over: " && take "$N2" bob

# Only if it is still bob's: the tag names his very write.
TAG=$(curl -sS -o /dev/null -w '%header{etag}' "$N1/mec/$KEY")
printf 'bob gives it back: '
curl -sS -o /dev/null -w '%{http_code}\n' -X DELETE "$N1/mec/$KEY" -H "If-Match: $TAG"
