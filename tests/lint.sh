#!/usr/bin/env bash
# clang-format and clang-tidy over every source of the project; the first argument `fix` formats in place.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t sources < <(git ls-files '*.cpp' '*.hpp')
if [ "${1:-}" = fix ]; then
    clang-format-19 -i "${sources[@]}"
    exit
fi
clang-format-19 --dry-run --Werror "${sources[@]}"
cmake --preset dev >/dev/null
git ls-files 'net/*.cpp' 'probes/*.cpp' 'remediate/*.cpp' 'bosh/*.cpp' 'daemon/*.cpp' |
    xargs -P "$(nproc)" -n 4 clang-tidy-19 -p build/dev --quiet
