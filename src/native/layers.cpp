#include "layers.h"

#include <algorithm>

namespace nnunet::native {

using kernels::Blocked;
using kernels::ConvShape;
using kernels::Input;
using kernels::kBlock;
using kernels::Output;
using kernels::Source;

namespace {

template <class T>
Blocked<T> shaped(std::int64_t n, std::int64_t channels, const Sizes3& s) {
  return {nullptr, n, channels, s[0], s[1], s[2]};
}
template <class T>
void take(Blocked<T>& view, Context& context) {
  if (view.data == nullptr)
    view.data = static_cast<T*>(context.pool.take(view.size() * static_cast<std::int64_t>(sizeof(T))));
}
template <class T>
void give_back(Blocked<T>& view, Context& context) {
  context.pool.give_back(view.data);
  view.data = nullptr;
}

bool changes_shape(const ConvShape& s) {
  return s.fine.total() != s.coarse.channels || s.stride != Sizes3{1, 1, 1};
}

/// The block's second convolution: of the first one's result.
ConvShape second_of(const ConvShape& first) {
  ConvShape s = first;
  s.fine = s.coarse;
  s.stride = {1, 1, 1};
  for (std::size_t a = 0; a < 3; ++a) s.padding[a] = s.kernel[a] / 2;
  return s;
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

template <class T>
void Feature<T>::shape(std::int64_t n, std::int64_t channels, const Sizes3& s) {
  x = shaped<T>(n, channels, s);
  g = x;
}

template <class T>
void Feature<T>::take(Context& context) {
  native::take(x, context);
  readers = added = 0;
}

template <class T>
void Feature<T>::release(Context& context) {
  give_back(x, context);
}

template <class T>
void Feature<T>::release_gradient(Context& context) {
  give_back(g, context);
}

template <class T>
Source<T> Feature<T>::source() const {
  Source<T> s;
  s.x = x;
  if (norm == nullptr) return s;
  s.scale = norm->scale.data();
  s.shift = norm->shift.data();
  s.slope = slope;
  return s;
}

template <class T>
Output<T> Feature<T>::gradient(Context& context) {
  native::take(g, context);
  Output<T> y;
  y.y = g;
  y.add = added > 0;
  ++added;
  if (added < readers) return y;
  if (norm != nullptr)
    y.through = {x.data, norm->rstd.data(), norm->offset.data(), norm->gamma.data(), norm->beta.data(),
                 slope,  norm->sums.data()};
  else
    y.moments = gradient_moments;
  return y;
}

template <class T>
Input<T> Joined<T>::input() const {
  Input<T> i;
  if (first) i.first = first->source();
  if (second) i.second = second->source();
  return i;
}

template <class T>
ConvNorm<T>::ConvNorm(const ConvShape& shape, Norm kind, float slope, std::size_t parameter, const Context& context)
    : norm(kind, shape.samples, shape.coarse.channels, context.options),
      conv_(shape, false, context.options),
      parameter_(parameter) {
  out.shape(shape.samples, shape.coarse.channels, shape.coarse.size);
  out.slope = slope;
}

template <class T>
void ConvNorm<T>::set_parameters(const std::vector<const float*>& parameters) {
  conv_.set_weights(parameters[parameter_]);
  norm.set_parameters(parameters[parameter_ + 1], parameters[parameter_ + 2]);
}

template <class T>
void ConvNorm<T>::forward(const Joined<T>& x, Context& context) {
  out.norm = &norm;
  out.take(context);
  Output<T> y;
  y.y = out.x;
  y.moments = norm.moments.data();
  if (x.images)
    conv_.forward(x.images, y, context.workspace);
  else
    conv_.forward(x.input(), y, context.workspace);
  norm.finish_forward(out.x.voxels());
  for (Feature<T>* f : {x.first, x.second})
    if (f) ++f->readers;
}

template <class T>
void ConvNorm<T>::backward(const Joined<T>& x, const Blocked<T>& gradient, const std::vector<float*>& gradients,
                           Context& context) {
  norm.finish_backward(out.x.voxels(), gradients[parameter_ + 1], gradients[parameter_ + 2]);
  Input<T> dy;
  dy.first.x = gradient;
  dy.first.scale = norm.gradient_scale.data();
  dy.first.shift = norm.gradient_shift.data();
  dy.first.with = out.x.data;
  dy.first.with_scale = norm.input_scale.data();
  if (x.images) return conv_.gradient(x.images, dy, gradients[parameter_], context.workspace);
  conv_.gradient(x.input(), dy, gradients[parameter_], context.workspace);
  conv_.backward(dy, x.first->gradient(context), x.second ? x.second->gradient(context) : Output<T>{},
                 context.workspace);
}

template <class T>
Block<T>::Block(const ConvShape& shape, bool residual, Norm norm, float slope, std::size_t parameter,
                const Context& context)
    : residual_(residual),
      slope_(slope),
      first_(shape, norm, slope, parameter, context),
      second_(second_of(shape), norm, slope, parameter + 3, context) {
  if (!residual) return;
  if (changes_shape(shape)) shortcut_.emplace(shape, norm, slope, parameter + 6, context);
  sum_.shape(shape.samples, shape.coarse.channels, shape.coarse.size);
  image_.shape(shape.samples, shape.coarse.channels, shape.coarse.size);
}

template <class T>
void Block<T>::set_parameters(const std::vector<const float*>& parameters) {
  first_.set_parameters(parameters);
  second_.set_parameters(parameters);
  if (shortcut_) shortcut_->set_parameters(parameters);
}

template <class T>
std::vector<NormState*> Block<T>::norms() {
  std::vector<NormState*> list{&first_.norm, &second_.norm};
  if (shortcut_) list.push_back(&shortcut_->norm);
  return list;
}

template <class T>
std::int64_t Block<T>::bytes() const {
  return first_.bytes() + second_.bytes() + (shortcut_ ? shortcut_->bytes() : 0);
}

/// lrelu(norm(conv2) + shortcut)
template <class T>
Source<T> Block<T>::sum_source(const Joined<T>& x) const {
  Source<T> s = second_.out.source();
  s.slope = slope_;
  sum_shift_ = second_.norm.shift;
  if (shortcut_) {
    for (std::size_t i = 0; i < sum_shift_.size(); ++i) sum_shift_[i] += shortcut_->norm.shift[i];
    s.with = shortcut_->out.x.data;
    s.with_scale = shortcut_->norm.scale.data();
  } else {
    ones_.assign(sum_shift_.size(), 1.0f);
    s.with = x.images ? image_.x.data : x.first->x.data;
    s.with_scale = ones_.data();
  }
  s.shift = sum_shift_.data();
  return s;
}

template <class T>
void Block<T>::forward(const Joined<T>& x, bool keep, bool last_reader, Context& context) {
  first_.forward(x, context);
  const auto release_inputs = [&] {
    for (Feature<T>* f : {x.first, x.second})
      if (f && last_reader) f->release(context);
  };
  if (!residual_) release_inputs();
  second_.forward({nullptr, &first_.out, nullptr}, context);
  if (!keep) first_.out.release(context);
  if (!residual_) return;
  if (shortcut_) {
    shortcut_->forward(x, context);
  } else if (x.images) {
    image_.take(context);
    in_blocks(x.images, image_.x);
  } else {
    ++x.first->readers;
  }
  sum_.take(context);
  kernels::apply(sum_source(x), sum_.x, context.options.isa);
  release_inputs();
  if (keep) return;
  second_.out.release(context);
  if (shortcut_) shortcut_->out.release(context);
  image_.release(context);
}

template <class T>
void Block<T>::backward(const Joined<T>& x, const std::vector<float*>& gradients, Context& context) {
  Feature<T>& made = result();
  if (residual_) {
    kernels::SumGradient<T> s;
    s.sum = sum_source(x);
    s.g = sum_.g;
    s.rstd = second_.norm.rstd.data();
    s.offset = second_.norm.offset.data();
    s.sums = second_.norm.sums.data();
    if (shortcut_) {
      s.with_rstd = shortcut_->norm.rstd.data();
      s.with_offset = shortcut_->norm.offset.data();
      s.with_sums = shortcut_->norm.sums.data();
    }
    kernels::sum_gradient(s, context.options.isa);
  }
  second_.backward({nullptr, &first_.out, nullptr}, made.g, gradients, context);
  // The first layer last: what it writes may go through the norm of the layer before.
  if (shortcut_) {
    shortcut_->backward(x, made.g, gradients, context);
  } else if (residual_ && !x.images) {
    const Output<T> to = x.first->gradient(context);
    if (to.add)
      kernels::accumulate<T>(made.g, to.y);
    else
      kernels::apply({made.g}, to.y, context.options.isa);
  }
  made.release_gradient(context);
  first_.backward(x, first_.out.g, gradients, context);
  first_.out.release_gradient(context);
}

template <class T>
void Block<T>::release(Context& context) {
  for (Feature<T>* f : {&first_.out, &second_.out, &sum_, &image_}) f->release(context);
  if (shortcut_) shortcut_->out.release(context);
}

template <class T>
Up<T>::Up(const ConvShape& shape, std::size_t parameter, const Context& context)
    : conv_(shape, true, context.options), parameter_(parameter) {
  out.shape(shape.samples, shape.fine.channels, shape.fine.size);
  bias_.resize(static_cast<std::size_t>(out.x.blocks() * kBlock));
  gradient_moments_.resize(static_cast<std::size_t>(shape.samples) * bias_.size());
}

template <class T>
void Up<T>::set_parameters(const std::vector<const float*>& parameters) {
  conv_.set_weights(parameters[parameter_]);
  std::copy_n(parameters[parameter_ + 1], out.x.channels, bias_.begin());
}

template <class T>
void Up<T>::forward(Feature<T>& x, Context& context) {
  out.take(context);
  out.gradient_moments = gradient_moments_.data();
  Output<T> y;
  y.y = out.x;
  y.bias = bias_.data();
  conv_.forward(Joined<T>{nullptr, &x, nullptr}.input(), y, context.workspace);
  ++x.readers;
}

template <class T>
void Up<T>::backward(Feature<T>& x, const std::vector<float*>& gradients, Context& context) {
  Input<T> dy;
  dy.first.x = out.g;
  conv_.gradient(Joined<T>{nullptr, &x, nullptr}.input(), dy, gradients[parameter_], context.workspace);
  conv_.backward(dy, x.gradient(context), {}, context.workspace);
  for (std::int64_t c = 0; c < out.x.channels; ++c) {
    double sum = 0;
    for (std::int64_t n = 0; n < out.x.n; ++n)
      sum += gradient_moments_[static_cast<std::size_t>(n) * bias_.size() + static_cast<std::size_t>(c)].mean;
    gradients[parameter_ + 1][c] = static_cast<float>(sum * static_cast<double>(out.x.voxels()));
  }
  out.release_gradient(context);
}

template struct Feature<float>;
template struct Feature<kernels::Bfloat16>;
template struct Joined<float>;
template struct Joined<kernels::Bfloat16>;
template class ConvNorm<float>;
template class ConvNorm<kernels::Bfloat16>;
template class Block<float>;
template class Block<kernels::Bfloat16>;
template class Up<float>;
template class Up<kernels::Bfloat16>;

}  // namespace nnunet::native
