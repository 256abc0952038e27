#pragma once
#include "nnunet.h"
#include "nnunet/io/image_case.h"

namespace nnunet::c_api {

/// Channels and previous stage of a caller's image, without a name. Throws InvalidCall where there is no channel.
ImageCase channels_of(const nnunet_image_files& files);

/// Throws InvalidCall for a label map's name that does not end as the model's images.
void require_ending(const std::filesystem::path& labels, const ImageFormat& format);

}  // namespace nnunet::c_api
