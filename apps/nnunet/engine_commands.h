#pragma once
#include <array>
#include <string_view>

namespace nnunet::app {

/// Commands that need libtorch, whose libraries take a quarter of a second to load. These live in a program of their
/// own, nnunet-engine; nnunet lists them and turns into it when one is called.
inline constexpr std::array<std::string_view, 7> kEngineCommands{"train", "evaluate", "predict",  "export",
                                                                 "serve", "info",     "benchmark"};

}  // namespace nnunet::app
