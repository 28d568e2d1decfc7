#include <algorithm>
#include <charconv>
#include <map>

#include "probes/extension_log.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t names_max = 16;        // distinct CNs kept for each event
constexpr std::size_t name_bytes_max = 256;  // of a CN
constexpr std::size_t line_bytes_max = 8192;

struct Recognised {
    LogEvent event;
    std::string common_name;
};

struct Wording {
    std::string_view text;
    LogEvent event;
};

// What a server says of a client certificate that it refuses. Wordings of Go's crypto/x509 and of kubernetes/apiserver.
constexpr Wording certificate_wordings[] = {
    {"x509: subject with cn=", LogEvent::cn_not_allowed},
    {"x509: certificate signed by unknown authority", LogEvent::unknown_authority},
    {"x509: certificate specifies an incompatible key usage", LogEvent::incompatible_key_usage},
    {"x509: certificate has expired or is not yet valid", LogEvent::certificate_not_in_date},
    // The client CA's verdict (>= 1.20). Alone it says that header authentication did not object or was never tried.
    {"verifying certificate SN=", LogEvent::authentication_failed},
    {"tokenreviews.authentication.k8s.io is forbidden", LogEvent::access_review_forbidden},
};

// Everything else, each by itself unmistakable.
constexpr Wording other_wordings[] = {
    {"cluster doesn't provide requestheader-client-ca-file", LogEvent::requestheader_ca_missing},
    {"Unable to get configmap/extension-apiserver-authentication", LogEvent::config_map_forbidden},
    {"configmaps \"extension-apiserver-authentication\" is forbidden", LogEvent::config_map_forbidden},
    {"configmaps \"extension-apiserver-authentication\" not found", LogEvent::config_map_missing},
    {"subjectaccessreviews.authorization.k8s.io is forbidden", LogEvent::access_review_forbidden},
    {"tokenreviews.authentication.k8s.io is forbidden", LogEvent::access_review_forbidden},
    {"dial tcp: lookup ", LogEvent::name_not_resolved},
    {"configmap based request-header-client-ca-file: Get ", LogEvent::apiserver_unreachable},
    {"failed calling webhook", LogEvent::webhook_failed},
    {"failed calling admission webhook", LogEvent::webhook_failed},
    {"Detected change in extension-apiserver-authentication", LogEvent::config_map_changed},
};

template <std::size_t N>
const Wording* first_of(std::string_view line, const Wording (&wordings)[N], std::size_t& at) {
    const Wording* first = nullptr;
    at = std::string_view::npos;
    for (const auto& wording : wordings) {
        const auto found = line.find(wording.text);
        if (found < at) {
            at = found;
            first = &wording;
        }
    }
    return first;
}

bool contains(std::string_view line, std::string_view text) {
    return line.find(text) != std::string_view::npos;
}

// The text between the end of `before` and the first of the two ends; nullopt when either is missing.
std::optional<std::string> between(std::string_view line, std::string_view before, std::string_view end,
                                   std::string_view other_end) {
    const auto start = line.find(before);
    if (start == std::string_view::npos) return std::nullopt;
    const auto rest = line.substr(start + before.size());
    const auto stop = std::min(rest.find(end), rest.find(other_end));
    if (stop == std::string_view::npos) return std::nullopt;
    return std::string(rest.substr(0, std::min(stop, name_bytes_max)));
}

Recognised name_certificate_fault(std::string_view line) {
    std::size_t at = 0;
    const auto* wording = first_of(line, certificate_wordings, at);
    if (wording == nullptr) return {LogEvent::authentication_failed, ""};
    const auto rest = line.substr(at);
    switch (wording->event) {
        case LogEvent::cn_not_allowed: {
            const auto cn = between(rest, wording->text, " is not in the allowed list", " is not allowed");
            if (!cn) return {LogEvent::authentication_failed, ""};
            return {LogEvent::cn_not_allowed, *cn};
        }
        case LogEvent::unknown_authority: {
            const auto candidate = between(rest, "candidate authority certificate \"", "\"", "\"");
            // A hint behind another error would be of that error's certificate.
            const auto next = rest.find("x509: ", wording->text.size());
            const bool is_its_own = candidate && rest.find("candidate authority") < next;
            return {LogEvent::unknown_authority, is_its_own ? *candidate : ""};
        }
        case LogEvent::certificate_not_in_date: {
            const auto after = rest.find(" is after "), before = rest.find(" is before ");
            if (after == before) return {LogEvent::certificate_not_in_date, ""};
            return {after < before ? LogEvent::certificate_expired : LogEvent::certificate_not_yet_valid, ""};
        }
        default:
            return {wording->event, ""};
    }
}

// x509 errors mean a client's certificate only here: the same words also come from connections that the extension
// server makes itself, to kube-apiserver, kubelets and webhooks.
bool is_about_a_client_certificate(std::string_view line) {
    return contains(line, "Unable to authenticate the request") || contains(line, "x509: subject with cn=") ||
           (contains(line, "http: TLS handshake error from ") && contains(line, "tls: failed to verify client"));
}

bool is_refused_by_a_kubelet(std::string_view line) {
    const bool names_one = contains(line, "Kubelet") || contains(line, "crape node") || contains(line, ":10250/");
    return names_one && (contains(line, "401 Unauthorized") || contains(line, "403 Forbidden"));
}

// An alert that the client sends over the certificate that it was shown.
bool is_serving_certificate_refused(std::string_view line) {
    if (!contains(line, "http: TLS handshake error from ")) return false;
    for (const std::string_view alert : {"bad certificate", "unknown certificate", "expired certificate"}) {
        if (contains(line, std::string("remote error: tls: ") + std::string(alert))) return true;
    }
    return false;
}

std::optional<Recognised> recognise(std::string_view line) {
    if (is_about_a_client_certificate(line)) return name_certificate_fault(line);
    if (is_serving_certificate_refused(line)) return Recognised{LogEvent::serving_certificate_refused, ""};
    if (is_refused_by_a_kubelet(line)) return Recognised{LogEvent::kubelet_unauthorized, ""};
    std::size_t at = 0;
    const auto* wording = first_of(line, other_wordings, at);
    if (wording == nullptr) return std::nullopt;
    return Recognised{wording->event, ""};
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

// klog's header: Lmmdd hh:mm:ss.uuuuuu. The year is the asker's, or the one before where that would lie ahead.
std::optional<TimePoint> klog_time(std::string_view line, TimePoint asked) {
    using namespace std::chrono;
    if (line.size() < 21 || std::string_view("IWEF").find(line[0]) == std::string_view::npos || line[5] != ' ')
        return std::nullopt;
    const auto at = [&](int year) {
        const auto date = std::string(line.substr(1, 2)) + "-" + std::string(line.substr(3, 2));
        return from_rfc3339(std::to_string(year) + "-" + date + "T" + std::string(line.substr(6, 15)) + "Z");
    };
    if (!number(line.substr(1, 4))) return std::nullopt;
    const int this_year = static_cast<int>(year_month_day(floor<days>(asked)).year());
    const auto time = at(this_year);
    return time && *time > asked + days(1) ? at(this_year - 1) : time;
}

std::optional<TimePoint> time_of(std::string_view line, TimePoint asked) {
    const auto space = line.find(' ');
    if (space != std::string_view::npos && space >= 20 && space <= 35) {
        if (const auto time = from_rfc3339(line.substr(0, space))) return time;
    }
    return klog_time(line, asked);
}

// Structured logs quote their errors: \" stands for ".
std::string without_escapes(std::string_view line) {
    std::string text;
    text.reserve(line.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
        const bool escapes = line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\');
        if (!escapes) {
            text.push_back(line[i]);
        } else if (line[i + 1] == '\\') {
            text.push_back(line[i++]);
        }
    }
    return text;
}

class Tally {
  public:
    void add(const Recognised& found, std::optional<TimePoint> time) {
        auto& of_event = facts_[found.event];
        auto at = of_event.find(found.common_name);
        if (at == of_event.end()) {
            if (of_event.size() >= names_max) return void(++left_out_);
            at = of_event.emplace(found.common_name, LogFact{}).first;
            at->second.event = found.event;
            at->second.common_name = found.common_name;
        }
        auto& fact = at->second;
        ++fact.count;
        if (!time) return;
        if (!fact.first || *time < *fact.first) fact.first = time;
        if (!fact.last || *time > *fact.last) fact.last = time;
    }
    void write(ExtensionLog& log) const {
        for (const auto& [event, by_name] : facts_) {
            for (const auto& [name, fact] : by_name) log.facts.push_back(fact);
        }
        log.names_left_out = left_out_;
    }

  private:
    std::map<LogEvent, std::map<std::string, LogFact>> facts_;
    std::size_t left_out_ = 0;
};

}  // namespace

ExtensionLog parse_extension_log(const LogSource& source, std::string_view text) {
    ExtensionLog log{
        .pod = source.pod, .facts = {}, .names_left_out = 0, .is_cut = source.is_cut, .previous = source.previous};
    Tally tally;
    std::optional<TimePoint> time;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, std::min(end, line_bytes_max));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (const auto own = time_of(line, source.asked)) time = own;  // a line without one goes on with the last
        if (source.started && time && *time < *source.started) continue;
        const auto plain = contains(line, "\\") ? without_escapes(line) : std::string(line);
        if (const auto found = recognise(plain)) tally.add(*found, time);
    }
    tally.write(log);
    return log;
}

}  // namespace aggmedic::probes
