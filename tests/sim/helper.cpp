#include <algorithm>

#include "net/text.hpp"
#include "tests/sim/cluster.hpp"

// What remediate/master_helper.sh does on a master, restated; the script itself has its tests beside it.
namespace aggmedic::sim {
namespace {

constexpr seconds lease{900};

VerbReply says(int status, const std::string& line) {
    return {.exit_status = status, .output = (status == 0 ? "ok " : "no ") + line + "\n", .error_output = {}};
}
std::int64_t token_of(const VerbCall& call) {
    return std::stoll(call.arguments.at(3));
}
Backup* backup_of(Master& master, const std::string& run) {
    const auto found = std::ranges::find(master.backups, run, &Backup::run);
    return found == master.backups.end() ? nullptr : &*found;
}

// A verb that comes when its run has gone on without it.
bool is_over(const std::optional<Over>& noted, const VerbCall& call) {
    return noted && noted->holder == call.arguments.at(1) && noted->run == call.arguments.at(2) &&
           token_of(call) <= noted->token;
}
Over over(const VerbCall& call) {
    return {.holder = call.arguments.at(1), .run = call.arguments.at(2), .token = token_of(call)};
}

}  // namespace

VerbReply Cluster::call_helper(Master& each, const VerbCall& call) {
    auto reply = call.verb == "lock"      ? verb_lock(each, call)
                 : call.verb == "unlock"  ? verb_unlock(each, call)
                 : call.verb == "restart" ? verb_restart(each, call)
                 : call.verb == "swap"    ? verb_swap(each, call)
                 : call.verb == "restore" ? verb_restore(each, call)
                                          : says(20, "grammar verb");
    if (told)
        tell(call.verb + " on " + each.name + " by " + call.arguments.at(2) + ": " +
             reply.output.substr(0, reply.output.find('\n')));
    return reply;
}

VerbReply Cluster::verb_lock(Master& each, const VerbCall& call) {
    const auto &holder = call.arguments.at(1), &run = call.arguments.at(2);
    if (!trusts_any_token && is_over(each.unlocked, call)) return says(24, "token");
    if (each.lock) {
        const bool live = each.lock->boot == each.boot_id() && each.lock->expiry > now();
        if (each.lock->holder == holder && each.lock->run == run) {
            if (each.lock->token > token_of(call)) return says(24, "token");
        } else if (live) {
            return says(24, "locked " + each.lock->holder + " " + each.lock->run);
        }
    }
    for (const auto& kept : each.backups) {
        if (kept.run != run) return says(24, "person " + kept.run);
    }
    each.lock =
        Lock{.holder = holder, .run = run, .token = token_of(call), .boot = each.boot_id(), .expiry = now() + lease};
    return says(0, "locked");
}

std::string Cluster::want_ours(Master& each, const VerbCall& call) {
    if (trusts_any_token) return {};
    if (!each.lock) return "lock-lost";
    if (each.lock->holder != call.arguments.at(1) || each.lock->run != call.arguments.at(2))
        return "locked " + each.lock->run;
    if (each.lock->token != token_of(call)) return "token";
    if (each.lock->boot != each.boot_id()) return "lock-lost";
    each.lock->expiry = now() + lease;
    return {};
}

VerbReply Cluster::verb_swap(Master& each, const VerbCall& call) {
    const auto &before = call.arguments.at(5), &after = call.arguments.at(6), &run = call.arguments.at(2);
    if (auto not_ours = want_ours(each, call); !not_ours.empty()) return says(24, not_ours);
    if (!trusts_any_token && is_over(each.undone, call)) return says(24, "token");
    const auto* kept = backup_of(each, run);
    if (each.file->sha256 == after && kept != nullptr && kept->version->sha256 == before) return says(0, "already");
    if (each.file->sha256 != before) return says(25, "changed");
    if (now() < each.disk_full_until) return says(26, "disk-full");
    const auto* version = find_version(call.input);
    if (version == nullptr || version->sha256 != after) {
        if (broken && version == nullptr && sha256_hex(call.input) == after)
            broken("a file of neither the old nor the new bytes is written");
        return says(26, "input");
    }
    if (broken && each.file->edited != version->edited) broken("another operator's edit is overwritten");
    std::erase_if(each.backups, [&](const Backup& old) { return old.run == run; });
    each.backups.push_back({.run = run, .version = each.file});
    each.file = version;
    return says(0, "swapped");
}

VerbReply Cluster::verb_restore(Master& each, const VerbCall& call) {
    const auto &before = call.arguments.at(5), &after = call.arguments.at(6), &run = call.arguments.at(2);
    if (auto not_ours = want_ours(each, call); !not_ours.empty()) return says(24, not_ours);
    each.undone = over(call);
    if (each.file->sha256 == before) return says(0, "already");
    if (each.file->sha256 != after) return says(25, "changed");
    const auto* kept = backup_of(each, run);
    if (kept == nullptr || kept->version->sha256 != before) return says(25, "no-backup");
    if (broken && each.file->edited != kept->version->edited) broken("another operator's edit is overwritten");
    each.file = kept->version;
    std::erase_if(each.backups, [&](const Backup& old) { return old.run == run; });
    return says(0, "restored");
}

VerbReply Cluster::verb_unlock(Master& each, const VerbCall& call) {
    const auto &holder = call.arguments.at(1), &run = call.arguments.at(2);
    if (each.lock) {
        if (each.lock->holder != holder || each.lock->run != run) return says(24, "locked");
        if (each.lock->token > token_of(call)) return says(24, "token");
    }
    if (backup_of(each, run) != nullptr) {
        if (each.file->sha256 != call.arguments.at(5)) return says(25, "changed");
        std::erase_if(each.backups, [&](const Backup& old) { return old.run == run; });
    }
    each.unlocked = over(call);
    each.lock.reset();
    return says(0, "unlocked");
}

VerbReply Cluster::verb_restart(Master& each, const VerbCall& call) {
    if (auto not_ours = want_ours(each, call); !not_ours.empty()) return says(24, not_ours);
    if (call.arguments.at(6) == "0") {
        if (each.process) return says(0, "already");
    } else {
        const bool same = each.process && std::to_string(each.process->pid) == call.arguments.at(6) &&
                          std::to_string(each.process->start_ticks) == call.arguments.at(7);
        if (!same) return says(0, "already");
    }
    if (!trusts_any_token && each.file->sha256 != call.arguments.at(5)) return says(25, "changed");
    const auto reply = each.monit.request(model::MonitAction::restart);
    wake_monit(each, Ms(500));
    if (reply.exit_code != 0) return says(0, "pending");
    each.down_by_us = true;
    return says(0, "asked");
}

}  // namespace aggmedic::sim
