#!/usr/bin/env bash
# What watching costs: RSS and CPU of the release daemon over a minute at a 30 s interval with three masters, and the resident
# memory of blackbox_exporter beside it. usage: idle.sh BUILD_DIR [SECONDS]
set -euo pipefail
build=$(readlink -f "$1") seconds=${2:-120}
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-bench.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; "$build/tests/lab/lab" down --dir "$dir/lab" >/dev/null 2>&1; rm -rf "$dir"' EXIT
"$build/tests/lab/lab" up --dir "$dir/lab" --masters 3 >/dev/null
sed -E 's/interval: [^,}]+/interval: 30s/' "$dir/lab/aggmedic.yml" >"$dir/lab/bench.yml"
"$build/tests/lab/lab" exec --dir "$dir/lab" -- "$build/daemon/aggmedicd" --config "$dir/lab/bench.yml" >"$dir/log" 2>&1 &
until "$build/tests/lab/lab" exec --dir "$dir/lab" -- curl -fsS http://127.0.0.1:10797/-/ready >/dev/null 2>&1; do sleep 0.3; done
pid=$(pgrep -f "aggmedicd --config $dir" | head -n 1)
# The daemon and its reading worker, which is only there while it reads: utime, stime and those of ended children in ticks.
processes() { echo "$pid $(pgrep -P "$pid" | tr '\n' ' ')"; }
ticks() { for p in $(processes); do sed 's/.*) //' "/proc/$p/stat" | cut -d' ' -f12-15; done | awk '{s += $1 + $2 + $3 + $4} END {print s}'; }
before=$(ticks)
sleep "$seconds"
after=$(ticks)
printf 'machine: %s cores, %s MiB\n' "$(nproc)" "$(awk '/MemTotal/{print int($2/1024)}' /proc/meminfo)"
for p in $(processes); do
    printf 'aggmedicd pid %s (%s): RSS %s KiB\n' "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline" | sed 's/.*aggmedicd/aggmedicd/')" "$(awk '/VmRSS/{print $2}' "/proc/$p/status")"
done
awk -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" -v s="$seconds" 'BEGIN {printf "CPU: %.2f %% of one core over %d s\n", 100 * t / hz / s, s}'
if command -v prometheus-blackbox-exporter >/dev/null; then
    "$build/tests/lab/lab" exec --dir "$dir/lab" -- prometheus-blackbox-exporter --web.listen-address=127.0.0.1:9115 >/dev/null 2>&1 &
    until "$build/tests/lab/lab" exec --dir "$dir/lab" -- curl -fsS http://127.0.0.1:9115/metrics >/dev/null 2>&1; do sleep 0.3; done
    printf 'blackbox_exporter: RSS %s KiB\n' "$(awk '/VmRSS/{print $2}' "/proc/$(pgrep -f web.listen-address=127.0.0.1:9115 | head -n 1)/status")"
fi
