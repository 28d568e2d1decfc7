#include <gtest/gtest.h>

#include <array>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/output.hpp"
#include "daemon/cli/progress_view.hpp"
#include "daemon/cli/render.hpp"
#include "fixture.hpp"

namespace aggmedic::cli {
namespace {

// Everything that reaches a terminal is printable ASCII, line feeds, or text of other scripts; never a control.
bool is_harmless(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 && byte != '\n') return false;
        if (byte == 0x7F) return false;
        const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
        if (byte == 0xC2 && next >= 0x80 && next < 0xA0) return false;  // C1
        if (text.substr(at).starts_with("\xE2\x80\xAE") || text.substr(at).starts_with("\xE2\x81\xA6")) return false;
    }
    return true;
}

using Render = std::string (*)(const nlohmann::json&, const View&);
constexpr std::array<Render, 8> renderings = {render_check, render_explain, render_preflight, render_plan,
                                              render_apply, render_runs,    render_status,    render_paused};

TEST(HostileText, ReachesNoTerminalRaw) {
    for (const auto* file : {"check-hostile.json", "plan-hostile.json"}) {
        const auto result = json_fixture(file);
        for (const auto render : renderings) EXPECT_TRUE(is_harmless(render(result, {}))) << file;
        EXPECT_TRUE(is_harmless(formatted(Format::json, result, {}))) << file;
        EXPECT_TRUE(is_harmless(formatted(Format::yaml, result, {}))) << file;
    }
}

// Every text of a well-formed result, and every key's value, replaced by a terminal escape.
nlohmann::json poisoned(nlohmann::json value) {
    if (value.is_string()) return "\x1b[2J\x9b\xc2\x9b\r\n\xe2\x80\xae\x7f";
    for (auto& element : value) {
        if (value.is_structured()) element = poisoned(element);
    }
    return value;
}

TEST(HostileText, IsEscapedInEveryFieldOfEveryResult) {
    for (const auto* file : {"check-cn-not-allowed.json", "check-fleet.json", "plan-shared-ca.json",
                             "plan-refused.json", "apply-applied.json", "apply-needs-person.json", "apply-refused.json",
                             "status.json", "runs.json", "run.json", "preflight.json"}) {
        const auto result = poisoned(json_fixture(file));
        for (const auto render : renderings) EXPECT_TRUE(is_harmless(render(result, {}))) << file;
        EXPECT_TRUE(is_harmless(formatted(Format::json, result, {}))) << file;
        EXPECT_TRUE(is_harmless(formatted(Format::yaml, result, {}))) << file;
    }
}

// Any value of any type at any place is drawn, or left out; never a crash.
nlohmann::json with_other_types(const nlohmann::json& value, int turn) {
    const std::array<nlohmann::json, 6> others = {
        nullptr, 7, -1.5e300, true, nlohmann::json::array({1, nullptr}), nlohmann::json{{"a", "b"}}};
    if (!value.is_structured()) return others[static_cast<std::size_t>(turn) % others.size()];
    auto changed = value;
    int place = turn;
    for (auto& element : changed) element = with_other_types(element, ++place);
    return changed;
}

TEST(WrongTypes, AreDrawnAsNothing) {
    for (const auto* file : {"check-cn-not-allowed.json", "plan-shared-ca.json", "apply-applied.json", "status.json",
                             "runs.json", "run.json", "preflight.json"}) {
        for (int turn = 0; turn < 6; ++turn) {
            const auto result = with_other_types(json_fixture(file), turn);
            for (const auto render : renderings) EXPECT_TRUE(is_harmless(render(result, {})));
        }
    }
    for (const auto render : renderings) EXPECT_FALSE(render(nullptr, {}).empty());
}

TEST(HostileText, IsEscapedInProgress) {
    ProgressView view({}, false, {});
    const auto text = view.feed(
        {{"run", "\x1b[2J"}, {"master", "\x1b]0;x\x07"}, {"step", "\x1b"}, {"state", "failed"}, {"text", "\x1b[1A\r"}},
        {});
    EXPECT_TRUE(is_harmless(text));
    EXPECT_TRUE(is_harmless(view.run()));
}

TEST(TypedWord, QuotesWhatAShellWouldRead) {
    EXPECT_EQ(typed_word("service-instance_1"), "service-instance_1");
    EXPECT_EQ(typed_word("a b"), "'a b'");
    EXPECT_EQ(typed_word("$(reboot)"), "'$(reboot)'");
    EXPECT_EQ(typed_word("it's"), "'it'\\''s'");
    EXPECT_EQ(typed_word(""), "''");
}

}  // namespace
}  // namespace aggmedic::cli
