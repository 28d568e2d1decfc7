#!/usr/bin/env bash
# Runs the fuzz targets of the readers for so many seconds each (default 60), from their corpora on; stops at the first finding.
# usage: run.sh [SECONDS [TARGET...]]
set -euo pipefail
cd "$(dirname "$0")/../../.."
seconds=${1:-60}
shift || true
build=build/fuzz-parsers
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold -DAGGMEDIC_FUZZ=ON \
    -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" -DCMAKE_CXX_FLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" >/dev/null
cmake --build "$build" --target parsers_fuzz >&2
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
[ $# -gt 0 ] || set -- look cmdline monit certificates plan observation history replay config kubeconfig
for target; do
    case $target in
    certificates) fixtures=tests/fixtures/certificates ;;
    plan) fixtures=tests/fixtures/plans ;;
    *) fixtures= ;;
    esac
    mkdir -p "$build/corpus/$target"
    printf '==> %s, %s s\n' "$target" "$seconds" >&2
    AGGMEDIC_FUZZ_TARGET=$target "$build/tests/fuzz/parsers/parsers_fuzz" -max_total_time="$seconds" -timeout=10 -max_len=32768 \
        -print_final_stats=1 -artifact_prefix="$build/$target-" "$build/corpus/$target" "tests/fuzz/parsers/corpus/$target" ${fixtures:+"$fixtures"}
done
