#include "remediate/published_list.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "net/text.hpp"
#include "probes/common_name.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;
using Holds = NameHolder::Holds;

constexpr const char* names_key = "requestheader-allowed-names";

constexpr std::array<std::pair<ListAnswer, std::string_view>, 9> answers{{
    {ListAnswer::changed, "changed"},
    {ListAnswer::already_right, "already-right"},
    {ListAnswer::refused_not_a_list, "not-a-list"},
    {ListAnswer::refused_open_list, "open-list"},
    {ListAnswer::refused_name, "name"},
    {ListAnswer::refused_not_ours, "not-ours"},
    {ListAnswer::refused_held, "held"},
    {ListAnswer::refused_not_known, "not-known"},
    {ListAnswer::refused_would_empty, "would-empty"},
}};

// nullopt where the member is there and is of another kind.
std::optional<std::string> text_member(const json& object, std::string_view key) {
    const auto found = object.find(key);
    if (found == object.end()) return std::string();
    if (!found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

Names marked_names(std::string_view text) {
    Names names;
    for (auto& name : split(text, ',')) {
        if (!name.empty()) names.emplace_back(name);
    }
    return names;
}

std::string joined(const Names& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
    return text;
}

ListEdit refuse(ListAnswer answer, std::string reason) {
    return {.answer = answer, .reason = std::move(reason), .names_after = {}};
}

ListEdit change(const PublishedList& list, Names after, const Names& marked, std::string reason) {
    const auto invalid = json::error_handler_t::replace;
    json annotation = marked.empty() ? json(nullptr) : json(joined(marked));
    const json patch{
        {"metadata",
         {{"resourceVersion", list.resource_version}, {"annotations", {{added_annotation, std::move(annotation)}}}}},
        {"data", {{names_key, json(after).dump(-1, ' ', false, invalid)}}}};
    return {.answer = ListAnswer::changed,
            .reason = std::move(reason),
            .patch = patch.dump(-1, ' ', false, invalid),
            .names_after = std::move(after)};
}

ListEdit add(const PublishedList& list, const ListWish& wish, Names names) {
    if (const auto why = probes::common_name_refusal(wish.name); !why.empty())
        return refuse(ListAnswer::refused_name, printable(why, 256));
    if (names.empty())
        return refuse(ListAnswer::refused_open_list,
                      "no allowed names are published, so any name is accepted: adding one would narrow access");
    if (std::ranges::find(names, wish.name) != names.end())
        return {.answer = ListAnswer::already_right,
                .reason = "the list holds " + wish.name,
                .names_after = std::move(names)};
    names.push_back(wish.name);
    auto marked = marked_names(list.added_text);
    if (std::ranges::find(marked, wish.name) == marked.end()) marked.push_back(wish.name);
    return change(list, std::move(names), marked, wish.name + " is added at the end of the list");
}

// What keeps the name from being taken out although it is ours; nullopt: nothing.
std::optional<ListEdit> held(const ListWish& wish) {
    if (wish.holders.size() < wish.master_count || wish.holders.empty())
        return refuse(ListAnswer::refused_not_known, "not every master was looked at");
    for (const auto& holder : wish.holders) {
        if (holder.holds != Holds::not_known) continue;
        return refuse(ListAnswer::refused_not_known, holder.master + " cannot be looked at (" +
                                                         printable(holder.why, 200) +
                                                         "): if it holds the name it adds it again at its next start");
    }
    for (const auto& holder : wish.holders) {
        if (holder.holds == Holds::nothing) continue;
        const bool live = holder.holds == Holds::in_process;
        return refuse(ListAnswer::refused_held,
                      (live ? "the kube-apiserver of " + holder.master + " runs with " + wish.name +
                                  " and would publish it again at once"
                            : "the arguments file of " + holder.master + " holds " + wish.name +
                                  " and would publish it again at the next start"));
    }
    return std::nullopt;
}

ListEdit withdraw(const PublishedList& list, const ListWish& wish, Names names) {
    const auto times = std::ranges::count(names, wish.name);
    if (times == 0)
        return {.answer = ListAnswer::already_right,
                .reason = "the list does not hold " + wish.name,
                .names_after = std::move(names)};
    if (!wish.added_by_us) return refuse(ListAnswer::refused_not_ours, wish.name + " was published before this run");
    if (wish.needs_mark && !is_marked_as_added(list, wish.name))
        return refuse(ListAnswer::refused_not_ours, "the annotation " + std::string(added_annotation) +
                                                        " does not name " + wish.name +
                                                        " any more: somebody took it over");
    if (times > 1) return refuse(ListAnswer::refused_not_ours, wish.name + " is on the list more than once");
    if (auto against = held(wish)) return *against;
    if (names.size() == 1)
        return refuse(ListAnswer::refused_would_empty,
                      "without " + wish.name + " the list would be empty, and any name would pass");
    std::erase(names, wish.name);
    auto marked = marked_names(list.added_text);
    std::erase(marked, wish.name);
    return change(list, std::move(names), marked, wish.name + " is taken out of the list");
}

}  // namespace

std::string_view name(ListAnswer answer) noexcept {
    return std::ranges::find(answers, answer, &std::pair<ListAnswer, std::string_view>::first)->second;
}

Result<PublishedList> read_published_list(std::string_view text) {
    const auto document = json::parse(text, nullptr, false);
    const auto malformed = [](const char* what) { return fail(Errc::malformed_reply, what); };
    if (!document.is_object() || document.value("kind", json()) != "ConfigMap")
        return malformed("the answer is no ConfigMap");
    const json metadata = document.value("metadata", json::object()), data = document.value("data", json::object());
    if (!metadata.is_object() || metadata.value("name", json()) != "extension-apiserver-authentication")
        return malformed("the answer is another ConfigMap");
    PublishedList list;
    const auto version = text_member(metadata, "resourceVersion");
    if (!version || version->empty()) return malformed("the ConfigMap has no resourceVersion to bind a change to");
    list.resource_version = *version;
    if (data.is_object() && data.contains(names_key) && data[names_key].is_string())
        list.names_text = data[names_key].get<std::string>();
    const json annotations = metadata.value("annotations", json::object());
    if (annotations.is_object()) list.added_text = text_member(annotations, added_annotation).value_or("");
    return list;
}

std::optional<std::vector<std::string>> names_of(const PublishedList& list) {
    if (!list.names_text) return std::nullopt;
    const auto document = json::parse(*list.names_text, nullptr, false);
    if (!document.is_array()) return std::nullopt;
    Names names;
    for (const auto& each : document) {
        if (!each.is_string()) return std::nullopt;
        names.push_back(each.get<std::string>());
    }
    return names;
}

bool is_marked_as_added(const PublishedList& list, std::string_view name) {
    const auto marked = marked_names(list.added_text);
    return std::ranges::find(marked, name) != marked.end();
}

ListEdit edit_published_list(const PublishedList& list, const ListWish& wish) {
    auto names = names_of(list);
    if (!names)
        return refuse(ListAnswer::refused_not_a_list,
                      "the published allowed names are no JSON list of strings: correct them by hand");
    return wish.change == Change::add ? add(list, wish, std::move(*names)) : withdraw(list, wish, std::move(*names));
}

}  // namespace aggmedic::remediate
