#include "remediate/sqlite.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace aggmedic::remediate {
namespace {

std::unexpected<Error> sqlite_error(sqlite3* database, const std::string& file, int code) {
    const char* text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    return fail(Errc::io_failed, file + ": " + text);
}

}  // namespace

void give_to_owner_of_folder(int descriptor, const std::filesystem::path& file) {
    struct stat folder{};
    if (::geteuid() != 0 || ::stat(file.parent_path().c_str(), &folder) != 0) return;
    static_cast<void>(::fchown(descriptor, folder.st_uid, folder.st_gid));
}

Statement::Statement(Database& owner, std::string_view sql) : owner_(&owner) {
    keep(sqlite3_prepare_v2(owner.database_, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr));
}
Statement::Statement(Statement&& other) noexcept
    : owner_(other.owner_),
      statement_(std::exchange(other.statement_, nullptr)),
      code_(other.code_),
      bound_(other.bound_) {}
Statement::~Statement() {
    sqlite3_finalize(statement_);
}
void Statement::keep(int code) {
    if (code_ == SQLITE_OK && code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        owner_->failed_ = code_ = code;
}
Statement& Statement::bind(std::string_view text) {
    if (code_ == SQLITE_OK)
        keep(sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
    return *this;
}
Statement& Statement::bind(std::int64_t number) {
    if (code_ == SQLITE_OK) keep(sqlite3_bind_int64(statement_, ++bound_, number));
    return *this;
}
Statement& Statement::bind(std::nullopt_t) {
    if (code_ == SQLITE_OK) keep(sqlite3_bind_null(statement_, ++bound_));
    return *this;
}
Statement& Statement::bind(std::optional<std::int64_t> number) {
    return number ? bind(*number) : bind(std::nullopt);
}
bool Statement::step() {
    if (code_ != SQLITE_OK) return false;
    const int code = sqlite3_step(statement_);
    keep(code);
    return code == SQLITE_ROW;
}
Result<void> Statement::run() {
    while (step()) {
    }
    if (code_ != SQLITE_OK && !owner_->in_transaction() && owner_->made_room()) {
        sqlite3_reset(statement_);
        code_ = SQLITE_OK;
        while (step()) {
        }
    }
    return error();
}
std::string Statement::text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}
std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(statement_, column);
}
std::optional<std::int64_t> Statement::optional_number(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return number(column);
}
Result<void> Statement::error() const {
    if (code_ == SQLITE_OK) return {};
    return sqlite_error(owner_->database_, owner_->file_, code_);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
    // SQLite would create the file by the umask; its WAL files take the mode of this one.
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return fail(Errc::io_failed, file.string() + ": " + std::strerror(errno));
    ::fchmod(descriptor, 0600);
    give_to_owner_of_folder(descriptor, file);
    ::close(descriptor);

    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
    std::unique_ptr<Database> database(new Database(raw, file.string()));
    if (code != SQLITE_OK) return sqlite_error(raw, file.string(), code);
    sqlite3_busy_timeout(raw, 5000);
    for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"}) {
        if (auto done = database->execute(pragma); !done) return std::unexpected(done.error());
    }
    return database;
}
Database::~Database() {
    sqlite3_close_v2(database_);
}
Result<void> Database::execute(std::string_view sql) {
    const std::string terminated(sql);
    const int code = sqlite3_exec(database_, terminated.c_str(), nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    failed_ = code;
    return sqlite_error(database_, file_, code);
}
// SQLite says FULL where a write found no room, and IOERR with the system's own number where its index of the WAL or a
// sync did.
bool Database::made_room() {
    const int number = sqlite3_system_errno(database_);
    const bool full = failed_ == SQLITE_FULL || (failed_ == SQLITE_IOERR && (number == ENOSPC || number == EDQUOT));
    return full && make_room_ && make_room_();
}
bool Database::in_transaction() const {
    return sqlite3_get_autocommit(database_) == 0;
}
Statement Database::prepare(std::string_view sql) {
    return {*this, sql};
}
std::int64_t Database::last_row() const {
    return sqlite3_last_insert_rowid(database_);
}
int Database::changed_rows() const {
    return sqlite3_changes(database_);
}

Transaction::~Transaction() {
    // A disk that is full has ended it already.
    if (begun_ && !committed_ && database_.in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
}
Result<void> Transaction::commit() {
    auto done = database_.execute("COMMIT");
    committed_ = done.has_value();
    return done;
}

}  // namespace aggmedic::remediate
