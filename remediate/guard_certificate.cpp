#include <algorithm>

#include "net/text.hpp"
#include "probes/certificate_key.hpp"
#include "remediate/guard.hpp"

// Gates about the certificate that a master presents: a name repairs nothing unless all else of it is accepted, and
// only if it is the one in use.
namespace aggmedic::remediate {
namespace {

constexpr std::chrono::minutes margin_before{5};  // clocks differ
constexpr std::chrono::hours margin_after{24};    // a repair for a certificate that ends tomorrow buys nothing

// Why the chain is none to plan on although it verifies now; empty: nothing speaks against it.
std::string doubt(const probes::ProxyClient& proxy, const std::vector<probes::Certificate>& roots, TimePoint now) {
    const auto holds_at = [&](TimePoint at) {
        return probes::verify_client_chain(proxy.leaf, proxy.intermediates, roots, at) == probes::ChainFault::none;
    };
    if (proxy.leaf.not_before > now - margin_before)
        return "The proxy-client certificate became valid less than 5 minutes ago: wait.";
    if (proxy.leaf.not_after < now + margin_after)
        return "The proxy-client certificate ends within 24 hours: renew it first.";
    if (!holds_at(now - margin_before))
        return "The CA that the proxy-client certificate leads to became valid less than 5 minutes ago: wait.";
    if (!holds_at(now + margin_after))
        return "The CA that the proxy-client certificate leads to ends within 24 hours: renew it first.";
    if (probes::is_too_weak(proxy.leaf, proxy.intermediates, roots)) {
        return "The proxy-client certificate rests on a SHA-1 or MD5 signature or on an RSA key below 1024 bits, which "
               "extension API servers of newer libraries refuse whatever the name: reissue it first.";
    }
    return {};
}

}  // namespace

std::optional<Refusal> gate_certificate(const Facts& facts, const std::string& master) {
    if (facts.published() == nullptr || facts.view(master) == nullptr || !facts.view(master)->process)
        return std::nullopt;
    const auto refuse = [&](std::string reason) {
        return Refusal{.gate = "certificate", .subject = master, .reason = std::move(reason)};
    };
    const auto* proxy = facts.proxy(master);
    if (proxy == nullptr)
        return refuse("The proxy-client certificate in use could not be read: its file must hold a certificate.");
    if (proxy->absent) return refuse("The process runs without --proxy-client-cert-file: a name would change nothing.");
    if (proxy->fault != probes::ChainFault::none) {
        return refuse("The proxy-client certificate fails against the published requestheader CA (" +
                      std::string(probes::name(proxy->fault)) + "): a name would change nothing.");
    }
    // What is planned rests on the name: it has to be the one that the certificate's own bytes carry.
    if (!probes::is_intact(proxy->leaf))
        return refuse("What was read of the proxy-client certificate does not agree with its bytes: look again.");
    if (auto why = doubt(*proxy, facts.published()->requestheader_ca, facts.input.now); !why.empty())
        return refuse(std::move(why));
    return std::nullopt;
}

}  // namespace aggmedic::remediate
