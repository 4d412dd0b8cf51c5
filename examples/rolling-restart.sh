#!/bin/sh
# Restarts the nodes of a cluster one after the other, so that no request fails: the next one stops
# only when all are ready and reach each other. Clients must know more than one node (mec-db/client).
#
#   sh rolling-restart.sh 'ssh "$HOST" systemctl restart mec' http://10.0.0.1:3000 http://10.0.0.2:3000
#
# The first argument restarts a node, by SIGTERM; HOST, URL, NAME and PID tell it which. The others are
# the URLs of all nodes. If a node is not back in PATIENCE seconds (300), the rest is left alone.
# Prints a line for each node.
set -eu
[ $# -ge 3 ] || { echo "usage: $0 COMMAND URL URL..." >&2 && exit 2; }
RESTART=$1
shift
PATIENCE=${PATIENCE:-300}

ask() { curl -sf -m 5 "$1"; }

# What the status of a node ($1) says first under a name ($2).
field() { ask "$1/status" | grep -Eo "\"$2\": *\"?[^\",]*" | head -n 1 | sed 's/.*: *"*//'; }

# Whether all nodes are ready, and none of them misses another.
all_are_well() {
  for node in $NODES; do
    ask "$node/ready" > /dev/null || return 1
    status=$(ask "$node/status") || return 1
    ! echo "$status" | grep -Eq '"reach": *"(suspect|unreachable)"' || return 1
  done
}

# Whether another process than $2 serves at $1.
is_new() {
  pid=$(field "$1" pid) || return 1
  [ -n "$pid" ] && [ "$pid" != "$2" ]
}

# Waits until a command succeeds; $1 says in words what it checks.
wait_until() {
  what=$1 since=$(date +%s)
  shift
  until "$@"; do
    if [ $(($(date +%s) - since)) -ge "$PATIENCE" ]; then
      echo "$0: not so after $PATIENCE s: $what" >&2
      exit 1
    fi
    sleep 1
  done
}

NODES=$*
wait_until 'all nodes are ready and reach each other' all_are_well
for url in $NODES; do
  host=${url#*://} name=$(field "$url" name) pid=$(field "$url" pid)
  HOST=${host%%[:/]*} URL=$url NAME=$name PID=$pid sh -c "$RESTART"
  wait_until "$name serves again" is_new "$url" "$pid"
  wait_until 'all nodes are ready and reach each other' all_are_well
  echo "$name is restarted"
done
