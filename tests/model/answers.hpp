#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/access.hpp"
#include "tests/model/generation.hpp"

// HTTP answers with the headers of each generation, in the order Go's servers write them: a handler's own headers
// sorted, then Date and Content-Length; a proxied answer carries the backend's Date and Content-Length inside the
// sorted part.
namespace aggmedic::model {

struct Header {
    std::string name, value;
    bool operator==(const Header&) const = default;
};

struct Answer {
    int status = 200;
    std::vector<Header> headers;
    std::string body;
};

// What one request carries through the handler chain.
struct RequestTrace {
    std::optional<Identity> identity;  // empty: authentication failed
    std::string audit_id;
    std::string date;
    bool flow_schemas_known = true;  // false in the first moments of a start: the uids are empty
};

enum class Content { json, text };

// An answer of kube-apiserver itself. Bodies above 2048 bytes go out chunked, as net/http does without a length.
Answer own_answer(Generation generation, const RequestTrace& trace, int status, Content content, std::string body);
Answer status_answer(Generation generation, const RequestTrace& trace, int status, std::string_view reason,
                     std::string_view message, std::string_view details = {});
Answer unauthorized_answer(Generation generation, const RequestTrace& trace);
Answer forbidden_answer(Generation generation, const RequestTrace& trace, const Attributes& what);
Answer starting_answer(Generation generation, const RequestTrace& trace);

// kube-apiserver as a reverse proxy: its own headers first, then the backend's under the same names, all sorted.
Answer passed_on_answer(Generation generation, const RequestTrace& trace, const Answer& backend);

// An extension server's answer as it leaves that server. `library` is the Kubernetes minor of the library it was built
// with.
Answer extension_answer(Generation library, const RequestTrace& trace, int status, Content content, std::string body);

std::string status_body(int code, std::string_view reason, std::string_view message, std::string_view details = {});

struct FlowUids {
    std::string flow_schema, priority_level;
};
FlowUids flow_uids(const Identity& identity);  // `exempt` for system:masters, `global-default` for everybody else

}  // namespace aggmedic::model
