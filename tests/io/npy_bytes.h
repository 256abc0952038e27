#pragma once
#include <string>

namespace nnunet::test {

/// A version 1 .npy file with this dictionary.
inline std::string npy(const std::string& dict, const std::string& values) {
  std::string head = dict;
  head.append(63 - (10 + head.size()) % 64, ' ').push_back('\n');
  std::string file = "\x93NUMPY\x01";
  file += {'\0', static_cast<char>(head.size()), '\0'};
  return file + head + values;
}

inline std::string dict(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

}  // namespace nnunet::test
