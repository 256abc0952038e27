#include "jpeg2000.h"

#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace nnunet::dicom {

namespace {

struct Bytes {
  std::string_view all;
  std::size_t at = 0;
};

OPJ_SIZE_T read(void* out, OPJ_SIZE_T count, void* user) {
  Bytes& bytes = *static_cast<Bytes*>(user);
  count = std::min(count, bytes.all.size() - bytes.at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(out, bytes.all.data() + bytes.at, count);
  bytes.at += count;
  return count;
}

OPJ_OFF_T skip(OPJ_OFF_T count, void* user) {
  Bytes& bytes = *static_cast<Bytes*>(user);
  if (count < 0 || static_cast<std::size_t>(count) > bytes.all.size() - bytes.at) return -1;
  bytes.at += static_cast<std::size_t>(count);
  return count;
}

OPJ_BOOL seek(OPJ_OFF_T position, void* user) {
  Bytes& bytes = *static_cast<Bytes*>(user);
  if (position < 0 || static_cast<std::size_t>(position) > bytes.all.size()) return OPJ_FALSE;
  bytes.at = static_cast<std::size_t>(position);
  return OPJ_TRUE;
}

using Codec = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;
using Stream = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;
using Picture = std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)>;

Stream stream_of(Bytes& bytes) {
  Stream stream(opj_stream_default_create(OPJ_TRUE), &opj_stream_destroy);
  if (!stream) throw std::bad_alloc();
  opj_stream_set_user_data(stream.get(), &bytes, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.all.size());
  opj_stream_set_read_function(stream.get(), read);
  opj_stream_set_skip_function(stream.get(), skip);
  opj_stream_set_seek_function(stream.get(), seek);
  return stream;
}

}  // namespace

std::vector<std::int32_t> decode_jpeg2000(std::string_view file, const Instance& instance) {
  constexpr std::string_view jp2_signature("\x00\x00\x00\x0cjP  ", 8);
  Bytes bytes{file};
  const Stream stream = stream_of(bytes);
  const Codec codec(opj_create_decompress(file.starts_with(jp2_signature) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K),
                    &opj_destroy_codec);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* read_image = nullptr;
  if (!codec || opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE ||
      opj_read_header(stream.get(), codec.get(), &read_image) == OPJ_FALSE)
    throw Unreadable("is damaged: its JPEG 2000 data cannot be read");
  const Picture picture(read_image, &opj_image_destroy);
  const opj_image_comp_t* component = picture->comps;
  if (picture->numcomps != 1 || component->w != instance.columns || component->h != instance.rows)
    throw Unreadable(fmt::format("is damaged: its JPEG 2000 picture is {} x {}, the header says {} x {}", component->h,
                                 component->w, instance.rows, instance.columns));
  if (opj_decode(codec.get(), stream.get(), picture.get()) == OPJ_FALSE || component->data == nullptr)
    throw Unreadable("is damaged or truncated: its JPEG 2000 data cannot be unpacked");
  const auto count = static_cast<std::size_t>(instance.rows * instance.columns);
  std::vector<std::int32_t> values(component->data, component->data + count);
  // Which numbers are negative is for DICOM's header to say.
  const unsigned unused = 32 - std::clamp(component->prec, 1U, 32U);
  for (std::int32_t& value : values) {
    const std::uint32_t bits = static_cast<std::uint32_t>(value) << unused;
    value = instance.is_signed ? static_cast<std::int32_t>(bits) >> unused : static_cast<std::int32_t>(bits >> unused);
  }
  return values;
}

}  // namespace nnunet::dicom
