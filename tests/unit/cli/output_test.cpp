#include "daemon/cli/output.hpp"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/cli/yaml.hpp"
#include "fixture.hpp"

namespace aggmedic::cli {
namespace {

// A YAML reader's view of a document as JSON; strings only where the node was quoted or is no other scalar.
nlohmann::json read_back(const YAML::Node& node) {
    if (node.IsMap()) {
        auto object = nlohmann::json::object();
        for (const auto& entry : node) object[entry.first.as<std::string>()] = read_back(entry.second);
        return object;
    }
    if (node.IsSequence()) {
        auto array = nlohmann::json::array();
        for (const auto& element : node) array.push_back(read_back(element));
        return array;
    }
    if (node.Tag() == "!" || node.IsNull()) return node.IsNull() ? nlohmann::json() : nlohmann::json(node.Scalar());
    const auto scalar = nlohmann::json::parse(node.Scalar(), nullptr, false);
    return scalar.is_discarded() ? nlohmann::json(node.Scalar()) : scalar;
}

TEST(Yaml, SaysTheSameAsTheJson) {
    for (const auto* file : {"check-cn-not-allowed.json", "check-fleet.json", "plan-shared-ca.json",
                             "plan-refused.json", "apply-needs-person.json", "status.json", "runs.json"}) {
        const auto document = json_fixture(file);
        EXPECT_EQ(read_back(YAML::Load(to_yaml(document))), document) << file;
    }
}

TEST(Yaml, QuotesWhatAReaderWouldTakeForSomethingElse) {
    for (const auto* text : {"",   "true", "No",   "null",       "~",     "1",      "0x10",       "1e3",  "012",
                             "-",  "a: b", "a #b", "2026-11-23", " lead", "trail ", "line\nfeed", "!tag", "&a",
                             "*a", "%x",   "@x",   "`x",         "[a]",   "{a}",    ".inf",       "a\tb", "y"}) {
        const auto yaml = to_yaml({{"key", text}});
        const auto node = YAML::Load(yaml)["key"];
        EXPECT_EQ(node.Scalar(), text) << yaml;
        EXPECT_EQ(node.Tag(), "!") << yaml << " is not quoted";
    }
}

TEST(Yaml, WritesEmptyListsObjectsAndScalars) {
    const nlohmann::json document = {{"list", nlohmann::json::array()},
                                     {"map", nlohmann::json::object()},
                                     {"no", nullptr},
                                     {"yes", true},
                                     {"n", -3}};
    EXPECT_EQ(to_yaml(document), "list: []\nmap: {}\n\"n\": -3\n\"no\": null\n\"yes\": true\n");
    EXPECT_EQ(read_back(YAML::Load(to_yaml(document))), document);
}

TEST(Formatted, PrintsNothingWhereThereIsNoResult) {
    for (const auto format : {Format::table, Format::json, Format::yaml}) EXPECT_EQ(formatted(format, nullptr, {}), "");
}

TEST(Formatted, JsonIsTheResultItselfInAscii) {
    const auto document = json_fixture("check-cn-not-allowed.json");
    const auto text = formatted(Format::json, document, {});
    EXPECT_EQ(nlohmann::json::parse(text), document);
    EXPECT_EQ(formatted(Format::json, "\xc3\xbc\xff", {}), "\"\\u00fc\\ufffd\"\n");
}

}  // namespace
}  // namespace aggmedic::cli
