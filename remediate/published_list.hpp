#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"

// The published allowed names (the key requestheader-allowed-names of the ConfigMap
// kube-system/extension-apiserver-authentication) and the one change of them that aggmedic ever makes. Pure.
namespace aggmedic::remediate {

// Who put a name there. Foreign data keys vanish when a master writes the ConfigMap again (>= 1.17), annotations stay.
inline constexpr std::string_view added_annotation = "aggmedic/added";
inline constexpr std::string_view published_path =
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

struct PublishedList {
    std::string resource_version;
    std::optional<std::string> names_text;  // the key's value as it is stored; nullopt: there is no such key
    std::string added_text;                 // of the annotation; empty: there is none
    bool operator==(const PublishedList&) const = default;
};
// The answer of a GET or a PATCH. Errors: malformed_reply when it is not this ConfigMap, or has no resourceVersion.
Result<PublishedList> read_published_list(std::string_view config_map_json);

// nullopt: not a JSON list of strings.
std::optional<std::vector<std::string>> names_of(const PublishedList& list);
// That the annotation says aggmedic added, by hand, outside of any master's arguments.
bool is_marked_as_added(const PublishedList& list, std::string_view name);

// What one master holds of the name that is to go. A live process publishes it again within 0.2 s, a stopped one and
// one that cannot be reached at their next start.
struct NameHolder {
    std::string master;
    enum class Holds { nothing, in_file, in_process, not_known } holds = Holds::not_known;
    std::string why;  // of not_known
};

enum class Change { add, withdraw };
struct ListWish {
    Change change = Change::add;
    std::string name;
    // Withdrawing: that the plan found the list without the name. Only then is the element ours.
    bool added_by_us = false;
    // Withdrawing: that it was added to the ConfigMap alone, so that the annotation must still say so.
    bool needs_mark = false;
    std::vector<NameHolder> holders{};  // withdrawing: every configured master; one that is left out is not allowed
    std::size_t master_count = 0;
};

enum class ListAnswer {
    changed,              // send `patch`
    already_right,        // the list is as wished; nothing is to be sent
    refused_not_a_list,   // the key is missing or no JSON list of strings: the masters leave such a value alone too
    refused_open_list,    // it is empty: any name passes, and adding one would narrow access
    refused_name,         // not a name that may be put on a list (probes/common_name.hpp)
    refused_not_ours,     // it was there before, or is there twice, or somebody took our mark away
    refused_held,         // a live process or a file still holds it
    refused_not_known,    // not every master could be looked at
    refused_would_empty,  // the list without it would let any name pass
};
std::string_view name(ListAnswer answer) noexcept;  // not-ours, held, ...

struct ListEdit {
    ListAnswer answer = ListAnswer::refused_not_a_list;
    std::string reason;                    // one sentence, printable
    std::string patch{};                   // of changed: the body of a merge PATCH, bound to the resourceVersion
    std::vector<std::string> names_after;  // of changed and already_right
};

// Never drops, reorders or adds an element but the one that is wished.
ListEdit edit_published_list(const PublishedList& list, const ListWish& wish);

}  // namespace aggmedic::remediate
