#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <memory>
#include <new>

#include "image_memory.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "picture.h"

namespace nnunet {

namespace {

constexpr const char* kFetchAgain = "fetch or write the file again";

/// What libpng's callbacks share. It reports errors by a long jump; so what runs under `guarded` owns nothing.
struct PngState {
  std::span<const std::byte> rest;  ///< of the file that is read
  std::vector<std::byte> written;
  char problem[128] = {};
};

PngState& state_of(png_structp png, png_voidp (*pointer)(png_const_structrp)) {
  return *static_cast<PngState*>(pointer(png));
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  PngState& state = state_of(png, png_get_error_ptr);
  std::strncpy(state.problem, message, sizeof state.problem - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

void on_read(png_structp png, png_bytep to, std::size_t size) {
  PngState& state = state_of(png, png_get_io_ptr);
  if (state.rest.size() < size) png_error(png, "the file is truncated");
  std::memcpy(to, state.rest.data(), size);
  state.rest = state.rest.subspan(size);
}

void on_write(png_structp png, png_bytep from, std::size_t size) {
  std::vector<std::byte>& written = state_of(png, png_get_io_ptr).written;
  const auto* bytes = reinterpret_cast<const std::byte*>(from);
  try {
    written.insert(written.end(), bytes, bytes + size);
  } catch (const std::bad_alloc&) {
    png_error(png, "there is not enough memory");
  }
}

void on_flush(png_structp /*png*/) {}

template <class Body>
bool guarded(png_structp png, const Body& body) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  body();
  return true;
}

class PngReader {
 public:
  PngReader(std::span<const std::byte> file, const std::string& name) : name_(name) {
    state_.rest = file;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state_, on_error, on_warning);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
    png_set_read_fn(png_, &state_, on_read);
    png_set_chunk_malloc_max(png_, limits::image_header_bytes);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Picture read(const NiftiLimits& limits) {
    const std::size_t file_bytes = state_.rest.size();
    run([this] { png_read_info(png_, info_); });
    require_colours();
    run([this] { make_plain(); });
    Picture picture;
    picture.rows = static_cast<std::int64_t>(png_get_image_height(png_, info_));
    picture.columns = static_cast<std::int64_t>(png_get_image_width(png_, info_));
    picture.channels = png_get_channels(png_, info_);
    picture.datatype = png_get_bit_depth(png_, info_) == 16 ? DT_UINT16 : DT_UINT8;
    const std::size_t row = png_get_rowbytes(png_, info_);
    require_size(picture, row, file_bytes, limits);
    picture.pixels.resize(row * static_cast<std::size_t>(picture.rows));
    std::vector<png_bytep> rows(static_cast<std::size_t>(picture.rows));
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = reinterpret_cast<png_bytep>(picture.pixels.data() + i * row);
    run([&] {
      png_read_image(png_, rows.data());
      png_read_end(png_, nullptr);
    });
    return picture;
  }

 private:
  template <class Body>
  void run(const Body& body) {
    if (!guarded(png_, body)) throw Error(name_, fmt::format("is no whole PNG file ({})", state_.problem), kFetchAgain);
  }

  void require_colours() {
    if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY_ALPHA && png_get_bit_depth(png_, info_) == 8)
      throw Error(name_, "is grey with transparency, which is neither one channel nor a colour",
                  "store it without transparency");
  }

  /// To uint8 or, grey alone, uint16.
  void make_plain() {
    const int colour = png_get_color_type(png_, info_), bits = png_get_bit_depth(png_, info_);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
      png_set_palette_to_rgb(png_);
      if (png_get_valid(png_, info_, PNG_INFO_tRNS) != 0) png_set_strip_alpha(png_);
    } else if (colour == PNG_COLOR_TYPE_GRAY) {
      if (bits == 1) png_set_packing(png_);
      if (bits == 2 || bits == 4) png_set_expand_gray_1_2_4_to_8(png_);
      if (bits == 16 && std::endian::native == std::endian::little) png_set_swap(png_);
    } else if (bits == 16) {
      png_set_strip_16(png_);
      if (colour == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  /// Before the memory is taken. A PNG of n bytes holds at most 1032 n of rows, each with a byte for its filter; one
  /// bit a pixel is the least.
  void require_size(const Picture& picture, std::size_t row, std::size_t file_bytes, const NiftiLimits& limits) {
    const std::int64_t pixels = picture.rows * picture.columns;
    if (pixels * picture.channels > limits.max_voxels)
      throw Error(name_, fmt::format("its header has absurd sizes (more than {} pixels)", limits.max_voxels),
                  kFetchAgain);
    if (static_cast<std::size_t>(pixels) / 8 / limits::deflate_ratio > file_bytes)
      throw Error(name_, "its header promises more pixels than the file can hold", kFetchAgain);
    require_image_memory(row * static_cast<std::size_t>(picture.rows) * (1 + sizeof(float)), name_);
  }

  PngState state_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  const std::string& name_;
};

class PngWriter {
 public:
  PngWriter() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state_, on_error, on_warning);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) {
      png_destroy_write_struct(&png_, nullptr);
      throw std::bad_alloc();
    }
    png_set_write_fn(png_, &state_, on_write, on_flush);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  std::vector<std::byte> write(const LabelBytes& labels, std::int64_t rows, std::int64_t columns) {
    const std::size_t voxel = bytes_of_type(labels.datatype), row = static_cast<std::size_t>(columns) * voxel;
    const bool done = guarded(png_, [&] {
      png_set_IHDR(png_, info_, static_cast<png_uint_32>(columns), static_cast<png_uint_32>(rows),
                   static_cast<int>(voxel) * 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                   PNG_FILTER_TYPE_DEFAULT);
      png_write_info(png_, info_);
      if (voxel == 2 && std::endian::native == std::endian::little) png_set_swap(png_);
      for (std::int64_t y = 0; y < rows; ++y)
        png_write_row(png_, reinterpret_cast<png_const_bytep>(labels.bytes.data() + static_cast<std::size_t>(y) * row));
      png_write_end(png_, nullptr);
    });
    if (!done) throw Error("", fmt::format("the PNG file cannot be made ({})", state_.problem));
    return std::move(state_.written);
  }

 private:
  PngState state_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Picture read_png(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits) {
  constexpr std::size_t kSignature = 8;
  if (file.size() < kSignature || png_sig_cmp(reinterpret_cast<png_const_bytep>(file.data()), 0, kSignature) != 0)
    throw Error(name, "is not a PNG file (bad magic)", kFetchAgain);
  return with_memory_errors(name, [&] { return PngReader(file, name).read(limits); });
}

std::vector<std::byte> encode_png(const LabelBytes& labels, std::int64_t rows, std::int64_t columns) {
  return PngWriter().write(labels, rows, columns);
}

}  // namespace nnunet
