#include "probes/aggregator_metrics.hpp"

#include <algorithm>
#include <charconv>

namespace aggmedic::probes {

namespace {

constexpr std::size_t apiservices_max = 200;  // design 5.5
constexpr std::size_t reasons_max = 16;       // there are six in Kubernetes 1.36
constexpr std::size_t label_bytes_max = 256;

enum class Family { gauge, counter, other };

// The gauge has the bare name, in copies from before 1.14 also _gauge; the counter was _count until 1.19 and is _total.
// The gauge is known to lag behind (kubernetes/kube-aggregator#23), so it is evidence and no verdict.
Family family_of(std::string_view name) {
    constexpr std::string_view stem = "aggregator_unavailable_apiservice";
    if (!name.starts_with(stem)) return Family::other;
    name.remove_prefix(stem.size());
    if (name.empty() || name == "_gauge") return Family::gauge;
    return name == "_count" || name == "_total" ? Family::counter : Family::other;
}

// `name="v1",reason="r"}`: text format 0.0.4, values with \\, \" and \n escaped. nullopt: not that.
std::optional<std::map<std::string, std::string>> read_labels(std::string_view text, std::size_t& at) {
    std::map<std::string, std::string> labels;
    while (at < text.size() && text[at] != '}') {
        const auto equals = text.find("=\"", at);
        if (equals == std::string_view::npos) return std::nullopt;
        auto& value = labels[std::string(text.substr(at, equals - at))];
        for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
            if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
            if (value.size() < label_bytes_max) value.push_back(text[at]);
        }
        if (at == text.size()) return std::nullopt;
        if (++at < text.size() && text[at] == ',') ++at;
    }
    if (at == text.size()) return std::nullopt;
    ++at;
    return labels;
}

AvailabilityCount* entry_of(std::vector<AvailabilityCount>& counts, const std::string& apiservice) {
    const auto known = std::ranges::find(counts, apiservice, &AvailabilityCount::apiservice);
    if (known != counts.end()) return &*known;
    if (counts.size() >= apiservices_max) return nullptr;
    auto& added = counts.emplace_back();
    added.apiservice = apiservice;
    return &added;
}

void read_line(std::string_view line, std::vector<AvailabilityCount>& counts) {
    const auto brace = line.find('{');
    if (brace == std::string_view::npos) return;
    const auto family = family_of(line.substr(0, brace));
    if (family == Family::other) return;
    std::size_t at = brace + 1;
    const auto labels = read_labels(line, at);
    if (!labels || !labels->contains("name")) return;
    line.remove_prefix(std::min(line.find_first_not_of(' ', at), line.size()));
    double value = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), value);
    constexpr double value_max = 1e15;  // what a double counts exactly
    if (read.ec != std::errc() || !(value >= 0 && value <= value_max)) return;
    auto* entry = entry_of(counts, labels->at("name"));
    if (entry == nullptr) return;
    if (family == Family::gauge) {
        entry->unavailable = value != 0;
        return;
    }
    const auto reason = labels->find("reason");
    if (reason == labels->end() || (entry->times.size() >= reasons_max && !entry->times.contains(reason->second)))
        return;
    entry->times[reason->second] = static_cast<std::uint64_t>(value);
}

}  // namespace

const AvailabilityCount* AggregatorMetrics::find(std::string_view apiservice) const {
    const auto at = std::ranges::find(apiservices, apiservice, &AvailabilityCount::apiservice);
    return at == apiservices.end() ? nullptr : &*at;
}

std::vector<AvailabilityCount> parse_aggregator_metrics(std::string_view text) {
    std::vector<AvailabilityCount> counts;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        read_line(text.substr(0, end), counts);
        text.remove_prefix(end + 1);
    }
    std::ranges::sort(counts, {}, &AvailabilityCount::apiservice);
    return counts;
}

}  // namespace aggmedic::probes
