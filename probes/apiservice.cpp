#include "probes/apiservice.hpp"

#include <algorithm>

#include "net/text.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;

bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

constexpr std::size_t bundle_certificates_max = 32;

Seen<std::vector<Certificate>> read_ca_bundle(const json& spec) {
    const auto at = spec.find("caBundle");
    if (at == spec.end() || at->is_null() || *at == "") {
        return Unobserved{.reason = "not-found", .detail = "the APIService has no caBundle"};
    }
    const auto malformed = [](std::string why) {
        return Unobserved{.reason = "malformed_reply", .detail = "caBundle: " + std::move(why)};
    };
    std::string pem;
    if (!at->is_string() || !base64_decode(at->get_ref<const std::string&>(), pem)) return malformed("no base64");
    auto certificates = parse_certificates(pem);
    if (!certificates) return malformed(certificates.error().detail);
    if (certificates->empty()) return malformed("it holds no certificate");
    if (certificates->size() > bundle_certificates_max) return malformed("too many certificates");
    return std::move(*certificates);
}

void read_condition(const json& status, ApiService& apiservice) {
    for (const auto& condition : array_at(status, "conditions")) {
        if (text_at(condition, "type") != "Available") continue;
        apiservice.available = text_at(condition, "status");
        apiservice.reason = text_at(condition, "reason");
        // A message may quote a whole answer; what it says is in its first and last words.
        apiservice.message = text_at(condition, "message");
        constexpr std::size_t half = 1024;
        if (apiservice.message.size() > 2 * half) {
            apiservice.message = apiservice.message.substr(0, half) + " ... " +
                                 apiservice.message.substr(apiservice.message.size() - half);
        }
        apiservice.available_since = from_rfc3339(text_at(condition, "lastTransitionTime"));
    }
}

ApiService read_apiservice(const json& item) {
    ApiService apiservice;
    const auto& spec = object_at(item, "spec");
    const auto& service = object_at(spec, "service");
    apiservice.name = text_at(object_at(item, "metadata"), "name");
    apiservice.group = text_at(spec, "group");
    apiservice.version = text_at(spec, "version");
    apiservice.service_namespace = text_at(service, "namespace");
    apiservice.service_name = text_at(service, "name");
    if (const auto port = service.find("port"); port != service.end() && port->is_number_integer()) {
        const auto number = port->get<std::int64_t>();
        if (number > 0 && number < 65536) apiservice.port = static_cast<int>(number);
    }
    apiservice.insecure_skip_tls_verify = flag_at(spec, "insecureSkipTLSVerify");
    apiservice.ca_bundle = read_ca_bundle(spec);
    if (apiservice.ca_bundle) {
        for (const auto& certificate : *apiservice.ca_bundle) apiservice.ca_bundle_sha256.push_back(certificate.sha256);
    }
    read_condition(object_at(item, "status"), apiservice);
    return apiservice;
}

}  // namespace

bool ApiServiceFilter::matches(std::string_view name) const {
    const auto any = [&](const std::vector<std::string>& patterns) {
        return std::ranges::any_of(patterns, [&](const auto& pattern) { return matches_glob(pattern, name); });
    };
    return any(include) && !any(exclude);
}

Result<ApiServiceList> parse_apiservices(std::string_view text, const ApiServiceFilter& filter, std::size_t items_max) {
    auto document = read_json_object(
        text, {"items", "metadata", "name", "spec", "group", "version", "service", "namespace", "port", "caBundle",
               "insecureSkipTLSVerify", "status", "conditions", "type", "reason", "message", "lastTransitionTime"});
    if (!document) return std::unexpected(document.error());
    if (!document->contains("items") || !((*document)["items"].is_array() || (*document)["items"].is_null())) {
        return fail(Errc::malformed_reply, "the list of APIServices has no items");
    }
    std::vector<const json*> chosen;
    for (const auto& item : array_at(*document, "items")) {
        const auto& spec = object_at(item, "spec");
        const auto name = text_at(object_at(item, "metadata"), "name");
        if (!object_at(spec, "service").empty() && is_path_word(name) && is_path_word(text_at(spec, "group")) &&
            is_path_word(text_at(spec, "version")) && filter.matches(name)) {
            chosen.push_back(&item);
        }
    }
    std::ranges::sort(chosen, {}, [](const json* item) { return text_at(object_at(*item, "metadata"), "name"); });
    ApiServiceList list;
    for (const auto* item : chosen) {
        if (list.items.size() < items_max) {
            list.items.push_back(read_apiservice(*item));
        } else {
            ++list.left_out;
        }
    }
    return list;
}

bool is_resource_list(std::string_view text, const ApiService& apiservice) {
    const auto document = read_json_object(text, {"kind", "groupVersion", "resources"});
    return document && text_at(*document, "kind") == "APIResourceList" &&
           text_at(*document, "groupVersion") == apiservice.group + "/" + apiservice.version &&
           document->contains("resources");
}

bool is_path_word(std::string_view word) {
    return !word.empty() && word.size() <= 253 && word.front() != '.' && std::ranges::all_of(word, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    });
}

std::string discovery_path(const ApiService& apiservice) {
    return "/apis/" + apiservice.group + "/" + apiservice.version;
}

Result<ListableResource> parse_listable_resource(std::string_view text, const ApiService& apiservice,
                                                 const std::set<std::string>& unreadable) {
    auto document = read_json_object(text, {"kind", "resources", "name", "namespaced", "verbs"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "APIResourceList")
        return fail(Errc::malformed_reply, "the answer is no APIResourceList");
    ListableResource found;
    found.unreadable = unreadable;
    for (const auto& resource : array_at(*document, "resources")) {
        const auto name = text_at(resource, "name");
        const auto& verbs = array_at(resource, "verbs");
        const bool listable = std::ranges::any_of(verbs, [](const json& verb) { return verb == "list"; });
        if (!listable || !is_path_word(name)) continue;  // a subresource has a slash in its name
        const auto base = discovery_path(apiservice);
        const bool namespaced = flag_at(resource, "namespaced");
        if (found.canary_path.empty())
            found.canary_path = base + (namespaced ? "/namespaces/default/" : "/") + name + "/aggmedic-canary";
        if (found.list_path.empty() && !unreadable.contains(base + "/" + name)) found.list_path = base + "/" + name;
        if (namespaced && !found.has_namespaces()) {
            found.before_namespace = base + "/namespaces/";
            found.after_namespace = "/" + name + "/aggmedic-canary";
        }
        if (found.list_path.empty() || !found.has_namespaces()) continue;
        break;
    }
    return found;
}

}  // namespace aggmedic::probes
