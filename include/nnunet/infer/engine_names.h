#pragma once
#include <array>
#include <string_view>

namespace nnunet {

/// All names that --engine takes, "auto" first, whether or not a build has them.
inline constexpr std::array<std::string_view, 6> kEngineNames = {"auto",        "native",   "libtorch",
                                                                 "onnxruntime", "openvino", "tensorrt"};

}  // namespace nnunet
