#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "nnunet/checkpoint/torch_file.h"
#include "pickle_objects.h"

namespace nnunet {

/// The storage with this key in the file, exactly `bytes` long. Throws Error when there is none or it is smaller.
using StorageLoader = std::function<std::shared_ptr<const std::byte>(const std::string& key, std::int64_t bytes)>;

/// Whether an entry of the root's dict is wanted; empty: all are.
using WantedKeys = std::function<bool(std::string_view key)>;

/// Reads a pickle (protocols 2 to 5) as torch.save makes them into plain values and tensors. Only the few callables
/// that build tensors and containers are known, and those are done here; nothing is imported or executed. Any other
/// object is kept as a dict of its plain attributes, or None. name: the file, for messages. Throws Error for whatever
/// is damaged, too deep or too large. Storages are loaded for the tensors that become values, not for others.
Value read_pickle(std::string_view bytes, const std::string& name, const StorageLoader& load_storage,
                  const WantedKeys& wanted = {});

namespace pickle {

/// The root of the objects that a pickle without tensors describes; `arena` owns them. Throws as read_pickle.
Node* read_objects(std::string_view bytes, const std::string& name, Arena& arena);

}  // namespace pickle

}  // namespace nnunet
