#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/io/nifti.h"

namespace nnunet {

/// PNG of three orthogonal slices (axial, coronal, sagittal, radiological orientation from the affine, true aspect
/// ratio) through the centre of mass of the label (of the volume, when it is empty), label contours over the image's
/// first channel (window: 0.5-99.5 percentile), with a legend of class names. Atomic.
void draw_overlay(const std::filesystem::path& path, const std::string& title, const Image& image,
                  const LabelMap& label, const std::vector<std::string>& class_names);

}  // namespace nnunet
