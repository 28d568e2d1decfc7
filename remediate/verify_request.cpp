#include "remediate/verify_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "probes/json_reading.hpp"
#include "remediate/api_state.hpp"
#include "remediate/json_path.hpp"

namespace aggmedic::remediate {
namespace {

constexpr std::size_t told_bytes_max = 48;

// A condition's status, a phase, a count; anything longer is somebody's data and is not repeated.
std::string as_told(const std::string& found) {
    return found.size() <= told_bytes_max ? "`" + printable(found, told_bytes_max) + "`" : std::string("another text");
}

VerifyAnswer judge_value(const VerifyRequest& wanted, VerifyAnswer answer, const std::string& body) {
    const std::string path = printable(wanted.json_path, 256);
    const auto read = JsonPath::parse(wanted.json_path);
    const auto document = probes::read_json_object(body);
    if (!read || !document) {
        answer.says += ", and its body is no JSON object that can be read";
        return answer;
    }
    const auto found = read->find(*document);
    if (found.value == nullptr) {
        answer.says += ", and of " + path + " " + found.why;
        return answer;
    }
    const auto text = scalar_text(*found.value);
    answer.passes = text == wanted.value;
    answer.says += ", and " + path + " is " + (text ? as_told(*text) : "no single value");
    return answer;
}

bool is_of(const std::string& path, const std::string& apiservice) {
    const auto api = apiservice_named(apiservice);
    const std::string prefix = "/apis/" + api.group + "/" + api.version;
    return path == prefix || path.starts_with(prefix + "/") || path.starts_with(prefix + "?");
}

}  // namespace

HttpRequest http_request_of(const VerifyRequest& wanted) {
    HttpRequest request;
    request.path = wanted.get;
    request.fresh_connection = true;
    return request;
}

VerifyAnswer judge_verify(const VerifyRequest& wanted, const std::string& master, const Result<HttpReply>& reply) {
    VerifyAnswer answer{.master = master, .passes = false, .says = {}};
    if (!reply) {
        answer.says = "gives no answer (" + std::string(name(reply.error().code)) + ")";
        return answer;
    }
    answer.says = "answers " + std::to_string(reply->status);
    if (static_cast<int>(reply->status) != wanted.expect_status) return answer;
    if (!wanted.json_path.empty()) return judge_value(wanted, std::move(answer), reply->body);
    answer.passes = true;
    return answer;
}

std::string words_of(const VerifyRequest& wanted) {
    std::string text = fmt::format("answers {}", wanted.expect_status);
    if (!wanted.json_path.empty())
        text += fmt::format(", and {} is `{}`", printable(wanted.json_path, 256), printable(wanted.value, 128));
    return text;
}

std::string describe_verify_request(const VerifyRequest& wanted) {
    std::string text = fmt::format("GET {} through every master {}.", printable(wanted.get, 256), words_of(wanted));
    std::vector<std::string> passing, failing;
    for (const auto& answer : wanted.before) {
        if (answer.passes) {
            passing.push_back(answer.master);
        } else {
            failing.push_back(answer.master + " " + printable(answer.says, 256));
        }
    }
    if (!failing.empty()) text += fmt::format(" Before: through {}.", fmt::join(failing, ", "));
    if (!passing.empty() && failing.empty())
        text += " It passes already, so it proves nothing of the repair, only that the repair breaks nothing there.";
    if (!passing.empty() && !failing.empty())
        text += fmt::format(" It passes already through {}.", fmt::join(passing, ", "));
    return text;
}

std::vector<Refusal> verify_answers_moved(const Plan& plan, const std::vector<VerifyRequest>& now) {
    std::vector<Refusal> moved;
    const auto refuse = [&](const VerifyRequest& wanted, const std::string& what) {
        moved.push_back({.gate = "stale",
                         .subject = plan.cluster,
                         .reason = "GET " + printable(wanted.get, 256) + what + ": plan again."});
    };
    for (std::size_t at = 0; at < plan.verify_requests.size(); ++at) {
        const auto& then = plan.verify_requests[at];
        for (const auto& before : then.before) {
            if (at >= now.size() || now[at].get != then.get) {
                refuse(then, " could not be tried again");
                break;
            }
            const auto& answers = now[at].before;
            const auto again = std::ranges::find(answers, before.master, &VerifyAnswer::master);
            if (again == answers.end()) {
                refuse(then, " could not be tried again through " + before.master);
            } else if (again->passes != before.passes) {
                refuse(then, " through " + before.master + (before.passes ? " passed" : " failed") +
                                 " when it was planned, and now it " + printable(again->says, 256));
            }
        }
    }
    return moved;
}

std::vector<std::string> verify_beyond_findings(const Plan& plan) {
    std::vector<std::string> beyond;
    const auto apis = apis_to_heal(plan);
    for (const auto& wanted : plan.verify_requests) {
        const bool fails =
            std::ranges::any_of(wanted.before, [](const VerifyAnswer& answer) { return !answer.passes; });
        const bool ours = std::ranges::any_of(apis, [&](const std::string& api) { return is_of(wanted.get, api); });
        if (fails && !ours) beyond.push_back(wanted.get);
    }
    return beyond;
}

}  // namespace aggmedic::remediate
