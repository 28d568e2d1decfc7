#pragma once

#include <cstdint>

namespace aggmedic::sim {

// Random numbers by counter: the n-th number of a seed is a pure function of both (SplitMix64), so that a history
// depends on nothing but its seed.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : seed_(mixed(seed)) {}

    std::uint64_t next() { return mixed(seed_ + 0x9e3779b97f4a7c15ULL * ++count_); }
    int between(int least, int most) {  // both included
        return least + static_cast<int>(next() % static_cast<std::uint64_t>(most - least + 1));
    }
    bool happens(int percent) { return between(0, 99) < percent; }

  private:
    static std::uint64_t mixed(std::uint64_t value) {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
        return value ^ (value >> 31);
    }
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

}  // namespace aggmedic::sim
