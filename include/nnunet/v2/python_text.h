#pragma once
#include <string>

#include "nnunet/v2/python_json.h"

/// Values as Python and numpy print them, for logs that scripts read.
namespace nnunet::v2 {

/// repr(): {'a': [1.0, None, True]}. Text in quotes that are escaped as Python does.
std::string python_repr(const Json& value);
/// repr() of a float: "0.1", "1e-05", "nan".
std::string python_repr(double value);
/// str() of a numpy.float32: "0.3912", "1e-04".
std::string numpy_text(float value);

/// numpy.round(value, decimals), in the type's own arithmetic.
float numpy_round(float value, int decimals);
double numpy_round(double value, int decimals);

}  // namespace nnunet::v2
