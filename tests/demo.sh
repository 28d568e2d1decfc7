#!/usr/bin/env bash
# The story of one night in a terminal: a broken three-master cluster, its cause, the dry run, the repair, the proof.
# usage: demo.sh BUILD_DIR. Ends non-zero as soon as one claim does not hold, and leaves nothing behind.
set -euo pipefail
build=$(readlink -f "$1")
aggmedic=$build/daemon/cli/aggmedic aggmedicd=$build/daemon/aggmedicd lab=$build/tests/lab/lab
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-demo.XXXXXX")
daemon=

leave() {
    local status=$?
    trap - EXIT
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null || true
    "$lab" down --dir "$dir/lab" >/dev/null 2>&1 || true
    [ "$status" -eq 0 ] || { printf '\ndemo: failed; the last lines of the daemon:\n' >&2; tail -n 15 "$dir/aggmedicd.log" >&2 2>/dev/null || true; }
    rm -rf "$dir"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'; else bold='' dim='' plain=''; fi
chapter() { printf '\n%s--- %s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }
inside() { "$lab" exec --dir "$dir/lab" -- "$@"; }
operator() { inside "$aggmedic" --socket "$dir/lab/aggmedic/control.sock" "$@"; }
shown() { printf '%s$ aggmedic %s%s\n' "$bold" "$*" "$plain"; operator "$@"; }
# claim TEXT EXPECTED_STATUS COMMAND...: shows the command and its output, and stops the demo unless it ends as expected.
claim() {
    local text=$1 expected=$2 status=0
    shift 2
    "$@" || status=$?
    [ "$status" -eq "$expected" ] || { printf 'demo: %s: exit %s, not %s\n' "$text" "$status" "$expected" >&2; exit 1; }
}
metric() { inside curl -fsS "http://127.0.0.1:10797/metrics" | grep -E "^$1" || true; }
# await TEXT SECONDS COMMAND...: until the command succeeds.
await() {
    local text=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { printf 'demo: %s did not happen in time\n' "$text" >&2; exit 1; }
        sleep 0.3
    done
}

chapter "A cluster of three masters: real sshd, sudo and monit; the proxy-client certificate's CN is not an allowed name"
"$lab" up --dir "$dir/lab" --masters 3 --break cn-not-allowed --time-scale 0.2 | sed -n 's/^/  /;1,12p'

chapter "aggmedicd starts, and watches it from outside"
"$lab" exec --dir "$dir/lab" -- "$aggmedicd" --config "$dir/lab/aggmedic.yml" >"$dir/aggmedicd.log" 2>&1 &
daemon=$!
await "the daemon's first look" 60 inside curl -fsS http://127.0.0.1:10797/-/ready
raised() { metric 'aggmedic_finding\{' | grep -q cn-not-allowed; }
await "the finding on /metrics" 60 raised
tell "/metrics before:"
metric 'aggmedic_(finding|proxy_client_cn_allowed|aggregated_api_up|identity_masked)\{' | sed 's/^/  /'

chapter "The page has come. What is it?"
claim "check finds the cause" 1 shown check demo
claim "explain" 1 shown explain demo

chapter "What would be done? Nothing is touched by asking, and nothing is planned before the risk is accepted"
claim "without acceptance the plan is refused" 3 shown plan demo
shown_and_kept() { shown "$@" | tee "$dir/shown"; }
claim "a plan" 1 shown_and_kept plan demo --accept-risk shared-ca
id=$(sed -n 's/^To apply exactly this: *aggmedic apply \([0-9a-f]*\).*/\1/p' "$dir/shown")
[ -n "$id" ] || { echo 'demo: the plan has no id' >&2; exit 1; }

chapter "Applied: exactly that plan, one master at a time"
claim "apply" 0 shown apply "$id" --reason "demo"

chapter "And is it true?"
claim "check is clean" 0 shown check demo
claim "a second plan is empty" 0 shown plan demo
for master in 0 1 2; do
    claim "master/$master runs with the name" 0 "$lab" ssh --dir "$dir/lab" "master/$master" \
        'tr "\0" "\n" < /proc/$(cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid)/cmdline | grep requestheader-allowed-names' | sed "s|^|  master/$master: |"
done
resolved() { ! metric 'aggmedic_finding\{' | grep -q 'cause="cn-not-allowed"'; }
await "the finding leaving /metrics" 60 resolved
tell "/metrics after:"
metric 'aggmedic_(finding|proxy_client_cn_allowed|aggregated_api_up|identity_masked|remediation_runs_total)\{' | sed 's/^/  /'

chapter "Repaired in ${SECONDS} seconds; nothing is left behind"
