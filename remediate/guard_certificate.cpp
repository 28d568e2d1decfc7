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
constexpr int reloads_since = 20;  // the minor from which on kube-apiserver takes up a changed certificate by itself

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

std::optional<TimePoint> written_at(const probes::MasterView& view) {
    const auto& flags = view.process->arguments.flags;
    const auto flag = flags.find("proxy-client-cert-file");
    if (flag == flags.end()) return std::nullopt;
    const auto file = std::ranges::find_if(view.files, [&](const probes::NamedFile& each) {
        return each.flag == flag->first && each.path == flag->second.back();
    });
    return file == view.files.end() ? std::nullopt : file->modified;
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

std::optional<Refusal> gate_certificate_in_use(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    const auto* proxy = facts.proxy(master);
    if (view == nullptr || !view->process || proxy == nullptr || proxy->absent) return std::nullopt;
    const auto* apiserver = facts.apiserver(master);
    const auto minor =
        apiserver != nullptr && apiserver->version ? kubernetes_minor(*apiserver->version) : std::nullopt;
    if (minor && *minor >= reloads_since) return std::nullopt;
    const auto refuse = [&](std::string reason) {
        return Refusal{.gate = "certificate-in-use", .subject = master, .reason = std::move(reason)};
    };
    const auto written = written_at(*view);
    if (!written || !view->process->started_at) {
        return refuse(
            "Before Kubernetes 1.20 the proxy-client certificate is read once, at the start, and it is not told "
            "whether "
            "its file is older than the process: the master has to tell both times (stat, /proc).");
    }
    if (*written > *view->process->started_at) {
        return refuse(
            "The proxy-client certificate's file is newer than the process, which before Kubernetes 1.20 keeps the one "
            "that it read at its start: restart kube-apiserver, and look whether a name is missing still.");
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
