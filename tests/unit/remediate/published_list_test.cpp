#include "remediate/published_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

namespace aggmedic::remediate {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Holds = NameHolder::Holds;
using Names = std::vector<std::string>;

constexpr const char* cn = "demo.pks.ik.am";

PublishedList list_of(const Names& names, std::string marked = {}) {
    return {.resource_version = "17", .names_text = json(names).dump(), .added_text = std::move(marked)};
}
ListWish adding(std::string name = cn) {
    return {.change = Change::add, .name = std::move(name)};
}
ListWish withdrawing(Holds second = Holds::nothing) {
    return {.change = Change::withdraw,
            .name = cn,
            .added_by_us = true,
            .holders = {{.master = "m0", .holds = Holds::nothing, .why = {}},
                        {.master = "m1", .holds = second, .why = "no route"}},
            .master_count = 2};
}
// What the apiserver makes of a merge PATCH (RFC 7396).
PublishedList patched(const PublishedList& list, const std::string& patch) {
    json object{{"kind", "ConfigMap"},
                {"metadata", {{"name", "extension-apiserver-authentication"}, {"annotations", json::object()}}},
                {"data", {{"requestheader-allowed-names", *list.names_text}, {"client-ca-file", "PEM"}}}};
    if (!list.added_text.empty()) object["metadata"]["annotations"][added_annotation] = list.added_text;
    object.merge_patch(json::parse(patch));
    EXPECT_EQ(object["data"]["client-ca-file"], "PEM");
    return *read_published_list(object.dump());
}

TEST(PublishedList, IsReadFromTheConfigMap) {
    const auto read = read_published_list(
        R"({"kind":"ConfigMap","metadata":{"name":"extension-apiserver-authentication","resourceVersion":"9",)"
        R"("annotations":{"aggmedic/added":"a.b"}},"data":{"requestheader-allowed-names":"[\"aggregator\"]"}})");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, (PublishedList{.resource_version = "9", .names_text = "[\"aggregator\"]", .added_text = "a.b"}));
    EXPECT_TRUE(is_marked_as_added(*read, "a.b"));
    EXPECT_FALSE(is_marked_as_added(*read, "a"));
}

TEST(PublishedList, IsNotReadFromAnythingElse) {
    for (const char* text :
         {"", "[]", "{}", R"({"kind":"Status"})", R"({"kind":"ConfigMap","metadata":[]})",
          R"({"kind":"ConfigMap","metadata":{"name":"other","resourceVersion":"9"}})",
          R"({"kind":"ConfigMap","metadata":{"name":"extension-apiserver-authentication"}})",
          R"({"kind":"ConfigMap","metadata":{"name":"extension-apiserver-authentication","resourceVersion":9}})"})
        EXPECT_FALSE(read_published_list(text)) << text;
}

TEST(EditPublishedList, AddsOneNameBoundToTheVersionAndMarksIt) {
    const auto edit = edit_published_list(list_of({"aggregator", "b"}), adding());
    ASSERT_EQ(edit.answer, ListAnswer::changed) << edit.reason;
    EXPECT_EQ(json::parse(edit.patch),
              json::parse(R"({"metadata":{"resourceVersion":"17","annotations":{"aggmedic/added":"demo.pks.ik.am"}},)"
                          R"("data":{"requestheader-allowed-names":"[\"aggregator\",\"b\",\"demo.pks.ik.am\"]"}})"));
    EXPECT_THAT(edit.names_after, ElementsAre("aggregator", "b", cn));
}

TEST(EditPublishedList, KeepsTheMarksOfOtherNames) {
    const auto edit = edit_published_list(list_of({"aggregator", "x.y"}, "x.y"), adding());
    EXPECT_EQ(json::parse(edit.patch)["metadata"]["annotations"]["aggmedic/added"], "x.y,demo.pks.ik.am");
}

TEST(EditPublishedList, TakesItsNameAndItsMarkBack) {
    const auto edit = edit_published_list(list_of({"a", cn, "b"}, cn), withdrawing());
    ASSERT_EQ(edit.answer, ListAnswer::changed) << edit.reason;
    EXPECT_THAT(edit.names_after, ElementsAre("a", "b"));
    EXPECT_TRUE(json::parse(edit.patch)["metadata"]["annotations"]["aggmedic/added"].is_null());
    EXPECT_EQ(json::parse(edit.patch)["metadata"]["resourceVersion"], "17");
}

struct Row {
    const char* what;
    PublishedList list;
    ListWish wish;
    ListAnswer answer;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.what; }
};
class EditPublishedListTable : public testing::TestWithParam<Row> {};

TEST_P(EditPublishedListTable, Answers) {
    const auto& row = GetParam();
    const auto edit = edit_published_list(row.list, row.wish);
    EXPECT_EQ(name(edit.answer), name(row.answer)) << edit.reason;
    EXPECT_FALSE(edit.reason.empty());
    EXPECT_EQ(edit.patch.empty(), row.answer != ListAnswer::changed);
}

ListWish with(ListWish wish, const std::function<void(ListWish&)>& change) {
    change(wish);
    return wish;
}
PublishedList stored(std::optional<std::string> text) {
    return {.resource_version = "17", .names_text = std::move(text), .added_text = {}};
}

INSTANTIATE_TEST_SUITE_P(
    Rules, EditPublishedListTable,
    testing::Values(
        Row{"AddTwice", list_of({"a", cn}), adding(), ListAnswer::already_right},
        Row{"AddToNoKey", stored({}), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToNoJson", stored("a,b"), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToAnEmptyText", stored(""), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToAnObject", stored("{}"), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToANumber", stored("[\"a\",1]"), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToNull", stored("null"), adding(), ListAnswer::refused_not_a_list},
        Row{"AddToAnEmptyList", list_of({}), adding(), ListAnswer::refused_open_list},
        Row{"AddAReservedName", list_of({"a"}), adding("system:masters"), ListAnswer::refused_name},
        Row{"AddAnEmptyName", list_of({"a"}), adding(""), ListAnswer::refused_name},
        Row{"AddACommaName", list_of({"a"}), adding("a,b"), ListAnswer::refused_name},
        Row{"WithdrawWhatIsGone", list_of({"a"}), withdrawing(), ListAnswer::already_right},
        Row{"WithdrawWhatIsGoneThoughUnreachable", list_of({"a"}), withdrawing(Holds::not_known),
            ListAnswer::already_right},
        Row{"WithdrawFromNoList", stored("x"), withdrawing(), ListAnswer::refused_not_a_list},
        Row{"WithdrawWhatWasThere", list_of({"a", cn}),
            with(withdrawing(), [](ListWish& wish) { wish.added_by_us = false; }), ListAnswer::refused_not_ours},
        Row{"WithdrawWhatIsThereTwice", list_of({"a", cn, cn}), withdrawing(), ListAnswer::refused_not_ours},
        Row{"WithdrawWhatLostItsMark", list_of({"a", cn}),
            with(withdrawing(), [](ListWish& wish) { wish.needs_mark = true; }), ListAnswer::refused_not_ours},
        Row{"WithdrawWhatKeptItsMark", list_of({"a", cn}, cn),
            with(withdrawing(), [](ListWish& wish) { wish.needs_mark = true; }), ListAnswer::changed},
        Row{"WithdrawWhatAFileHolds", list_of({"a", cn}), withdrawing(Holds::in_file), ListAnswer::refused_held},
        Row{"WithdrawWhatAProcessHolds", list_of({"a", cn}), withdrawing(Holds::in_process), ListAnswer::refused_held},
        Row{"WithdrawWithOneUnreachable", list_of({"a", cn}), withdrawing(Holds::not_known),
            ListAnswer::refused_not_known},
        Row{"WithdrawWithOneLeftOut", list_of({"a", cn}),
            with(withdrawing(), [](ListWish& wish) { wish.master_count = 3; }), ListAnswer::refused_not_known},
        Row{"WithdrawWithNobodyAsked", list_of({"a", cn}),
            with(withdrawing(),
                 [](ListWish& wish) {
                     wish.holders.clear();
                     wish.master_count = 0;
                 }),
            ListAnswer::refused_not_known},
        Row{"WithdrawTheLastOne", list_of({cn}), withdrawing(), ListAnswer::refused_would_empty}),
    [](const auto& info) { return info.param.what; });

TEST(EditPublishedList, SaysWhichMasterIsInTheWay) {
    EXPECT_THAT(edit_published_list(list_of({"a", cn}), withdrawing(Holds::not_known)).reason,
                HasSubstr("m1 cannot be looked at (no route)"));
    EXPECT_THAT(edit_published_list(list_of({"a", cn}), withdrawing(Holds::in_process)).reason,
                HasSubstr("of m1 runs"));
}

// Whatever is published: nothing foreign is lost or moved, the list never becomes empty, adding and withdrawing is as
// if nothing had been, and doing either again changes nothing.
TEST(EditPublishedListProperty, ChangesOneElementAndNothingElse) {
    std::mt19937 random(20261123);
    const Names words{"aggregator", "", " ", "system:auth-proxy", "a,b", "\"quoted\"",
                      "\xc3\xa9",   cn, "*", "front-proxy-client"};
    for (int round = 0; round < 5000; ++round) {
        Names names;
        for (auto left = random() % 5; left > 0; --left) names.push_back(words[random() % words.size()]);
        const auto before = list_of(names, random() % 2 == 0 ? "" : "other.name");
        const bool had = std::ranges::find(names, cn) != names.end();
        const auto added = edit_published_list(before, adding());
        if (names.empty() || had) {
            EXPECT_NE(added.answer, ListAnswer::changed);
            continue;
        }
        ASSERT_EQ(added.answer, ListAnswer::changed);
        const auto after = patched(before, added.patch);
        auto expected = names;
        expected.push_back(cn);
        ASSERT_EQ(names_of(after), expected);
        EXPECT_EQ(added.names_after, expected);
        EXPECT_EQ(edit_published_list(after, adding()).answer, ListAnswer::already_right);
        auto wish = withdrawing();
        wish.needs_mark = true;
        const auto withdrawn = edit_published_list(after, wish);
        ASSERT_EQ(withdrawn.answer, ListAnswer::changed);
        const auto again = patched(after, withdrawn.patch);
        ASSERT_EQ(names_of(again), names);
        EXPECT_EQ(again.added_text, before.added_text);
        EXPECT_FALSE(names_of(again)->empty());
        EXPECT_EQ(edit_published_list(again, wish).answer, ListAnswer::already_right);
    }
}

}  // namespace
}  // namespace aggmedic::remediate
