#pragma once

#include <string>
#include <variant>

#include "tests/model/generation.hpp"

// The Available condition of an APIService, as one master's availability controller sees it.
namespace aggmedic::model {

struct Answered {
    int status = 200;
};
struct ConnectionRefused {};
struct TimedOut {};
struct NoAddresses {};     // the service has no endpoints
struct ServiceMissing {};  // the APIService names a service that is not there
struct Broken {            // no answer, with the words of Go's HTTP client
    std::string text;
};
using CheckResult = std::variant<Answered, ConnectionRefused, TimedOut, NoAddresses, ServiceMissing, Broken>;

struct CheckedService {
    std::string name_space, name;
    std::string address;  // host:port of the endpoint that was asked
    std::string group, version;
};

struct Condition {
    bool available = true;
    std::string reason, message;
    bool operator==(const Condition&) const = default;
};

// Before 1.36 the check does not verify the serving certificate, so a wrong caBundle is no result for it; from there on
// it is Broken.
Condition judge_availability(Generation generation, const CheckedService& service, const CheckResult& result);

// What users get while the condition is not True: 503 text/plain.
inline constexpr const char* unavailable_body = "service unavailable\n";
std::string unreachable_body(const CheckedService& service);  // the condition is still True, the connection is refused
inline constexpr const char* untrusted_body =
    "error trying to reach service: x509: certificate signed by unknown authority\n";

}  // namespace aggmedic::model
