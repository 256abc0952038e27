#pragma once
#include <string>
#include <vector>

namespace nnunet {

/// A text table with aligned columns: numbers (cells that start with a digit or sign) to the right, text to the left.
///   Table t({"case", "shape", "seconds"}); t.add({"heart_003", "1x130x320x320", "1.2"}); std::cout << t.text();
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  /// Throws std::invalid_argument unless the row has as many cells as the header.
  void add(std::vector<std::string> row);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace nnunet
