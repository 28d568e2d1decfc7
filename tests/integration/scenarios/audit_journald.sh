#!/usr/bin/env bash
# The audit log against a real system journal: each way to change what was recorded is found by `aggmedic audit verify`.
# usage: audit_journald.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
if [ -z "${AGGMEDIC_OWN_MOUNTS:-}" ]; then
    [ -x /lib/systemd/systemd-journald ] || { echo "audit: systemd is not installed: NOT tested"; exit 77; }
    command -v sqlite3 >/dev/null || { echo "audit: sqlite3 is not installed: NOT tested"; exit 77; }
    AGGMEDIC_OWN_MOUNTS=1 exec unshare --mount --propagation private -- "$0" "$build"
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-audit.XXXXXX")
journald=
leave() {
    local status=$?
    trap - EXIT
    [ -z "$journald" ] || { kill "$journald" && wait "$journald"; } 2>/dev/null || true
    [ "$status" -eq 0 ] || { echo "audit: FAILED"; for file in "$dir"/out "$dir"/err "$dir"/journald.log; do [ ! -e "$file" ] || { echo "--- ${file##*/}"; tail -n 40 "$file"; }; done; }
    rm -rf "$dir"
    exit "$status"
}
trap leave EXIT
fail() { echo "audit: $*"; exit 1; }
until_so() { local end=$((SECONDS + 30)); until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || fail "'$*' did not come true in time"; sleep 0.1; done; }

# A journald of this test's own: its sockets and files are seen in these mounts alone.
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
tr -d - </proc/sys/kernel/random/uuid >/run/machine-id
[ -e /etc/machine-id ] || fail "there is no /etc/machine-id to put another one over"
mount --bind /run/machine-id /etc/machine-id
start_journald() {
    /lib/systemd/systemd-journald >"$dir/journald.log" 2>&1 &
    journald=$!
    until_so test -S /run/systemd/journal/socket
    until_so journalctl --quiet --lines=1
}

state=$dir/state
printf 'not-a-real-token\n' >"$dir/demo.token" && chmod 600 "$dir/demo.token"
cat >"$dir/aggmedic.yml" <<CONFIG
listen: 127.0.0.1:10797
control_socket: $dir/control.sock
state_dir: $state
clusters:
  - name: demo
    server: https://127.0.0.1:1
    credentials: {probe: {token_file: demo.token}}
CONFIG
aggmedic() { "$build/daemon/cli/aggmedic" "$@" --standalone --config "$dir/aggmedic.yml"; }
act() { aggmedic pause demo --reason "$1" >/dev/null && aggmedic resume demo >/dev/null; }
sql() { sqlite3 "$state/audit.db" "$@"; }
count() { sql 'SELECT count(*) FROM audit'; }
unlocked() { sql "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_cut; $1"; } # as an attacker would
# verify STATUS WORDS [ARGUMENT...]
verify() {
    local wanted=$1 words=$2 status=0
    shift 2
    aggmedic audit verify "$@" >"$dir/out" 2>"$dir/err" || status=$?
    [ "$status" -eq "$wanted" ] || fail "verify ended with $status, not $wanted ($words)"
    grep -qE -- "$words" "$dir/out" || fail "verify does not say '$words'"
}
keep() { rm -rf "$dir/kept" && cp -a "$state" "$dir/kept"; }
put_back() { rm -rf "$state" && cp -a "${1:-$dir/kept}" "$state"; }
# Every record from NUMBER on sealed anew, as somebody would who knows how.
seal_again() {
    local number=$1 total previous line hash
    total=$(count)
    previous=$(sql "SELECT hash FROM audit WHERE sequence = $((number - 1))")
    for ((; number <= total; ++number)); do
        line=$(sql "SELECT line FROM audit WHERE sequence = $number" | sed "s/\"previous\":\"[0-9a-f]*\"/\"previous\":\"$previous\"/")
        hash=$(printf %s "$line" | sha256sum | cut -d ' ' -f 1)
        unlocked "UPDATE audit SET line = '$line', hash = '$hash' WHERE sequence = $number"
        previous=$hash
    done
}

# Without a journal the chain is whole, and the end of it is said to be unknown.
act first
verify 3 'a cut-off end cannot be told'
head=$(sed -n 's/.*the head is \([0-9]*:[0-9a-f]*\).*/\1/p' "$dir/out")
[ -n "$head" ] || fail "there is no head to keep"
verify 0 'nothing was cut off or put back' --head "$head"

start_journald
act second
act third
total=$(count)
[ "$total" -eq 6 ] || fail "$total records, not 6"
until_so eval '[ "$(journalctl -q -o cat SYSLOG_IDENTIFIER=aggmedic-audit | wc -l)" -eq 4 ]'
verify 0 '4 heads kept elsewhere when new agree'
keep

# Nobody else's word counts: any user may send such fields, the journal itself says who did.
log=$(sed -n 's/^Log \([^,]*\),.*/\1/p' "$dir/out")
chmod 0711 "$dir"
for of in "$log" another; do
    printf 'MESSAGE=a lie of %s\nSYSLOG_IDENTIFIER=aggmedic-audit\nAGGMEDIC_AUDIT_LOG=%s\nAGGMEDIC_AUDIT_SEQUENCE=99\nAGGMEDIC_AUDIT_HASH=%064d\n' "$of" "$of" 0 |
        setpriv --reuid 65534 --regid 65534 --clear-groups logger --journald
done
until_so eval 'journalctl -q -o cat _UID=65534 | grep -q "a lie of another"'
verify 0 '4 heads kept elsewhere when new agree'

# truncation
unlocked 'DELETE FROM audit WHERE sequence > 4'
verify 1 'the log ends with record 4, but record 6 was witnessed'
kill "$journald" && wait "$journald" 2>/dev/null || true
journald=
mv /run/log/journal /run/log/journal.away
verify 3 'a cut-off end cannot be told' # the same log without a witness: only the journal can tell
unlocked 'DELETE FROM audit WHERE sequence > 1'
verify 1 'record 2 was witnessed' --head "$head"
mv /run/log/journal.away /run/log/journal
start_journald
put_back
verify 0 'nothing was cut off'

# edit: of a line, of a line and its hash, and of the whole chain from there on
unlocked "UPDATE audit SET line = replace(line, 'second', 'harmless') WHERE sequence = 3"
verify 1 'record 3 was changed'
line=$(sql 'SELECT line FROM audit WHERE sequence = 3')
unlocked "UPDATE audit SET hash = '$(printf %s "$line" | sha256sum | cut -d ' ' -f 1)' WHERE sequence = 3"
verify 1 'record 4 does not follow the one before it'
seal_again 3
verify 1 'record 3 is not the one that was witnessed when it was new'
put_back

# reordering
unlocked 'UPDATE audit SET sequence = 99 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 99'
verify 1 'record 4 stands where record 3 belongs'
put_back

# replay: a record again at the end, and an older copy of the whole log
unlocked "INSERT INTO audit SELECT 7, line, hash FROM audit WHERE sequence = 5"
verify 1 'record 5 stands where record 7 belongs: one was taken out, moved or repeated'
put_back
act fourth
until_so eval '[ "$(journalctl -q -o cat SYSLOG_IDENTIFIER=aggmedic-audit _UID=0 | wc -l)" -eq 6 ]'
verify 0 '6 heads kept elsewhere'
put_back
verify 1 'record 8 was witnessed: the end was cut off, or an older copy was put back'
# and an older copy that has grown since
act another
verify 1 'record [78] is not the one that was witnessed'
put_back

# another log in its place: the old one's file and name changed, then no state directory at all
unlocked 'DELETE FROM audit'
sqlite3 "$state/journal.db" "UPDATE identity SET holder = '0d4d6f3c-0000-4000-8000-000000000001'"
verify 1 "heads of another log, $log, up to record 8, were witnessed"
act fifth
until_so eval '[ "$(journalctl -q -o cat AGGMEDIC_AUDIT_LOG=0d4d6f3c-0000-4000-8000-000000000001 | wc -l)" -eq 2 ]'
verify 1 "heads of another log, $log, up to record 8, were witnessed"
verify 0 '2 heads kept elsewhere when new agree' --former-log "$log"
rm -rf "$state"
verify 1 "heads of another log, $log, up to record 8, were witnessed"
verify 1 'heads of another log, 0d4d6f3c-0000-4000-8000-000000000001, up to record 2' --former-log "$log"
verify 3 'whether anything ever was recorded' --former-log "$log" --former-log 0d4d6f3c-0000-4000-8000-000000000001
echo "audit: every change was found"
