#pragma once
#include <string>
#include <vector>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/checkpoint/torch_file.h"

namespace nnunet {

/// A pickle as torch.save writes it, and the tensors whose bytes go into the entries data/0, data/1, ...
struct Pickled {
  std::string bytes;
  std::vector<HostTensor> tensors;  ///< contiguous
};

/// Protocol 2, with nothing in it that torch.load(weights_only=True) refuses. name: the file, for messages.
Pickled write_pickle(const Value& value, const std::string& name);
/// protocol: 2, as torch.save, or 4.
Pickled write_pickle(const PythonValue& value, int protocol, const std::string& name);

}  // namespace nnunet
