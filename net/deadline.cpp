#include "net/deadline.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

namespace aggmedic {

Error error_from(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const asio::multiple_exceptions& several) {
        return error_from(several.first_exception());
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) return {Errc::cancelled, "cancelled"};
        return {Errc::io_failed, error.code().message()};
    } catch (const std::exception& error) {
        return {Errc::io_failed, error.what()};
    }
}

}  // namespace aggmedic
