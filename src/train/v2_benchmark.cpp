#include "v2_benchmark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "nnunet/v2/python_json.h"

namespace nnunet {

void write_benchmark_result(const std::filesystem::path& file, const History& history, const TrainingJob& job) {
  const auto fastest = std::ranges::min_element(history.epochs(), {}, &EpochRecord::seconds);
  if (fastest == history.epochs().end()) return;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host.front() = '\0';
  v2::Json results = std::filesystem::exists(file) ? v2::read_python_json(file) : v2::Json::object();
  v2::Json& own =
      results[fmt::format("{}__{}__{}__num_gpus_{}", host.data(), TORCH_VERSION, job.device.str(), job.group.size())];
  own = v2::Json::object();
  own["torch_version"] = TORCH_VERSION;
  own["fastest_epoch"] = fastest->seconds;
  own["num_gpus"] = job.group.size();
  own["hostname"] = host.data();
  v2::write_python_json(file, results, v2::Keys::sorted);
}

}  // namespace nnunet
