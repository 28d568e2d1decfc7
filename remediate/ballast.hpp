#pragma once

#include <cstdint>
#include <filesystem>

#include "net/result.hpp"

namespace aggmedic::remediate {

// Room on the state directory's disk that nobody else can take: a file which is given up when the journal of a run
// finds the disk full. It covers what a run writes from then on; no run begins before it is whole again.
class Ballast {
  public:
    static constexpr std::int64_t bytes = std::int64_t{16} * 1024 * 1024;

    explicit Ballast(const std::filesystem::path& state_dir) : file_(state_dir / "ballast") {}
    // Makes it, unless it is there. Errors: io_failed, a sentence with the file and what to do.
    Result<void> hold() const;
    // Gives it up. False: there was none.
    bool release() const;

  private:
    std::filesystem::path file_;
};

}  // namespace aggmedic::remediate
