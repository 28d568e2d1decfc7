#include "daemon/tar.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <memory>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

constexpr std::size_t entries_max = 64;
constexpr std::size_t entry_bytes_max = std::size_t{64} * 1024 * 1024;

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

la_ssize_t append(archive*, void* out, const void* bytes, size_t count) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), count);
    return static_cast<la_ssize_t>(count);
}

std::unexpected<Error> failed(Errc code, archive* handle, const char* doing) {
    const char* why = archive_error_string(handle);
    return fail(code, std::string(doing) + ": " + printable(why == nullptr ? "unknown" : why));
}

Result<void> write_entry(archive* out, const std::string& name, const std::string& bytes) {
    const Entry entry(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    const bool written = archive_write_header(out, entry.get()) == ARCHIVE_OK &&
                         archive_write_data(out, bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size());
    if (!written) return failed(Errc::io_failed, out, "the archive cannot be written");
    return {};
}

Result<std::string> read_bytes(archive* in, const archive_entry* entry) {
    const auto size = archive_entry_size(const_cast<archive_entry*>(entry));
    if (size < 0 || static_cast<std::size_t>(size) > entry_bytes_max) {
        return fail(Errc::too_large, "an entry of the archive is larger than 64 MiB");
    }
    std::string bytes(static_cast<std::size_t>(size), '\0');
    const auto count = archive_read_data(in, bytes.data(), bytes.size());
    if (count < 0 || static_cast<std::size_t>(count) != bytes.size()) {
        return failed(Errc::malformed_reply, in, "the archive ends too early");
    }
    return bytes;
}

}  // namespace

Result<std::string> write_tar(const TarEntries& entries) {
    std::string bytes;
    const Writer out(archive_write_new(), &archive_write_free);
    if (archive_write_set_format_ustar(out.get()) != ARCHIVE_OK ||
        archive_write_open2(out.get(), &bytes, nullptr, append, nullptr, nullptr) != ARCHIVE_OK) {
        return failed(Errc::io_failed, out.get(), "the archive cannot be begun");
    }
    for (const auto& [name, content] : entries) {
        if (auto written = write_entry(out.get(), name, content); !written) return std::unexpected(written.error());
    }
    if (archive_write_close(out.get()) != ARCHIVE_OK)
        return failed(Errc::io_failed, out.get(), "the archive cannot be ended");
    return bytes;
}

Result<TarEntries> read_tar(std::string_view archive_bytes) {
    const Reader in(archive_read_new(), &archive_read_free);
    archive_read_support_format_tar(in.get());
    if (archive_read_open_memory(in.get(), archive_bytes.data(), archive_bytes.size()) != ARCHIVE_OK) {
        return failed(Errc::malformed_reply, in.get(), "this is no tar archive");
    }
    TarEntries entries;
    std::size_t count = 0;
    for (archive_entry* entry = nullptr;;) {
        const int status = archive_read_next_header(in.get(), &entry);
        if (status == ARCHIVE_EOF) return entries;
        if (status != ARCHIVE_OK) return failed(Errc::malformed_reply, in.get(), "this is no whole tar archive");
        if (++count > entries_max) return fail(Errc::too_large, "the archive has more entries than a bundle");
        const char* name = archive_entry_pathname(entry);
        if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
        auto bytes = read_bytes(in.get(), entry);
        if (!bytes) return std::unexpected(bytes.error());
        entries[name] = std::move(*bytes);
    }
}

}  // namespace aggmedic::daemon
