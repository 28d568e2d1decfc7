#include "net/text.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <memory>

namespace aggmedic {
namespace {

using namespace std::string_literals;

struct Case {
    std::string in;
    std::string out;
};

TEST(Printable, ShowsWhatCannotBeSeen) {
    const std::vector<Case> cases = {
        {"", ""},
        {"plain text, ümlaut, 漢字, 😀", "plain text, ümlaut, 漢字, 😀"},
        {"a\nb\t\x1b[31m\x7f", "a\\x0ab\\x09\\x1b[31m\\x7f"},
        {"nul\0byte"s, "nul\\x00byte"},
        {"c1 \xc2\x9b", "c1 \\u{009b}"},
        {"bidi \xe2\x80\xae\xe2\x81\xa6", "bidi \\u{202e}\\u{2066}"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"cut \xe6\xbc", "cut \\xe6\\xbc"},
        {"overlong \xc0\xaf", "overlong \\xc0\\xaf"},
        {"overlong \xe0\x80\xaf", "overlong \\xe0\\x80\\xaf"},
        {"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
        {"beyond \xf4\x90\x80\x80", "beyond \\xf4\\x90\\x80\\x80"},
        {"lone \x80", "lone \\x80"},
    };
    for (const auto& [in, out] : cases) EXPECT_EQ(printable(in), out);
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("a漢字", 5), "a漢...");
    EXPECT_EQ(printable("\x1b\x1b", 1), "\\x1b...");
}

TEST(ShellQuote, MakesOneWord) {
    EXPECT_EQ(shell_quote(""), "''");
    EXPECT_EQ(shell_quote("a b"), "'a b'");
    EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quote("$(reboot) `x` \"\\ \n"), "'$(reboot) `x` \"\\ \n'");
}

// The real shell is the judge: what it hands to printf must be the word, byte for byte.
TEST(ShellQuote, IsUndoneByTheShell) {
    std::string every_byte;
    for (int byte = 1; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    for (const std::string& word : {every_byte, "'"s, "''"s, "'; rm -rf / #"s, "a\n\nb\n"s, "-n"s, "%s"s, ""s}) {
        const auto command = "printf '%s.' " + shell_quote(word);
        const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
        std::string out;
        for (int byte = std::fgetc(pipe.get()); byte != EOF; byte = std::fgetc(pipe.get()))
            out += static_cast<char>(byte);
        EXPECT_EQ(out, word + ".");
    }
}

TEST(Base64, KeepsToRfc4648) {
    const std::vector<Case> cases = {{"", ""},
                                     {"f", "Zg=="},
                                     {"fo", "Zm8="},
                                     {"foo", "Zm9v"},
                                     {"foob", "Zm9vYg=="},
                                     {"fooba", "Zm9vYmE="},
                                     {"foobar", "Zm9vYmFy"},
                                     {"\xff\xfe\xfb", "//77"}};
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(base64_encode(bytes), text);
        std::string decoded;
        EXPECT_TRUE(base64_decode(text, decoded)) << text;
        EXPECT_EQ(decoded, bytes);
    }
    std::string decoded;
    EXPECT_TRUE(base64_decode("Zm9v\nYmFy\n", decoded));
    EXPECT_EQ(decoded, "foobar");
}

TEST(Base64, RefusesEverythingElse) {
    for (const std::string text :
         {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "=", "Zg==Zg==", "Zm9 v", "Zm9v-_", "Zh==", "Zm9=", "Zg==\r"}) {
        std::string decoded = "untouched";
        EXPECT_FALSE(base64_decode(text, decoded)) << text;
        EXPECT_EQ(decoded, "untouched");
    }
}

TEST(Sha256, IsTheStandards) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Split, KeepsEmptyParts) {
    EXPECT_THAT(split("a,,b,", ','), testing::ElementsAre("a", "", "b", ""));
    EXPECT_THAT(split("", ','), testing::ElementsAre(""));
}

}  // namespace
}  // namespace aggmedic
