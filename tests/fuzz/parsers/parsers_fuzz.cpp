#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/parsers/claims.hpp"

// One program for all targets; AGGMEDIC_FUZZ_TARGET names the one.
namespace {

const aggmedic::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* wanted = std::getenv("AGGMEDIC_FUZZ_TARGET");
    for (const auto& each : aggmedic::fuzz::targets()) {
        if (wanted != nullptr && each.name == wanted) target = &each;
    }
    if (target != nullptr) return 0;
    std::fprintf(stderr, "AGGMEDIC_FUZZ_TARGET must be one of:");
    for (const auto& each : aggmedic::fuzz::targets())
        std::fprintf(stderr, " %.*s", static_cast<int>(each.name.size()), each.name.data());
    std::fprintf(stderr, "\n");
    std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto broken = target->broken_claim(bytes); !broken.empty()) {
        std::fprintf(stderr, "broken claim: %.*s\n", static_cast<int>(broken.size()), broken.data());
        std::abort();
    }
    return 0;
}
