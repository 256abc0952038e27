#pragma once

namespace nnunet::kernels {

/// Where the channels (or classes) lie: (N,C,voxels) or (N,voxels,C).
enum class Layout { channels_first, channels_last };

}  // namespace nnunet::kernels
