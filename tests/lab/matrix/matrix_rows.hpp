#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a diagnosis has to answer for each way to break the lab.
namespace aggmedic::lab {

enum class Level {
    none,      // no fault at all: healthy
    certain,   // the cause, certain
    probable,  // the cause, probable or certain
    two,       // both causes are candidates: ambiguous, and no confident name for any API
    open       // nothing but the cause may be certain or probable: ambiguous, unobserved, or the cause itself
};

struct Row {
    std::string_view breaks;  // of `lab causes`, with + between them; empty: healthy
    std::string_view cause;   // the truth
    Level with_ssh, without_ssh;
    std::string_view allow_list{};  // empty: not compared
    std::string_view available{};   // what the conditions begin with once the break has struck
    std::string_view beside{};      // causes that may stand beside it, with spaces between them
    bool is_repairable = false;     // there is a plan
    bool one_struck = false;        // `available` holds for service catalog alone
    int from_minor = 0, to_minor = 99;
    // What the judgement cannot say before `look` dials the backends. Held to `open` until then; then the mark goes.
    bool unknown_with_ssh = false;
};

std::span<const Row> single_causes();
std::span<const Row> pairs_of_causes();  // two causes of which neither explains the other: ambiguous, and no plan

std::vector<std::string> words_of(std::string_view text, char between);

}  // namespace aggmedic::lab
