#pragma once
#include <cstdint>

#include "nnunet/infer/predictor.h"
#include "nnunet/io/image_reader.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// Most bytes that segmenting an image with this header takes beside the network, read by this reader: an upper bound,
/// as if nothing could be cropped away. windows: how it goes through the networks.
std::int64_t segment_memory(const Predictor& predictor, const WindowOptions& windows, NiftiInfo image,
                            ImageReader reader);

}  // namespace nnunet
