#include "nnunet/core/affinity.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Mode = AffinityMode;
using Cpus = std::vector<int>;

// An invented machine's sysfs.
class Sysfs {
 public:
  Sysfs() {
    std::string name = (fs::temp_directory_path() / "affinity_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Error(name, "cannot be made");
    root_ = name;
  }
  ~Sysfs() { fs::remove_all(root_); }
  Sysfs(const Sysfs&) = delete;
  Sysfs& operator=(const Sysfs&) = delete;

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }
  void add_cpu(int id, int package, const std::string& siblings) const {
    const std::string folder = "devices/system/cpu/cpu" + std::to_string(id) + "/topology/";
    write(folder + "physical_package_id", std::to_string(package));
    write(folder + "thread_siblings_list", siblings);
  }
  void add_node(int id, const std::string& cpus) const {
    write("devices/system/node/node" + std::to_string(id) + "/cpulist", cpus);
  }
  void add_device(const std::string& address, const std::string& vendor, const std::string& type,
                  const std::string& cpus) const {
    const std::string folder = "bus/pci/devices/" + address + "/";
    write(folder + "vendor", vendor);
    write(folder + "class", type);
    write(folder + "local_cpulist", cpus);
  }
  const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

Cpus range(int first, int last) {
  Cpus cpus(static_cast<std::size_t>(last - first + 1));
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

// Two sockets of 8 cores with two threads each, numbered as Linux does on servers: 0-7 and 16-23 are the first socket.
// 8 GPUs, four to a socket.
class TwoSockets : public ::testing::Test {
 protected:
  TwoSockets() {
    for (int core = 0; core < 16; ++core)
      for (const int cpu : {core, core + 16})
        sysfs_.add_cpu(cpu, core / 8, std::to_string(core) + "," + std::to_string(core + 16));
    sysfs_.add_node(0, "0-7,16-23");
    sysfs_.add_node(1, "8-15,24-31");
    sysfs_.write("devices/system/node/online", "0-1");
    for (int gpu = 0; gpu < 8; ++gpu)
      sysfs_.add_device("0000:" + std::to_string(10 + gpu) + ":00.0", "0x10de", "0x030200",
                        gpu < 4 ? "0-7,16-23" : "8-15,24-31");
    sysfs_.add_device("0000:05:00.0", "0x1a03", "0x030000", "0-31");  // the console's display
    sysfs_.add_device("0000:11:00.1", "0x10de", "0x040300", "0-31");  // a GPU's sound
  }
  Topology topology(const Cpus& usable = range(0, 31)) const {
    Topology t = read_topology(usable, sysfs_.root());
    for (const Gpu& gpu : sysfs_gpus(sysfs_.root())) t.gpus.push_back(gpu.cpus);
    return t;
  }
  Sysfs sysfs_;
};

std::string at(Mode mode, const Topology& t, const std::vector<Cpus>& homes, int rank) {
  return format_cpu_list(cpus_for(mode, t, homes, rank));
}

// No core has two ranks, and together they have this many CPUs.
void expect_unique(Mode mode, const Topology& t, const std::vector<Cpus>& homes, std::size_t together) {
  std::map<int, int> core_of, rank_of_core;
  for (const auto& cpu : t.cpus) core_of[cpu.id] = cpu.core;
  std::set<int> all;
  for (int rank = 0; rank < static_cast<int>(homes.size()); ++rank)
    for (const int cpu : cpus_for(mode, t, homes, rank)) {
      EXPECT_TRUE(all.insert(cpu).second) << cpu;
      EXPECT_EQ(rank_of_core.emplace(core_of.at(cpu), rank).first->second, rank) << cpu;
    }
  EXPECT_EQ(all.size(), together);
}

TEST_F(TwoSockets, EightGpus) {
  const Topology t = topology();
  ASSERT_EQ(t.gpus.size(), 8u);
  const auto homes = homes_near_gpus(t, 8);
  EXPECT_EQ(at(Mode::kSocket, t, homes, 3), "0-7,16-23");
  EXPECT_EQ(at(Mode::kSocket, t, homes, 4), "8-15,24-31");
  EXPECT_EQ(at(Mode::kSingle, t, homes, 3), "0");
  EXPECT_EQ(at(Mode::kSingle, t, homes, 4), "8");
  EXPECT_EQ(at(Mode::kSingleUnique, t, homes, 3), "3");
  EXPECT_EQ(at(Mode::kSingleUnique, t, homes, 5), "9");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes, 1), "1,5,17,21");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes, 6), "10,14,26,30");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, homes, 1), "2-3,18-19");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, homes, 7), "14-15,30-31");
  EXPECT_EQ(at(Mode::kDisabled, t, homes, 0), "");
  expect_unique(Mode::kSingleUnique, t, homes, 8);
  expect_unique(Mode::kSocketUniqueInterleaved, t, homes, 32);
  expect_unique(Mode::kSocketUniqueContinuous, t, homes, 32);
}

TEST_F(TwoSockets, OddNumbersOfGpus) {
  const Topology t = topology();
  for (const int gpus : {1, 3, 5, 7}) {
    const auto homes = homes_near_gpus(t, gpus);
    for (const Mode mode : {Mode::kSocketUniqueInterleaved, Mode::kSocketUniqueContinuous})
      expect_unique(mode, t, homes, gpus > 4 ? 32 : 16);
  }
  EXPECT_TRUE(homes_near_gpus(t, 9).empty());
  EXPECT_TRUE(cpus_for(Mode::kSocket, t, {}, 0).empty());
}

TEST_F(TwoSockets, RanksWithoutGpus) {
  const Topology t = topology();
  const auto two = homes_over_sockets(t, 2), four = homes_over_sockets(t, 4), three = homes_over_sockets(t, 3);
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, two, 0), "0-7,16-23");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, two, 1), "8-15,24-31");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, four, 1), "4-7,20-23");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, four, 2), "8-11,24-27");
  expect_unique(Mode::kSocketUniqueInterleaved, t, four, 32);
  // Three cannot have equal parts of two sockets: each has its part of the whole.
  EXPECT_EQ(three[0], range(0, 31));
  expect_unique(Mode::kSocketUniqueInterleaved, t, three, 32);
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, three, 0), "0-4,16-20");
  EXPECT_EQ(homes_over_sockets(t, 1)[0], range(0, 31));
}

TEST_F(TwoSockets, OnlyUsableCpus) {
  // One socket's half, and a lone hyperthread of the other: the GPUs there have that one.
  const Topology t = topology({0, 1, 2, 3, 24});
  const auto homes = homes_near_gpus(t, 8);
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes, 2), "2");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes, 4), "") << "one core for four ranks";
  EXPECT_EQ(at(Mode::kSingleUnique, t, homes, 4), "");
  EXPECT_EQ(at(Mode::kSocket, t, homes, 4), "24");
  EXPECT_EQ(homes_over_sockets(t, 2)[1], (Cpus{0, 1, 2, 3, 24})) << "4 cores and 1 are no fair shares";
  // Nothing near some GPU.
  const Topology first = topology({0, 1, 2, 3});
  EXPECT_EQ(homes_near_gpus(first, 8)[0], range(0, 3));
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, first, homes_near_gpus(first, 8), 0), "");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, first, homes_near_gpus(first, 4), 3), "3");
}

TEST(Affinity, MemoryNodesInsideASocket) {
  const Sysfs sysfs;
  for (int cpu = 0; cpu < 8; ++cpu) sysfs.add_cpu(cpu, 0, std::to_string(cpu));
  sysfs.add_node(0, "0-3");
  sysfs.add_node(1, "4-7");
  sysfs.add_node(2, "");  // memory alone
  const Topology t = read_topology(range(0, 7), sysfs.root());
  EXPECT_EQ(at(Mode::kSocket, t, homes_over_sockets(t, 2), 1), "4-7");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes_over_sockets(t, 4), 3), "5,7");
}

TEST(Affinity, OneMemoryNodeOverTwoSockets) {
  const Sysfs sysfs;
  for (int cpu = 0; cpu < 8; ++cpu) sysfs.add_cpu(cpu, cpu % 2, std::to_string(cpu));
  sysfs.add_node(0, "0-7");
  const Topology t = read_topology(range(0, 7), sysfs.root());
  EXPECT_EQ(at(Mode::kSocket, t, homes_over_sockets(t, 2), 1), "1,3,5,7");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, homes_over_sockets(t, 1), 0), "0-7");
}

TEST(Affinity, NothingKnownIsOneSocket) {
  const Topology t = read_topology({0, 1, 4}, "/no/such/folder");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes_over_sockets(t, 2), 0), "0,4");
  EXPECT_EQ(at(Mode::kSocketUniqueInterleaved, t, homes_over_sockets(t, 4), 0), "");
  EXPECT_TRUE(sysfs_gpus("/no/such/folder").empty());
}

TEST(Affinity, HomesThatOverlapInPartAreLeftAlone) {
  const Topology t = read_topology(range(0, 7), "/no/such/folder");
  const std::vector<Cpus> homes = {range(0, 3), range(2, 7), {}};
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, homes, 0), "");
  EXPECT_EQ(at(Mode::kSocketUniqueContinuous, t, homes, 1), "");
  EXPECT_EQ(at(Mode::kSocket, t, homes, 2), "");
}

TEST(Affinity, GpusThatCudaSees) {
  const std::vector<Gpu> all = {{"GPU-aa11", {0}}, {"GPU-bb22", {1}}, {"GPU-bb33", {2}}};
  const auto seen = [&](const char* visible) {
    Cpus first;
    for (const Gpu& gpu : visible_gpus(all, visible)) first.push_back(gpu.cpus[0]);
    return first;
  };
  EXPECT_EQ(seen(nullptr), (Cpus{0, 1, 2}));
  EXPECT_EQ(seen("2,0"), (Cpus{2, 0}));
  EXPECT_EQ(seen("GPU-bb3,GPU-aa11"), (Cpus{2, 0}));
  EXPECT_EQ(seen("1,7,0"), (Cpus{1}));
  EXPECT_EQ(seen(""), Cpus{});
  EXPECT_EQ(seen("MIG-aa11"), Cpus{});
}

TEST(Affinity, Lists) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (Cpus{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list(""), Cpus{});
  EXPECT_EQ(parse_cpu_list("5,x"), Cpus{5});
  EXPECT_EQ(format_cpu_list({0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
  EXPECT_EQ(format_cpu_list({}), "");
  EXPECT_EQ(affinity_mode(kDefaultAffinity), Mode::kSocketUniqueInterleaved);
  EXPECT_EQ(affinity_mode("disabled"), Mode::kDisabled);
  EXPECT_THROW(affinity_mode("sockets"), Error);
}

// The affinity of the test's process is put back at the end.
TEST(Affinity, IsSetForTheWholeProcess) {
  const Cpus before = usable_cpus();
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(apply_affinity(Mode::kDisabled, {}), 0);
  EXPECT_EQ(apply_affinity(Mode::kSocketUniqueInterleaved, {0, 1 << 20}), 0);
  EXPECT_EQ(usable_cpus(), before);

  std::atomic<bool> go{false};
  Cpus earlier, later;
  std::thread early([&] {
    go.wait(false);
    earlier = usable_cpus();
  });
  EXPECT_EQ(apply_affinity(Mode::kSingleUnique, {}), 1);
  go = true;
  go.notify_all();
  early.join();
  std::thread([&] { later = usable_cpus(); }).join();
  EXPECT_EQ(usable_cpus().size(), 1u);
  EXPECT_EQ(earlier, usable_cpus());
  EXPECT_EQ(later, usable_cpus());

  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : before) CPU_SET(static_cast<std::size_t>(cpu), &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(usable_cpus(), before);
}

}  // namespace
}  // namespace nnunet
