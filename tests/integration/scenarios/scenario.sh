#!/usr/bin/env bash
# One scenario from end to end: the lab is broken, aggmedic is asked, and what the masters then hold is read from the masters
# themselves. usage: scenario.sh BUILD_DIR NAME
set -euo pipefail
build=$(readlink -f "$1") scenario=$2
case $scenario in
kubeadm-revert | systemd-revert) [ "${AGGMEDIC_FULL:-0}" != 0 ] || { echo "$scenario: NOT RUN: AGGMEDIC_FULL=1 asks for it"; exit 77; } ;;
esac
lab=$build/tests/lab/lab
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-scenario.XXXXXX")
daemon=
# The lab's own programs run as several users and chroots; only aggmedic is of interest to LeakSanitizer.
leave() {
    local status=$?
    trap - EXIT
    [ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        printf '%s: FAILED\n' "$scenario"
        for file in "$dir"/out "$dir"/err "$dir"/aggmedicd.log "$dir"/journal; do [ ! -e "$file" ] || { echo "--- ${file##*/}"; tail -n 60 "$file"; }; done
    fi
    umount "$dir/lab/aggmedic/state" 2>/dev/null || true # of journal-disk-full
    "$lab" down --dir "$dir/lab" >/dev/null 2>&1 || true
    rm -rf "$dir"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT TERM

fail() { printf '%s: %s\n' "$scenario" "$*"; exit 1; }
up() { "$lab" up --dir "$dir/lab" --masters 3 "$@" >"$dir/out" || fail "the lab does not come up"; }
inside() { "$lab" exec --dir "$dir/lab" -- "$@"; }
on() { "$lab" ssh --dir "$dir/lab" "$@"; }
alone() { inside "$build/daemon/cli/aggmedic" "$@" --standalone --config "$dir/lab/aggmedic.yml"; }
ask() { inside "$build/daemon/cli/aggmedic" "$@" --socket "$dir/lab/aggmedic/control.sock"; }
# expect STATUS COMMAND...: output into out and err, and the exit status must be this one.
expect() {
    local wanted=$1 status=0
    shift
    "$@" >"$dir/out" 2>"$dir/err" || status=$?
    [ "$status" -eq "$wanted" ] || fail "'$*' ended with $status, not $wanted"
}
says() { grep -qE -- "$1" "$dir/out" "$dir/err" || fail "the output does not say '$1'"; }
until_so() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || fail "'$*' did not come true in time"; sleep 0.2; done
}
plan_id() { sed -n 's/^To apply exactly this: *aggmedic apply \([0-9a-f]*\).*/\1/p' "$dir/out"; }
plan() { expect 1 "$@" plan demo --accept-risk shared-ca; id=$(plan_id); [ -n "$id" ] || fail "the plan has no id"; }
bpm=/var/vcap/jobs/kube-apiserver/config/bpm.yml
live='tr "\0" "\n" <"/proc/$(sudo cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid)/cmdline"'
kept_in=${bpm%/*}
up_on() { # PLATFORM: the names above, where kube-apiserver is no BOSH job
    case $1 in
    kubeadm) bpm=/etc/kubernetes/manifests/kube-apiserver.yaml kept_in=/etc/kubernetes ;;
    systemd) bpm=/etc/systemd/system/kube-apiserver.service kept_in=/etc/systemd/system ;;
    esac
    live='cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n"'
    up --platform "$1" --break cn-not-allowed
}
digests() { for m in 0 1 2; do on "master/$m" "sudo sha256sum $bpm; sudo cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid"; done; }
published() { # the ConfigMap as the probe reads it
    inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/probe.token")" \
        https://10.77.0.10:8443/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication
}
published_names() { published | sed -n 's/.*"requestheader-allowed-names": *"\(\[[^]]*\]\)".*/\1/p' | tr -d '\\'; }
names_are() { [ "$(published_names)" = "$1" ] || fail "the published names are $(published_names), not $1"; }
last_run() { alone -o json runs >"$dir/runs" 2>>"$dir/err" || fail "there are no runs"; sed -n 's/.*"run": *"\([^"]*\)".*/\1/p' "$dir/runs" | head -n 1; }
plan_revert() { run=$(last_run); expect 1 alone revert "$run"; id=$(plan_id); [ -n "$id" ] || fail "the revert has no plan"; }
live_names() { on "master/$1" "sudo sh -c '$live' | sed -n 's/^--requestheader-allowed-names=//p' | head -n 1"; }
file_names() { on "master/$1" "sudo sed -n 's/.*--requestheader-allowed-names=\([^\" ]*\).*/\1/p' $bpm"; }
repaired() { for m in 0 1 2; do [ "$(live_names $m)" = aggregator,demo.pks.ik.am ] && [ "$(file_names $m)" = aggregator,demo.pks.ik.am ] || fail "master/$m is not repaired"; done; }
nothing_left() { for m in 0 1 2; do [ -z "$(on master/$m "sudo find -L $kept_in /run/aggmedic -name '*aggmedic*' -type f -o -name lock")" ] || fail "master/$m keeps something of the run"; done; }
start_daemon() {
    "$lab" exec --dir "$dir/lab" -- "$build/daemon/aggmedicd" --config "$dir/lab/aggmedic.yml" >>"$dir/aggmedicd.log" 2>&1 &
    daemon=$!
    until_so 60 inside curl -fsS http://127.0.0.1:10797/-/healthy
}

apply_planned() { # and what must be so afterwards
    expect 0 alone apply "$id"
    says 'repaired and verified'
    says 'healed ok .*GET /apis/servicecatalog.k8s.io/v1beta1/clusterserviceclasses answers 200'
    says 'verify ok .*GET /apis/servicecatalog.k8s.io/v1beta1/clusterserviceclasses answers 200'
    cat "$dir/out" "$dir/err" >"$dir/applied"
    repaired
    nothing_left
    expect 0 alone check demo
    expect 0 alone plan demo
    says 'nothing to do'
}

repair() { # the whole path, standalone
    plan alone
    tr -s "\n " " " <"$dir/out" >"$dir/planned" # its lines are wrapped
    apply_planned
}

plans_nothing() { # CAUSE-PATTERN: named, never planned, nothing touched
    local before
    before=$(digests)
    expect "${2:-1}" alone check demo
    [ -z "$1" ] || says "$1"
    local status=0
    alone plan demo --accept-risk shared-ca >"$dir/out" 2>"$dir/err" || status=$?
    { [ "$status" -eq 3 ] || [ "$status" -eq 0 ]; } || fail "plan ended with $status"
    [ -z "$(plan_id)" ] || fail "there is a plan"
    [ "$(digests)" = "$before" ] || fail "a master was touched"
}

case $scenario in
repair-masked) up --break cn-not-allowed; repair ;;
repair-503)
    up --break cn-not-allowed --break separate-ca --monit 5.2.5
    sed -i "s|verify: \\[|&{get: /apis/apiregistration.k8s.io/v1/apiservices/v1beta1.servicecatalog.k8s.io, json_path: '.status.conditions[?(@.type==\"Available\")].status', value: 'True'}, |" "$dir/lab/aggmedic.yml"
    repair
    grep -q 'clusterserviceclasses.*Before: through master/0 answers 503' "$dir/planned" || fail "the plan does not say how it was before"
    grep -q 'status is .False.' "$dir/planned" || fail "the plan does not say which value it found"
    grep -q 'verify ok .*status is .True.' "$dir/applied" || fail "the run does not say which value it found"
    ;;
control-plane)
    # What a restart rests on beside the masters; /readyz is 200 all the time.
    up --break cn-not-allowed
    set_lab() { "$lab" set --dir "$dir/lab" "$@" >/dev/null; }
    refused_for() { # GATE PATTERN [PREFLIGHT-STATUS]: by the plan and by the preflight, and no master is touched
        expect 3 alone plan demo --accept-risk shared-ca -o json # whose lines are not wrapped
        says "\"gate\": \"$1\""
        says "$2"
        expect "${3:-1}" alone preflight demo -o json
        says "$2"
        [ "$(digests)" = "$before" ] || fail "a master was touched"
    }
    swaps() { sed -n 's/^\(master\/[0-9]\)  *swap ok.*/\1/p' "$dir/err" | tr '\n' ' '; }
    before=$(digests)
    expect 0 alone preflight demo
    set_lab etcd-lost=1
    refused_for etcd 'finds the etcd member etcd-1 unhealthy .*connection refused'
    set_lab etcd-lost=
    set_lab closed-webhook=policy/hook
    refused_for webhooks 'policy/hook has no ready address'
    set_lab closed-webhook=catalog/catalog-catalog-apiserver # somebody answers that one
    expect 0 alone preflight demo
    set_lab closed-webhook=
    set_lab master/1 not-in-endpoints=yes
    until_so 30 eval '! inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/probe.token")" https://10.77.0.10:8443/api/v1/namespaces/default/endpoints/kubernetes | grep -q 10.77.0.12'
    refused_for endpoints 'list 2 addresses for 3 masters, and it is not among them'
    set_lab master/1 not-in-endpoints=
    until_so 30 eval 'inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/probe.token")" https://10.77.0.10:8443/api/v1/namespaces/default/endpoints/kubernetes | grep -q 10.77.0.12'
    for resource in componentstatuses validatingwebhookconfigurations; do # not known is no better, and told from broken
        set_lab forbidden=$resource
        refused_for "(etcd|webhooks)" "not known .forbidden: the probe may not list $resource.*let the probe" 3
    done
    set_lab forbidden=leases # which are about the order alone
    expect 3 alone plan demo --accept-risk shared-ca -o json
    says '"gate": "lease-holders"'
    says 'let the probe get the leases'
    set_lab forbidden=

    # Between the plan and its start.
    plan alone
    set_lab etcd-lost=2
    expect 5 alone apply "$id"
    says etcd-2
    set_lab etcd-lost=
    set_lab leader=0
    expect 5 alone apply "$id"
    says 'order of the masters'
    [ "$(digests)" = "$before" ] || fail "a master was touched"

    # Between two masters; and whoever holds the leases comes last.
    plan alone
    says lease-holder-last
    alone apply "$id" >"$dir/out" 2>"$dir/err" &
    applying=$!
    until_so 120 grep -q 'master/1 *healed ok' "$dir/err"
    set_lab etcd-lost=0
    status=0
    wait "$applying" || status=$?
    [ "$status" -eq 6 ] || fail "a lost member between two masters: apply ended with $status, not 6"
    says etcd-0
    [ "$(swaps)" = "master/1 " ] || fail "swapped: $(swaps)"
    set_lab etcd-lost=
    expect 0 alone apply --resume "$(last_run)"
    [ "$(swaps)" = "master/2 master/0 " ] || fail "the order is '$(swaps)', and master/0 holds the leases"
    repaired
    nothing_left
    ;;
repair-401) up --generation 1.11 --break cn-not-allowed --break separate-ca --monit 5.2.5; repair ;;
repair-quoted) up --break cn-not-allowed --bpm quoted-v0.28.0-kubernetes-ca; repair ;;
kubeadm-repair | systemd-repair)
    up_on "${scenario%-repair}"
    sed -i '/^    platform:/d' "$dir/lab/aggmedic.yml" # found by looking
    plan alone
    says 'requestheader-allowed-names=aggregator,demo.pks.ik.am'
    says 'For it to last'
    ! grep -q monit "$dir/out" || fail "the plan speaks of monit"
    apply_planned
    ;;
kubeadm-undo | systemd-undo) # the new process is never ready: the old bytes come back, and with them the old arguments
    up_on "${scenario%-undo}"
    sed -i 's/verify_timeout: {[^}]*}/verify_timeout: {kubeadm: 30s, systemd: 30s}/' "$dir/lab/aggmedic.yml"
    hashes() { for m in 0 1 2; do on "master/$m" "sudo sha256sum $bpm"; done; }
    plan alone
    before=$(hashes)
    file_holds() { [ "$(file_names 0)" = "$1" ]; }
    {
        until_so 300 file_holds aggregator,demo.pks.ik.am
        "$lab" set --dir "$dir/lab" master/0 unready=etcd
        until_so 300 file_holds aggregator
        "$lab" set --dir "$dir/lab" master/0 unready=
    } >/dev/null &
    expect 4 alone apply "$id"
    wait $!
    says 'restored|taken back'
    [ "$(hashes)" = "$before" ] || fail "the old bytes are not there"
    for m in 0 1 2; do [ "$(live_names $m)" = aggregator ] || fail "master/$m does not run the old arguments"; done
    names_are '["aggregator"]'
    nothing_left
    ;;
other-causes)
    up --break proxy-cert-wrong-issuer
    plans_nothing proxy-cert-wrong-issuer
    for cause in proxy-cert-expired:proxy-cert-expired proxy-cert-empty-cn:cn-not-allowed hostile-cn:cn-not-allowed no-backend:no-backend \
        bad-ca-bundle:serving-cert-untrusted one-master-differs:masters-differ; do
        "$lab" heal --dir "$dir/lab" >/dev/null
        "$lab" break --dir "$dir/lab" "${cause%%:*}" >/dev/null
        until_so 150 eval 'expect_any=$(alone check demo 2>/dev/null || true); grep -q "'"${cause##*:}"'" <<<"$expect_any"'
        plans_nothing "${cause##*:}"
        ! grep -q "$(printf '\033')" "$dir/out" || fail "an escape reached the output"
    done
    # The repairable cause beside an edit that nobody has activated yet: refused all the same.
    "$lab" heal --dir "$dir/lab" >/dev/null
    "$lab" break --dir "$dir/lab" cn-not-allowed >/dev/null
    "$lab" set --dir "$dir/lab" master/0 pending-restart=yes >/dev/null
    plans_nothing pending-restart
    ;;
canary-timing)
    # No flow schemas tell in 1.16. The jitter of a busy machine may leave nothing to be told, and must never tell the opposite.
    says_of() { # WORD: what every measurement says, once the machine was calm enough
        local end=$((SECONDS + 60)) said=
        while [ "$SECONDS" -lt "$end" ]; do
            inside "$build/daemon/cli/aggmedic" explain demo --canary-timing -o json --standalone --config "$dir/https.yml" >"$dir/out" 2>"$dir/err" || true
            said=$(sed -n 's/.*"says": *"\([a-z]*\)".*/\1/p' "$dir/out" | sort -u | tr '\n' ' ')
            case " $said" in
            *" $2 "*) fail "the timing says '$said', which is the opposite of $1" ;;
            *" $1 "*) return ;;
            esac
        done
        echo "$scenario: NOT SHOWN: this machine is too busy to tell $1 by timing (said: $said)"
    }
    up --generation 1.16 --break cn-not-allowed
    sed -E '/^ *(platform|ssh|after_repair|verify):/d' "$dir/lab/aggmedic.yml" >"$dir/https.yml"
    says_of masked caller
    "$lab" heal --dir "$dir/lab" >/dev/null
    says_of caller masked
    ;;
aggregator-metrics)
    up
    "$lab" break --dir "$dir/lab" no-backend >/dev/null
    counted() { alone check demo -o json >"$dir/out" 2>"$dir/err" || true; grep -q 'the aggregator of master/1 finds it unavailable' "$dir/out"; }
    until_so 150 counted
    says 'cause": "no-backend"'
    says 'the aggregator of master/[012] finds it unavailable .*MissingEndpoints once'
    ;;
stale)
    up --break cn-not-allowed
    plan alone
    on master/2 "sudo sh -c 'echo \"# a note\" >>$bpm'"
    before=$(digests)
    expect 5 alone apply "$id"
    says 'plan again'
    [ "$(digests)" = "$before" ] || fail "a master was touched"
    nothing_left
    ;;
hostile-master)
    up --break cn-not-allowed
    for fault in sudo=endless sudo=garbage sudo=nothing changed-host-key=yes; do
        "$lab" set --dir "$dir/lab" master/1 "$fault" >/dev/null
        expect 1 alone check demo
        expect 3 alone plan demo --accept-risk shared-ca
        says master/1
        "$lab" set --dir "$dir/lab" master/1 "${fault%%=*}=" >/dev/null
    done
    ;;
hostile-apiserver)
    up --break cn-not-allowed
    for mode in slow-drip endless invalid-json deep-json redirect gzip cut-short; do
        for m in 0 1 2; do "$lab" set --dir "$dir/lab" master/$m "hostile=$mode" >/dev/null; done
        expect 3 inside timeout 60 "$build/daemon/cli/aggmedic" check --kubeconfig "$dir/lab/kubeconfig-probe"
        for m in 0 1 2; do "$lab" set --dir "$dir/lab" master/$m hostile= >/dev/null; done
    done
    for m in 0 1 2; do "$lab" set --dir "$dir/lab" master/$m many-apiservices=10000 >/dev/null; done
    status=0
    inside timeout 120 "$build/daemon/cli/aggmedic" check --kubeconfig "$dir/lab/kubeconfig-probe" >"$dir/out" 2>"$dir/err" || status=$?
    { [ "$status" -eq 1 ] || [ "$status" -eq 3 ]; } || fail "10000 APIServices: $status"
    ;;
monit-lies)
    up --break cn-not-allowed
    plan alone
    before=$(digests)
    "$lab" set --dir "$dir/lab" master/0 monit-lies=yes >/dev/null
    expect 4 alone apply "$id"
    says 'rolled.back|taken back'
    [ "$(digests)" = "$before" ] || fail "the old bytes and the old process are not there"
    nothing_left
    ;;
repair-configmap) # without a restart, kept over one, named as drift, and taken back
    up --break cn-not-allowed
    names_are '["aggregator"]'
    before=$(digests)
    expect 1 alone plan demo --method configmap --accept-risk shared-ca
    says 'no master is touched'
    says narrower-grant
    id=$(plan_id)
    expect 0 alone apply "$id"
    says 'repaired and verified'
    [ "$(digests)" = "$before" ] || fail "a master was touched"
    nothing_left
    names_are '["aggregator","demo.pks.ik.am"]'
    published | grep -q '"aggmedic/added": *"demo.pks.ik.am"' || fail "the name carries no mark"
    on master/1 "sudo /var/vcap/bosh/bin/monit restart kube-apiserver"
    restarted() { [ "$(digests)" != "$before" ] && inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/probe.token")" https://10.77.0.12:8443/readyz; }
    until_so 120 restarted
    names_are '["aggregator","demo.pks.ik.am"]'
    expect 0 alone check demo # healed; the drift is a finding beside it
    says unexplained-trust
    ! grep -q cn-not-allowed "$dir/out" || fail "it is not healed"
    plan_revert
    says 'no master is touched'
    before=$(digests)
    expect 4 alone apply "$id"
    says 'taken back as asked'
    [ "$(digests)" = "$before" ] || fail "a master was touched"
    names_are '["aggregator"]'
    ! published | grep -q aggmedic/added || fail "the mark was left"
    nothing_left
    expect 0 alone revert "$run"
    ;;
revert | kubeadm-revert | systemd-revert) # the old bytes on every master, then the name out of the ConfigMap, for good
    if [ "$scenario" = revert ]; then up --break cn-not-allowed; else up_on "${scenario%-revert}"; fi
    files() { for m in 0 1 2; do on "master/$m" "sudo sha256sum $bpm; sudo stat -c '%a %U %G' $bpm"; done; }
    before=$(files)
    plan alone
    expect 0 alone apply "$id"
    repaired
    names_are '["aggregator","demo.pks.ik.am"]'
    plan_revert
    says '^3\. '
    [ "$scenario" = revert ] || says 'For it to last'
    expect 4 alone apply "$id"
    says 'taken back as asked'
    [ "$(files)" = "$before" ] || fail "the old bytes, owners and modes are not there"
    for m in 0 1 2; do [ "$(live_names $m)" = aggregator ] || fail "master/$m still runs the new arguments"; done
    names_are '["aggregator"]'
    nothing_left
    expect 1 alone check demo
    says cn-not-allowed
    expect 0 alone revert "$run"
    says 'nothing to do'
    ;;
resume) # the canary alone, then the rest of exactly that plan; never more than was approved
    up --break cn-not-allowed
    plan alone
    expect 0 alone apply "$id" --canary-only
    says 'apply --resume'
    run=$(last_run)
    [ "$(live_names 0)" = aggregator,demo.pks.ik.am ] || fail "the canary is not repaired"
    [ "$(file_names 1)$(file_names 2)" = aggregatoraggregator ] || fail "another master was touched"
    on master/2 "sudo sh -c 'echo \"# a note\" >>$bpm'"
    before=$(digests)
    expect 5 alone apply --resume "$run"
    says 'master/2 holds other bytes than those that were approved'
    [ "$(digests)" = "$before" ] || fail "a master was touched"
    on master/2 "sudo sed -i '\$d' $bpm"
    expect 0 alone apply --resume "$run"
    says 'repaired and verified'
    repaired
    nothing_left
    expect 5 alone apply --resume "$run"
    says 'nothing is left'
    ;;
disk-full)
    up --break cn-not-allowed
    plan alone
    before=$(digests)
    "$lab" set --dir "$dir/lab" master/0 disk-full=yes >/dev/null
    status=0
    alone apply "$id" >"$dir/out" 2>"$dir/err" || status=$?
    { [ "$status" -eq 4 ] || [ "$status" -eq 5 ]; } || fail "apply ended with $status"
    "$lab" set --dir "$dir/lab" master/0 disk-full= >/dev/null
    [ "$(digests)" = "$before" ] || fail "a master was touched"
    ;;
second-master-fails)
    up --break cn-not-allowed
    sed -i 's/verify_timeout: {[^}]*}/verify_timeout: {bosh: 20s}/' "$dir/lab/aggmedic.yml"
    plan alone
    "$lab" set --dir "$dir/lab" master/1 start=fail >/dev/null
    expect 6 alone apply "$id"
    says 'person'
    [ "$(live_names 0)" = aggregator,demo.pks.ik.am ] || fail "the repaired canary was not kept"
    [ "$(file_names 1)" = aggregator ] || fail "master/1 was not taken back"
    [ "$(file_names 2)" = aggregator ] || fail "master/2 was touched"
    ;;
killed)
    up --break cn-not-allowed
    start_daemon
    plan ask
    "$lab" set --dir "$dir/lab" master/0 no-monit=yes >/dev/null || true
    "$lab" set --dir "$dir/lab" master/0 no-monit= >/dev/null || true
    "$lab" set --dir "$dir/lab" master/0 next-restart=slow:20 >/dev/null
    ask apply "$id" >"$dir/out" 2>"$dir/err" &
    until_so 60 eval '[ "$(file_names 0)" = aggregator,demo.pks.ik.am ]'
    pkill -KILL -f "aggmedicd --config $dir" || fail "the daemon is not there to be killed"
    wait "$daemon" 2>/dev/null || true
    start_daemon
    until_so 240 eval 'ask -o json runs | grep -qE "\"outcome\": *\"(applied|rolled-back|needs-person)\""'
    expect 0 ask runs
    for m in 0 1 2; do
        names=$(live_names $m)
        [ "$names" = "$(file_names $m)" ] || fail "master/$m runs other arguments than its file holds"
    done
    nothing_left
    # Whatever it was, the way on is open.
    until_so 60 eval 'ask plan demo --accept-risk shared-ca >"$dir/out" 2>"$dir/err"; [ -n "$(plan_id)" ]'
    expect 0 ask apply "$(plan_id)"
    repaired
    ;;
dashboard) # every query of the dashboard returns series from a real Prometheus that scrapes the daemon
    command -v prometheus >/dev/null || fail "prometheus is not installed"
    up --break cn-not-allowed
    start_daemon
    plan ask
    expect 0 ask apply "$id"
    cat >"$dir/prometheus.yml" <<'CONFIG'
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs: [{job_name: aggmedic, static_configs: [{targets: ["127.0.0.1:10797"]}]}]
CONFIG
    "$lab" exec --dir "$dir/lab" -- prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" \
        --web.listen-address=127.0.0.1:9090 >"$dir/prometheus.log" 2>&1 &
    prometheus=$!
    root=$(dirname "$(readlink -f "$0")")/../../..
    queries() { inside "$build/tests/integration/dashboards/dashboard_queries" "$root/dashboards/grafana/aggmedic.json" http://127.0.0.1:9090 cluster=demo 'master=.*' >"$dir/out" 2>&1; }
    until_so 120 queries
    kill "$prometheus" && wait "$prometheus" 2>/dev/null || true
    ;;
one-dead-of-twenty) # in every cycle the other 19 are asked through every master, and the cycle ends within its interval
    up --extensions 18
    interval=30 # as it is when nothing is configured
    sed -i "s/^probe: {interval: [^,]*,/probe: {interval: ${interval}s,/" "$dir/lab/aggmedic.yml"
    "$lab" set --dir "$dir/lab" ext-slow=ext-007 >/dev/null
    start_daemon
    # One scrape says how long all cycles took, and how often each API answered 200 through each master until the last of them.
    scrape() { inside curl -fsS http://127.0.0.1:10797/metrics >"$dir/metrics"; }
    of_cycles() { sed -n "s/^aggmedic_probe_duration_seconds_$1{probe=\"cycle\"} //p" "$dir/metrics"; }
    answered() {
        sed -n 's/^aggmedic_aggregated_api_responses_total{cluster="demo",master="\(master[^"]*\)",apiservice="\([^"]*\)",code="200"} /\1 \2 /p' "$dir/metrics" | sort
    }
    all_asked() { scrape && for m in 0 1 2; do [ "$(answered | grep -c "^master/$m ")" -ge 19 ] || return 1; done; }
    until_so 120 all_asked
    next_cycle() { scrape && [ "$(of_cycles count)" -gt "$count" ]; }
    for _ in 1 2; do
        count=$(of_cycles count) took=$(of_cycles sum)
        answered >"$dir/before"
        until_so 120 next_cycle
        answered >"$dir/after"
        now=$(of_cycles count)
        awk -v before="$took" -v after="$(of_cycles sum)" -v cycles=$((now - count)) -v interval="$interval" \
            'BEGIN {exit !((after - before) / cycles < interval)}' || fail "a cycle took longer than its interval: $took s before it, $(of_cycles sum) s after it"
        join -j 1 <(sed 's/ /|/' "$dir/before") <(sed 's/ /|/' "$dir/after") | awk '$3 > $2 {print $1}' | grep -v 'ext-007\.' >"$dir/out"
        for m in 0 1 2; do
            asked=$(grep -c "^master/$m|" "$dir/out")
            [ "$asked" -eq 19 ] || fail "in cycle $now, $asked of 19 APIs answered through master/$m"
        done
    done
    expect 1 ask check demo
    says ext-007
    ;;
secrets) # 500 of them where a cluster or a master could show them: none in anything that aggmedic prints, stores, serves or logs
    up --break cn-not-allowed
    kept=$dir/kept
    mkdir "$kept"
    head -c 60000 /dev/urandom | base64 -w 0 | tr -d '+/=' | fold -w 24 | sed -n '1,500s/^/Canary/p' >"$dir/seeds"
    [ "$(wc -l <"$dir/seeds")" -eq 500 ] || fail "there are not 500 secrets"
    # Arguments beside the one that is changed, comments, the environment; then the files next to it.
    of_master() { sed -n "$((1 + $1 * 140)),$((140 + $1 * 140))p" "$dir/seeds"; }
    for m in 0 1 2; do
        of_master $m | awk -v file=<(cat "$dir/lab/masters/$m/vcap/data/jobs/kube-apiserver"/*/config/bpm.yml) '
            {secret[NR] = $0}
            END {
                while ((getline line <file) > 0) {
                    if (line ~ /--requestheader-allowed-names/) {
                        for (i = 1; i <= 30; ++i) print "  - --oidc-client-secret=" secret[i]
                        print line
                        for (i = 31; i <= 60; ++i) print "  - --audit-webhook-word-" i "=" secret[i]
                        for (i = 61; i <= 70; ++i) print "  # the word is " secret[i]
                    } else if (line ~ /^  env:/) {
                        print "  env:"
                        for (i = 71; i <= 90; ++i) print "    ETCD_PASSWORD_" i ": " secret[i]
                        for (i = 91; i <= 110; ++i) print "    WORD_" i ": " secret[i]
                    } else {
                        print line
                    }
                }
            }' >"$dir/bpm.$m"
        cat "$dir/bpm.$m" >"$(echo "$dir/lab/masters/$m/vcap/data/jobs/kube-apiserver"/*/config/bpm.yml)"
        of_master $m | sed -n '111,130s/.*/password = &/p' >>"$(echo "$dir/lab/masters/$m/vcap/data/jobs/kube-apiserver"/*/config/cloud-provider.ini)"
        of_master $m | sed -n '131,140s/.*/&,user-&,user-&,"developers"/p' >>"$(echo "$dir/lab/masters/$m/vcap/data/jobs/kube-apiserver"/*/config/tokens.csv)"
        on "master/$m" "sudo /var/vcap/bosh/bin/monit restart kube-apiserver"
        runs_with() { on "master/$m" "sudo sh -c '$live'" | grep -qF -- "--oidc-client-secret=$(of_master $m | sed -n 30p)"; }
        until_so 90 runs_with
    done
    until_so 90 inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/probe.token")" https://10.77.0.10:8443/readyz
    # The logs of the extension servers' pods, in the forms in which secrets get there.
    for log in "$dir"/lab/log/pods/*.log; do
        sed -n '421,440s/.*/E1123 12:00:00.000000       1 authentication.go:63] Unable to authenticate the request: Authorization: Bearer &/p
            441,460s/.*/panic: dial https:\/\/admin:&@10.0.0.1: DB_PASSWORD=&/p' "$dir/seeds" >>"$log"
    done
    # What aggmedic itself is given: a kubeconfig of somebody else, its own environment, its credentials.
    sed "s/token: .*/token: $(sed -n 461p "$dir/seeds")/" "$dir/lab/kubeconfig-probe" >"$dir/kubeconfig"
    for n in $(seq 462 500); do export "AGGMEDIC_SEED_$n=$(sed -n "${n}p" "$dir/seeds")"; done
    cat "$dir"/lab/pki/*.token | sed '/last-year/d' >>"$dir/seeds"
    grep -v -e ----- "$dir/lab/pki/ssh.key" >>"$dir/seeds"

    keep() { # FILE COMMAND...: whatever it ends with
        local file=$1
        shift
        "$@" >"$kept/$file" 2>&1 || true
        [ -s "$kept/$file" ] || fail "'$*' says nothing"
    }
    expect 1 alone check demo
    says cn-not-allowed
    keep kubeconfig inside "$build/daemon/cli/aggmedic" check --kubeconfig "$dir/kubeconfig"
    start_daemon
    until_so 60 inside curl -fsS http://127.0.0.1:10797/-/ready
    for format in table json yaml; do
        for command in check explain preflight; do keep "$command.$format" ask -o $format $command demo; done
        keep "plan.$format" ask -o $format plan demo --accept-risk shared-ca
    done
    expect 0 ask bundle demo --to "$kept/bundle.tar"
    plan ask
    keep apply ask apply "$id"
    grep -q 'repaired and verified' "$kept/apply" || fail "the run did not repair"
    for format in table json yaml; do
        for command in status runs; do keep "$command.$format" ask -o $format $command; done
    done
    run=$(sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' "$kept/runs.json" | head -n 1)
    keep run.json ask -o json runs "$run"
    for page in metrics api/v1/clusters api/v1/findings api/v1/plans api/v1/runs ""; do
        keep "page.${page//\//_}" inside curl -fsS "http://127.0.0.1:10797/$page"
    done
    kill "$daemon" && wait "$daemon" || true
    daemon=
    cp -r "$dir/lab/aggmedic/state" "$kept/state"
    cp "$dir/aggmedicd.log" "$kept/daemon.log"
    grep -qF requestheader-allowed-names "$kept/plan.table" || fail "the plan shows no diff"
    grep -qaF cn-not-allowed "$kept"/state/* || fail "the journal holds no history"
    # As they are, and in Base64 at each of its three offsets.
    while read -r secret; do
        printf '%s\n' "$secret"
        for lead in "" x xx; do printf '%s%s' "$lead" "$secret" | base64 -w 0 | cut -c 5-28 && echo; done
    done <"$dir/seeds" | awk 'length >= 16' >"$dir/forms"
    if grep -raoF -f "$dir/forms" "$kept" >"$dir/out"; then fail "$(sort -u "$dir/out" | wc -l) secrets came out"; fi
    ;;
flapping) # now and then is intermittent, once is nothing, what cannot be seen stays as it was, and an end is told
    up
    start_daemon
    inside_metrics() { inside curl -fsS http://127.0.0.1:10797/metrics >"$dir/metrics"; }
    cycles_done() { inside_metrics && sed -n 's/^aggmedic_probe_duration_seconds_count{probe="cycle"} //p' "$dir/metrics"; }
    has_done() { [ "$(cycles_done)" -ge "$1" ]; }
    cycles() { until_so 300 has_done $(($(cycles_done) + $1)); }
    faults() { inside_metrics && sed -n 's/^aggmedic_finding{\(.*severity="\(critical\|warning\)"\)} 1$/\1/p' "$dir/metrics" | grep -v -e shared-ca -e open-door || true; }
    failed() { inside_metrics && sed -n 's/^aggmedic_aggregated_api_responses_total{.*code="\(5[0-9]*\|[a-z_]*\)"} //p' "$dir/metrics" | awk '{n += $1} END {print n + 0}'; }
    has_failed() { [ "$(failed)" -gt "$1" ]; }
    flaps() { faults | grep -q 'cause="intermittent"'; }
    no_faults() { [ -z "$(faults)" ]; }
    until_so 60 has_done 2
    until_so 120 no_faults

    # One bad moment.
    before=$(failed)
    "$lab" set --dir "$dir/lab" ext-flaky=all >/dev/null
    until_so 120 has_failed "$before"
    "$lab" set --dir "$dir/lab" ext-flaky= >/dev/null
    for _ in 1 2 3 4; do cycles 1; no_faults || fail "one bad moment raised $(faults)"; done

    # One request in five, for as long as it takes.
    "$lab" set --dir "$dir/lab" ext-flaky=all >/dev/null
    until_so 300 flaps
    for _ in 1 2 3; do
        cycles 1
        ! faults | grep -v 'cause="intermittent"' || fail "something else than intermittent is raised"
    done
    expect 0 ask status

    # No master can be asked: the finding stays, however many cycles pass.
    for m in 0 1 2; do "$lab" set --dir "$dir/lab" master/$m unready=etcd >/dev/null; done
    "$lab" set --dir "$dir/lab" ext-flaky= >/dev/null
    cycles 5
    flaps || fail "what could not be observed was resolved"

    # It works again: resolved, and said so.
    for m in 0 1 2; do "$lab" set --dir "$dir/lab" master/$m unready= >/dev/null; done
    until_so 400 eval '! flaps'
    grep -q 'a finding is resolved.*cause=intermittent' "$dir/aggmedicd.log" || fail "the end of it is not in the log"
    ;;
auto-repair) # approve: a plan, and it waits; auto: inside the window only, by itself, and again when a master drifts
    up --break cn-not-allowed --accept-shared-ca
    config=$dir/lab/aggmedic.yml
    other_day=$(LC_ALL=C date -u -d '+3 days' +%a | tr '[:upper:]' '[:lower:]')
    in_mode() { # MODE WINDOW...: the configuration as of now
        sed -i -E '/^  (mode|hold_cycles|quiet_after_change|cooldown|attempts|windows):/d' "$config"
        sed -i "s|^remediation:\$|remediation:\n  mode: $1\n  hold_cycles: 2\n  quiet_after_change: 1s\n  cooldown: 1s\n  attempts: 5\n  windows: [${2-}]|" "$config"
    }
    metric() { inside curl -fsS http://127.0.0.1:10797/metrics | grep -qF -- "$1"; }
    again() { inside curl -fsS -X POST http://127.0.0.1:10797/-/reload >/dev/null || fail "the configuration is refused"; }
    automatic_runs() { ask -o json runs | grep -c '"trigger": *"automatic"' || true; }
    cycles_done() { inside curl -fsS http://127.0.0.1:10797/metrics | sed -n 's/^aggmedic_probe_duration_seconds_count{probe="cycle"} //p'; }
    has_done() { [ "$(cycles_done)" -ge "$1" ]; }
    before=$(digests)

    in_mode approve
    start_daemon
    until_so 240 metric 'aggmedic_plan_waiting{cluster="demo"} 1'
    until_so 120 has_done $(($(cycles_done) + 3))
    expect 0 ask status
    says 'waits for a person'
    [ "$(digests)" = "$before" ] || fail "a master was touched in mode approve"

    # Not today, however long it waits; and a pause is told instead.
    in_mode auto "{days: [$other_day], from: \"00:00\", to: \"24:00\", timezone: UTC}"
    again
    until_so 240 metric 'aggmedic_start_guard_refusing{cluster="demo",guard="window"} 1'
    until_so 120 has_done $(($(cycles_done) + 3))
    expect 0 ask status
    says 'the next one opens at .* UTC'
    [ "$(automatic_runs)" -eq 0 ] || fail "a run began outside of the window"
    expect 0 ask pause demo --reason "nobody touches it"
    in_mode auto '{from: "00:00", to: "24:00", timezone: Asia/Tokyo}'
    again
    until_so 240 metric 'aggmedic_start_guard_refusing{cluster="demo",guard="paused"} 1'
    [ "$(digests)" = "$before" ] || fail "a master was touched outside of the window, or under a pause"

    expect 0 ask resume demo
    applied() { ask -o json runs | grep -q '"outcome": *"applied"'; }
    until_so 600 applied
    [ "$(automatic_runs)" -eq 1 ] || fail "it was not repaired by itself, or more than once"
    repaired
    nothing_left
    expect 0 ask audit show
    says 'made by itself'

    # A master comes back with what its template holds.
    on master/1 "sudo sed -i 's/aggregator,demo.pks.ik.am/aggregator/' $bpm && sudo /var/vcap/bosh/bin/monit restart kube-apiserver"
    until_so 240 metric 'aggmedic_master_drifted{cluster="demo",master="master/1"} 1'
    until_so 600 eval '[ "$(ask -o json runs | grep -c "\"outcome\": *\"applied\"")" -eq 2 ]'
    repaired
    until_so 120 eval '! metric aggmedic_master_drifted'
    grep -q 'a repaired master has drifted' "$dir/aggmedicd.log" || fail "the drift is not in the log"
    ;;
sudoers) # all that is ever run on a master is in one table; a login user with the published sudoers file can do that and nothing else
    cp -p "$build/systemd/aggmedic.sudoers" "$dir/published"
    up --break cn-not-allowed
    "$build/daemon/cli/aggmedic" config sudoers --user care >"$dir/lab/care.sudoers"
    "$build/daemon/cli/aggmedic" config helper >"$dir/lab/helper"
    sed 's/^care /aggmedic /; s/user: care,/user: aggmedic,/' "$dir/lab/care.sudoers" | cmp - "$dir/published" || fail "the published file is another one"
    place=$(sed -n 's/.* \(\/[^ ]*\/helper-[0-9a-f]*\) look .*/\1/p' "$dir/lab/care.sudoers")
    # Two more users on each master: care with that file, lent with all of sudo, as BOSH lends one. What sshd is asked to run for
    # them is written down before it runs.
    cat >"$dir/lab/record" <<'RECORD'
#!/bin/sh
{ printf '%s' "$SSH_ORIGINAL_COMMAND"; printf '\0'; } >>"/run/lab/recorded-$(id -un)"
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
RECORD
    cat >"$dir/lab/users" <<USERS
set -e
mount -t tmpfs -o mode=0755 tmpfs /usr/local
install -D -o root -g root -m 0755 /run/lab/dir/helper $place
install -o root -g root -m 0755 /run/lab/dir/record /run/lab/record
for user in care:1077 lent:1078; do
    name=\${user%:*} id=\${user#*:}
    printf '%s:x:%s:%s::/:/bin/sh\n' \$name \$id \$id >>/etc/passwd
    printf '%s:x:%s:\n' \$name \$id >>/etc/group
    printf '%s:*:19000:0:99999:7:::\n' \$name >>/etc/shadow
    cp /etc/ssh/authorized_vcap /etc/ssh/authorized_\$name
    install -o \$name -m 0600 /dev/null /run/lab/recorded-\$name
done
visudo -cqf /run/lab/dir/care.sudoers
{ echo 'Defaults use_pty'; cat /run/lab/dir/care.sudoers; echo 'lent ALL=(ALL) NOPASSWD: ALL'; } >>/etc/sudoers
visudo -cqf /etc/sudoers
sed -i 's/^AllowUsers .*/AllowUsers vcap care lent/' /etc/ssh/sshd_config
printf 'Match User care,lent\n    ForceCommand /run/lab/record\n' >>/etc/ssh/sshd_config
kill -HUP \$(pgrep -o -x sshd)
USERS
    for m in 0 1 2; do on "master/$m" 'sudo sh /run/lab/dir/users' || fail "master/$m does not take the users"; done
    as_user() { sed -i "s/ssh: {user: [a-z]*, \(helper: installed, \)\{0,1\}/ssh: {user: $1, /" "$dir/lab/aggmedic.yml"; }
    table() { # USER WORDS: the record of one master is in the table, and holds each of these rows
        for m in 0 1 2; do on "master/$m" "sudo cat /run/lab/recorded-$1"; done >"$dir/recorded"
        "$build/tests/integration/scenarios/remote_table" "$dir/recorded" >"$dir/out" || fail "something else was run on a master"
        for verb in $2; do says "^$verb $3 [0-9]"; done
        [ "$(wc -l <"$dir/out")" -eq "$(wc -w <<<"$2")" ] || fail "other verbs than $2"
    }
    # A repair and its way back as care.
    as_user 'care, helper: installed'
    plan alone
    expect 0 alone apply "$id"
    says 'repaired and verified'
    repaired
    nothing_left
    plan_revert
    expect 4 alone apply "$id"
    says 'taken back as asked'
    table care 'look lock swap restart unlock' installed
    # What care may not.
    refused() { ! on master/0 "sudo -u care sudo -n $*" >"$dir/out" 2>&1 || fail "care may run $*"; says 'password is required'; }
    on master/0 "sudo -u care sudo -n $place look bosh" >"$dir/out" || fail "care may not even look"
    refused id
    refused /bin/sh -c id
    refused "$place"
    refused "$place" look
    refused "$place" reboot now
    refused -u vcap "$place" look bosh
    refused /bin/sh "$place" look bosh
    on master/0 "sudo sh -c 'printf \"id\\n\" >>$place'"
    refused "$place" look bosh # the digest is another
    # A rollback as lent: the helper is sent.
    as_user lent
    sed -i 's/verify_timeout: {[^}]*}/verify_timeout: {bosh: 20s}/' "$dir/lab/aggmedic.yml"
    "$lab" set --dir "$dir/lab" master/0 next-restart=slow:90 >/dev/null # not ready in time, once
    plan alone
    expect 4 alone apply "$id"
    table lent 'look lock swap restart restore unlock' sent
    ;;
repair-credential) # read by the run alone; without it no run begins that counts on it
    up --break cn-not-allowed
    start_daemon
    plan ask
    until_so 60 eval 'inside curl -fsS http://127.0.0.1:10797/metrics | grep -q "^aggmedic_last_observation_timestamp_seconds"'
    pid=$(pgrep -f "aggmedicd --config $dir/lab/aggmedic.yml" | tail -n 1)
    holds() { # FILE: whether the daemon's memory holds this secret; what sanitizers map is too large to hold any
        local range mode rest from to found
        while read -r range mode rest; do
            from=$((16#${range%-*})) to=$((16#${range#*-}))
            [[ $mode == rw* ]] && [ $((to - from)) -lt $((256 << 20)) ] || continue
            found=$(dd if="/proc/$pid/mem" bs=4096 skip=$((from / 4096)) count=$(((to - from) / 4096)) 2>/dev/null | grep -acF -f "$1" || true)
            [ "${found:-0}" -eq 0 ] || return 0
        done <"/proc/$pid/maps"
        return 1
    }
    holds "$dir/lab/pki/probe.token" || fail "the probe's token is not found in the daemon's memory: the search finds nothing"
    ! holds "$dir/lab/pki/repair.token" || fail "the daemon holds the repair credential while no run is on"
    mv "$dir/lab/pki/repair.token" "$dir/lab/pki/away"
    expect 5 ask apply "$id"
    says 'credentials.repair of demo cannot be used: cannot read .*repair.token'
    mv "$dir/lab/pki/away" "$dir/lab/pki/repair.token"
    expect 0 ask apply "$id"
    repaired
    ;;
journal-disk-full) # the jumpbox's own disk: the ballast carries the run to its end, and none begins without it
    up --break cn-not-allowed
    state=$dir/lab/aggmedic/state
    mount -t tmpfs -o size=40m,mode=0700 tmpfs "$state"
    start_daemon
    plan ask
    "$lab" set --dir "$dir/lab" master/0 next-restart=slow:20 >/dev/null
    ask apply "$id" >"$dir/out" 2>"$dir/err" &
    run=$!
    until_so 120 eval '[ "$(file_names 0)" = aggregator,demo.pks.ik.am ]'
    [ -e "$state/ballast" ] || fail "there is no ballast"
    cat /dev/zero >"$state/filler" 2>/dev/null || true
    wait "$run" || fail "the run ended with $?"
    says 'repaired and verified'
    repaired
    nothing_left
    [ ! -e "$state/ballast" ] || fail "the disk was not full"
    expect 0 ask runs
    says applied
    run=$(sed -n 's/.*\([0-9]\{8\}T[0-9]*Z-[0-9a-f]*\).*/\1/p' "$dir/out" | head -n 1)
    # A plan on a disk that is nearly full again, and a run that wants its ballast.
    rm "$state/filler"
    expect 1 ask revert "$run"
    id=$(plan_id)
    head -c $(($(df --output=avail -B1 "$state" | tail -n 1) - (4 << 20))) /dev/zero >"$state/filler"
    expect 5 ask apply "$id"
    says 'ballast: No space left on device'
    repaired
    ;;
*) fail "there is no such scenario" ;;
esac
printf '%s: as it should be, %s s\n' "$scenario" "$SECONDS"
