#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/cli/progress_view.hpp"

namespace aggmedic::cli {

// Progress on stderr. Without a terminal only a run writes lines: nobody wants a cron mail that says "observing".
class ProgressDisplay {
  public:
    ProgressDisplay(ProgressView view, bool is_shown, bool ticks)
        : view_(std::move(view)), is_shown_(is_shown), ticks_(ticks) {}

    void feed(const nlohmann::json& progress);
    void tick();
    void clear();
    // A sentence of our own, in the place of the picture.
    void say(const std::string& sentence);

    bool ticks() const { return ticks_; }  // whether tick() wants to be called each second
    const std::string& run() const { return view_.run(); }

  private:
    ProgressView view_;
    bool is_shown_;
    bool ticks_;
};

}  // namespace aggmedic::cli
