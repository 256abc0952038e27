#pragma once
#include <functional>
#include <optional>
#include <string_view>

/// For programs that have a log of their own.
namespace nnunet::log {

enum class Level { info, warning, error };

/// Gets a message without a newline. Called by any thread, one call at a time; must not log.
using Receiver = std::function<void(Level level, std::string_view message)>;

/// From now on messages go there alone, not to stderr or a log file; an empty one drops them; nothing: as before the
/// first call. When it returns, the receiver before is no longer called. Thread-safe.
void set_receiver(std::optional<Receiver> receiver);

}  // namespace nnunet::log
