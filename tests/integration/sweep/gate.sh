#!/bin/sh
# Stands in front of sudo on each master of the lab, counts what a run asks of all of them together, and breaks the one
# exchange that DIR/sweep/fault names: "NUMBER KIND", or, counted from a second restart that is refused, "NUMBER KIND undo". DIR/sweep/log keeps "NUMBER MASTER VERB", DIR/sweep/struck what was broken.
real=/run/lab/sudo at=/run/lab/dir/sweep
[ "${5-}" = aggmedic ] || exec $real "$@"
verb=$6
here=master/$(sed -n 's/.*"index":\([0-9]*\).*/\1/p' /run/lab/master.json)
number=$(flock "$at/lock" sh -c '
    number=$(($(cat "$1/count") + 1))
    echo "$number" >"$1/count"
    echo "$number $3 $2" >>"$1/log"
    echo "$number"' sh "$at" "$verb" "$here")
read -r wanted kind where <"$at/fault"
if [ "${where-}" = undo ] && [ ! -e "$at/undone" ]; then
    { [ "$verb" = restart ] && [ "$(grep -c ' restart$' "$at/log")" -eq 2 ]; } || exec $real "$@"
    echo "$number" >"$at/undone"
    echo 'sudo: a password is required' >&2
    exit 1
fi
[ "${where-}" != undo ] || number=$((number - $(cat "$at/undone")))
[ "$number" = "$wanted" ] || exec $real "$@"
struck() { echo "exchange $number, $verb on $here" >"$at/struck"; }
case $kind in
refused) # sudo says no: nothing ran
    struck
    echo 'sudo: a password is required' >&2
    exit 1
    ;;
cut) # the connection is gone before anything ran
    struck
    kill -KILL "$PPID"
    ;;
cut-after) # it ran, and nobody was told
    $real "$@" >/dev/null 2>&1
    struck
    kill -KILL "$PPID"
    ;;
garbage) # it ran, and what came back tells nothing
    $real "$@" >/dev/null 2>&1
    struck
    head -c 4096 /dev/urandom
    ;;
late) # it runs when whoever asked has given up: the deadlines are 45 s, of restore 75 s, of restart 100 s
    trap '' HUP PIPE
    case $verb in restart) sleep 110 ;; restore) sleep 85 ;; *) sleep 50 ;; esac
    $real "$@" >/dev/null 2>&1
    struck
    ;;
disk-full) # no room on the master from here on
    $real /bin/sh /run/lab/dir/sweep/fill.sh
    struck
    exec $real "$@"
    ;;
esac
