#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "nnunet/checkpoint/host_tensor.h"

namespace nnunet::pickle {

enum class Kind { none, boolean, integer, real, text, bytes, list, tuple, dict, global, object, storage, tensor };

/// One Python object while a pickle is read. Objects may be shared and refer to each other, so an Arena owns all of
/// them.
struct Node {
  Kind kind = Kind::none;
  bool visiting = false;  ///< on the path from the root, while values are made
  std::int64_t integer =
      0;             ///< boolean, integer; storage: number of elements; tensor: bytes of its storage, 0 without numbers
  double real = 0;   ///< real
  std::string text;  ///< text, bytes; global: "module.name"; storage, tensor: key of the storage
  std::vector<Node*> items;      ///< list, tuple; dict: key, value, key, value, ...
  std::vector<Node*> arguments;  ///< object: what its class was called with
  std::vector<Node*> entries;    ///< object: key, value, ... that were set as in a dict
  Node* type = nullptr;          ///< object: what was called; storage: its class
  Node* state = nullptr;         ///< object
  HostTensor tensor;
};

using Arena = std::deque<Node>;

}  // namespace nnunet::pickle
