#include "nnunet/core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "nnunet/core/log.h"

namespace nnunet {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string title, std::int64_t total, std::string unit)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  try {
    finish();
  } catch (...) {  // without memory for the last line the program shall say so, and not end here
    std::fputc('\n', stderr);
  }
}

void Progress::advance(std::int64_t count, std::string_view note) {
  const std::lock_guard lock(mutex_);
  done_ += count;
  note_ = note;
  draw_now_and_then();
}

void Progress::update(double under_way, std::string_view note) {
  const std::lock_guard lock(mutex_);
  under_way_ = under_way;
  note_ = note;
  draw_now_and_then();
}

void Progress::draw_now_and_then() {
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  if (Clock::now() - drawn_ >= pause && done_ < total_) draw(false);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  drawn_ = Clock::now();
  const double elapsed = std::chrono::duration<double>(drawn_ - start_).count();
  std::string line = fmt::format("{}: {}/{} {}, {}", title_, done_, total_, unit_, format_duration(elapsed));
  if (const double done = static_cast<double>(done_) + under_way_; !last && done > 0)
    line += fmt::format(", ETA {}", format_duration(elapsed * (static_cast<double>(total_) - done) / done));
  if (!note_.empty()) line += ", " + note_;
  if (!terminal_) {
    log::info(line);
    return;
  }
  // \x1b[K clears what a longer line left behind.
  std::fprintf(stderr, "\r%s\x1b[K%s", line.c_str(), last ? "\n" : "");
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace nnunet
