#include "tests/model/answers.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aggmedic::model {
namespace {

constexpr std::size_t chunked_above_bytes = 2048;

void add_flow_headers(std::vector<Header>& headers, const RequestTrace& trace) {
    if (!trace.identity) return;
    const FlowUids uids = trace.flow_schemas_known ? flow_uids(*trace.identity) : FlowUids{};
    headers.push_back({"X-Kubernetes-Pf-Flowschema-Uid", uids.flow_schema});
    headers.push_back({"X-Kubernetes-Pf-Prioritylevel-Uid", uids.priority_level});
}

// Stable, so that two lines of one name keep their order (libstdc++ 12's stable_sort warns under clang 19).
void sort_by_name(std::vector<Header>& headers) {
    std::vector<Header> sorted;
    for (Header& header : headers) {
        const auto place = std::ranges::upper_bound(sorted, header.name, {}, &Header::name);
        sorted.insert(place, std::move(header));
    }
    headers = std::move(sorted);
}

// The headers that kube-apiserver's filters put on every answer.
std::vector<Header> filter_headers(Generation generation, const RequestTrace& trace) {
    std::vector<Header> headers;
    if (!generation.has_flow_schemas()) return headers;
    if (!trace.audit_id.empty()) headers.push_back({"Audit-Id", trace.audit_id});
    headers.push_back({"Cache-Control", "no-cache, private"});
    add_flow_headers(headers, trace);
    return headers;
}

void append_date_and_length(Answer& answer, const RequestTrace& trace) {
    answer.headers.push_back({"Date", trace.date});
    if (answer.body.size() > chunked_above_bytes) {
        answer.headers.push_back({"Transfer-Encoding", "chunked"});
    } else {
        answer.headers.push_back({"Content-Length", std::to_string(answer.body.size())});
    }
}

std::string_view content_type(Content content) {
    return content == Content::json ? "application/json" : "text/plain; charset=utf-8";
}

// http.Error and the 403 writer set nosniff; plain JSON answers and the authentication 401 do not.
bool has_nosniff(int status, Content content) {
    return status == 403 || content == Content::text;
}

}  // namespace

FlowUids flow_uids(const Identity& identity) {
    if (identity.in("system:masters"))
        return {"0e3c6a01-e9e9-4f4a-b1e0-89b0cac50554", "bf42ed11-9005-47be-9436-7b6c3ea4f140"};
    return {"c506f357-cc7d-4161-907b-56071fc937b1", "a604b5d2-a9c9-4c6b-8947-8d907caa1684"};
}

std::string status_body(int code, std::string_view reason, std::string_view message, std::string_view details) {
    using Json = nlohmann::ordered_json;
    Json body = {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Failure"}};
    body["message"] = message;
    body["reason"] = reason;
    if (!details.empty()) body["details"] = Json::parse(details);
    body["code"] = code;
    return body.dump() + "\n";
}

Answer own_answer(Generation generation, const RequestTrace& trace, int status, Content content, std::string body) {
    Answer answer{.status = status, .headers = filter_headers(generation, trace), .body = std::move(body)};
    answer.headers.push_back({"Content-Type", std::string(content_type(content))});
    if (has_nosniff(status, content)) answer.headers.push_back({"X-Content-Type-Options", "nosniff"});
    sort_by_name(answer.headers);
    append_date_and_length(answer, trace);
    return answer;
}

Answer status_answer(Generation generation, const RequestTrace& trace, int status, std::string_view reason,
                     std::string_view message, std::string_view details) {
    return own_answer(generation, trace, status, Content::json, status_body(status, reason, message, details));
}

Answer unauthorized_answer(Generation generation, const RequestTrace& trace) {
    RequestTrace nobody = trace;
    nobody.identity.reset();
    return status_answer(generation, nobody, 401, "Unauthorized", "Unauthorized");
}

Answer forbidden_answer(Generation generation, const RequestTrace& trace, const Attributes& what) {
    const Refused refused = forbidden(generation, trace.identity.value_or(anonymous()), what);
    return status_answer(generation, trace, 403, "Forbidden", refused.message, refused.details);
}

Answer starting_answer(Generation generation, const RequestTrace& trace) {
    Answer answer = status_answer(generation, trace, 503, "ServiceUnavailable", "server is starting",
                                  R"({"retryAfterSeconds":10})");
    const auto after_content_type = std::ranges::find(answer.headers, "Content-Type", &Header::name) + 1;
    answer.headers.insert(after_content_type, {"Retry-After", "10"});
    return answer;
}

Answer passed_on_answer(Generation generation, const RequestTrace& trace, const Answer& backend) {
    Answer answer{.status = backend.status, .headers = filter_headers(generation, trace), .body = backend.body};
    for (const Header& header : backend.headers) {
        const bool replaced = header.name == "Audit-Id";  // the aggregator's own id wins
        if (!replaced) answer.headers.push_back(header);
    }
    sort_by_name(answer.headers);
    return answer;
}

Answer extension_answer(Generation library, const RequestTrace& trace, int status, Content content, std::string body) {
    Answer answer{.status = status, .headers = {}, .body = std::move(body)};
    answer.headers.push_back({"Content-Type", std::string(content_type(content))});
    if (has_nosniff(status, content)) answer.headers.push_back({"X-Content-Type-Options", "nosniff"});
    if (library.has_flow_schemas()) {
        answer.headers.push_back({"Cache-Control", "no-cache, private"});
        add_flow_headers(answer.headers, trace);
    }
    sort_by_name(answer.headers);
    answer.headers.push_back({"Date", trace.date});
    answer.headers.push_back({"Content-Length", std::to_string(answer.body.size())});
    return answer;
}

}  // namespace aggmedic::model
