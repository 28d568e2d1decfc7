#include "net/result.hpp"

#include <gtest/gtest.h>

namespace aggmedic {
namespace {

TEST(Errc, HasANameForEveryCode) {
    for (int value = static_cast<int>(Errc::invalid_argument); value <= static_cast<int>(Errc::refused); ++value) {
        const auto code = static_cast<Errc>(value);
        EXPECT_NE(name(code), "unknown") << value;
        EXPECT_EQ(errc_from_name(name(code)), code);
        EXPECT_EQ(make_error_code(code).message(), name(code));
    }
    EXPECT_EQ(name(static_cast<Errc>(99)), "unknown");
    EXPECT_EQ(errc_from_name("unknown"), std::nullopt);
}

}  // namespace
}  // namespace aggmedic
