#!/usr/bin/env bash
# The shipped unit under a real systemd: the daemon and its SSH workers do their work inside of both sandboxes, the unit's and
# their own. The machine is a copy-on-write view of this one in systemd-nspawn, without a network. usage: shipped_unit.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
source=$(readlink -f "$(dirname "$0")/../../..")
if [ -z "${AGGMEDIC_OWN_MOUNTS:-}" ]; then
    for program in systemd-nspawn sshd ssh-keygen; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "shipped-unit: $program is not installed: NOT tested"; exit 77; }
    done
    AGGMEDIC_OWN_MOUNTS=1 exec unshare --mount --propagation private -- "$0" "$build"
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-unit.XXXXXX")
leave() {
    local status=$?
    trap - EXIT
    [ "$status" -eq 0 ] || for file in "$dir"/over/root/result "$dir"/nspawn.log; do [ ! -e "$file" ] || { echo "--- ${file##*/}"; tail -n 60 "$file"; }; done
    umount "$dir/over/root" "$dir/over" 2>/dev/null || umount -l "$dir/over" 2>/dev/null || true
    rm -rf "$dir"
    exit "$status"
}
trap leave EXIT
fail() { echo "shipped-unit: $*"; exit 1; }

mkdir "$dir/over"
mount -t tmpfs tmpfs "$dir/over"
mkdir "$dir/over/upper" "$dir/over/work" "$dir/over/root"
root=$dir/over/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/over/upper,workdir=$dir/over/work" "$root" ||
    { echo "shipped-unit: no overlay over / here: NOT tested"; exit 77; }

# aggmedic as its packages would put it there, and a master that is this machine's own sshd.
install -m 0755 "$build/daemon/aggmedicd" "$root/usr/bin/aggmedicd"
install -m 0755 "$build/daemon/cli/aggmedic" "$root/usr/bin/aggmedic"
sed -E 's|/[^ ]*/bin/aggmedicd|/usr/bin/aggmedicd|g' "$build/systemd/aggmedicd.service" >"$root/etc/systemd/system/aggmedicd.service"
# At its end LeakSanitizer traces the process, which the unit forbids; a build without it does not read this.
mkdir "$root/etc/systemd/system/aggmedicd.service.d"
printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' >"$root/etc/systemd/system/aggmedicd.service.d/test.conf"
systemd-sysusers --root="$root" - <"$source/systemd/aggmedic.sysusers"
mkdir -p "$root/etc/aggmedic" "$root/etc/test-sshd"
ssh-keygen -q -N '' -t ed25519 -f "$root/etc/aggmedic/demo.key"
ssh-keygen -q -N '' -t ed25519 -f "$root/etc/test-sshd/host"
cp "$root/etc/aggmedic/demo.key.pub" "$root/etc/test-sshd/authorized"
echo "[127.0.0.1]:2299 $(cut -d ' ' -f 1,2 "$root/etc/test-sshd/host.pub")" >"$root/etc/aggmedic/known_hosts"
echo not-a-real-token >"$root/etc/aggmedic/demo.token"
cat >"$root/etc/aggmedic/aggmedic.yml" <<'CONFIG'
listen: 127.0.0.1:10797
probe: {interval: 2s, timeout: 1s, attempts: 1, master_interval: 5s}
clusters:
  - name: demo
    server: https://127.0.0.1:1
    credentials: {probe: {token_file: demo.token}}
    platform: bosh
    masters: [{name: master/0, address: 127.0.0.1, ssh_port: 2299}]
    ssh: {user: root, private_key_file: demo.key, known_hosts_file: known_hosts}
CONFIG
chroot "$root" chgrp -R aggmedic /etc/aggmedic
chmod 0750 "$root/etc/aggmedic"
chmod 0640 "$root"/etc/aggmedic/*
cat >"$root/etc/systemd/system/test-sshd.service" <<'UNIT'
[Service]
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e -f /dev/null -o Port=2299 -o ListenAddress=127.0.0.1 -o HostKey=/etc/test-sshd/host -o AuthorizedKeysFile=/etc/test-sshd/authorized -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no -o PidFile=none
UNIT
cat >"$root/etc/systemd/system/test.service" <<'UNIT'
[Unit]
Wants=test-sshd.service
After=test-sshd.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
StandardOutput=file:/result
StandardError=inherit
ExecStart=/bin/bash /test.sh
ExecStopPost=/bin/systemctl --no-block poweroff
UNIT
cat >"$root/etc/systemd/system/test.target" <<'UNIT'
[Unit]
Requires=basic.target
After=basic.target
Wants=test.service
UNIT
cat >"$root/test.sh" <<'TEST'
systemctl start aggmedicd && echo "unit started"
timeout 60 aggmedic preflight demo
echo "preflight $?"
grep -h -E '^(Seccomp|NoNewPrivs|CapEff)' "/proc/$(systemctl show --value -p MainPID aggmedicd)/status"
systemctl stop aggmedicd && echo "unit stopped: $(systemctl show --value -p Result aggmedicd)"
journalctl -u aggmedicd --no-pager -o cat
TEST
# nspawn's own filter knows no Landlock.
timeout 240 systemd-nspawn --quiet --register=no --keep-unit --private-network --boot --directory "$root" \
    --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' systemd.unit=test.target \
    </dev/null >"$dir/nspawn.log" 2>&1 || fail "the machine did not end as it should"
result=$root/result
says() { grep -qE -- "$1" "$result" || fail "the machine does not say '$1'"; }
says '^unit started'
says '^preflight 1'
says 'Its kube-apiserver process was not found' # only the look over SSH can tell
says '^unit stopped: success'
says '^Seccomp:.*2'
says '^NoNewPrivs:.*1'
says '^CapEff:.*0000000000000000'
! grep -qE 'its cage|Landlock|worker' "$result" || fail "a worker was not well, or had no Landlock"
echo "shipped-unit: the daemon and its worker did their work"
