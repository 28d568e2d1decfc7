#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace aggmedic::sim {

using Ms = std::chrono::milliseconds;
using std::chrono::seconds;

// Virtual time: what is going to happen, in order. Time passes only when somebody waits.
class Agenda {
  public:
    Ms now() const { return now_; }
    void at(Ms when, std::function<void()> what) {
        due_.push_back({std::max(when, now_), ++count_, std::move(what)});
        std::ranges::push_heap(due_, later);
    }
    void in(Ms delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    void pass(Ms duration) {
        const Ms until = now_ + duration;
        while (!due_.empty() && due_.front().when <= until) {
            std::ranges::pop_heap(due_, later);
            auto next = std::move(due_.back());
            due_.pop_back();
            now_ = next.when;
            next.what();
        }
        now_ = until;
    }

  private:
    struct Due {
        Ms when;
        std::uint64_t order;  // of two at one time the one that was planned first
        std::function<void()> what;
    };
    static bool later(const Due& a, const Due& b) { return std::pair(a.when, a.order) > std::pair(b.when, b.order); }

    Ms now_{0};
    std::uint64_t count_ = 0;
    std::vector<Due> due_;
};

}  // namespace aggmedic::sim
