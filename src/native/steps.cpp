#include "steps.h"

#include <algorithm>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/kernels/passes.h"
#include "nnunet/kernels/pool.h"

namespace nnunet::native {

using kernels::Blocked;
using kernels::ConvShape;
using kernels::Input;
using kernels::kBlock;
using kernels::Output;
using kernels::Source;

namespace {

template <class Map>
auto find(const Map& map, const std::string& name) {
  const auto found = map.find(name);
  if (found == map.end()) throw Error("native engine", "the parameter \"" + name + "\" was not given");
  return found->second;
}

/// (N,C,D,H,W) in blocks.
template <class T>
void in_blocks(const float* images, const Blocked<T>& y) {
  for (std::int64_t n = 0; n < y.n; ++n)
    for (std::int64_t b = 0; b < y.blocks(); ++b)
      for (std::int64_t v = 0; v < y.voxels(); ++v)
        for (std::int64_t c = 0; c < kBlock; ++c) {
          const std::int64_t channel = b * kBlock + c;
          kernels::from_float(channel < y.channels ? images[(n * y.channels + channel) * y.voxels() + v] : 0.0f,
                              y.at(n, b)[v * kBlock + c]);
        }
}

}  // namespace

// ---- Convolution and norm ----

template <class T>
ConvStep<T>::ConvStep(const GraphNode& conv, const ConvShape& shape, const Joined<T>& input,
                      const NativeOptions& options)
    : name_(conv.name), input_(input), conv_(shape, false, options) {
  this->out.shape(shape.samples, shape.coarse.channels, shape.coarse.size);
  for (Feature<T>* f : {input.first, input.second})
    if (f) this->reads.push_back(f);
  if (conv.bias) bias_.resize(static_cast<std::size_t>(this->out.x.blocks() * kBlock));
}

template <class T>
void ConvStep<T>::set_norm(const std::string& name, Norm kind, const NativeOptions& options) {
  norm_name = name;
  norm.emplace(kind, this->out.x.n, this->out.x.channels, options);
  this->out.norm = &*norm;
}

template <class T>
void ConvStep<T>::set_parameters(const ParameterValues& parameters) {
  conv_.set_weights(find(parameters, name_ + ".weight"));
  if (!bias_.empty()) std::copy_n(find(parameters, name_ + ".bias"), this->out.x.channels, bias_.begin());
  norm->set_parameters(find(parameters, norm_name + ".weight"), find(parameters, norm_name + ".bias"));
}

template <class T>
void ConvStep<T>::forward(Context& context) {
  this->out.take(context);
  Output<T> y;
  y.y = this->out.x;
  y.bias = bias_.empty() ? nullptr : bias_.data();
  y.moments = norm->moments.data();
  if (input_.images)
    conv_.forward(context.images, y, context.workspace);
  else
    conv_.forward(input_.input(), y, context.workspace);
  norm->finish_forward(this->out.x.voxels());
}

template <class T>
void ConvStep<T>::backward(const ParameterGradients& gradients, Context& context) {
  Feature<T>& from = gradient_of ? *gradient_of : this->out;
  norm->finish_backward(this->out.x.voxels(), find(gradients, norm_name + ".weight"),
                        find(gradients, norm_name + ".bias"));
  if (!bias_.empty()) norm->sum_input_gradient(this->out.x.voxels(), find(gradients, name_ + ".bias"));
  Input<T> dy;
  dy.first.x = from.g;
  dy.first.scale = norm->gradient_scale.data();
  dy.first.shift = norm->gradient_shift.data();
  dy.first.with = this->out.x.data;
  dy.first.with_scale = norm->input_scale.data();
  float* const dw = find(gradients, name_ + ".weight");
  if (input_.images) {
    conv_.gradient(context.images, dy, dw, context.workspace);
  } else {
    conv_.gradient(input_.input(), dy, dw, context.workspace);
    conv_.backward(dy, input_.first->gradient(context), input_.second ? input_.second->gradient(context) : Output<T>{},
                   context.workspace);
  }
  if (releases_gradient) from.release_gradient(context);
}

// ---- Sum ----

template <class T>
SumStep<T>::SumStep(ConvStep<T>& main, ConvStep<T>* normed, Feature<T>* plain, bool images)
    : main_(main), normed_(normed), plain_(plain), images_(images) {
  const Blocked<T>& x = main.out.x;
  for (Feature<T>* f : {&this->out, &image_}) f->shape(x.n, x.channels, {x.d, x.h, x.w});
  this->reads.push_back(&main.out);
  if (normed) this->reads.push_back(&normed->out);
  if (plain) this->reads.push_back(plain);
  main.gradient_of = &this->out;
  if (normed == nullptr) return;
  normed->gradient_of = &this->out;
  // The graph lists the shortcut after the main path, so the backward comes to it first.
  normed->releases_gradient = false;
}

/// What the activation is of. Without b, `with` is a itself and counts nothing: the gradient's pass wants two.
template <class T>
Source<T> SumStep<T>::source() const {
  Source<T> s = main_.out.source();
  s.slope = this->out.slope;
  shift_ = main_.norm->shift;
  s.with = main_.out.x.data;
  if (normed_) {
    for (std::size_t i = 0; i < shift_.size(); ++i) shift_[i] += normed_->norm->shift[i];
    s.with = normed_->out.x.data;
    s.with_scale = normed_->norm->scale.data();
  } else {
    with_scale_.assign(shift_.size(), plain_ || images_ ? 1.0f : 0.0f);
    if (plain_ || images_) s.with = images_ ? image_.x.data : plain_->x.data;
    s.with_scale = with_scale_.data();
  }
  s.shift = shift_.data();
  return s;
}

template <class T>
void SumStep<T>::forward(Context& context) {
  if (images_) {
    image_.take(context);
    in_blocks(context.images, image_.x);
  }
  const Source<T> from = source();
  // The readers take the result as it is; in the place of what it is made of where nobody else needs that.
  if (!context.options.gradients && main_.out.readers == 1)
    this->out.x.data = std::exchange(main_.out.x.data, nullptr);
  else
    this->out.take(context);
  kernels::apply(from, this->out.x, context.options.isa);
  if (images_ && !context.options.gradients) image_.release(context);
}

template <class T>
void SumStep<T>::backward(const ParameterGradients&, Context& context) {
  kernels::SumGradient<T> s;
  s.sum = source();
  s.g = this->out.g;
  s.rstd = main_.norm->rstd.data();
  s.offset = main_.norm->offset.data();
  s.sums = main_.norm->sums.data();
  if (normed_) {
    s.with_rstd = normed_->norm->rstd.data();
    s.with_offset = normed_->norm->offset.data();
    s.with_sums = normed_->norm->sums.data();
  }
  kernels::sum_gradient(s, context.options.isa);
  image_.release(context);
  if (plain_ == nullptr) return;
  const Output<T> to = plain_->gradient(context);
  if (to.add)
    kernels::accumulate<T>(this->out.g, to.y);
  else
    kernels::apply({this->out.g}, to.y, context.options.isa);
}

// ---- Transposed convolution ----

template <class T>
UpStep<T>::UpStep(const GraphNode& conv, const ConvShape& shape, Feature<T>& input, const NativeOptions& options)
    : name_(conv.name), input_(input), conv_(shape, true, options) {
  this->out.shape(shape.samples, shape.fine.channels, shape.fine.size);
  this->reads.push_back(&input);
  if (!conv.bias) return;
  bias_.resize(static_cast<std::size_t>(this->out.x.blocks() * kBlock));
  gradient_moments_.resize(static_cast<std::size_t>(shape.samples) * bias_.size());
  this->out.gradient_moments = gradient_moments_.data();
}

template <class T>
void UpStep<T>::set_parameters(const ParameterValues& parameters) {
  conv_.set_weights(find(parameters, name_ + ".weight"));
  if (!bias_.empty()) std::copy_n(find(parameters, name_ + ".bias"), this->out.x.channels, bias_.begin());
}

template <class T>
void UpStep<T>::forward(Context& context) {
  this->out.take(context);
  Output<T> y;
  y.y = this->out.x;
  y.bias = bias_.empty() ? nullptr : bias_.data();
  conv_.forward(Joined<T>{false, &input_, nullptr}.input(), y, context.workspace);
}

template <class T>
void UpStep<T>::backward(const ParameterGradients& gradients, Context& context) {
  Input<T> dy;
  dy.first.x = this->out.g;
  conv_.gradient(Joined<T>{false, &input_, nullptr}.input(), dy, find(gradients, name_ + ".weight"), context.workspace);
  conv_.backward(dy, input_.gradient(context), {}, context.workspace);
  if (!bias_.empty()) {
    float* const to = find(gradients, name_ + ".bias");
    for (std::int64_t c = 0; c < this->out.x.channels; ++c) {
      double sum = 0;
      for (std::int64_t n = 0; n < this->out.x.n; ++n)
        sum += gradient_moments_[static_cast<std::size_t>(n) * bias_.size() + static_cast<std::size_t>(c)].mean;
      to[c] = static_cast<float>(sum * static_cast<double>(this->out.x.voxels()));
    }
  }
  this->out.release_gradient(context);
}

// ---- Pooling ----

template <class T>
PoolStep<T>::PoolStep(Feature<T>& input, const Sizes3& stride) : input_(input), stride_(stride) {
  const Blocked<T>& x = input.x;
  this->out.shape(x.n, x.channels, {x.d / stride[0], x.h / stride[1], x.w / stride[2]});
  this->reads.push_back(&input);
}

template <class T>
void PoolStep<T>::forward(Context& context) {
  this->out.take(context);
  kernels::mean_pool<T>(input_.x, stride_, this->out.x);
}

template <class T>
void PoolStep<T>::backward(const ParameterGradients&, Context& context) {
  const Output<T> to = input_.gradient(context);
  kernels::mean_pool_gradient<T>(this->out.g, stride_, to.y, to.add);
  this->out.release_gradient(context);
}

// ---- Head ----

template <class T>
HeadStep<T>::HeadStep(const GraphNode& conv, const ConvShape& shape, Feature<T>& input, const NativeOptions& options)
    : name_(conv.name),
      input_(input),
      shape_(shape),
      conv_(shape, false, options),
      bias_(static_cast<std::size_t>(conv.channels)) {
  this->reads.push_back(&input);
}

template <class T>
void HeadStep<T>::set_parameters(const ParameterValues& parameters) {
  conv_.set_weights(find(parameters, name_ + ".weight"));
  std::copy_n(find(parameters, name_ + ".bias"), bias_.size(), bias_.begin());
}

template <class T>
void HeadStep<T>::forward(Context& context) {
  conv_.forward(Joined<T>{false, &input_, nullptr}.input(), bias_.data(), logits, context.workspace);
}

template <class T>
void HeadStep<T>::backward(const ParameterGradients& gradients, Context& context) {
  if (logit_gradient == nullptr) return;
  conv_.gradient(Joined<T>{false, &input_, nullptr}.input(), logit_gradient, find(gradients, name_ + ".weight"),
                 context.workspace);
  sum_channels(find(gradients, name_ + ".bias"));
  conv_.backward(logit_gradient, input_.gradient(context), context.workspace);
}

template <class T>
void HeadStep<T>::sum_channels(float* sums) const {
  const Sizes3& size = shape_.coarse.size;
  const std::int64_t voxels = size[0] * size[1] * size[2], classes = shape_.coarse.channels;
#pragma omp parallel for
  for (std::int64_t k = 0; k < classes; ++k) {
    double sum = 0;
    for (std::int64_t n = 0; n < shape_.samples; ++n)
      for (std::int64_t v = 0; v < voxels; ++v)
        sum += static_cast<double>(logit_gradient[(n * classes + k) * voxels + v]);
    sums[k] = static_cast<float>(sum);
  }
}

template class ConvStep<float>;
template class ConvStep<kernels::Bfloat16>;
template class SumStep<float>;
template class SumStep<kernels::Bfloat16>;
template class UpStep<float>;
template class UpStep<kernels::Bfloat16>;
template class PoolStep<float>;
template class PoolStep<kernels::Bfloat16>;
template class HeadStep<float>;
template class HeadStep<kernels::Bfloat16>;

}  // namespace nnunet::native
