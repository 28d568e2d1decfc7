#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/result.hpp"

namespace aggmedic::remediate {

// A prepared statement in use. Values are bound in order; text is copied. A failed bind or step is kept and told by
// `error()`, so that a caller checks once.
class Statement {
  public:
    Statement(sqlite3* database, std::string_view sql, std::string file);
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;

    Statement& bind(std::string_view text);
    Statement& bind(std::int64_t number);
    Statement& bind(std::nullopt_t);
    Statement& bind(std::optional<std::int64_t> number);

    bool step();         // true: there is a row
    Result<void> run();  // to the end; rows are ignored

    std::string text(int column) const;
    std::int64_t number(int column) const;
    std::optional<std::int64_t> optional_number(int column) const;

    Result<void> error() const;

  private:
    void keep(int code);

    sqlite3* database_;
    sqlite3_stmt* statement_ = nullptr;
    std::string file_;
    int code_ = SQLITE_OK;
    int bound_ = 0;
};

// An open database file, mode 0600, WAL, synchronous FULL: what was committed is on the disk. Errors carry SQLite's
// text and the file.
class Database {
  public:
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Result<void> execute(std::string_view sql);
    Statement prepare(std::string_view sql);
    std::int64_t last_row() const;
    int changed_rows() const;

  private:
    Database(sqlite3* database, std::string file) : database_(database), file_(std::move(file)) {}
    sqlite3* database_;
    std::string file_;
};

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
