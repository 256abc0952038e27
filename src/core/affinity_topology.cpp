// The machine as sysfs and NVML describe it.
#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "nnunet/core/affinity.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

// The first word of a file, "" where there is none.
std::string word_in(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

int number_in(const fs::path& file) {
  int number = 0;
  return std::ifstream(file) >> number ? number : 0;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> list;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) list.push_back(entry.path());
  std::ranges::sort(list);
  return list;
}

std::map<int, int> memory_node_of_cpus(const fs::path& sys) {
  std::map<int, int> node_of;
  for (const fs::path& entry : entries(sys / "devices/system/node")) {
    const std::string name = entry.filename();
    int node = 0;
    if (!name.starts_with("node") || std::from_chars(&name[4], &name[name.size()], node).ec != std::errc()) continue;
    for (const int cpu : parse_cpu_list(word_in(entry / "cpulist"))) node_of[cpu] = node;
  }
  return node_of;
}

// The few functions of NVML that are needed (its stable C interface: nvml.h). 0 is success.
class Nvml {
 public:
  Nvml() : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    const auto init = function<int()>("nvmlInit_v2");
    ready_ = init && init() == 0;
  }
  ~Nvml() {
    if (const auto shutdown = function<int()>("nvmlShutdown"); ready_ && shutdown) shutdown();
    if (library_) ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::vector<Gpu> gpus() const {
    const auto count = function<int(unsigned*)>("nvmlDeviceGetCount_v2");
    const auto by_index = function<int(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    unsigned n = 0;
    if (!ready_ || !count || !by_index || count(&n) != 0) return {};
    std::vector<Gpu> list(n);
    for (unsigned i = 0; i < n; ++i)
      if (void* device = nullptr; by_index(i, &device) == 0) list[i] = describe(device);
    return list;
  }

 private:
  template <class F>
  F* function(const char* name) const {
    return library_ ? reinterpret_cast<F*>(::dlsym(library_, name)) : nullptr;
  }

  Gpu describe(void* device) const {
    const auto uuid = function<int(void*, char*, unsigned)>("nvmlDeviceGetUUID");
    const auto affinity = function<int(void*, unsigned, unsigned long*)>("nvmlDeviceGetCpuAffinity");
    char name[96] = "";  // NVML_DEVICE_UUID_V2_BUFFER_SIZE
    constexpr unsigned words = 128, bits = 64;
    std::vector<unsigned long> mask(words);
    Gpu gpu;
    if (uuid && uuid(device, name, sizeof name) == 0) gpu.uuid = name;
    if (!affinity || affinity(device, words, mask.data()) != 0) return gpu;
    for (unsigned i = 0; i < words * bits; ++i)
      if (mask[i / bits] >> i % bits & 1) gpu.cpus.push_back(static_cast<int>(i));
    return gpu;
  }

  void* library_;
  bool ready_ = false;
};

}  // namespace

std::vector<int> parse_cpu_list(const std::string& text) {
  std::set<int> cpus;
  const char *at = text.data(), *const end = at + text.size();
  for (int first = 0, last = 0;;) {
    auto [after, problem] = std::from_chars(at, end, first);
    if (problem != std::errc()) break;
    last = first;
    if (after != end && *after == '-') after = std::from_chars(after + 1, end, last).ptr;
    for (int cpu = first; cpu <= last; ++cpu) cpus.insert(cpu);
    if (after == end || *after != ',') break;
    at = after + 1;
  }
  return {cpus.begin(), cpus.end()};
}

std::string format_cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[i]);
    if (last > i) text += '-' + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

Topology read_topology(const std::vector<int>& usable, const fs::path& sys) {
  const std::map<int, int> node_of = memory_node_of_cpus(sys);
  std::map<std::pair<int, int>, std::vector<int>> by_place;  // memory node and package
  std::map<int, int> core_of;
  for (const int cpu : usable) {
    const fs::path folder = sys / "devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    const std::vector<int> siblings = parse_cpu_list(word_in(folder / "thread_siblings_list"));
    core_of[cpu] = siblings.empty() ? cpu : siblings.front();
    const auto node = node_of.find(cpu);
    by_place[{node == node_of.end() ? 0 : node->second, number_in(folder / "physical_package_id")}].push_back(cpu);
  }
  Topology topology;
  int socket = 0;
  for (const auto& [place, cpus] : by_place) {
    for (const int cpu : cpus) topology.cpus.push_back({cpu, core_of[cpu], socket});
    ++socket;
  }
  std::ranges::sort(topology.cpus, {}, &Topology::Cpu::id);
  return topology;
}

std::vector<Gpu> nvml_gpus() {
  return Nvml().gpus();
}

std::vector<Gpu> sysfs_gpus(const fs::path& sys) {
  std::vector<Gpu> list;
  for (const fs::path& device : entries(sys / "bus/pci/devices"))
    if (word_in(device / "vendor") == "0x10de" && word_in(device / "class").starts_with("0x03"))  // NVIDIA, display
      list.push_back({"", parse_cpu_list(word_in(device / "local_cpulist"))});
  return list;
}

std::vector<Gpu> visible_gpus(const std::vector<Gpu>& all, const char* cuda_visible_devices) {
  if (!cuda_visible_devices) return all;
  std::vector<Gpu> list;
  const std::string text = std::string(cuda_visible_devices) + ',';
  for (std::size_t from = 0, to; (to = text.find(',', from)) != std::string::npos; from = to + 1) {
    const std::string name = text.substr(from, to - from);
    std::size_t index = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), index);
    auto found = all.end();
    if (problem == std::errc() && end == name.data() + name.size())
      found = index < all.size() ? all.begin() + static_cast<std::ptrdiff_t>(index) : all.end();
    else if (name.starts_with("GPU-"))
      found = std::ranges::find_if(all, [&](const Gpu& gpu) { return gpu.uuid.starts_with(name); });
    if (found == all.end()) break;  // CUDA, too, sees only those before the first that it does not know
    list.push_back(*found);
  }
  return list;
}

}  // namespace nnunet
