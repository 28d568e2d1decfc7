#include "daemon/cli/progress_display.hpp"

#include <unistd.h>

#include "daemon/cli/output.hpp"

namespace aggmedic::cli {
namespace {

// A terminal that went away is no reason to stop: what is written is for people only.
void write_to_people(const std::string& text) {
    if (!text.empty()) static_cast<void>(write_all(STDERR_FILENO, text));
}

}  // namespace

void ProgressDisplay::feed(const nlohmann::json& progress) {
    const auto text = view_.feed(progress, std::chrono::steady_clock::now());
    if (is_shown_) write_to_people(text);
}

void ProgressDisplay::tick() {
    write_to_people(view_.tick(std::chrono::steady_clock::now()));
}

void ProgressDisplay::clear() {
    write_to_people(view_.clear());
}

void ProgressDisplay::say(const std::string& sentence) {
    clear();
    write_to_people(sentence);
}

}  // namespace aggmedic::cli
