#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/edit_claims.hpp"
#include "tests/fuzz/source_files.hpp"

// AGGMEDIC_FUZZ_PLATFORM names the editor. Several files come as one text, see split_source_files.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto& platform = *aggmedic::probes::find_platform(AGGMEDIC_FUZZ_PLATFORM);
    const auto files = aggmedic::fuzz::split_source_files(bytes, platform.main_file);
    if (const auto broken = aggmedic::fuzz::broken_edit_claim(platform.name, files); !broken.empty()) {
        std::fprintf(stderr, "broken claim: %.*s\n", static_cast<int>(broken.size()), broken.data());
        std::abort();
    }
    return 0;
}
