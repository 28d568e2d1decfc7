#include "probes/answer.hpp"

#include "net/text.hpp"
#include "probes/apiserver.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t kept_bytes = 512;
constexpr std::size_t kept_lines = 4;        // two are expected; a hostile server may send thousands
constexpr std::size_t kept_line_bytes = 64;  // a UID has 36

// Scheme, host and path: userinfo and query may hold a credential.
std::string where_to(std::string_view location) {
    location = location.substr(0, location.find_first_of("?#"));
    const auto authority = location.find("//");
    const auto host = authority == std::string_view::npos ? 0 : authority + 2;
    const auto userinfo = location.substr(host, location.find('/', host) - host).rfind('@');
    const auto from = userinfo == std::string_view::npos ? host : host + userinfo + 1;
    return printable(std::string(location.substr(0, host)) + std::string(location.substr(from)), kept_bytes);
}

}  // namespace

Answer answer_of(const Result<HttpReply>& reply, TimePoint at, std::chrono::milliseconds took) {
    Answer answer;
    answer.at = at;
    answer.milliseconds = static_cast<std::uint32_t>(std::max<std::int64_t>(0, took.count()));
    if (!reply) {
        answer.failure = name(reply.error().code);
        answer.failure_detail = printable(reply.error().detail, kept_bytes);
        return answer;
    }
    answer.status = reply->status;
    if (reply->status != 200) answer.body = reply->body.substr(0, kept_bytes);
    if (reply->status / 100 == 3) answer.location = where_to(reply->first("Location").value_or(""));
    if (reply->status == 403) answer.forbidden_user = parse_forbidden_user(reply->body);
    for (const auto& line : reply->all("X-Kubernetes-Pf-Flowschema-Uid")) {
        if (answer.flow_schemas.size() < kept_lines) answer.flow_schemas.push_back(line.substr(0, kept_line_bytes));
    }
    return answer;
}

Unobserved refusal_of(const Result<HttpReply>& reply, std::string_view permission) {
    if (!reply) return unobserved(reply.error());
    if (reply->status == 403) return {.reason = "forbidden", .detail = "the probe may not " + std::string(permission)};
    if (reply->status == 404) return {.reason = "not-found", .detail = "HTTP 404"};
    return {.reason = "status", .detail = "HTTP " + std::to_string(reply->status)};
}

Seen<std::int64_t> clock_offset_of(const HttpReply& reply, TimePoint at, std::chrono::milliseconds took) {
    const auto date = from_http_date(reply.first("Date").value_or(""));
    if (!date) return Unobserved{.reason = "not-found", .detail = "no Date header"};
    return (*date - (at + took / 2)).count();
}

}  // namespace aggmedic::probes
