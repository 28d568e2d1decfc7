#include "daemon/cli/progress_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/cli/fields.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t masters_drawn_max = 12;  // fits on any terminal; the ones at work come last

std::int64_t seconds_between(ProgressView::Time from, ProgressView::Time to) {
    return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

// Cut to `width` columns, so that a line never breaks and can be taken back.
std::string cut(std::string text, std::size_t width) {
    if (columns(text) <= width) return text;
    std::size_t used = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && ++used > width) break;
        ++at;
    }
    text.resize(at);
    return text;
}

bool has_ended(std::string_view state) {
    return state == "ok" || state == "failed" || state == "unknown";
}

std::string with_colon(const std::string& text) {
    return text.empty() ? text : ": " + text;
}

}  // namespace

ProgressView::Master& ProgressView::master(const std::string& name, Time now) {
    const auto shown = name.empty() ? std::string("cluster") : name;
    const auto found = std::ranges::find(masters_, shown, &Master::name);
    if (found != masters_.end()) return *found;
    return masters_.emplace_back(Master{.name = shown, .since = now});
}

std::string ProgressView::feed(const nlohmann::json& progress, Time now) {
    if (auto run = text_of(progress, "run"); !run.empty()) run_ = std::move(run);
    if (const auto left = number_of(progress, "left")) {
        left_ = std::chrono::seconds(std::clamp<std::int64_t>(*left, 0, 1'000'000));
        left_at_ = now;
    }
    const auto state = text_of(progress, "state");
    const auto step = text_of(progress, "step");
    const auto text = text_of(progress, "text", 300);
    std::string kept;
    if (step.empty() || state == "note" || state == "finished") {
        note_ = text;
        if (state == "note") {  // how it finished is the result's to say
            const auto master_name = text_of(progress, "master");
            kept = (master_name.empty() ? "" : master_name + ": ") + text + "\n";
        }
    } else {
        auto& at = master(text_of(progress, "master"), now);
        const auto took = at.step == step ? seconds_between(at.since, now) : 0;
        if (state == "started") at.since = now;
        if (state == "ok") ++at.steps_done;
        at.step = step;
        at.state = state;
        at.text = text;
        if (has_ended(state) && (!redraw_ || state != "ok")) {
            const auto tone = state == "ok" ? Tone::good : Tone::bad;
            kept = fmt::format("{}  {} {} ({}){}\n", at.name, step, tinted(style_, tone, state), seconds_text(took),
                               with_colon(text));
        }
    }
    if (!redraw_) return kept == "\n" ? std::string() : kept;
    return clear() + (kept == "\n" ? std::string() : kept) + picture(now);
}

std::string ProgressView::tick(Time now) {
    return redraw_ ? clear() + picture(now) : std::string();
}

std::string ProgressView::clear() {
    if (drawn_lines_ == 0) return {};
    const auto text = fmt::format("\r\x1b[{}A\x1b[J", drawn_lines_);
    drawn_lines_ = 0;
    return text;
}

std::string ProgressView::line_of(const Master& master, Time now, std::size_t widest) const {
    std::string line = "  " + master.name + std::string(widest - columns(master.name) + 2, ' ');
    if (master.state == "started") {
        line += fmt::format("{}... {}{}", master.step, seconds_text(seconds_between(master.since, now)),
                            with_colon(master.text));
    } else if (master.state == "failed" || master.state == "unknown") {
        line += master.step + " " + master.state + with_colon(master.text);
    } else {
        line += fmt::format("{} done, last {}", counted(master.steps_done, "step", "steps"), master.step);
    }
    return cut(std::move(line), style_.width - 1) + "\n";
}

std::string ProgressView::last_line(Time now) const {
    std::string line = note_;
    if (left_) {
        const auto left = std::max<std::int64_t>(left_->count() - seconds_between(left_at_, now), 0);
        line = left > 0              ? "about " + seconds_text(left) + " left"
               : left_->count() == 0 ? "nearly done"
                                     : "longer than estimated";
    }
    if (!footer_.empty()) line += (line.empty() ? "" : "; ") + footer_;
    return cut("  " + line, style_.width - 1) + "\n";
}

std::string ProgressView::picture(Time now) {
    std::size_t widest = 0;
    for (const auto& one : masters_) widest = std::max(widest, columns(one.name));
    const std::size_t skipped = masters_.size() > masters_drawn_max ? masters_.size() - masters_drawn_max : 0;
    std::string text;
    for (std::size_t index = skipped; index < masters_.size(); ++index) {
        text += line_of(masters_[index], now, widest);
        ++drawn_lines_;
    }
    if (note_.empty() && !left_ && masters_.empty()) return text;
    ++drawn_lines_;
    return text + last_line(now);
}

}  // namespace aggmedic::cli
