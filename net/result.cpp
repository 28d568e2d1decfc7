#include "net/result.hpp"

#include <array>
#include <utility>

namespace aggmedic {
namespace {

constexpr std::array names = {
    std::pair{Errc::invalid_argument, std::string_view("invalid_argument")},
    std::pair{Errc::resolve_failed, std::string_view("resolve_failed")},
    std::pair{Errc::connect_failed, std::string_view("connect_failed")},
    std::pair{Errc::tls_failed, std::string_view("tls_failed")},
    std::pair{Errc::write_failed, std::string_view("write_failed")},
    std::pair{Errc::read_failed, std::string_view("read_failed")},
    std::pair{Errc::timeout, std::string_view("timeout")},
    std::pair{Errc::cancelled, std::string_view("cancelled")},
    std::pair{Errc::too_large, std::string_view("too_large")},
    std::pair{Errc::malformed_reply, std::string_view("malformed_reply")},
    std::pair{Errc::host_key_mismatch, std::string_view("host_key_mismatch")},
    std::pair{Errc::auth_failed, std::string_view("auth_failed")},
    std::pair{Errc::worker_lost, std::string_view("worker_lost")},
    std::pair{Errc::command_failed, std::string_view("command_failed")},
    std::pair{Errc::io_failed, std::string_view("io_failed")},
    std::pair{Errc::refused, std::string_view("refused")},
};

class ErrorCategory : public std::error_category {
  public:
    const char* name() const noexcept override { return "aggmedic"; }
    std::string message(int value) const override { return std::string(aggmedic::name(static_cast<Errc>(value))); }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const ErrorCategory category;
    return category;
}

std::string_view name(Errc code) noexcept {
    for (const auto& [value, text] : names) {
        if (value == code) return text;
    }
    return "unknown";
}

std::optional<Errc> errc_from_name(std::string_view text) noexcept {
    for (const auto& [value, known] : names) {
        if (known == text) return value;
    }
    return std::nullopt;
}

}  // namespace aggmedic
