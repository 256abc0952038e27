#pragma once
#include <array>
#include <string_view>

namespace nnunet::app {

/// Commands that always need libtorch, whose libraries take a quarter of a second to load. These live in a program of
/// their own, nnunet-engine; nnunet lists them and turns into it when one is called.
inline constexpr std::array<std::string_view, 3> kEngineCommands{"auto", "train", "benchmark"};

}  // namespace nnunet::app
