#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "daemon/bundle.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/cli/output.hpp"
#include "daemon/config_files.hpp"
#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t archive_bytes_max = std::size_t{64} * 1024 * 1024;

// aggmedic-demo-20270131T030000Z.tar; a cluster's name may hold what a file's name may not.
std::string file_name(const nlohmann::json& result) {
    auto cluster = text_of(result, "cluster", 100);
    const auto is_plain = [](char character) {
        return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '-' || character == '.' ||
               character == '_';
    };
    std::ranges::replace_if(cluster, [&](char character) { return !is_plain(character); }, '_');
    auto at = time_of(result, "observed");
    std::erase_if(at, [](char character) { return character == '-' || character == ':'; });
    return "aggmedic-" + cluster + "-" + at + ".tar";
}

// Never over a file that is there; for its owner alone, since it names hosts and certificates.
Result<void> write_new(const std::string& file, const std::string& bytes) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        const auto why = errno == EEXIST ? std::string("is already there; name another file with --to")
                                         : "cannot be written: " + std::generic_category().message(errno);
        return fail(Errc::io_failed, typed_word(file) + " " + why);
    }
    const bool written = write_all(descriptor, bytes);
    if (::close(descriptor) == 0 && written) return {};
    ::unlink(file.c_str());
    return fail(Errc::io_failed, typed_word(file) + " could not be written to its end");
}

daemon::Reply failure(std::string error) {
    return {.exit_status = exit_status::usage, .error = std::move(error), .result = nullptr};
}

std::string render_bundle(const nlohmann::json& result) {
    const auto file = typed_word(text_of(result, "file", 4096));
    return "Wrote " + file + ": " + text_of(result, "cluster") + " as observed " + time_of(result, "observed") +
           ", without secrets.\n  sha256 " + text_of(result, "sha256") + "\nAnywhere: aggmedic explain --from " + file +
           "\n";
}

daemon::Reply stored(daemon::Reply reply, const std::string& to) {
    std::string bytes;
    if (!base64_decode(reply.result.value("archive", ""), bytes) || bytes.empty()) {
        return failure("the daemon sent no archive; is it of another version than this command? See aggmedic status");
    }
    if (sha256_hex(bytes) != reply.result.value("sha256", "")) return failure("the archive arrived damaged; ask again");
    reply.result.erase("archive");
    if (to == "-") {
        reply.result = nullptr;
        return write_all(STDOUT_FILENO, bytes) ? reply : failure("the archive could not be written to stdout");
    }
    const auto file = to.empty() ? file_name(reply.result) : to;
    if (const auto written = write_new(file, bytes); !written) return failure(written.error().detail);
    reply.result["file"] = file;
    return reply;
}

int status_of(const nlohmann::json& checked) {
    const auto state = checked.value("state", "unknown");
    return state == "healthy" ? exit_status::ok : state == "findings" ? exit_status::findings : exit_status::unobserved;
}

}  // namespace

int run_bundle(const Invocation& invocation, const Console& console) {
    daemon::Request request;
    request.command = "bundle";
    request.clusters = invocation.clusters;
    auto display = open_progress(console, false, {});
    auto reply = ask(invocation, std::move(request), false, display);
    display.clear();
    if (reply.result.is_object()) reply = stored(std::move(reply), invocation.to);
    return finish(reply, invocation, render_bundle);
}

int run_from_bundle(const Invocation& invocation, const Console& console) {
    const auto bytes = daemon::read_small_file(invocation.from, archive_bytes_max);
    if (!bytes) return finish(failure(bytes.error().detail), invocation, {});
    const auto moment = daemon::unpack(*bytes);
    if (!moment) return finish(failure(typed_word(invocation.from) + ": " + moment.error().detail), invocation, {});
    const bool explains = invocation.command == Command::explain;
    const auto checked = explains ? daemon::explained(*moment) : daemon::checked(*moment);
    const daemon::Reply reply{
        .exit_status = status_of(checked), .error = {}, .result = {{"clusters", nlohmann::json::array({checked})}}};
    return finish(reply, invocation, [&](const nlohmann::json& result) {
        return explains ? render_explain(result, console.view) : render_check(result, console.view);
    });
}

}  // namespace aggmedic::cli
