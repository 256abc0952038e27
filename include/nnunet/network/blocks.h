#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "nnunet/distributed/process_group.h"
#include "nnunet/plan/plan.h"

/// The parts of the U-Net (contract, section 3), for two or three spatial axes alike: tensors are (N,C,D,H,W) or
/// (N,C,H,W). The names under which they register parameters are those of the reference system.
namespace nnunet {

using Sizes = std::vector<std::int64_t>;

/// Convolution with padding int((kernel - stride + 1) / 2), or transposed convolution without padding.
class ConvImpl : public torch::nn::Module {
 public:
  enum class Kind { plain, transposed };
  ConvImpl(std::int64_t in, std::int64_t out, const Sizes& kernel, Sizes stride, bool bias, Kind kind = Kind::plain);
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight;  ///< (out,in,kernel), transposed (in,out,kernel)
  torch::Tensor bias;    ///< (out), or undefined
  bool transposed() const { return kind_ == Kind::transposed; }

 private:
  Sizes stride_, padding_;
  Kind kind_;
};
TORCH_MODULE(Conv);

/// Instance, batch or group normalisation (32 groups) with scale and shift, then LeakyReLU.
class NormLayerImpl : public torch::nn::Module {
 public:
  NormLayerImpl(Norm norm, std::int64_t channels);
  /// Without gradients the result may take x's place. Slope 1: no LeakyReLU.
  torch::Tensor forward(const torch::Tensor& x, double slope = 1);

  bool fused = true;                                             ///< our kernels instead of torch's operators
  const ProcessGroup* group = nullptr;                           ///< batch norm over all its processes; null: over one
  torch::Tensor weight, bias;                                    ///< (C)
  torch::Tensor running_mean, running_var, num_batches_tracked;  ///< batch norm only: (C), (C), ()

 private:
  torch::Tensor normalise(const torch::Tensor& x);  ///< batch, group

  Norm norm_;
};
TORCH_MODULE(NormLayer);

/// Convolution (no bias) -> normalisation -> LeakyReLU.
class ConvLayerImpl : public torch::nn::Module {
 public:
  ConvLayerImpl(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride, const NetworkPlan& plan);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Conv conv_;
  NormLayer norm_;
  double slope_;
};
TORCH_MODULE(ConvLayer);

/// What the encoder and the decoder are made of.
class Block : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
};

/// Two layers; the stride is on the first.
class ConvBlock : public Block {
 public:
  ConvBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride, const NetworkPlan& plan);
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  ConvLayer conv1_, conv2_;
};

/// Layer, convolution, normalisation, plus the input (through a convolution and normalisation where its shape differs)
/// -> LeakyReLU.
class ResidualBlock : public Block {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride, const NetworkPlan& plan);
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  ConvLayer conv1_;
  Conv conv2_;
  NormLayer norm_;
  Conv downsample_{nullptr};
  NormLayer norm_res_{nullptr};
  double slope_;
};

/// Transposed convolution to twice the size -> cat(up, skip) -> block.
class UpsampleBlock : public torch::nn::Module {
 public:
  UpsampleBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride, const NetworkPlan& plan);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& skip);

 private:
  Conv transp_conv_;
  std::shared_ptr<Block> conv_block_;
};

/// 1x1 convolution with bias to the classes.
class OutputBlock : public torch::nn::Module {
 public:
  explicit OutputBlock(const NetworkPlan& plan);
  torch::Tensor forward(const torch::Tensor& x) const { return conv_->forward(x); }

 private:
  Conv conv_;
};

}  // namespace nnunet
