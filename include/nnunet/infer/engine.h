#pragma once
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/device.h"
#include "nnunet/core/precision.h"
#include "nnunet/infer/windows.h"

namespace nnunet {

class NativeMemory;
class WindowLane;
struct SlidingWindowPlan;

/// What computes a trained network: kernels of our own, libtorch, or another program's runtime. The narrow interface
/// behind which all of them lie; a new one is a file in src/infer and a line in engine.cpp.
/// Not thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// native and libtorch take every spatial size that fits the network, the others the patch of the checkpoint. Throws
  /// Error for another shape.
  virtual Logits forward(const WindowBatch& windows) = 0;
  /// Its name, version and arithmetic: "libtorch 2.13.0, fp32, cpu", "native, fp32, cpu, avx2".
  virtual std::string description() const = 0;
  /// How a sliding window goes through the mean of all these engines' networks, the first of which this is. Those that
  /// compute on a GPU keep windows and logits there, where the plan's sums can be made there.
  virtual std::unique_ptr<WindowLane> lane(const std::vector<std::unique_ptr<Engine>>& all,
                                           const SlidingWindowPlan& plan);
};

/// Mean of the networks' logits: one network's as they come, several networks' in float32, in memory's.
Logits mean_logits(const std::vector<std::unique_ptr<Engine>>& engines, LogitMemory& memory,
                   const WindowBatch& windows);

/// A GPU has too little memory.
struct OutOfDeviceMemory : std::bad_alloc {};

struct EngineOptions;
using EngineMaker = std::function<std::unique_ptr<Engine>(const Checkpoint& checkpoint, const EngineOptions& options,
                                                          const std::string& source)>;

/// The engines beside the native one, libtorch among them, as a program that links them hands them on
/// (torch_engine/torch_engine.h). Rooms that predict know no more of them.
struct EngineBackend {
  std::vector<std::pair<std::string, std::string>> engines;  ///< names and versions
  int gpus = 0;                                              ///< that libtorch can use
  EngineMaker make;                                          ///< options.name: one of them, or "auto" for libtorch
};

struct EngineOptions {
  std::string name = "auto";  ///< --engine; auto: native where it fits, else libtorch
  Precision precision = Precision::fp32;
  Device device = kCpu;
  const EngineBackend* others = nullptr;      ///< null: this program has the native engine alone
  bool large_tiles = false;                   ///< of the native engine in fp32: NativeOptions
  std::shared_ptr<NativeMemory> memory = {};  ///< of native engines that never run at the same time; null: their own
};

/// All names that --engine takes, "auto" first, whether or not this build has them.
std::vector<std::string> engine_names();
/// Those of this build, without "auto".
std::vector<std::string> built_engines(const EngineBackend* others);

/// built_engines() with their versions: {"libtorch", "2.13.0"}, ...
std::vector<std::pair<std::string, std::string>> engine_versions(const EngineBackend* others);

/// What the native engine can do: fp32 and bf16 on the CPU.
bool runs_natively(Precision precision, Device device);

/// The device for --engine and --gpus (choose_device): native, openvino and onnxruntime run on the CPU, tensorrt on a
/// GPU. Throws Error where --gpus asks for another one.
Device choose_engine_device(const std::string& name, int gpus, const EngineBackend* others, const JobPlace& place = {});

/// source names the checkpoint in messages. Throws Error for an engine that this build does not have, arithmetic or a
/// device that it cannot do, and weights that do not fit the plan.
std::unique_ptr<Engine> make_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                    const std::string& source = "checkpoint");

}  // namespace nnunet
