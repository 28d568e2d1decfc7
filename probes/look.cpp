#include "probes/look.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>

#include "net/text.hpp"
#include "probes/look_draft.hpp"
#include "probes/look_facts.hpp"
#include "probes/platform.hpp"

namespace aggmedic::probes {

namespace {

bool decimal(std::string_view word, double& value) {
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value, std::chars_format::fixed);
    return parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() && value >= 0 && value < 1e10;
}
bool is_hex(std::string_view word, std::size_t size) {
    return word.size() == size && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string> read_cmdline(std::string_view bytes) {
    std::vector<std::string> argv;
    if (bytes.ends_with('\0')) bytes.remove_suffix(1);
    for (const auto word : split(bytes, '\0')) argv.emplace_back(word);
    return argv;
}

bool read_process(const Words& words, LookDraft& draft) {
    LookedProcess process;
    std::string cmdline;
    if (!number(words[1], process.pid) || !number(words[2], process.parent) || !number(words[3], process.start_ticks) ||
        !bytes_of(words[4], cmdline)) {
        return draft.refuse("a process line is malformed");
    }
    process.argv = read_cmdline(cmdline);
    if (draft.processes.size() >= 64) return draft.refuse("too many processes");
    draft.processes.push_back(std::move(process));
    return true;
}

bool read_named(const Words& words, LookDraft& draft) {
    NamedFile file;
    file.flag = words[1];
    std::ranges::replace(file.flag, '_', '-');  // as kube-apiserver reads flag names
    std::string pem;
    const bool states =
        (words[3] == "exists" || words[3] == "missing") && (words[4] == "readable" || words[4] == "unreadable");
    if (!states || !bytes_of(words[2], file.path) || !bytes_of(words[5], pem)) {
        return draft.refuse("a named line is malformed");
    }
    file.exists = words[3] == "exists";
    file.readable = words[4] == "readable";
    // A file whose certificates cannot be read has none for the judgement, as an empty one has.
    if (auto certificates = parse_certificates(pem)) file.certificates = std::move(*certificates);
    if (draft.look.view.files.size() >= 256) return draft.refuse("too many named files");
    draft.look.view.files.push_back(std::move(file));
    return true;
}

bool read_monit(const Words& words, LookDraft& draft) {
    int exit_status = 0;
    std::string out, err;
    if (!number(words[1], exit_status) || !bytes_of(words[2], out) || !bytes_of(words[3], err)) {
        return draft.refuse("the monit line is malformed");
    }
    auto state = parse_monit_status(out, err, exit_status);
    draft.look.view.supervisor = state ? Seen<SupervisorState>(std::move(*state)) : unobserved(state.error());
    return true;
}

bool read_systemd(const Words& words, LookDraft& draft) {
    std::string text;
    if (!bytes_of(words[1], text)) return false;
    auto state = parse_systemd_status(text);
    draft.look.view.supervisor = state ? Seen<SupervisorState>(std::move(*state)) : unobserved(state.error());
    return true;
}

// OWNER GROUP MODE SIZE
bool read_owner(std::span<const std::string_view> words, FileFacts& file) {
    if (words[2].size() > 5 || words[2].find_first_not_of("01234567") != std::string_view::npos ||
        !number(words[3], file.size)) {
        return false;
    }
    file.owner = words[0];
    file.group = words[1];
    file.mode = words[2];
    return true;
}

bool read_stat(const Words& words, LookDraft& draft) {
    return read_owner(std::span(words).subspan(1), draft.look.view.args_file) || draft.refuse("file.stat is malformed");
}

// source PATH RESOLVED OWNER GROUP MODE SIZE SHA256 BYTES
bool read_source(const Words& words, LookDraft& draft) {
    FileFacts facts;
    SourceFile file;
    if (draft.look.sources.size() >= 64) return draft.refuse("too many files of a unit");
    if (!bytes_of(words[1], facts.path) || !bytes_of(words[2], facts.resolved) ||
        !read_owner(std::span(words).subspan(3), facts) || !bytes_of(words[8], file.bytes))
        return false;
    facts.sha256 = words[7];
    if (file.bytes.size() != facts.size || sha256_hex(file.bytes) != facts.sha256)
        return draft.refuse("a file's bytes do not match its size and digest");
    file.path = facts.path;
    draft.look.sources.push_back(std::move(file));
    draft.source_facts.push_back(std::move(facts));
    return true;
}

bool read_kilobytes(std::string_view word, std::uint64_t& bytes) {
    std::uint64_t kilobytes = 0;
    if (!number(word, kilobytes) || kilobytes > (std::uint64_t{1} << 50)) return false;
    bytes = kilobytes * 1024;
    return true;
}

const std::map<std::string_view, LookKey>& keys() {
    const auto text = [](std::string MasterView::* member) {
        return [member](const Words& w, LookDraft& d) {
            d.look.view.*member = w[1];
            return true;
        };
    };
    const auto file_text = [](std::string FileFacts::* member) {
        return [member](const Words& w, LookDraft& d) { return bytes_of(w[1], d.look.view.args_file.*member); };
    };
    const auto size = [](std::uint64_t MasterView::* member) {
        return [member](const Words& w, LookDraft& d) { return read_kilobytes(w[1], d.look.view.*member); };
    };
    static const std::map<std::string_view, LookKey> table{
        {"boot_id", {2, false, text(&MasterView::boot_id)}},
        {"hostname", {2, false, [](const Words& w, LookDraft& d) { return bytes_of(w[1], d.look.view.hostname); }}},
        {"uptime", {2, false, [](const Words& w, LookDraft& d) { return decimal(w[1], d.look.view.uptime_seconds); }}},
        {"clock",
         {2, false,
          [](const Words& w, LookDraft& d) {
              std::int64_t nanoseconds = 0;
              if (!number(w[1], nanoseconds)) return false;
              d.clock_ms = nanoseconds / 1'000'000;
              return true;
          }}},
        {"file.path", {2, false, file_text(&FileFacts::path)}},
        {"file.resolved", {2, false, file_text(&FileFacts::resolved)}},
        {"file.stat", {5, false, read_stat}},
        {"file.sha256",
         {2, false,
          [](const Words& w, LookDraft& d) {
              d.look.view.args_file.sha256 = w[1];
              return is_hex(w[1], 64);
          }}},
        {"file.bytes",
         {2, false, [](const Words& w, LookDraft& d) { return bytes_of(w[1], d.look.sources.emplace_back().bytes); }}},
        {"platform",
         {2, false,
          [](const Words& w, LookDraft& d) {
              d.look.view.platform = w[1];
              return !w[1].empty() && w[1].size() <= 16 &&
                     w[1].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
          }}},
        {"source", {9, true, read_source}},
        {"systemd", {2, false, read_systemd}},
        {"file.missing",
         {2, false,
          [](const Words& w, LookDraft& d) {
              d.file_missing = true;
              d.missing_reason = w[1];
              return true;
          }}},
        {"pid",
         {2, false,
          [](const Words& w, LookDraft& d) {
              if (w[1] == "none") return true;
              return number(w[1], d.pid.emplace());
          }}},
        {"process", {5, true, read_process}},
        {"named", {6, true, read_named}},
        {"monit", {4, false, read_monit}},
        {"disk_free_kb", {2, false, size(&MasterView::disk_free_bytes)}},
        {"memory_available_kb", {2, false, size(&MasterView::memory_available_bytes)}},
        {"lock", {2, false, [](const Words& w, LookDraft& d) { return bytes_of(w[1], d.look.view.lock); }}},
        {"backup",
         {2, true,
          [](const Words& w, LookDraft& d) {
              return d.look.view.backups.size() < 256 && bytes_of(w[1], d.look.view.backups.emplace_back());
          }}},
    };
    return table;
}

const LookKey* key_called(std::string_view name) {
    for (const auto* table : {&keys(), &fact_keys()}) {
        if (const auto found = table->find(name); found != table->end()) return &found->second;
    }
    return nullptr;
}

bool read_line(std::string_view line, LookDraft& draft) {
    const auto words = split(line, ' ');
    const auto* found = key_called(words[0]);
    if (found == nullptr) return draft.refuse("unknown key " + printable(words[0], 64));
    const auto& key = *found;
    const std::string what(words[0]);
    // A reason is a sentence; every other line has its fixed number of words.
    if (words.size() != key.words && !(words[0] == "file.missing" && words.size() > 2)) {
        return draft.refuse(what + " has the wrong number of words");
    }
    if (!key.repeats && !draft.seen.insert(what).second) return draft.refuse(what + " came twice");
    if (!key.read(words, draft)) return draft.refuse(what + " is malformed");
    if (words[0] == "file.missing") draft.missing_reason = line.substr(what.size() + 1);
    return true;
}

Result<void> want_keys(const LookDraft& draft, std::initializer_list<std::string_view> keys) {
    for (const auto key : keys) {
        if (!draft.seen.contains(key)) return fail(Errc::malformed_reply, "look: " + std::string(key) + " is missing");
    }
    return {};
}

// One file of its own or the files of a unit, there or missing: not two of these.
Result<void> check_one_kind(const LookDraft& draft, bool has_units) {
    const auto came = [&](std::string_view key) { return draft.seen.contains(key); };
    const bool has_file = came("file.resolved") || came("file.stat") || came("file.sha256") || came("file.bytes");
    if (has_file && (has_units || draft.file_missing))
        return fail(Errc::malformed_reply, "look: a file beside a unit, or beside that it is missing");
    if (!draft.source_facts.empty() && !has_units)
        return fail(Errc::malformed_reply, "look: files of a unit on another platform");
    return {};
}

// Disk and memory may be missing: nothing known of them is no room.
Result<void> check_complete(const LookDraft& draft) {
    const auto& look = draft.look;
    const bool has_units = look.view.platform == "systemd";
    if (auto complete = want_keys(draft, {"boot_id", "uptime", "clock", "pid"}); !complete) return complete;
    if (find_platform(look.view.platform) != nullptr) {
        const auto* supervisor = has_units ? "systemd" : look.view.platform == "kubeadm" ? "kubelet" : "monit";
        if (auto complete = want_keys(draft, {supervisor}); !complete) return complete;
    }
    if (auto one = check_one_kind(draft, has_units); !one) return one;
    if (draft.file_missing) return {};
    if (has_units) {  // each of its files was checked with its line
        return look.sources.empty() ? fail(Errc::malformed_reply, "look: source is missing")
                                    : want_keys(draft, {"file.path"});
    }
    const auto complete = want_keys(draft, {"file.path", "file.resolved", "file.stat", "file.sha256", "file.bytes"});
    if (!complete) return complete;
    if (look.sources.size() != 1) return fail(Errc::malformed_reply, "look: there is more than one file");
    const auto& bytes = look.sources.front().bytes;
    if (bytes.size() != look.view.args_file.size || sha256_hex(bytes) != look.view.args_file.sha256)
        return fail(Errc::malformed_reply, "look: the file's bytes do not match its size and digest");
    return {};
}

}  // namespace

Result<Look> parse_look(std::string_view master, std::string_view output, TimePoint asked, TimePoint answered) {
    auto lines = split(output, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    if (lines.empty() || lines.front() != "aggmedic-look 1")
        return fail(Errc::malformed_reply, "look: no aggmedic-look 1 line");
    if (lines.back() != "end") return fail(Errc::malformed_reply, "look: the output was cut");
    LookDraft draft;
    draft.look.view.master = master;
    draft.look.view.platform = "bosh";
    draft.look.view.supervisor = Unobserved{};
    for (std::size_t at = 1; at + 1 < lines.size(); ++at) {
        if (!read_line(lines[at], draft)) return fail(Errc::malformed_reply, "look: " + draft.fault);
    }
    if (auto complete = check_complete(draft); !complete) return std::unexpected(complete.error());
    if (draft.file_missing) draft.look.sources.clear();  // those of a unit that came before one that is too large
    // Of bosh's one file the reader's words need no path; a manifest's place is told with it.
    if (draft.look.view.platform == "kubeadm" && !draft.look.sources.empty())
        draft.look.sources.front().path = draft.look.view.args_file.path;
    assemble(draft, asked, answered);
    return std::move(draft.look);
}

}  // namespace aggmedic::probes
