#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/result.hpp"

namespace aggmedic::remediate {

class Database;

// A prepared statement in use. Values are bound in order; text is copied. A failed bind or step is kept and told by
// `error()`, so that a caller checks once.
class Statement {
  public:
    Statement(Database& owner, std::string_view sql);
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;

    Statement& bind(std::string_view text);
    Statement& bind(std::int64_t number);
    Statement& bind(std::nullopt_t);
    Statement& bind(std::optional<std::int64_t> number);

    bool step();  // true: there is a row
    // To the end; rows are ignored. Outside of a transaction it is tried once more where the disk was full and the
    // database could make room.
    Result<void> run();

    std::string text(int column) const;
    std::int64_t number(int column) const;
    std::optional<std::int64_t> optional_number(int column) const;

    Result<void> error() const;

  private:
    void keep(int code);

    Database* owner_;
    sqlite3_stmt* statement_ = nullptr;
    int code_ = SQLITE_OK;
    int bound_ = 0;
};

// An open database file, mode 0600, WAL, synchronous FULL: what was committed is on the disk. Errors carry SQLite's
// text and the file.
class Database {
  public:
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);
    // What is asked when the disk is full: true when there is more room than before.
    void on_full_disk(std::function<bool()> make_room) { make_room_ = std::move(make_room); }
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Result<void> execute(std::string_view sql);
    Statement prepare(std::string_view sql);
    std::int64_t last_row() const;
    int changed_rows() const;
    bool in_transaction() const;
    // Whether the last failure was for want of room on the disk, and there is more of it now: try again.
    bool made_room();

  private:
    friend class Statement;
    Database(sqlite3* database, std::string file) : database_(database), file_(std::move(file)) {}
    sqlite3* database_;
    std::string file_;
    std::function<bool()> make_room_;
    int failed_ = SQLITE_OK;  // by the last execute() or statement
};

// What root makes in the daemon's folder (--standalone) must stay the daemon's. SQLite's own files follow the database.
void give_to_owner_of_folder(int descriptor, const std::filesystem::path& file);

// BEGIN IMMEDIATE ... COMMIT; rolled back unless committed.
class Transaction {
  public:
    explicit Transaction(Database& database) : database_(database), begun_(database.execute("BEGIN IMMEDIATE")) {}
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    const Result<void>& begun() const { return begun_; }
    Result<void> commit();

  private:
    Database& database_;
    Result<void> begun_;
    bool committed_ = false;
};

}  // namespace aggmedic::remediate
