#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "nnunet.h"
#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"

/// The C interface as tests call it.
namespace nnunet::test {

inline const nnunet_api& api() {
  return *nnunet_get_api(NNUNET_API_VERSION);
}

/// A status, taken.
struct Answer {
  nnunet_code code = NNUNET_OK;
  std::string message;
};
inline Answer answer(nnunet_status* status) {
  Answer result{api().status_code(status), api().status_message(status)};
  api().status_release(status);
  EXPECT_FALSE(std::regex_search(result.message, std::regex("(^| )--?[a-z]")))
      << "names an option of the program: " << result.message;
  return result;
}

using Model = std::unique_ptr<nnunet_model, void (*)(nnunet_model*)>;
using Prepared = std::unique_ptr<nnunet_prepared, void (*)(nnunet_prepared*)>;

inline Model model_of(nnunet_model* model) {
  return {model, api().model_release};
}
inline Prepared prepared_of(nnunet_prepared* prepared) {
  return {prepared, api().prepared_release};
}

/// Fails the test, and gives null, where it cannot be opened.
inline Model open(const std::vector<std::string>& paths, const nnunet_model_options* options = nullptr) {
  std::vector<const char*> texts;
  for (const std::string& path : paths) texts.push_back(path.c_str());
  nnunet_model* model = nullptr;
  const Answer result = answer(api().model_open(texts.data(), texts.size(), options, &model));
  EXPECT_EQ(result.code, NNUNET_OK) << result.message;
  return model_of(model);
}

inline nnunet_model_info info_of(const Model& model) {
  nnunet_model_info info;
  NNUNET_INIT(info);
  EXPECT_EQ(answer(api().model_info(model.get(), &info)).code, NNUNET_OK);
  return info;
}

inline std::string text_of(nnunet_text* text) {
  const std::string result(api().text_chars(text), api().text_size(text));
  api().text_release(text);
  return result;
}

template <class T>
constexpr nnunet_type type_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return NNUNET_UINT8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return NNUNET_UINT16;
  if constexpr (std::is_same_v<T, std::int16_t>) return NNUNET_INT16;
  if constexpr (std::is_same_v<T, float>) return NNUNET_FLOAT32;
  if constexpr (std::is_same_v<T, double>) return NNUNET_FLOAT64;
}

/// An array of three or four axes in C order.
template <class T>
nnunet_array array_of(const Array<T>& array) {
  nnunet_array result{};
  result.data = const_cast<T*>(array.data());
  result.type = type_of<T>();
  result.ndim = static_cast<std::int32_t>(array.shape.size());
  std::copy(array.shape.begin(), array.shape.end(), result.shape);
  return result;
}

inline nnunet_image image_of(const nnunet_array& voxels, const Spacing3& spacing) {
  nnunet_image image;
  NNUNET_INIT(image);
  image.voxels = voxels;
  std::copy(spacing.begin(), spacing.end(), image.spacing);
  return image;
}
inline nnunet_image image_of(const Image& image) {
  return image_of(array_of(image.voxels), image.geometry.spacing);
}

/// Room for results of an image (D,H,W).
struct Results {
  Array<std::uint8_t> labels;
  Array<float> probabilities;
  nnunet_outputs outputs;

  Results(const Shape3& shape, std::int64_t classes)
      : labels({shape[0], shape[1], shape[2]}, 77), probabilities({classes, shape[0], shape[1], shape[2]}, -1.0F) {
    NNUNET_INIT(outputs);
    outputs.labels = array_of(labels);
    outputs.probabilities = array_of(probabilities);
  }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;
};

}  // namespace nnunet::test
