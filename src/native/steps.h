#pragma once
#include <optional>
#include <string>
#include <vector>

#include "conv_op.h"
#include "feature.h"

/// What a pass is made of: one or several operators of the graph that are computed together.
namespace nnunet::native {

template <class T>
class Step {
 public:
  Step() = default;
  virtual ~Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  virtual void set_parameters(const ParameterValues&) {}
  virtual void forward(Context& context) = 0;
  /// Adds to the gradients of the features it reads, and writes those of its parameters.
  virtual void backward(const ParameterGradients& gradients, Context& context) = 0;
  virtual std::int64_t bytes() const { return 0; }

  /// Those of `reads` whose gradients the next backward adds to: once each.
  virtual std::vector<Feature<T>*> gradients_go_to() const { return reads; }

  /// The features it reads, each once: what is read no more is released.
  std::vector<Feature<T>*> reads;
  Feature<T> out;
  std::size_t node = 0;  ///< of the graph: the first of the operators that are computed here
};

/// Convolution -> norm; LeakyReLU, where it follows, is applied by the readers (out.slope).
template <class T>
class ConvStep final : public Step<T> {
 public:
  ConvStep(const GraphNode& conv, const kernels::ConvShape& shape, const Joined<T>& input,
           const NativeOptions& options);
  /// Of the kind Norm, with the graph's name.
  void set_norm(const std::string& name, Norm kind, const NativeOptions& options);
  void set_parameters(const ParameterValues& parameters) override;
  void forward(Context& context) override;
  void backward(const ParameterGradients& gradients, Context& context) override;
  std::int64_t bytes() const override { return conv_.bytes(); }

  std::optional<NormState> norm;
  std::string norm_name;
  /// A sum that reads it gives it its own gradient, which is g' already; released by the one that reads it last.
  Feature<T>* gradient_of = nullptr;
  bool releases_gradient = true;

 private:
  std::string name_;
  Joined<T> input_;
  ConvOp<T> conv_;
  std::vector<float> bias_;  ///< padded to blocks; empty: none
};

/// lrelu(norm(a) + b), b the norm of another convolution, a feature, the images, or (no b) nothing: then it is the
/// activation written out, for readers that cannot apply it themselves.
template <class T>
class SumStep final : public Step<T> {
 public:
  SumStep(ConvStep<T>& main, ConvStep<T>* normed, Feature<T>* plain, bool images);
  void forward(Context& context) override;
  void backward(const ParameterGradients& gradients, Context& context) override;
  /// The norms' convolutions take theirs from here.
  std::vector<Feature<T>*> gradients_go_to() const override {
    return plain_ ? std::vector<Feature<T>*>{plain_} : std::vector<Feature<T>*>{};
  }

 private:
  kernels::Source<T> source() const;

  ConvStep<T>& main_;
  ConvStep<T>* const normed_;
  Feature<T>* const plain_;
  bool images_;
  Feature<T> image_;  ///< the images in blocks
  mutable std::vector<float> shift_, with_scale_;
};

/// Transposed convolution; its result has no norm.
template <class T>
class UpStep final : public Step<T> {
 public:
  UpStep(const GraphNode& conv, const kernels::ConvShape& shape, Feature<T>& input, const NativeOptions& options);
  void set_parameters(const ParameterValues& parameters) override;
  void forward(Context& context) override;
  void backward(const ParameterGradients& gradients, Context& context) override;
  std::int64_t bytes() const override { return conv_.bytes(); }

 private:
  std::string name_;
  Feature<T>& input_;
  ConvOp<T> conv_;
  std::vector<float> bias_;
  std::vector<kernels::Moments> gradient_moments_;
};

template <class T>
class PoolStep final : public Step<T> {
 public:
  PoolStep(Feature<T>& input, const Sizes3& stride);
  void forward(Context& context) override;
  void backward(const ParameterGradients& gradients, Context& context) override;

 private:
  Feature<T>& input_;
  Sizes3 stride_;
};

/// The convolution that makes logits, (N,K,spatial).
template <class T>
class HeadStep final : public Step<T> {
 public:
  HeadStep(const GraphNode& conv, const kernels::ConvShape& shape, Feature<T>& input, const NativeOptions& options);
  void set_parameters(const ParameterValues& parameters) override;
  void forward(Context& context) override;
  void backward(const ParameterGradients& gradients, Context& context) override;
  std::vector<Feature<T>*> gradients_go_to() const override {
    return logit_gradient ? this->reads : std::vector<Feature<T>*>{};
  }
  std::int64_t bytes() const override { return conv_.bytes(); }

  float* logits = nullptr;                ///< of this forward
  const float* logit_gradient = nullptr;  ///< of this backward; null: none

 private:
  void sum_channels(float* sums) const;

  std::string name_;
  Feature<T>& input_;
  kernels::ConvShape shape_;
  ConvOp<T> conv_;
  std::vector<float> bias_;
};

}  // namespace nnunet::native
