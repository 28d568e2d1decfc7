#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/style.hpp"

namespace aggmedic::cli {

// The live picture of a run: one line a master, below it the estimate of the time left. Pure: it is fed progress and a
// clock, and says what to write. With `redraw` off it writes one line for each step that ended.
class ProgressView {
  public:
    using Time = std::chrono::steady_clock::time_point;

    ProgressView(Style style, bool redraw, std::string footer)
        : style_(style), redraw_(redraw), footer_(std::move(footer)) {}

    // What to write for one progress message.
    std::string feed(const nlohmann::json& progress, Time now);
    // The picture again, with newer seconds; empty where nothing is redrawn.
    std::string tick(Time now);
    // Takes the picture away, so that the result stands where it was.
    std::string clear();

    // The run, once a message has named it.
    const std::string& run() const { return run_; }

  private:
    struct Master {
        std::string name{}, step{}, state{}, text{};
        std::size_t steps_done = 0;
        Time since{};
    };

    Master& master(const std::string& name, Time now);
    std::string picture(Time now);
    std::string line_of(const Master& master, Time now, std::size_t widest) const;
    std::string last_line(Time now) const;

    Style style_;
    bool redraw_;
    std::string footer_;
    std::string run_, note_;
    std::vector<Master> masters_;
    std::optional<std::chrono::seconds> left_;
    Time left_at_{};
    std::size_t drawn_lines_ = 0;
};

}  // namespace aggmedic::cli
