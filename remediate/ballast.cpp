#include "remediate/ballast.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/descriptor.hpp"
#include "remediate/sqlite.hpp"

namespace aggmedic::remediate {
namespace {

std::unexpected<Error> no_room(const std::filesystem::path& file, int code) {
    return fail(Errc::io_failed, file.string() + ": " + std::strerror(code) +
                                     ". It is the room in which a run is journaled when the disk is full; free 16 MiB "
                                     "on the disk of " +
                                     file.parent_path().string());
}

bool is_whole(const std::filesystem::path& file) {
    constexpr std::int64_t block = 512;  // of st_blocks, whatever the file system's own is
    struct stat status{};
    return ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= Ballast::bytes &&
           status.st_blocks * block >= Ballast::bytes;
}

}  // namespace

Result<void> Ballast::hold() const {
    if (is_whole(file_)) return {};
    const Descriptor file(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return no_room(file_, errno);
    give_to_owner_of_folder(file.get(), file_);
    // Blocks that are there, not a hole. posix_fallocate tells its error by its value.
    if (const int code = ::posix_fallocate(file.get(), 0, bytes); code != 0) {
        ::unlink(file_.c_str());
        return no_room(file_, code);
    }
    return {};
}

bool Ballast::release() const {
    return ::unlink(file_.c_str()) == 0;
}

}  // namespace aggmedic::remediate
