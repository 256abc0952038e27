#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nnunet {

/// Between a temporary name's final part and its process.
inline constexpr std::string_view temporary_mark = ".tmp.";

/// 32 bits that tell a few machines or names apart, no more.
std::uint32_t short_hash(std::string_view text);

/// A process as temporary names tell it: unlike its number alone, no later process and none elsewhere has the same.
struct Process {
  std::uint32_t machine = 0;  ///< of its machine's name, boot and namespace of process numbers
  std::int64_t number = 0;
  std::uint64_t start = 0;  ///< in clock ticks since the boot; 0 where the system does not say

  /// "<machine>.<number>.<start>"
  std::string text() const;
  /// What text() gave, with more after it; nothing for other texts.
  static std::optional<Process> parse(std::string_view text);
};

Process this_process();

/// Whether this process of the same machine still runs.
bool is_running(const Process& process);

}  // namespace nnunet
