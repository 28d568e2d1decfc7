#include <nlohmann/json.hpp>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t id_length = 12;

std::string who(const nlohmann::json& record) {
    const auto uid = number_of(record, "uid").value_or(-1);
    if (uid < 0) return "aggmedic";
    const auto user = text_of(record, "user", 32);
    return user.empty() ? "uid " + std::to_string(uid) : user;
}

}  // namespace

std::string render_audit(const nlohmann::json& result, const View& view) {
    Table table({"TIME", "WHO", "WHAT", "CLUSTER", "PLAN", "RUN", "OUTCOME", "WHY"});
    for (const auto& record : list_of(result, "records")) {
        table.add({{.text = time_of(record, "at")},
                   {.text = who(record)},
                   {.text = text_of(record, "action", 32)},
                   {.text = text_of(record, "cluster", 64)},
                   {.text = text_of(record, "plan", id_length)},
                   {.text = text_of(record, "run", 32)},
                   {.text = text_of(record, "outcome", 32)},
                   {.text = text_of(record, "text", 512)}});
    }
    return table.empty() ? "Nothing is recorded yet.\n" : table.render(view.style);
}

std::string render_audit_verdict(const nlohmann::json& result, const View& view) {
    const auto count = static_cast<std::size_t>(number_of(result, "records").value_or(0));
    const auto faults = texts_of(result, "faults");
    const auto witnessed = static_cast<std::size_t>(number_of(result, "witnessed").value_or(0));
    std::string text = "Log " + text_of(result, "log") + ", " + counted(count, "record", "records") + ".\n";
    for (const auto& fault : faults) text += "  " + tinted(view.style, Tone::bad, "CHANGED") + "  " + fault + "\n";
    if (!faults.empty()) return count == 0 ? text : text + "The log holds up to " + text_of(result, "head") + ".\n";
    if (count == 0) {
        return text +
               "Nothing outside the log was found that would tell whether anything ever was recorded (the system "
               "journal has no head of it, or this user may not read it).\n";
    }
    text += "Every record follows from the one before it; the head is " + text_of(result, "head") + ".\n";
    if (witnessed == 0) {
        return text +
               "Nothing outside the log was found to hold it against (the system journal has no head of it, or this "
               "user may not read it), so a cut-off end cannot be told: keep the head above elsewhere, and give it "
               "with --head next time.\n";
    }
    return text + counted(witnessed, "head", "heads") + " kept elsewhere when new " +
           (witnessed == 1 ? "agrees" : "agree") + ": nothing was cut off or put back.\n";
}

}  // namespace aggmedic::cli
