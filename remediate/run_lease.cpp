#include "remediate/run_lease.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace aggmedic::remediate {

Result<RunLease> take_lease(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return fail(Errc::io_failed, file.string() + ": " + std::strerror(errno));
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        ::close(descriptor);
        if (code == EWOULDBLOCK) return fail(Errc::refused, "another run is going on (" + file.string() + " is held)");
        return fail(Errc::io_failed, file.string() + ": " + std::strerror(code));
    }
    return RunLease(nullptr, [descriptor](void*) { ::close(descriptor); });
}

}  // namespace aggmedic::remediate
