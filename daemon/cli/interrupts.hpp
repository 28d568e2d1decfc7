#pragma once

#include <optional>

namespace aggmedic::cli {

// SIGINT, SIGTERM and SIGHUP as something to wait for, for as long as this lives: while a run is watched they mean
// "detach" (or "abort" in-process), not "die". One at a time in a process.
class Interrupts {
  public:
    Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

    int descriptor() const { return descriptor_; }  // readable once a signal came
    std::optional<int> take();                      // the signal, each once

  private:
    int descriptor_ = -1;
};

}  // namespace aggmedic::cli
