#pragma once

#include <string>
#include <utility>
#include <variant>

#include "net/result.hpp"

namespace aggmedic::probes {

// Why something could not be observed. `reason` is an Errc name, or one of: `not-asked` (nothing to ask with),
// `forbidden`, `not-found`, `status` (an unexpected HTTP status).
struct Unobserved {
    std::string reason = "not-asked";
    std::string detail;
    bool operator==(const Unobserved&) const = default;
};

template <class T>
class Seen {
  public:
    Seen() = default;                                 // not-asked
    Seen(T value) : state_(std::move(value)) {}       // NOLINT(google-explicit-constructor): a value is seen
    Seen(Unobserved why) : state_(std::move(why)) {}  // NOLINT(google-explicit-constructor): likewise
    explicit operator bool() const { return std::holds_alternative<T>(state_); }
    const T& operator*() const { return std::get<T>(state_); }
    T& operator*() { return std::get<T>(state_); }
    const T* operator->() const { return &std::get<T>(state_); }
    T* operator->() { return &std::get<T>(state_); }
    const Unobserved& why() const { return std::get<Unobserved>(state_); }
    bool operator==(const Seen&) const = default;

  private:
    std::variant<Unobserved, T> state_;
};

Unobserved unobserved(const Error& error);

}  // namespace aggmedic::probes
