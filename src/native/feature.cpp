#include "feature.h"

namespace nnunet::native {

using kernels::Blocked;
using kernels::Output;
using kernels::Source;

namespace {

template <class T>
void take_view(Blocked<T>& view, Context& context) {
  if (view.data == nullptr)
    view.data = static_cast<T*>(context.pool.take(view.size() * static_cast<std::int64_t>(sizeof(T))));
}
template <class T>
void give_back(Blocked<T>& view, Context& context) {
  if (view.data == nullptr) return;
  context.pool.give_back(view.data);
  view.data = nullptr;
}

}  // namespace

template <class T>
void Feature<T>::shape(std::int64_t n, std::int64_t channels, const Sizes3& s) {
  x = {nullptr, n, channels, s[0], s[1], s[2]};
  g = x;
}

template <class T>
void Feature<T>::take(Context& context) {
  take_view(x, context);
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
  take_view(g, context);
  Output<T> y;
  y.y = g;
  y.add = added > 0;
  ++added;
  if (added < gradients) return y;
  if (norm != nullptr)
    y.through = {x.data, norm->rstd.data(), norm->offset.data(), norm->gamma.data(), norm->beta.data(),
                 slope,  norm->sums.data()};
  else
    y.moments = gradient_moments;
  return y;
}

template <class T>
kernels::Input<T> Joined<T>::input() const {
  kernels::Input<T> i;
  if (first) i.first = first->source();
  if (second) i.second = second->source();
  return i;
}

template struct Feature<float>;
template struct Feature<kernels::Bfloat16>;
template struct Joined<float>;
template struct Joined<kernels::Bfloat16>;

}  // namespace nnunet::native
