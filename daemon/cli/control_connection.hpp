#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "net/result.hpp"

namespace aggmedic::cli {

// The client's end of the daemon's control socket: a line out, then lines in. Plain blocking POSIX, so that an
// operator's `status` starts in a millisecond.
class ControlConnection {
  public:
    // Errors: connect_failed (nobody there, or not allowed; the detail says which), timeout, invalid_argument (a path
    // that no Unix socket can have).
    static Result<ControlConnection> open(const std::string& path, std::chrono::milliseconds timeout);

    ControlConnection(ControlConnection&& other) noexcept;
    ControlConnection& operator=(ControlConnection&&) = delete;
    ~ControlConnection();

    // Sends `line` and a line feed. Errors: write_failed.
    Result<void> send_line(std::string_view line);

    struct Line {
        std::string text;
    };
    struct Closed {};   // the daemon ended the conversation
    struct Woken {};    // `wake` became readable
    struct Elapsed {};  // `limit` passed
    using Event = std::variant<Line, Closed, Woken, Elapsed>;

    // Waits for the next line, for `wake` (a file descriptor; -1: none) or for `limit`. Errors: read_failed, too_large
    // (a line above line_bytes_max).
    Result<Event> next(int wake, std::chrono::milliseconds limit);

    static constexpr std::size_t line_bytes_max = 64UL << 20;

  private:
    explicit ControlConnection(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
    std::string received_;
    std::size_t scanned_ = 0;
};

}  // namespace aggmedic::cli
