#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "remediate/edit.hpp"

namespace aggmedic::remediate {

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    return bytes.str();
}

inline std::filesystem::path fixtures() {
    return std::filesystem::path(AGGMEDIC_FIXTURES) / "bpm";
}

inline ArgumentEdit adding(std::string name) {
    ArgumentEdit edit;
    edit.add_name = std::move(name);
    return edit;
}

inline EditResult edit_bpm(std::string_view bytes, const ArgumentEdit& edit) {
    const probes::SourceFile file{.path = {}, .bytes = std::string(bytes)};
    return edit_arguments(*probes::find_platform("bosh"), {&file, 1}, edit);
}

// A process with these lines as its arguments.
inline std::string file_with(std::string_view arguments) {
    return "processes:\n- name: kube-apiserver\n  executable: /bin/kube-apiserver\n  args:\n" + std::string(arguments);
}

inline EditAnswer answer_to(std::string_view arguments) {
    return edit_bpm(file_with(arguments), adding("demo.example")).answer;
}

inline const std::string flag_line = "  - --requestheader-allowed-names=a\n";

// The new file by another way: the one place where the list of the one process ends, found by eye for every dialect.
inline std::string with_name_inserted(std::string bytes, const std::string& name) {
    constexpr std::string_view flag = "--requestheader-allowed-names";
    std::size_t at = bytes.find(flag) + flag.size();
    if (bytes[at] == '=') {
        ++at;
    } else {
        at = bytes.find("- ", at) + 2;  // the value is the next entry
        if (bytes[at] == '"' || bytes[at] == '\'') ++at;
    }
    at = bytes.find_first_of("\"' \r\n", at);
    return bytes.insert(std::min(at, bytes.size()), "," + name);
}

}  // namespace aggmedic::remediate
