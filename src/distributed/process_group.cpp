#include "nnunet/distributed/process_group.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "nnunet/core/error.h"

// torch's headers hide what it was built with behind these; libgloo-dev and NCCL's wheel bring the headers below them.
#define USE_C10D_GLOO
#if defined(NNUNET_CUDA) && __has_include(<nccl.h>)
#define NNUNET_NCCL
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef NNUNET_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace nnunet {

namespace {

using Engine = c10::intrusive_ptr<c10d::ProcessGroup>;
using Store = c10::intrusive_ptr<c10d::Store>;

std::string text_of(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// torchrun keeps the store itself and uses it again when it restarts the processes: each attempt has its own keys.
Store meet(const JobPlace& place, std::chrono::milliseconds timeout) {
  const bool kept = text_of("TORCHELASTIC_USE_AGENT_STORE") == "True";
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.master_port);
  options.isServer = place.rank == 0 && !kept;
  options.numWorkers = static_cast<std::size_t>(place.size);
  options.timeout = timeout;
  const std::string attempt = text_of("TORCHELASTIC_RESTART_COUNT");
  return c10::make_intrusive<c10d::PrefixStore>("nnunet/" + (attempt.empty() ? "0" : attempt),
                                                c10::make_intrusive<c10d::TCPStore>(place.master_address, options));
}

c10::intrusive_ptr<c10d::Backend> make_gloo(const Store& store, const JobPlace& place,
                                            std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupGloo::Options::create_default(timeout);
  if (place.local_size == place.size)  // a machine's own name does not always lead back to it
    options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")};
  return c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), place.rank,
                                                     place.size, options);
}

Engine make_engine(const Store& store, const JobPlace& place, torch::Device device, std::chrono::milliseconds timeout) {
  using Type = c10d::ProcessGroup::BackendType;
  auto engine = c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::PrefixStore>("all", store),
                                                        place.rank, place.size);
  engine->setBackend(c10::DeviceType::CPU, Type::GLOO, make_gloo(store, place, timeout));
  engine->setDefaultBackend(Type::GLOO);
#ifdef NNUNET_NCCL
  if (device.is_cuda()) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    engine->setBackend(c10::DeviceType::CUDA, Type::NCCL,
                       c10::make_intrusive<c10d::ProcessGroupNCCL>(
                           c10::make_intrusive<c10d::PrefixStore>("nccl", store), place.rank, place.size, options));
    engine->setDefaultBackend(Type::NCCL);
  }
#else
  if (device.is_cuda())
    throw Error("--gpus", "this program was built without NCCL, which carries tensors between GPUs",
                "build it with a torch that has CUDA, or use one GPU");
#endif
  engine->setGroupName("nnunet");
  return engine;
}

/// Gloo's and c10d's own errors, as opposed to those of the computation.
bool is_about_processes(const std::exception& e) {
  if (dynamic_cast<const c10::DistError*>(&e) != nullptr) return true;
  for (const char* const mark : {"gloo", "Connection closed by peer", "Connection reset", "NCCL", "TCPStore"})
    if (std::strstr(e.what(), mark) != nullptr) return true;
  return false;
}

std::string first_line(std::string text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

struct ProcessGroup::State {
  int rank = 0, size = 1;
  Store store;
  Engine engine;
};

ProcessGroup::ProcessGroup() : state_(std::make_unique<State>()) {}

ProcessGroup::ProcessGroup(const JobPlace& place, torch::Device device, std::chrono::seconds timeout)
    : state_(std::make_unique<State>()) {
  state_->rank = place.rank;
  state_->size = place.size;
  if (place.size == 1) return;
  try {
    state_->store = meet(place, timeout);
    state_->engine = make_engine(state_->store, place, device, timeout);
    barrier();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(fmt::format("process {} of {}", place.rank + 1, place.size),
                fmt::format("the processes did not meet at {}:{} ({})", place.master_address, place.master_port,
                            first_line(e.what())),
                "check that all of them were started, that MASTER_ADDR can be reached and that MASTER_PORT is free; "
                "--dist_timeout says how long they wait");
  }
}

ProcessGroup::~ProcessGroup() = default;

int ProcessGroup::rank() const {
  return state_->rank;
}

int ProcessGroup::size() const {
  return state_->size;
}

const c10::intrusive_ptr<c10d::ProcessGroup>& ProcessGroup::engine() const {
  return state_->engine;
}

void ProcessGroup::reduce(torch::Tensor& tensor, Reduction reduction) const {
  if (alone()) return;
  try {
    std::vector<at::Tensor> tensors{tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = reduction == Reduction::sum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    state_->engine->allreduce(tensors, options)->wait();
  } catch (...) {
    explain_failure();
  }
}

void ProcessGroup::sum(torch::Tensor& tensor) const {
  reduce(tensor, Reduction::sum);
}

void ProcessGroup::broadcast(torch::Tensor& tensor) const {
  if (alone()) return;
  try {
    std::vector<at::Tensor> tensors{tensor};
    state_->engine->broadcast(tensors, c10d::BroadcastOptions())->wait();
  } catch (...) {
    explain_failure();
  }
}

void ProcessGroup::broadcast(std::string& text) const {
  if (alone()) return;
  torch::Tensor length = torch::tensor({static_cast<std::int64_t>(text.size())}, torch::kLong);
  broadcast(length);
  text.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
  if (text.empty()) return;
  torch::Tensor bytes = torch::from_blob(text.data(), {static_cast<std::int64_t>(text.size())}, torch::kByte);
  broadcast(bytes);
}

std::int64_t ProcessGroup::largest(std::int64_t value) const {
  if (alone()) return value;
  torch::Tensor tensor = torch::tensor({value}, torch::kLong);
  reduce(tensor, Reduction::largest);
  return tensor.item<std::int64_t>();
}

void ProcessGroup::barrier() const {
  largest(0);
}

void ProcessGroup::report_failure(std::string_view reason) const noexcept {
  if (alone() || !state_->store) return;
  try {
    // Short, so that a store that went down with its process holds nobody up.
    state_->store->setTimeout(std::chrono::seconds(2));
    state_->store->set(fmt::format("failure/{}", rank()), std::vector<std::uint8_t>(reason.begin(), reason.end()));
  } catch (...) {
    return;  // the others see the connection close
  }
}

void ProcessGroup::explain_failure() const try { throw; } catch (const Error&) {
  throw;
} catch (const std::exception& e) {
  if (alone() || !is_about_processes(e)) throw;
  std::string reasons;
  try {
    state_->store->setTimeout(std::chrono::seconds(2));
    for (int other = 0; other < size(); ++other) {
      const std::string key = fmt::format("failure/{}", other);
      if (other == rank() || !state_->store->check({key})) continue;
      const auto bytes = state_->store->get(key);
      reasons += fmt::format("; process {} said: {}", other + 1, std::string(bytes.begin(), bytes.end()));
    }
  } catch (const std::exception&) {
    // The store was the lost process's: nothing more is known.
  }
  throw LostProcess(fmt::format("process {} of {}", rank() + 1, size()),
                    fmt::format("another process stopped or does not answer ({}){}", first_line(e.what()), reasons),
                    "look at that process's messages; start the training again with --resume_training");
}

namespace {

class GlobalSum : public torch::autograd::Function<GlobalSum> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& tensor,
                               const ProcessGroup* group) {
    context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
    torch::Tensor result = tensor.contiguous().clone();
    group->sum(result);
    return result;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto* const group = reinterpret_cast<const ProcessGroup*>(context->saved_data["group"].toInt());
    torch::Tensor result = gradients[0].contiguous().clone();
    group->sum(result);
    return {result, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor global_sum(const ProcessGroup& group, const torch::Tensor& tensor) {
  return group.alone() ? tensor : GlobalSum::apply(tensor, &group);
}

}  // namespace nnunet
