#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probes/causes/symptom.hpp"
#include "probes/certificate.hpp"
#include "probes/finding.hpp"
#include "probes/observation.hpp"

// An observation, digested once for all rules: which answers count, what each master presents to extension API servers,
// and how each aggregated API fares through each apiserver. No verdicts yet.
namespace aggmedic::probes {

// The answers on one path through one apiserver.
struct Tally {
    int fine = 0, failed = 0;
    std::map<Symptom, int> symptoms;  // of the failed ones

    void count(Symptom symptom);
    // Most attempts fail: one lost packet, or one bad replica of many, is no failure.
    bool fails() const { return failed > fine; }
};

// The attempts at one aggregated API through one apiserver whose answers count.
struct Through {
    const ApiserverView* apiserver = nullptr;
    const ApiServiceAttempts* attempts = nullptr;
    Tally discovery, resource;

    int fine() const { return discovery.fine + resource.fine; }
    bool known() const { return fine() + discovery.failed + resource.failed > 0; }
    bool fails() const { return discovery.fails() || resource.fails(); }
    int seen(Symptom symptom) const;
    Symptom main_symptom() const;  // of the paths that fail
};

// Whose identity an extension API server saw, where the answers tell.
enum class Identity {
    unknown,
    caller,  // the canary's or the probe's flow schema agrees, and would not if it were masked
    masked,  // the two flow schemas differ
    named,   // a 403 names the certificate's CN
};

// How long an aggregated API takes beside what the same apiserver answers by itself.
struct Latency {
    std::uint32_t slowest_ms = 0;  // of discovery and lists; one that got no answer in time counts with its time
    std::uint32_t control_ms = 0;  // /api, which no extension API server has a part in
    bool is_slow() const;          // far slower than the way to the apiserver explains
};
std::optional<Latency> latency_of(const Through& through);

struct ApiCase {
    const ApiService* apiservice = nullptr;  // as the first apiserver shows it
    std::vector<const ApiService*> shown;    // as each one that was asked shows it
    std::vector<Through> through;
    bool fails() const;         // through any apiserver
    bool works() const;         // known through some, failing through none
    Symptom condition() const;  // of the first condition that is False
    Symptom symptom() const;    // of the failure: the answers', the condition's where they point to it
};

// The certificate that one master (or all: empty) presents to extension API servers.
struct ProxyClient {
    std::string master;
    bool from_ssh = false;  // else: the serving certificate, which is the same file in BOSH layouts
    bool absent = false;    // the flag is not set
    Certificate leaf;
    std::vector<Certificate> intermediates;
    ChainFault fault = ChainFault::none;                         // against the published requestheader CA
    bool ended = false, not_begun = false, wrong_usage = false;  // whatever the issuer
    bool dates_disputed = false;  // by one of the clocks that may be right, and not by another
    bool name_allowed = true;
    // Up to Kubernetes 1.19, where it is read once: the file is newer than the process, which presents another one.
    bool is_renewed = false;
    bool logs_in = false;                 // also valid for the client CA: rejected as a proxy, it is an ordinary client
    std::vector<std::string> flag_names;  // the live process's own allowed names

    // The causes that this certificate is by itself, the deepest first: an expired one may lack its name as well.
    std::vector<std::string_view> causes() const;
    bool has(std::string_view cause) const;
};

struct Case {
    Case(const Observation& of, TimePoint at) : observation(of), now(at) {}

    const Observation& observation;
    TimePoint now;
    const PublishedAuth* published = nullptr;
    std::vector<const ApiserverView*> usable;  // ready, and our credential is accepted
    std::vector<ApiCase> apis;
    std::vector<ProxyClient> read;     // over SSH, one for each master that could be read
    std::vector<ProxyClient> guessed;  // from the handshakes
    std::vector<std::string> unread;   // masters that SSH is configured for and that could not be read
    bool shared_ca = false;            // a requestheader CA is a client CA too, or leads to one; or nobody can tell
    bool shared_ca_known = false;
    std::optional<int> minor;  // of Kubernetes: the lowest of those that tell, while an upgrade goes on
    // What to add to our clock for one that may be right: that of most masters and us, or each where there is no most.
    std::vector<std::chrono::milliseconds> clocks{std::chrono::milliseconds(0)};

    TimePoint true_now() const { return now + clocks.front(); }
    bool has_names() const {
        return published != nullptr && published->allowed_names && !published->allowed_names->empty();
    }
};

Case digest(const Observation& observation, TimePoint now);

// A clock beside ours, by its Date header: each master's, or the server address's where no master is asked.
struct Clock {
    const ApiserverView* apiserver = nullptr;
    std::chrono::milliseconds offset{};
};
constexpr std::chrono::seconds bearable_skew{60};  // Date has whole seconds, and issuers backdate by minutes
std::chrono::milliseconds apart(std::chrono::milliseconds a, std::chrono::milliseconds b);
std::vector<Clock> clocks_of(const std::vector<const ApiserverView*>& usable);
// The offset that more than half of these clocks and ours agree on; one against one is no such.
std::optional<std::chrono::milliseconds> agreed_offset(const std::vector<Clock>& clocks);

bool is_usable(const ApiserverView& apiserver);
Identity identity_at(const ApiCase& api, const Observation& observation, const std::vector<ProxyClient>& proxies);
// What the canary's timing adds where identity_at() is unknown: caller, masked or unknown. Only probable; where the
// certificates rule a collapse out, an answer without a permission check means another way of authorising.
Identity timed_identity_at(const ApiCase& api, const Case& seen);

}  // namespace aggmedic::probes
