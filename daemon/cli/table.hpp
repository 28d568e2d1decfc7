#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/style.hpp"

namespace aggmedic::cli {

struct Cell {
    std::string text;  // printable
    std::optional<Tone> tone{};
};

// Columns side by side, two blanks between them; the last one is not padded. Empty cells show as "-". A column that is
// empty in every row is left out: fewer columns read faster.
class Table {
  public:
    explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.empty(); }
    std::string render(const Style& style) const;

  private:
    std::vector<std::string> titles_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace aggmedic::cli
