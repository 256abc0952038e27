#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "nnunet.h"
#include "nnunet/dicom/find_series.h"
#include "nnunet/infer/opened_model.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/image_orientation.h"
#include "nnunet/plan/label_names.h"
#include "status.h"

/// What the opaque types of nnunet.h are.

struct nnunet_text {
  std::string chars;
};

struct nnunet_model {
  nnunet::OpenedModel opened;  ///< without its networks, which are the predictor's
  nnunet::Predictor predictor;
  std::vector<std::string> channels;       ///< names; empty ones are not known
  std::vector<nnunet::NamedValue> values;  ///< of label maps, background included
  std::mutex networks = {};                ///< held while they compute
};

struct nnunet_prepared {
  std::string name;
  nnunet::PreprocessedCase item;
  std::optional<nnunet::Reorientation> turned;  ///< what was done to the image's axes first
};

struct nnunet_loaded {
  std::string name;
  nnunet::CaseImage item;
  std::optional<nnunet::Array<std::uint16_t>> previous;  ///< labels of a cascade's previous stage
  std::array<double, 9> direction{};                     ///< where a model's reader has not turned it yet, else 0
};

struct nnunet_dicom {
  std::filesystem::path path;
  nnunet::dicom::Finding finding;
};

namespace nnunet::c_api {

/// Of the first version of the interface: a struct that grows keeps its number here.
template <class Struct>
inline constexpr std::size_t kFirstSize = sizeof(Struct);
template <>
inline constexpr std::size_t kFirstSize<nnunet_model_options> = 40;

/// A caller's struct, of whichever version; null: all defaults. Throws InvalidCall where its size cannot be.
template <class Struct>
Struct read_struct(const Struct* given, const char* name) {
  Struct result{};
  if (given == nullptr) return result;
  if (given->struct_size < kFirstSize<Struct>)
    throw InvalidCall(std::string(name) + ": struct_size is not set to its size");
  std::memcpy(&result, given, std::min(sizeof(Struct), given->struct_size));
  return result;
}

/// As much of it as the caller has room for.
template <class Struct>
void write_struct(Struct value, Struct* to, const char* name) {
  require(to, name);
  value.struct_size = read_struct(to, name).struct_size;
  std::memcpy(to, &value, std::min(sizeof(Struct), value.struct_size));
}

nnunet_text* make_text(std::string chars);

}  // namespace nnunet::c_api
