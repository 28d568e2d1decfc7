#include "probes/yaml_events.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "probes/plain_text.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::size_t size_bytes_max = std::size_t{1} << 20;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string at_place(std::string_view what, std::size_t line, std::size_t column) {
    return std::string(what) + " in line " + std::to_string(line) + ", column " + std::to_string(column);
}
std::string at_offset(std::string_view what, std::string_view bytes, std::size_t offset) {
    const std::size_t feed = bytes.substr(0, offset).rfind('\n');
    return at_place(what, line_of(bytes, offset), offset - (feed == bytes.npos ? 0 : feed + 1) + 1);
}

// Why this text is not read at all, or an empty string. Tabs among the dashes and spaces that begin a line are
// indentation for some YAML libraries and an error for others.
std::string objection_to_text(std::string_view text) {
    if (const auto fault = find_text_fault(text)) return at_offset(fault->what, text, fault->offset);
    bool line_begins = true, column_is_first = true;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char byte = text[at];
        if (byte == '%' && column_is_first) return at_offset("a directive", text, at);
        if (byte == '\t' && line_begins) return at_offset("a tab in the indentation", text, at);
        column_is_first = byte == '\n';
        line_begins = byte == '\n' || (line_begins && std::string_view(" -?:").contains(byte));
    }
    return {};
}

// Collects the events of one document and remembers the first thing to object to.
class EventCollector final : public YAML::EventHandler {
  public:
    explicit EventCollector(std::string_view bytes, std::size_t shift) : bytes_(bytes), shift_(shift) {}

    void OnDocumentStart(const YAML::Mark&) override { ++documents_; }
    void OnDocumentEnd() override {}
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { object("an anchor", mark); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { object("an alias", mark); }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (anchor != 0) object("an anchor", mark);
        events_.push_back({.kind = YamlKind::null, .in_flow = flow_depth_ > 0, .value = {}});
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_properties(mark, tag, anchor, true);
        // yaml-cpp reads a quote that is never closed up to the end of the file; bpm's library does not.
        const std::size_t begin = offset(mark);
        const bool quoted = tag == "!" && begin < bytes_.size() && (bytes_[begin] == '"' || bytes_[begin] == '\'');
        if (quoted && behind_quoted(bytes_, begin) == bytes_.npos) object("a quote that is not closed", mark);
        if (tag == "?" && value.starts_with(':')) object("a text that begins with a colon", mark);
        events_.push_back({.kind = YamlKind::scalar,
                           .offset = begin,
                           .plain = tag == "?",
                           .in_flow = flow_depth_ > 0,
                           .value = value});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(YamlKind::sequence_start, mark, tag, anchor, style);
    }
    void OnSequenceEnd() override { close(YamlKind::sequence_end); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(YamlKind::map_start, mark, tag, anchor, style);
    }
    void OnMapEnd() override { close(YamlKind::map_end); }

    int documents() const { return documents_; }
    const std::string& objection() const { return objection_; }
    std::vector<YamlEvent> take_events() { return std::move(events_); }

  private:
    std::size_t offset(const YAML::Mark& mark) const {
        return static_cast<std::size_t>(std::max(mark.pos, 0)) + shift_;
    }
    void object(std::string_view what, const YAML::Mark& mark) {
        if (!objection_.empty()) return;
        objection_ = at_place(what, static_cast<std::size_t>(std::max(mark.line, 0)) + 1,
                              static_cast<std::size_t>(std::max(mark.column, 0)) + 1);
    }
    // Without properties the tag is `?` for plain scalars and collections, `!` for quoted and block scalars; an
    // explicit `!` shows in the bytes, because the mark is then the property's.
    void check_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool scalar) {
        if (anchor != 0) object("an anchor", mark);
        const std::size_t begin = offset(mark);
        const bool explicit_tag = begin < bytes_.size() && bytes_[begin] == '!';
        if (explicit_tag || (tag != "?" && !(scalar && tag == "!"))) object("a tag", mark);
    }
    void open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YAML::EmitterStyle::value style) {
        check_properties(mark, tag, anchor, false);
        events_.push_back({.kind = kind, .offset = offset(mark), .in_flow = flow_depth_ > 0, .value = {}});
        flow_.push_back(style == YAML::EmitterStyle::Flow);
        if (flow_.back()) ++flow_depth_;
    }
    void close(YamlKind kind) {
        if (flow_.back()) --flow_depth_;
        flow_.pop_back();
        events_.push_back({.kind = kind, .in_flow = flow_depth_ > 0, .value = {}});
    }

    std::string_view bytes_;
    std::size_t shift_;
    int documents_ = 0;
    int flow_depth_ = 0;
    std::vector<bool> flow_;
    std::string objection_;
    std::vector<YamlEvent> events_;
};

// yaml-cpp takes a line of text in a map for a key without value; bpm's library does not.
bool colon_follows(std::string_view bytes, const YamlEvent& key) {
    const bool quoted = !key.plain && (bytes[key.offset] == '"' || bytes[key.offset] == '\'');
    if (!quoted && !bytes.substr(key.offset).starts_with(key.value)) return false;
    const std::size_t end = quoted ? behind_quoted(bytes, key.offset) : key.offset + key.value.size();
    const std::size_t colon = bytes.find_first_not_of(' ', end);
    if (colon == bytes.npos || bytes[colon] != ':') return false;
    return colon + 1 == bytes.size() || std::string_view(" \t\r\n").contains(bytes[colon + 1]);
}

// Where yaml-cpp is more patient than Go's libraries, or they are not of one mind (a repeated key is an error, or its
// last value wins): why the document is not read, or an empty string.
std::string objection_to_structure(std::string_view bytes, const std::vector<YamlEvent>& events) {
    struct Level {
        bool map = false, key_is_next = false;
        std::set<std::string_view> keys;
    };
    std::vector<Level> levels(1);
    for (const auto& event : events) {
        const bool ends = event.kind == YamlKind::sequence_end || event.kind == YamlKind::map_end;
        if (ends) levels.pop_back();
        auto& level = levels.back();
        if (event.kind == YamlKind::null && event.in_flow && !level.map)
            return "an entry without a value between brackets";
        if (!ends && level.map && level.key_is_next) {
            if (event.kind != YamlKind::scalar) return "a key that is no plain or quoted text";
            if (event.plain && event.value == "<<") return at_offset("a merge key", bytes, event.offset);
            if (!colon_follows(bytes, event)) return at_offset("a key without a colon", bytes, event.offset);
            if (!level.keys.insert(event.value).second)
                return at_offset("a key that is there already", bytes, event.offset);
            level.key_is_next = false;
            continue;
        }
        if (event.kind == YamlKind::sequence_start || event.kind == YamlKind::map_start) {
            const bool map = event.kind == YamlKind::map_start;
            levels.push_back({.map = map, .key_is_next = map, .keys = {}});
        } else {
            level.key_is_next = level.map;  // a value has ended
        }
    }
    return {};
}

std::unexpected<Error> not_understood(const std::string& what) {
    return fail(Errc::malformed_reply, "not understood: " + what);
}

}  // namespace

std::size_t behind_quoted(std::string_view bytes, std::size_t begin) {
    const char quote = bytes[begin];
    for (std::size_t at = begin + 1; at < bytes.size(); ++at) {
        if (quote == '"' && bytes[at] == '\\') {
            ++at;  // whatever is escaped, it closes nothing
        } else if (bytes[at] == quote) {
            if (quote == '"' || !bytes.substr(at + 1).starts_with('\'')) return at + 1;
            ++at;  // '' stands for one quote
        }
    }
    return bytes.npos;
}

std::size_t line_of(std::string_view bytes, std::size_t offset) {
    return 1 + static_cast<std::size_t>(std::ranges::count(bytes.substr(0, offset), '\n'));
}

Result<std::vector<YamlEvent>> read_yaml_events(std::string_view bytes) {
    if (bytes.size() > size_bytes_max) return not_understood("the file is larger than 1 MiB");
    const std::size_t shift = bytes.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
    if (auto why = objection_to_text(bytes.substr(shift)); !why.empty()) return not_understood(why);

    std::istringstream stream{std::string(bytes)};
    EventCollector collector(bytes, shift);
    try {
        YAML::Parser parser(stream);
        while (collector.documents() < 2 && parser.HandleNextDocument(collector)) {
        }
    } catch (const YAML::Exception& error) {
        const auto line = static_cast<std::size_t>(std::max(error.mark.line, 0)) + 1;
        return not_understood("no YAML from line " + std::to_string(line) + ", column " +
                              std::to_string(error.mark.column + 1) + " on");
    }
    if (collector.documents() == 0) return not_understood("the file is empty");
    if (collector.documents() > 1) return not_understood("the file holds several documents");
    if (!collector.objection().empty()) return not_understood(collector.objection());
    auto events = collector.take_events();
    if (auto why = objection_to_structure(bytes, events); !why.empty()) return not_understood(why);
    return events;
}

}  // namespace aggmedic::probes
