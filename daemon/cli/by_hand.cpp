#include "daemon/cli/by_hand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "daemon/cli/fields.hpp"
#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

// A basic regular expression, and the text to put in its place, between bars.
std::string escaped(std::string_view text, std::string_view special) {
    std::string out;
    for (const char character : text) {
        if (special.find(character) != std::string_view::npos) out += '\\';
        out += character;
    }
    return out;
}

struct Change {
    int line = 0;
    std::string before, after;
};

// The one line of the diff: `@@ -39 +39 @@`, `-...`, `+...`.
std::optional<Change> change_in(const nlohmann::json& master) {
    Change change;
    for (const auto& line : lines_of(master, "diff")) {
        if (line.starts_with("---") || line.starts_with("+++")) continue;
        if (line.starts_with("@@ -")) {
            if (change.line != 0) return std::nullopt;
            std::from_chars(line.data() + 4, line.data() + line.size(), change.line);
        }
        if (line.starts_with('-')) change.before = line.substr(1);
        if (line.starts_with('+')) change.after = line.substr(1);
    }
    if (change.line <= 0 || change.before.empty() || change.after.empty()) return std::nullopt;
    return change;
}

}  // namespace

ByHand by_hand(const nlohmann::json& master, const std::string& platform) {
    const auto change = change_in(master);
    auto file = text_of(master, "resolved", 4096);
    if (file.empty()) file = text_of(master, "file", 4096);
    const auto digest = text_of(master, "sha256_after");
    // What was made printable on its way is not what stands in the file.
    if (!change || file.empty() || digest.size() != 64 || change->before.contains('\\') || change->after.contains('\\'))
        return {};
    const auto quoted = typed_word(file);
    const auto saved = typed_word("/root/" + file.substr(file.rfind('/') + 1) + ".before");
    const auto sum_of = [&](const std::string& name) { return shell_quote(digest + "  " + name); };
    const auto substitution =
        fmt::format("{}s|^{}$|{}|", change->line, escaped(change->before, ".*[]^$|"), escaped(change->after, "&|"));
    const std::string restart = platform == "systemd"
                                    ? "sudo systemctl daemon-reload && sudo systemctl restart kube-apiserver"
                                    : "sudo /var/vcap/bosh/bin/monit restart kube-apiserver";
    const std::string ready = "until curl -skf https://" + text_of(master, "address") + "/readyz; do sleep 1; done";
    ByHand lines;
    if (platform == "kubeadm") {  // sed -i and cp would leave half a manifest to the kubelet, which restarts by itself
        const auto folder = file.substr(0, file.rfind('/'));
        const auto draft = folder.substr(0, folder.rfind('/')) + "/" + file.substr(file.rfind('/') + 1) + ".new";
        const auto draft_word = typed_word(draft);
        lines.change = {fmt::format("sudo cp -p {} {}", quoted, saved),
                        fmt::format("sudo cp -p {} {}", quoted, draft_word),
                        fmt::format("sudo sed -i {} {}", shell_quote(substitution), draft_word),
                        fmt::format("echo {} | sudo sha256sum -c && sudo mv {} {}", sum_of(draft), draft_word, quoted),
                        "sleep 60",
                        ready};
        lines.undo = {fmt::format("sudo cp -p {} {} && sudo mv {} {}", saved, draft_word, draft_word, quoted),
                      "sleep 60", ready};
        return lines;
    }
    lines.change = {fmt::format("sudo cp -p {} {}", quoted, saved),
                    fmt::format("sudo sed -i {} {}", shell_quote(substitution), quoted),
                    fmt::format("echo {} | sudo sha256sum -c", sum_of(file)), restart, ready};
    lines.undo = {fmt::format("sudo cp -p {} {}", saved, quoted), restart, ready};
    return lines;
}

}  // namespace aggmedic::cli
