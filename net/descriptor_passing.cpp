#include "net/descriptor_passing.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

namespace aggmedic {
namespace {

using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t descriptors_max = 4;  // in one piece of what was sent

// The header of a control message wants to be aligned as itself.
struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * descriptors_max)> bytes{};
};

bool would_block(ssize_t result) {
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

ssize_t send_once(int socket, char byte, int descriptor) {
    Control control;
    iovec piece{.iov_base = &byte, .iov_len = 1};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int));
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void take_descriptors(msghdr& message, std::deque<Descriptor>& received) {
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t index = 0; index < count; ++index) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof descriptor);
            received.emplace_back(descriptor);
        }
    }
}

ssize_t receive_once(int socket, std::span<char> bytes, std::deque<Descriptor>& received) {
    Control control;
    iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const auto size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size >= 0) take_descriptors(message, received);
    return size;
}

std::string reason_of(ssize_t result) {
    return result == 0 ? "the peer is gone" : std::strerror(errno);
}

}  // namespace

asio::awaitable<Result<void>> send_with_descriptor(Socket& socket, char byte, const Descriptor& descriptor) {
    for (;;) {
        const auto sent = send_once(socket.native_handle(), byte, descriptor.get());
        if (sent == 1) co_return Result<void>();
        if (!would_block(sent)) co_return fail(Errc::write_failed, reason_of(sent));
        const auto [error] = co_await socket.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
        if (error) co_return fail(Errc::write_failed, error.message());
    }
}

asio::awaitable<Result<void>> receive_with_descriptors(Socket& socket, std::span<char> bytes,
                                                       std::deque<Descriptor>& received) {
    while (!bytes.empty()) {
        const auto size = receive_once(socket.native_handle(), bytes, received);
        if (size > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(size));
            continue;
        }
        if (!would_block(size)) co_return fail(Errc::read_failed, reason_of(size));
        const auto [error] = co_await socket.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error) co_return fail(Errc::read_failed, error.message());
    }
    co_return Result<void>();
}

}  // namespace aggmedic
