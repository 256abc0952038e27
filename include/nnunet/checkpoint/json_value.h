#pragma once
#include <nlohmann/json_fwd.hpp>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/checkpoint/torch_file.h"

namespace nnunet {

/// Plain JSON (ordered by key) as values, and back. Throws Error for a tensor.
Value value_from_json(const nlohmann::json& json);
nlohmann::json value_to_json(const Value& value);
/// The same with the entries in their order.
nlohmann::ordered_json value_to_ordered_json(const Value& value);

/// JSON, or a value, as Python has it.
PythonValue python_from_json(const nlohmann::ordered_json& json);
PythonValue python_from_value(const Value& value);

}  // namespace nnunet
