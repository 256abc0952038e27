#include "nnunet/core/table.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace nnunet {

void Table::add(std::vector<std::string> row) {
  if (row.size() != rows_.front().size()) throw std::invalid_argument("Table: row and header differ in length");
  rows_.push_back(std::move(row));
}

namespace {

bool is_number(const std::string& cell) {
  return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[0])) != 0 || cell[0] == '-' || cell[0] == '+');
}

// Bytes that start a UTF-8 character: what a terminal shows as one column (for the letters used here).
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string Table::text() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], width(rows_[r][c]));
      if (r > 0 && !is_number(rows_[r][c])) numeric[c] = false;
    }
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) {
      const std::string pad(widths[c] - width(rows_[r][c]), ' ');
      line += (c ? "  " : "") + (numeric[c] ? pad + rows_[r][c] : rows_[r][c] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0) {
      std::string rule;
      for (std::size_t c = 0; c < columns; ++c) rule += (c ? "  " : "") + std::string(widths[c], '-');
      text += rule + "\n";
    }
  }
  return text;
}

}  // namespace nnunet
