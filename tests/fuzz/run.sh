#!/usr/bin/env bash
# Runs every fuzz target for so many seconds (default 60), from the fixtures on; stops at the first finding.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=build/fuzz
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-19 -DAGGMEDIC_FUZZ=ON >/dev/null
for platform in bosh kubeadm systemd; do
    target=edit_${platform}_fuzz
    fixtures=tests/fixtures/$platform
    [ "$platform" = bosh ] && fixtures=tests/fixtures/bpm
    cmake --build "$build" --target "$target" >&2
    mkdir -p "$build/corpus/$platform"
    "$build/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$build/$target-" "$build/corpus/$platform" "$fixtures"
done
