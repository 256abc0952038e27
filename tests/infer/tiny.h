#pragma once
#include <cmath>
#include <filesystem>
#include <random>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/checkpoint/weights.h"
#include "nnunet/io/config.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"

/// Small networks, images and folders for tests of prediction.
namespace nnunet::test {

inline DataConfig tiny_config(int dim, int channels = 1, int n_class = 3) {
  DataConfig config;
  config.patch_size = dim == 3 ? std::vector<std::int64_t>{8, 16, 16} : std::vector<std::int64_t>{16, 16};
  config.spacings = dim == 3 ? std::vector<double>{2.0, 1.0, 1.0} : std::vector<double>{1.0, 1.0};
  config.n_class = n_class;
  config.in_channels = channels;
  config.modality = "MRI";
  config.task = "77";
  return config;
}

/// Random weights of a convolution, of the size that He and others ("Delving deep into rectifiers") start from.
inline HostTensor random_weights(const std::vector<std::int64_t>& shape, std::mt19937_64& random) {
  const std::int64_t count = Array<float>::count(shape);
  std::normal_distribution<float> normal(0.0F,
                                         std::sqrt(2.0F * static_cast<float>(shape[0]) / static_cast<float>(count)));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return {shape, values};
}

/// An untrained network's checkpoint.
inline Checkpoint tiny_checkpoint(const DataConfig& config, std::uint64_t seed = 1) {
  NetworkOptions options;
  options.depth = 1;
  options.filters = {4, 6};
  Checkpoint checkpoint;
  checkpoint.data = config;
  checkpoint.plan = make_network_plan(config.patch_size, config.spacings, config.in_channels, config.n_class, options);
  std::mt19937_64 random(seed);
  for (const auto& [name, shape] : state_entries(checkpoint.plan)) {
    const auto count = static_cast<std::size_t>(Array<float>::count(shape));
    const float value = name.ends_with(".bias") ? 0.0F : 1.0F;  // of norms
    checkpoint.state_dict.emplace_back(
        name, shape.size() > 1 ? random_weights(shape, random) : HostTensor(shape, std::vector<float>(count, value)));
  }
  return checkpoint;
}

inline std::filesystem::path save_tiny(const std::filesystem::path& path, const DataConfig& config,
                                       std::uint64_t seed = 1) {
  save_checkpoint(path, tiny_checkpoint(config, seed));
  return path;
}

/// A blob of noise in a background of zeros, so that there is something to crop.
inline Image tiny_image(const Shape3& shape, std::int64_t channels = 1, const Spacing3& spacing = {2.0, 1.0, 1.0}) {
  Image image;
  image.voxels = Array<float>({channels, shape[0], shape[1], shape[2]});
  std::size_t i = 0;
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t z = 0; z < shape[0]; ++z)
      for (std::int64_t y = 0; y < shape[1]; ++y)
        for (std::int64_t x = 0; x < shape[2]; ++x, ++i)
          if (z > 0 && y > 1 && x > 2)
            image.voxels.values[i] = 2 + std::sin(0.37F * static_cast<float>(i)) + static_cast<float>(c);
  image.geometry.shape = shape;
  image.geometry.spacing = spacing;
  image.geometry.affine = {{{spacing[2], 0, 0, -3}, {0, spacing[1], 0, 4}, {0, 0, spacing[0], 5}, {0, 0, 0, 1}}};
  return image;
}

}  // namespace nnunet::test
