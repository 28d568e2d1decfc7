#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"

namespace aggmedic::probes {

enum class Severity { critical, warning, info };
enum class Confidence {
    certain,    // file and ConfigMap were read, or the answer itself proves it
    probable,   // inferred without SSH
    ambiguous,  // several causes, of which none explains the others
};
enum class AllowList {
    right,      // adding the certificate's CN is the repair
    wrong,      // it would change nothing, or hide the fault
    dangerous,  // it would work, and let others in
    none,       // not a question here
};
enum class FindingClass {
    fault,     // something does not work, or will not
    security,  // all works, and somebody is let in: not counted in the cluster's state
};
std::string_view name(Severity);
std::string_view name(Confidence);
std::string_view name(AllowList);
std::string_view name(FindingClass);

// One row of the one table of causes; the ids are labels, file names of docs/causes/ and what scripts compare.
struct Cause {
    std::string_view id;      // cn-not-allowed
    std::string_view number;  // AGG-01; empty for causes of our own
    Severity severity;
    std::string_view meaning;  // one sentence
    std::string_view remedy;   // what to do, one or two sentences
};
std::span<const Cause> causes();
const Cause* find_cause(std::string_view id);

struct Evidence {
    std::string fact;    // one sentence, printable
    std::string source;  // configmap, apiservice, answer, metrics, ssh, tls
    std::string master;  // empty: the cluster
    bool operator==(const Evidence&) const = default;
};
struct RuledOut {
    std::string cause, because;
    bool operator==(const RuledOut&) const = default;
};

// A cause at one moment. Identity over time: cause + master + apiservice.
struct Finding {
    std::string cause;
    Severity severity = Severity::critical;
    std::string master;              // empty: the whole cluster
    std::string apiservice;          // empty: all or none in particular
    std::optional<TimePoint> since;  // filled by track, or by the APIService's condition
    Confidence confidence = Confidence::probable;
    std::string consequence_of;  // the cause that explains this one
    AllowList allow_list = AllowList::none;
    std::vector<std::string> candidates;  // for ambiguous: every cause that fits, this one first
    std::string common_name;              // of the proxy-client certificate where it matters; raw bytes
    std::vector<Evidence> evidence;
    std::vector<RuledOut> rules_out;
    std::string remedy;
    FindingClass finding_class = FindingClass::fault;  // "class" in JSON
    bool operator==(const Finding&) const = default;
};

struct UnobservedFact {
    std::string what, master, reason;
    // The ids of the causes that this hides, where it is optional evidence: nothing else freezes over it, and a cluster
    // is not unknown for it. Empty: it hides as its `what` and `master` say.
    std::vector<std::string> causes{};
    bool operator==(const UnobservedFact&) const = default;
};

enum class ClusterState { healthy, findings, unknown };
std::string_view name(ClusterState);

// What one observation means.
struct Assessment {
    std::string cluster;
    TimePoint at{};
    std::string kubernetes;  // v1.20.2; empty: unknown
    std::vector<Finding> findings;
    std::vector<UnobservedFact> unobserved;
    bool operator==(const Assessment&) const = default;
};
// findings if there are any (info and security ones do not count), else unknown if anything but optional evidence was
// not observed, else healthy.
ClusterState state_of(const Assessment& assessment);

// The JSON of `check` (design 5.1): names and texts made printable.
nlohmann::json to_json(const Assessment& assessment);
nlohmann::json to_json(const Finding& finding);
Result<Assessment> parse_assessment(std::string_view json);

}  // namespace aggmedic::probes
