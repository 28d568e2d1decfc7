#include "tests/lab/extension/reviews.hpp"

#include <thread>

namespace aggmedic::lab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kept_for = std::chrono::seconds(10);           // DelegatingAuthorizationOptions: AllowCacheTTL
constexpr auto request_takes = std::chrono::milliseconds(3);  // one request over loopback and back, with its own RBAC

}  // namespace

bool Reviews::is_new(const std::string& question) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    std::erase_if(answered_, [&](const auto& entry) { return now - entry.second > kept_for; });
    return answered_.emplace(question, now).second;
}

void Reviews::ask(const model::Identity& who, const model::Attributes& what) {
    if (who.in("system:masters")) return;
    const auto question = who.user + '\n' + what.verb + '\n' + what.path;
    if (is_new(question)) std::this_thread::sleep_for(request_takes);
}

}  // namespace aggmedic::lab
