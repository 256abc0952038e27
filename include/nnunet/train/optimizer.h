#pragma once
#include <torch/torch.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/train/optimizer_options.h"

namespace nnunet {

/// What torch's optimizers keep of one parameter, under torch's names; nnU-Net v2's checkpoints have it as the entry of
/// that index in optimizer_state's `state`.
struct ParameterState {
  std::size_t index = 0;  ///< among the parameters
  /// In torch's order. sgd, nesterov: "momentum_buffer". The others: "step" (0-dim float32), "exp_avg", "exp_avg_sq",
  /// with adamw_amsgrad "max_exp_avg_sq".
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
};

/// What moves a list of parameters on one device along their gradients. A parameter without a gradient stays as it is,
/// also where weight decay would move it.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// As in OptimizerOptions.
  virtual std::string name() const = 0;
  /// found_inf, where given: a float on the device; nothing changes in this step if it is not 0. On a GPU no one waits
  /// for it.
  virtual void step(const torch::Tensor& found_inf = {}) = 0;
  void zero_grad();
  double learning_rate() const { return learning_rate_; }
  void set_learning_rate(double rate);
  /// Everything that continues it exactly: a dict of plain values and tensors. Waits for the device.
  virtual Value state() const = 0;
  virtual void load_state(const Value& state, const std::string& source) = 0;
  /// Of those parameters that have had a gradient in some step, by rising index. The tensors are the optimizer's own
  /// (on its device, shapes of the parameters): copy what is to be kept.
  virtual std::vector<ParameterState> parameter_states() const = 0;
  /// Takes over such a list; parameters that are not in it begin anew. The learning rate stays. Throws Error (subject:
  /// source) for what is missing or has another shape; nothing is changed then.
  virtual void load_parameter_states(const std::vector<ParameterState>& states, const std::string& source) = 0;

 protected:
  Optimizer(std::vector<torch::Tensor> parameters, double learning_rate);
  std::vector<torch::Tensor> parameters_;
  std::vector<bool> moved_;  ///< by parameter: it has had a gradient
  double learning_rate_;
  torch::Tensor device_rate_;  ///< the same, a double on the parameters' device
};

/// One of the contract's section 4. Throws Error for an unknown name.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<torch::Tensor> parameters);

/// Scales gradients so that their global L2 norm is at most max_norm; returns the norm (0-dim tensor on their device).
/// As torch's clip_grad_norm_.
torch::Tensor clip_gradients(const std::vector<torch::Tensor>& parameters, double max_norm);

}  // namespace nnunet
