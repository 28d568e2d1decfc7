#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/edit_bpm_claims.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto broken = aggmedic::fuzz::broken_edit_claim(bytes); !broken.empty()) {
        std::fprintf(stderr, "broken claim: %.*s\n", static_cast<int>(broken.size()), broken.data());
        std::abort();
    }
    return 0;
}
