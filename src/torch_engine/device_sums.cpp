#include "device_sums.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

std::vector<LineStore::Step> steps_of(const WindowPlan& plan) {
  std::vector<LineStore::Step> steps;
  for (const WindowRow& row : plan.rows) steps.push_back({row.finished, row.released});
  return steps;
}

torch::Tensor mirrored(const torch::Tensor& t, unsigned flip) {
  std::vector<std::int64_t> axes;
  for (std::int64_t a = 0; a < 3; ++a)
    if (((flip >> a) & 1U) != 0) axes.push_back(a - 3);
  return axes.empty() ? t : t.flip(axes);
}

torch::Tensor tensor_of(const Array<float>& array, torch::Device device) {
  return torch::from_blob(const_cast<float*>(array.data()), array.shape, torch::kFloat32).to(device);
}

}  // namespace

DeviceSums::DeviceSums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes,
                       torch::Device device, WindowLane::Deliver deliver)
    : plan_(plan),
      device_(device),
      depth_(std::min(plan.size[0], plan.patch[0])),
      sum_(torch::zeros({classes, depth_, plan.size[1], plan.size[2]}, torch::TensorOptions(device))),
      importance_(tensor_of(importance, device)),
      scale_(plan, importance),
      deliver_(std::move(deliver)),
      store_(classes * plan.size[2] * static_cast<std::int64_t>(sizeof(float)), plan.size, steps_of(plan)) {}

const torch::Tensor& DeviceSums::scale_at(std::size_t place) {
  const auto& layer = scale_.layer(place);
  if (scales_[0].first != layer) {
    std::swap(scales_[0], scales_[1]);
    if (scales_[0].first != layer) scales_[0] = {layer, tensor_of(*layer, device_)};
  }
  return scales_[0].second;
}

void DeviceSums::add(const WindowJob& job, const torch::Tensor& logits) {
  torch::Tensor scale = scale_at(job.place[0]);
  for (std::int64_t a = 1; a < 3; ++a) {
    const auto axis = static_cast<std::size_t>(a);
    scale = scale.narrow(a, plan_.grid[axis][job.place[axis]], plan_.patch[axis]);
  }
  auto weight = mirrored(importance_ * scale, job.flip);
  auto values = mirrored(logits.to(device_, torch::kFloat32), job.flip);
  // What of the window lies in the volume.
  std::array<std::int64_t, 3> to{}, count{};
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t before = std::max<std::int64_t>(0, -job.start[a]);
    to[a] = job.start[a] + before;
    count[a] = std::min(plan_.size[a], plan_.patch[a]);
    const auto axis = static_cast<std::int64_t>(a);
    weight = weight.narrow(axis, before, count[a]);
    values = values.narrow(axis + 1, before, count[a]);
  }
  for (const Part& z : parts(to[0], count[0]))
    sum_.narrow(1, z.to, z.count)
        .narrow(2, to[1], count[1])
        .narrow(3, to[2], count[2])
        .addcmul_(values.narrow(1, z.from, z.count), weight.narrow(0, z.from, z.count));
}

void DeviceSums::finish(const WindowRow& row) {
  const LineRange& f = row.finished;
  OnItsWay way{row, {}, {}};
  for (const Part& z : parts(f.z_begin, f.z_end - f.z_begin)) {
    auto block = sum_.narrow(1, z.to, z.count).narrow(2, f.y_begin, f.y_end - f.y_begin);
    way.blocks.push_back(to_host(block.permute({1, 2, 0, 3}).clone(at::MemoryFormat::Contiguous)));
    block.zero_();
  }
  if (!device_.is_cpu()) {
    way.event.emplace(device_.type());
    way.event->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  }
  ways_.push_back(std::move(way));
}

void DeviceSums::settle() {
  for (OnItsWay& way : ways_) {
    if (way.event) way.event->synchronize();
    deliver(way);
  }
  ways_.clear();
}

/// Slices [begin, begin + count) of the volume in pieces that are contiguous in sum_: from counts from begin.
std::vector<DeviceSums::Part> DeviceSums::parts(std::int64_t begin, std::int64_t count) const {
  std::vector<Part> result;
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t to = (begin + done) % depth_, n = std::min(count - done, depth_ - to);
    result.push_back({done, to, n});
    done += n;
  }
  return result;
}

torch::Tensor DeviceSums::to_host(const torch::Tensor& block) const {
  if (device_.is_cpu()) return block;
  auto host = torch::empty(block.sizes(), torch::TensorOptions(torch::kFloat32).pinned_memory(true));
  return host.copy_(block, /*non_blocking=*/true);
}

void DeviceSums::deliver(const OnItsWay& way) {
  const LineRange& f = way.row.finished;
  store_.acquire(f);
  std::int64_t z = f.z_begin;
  for (const torch::Tensor& block : way.blocks) {
    const float* from = block.const_data_ptr<float>();
    const std::int64_t height = block.size(1), length = block.size(2) * block.size(3);
    parallel_ranges(block.size(0) * height, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        std::copy_n(from + i * length, length, store_.line<float>(z + i / height, f.y_begin + i % height));
    });
    z += block.size(0);
  }
  deliver_({sum_.size(0), plan_.size, plan_.size[2], f.z_begin, f.z_end, f.y_begin, f.y_end, store_.lines()});
  store_.release(way.row.released);
}

}  // namespace nnunet
