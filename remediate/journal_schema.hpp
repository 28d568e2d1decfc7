#pragma once

#include "remediate/sqlite.hpp"

namespace aggmedic::remediate {

// Brings the journal's schema to this program's version, in one transaction. Errors: refused when a newer program has
// written it.
Result<void> migrate_journal(Database& database, const std::string& file);

}  // namespace aggmedic::remediate
