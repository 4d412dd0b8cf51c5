#!/bin/sh
# Two shoppers write at the same time, at two nodes of a cluster that `npm start` has started. A
# third merges the two values.
# Prints:
#   how many values: 2
#   merged: milk, bread
set -eu
N1=${1:-http://127.0.0.1:3000}
N2=${2:-http://127.0.0.1:3001}
KEY="shopping-$$"

curl -sSf -X PUT "$N1/mec/$KEY" -H 'Content-Type: text/plain' -d milk
curl -sSf -X PUT "$N2/mec/$KEY" -H 'Content-Type: text/plain' -d bread

printf 'how many values: '
curl -sS -o /dev/null -w '%header{x-mec-siblings}\n' "$N1/mec/$KEY"

# The token of the answer covers both values, so a write with it replaces both.
TOKEN=$(curl -sS -o /dev/null -w '%header{x-mec-vclock}' "$N1/mec/$KEY")
curl -sSf -X PUT "$N2/mec/$KEY" -H "X-Mec-Vclock: $TOKEN" -H 'Content-Type: text/plain' -d 'milk, bread'

printf 'merged: '
curl -sSf "$N1/mec/$KEY"
echo
curl -sSf -X DELETE "$N2/mec/$KEY"
