#include "filter_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace nnunet::app {
namespace {

/// At once: whoever reads a pipe would wait for a full buffer else.
void say(const std::string& lines) {
  std::fputs(lines.c_str(), stdout);
  std::fflush(stdout);
}

constexpr double kStep = 0.005;

}  // namespace

FilterProgress::FilterProgress(std::string name, const std::string& comment) : name_(std::move(name)) {
  say(
      fmt::format("<filter-start>\n<filter-name>{}</filter-name>\n<filter-comment>{}</filter-comment>\n"
                  "</filter-start>\n",
                  name_, comment));
  show(0);
}

void FilterProgress::show(double share) {
  const double now = std::clamp(share, 0.0, 1.0);
  if (now < 1 ? now - shown_ < kStep : now <= shown_) return;
  shown_ = now;
  say(fmt::format("<filter-progress>{:.4f}</filter-progress>\n", now));
}

void FilterProgress::finish() {
  show(1);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
  say(fmt::format("<filter-end>\n<filter-name>{}</filter-name>\n<filter-time>{:.2f}</filter-time>\n</filter-end>\n",
                  name_, time.count()));
}

}  // namespace nnunet::app
