#include "remediate/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/text.hpp"
#include "remediate/audit_log.hpp"

namespace aggmedic::remediate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* log_name = "0d4d6f3c-0000-4000-8000-000000000001";

AuditRecord asked(const std::string& action, const std::string& text = {}) {
    return {.at = TimePoint(std::chrono::milliseconds(1764000000000)),
            .uid = 1000,
            .user = "alice",
            .action = action,
            .cluster = "demo",
            .plan = "5e884898da28",
            .text = text};
}

struct Chain {
    std::vector<SealedRecord> records;
    std::vector<AuditHead> heads;  // after each
};
Chain chain(std::size_t length) {
    Chain made;
    AuditHead head{.log = log_name};
    for (std::size_t i = 0; i < length; ++i) {
        made.records.push_back(seal(asked("pause", std::to_string(i)), head));
        head = head_after(made.records.back(), head);
        made.heads.push_back(head);
    }
    return made;
}
std::vector<std::string> faults(const std::vector<SealedRecord>& records, const std::vector<AuditHead>& witnesses = {},
                                const std::vector<std::string>& known_logs = {}) {
    return verify_audit(log_name, records, witnesses, known_logs).faults;
}

TEST(Audit, AChainThatWasLeftAloneHolds) {
    const auto made = chain(5);
    const auto verdict = verify_audit(log_name, made.records, made.heads);
    EXPECT_THAT(verdict.faults, IsEmpty());
    EXPECT_EQ(verdict.head, made.heads.back());
    EXPECT_EQ(verdict.witnessed, 5U);
    EXPECT_THAT(faults({}), IsEmpty());
}

TEST(Audit, EveryChangedByteIsSeen) {
    const auto made = chain(3);
    for (std::size_t record = 0; record < made.records.size(); ++record) {
        for (std::size_t at = 0; at < made.records[record].line.size(); ++at) {
            auto changed = made.records;
            changed[record].line[at] = static_cast<char>(changed[record].line[at] ^ 1);
            EXPECT_THAT(faults(changed),
                        ElementsAre(HasSubstr("record " + std::to_string(record + 1) + " was changed")));
        }
    }
}

TEST(Audit, AChangeWithANewHashBreaksTheNextRecord) {
    auto made = chain(3);
    auto value = nlohmann::json::parse(made.records[1].line);
    value["user"] = "mallory";
    made.records[1].line = value.dump();
    made.records[1].hash = sha256_hex(made.records[1].line);
    EXPECT_THAT(faults(made.records), ElementsAre(HasSubstr("record 3 does not follow")));
}

TEST(Audit, TakenOutMovedRepeatedAndForeignRecordsAreSeen) {
    const auto made = chain(4);
    auto without = made.records;
    without.erase(without.begin() + 1);
    EXPECT_THAT(faults(without), ElementsAre(HasSubstr("record 3 stands where record 2 belongs")));
    auto moved = made.records;
    std::swap(moved[1], moved[2]);
    EXPECT_THAT(faults(moved), ElementsAre(HasSubstr("record 3 stands where record 2 belongs")));
    auto repeated = made.records;
    repeated.insert(repeated.begin() + 2, repeated[1]);
    EXPECT_THAT(faults(repeated), ElementsAre(HasSubstr("record 2 stands where record 3 belongs")));
    auto foreign = made.records;
    foreign.push_back(seal(asked("apply"), {.log = "another", .sequence = 4, .hash = made.heads.back().hash}));
    EXPECT_THAT(faults(foreign), ElementsAre(HasSubstr("record 5 is of another log")));
}

TEST(Audit, OnlyAWitnessTellsACutOffEnd) {
    const auto made = chain(4);
    auto cut = made.records;
    cut.resize(2);
    EXPECT_THAT(faults(cut), IsEmpty());
    EXPECT_THAT(faults(cut, {made.heads[3]}), ElementsAre(HasSubstr("ends with record 2, but record 4 was witnessed")));
    EXPECT_THAT(faults({}, {made.heads[0]}), ElementsAre(HasSubstr("ends with record 0")));
}

TEST(Audit, AWitnessTellsAChainThatWasMadeAnew) {
    const auto made = chain(3);
    AuditHead head{.log = log_name};
    std::vector<SealedRecord> anew;
    for (int i = 0; i < 3; ++i) {
        anew.push_back(seal(asked("resume"), head));
        head = head_after(anew.back(), head);
    }
    EXPECT_THAT(faults(anew), IsEmpty());
    EXPECT_THAT(faults(anew, {made.heads[1]}), ElementsAre(HasSubstr("record 2 is not the one that was witnessed")));
}

TEST(Audit, AWitnessTellsALogThatGaveWayToAnother) {
    const auto made = chain(2);
    std::vector<AuditHead> witnesses = made.heads;
    for (const auto sequence : {3, 7, 5}) witnesses.push_back({.log = "another", .sequence = sequence, .hash = "00"});
    const auto is_told = ElementsAre(
        AllOf(HasSubstr("3 heads of another log, another,"), HasSubstr("record 7"), HasSubstr("--former-log another")));
    EXPECT_THAT(faults(made.records, witnesses), is_told);
    EXPECT_THAT(faults({}, {witnesses.end() - 3, witnesses.end()}), is_told);
    EXPECT_THAT(faults(made.records, witnesses, {"a third", "another"}), IsEmpty());
    EXPECT_EQ(verify_audit(log_name, made.records, witnesses, std::vector<std::string>{"another"}).witnessed, 2U);
    // What it does not say of itself cannot be known.
    witnesses.push_back({.log = log_name, .sequence = 3, .hash = "00"});
    EXPECT_THAT(faults(made.records, witnesses, {"another", log_name}), ElementsAre(HasSubstr("record 3 was")));
}

TEST(Audit, ARecordComesBackAsItWas) {
    const auto sealed = seal(asked("apply", "INC-4711"), {.log = log_name});
    const auto read = read_audit(sealed.line);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, asked("apply", "INC-4711"));
    for (const auto* garbage : {"", "[]", "{}", "{\"at\":7}", "\xff"}) EXPECT_FALSE(read_audit(garbage)) << garbage;
}

TEST(Audit, NoTextReachesATerminalUnescaped) {
    const auto sealed = seal(asked("apply", "\x1b[2J\xff\n"), {.log = log_name});
    EXPECT_EQ(sealed.line.find('\x1b'), std::string::npos);
    EXPECT_THAT(faults({sealed}), IsEmpty());
}

class AuditLogTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "aggmedic-audit-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::unique_ptr<AuditLog> open() {
        auto log = AuditLog::open(folder_, log_name);
        EXPECT_TRUE(log) << log.error().detail;
        return std::move(*log);
    }
    std::filesystem::path folder_;
};

TEST_F(AuditLogTest, GoesOnAfterARestart) {
    ASSERT_TRUE(open()->append(asked("plan")));
    const auto head = open()->append(asked("apply"));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->sequence, 2);
    const auto records = open()->read(0, 10);
    ASSERT_TRUE(records);
    const auto verdict = verify_audit(log_name, *records, std::vector{*head});
    EXPECT_THAT(verdict.faults, IsEmpty());
    EXPECT_EQ(verdict.witnessed, 1U);
    EXPECT_EQ(open()->read(1, 10)->size(), 1U);
    EXPECT_EQ(open()->read(0, 1)->size(), 1U);
}

TEST_F(AuditLogTest, TwoProcessesMakeOneChain) {
    const auto write = [this] {
        const auto log = open();
        for (int i = 0; i < 50; ++i) EXPECT_TRUE(log->append(asked("pause")));
    };
    {
        std::jthread one(write);
        std::jthread other(write);
    }
    const auto records = open()->read(0, 1000);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->size(), 100U);
    EXPECT_THAT(faults(*records), IsEmpty());
}

TEST_F(AuditLogTest, TheFileIsItsOwnersAndOnlyGrows) {
    ASSERT_TRUE(open()->append(asked("plan")));
    const auto file = folder_ / "audit.db";
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
    const auto database = Database::open(file);
    ASSERT_TRUE(database);
    EXPECT_FALSE((*database)->execute("UPDATE audit SET line = ''"));
    EXPECT_FALSE((*database)->execute("DELETE FROM audit"));
    ASSERT_TRUE((*database)->execute("PRAGMA user_version=99"));
    EXPECT_FALSE(AuditLog::open(folder_, log_name));
}

}  // namespace
}  // namespace aggmedic::remediate
