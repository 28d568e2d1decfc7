#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aggmedic::probes {

// Where a byte was written.
struct Origin {
    std::size_t file = 0, offset = 0;
    bool verbatim = true;  // false: the byte stands for an escape sequence or was put in
    bool operator==(const Origin&) const = default;
};

// A text that was decoded from one or more files, with the origin of every byte.
struct SourcedText {
    std::string text;
    std::vector<Origin> from;

    void add(char byte, Origin origin) {
        text += byte;
        from.push_back(origin);
    }
    void append(const SourcedText& other) {
        text += other.text;
        from.insert(from.end(), other.from.begin(), other.from.end());
    }
    bool operator==(const SourcedText&) const = default;
};

}  // namespace aggmedic::probes
