#include "net/redact.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "net/redact_words.hpp"
#include "net/text.hpp"

namespace aggmedic {
namespace {

using namespace redact_words;

constexpr std::size_t nowhere = std::string_view::npos;
constexpr std::size_t userinfo_max = 2048;  // bounds the work on a text of many `://`

// From `begin` the text is replaced up to `end`.
struct Span {
    std::size_t begin = 0, end = 0;
};

std::size_t skip_spaces(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    return at;
}

std::size_t line_end(std::string_view text, std::size_t at) {
    return std::min(text.find_first_of("\r\n", at), text.size());
}

std::size_t word_end(std::string_view text, std::size_t at) {
    while (at < text.size() && !is_space(text[at]) && text[at] != '"' && text[at] != '\'' && text[at] != '`') ++at;
    return at;
}

std::optional<std::size_t> private_key_end(std::string_view text, std::size_t at) {
    constexpr std::string_view begin = "-----BEGIN ";
    if (!text.substr(at).starts_with(begin)) return std::nullopt;
    const auto label_end = text.find("-----", at + begin.size());
    const auto label = text.substr(at + begin.size(), label_end == nowhere ? nowhere : label_end - at - begin.size());
    if (label.find("PRIVATE KEY") == nowhere) return std::nullopt;
    const auto end = text.find("-----END", label_end == nowhere ? text.size() : label_end);
    const auto closed = end == nowhere ? nowhere : text.find("-----", end + 8);
    return closed == nowhere ? text.size() : closed + 5;
}

// "//user:password@host": the part before the last @ of the authority.
std::optional<Span> userinfo_at(std::string_view text, std::size_t at) {
    if (!text.substr(at).starts_with("://")) return std::nullopt;
    const auto begin = at + 3;
    auto end = begin;
    const auto limit = std::min(text.size(), begin + userinfo_max);
    while (end < limit && !is_space(text[end]) && text[end] != '"' && text[end] != '<' && text[end] != '>') ++end;
    // A password may hold a / or a ?, which should have been encoded: the last @ of the word counts.
    const auto sign = text.substr(begin, end - begin).rfind('@');
    if (sign == nowhere || sign == 0) return std::nullopt;
    return Span{begin, begin + sign};
}

std::optional<std::size_t> json_web_token_end(std::string_view text, std::size_t at) {
    if (!text.substr(at).starts_with("eyJ") || (at > 0 && is_name(text[at - 1]) && text[at - 1] != '.'))
        return std::nullopt;
    const auto end = word_end(text, at);
    return end - at >= 16 ? std::optional(end) : std::nullopt;
}

// "Bearer TOKEN", "Basic BASE64"; not "bearer token is missing".
std::optional<Span> credential_after_scheme(std::string_view text, std::size_t at) {
    if (at > 0 && is_name(text[at - 1])) return std::nullopt;
    for (const std::string_view scheme : {"bearer", "basic", "negotiate"}) {
        if (to_lower(text.substr(at, scheme.size())) != scheme) continue;
        const auto begin = skip_spaces(text, at + scheme.size());
        if (begin == at + scheme.size()) continue;
        const auto end = word_end(text, begin);
        if (end > begin && !is_plain_word(text.substr(begin, end - begin))) return Span{begin, end};
    }
    return std::nullopt;
}

// Where a value in quotes ends, at the quote; escaped ones (JSON within JSON) are closed by one escaped as often.
std::size_t quoted_end(std::string_view text, std::size_t quote, std::size_t backslashes) {
    for (auto at = text.find(text[quote], quote + 1); at != nowhere; at = text.find(text[quote], at + 1)) {
        std::size_t before = 0;
        while (before < at - quote - 1 && text[at - 1 - before] == '\\') ++before;
        if (before == backslashes) return at - before;
    }
    return text.size();
}

std::size_t bracket_end(std::string_view text, std::size_t at) {
    int depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '{' || text[at] == '[') ++depth;
        if ((text[at] == '}' || text[at] == ']') && --depth == 0) return at + 1;
    }
    return at;
}

// A YAML block (`key: |`): the lines that stand deeper than the key.
std::size_t block_end(std::string_view text, std::size_t key, std::size_t at) {
    const auto line = text.rfind('\n', key);
    const auto begin = line == nowhere ? 0 : line + 1;
    const auto indent = skip_spaces(text, begin) - begin;
    for (at = line_end(text, at); at < text.size();) {
        const auto next = std::min(text.find_first_not_of("\r\n", at), text.size());
        if (next == text.size() || skip_spaces(text, next) - next <= indent) return at;
        at = line_end(text, next);
    }
    return at;
}

// From a flag to the argument after it, as a shell, a list of JSON or YAML, or /proc/PID/cmdline sets them apart;
// false: it is a flag too.
bool skip_to_next_argument(std::string_view text, std::size_t& at) {
    const auto is_between = [&] {
        const bool is_item = text[at] == '-' && at + 1 < text.size() && is_space(text[at + 1]);
        return is_space(text[at]) || text[at] == ',' || is_item;
    };
    while (at < text.size() && is_between()) ++at;
    const auto next = text.find_first_not_of("\"'\\", at);
    return next != nowhere && text[next] != '-';
}

struct Value {
    std::size_t begin = 0, end = 0;
    bool is_text = false;  // in quotes or a word: it may be a name
};

// What stands after a key, as in `key=value`, `"key": "value"`, `\"key\":\"value\"`, `--flag value`.
std::optional<Value> value_after(std::string_view text, std::size_t key, std::size_t key_end) {
    auto at = key_end;
    while (at < text.size() && (text[at] == '\\' || text[at] == '"' || text[at] == '\'' || text[at] == ']')) ++at;
    at = skip_spaces(text, at);
    const bool is_flag = text.substr(key, key_end - key).starts_with("--");
    const bool is_assigned = at < text.size() && (text[at] == '=' || text[at] == ':');
    if (!is_assigned && !is_flag) return std::nullopt;
    if (!is_assigned && !skip_to_next_argument(text, at)) return std::nullopt;
    const char separator = is_assigned ? text[at] : ' ';
    if (is_assigned) at = skip_spaces(text, at + 1);
    if (at < text.size() && separator == ':' && (text[at] == '\n' || text[at] == '\r')) return std::nullopt;
    std::size_t backslashes = 0;
    while (at < text.size() && text[at] == '\\') ++at, ++backslashes;
    if (at >= text.size()) return std::nullopt;
    if (text[at] == '"' || text[at] == '\'') return Value{at + 1, quoted_end(text, at, backslashes), true};
    if (text[at] == '{' || text[at] == '[') return Value{at, bracket_end(text, at), false};
    if (separator == ':' && (text[at] == '|' || text[at] == '>')) return Value{at, block_end(text, key, at), false};
    const bool is_whole_line = separator == ':' && takes_the_line(text.substr(key, key_end - key));
    return Value{at, is_whole_line ? line_end(text, at) : word_end(text, at), true};
}

class Scan {
  public:
    explicit Scan(std::string_view text) : text_(text) {}

    std::string run() {
        while (at_ < text_.size()) {
            if (const auto end = private_key_end(text_, at_)) {
                replace({at_, *end});
            } else if (const auto userinfo = userinfo_at(text_, at_)) {
                replace(*userinfo);
            } else if (const auto token = json_web_token_end(text_, at_)) {
                replace({at_, *token});
            } else if (const auto credential = credential_after_scheme(text_, at_)) {
                replace(*credential);
            } else if (is_name(text_[at_]) && (at_ == 0 || !is_name(text_[at_ - 1]))) {
                read_key();
            } else {
                out_ += text_[at_++];
            }
        }
        return std::move(out_);
    }

  private:
    void replace(Span span) {
        out_.append(text_.substr(at_, span.begin - at_));
        if (span.end > span.begin) out_.append(redaction_mark);
        at_ = span.end;
    }

    void read_key() {
        auto end = at_;
        while (end < text_.size() && is_name(text_[end])) ++end;
        const auto name = text_.substr(at_, end - at_);
        // `name: DB_PASSWORD` and then `value: ...`, as a pod's environment is written.
        const bool is_value_of_secret = name_is_secret_ && to_lower(name) == "value";
        const bool is_secret = is_secret_name(name) || is_value_of_secret;
        const bool is_name_key = to_lower(name) == "name";
        const auto value = is_secret || is_name_key ? value_after(text_, at_, end) : std::nullopt;
        if (value && is_secret) {
            name_is_secret_ = false;
            return replace({value->begin, value->end});
        }
        if (value && value->is_text) {
            name_is_secret_ = is_secret_name(text_.substr(value->begin, value->end - value->begin));
        }
        // Only as far as nothing else can begin within the word.
        out_ += text_[at_++];
        while (at_ < end && !starts_something()) out_ += text_[at_++];
    }

    bool starts_something() const { return text_[at_] == '-' || text_.substr(at_).starts_with("eyJ"); }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string out_;
    bool name_is_secret_ = false;
};

// Percent-encoded words are read as they are meant; one that holds a secret goes as a whole.
std::string without_encoded_secrets(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        auto end = at;
        while (end < text.size() && !is_space(text[end])) ++end;
        const auto word = text.substr(at, end - at);
        const auto decoded = percent_decoded(word);
        const bool hides = decoded != word && Scan(decoded).run() != decoded;
        out.append(hides ? redaction_mark : word);
        while (end < text.size() && is_space(text[end])) out += text[end++];
        at = end;
    }
    return out;
}

}  // namespace

bool is_secret_name(std::string_view name) {
    return names_a_secret(name);
}

std::string without_marked_secrets(std::string_view text) {
    auto clean = Scan(text).run();
    return clean.find('%') == std::string::npos ? clean : without_encoded_secrets(clean);
}

std::string redacted(std::string_view text) {
    const auto marked = without_marked_secrets(text);
    std::string out;
    for (std::size_t at = 0; at < marked.size();) {
        auto end = at;
        while (end < marked.size() && (is_base64(marked[end]) || marked[end] == '%' || marked[end] == '~')) ++end;
        const auto run = std::string_view(marked).substr(at, end - at);
        out.append(looks_random(percent_decoded(run)) || is_encoded_text(run) ? redaction_mark : run);
        if (end < marked.size()) out += marked[end++];
        at = end;
    }
    return out;
}

}  // namespace aggmedic
