#include "nnunet/native/native_unet.h"

#include <fmt/format.h>

#include "layers.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {

using kernels::ConvShape;
using kernels::ConvSide;
using native::Block;
using native::ConvOp;
using native::Feature;
using native::Joined;
using native::Sizes3;
using native::Up;

class NativeUNet::Impl {
 public:
  virtual ~Impl() = default;
  virtual void set_parameters(const std::vector<const float*>& parameters) = 0;
  virtual void set_running_statistics(const std::vector<RunningStatistics>& statistics) = 0;
  virtual void forward(const float* images, float* logits) = 0;
  virtual void backward(const float* logit_gradient, const std::vector<float*>& gradients) = 0;
  virtual std::int64_t bytes() const = 0;
};

namespace {

using Sizes = std::vector<std::int64_t>;

/// (z,y,x) of (z,y,x) or (y,x).
Sizes3 three(const Sizes& sizes) {
  Sizes3 result{1, 1, 1};
  for (std::size_t i = 0; i < sizes.size(); ++i) result[3 - sizes.size() + i] = sizes[i];
  return result;
}

void check_size(const NetworkPlan& plan, const Sizes& size) {
  const Sizes multiple = total_stride(plan);
  bool fits = size.size() == multiple.size();
  for (std::size_t a = 0; fits && a < size.size(); ++a) fits = size[a] >= 1 && size[a] % multiple[a] == 0;
  if (!fits)
    throw Error("network input",
                fmt::format("its sizes {} are no multiples of the network's strides {}", shape_text(size),
                            shape_text(multiple)),
                "use the patch size of the training");
}

template <class T>
class Engine final : public NativeUNet::Impl {
 public:
  Engine(const NetworkPlan& plan, std::int64_t samples, const Sizes& size, const NativeOptions& options)
      : plan_(plan), samples_(samples), keep_(options.gradients) {
    context_.options = options;
    Sizes3 grid = three(size);
    const std::size_t levels = plan.filters.size();
    for (std::size_t level = 0; level < levels; ++level) add_encoder(level, grid);
    for (std::size_t level = levels - 1; level > 0; --level) add_decoder(level);
    ConvShape last = convolution(plan.filters.front(), 0, plan.n_class, sizes_.front(), {1, 1, 1}, {1, 1, 1});
    last.coarse.plain = true;
    output_ = std::make_unique<ConvOp<T>>(last, false, options);
    output_parameter_ = next_parameter_;
  }

  void set_parameters(const std::vector<const float*>& parameters) override {
    for (auto& block : encoder_) block->set_parameters(parameters);
    for (auto& block : decoder_) block->set_parameters(parameters);
    for (auto& up : ups_) up->set_parameters(parameters);
    output_->set_weights(parameters[output_parameter_]);
    const float* const bias = parameters[output_parameter_ + 1];
    output_bias_.assign(bias, bias + plan_.n_class);
  }

  void set_running_statistics(const std::vector<RunningStatistics>& statistics) override {
    std::size_t next = 0;
    for (auto* blocks : {&encoder_, &decoder_})
      for (auto& block : *blocks)
        for (native::NormState* norm : block->norms()) norm->running = statistics.at(next++);
  }

  void forward(const float* images, float* logits) override {
    release();
    for (std::size_t level = 0; level < encoder_.size(); ++level)
      encoder_[level]->forward(level == 0 ? Joined<T>{images} : Joined<T>{nullptr, &encoder_[level - 1]->result()},
                               keep_, /*last_reader=*/false, context_);
    for (std::size_t i = 0; i < decoder_.size(); ++i) {
      Feature<T>& below = below_of(i);
      ups_[i]->forward(below, context_);
      if (!keep_) below.release(context_);
      decoder_[i]->forward(joined(i), keep_, /*last_reader=*/!keep_, context_);
    }
    Feature<T>& last = decoder_.back()->result();
    ++last.readers;
    output_->forward(Joined<T>{nullptr, &last}.input(), output_bias_.data(), logits, context_.workspace);
    if (!keep_) release();
    images_ = images;
  }

  void backward(const float* dy, const std::vector<float*>& gradients) override {
    Feature<T>& last = decoder_.back()->result();
    output_->gradient(Joined<T>{nullptr, &last}.input(), dy, gradients[output_parameter_], context_.workspace);
    sum_channels(dy, gradients[output_parameter_ + 1]);
    output_->backward(dy, last.gradient(context_), context_.workspace);
    for (std::size_t i = decoder_.size(); i-- > 0;) {
      decoder_[i]->backward(joined(i), gradients, context_);
      ups_[i]->backward(below_of(i), gradients, context_);
    }
    for (std::size_t level = encoder_.size(); level-- > 0;)
      encoder_[level]->backward(level == 0 ? Joined<T>{images_} : Joined<T>{nullptr, &encoder_[level - 1]->result()},
                                gradients, context_);
    release();
  }

  std::int64_t bytes() const override {
    std::int64_t sum = context_.pool.bytes() + context_.workspace.bytes() + output_->bytes();
    for (const auto& block : encoder_) sum += block->bytes();
    for (const auto& block : decoder_) sum += block->bytes();
    for (const auto& up : ups_) sum += up->bytes();
    return sum;
  }

 private:
  /// Sizes of the result go to shape.coarse.size. As ConvImpl (network/blocks.h) pads.
  ConvShape convolution(std::int64_t in, std::int64_t more_in, std::int64_t out, const Sizes3& size,
                        const Sizes3& kernel, const Sizes3& stride) const {
    ConvShape s;
    s.samples = samples_;
    s.fine = {in, more_in, size, false};
    s.coarse = {out, 0, {}, false};
    s.kernel = kernel;
    s.stride = stride;
    for (std::size_t a = 0; a < 3; ++a) {
      s.padding[a] = (kernel[a] - stride[a] + 1) / 2;
      s.coarse.size[a] = (size[a] + 2 * s.padding[a] - kernel[a]) / stride[a] + 1;
    }
    return s;
  }

  std::unique_ptr<Block<T>> block_of(const ConvShape& shape, bool residual) {
    auto block = std::make_unique<Block<T>>(shape, residual, plan_.norm, static_cast<float>(plan_.negative_slope),
                                            next_parameter_, context_);
    next_parameter_ += 3 * block->norms().size();
    return block;
  }

  void add_encoder(std::size_t level, Sizes3& grid) {
    ConvShape shape = convolution(level == 0 ? plan_.in_channels : plan_.filters[level - 1], 0, plan_.filters[level],
                                  grid, three(plan_.kernels[level]), three(plan_.strides[level]));
    shape.fine.plain = level == 0;
    grid = shape.coarse.size;
    sizes_.push_back(grid);
    encoder_.push_back(block_of(shape, plan_.residual));
  }

  void add_decoder(std::size_t level) {
    const std::int64_t out = plan_.filters[level - 1];
    ConvShape up;
    up.samples = samples_;
    up.fine = {out, 0, sizes_[level - 1], false};
    up.coarse = {plan_.filters[level], 0, sizes_[level], false};
    up.kernel = up.stride = three(plan_.strides[level]);
    ups_.push_back(std::make_unique<Up<T>>(up, next_parameter_, context_));
    next_parameter_ += 2;
    decoder_.push_back(
        block_of(convolution(out, out, out, sizes_[level - 1], three(plan_.kernels[level]), {1, 1, 1}), false));
  }

  Feature<T>& below_of(std::size_t i) { return i == 0 ? encoder_.back()->result() : decoder_[i - 1]->result(); }
  Feature<T>& skip_of(std::size_t i) { return encoder_[encoder_.size() - 2 - i]->result(); }
  Joined<T> joined(std::size_t i) { return {nullptr, &ups_[i]->out, &skip_of(i)}; }

  void sum_channels(const float* dy, float* sums) const {
    const std::int64_t voxels = sizes_.front()[0] * sizes_.front()[1] * sizes_.front()[2], classes = plan_.n_class;
#pragma omp parallel for
    for (std::int64_t k = 0; k < classes; ++k) {
      double sum = 0;
      for (std::int64_t n = 0; n < samples_; ++n)
        for (std::int64_t v = 0; v < voxels; ++v) sum += static_cast<double>(dy[(n * classes + k) * voxels + v]);
      sums[k] = static_cast<float>(sum);
    }
  }

  void release() {
    for (auto& block : encoder_) block->release(context_);
    for (auto& block : decoder_) block->release(context_);
    for (auto& up : ups_) up->out.release(context_);
  }

  NetworkPlan plan_;
  std::int64_t samples_;
  bool keep_;
  native::Context context_;
  std::vector<Sizes3> sizes_;  ///< of each level
  std::size_t next_parameter_ = 0, output_parameter_ = 0;
  std::vector<std::unique_ptr<Block<T>>> encoder_, decoder_;  ///< decoder: from the bottleneck up
  std::vector<std::unique_ptr<Up<T>>> ups_;
  std::unique_ptr<ConvOp<T>> output_;
  std::vector<float> output_bias_;
  const float* images_ = nullptr;
};

}  // namespace

NativeUNet::NativeUNet(const NetworkPlan& plan, std::int64_t samples, const Sizes& size, const NativeOptions& options) {
  check_network_plan(plan, "network");
  check_size(plan, size);
  if (options.bf16)
    impl_ = std::make_unique<Engine<kernels::Bfloat16>>(plan, samples, size, options);
  else
    impl_ = std::make_unique<Engine<float>>(plan, samples, size, options);
}
NativeUNet::~NativeUNet() = default;
NativeUNet::NativeUNet(NativeUNet&&) noexcept = default;
NativeUNet& NativeUNet::operator=(NativeUNet&&) noexcept = default;

void NativeUNet::set_parameters(const std::vector<const float*>& parameters) {
  impl_->set_parameters(parameters);
}
void NativeUNet::set_running_statistics(const std::vector<RunningStatistics>& statistics) {
  impl_->set_running_statistics(statistics);
}
void NativeUNet::forward(const float* images, float* logits) {
  impl_->forward(images, logits);
}
void NativeUNet::backward(const float* logit_gradient, const std::vector<float*>& gradients) {
  impl_->backward(logit_gradient, gradients);
}
std::int64_t NativeUNet::bytes() const {
  return impl_->bytes();
}

}  // namespace nnunet
