#include "tests/sim/schedule.hpp"

#include <array>

namespace aggmedic::sim {
namespace {

constexpr std::array troubles{"none",    "lost", "reply-lost",    "garbage",
                              "refused", "late", "killed-before", "killed-after"};
constexpr std::array events{
    "cut",   "reboot",         "master-disk-full", "jumpbox-disk-full", "operator-restarts", "operator-edits",
    "crash", "writes-blocked", "backend-down",     "balancer-bad",      "second-daemon",     "etcd-member-lost",
    "stop",  "abort"};
static_assert(events.size() == static_cast<std::size_t>(Event::count));

ClusterKind draw_kind(Dice& dice) {
    constexpr std::array sizes{1, 3, 3, 3, 5};
    ClusterKind kind;
    kind.masters = sizes.at(static_cast<std::size_t>(dice.between(0, 4)));
    kind.minor = dice.happens(80) ? 20 : 16;
    kind.extension = static_cast<model::ExtensionKind>(dice.between(0, 2));
    kind.shared_ca = dice.happens(50);
    kind.after_repair = dice.happens(50);
    return kind;
}

Temper draw_temper(Dice& dice) {
    Temper temper;
    temper.stop_time = dice.happens(10) ? Ms(dice.between(25000, 70000)) : Ms(dice.between(500, 15000));
    temper.start_delay = Ms(dice.between(100, 5000));
    temper.slower_by = dice.happens(10) ? Ms(dice.between(60000, 200000)) : Ms(dice.between(0, 15000));
    temper.new_is_never_ready = dice.happens(4);
    temper.new_never_starts = dice.happens(4);
    return temper;
}

}  // namespace

std::string_view name(Trouble trouble) {
    return troubles.at(static_cast<std::size_t>(trouble));
}
std::string_view name(Event event) {
    return events.at(static_cast<std::size_t>(event));
}

Schedule draw_schedule(Dice& dice) {
    Schedule made;
    made.kind = draw_kind(dice);
    made.canary_only = made.kind.minor >= 17 && dice.happens(10);
    for (int at = 0; at < made.kind.masters; ++at) made.tempers.push_back(draw_temper(dice));
    // A run that goes well writes twice for each step; one that is undone stops earlier.
    const int writes = 2 * (12 * made.kind.masters + 3);
    const auto moment = [&] { return dice.happens(50) ? dice.between(0, writes) : dice.between(0, 40); };
    for (int left = dice.between(0, 3); left > 0; --left) {
        made.exchanges.push_back(
            {.write = moment(),
             .offset = dice.happens(70) ? dice.between(0, 3) : dice.between(0, 40),
             .trouble = static_cast<Trouble>(dice.between(1, 7)),
             .delay = Ms(dice.happens(50) ? dice.between(1000, 90000) : dice.between(1000, 1200000))});
    }
    for (int left = dice.between(0, 3); left > 0; --left) {
        made.timed.push_back({.write = moment(),
                              .delay = Ms(dice.between(0, dice.happens(50) ? 2000 : 40000)),
                              .event = static_cast<Event>(dice.between(0, static_cast<int>(Event::count) - 1)),
                              .master = dice.between(0, made.kind.masters - 1),
                              .lasts = Ms(dice.happens(50) ? dice.between(1000, 30000) : dice.between(1000, 400000)),
                              .hand = dice.happens(50) ? Hand::comment : Hand::flag});
    }
    int last = 0;
    for (int left = dice.between(0, 2); left > 0; --left) {
        last = last > 0 && dice.happens(60) ? last + dice.between(1, 12) : moment();
        made.kills[last] = {.committed = dice.happens(50)};
    }
    for (int at = 0; at < 4; ++at)
        made.downtimes.push_back(Ms(dice.happens(60) ? dice.between(500, 60000) : dice.between(60000, 1500000)));
    return made;
}

std::vector<std::string> describe(const Schedule& schedule) {
    const auto& kind = schedule.kind;
    constexpr std::array extensions{"reads once", "reads once, trusts the client CA", "reloads"};
    std::vector<std::string> lines{
        std::to_string(kind.masters) + " masters of 1." + std::to_string(kind.minor) + "; the extension server " +
        extensions.at(static_cast<std::size_t>(kind.extension)) + (kind.shared_ca ? "; one CA" : "; two CAs") +
        (kind.after_repair ? "; its pods may be restarted" : "") + (schedule.canary_only ? "; canary only" : "")};
    for (std::size_t at = 0; at < schedule.tempers.size(); ++at) {
        const auto& temper = schedule.tempers[at];
        lines.push_back("m" + std::to_string(at) + " stops within " + std::to_string(temper.stop_time.count()) +
                        " ms, is slower by " + std::to_string(temper.slower_by.count()) + " ms" +
                        (temper.new_is_never_ready ? ", is never ready with the new arguments" : "") +
                        (temper.new_never_starts ? ", never starts with the new arguments" : ""));
    }
    for (const auto& each : schedule.exchanges) {
        lines.push_back("write " + std::to_string(each.write) + ", exchange " + std::to_string(each.offset) + ": " +
                        std::string(name(each.trouble)) +
                        (each.trouble == Trouble::late ? " by " + std::to_string(each.delay.count()) + " ms" : ""));
    }
    for (const auto& each : schedule.timed) {
        lines.push_back("write " + std::to_string(each.write) + " and " + std::to_string(each.delay.count()) +
                        " ms: " + std::string(name(each.event)) + " at m" + std::to_string(each.master) + " for " +
                        std::to_string(each.lasts.count()) + " ms");
    }
    for (const auto& [write, kill] : schedule.kills) {
        lines.push_back("write " + std::to_string(write) + ": SIGKILL " + (kill.committed ? "after" : "before") +
                        " it is on the disk");
    }
    return lines;
}

}  // namespace aggmedic::sim
