#include "process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace nnunet {

// FNV-1a
std::uint32_t short_hash(std::string_view text) {
  std::uint32_t value = 0x811c9dc5U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x01000193U;
  return value;
}

namespace {

std::uint32_t machine() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::error_code absent;
  return short_hash(name.data() + boot + std::filesystem::read_symlink("/proc/self/ns/pid", absent).string());
}

/// Field 22 of /proc/<pid>/stat (proc(5)); 0 for a process that is not there or has ended and was not waited for. The
/// second field, the program's name, may hold blanks and parentheses.
std::uint64_t start_of(std::int64_t number) {
  std::ifstream file(fmt::format("/proc/{}/stat", number));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string state, skipped;
  fields >> state;
  for (int i = 4; i < 22; ++i) fields >> skipped;
  std::uint64_t start = 0;
  return fields >> start && state != "Z" && state != "X" ? start : 0;
}

}  // namespace

std::string Process::text() const {
  return fmt::format("{:08x}.{}.{}", machine, number, start);
}

std::optional<Process> Process::parse(std::string_view text) {
  Process process;
  const auto take = [&](auto& value, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end == text.data() + text.size() || *end != '.') return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return true;
  };
  if (take(process.machine, 16) && take(process.number, 10) && take(process.start, 10)) return process;
  return std::nullopt;
}

Process this_process() {
  static const std::uint32_t here = machine();
  const std::int64_t number = ::getpid();  // another one after a fork
  return {here, number, start_of(number)};
}

bool is_running(const Process& process) {
  if (process.start != 0) return start_of(process.number) == process.start;
  return process.number > 0 && (::kill(static_cast<pid_t>(process.number), 0) == 0 || errno != ESRCH);
}

}  // namespace nnunet
