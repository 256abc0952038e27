#include "nnunet/core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <mutex>
#include <string>
#include <unordered_set>

#include "nnunet/core/error.h"
#include "nnunet/core/log_receiver.h"

namespace nnunet::log {

namespace {

// The terminal shows bare messages, "warning: " and "error: " in front where due.
class TerminalFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view prefix = message.level == spdlog::level::warn  ? "warning: "
                                    : message.level == spdlog::level::err ? "error: "
                                                                          : "";
    out.append(prefix.data(), prefix.data() + prefix.size());
    out.append(message.payload.data(), message.payload.data() + message.payload.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<TerminalFormatter>(); }
};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    terminal->set_formatter(std::make_unique<TerminalFormatter>());
    auto made = std::make_shared<spdlog::logger>("nnunet", terminal);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

// Where messages go instead, if anybody was named.
class Receivers {
 public:
  void set(std::optional<Receiver> receiver) {
    const std::lock_guard lock(mutex_);
    receiver_ = std::move(receiver);
  }
  // False where nobody was set.
  bool take(Level level, std::string_view message) {
    const std::lock_guard lock(mutex_);
    if (!receiver_) return false;
    if (*receiver_) (*receiver_)(level, message);
    return true;
  }

 private:
  std::mutex mutex_;
  std::optional<Receiver> receiver_;
};

Receivers& receivers() {
  static Receivers instance;
  return instance;
}

void say(Level level, std::string_view message) {
  constexpr std::array levels{spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  if (!receivers().take(level, message)) logger().log(levels[static_cast<std::size_t>(level)], message);
}

// True for the first of equal texts. A server that runs for months must not collect them for ever.
bool is_new(std::string_view message) {
  constexpr std::size_t most = 10000;
  static std::mutex mutex;
  static std::unordered_set<std::string> known;
  const std::lock_guard lock(mutex);
  if (known.size() >= most) known.clear();
  return known.emplace(message).second;
}

}  // namespace

void info(std::string_view message) {
  say(Level::info, message);
}
void warn(std::string_view message) {
  say(Level::warning, message);
}
void warn_once(std::string_view message) {
  if (is_new(message)) warn(message);
}
void error(std::string_view message) {
  say(Level::error, message);
}

void set_receiver(std::optional<Receiver> receiver) {
  receivers().set(std::move(receiver));
}

void set_log_file(const std::filesystem::path& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    file->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
    auto& sinks = logger().sinks();
    sinks.resize(1);
    sinks.push_back(file);
  } catch (const spdlog::spdlog_ex& e) {
    throw Error(path.string(), e.what(), "choose a log file in a folder that can be written");
  }
}

void set_quiet(bool quiet) {
  logger().sinks()[0]->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
}

}  // namespace nnunet::log
