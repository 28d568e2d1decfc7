#!/usr/bin/env bash
# Every exchange with a master and every write of the journal of a run fails once, each time on a cluster of its own making,
# and what is then there is read from the masters themselves.
#   sweep.sh BUILD_DIR sample              a fixed few
#   sweep.sh BUILD_DIR full [JOBS]         all kinds, JOBS labs side by side; fails under 150 faults
#   sweep.sh BUILD_DIR KIND [FROM [TO [STEP]]]   one kind, from this fault to that one, each STEPth; without TO until a run meets no fault any more
#   sweep.sh BUILD_DIR only KIND:NUMBER... these
#   sweep.sh BUILD_DIR kills COUNT [MASTERS [SEED]]   SIGKILL at random moments of runs, and of whoever takes them up
# Kinds of the exchanges: refused cut cut-after garbage late disk-full; undo-KIND in the undo after a failed restart, revert-KIND in a revert. Kinds of the journal's writes: kill-before kill-after no-room no-sync.
set -euo pipefail
build=$(readlink -f "$1") what=$2
here=$(dirname "$(readlink -f "$0")")
kinds=(refused cut cut-after garbage disk-full late kill-before kill-after no-room no-sync)
for each in refused cut cut-after garbage disk-full late; do kinds+=("undo-$each" "revert-$each"); done
exec 3>&1

case $what in
full | kills) [ "${AGGMEDIC_FULL:-0}" != 0 ] || { echo "sweep: NOT RUN: it takes hours; AGGMEDIC_FULL=1 asks for it"; exit 77; } ;;
esac
if [ "$what" = full ]; then
    began=$SECONDS
    results=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-sweep.XXXXXX")
    trap 'rm -rf "$results"' EXIT
    printf '%s\n' "${kinds[@]}" | xargs -P "${3:-2}" -I KIND sh -c '"$0" "$1" "$2" >"$3/$2" 2>&1 || echo "$2" >>"$3/failed"' "$0" "$build" KIND "$results" || true
    for kind in "${kinds[@]}"; do cat "$results/$kind"; done
    total=$(sed -n 's/.*: \([0-9]*\) faults injected.*/\1/p' "$results"/* | awk '{n += $1} END {print n + 0}')
    echo "sweep: $total faults injected in all, $((SECONDS - began)) s"
    [ ! -e "$results/failed" ] || { echo "sweep: broken invariants: $(tr '\n' ' ' <"$results/failed")"; exit 1; }
    [ "$total" -ge 150 ] || { echo "sweep: fewer than 150 faults are no sweep"; exit 1; }
    exit 0
fi

lab=$build/tests/lab/lab
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-sweep.XXXXXX")
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" # LeakSanitizer does not work under ptrace
leave() {
    local status=$?
    trap - EXIT
    "$lab" down --dir "$dir/lab" >/dev/null 2>&1 || true
    rm -rf "$dir"
    exit "$status"
}
trap leave EXIT
trap 'echo "sweep: line $LINENO ended with $?: $BASH_COMMAND" >&3' ERR
set -E
trap 'exit 130' INT TERM
count_of_masters=3
[ "$what" != kills ] || count_of_masters=${4:-3}
masters=$(seq -s " " 0 $((count_of_masters - 1)))
state=$dir/lab/aggmedic/state
sweep=$dir/lab/sweep
bpm=/var/vcap/jobs/kube-apiserver/config/bpm.yml

fail() {
    printf 'sweep %s %s: %s\n' "${kind:-}" "${number:-}" "$*" >&3
    [ ! -e "$sweep/struck" ] || sed 's/^/  struck: /' "$sweep/struck" >&3
    for file in apply err plan runs; do [ ! -e "$dir/$file" ] || { echo "--- $file" && tail -n 40 "$dir/$file"; } >&3; done
    exit 1
}
inside() { "$lab" exec --dir "$dir/lab" -- "$@"; }
on() { "$lab" ssh --dir "$dir/lab" "master/$1" "$2"; }
aggmedic() { inside timeout 400 "$build/daemon/cli/aggmedic" "$@" --standalone --config "$dir/lab/aggmedic.yml"; }
until_so() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || fail "'$*' did not come true in time"; sleep 0.2; done
}

# --- the cluster ----------------------------------------------------------------------------------------------------

raise_lab() {
    "$lab" up --dir "$dir/lab" --masters "$count_of_masters" --time-scale 0.02 --break cn-not-allowed >"$dir/out" || fail "the lab does not come up: $(cat "$dir/out")"
    # service-catalog reads the ConfigMap once: its pod is restarted in half a minute, which tells nothing here.
    sed -i -e '/^ *\(after_repair\|verify\):/d' -e 's/^    platform: bosh/    apiservices: {exclude: ["*.servicecatalog.k8s.io"]}\n&/' "$dir/lab/aggmedic.yml"
    mkdir "$sweep"
    cp "$here/fill.sh" "$sweep/"
    cp "$here/gate.sh" "$sweep/gate"
    chmod 755 "$sweep/gate"
    disarm
    chmod -R a+rwX "$sweep"
    for m in $masters; do on "$m" 'sudo cp -p /usr/bin/sudo /run/lab/sudo && sudo mount --bind /run/lab/dir/sweep/gate /usr/bin/sudo'; done
}
arm() { # NUMBER KIND [undo]
    rm -f "$sweep/struck" "$sweep/log" "$sweep/undone"
    touch "$sweep/lock" "$sweep/log"
    echo 0 >"$sweep/count"
    echo "$*" >"$sweep/fault"
    chmod a+rw "$sweep"/*
}
disarm() { arm 0 none; }
broken_again() {
    for m in $masters; do on "$m" "sudo sh -c 'rm -rf /run/aggmedic ${bpm%/*}/.*aggmedic*'"; done # of a fault that broke an invariant
    "$lab" break --dir "$dir/lab" cn-not-allowed --instead >"$dir/out" 2>&1 || fail "the lab cannot be broken again: $(cat "$dir/out")"
}
file_digest() { on "$1" "sudo sha256sum $bpm" | cut -d ' ' -f 1; }
live_names() { on "$1" 'sudo sh -c '\''tr "\0" "\n" <"/proc/$(cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid)/cmdline"'\' | sed -n 's/^--requestheader-allowed-names=//p' | head -n 1; }
live_pid() { on "$1" 'sudo cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid'; }
left_on() { on "$1" "sudo mkdir -p /run/aggmedic && sudo find -L ${bpm%/*} /run/aggmedic -type f '(' -name '*aggmedic*' -o -name lock ')'" || echo '(it cannot be told)'; }
published() {
    inside curl -fsSk -H "Authorization: Bearer $(cat "$dir/lab/pki/admin.token")" \
        https://10.77.0.10:8443/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication |
        grep -o 'requestheader-allowed-names[^]]*]'
}
before=aggregator after=aggregator,demo.pks.ik.am untouched=is_old

# --- one run --------------------------------------------------------------------------------------------------------

plan_id() { sed -n 's/^To apply exactly this: *aggmedic apply \([0-9a-f]*\).*/\1/p' "$dir/plan"; }
plan() { # [WORDS] into id; false where the plan says WORDS, or in the end; a fresh lab may need a moment until its conditions settle
    local end=$((SECONDS + 60)) status
    while :; do
        status=0
        aggmedic plan demo --accept-risk shared-ca >"$dir/plan" 2>&1 || status=$?
        id=$(plan_id)
        [ -z "$id" ] || return 0
        [ $# -eq 0 ] || ! grep -q "$1" "$dir/plan" || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.5
    done
}
trace=(strace -f -q -e trace=pwrite64,fdatasync) # --seccomp-bpf would be faster, and cannot inject signals
traced() { # STRACE-OPTION...: apply, with its journal watched; the exit status is apply's
    inside "${trace[@]}" "$@" -o "$dir/trace" -P "$state/journal.db-wal" "$build/daemon/cli/aggmedic" apply "$id" --standalone --config "$dir/lab/aggmedic.yml"
}
# strace counts for each thread on its own; the journal has one, which writes nearly all of it. The first write of its Nth
# transaction, from a run that nothing happened to.
first_write() { awk -v wanted="$1" '/pwrite64\(/ {++writes; if (begun != syncs + 1) {begun = syncs + 1; if (begun == wanted) print writes}} /fdatasync\(/ {++syncs}' "$dir/clean"; }
transactions() { grep -c 'fdatasync(' "$dir/clean"; }

asked() { # how many exchanges there were that could be broken
    case $kind in undo-*) [ ! -e "$sweep/undone" ] && echo 0 || echo $(($(cat "$sweep/count") - $(cat "$sweep/undone"))) ;; *) cat "$sweep/count" ;; esac
}
apply_with_fault() { # -> status
    status=0
    case $kind in
    refused | cut | cut-after | garbage | late | disk-full | undo-* | revert-*)
        case $kind in undo-*) arm "$number" "${kind#undo-}" undo ;; *) arm "$number" "${kind#revert-}" ;; esac
        aggmedic apply "$id" >"$dir/apply" 2>&1 || status=$?
        # What comes late comes after the run as well.
        [ "${kind##*-}" != late ] || [ "$(asked)" -lt "$number" ] || until_so 130 test -e "$sweep/struck"
        ;;
    kill-before) traced -e "inject=pwrite64:signal=KILL:when=$(first_write "$number")" >"$dir/apply" 2>&1 || status=$? ;;
    kill-after) traced -e "inject=fdatasync:signal=KILL:when=$number" >"$dir/apply" 2>&1 || status=$? ;;
    no-room) traced -e "inject=pwrite64:error=ENOSPC:when=$(first_write "$number")+" >"$dir/apply" 2>&1 || status=$? ;;
    no-sync) traced -e "inject=fdatasync:error=EIO:when=$number" >"$dir/apply" 2>&1 || status=$? ;;
    *) fail "there is no such kind" ;;
    esac
    case $kind in
    kill-* | no-*) if grep -q -e INJECTED -e 'killed by SIGKILL' "$dir/trace"; then echo "the journal's write $number" >"$sweep/struck"; fi ;;
    esac
}

# --- what must be so ------------------------------------------------------------------------------------------------

is_old() { [ "$(file_digest "$1")" = "${old[$1]}" ] && [ "$(live_names "$1")" = $before ]; }
is_new() { [ "$(file_digest "$1")" = "${new[$1]}" ] && [ "$(live_names "$1")" = $after ]; }
all_are() { for m in $masters; do "$1" "$m" || return 1; done; }
nothing_left() { for m in $masters; do [ -z "$(left_on "$m")" ] || fail "master/$m keeps $(left_on "$m" | tr '\n' ' ')"; done; }
# What the run says of each master is what the master is; only a master that is told `unknown` may hold anything of ours.
told_states_are_true() {
    local told
    for m in $masters; do
        told=$(awk -v name="master/$m" '$1 == name {print $2; exit}' "$dir/runs")
        case $told in
        repaired) is_new "$m" || fail "master/$m is told to be repaired" ;;
        untouched) "$untouched" "$m" || fail "master/$m is told to be $told" ;;
        restored) is_old "$m" || fail "master/$m is told to be $told" ;;
        patched | restarted) [ "$(file_digest "$m")" = "${new[$m]}" ] || fail "master/$m is told to be $told" ;;
        unknown) continue ;;
        *) fail "of master/$m it is told '$told'" ;;
        esac
        [ -z "$(left_on "$m")" ] || grep -q "master/$m" "$dir/why" || fail "master/$m keeps $(left_on "$m" | tr '\n' ' '), and nobody says so"
    done
}
pids() { for m in $masters; do live_pid "$m"; done | tr '\n' ' '; }

first() { sed -n "/^ *\"$1\": /{s/^[^:]*: //;s/,\$//;s/^\"\(.*\)\"\$/\1/p;q}" "$dir/runs.json"; } # of the newest run; null is empty
read_run() { # the newest one -> run, outcome; both empty where the journal has none since the last time
    aggmedic runs -o json >"$dir/runs.json" 2>&1 || fail "runs cannot be told"
    run=$(first run) outcome=
    [ "$run" != "$last_run" ] || { run=; return 0; }
    outcome=$(first outcome)
    { first why; first next; } >"$dir/why"
    aggmedic runs "$run" >"$dir/runs" 2>&1 || true
}
check_invariants() {
    local digest
    for m in $masters; do
        digest=$(file_digest "$m")
        [ "$digest" = "${old[$m]}" ] || [ "$digest" = "${new[$m]}" ] || fail "the file of master/$m is neither the old nor the new one"
    done
    read_run
    case $kind:$status:$outcome in
    revert-*:0:applied) fail "a revert says that it applied" ;;
    *:0:applied | *:4:rolled-back | *:5:refused | *:6:needs-person) ;;
    kill-*:137: | kill-after:137:applied) ;; # dead, the last of its writes perhaps kept
    no-*:[02456]:) ;;                        # the journal could not take it; 2: not even that it begins
    *) fail "apply ended with $status, and the journal says '$outcome'" ;;
    esac
    [ -z "$outcome" ] || told_states_are_true
    case $status in
    0)
        all_are is_new || fail "it is said to be applied, and is not"
        nothing_left
        aggmedic check demo >"$dir/runs" 2>&1 || fail "it is said to be applied, and check finds something"
        ;;
    4)
        all_are is_old || fail "it is said to be rolled back, and is not"
        ! published | grep -q demo || fail "it is said to be rolled back, and the name is published"
        ;;
    2 | 5) all_are "$untouched" && [ "$(pids)" = "$pids_before" ] || fail "it is said to be refused, and a master was touched" ;;
    esac
    ended="$status ${outcome:-without an outcome}"
}
# Whatever it was, one more run ends it: what a dead one left is taken up by whoever asks next, and told as truly.
completes() {
    local planned=yes
    disarm
    for m in $masters; do on "$m" 'sudo rm -f /var/vcap/data/filler'; done
    plan 'nothing to do' || planned=no
    if [ -z "$outcome" ] && [ -n "$run" ]; then
        read_run
        [ -n "$outcome" ] || fail "nobody took the run up"
        told_states_are_true
        ended="$ended, taken up: $outcome"
    fi
    if [ $planned = yes ]; then
        status=0
        aggmedic apply "$id" >"$dir/apply" 2>&1 || status=$?
        [ "$status" -eq 0 ] || fail "the next run ended with $status"
        all_are is_new || fail "the next run does not repair"
    elif ! grep -q 'nothing to do' "$dir/plan"; then
        fail "there is no way on"
    fi
    nothing_left
}

plan_revert() { # of a run that repaired, into id
    aggmedic apply "$id" >"$dir/apply" 2>&1 || fail "there is nothing to revert: apply ended with $?"
    aggmedic runs -o json >"$dir/runs.json"
    aggmedic revert "$(first run)" >"$dir/plan" 2>&1 || true # 1 is a plan
    id=$(plan_id)
    [ -n "$id" ] || fail "there is no plan of a revert"
}
one() { # kind and number are set; ends its subshell with 2 where the run did not meet the fault
    local began=$SECONDS
    broken_again
    plan || fail "there is no plan"
    untouched=is_old good_end=0
    case $kind in
    undo-*) good_end=4 ;;
    revert-*) untouched=is_new good_end=4 && plan_revert ;;
    esac
    pids_before=$(pids)
    aggmedic runs -o json >"$dir/runs.json"
    last_run=$(first run)
    apply_with_fault
    [ -e "$sweep/struck" ] || { [ "$status" -eq "$good_end" ] || fail "nothing was broken, and apply ended with $status"; exit 2; }
    what_was_struck=$(cat "$sweep/struck")
    check_invariants
    completes
    printf '%s %s: %s: %s, %s s\n' "$kind" "$number" "$what_was_struck" "$ended" $((SECONDS - began))
}

# --- the sweep ------------------------------------------------------------------------------------------------------

# A run that nothing happens to: the bytes before and after, how many exchanges there are, and how many transactions.
clean_run() {
    declare -gA old new
    kind=clean number=0 status=0
    plan || fail "there is no plan"
    for m in $masters; do old[$m]=$(file_digest "$m"); done
    arm 0 none
    clean_ms=$(date +%s%3N)
    if [ "$what" = kills ]; then aggmedic apply "$id" >"$dir/apply" 2>&1 || status=$?; else traced >"$dir/apply" 2>&1 || status=$?; fi
    clean_ms=$(($(date +%s%3N) - clean_ms))
    [ "$status" -eq 0 ] || fail "apply ended with $status"
    for m in $masters; do new[$m]=$(file_digest "$m"); done
    all_are is_new || fail "it does not repair"
    nothing_left
    [ "$what" != kills ] || return 0
    thread=$(awk '/fdatasync\(/ {++syncs[$1]} END {for (id in syncs) if (syncs[id] > most) {most = syncs[id]; found = id}; print found}' "$dir/trace")
    awk -v thread="$thread" '$1 == thread' "$dir/trace" >"$dir/clean"
    cp "$sweep/log" "$dir/exchanges"
}
nth() { awk -v verb="$1" -v wanted="$2" '$3 == verb && ++seen == wanted {print $1; exit}' "$dir/exchanges"; }

faults=0 broken=0
count_one() { # false: nothing was there to be broken
    local ended=0
    (one) || ended=$?
    [ "$ended" -ne 2 ] || return 1
    faults=$((faults + 1))
    [ "$ended" -eq 0 ] || broken=$((broken + 1))
}
# --- kills at random moments -----------------------------------------------------------------------------------------

up_or_down() { # of how many masters the apiserver does not answer
    local m down=0
    for m in $masters; do
        inside curl -fsSk -m 5 -o "$dir/readyz" -H "Authorization: Bearer $(cat "$dir/lab/pki/admin.token")" "https://10.77.0.$((11 + m)):8443/readyz" 2>"$dir/curl" || down=$((down + 1))
    done
    echo "$down"
}
killed() { # WITHIN_MS COMMAND...: killed at some moment of this time; false: it ended before
    local delay pid alarm first status=0
    delay=$(awk -v ms=$((RANDOM % $1)) 'BEGIN {print ms / 1000}')
    shift
    aggmedic "$@" >"$dir/apply" 2>&1 &
    pid=$!
    sleep "$delay" &
    alarm=$!
    wait -n -p first "$pid" "$alarm" || status=$?
    if [ "$first" = "$alarm" ]; then
        pkill -KILL -f "$build/daemon/cli/aggmedic .*--config $dir/lab/aggmedic.yml" || true
        wait "$pid" 2>/dev/null || status=$?
    else
        kill "$alarm"
    fi
    [ "$status" -eq 137 ]
}
one_life() { # a run that is killed, and whoever takes it up too, until one is let live
    local digest m
    broken_again
    plan || fail "there is no plan"
    aggmedic runs -o json >"$dir/runs.json"
    last_run=$(first run)
    set -- "$clean_ms" apply "$id"
    while killed "$@"; do
        kills=$((kills + 1)) number=$kills
        for m in $masters; do
            digest=$(file_digest "$m")
            [ "$digest" = "${old[$m]}" ] || [ "$digest" = "${new[$m]}" ] || fail "the file of master/$m is neither the old nor the new one"
        done
        [ "$(up_or_down)" -le 1 ] || fail "two masters are down"
        [ "$kills" -lt "$wanted" ] && [ $((RANDOM % 12)) -ne 0 ] || break
        set -- $((1 + RANDOM % (RANDOM % 2 ? clean_ms : 3000))) plan demo --accept-risk shared-ca # which takes up what a dead one left
    done
    kind=kills ended=
    read_run
    completes
}
random_kills() {
    local began=$SECONDS
    RANDOM=$seed
    while [ "$kills" -lt "$wanted" ]; do
        one_life
        lives=$((lives + 1))
        [ $((lives % 5)) -ne 0 ] || echo "kills: $kills, $lives runs, $((SECONDS - began)) s"
    done
    echo "sweep kills: $kills times killed in $lives runs on $count_of_masters masters, seed $seed, $((SECONDS - began)) s; no invariant broke"
}

raise_lab
clean_run
if [ "$what" = kills ]; then
    kills=0 lives=0 wanted=$3 seed=${5:-1}
    random_kills
    exit 0
fi
if [ "$what" = sample ]; then # a restart that nobody was told of, a daemon that dies behind one, a journal that can take no more
    set -- "$1" only "garbage:$(nth restart 2)" kill-before:14 no-room:20
fi
if [ "$2" = only ]; then
    shift 2
    for each; do
        kind=${each%:*} number=${each#*:}
        count_one || fail "nothing was broken"
    done
else
    kind=$what
    last=${4:-100000}
    case $kind in kill-* | no-*) [ "$last" -le "$(transactions)" ] || last=$(transactions) ;; esac
    for ((number = ${3:-1}; number <= last; number += ${5:-1})); do count_one || break; done
fi
echo "sweep $what: $faults faults injected, $broken broke an invariant, $SECONDS s"
[ "$broken" -eq 0 ]
