#include "nnunet/infer/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "describe_v2.h"
#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"
#include "nnunet/io/names.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// More different values than this are intensities, not classes.
constexpr std::size_t kMaxClasses = 64;

template <class T>
Json sequence(const T& values) {
  Json list = Json::array();
  for (const auto& value : values) list.push_back(value);
  return list;
}

/// Smallest, largest and mean value; the classes too where the values look like a label map.
template <class T>
void add_statistics(Json& json, std::span<const T> values, double voxel_volume) {
  if (values.empty()) return;
  double low = static_cast<double>(values[0]), high = low, sum = 0;
  bool whole = true;
  std::map<std::int64_t, std::int64_t> counts;
  for (const T raw : values) {
    const auto value = static_cast<double>(raw);
    low = std::min(low, value), high = std::max(high, value), sum += value;
    if (!whole) continue;
    whole = value >= 0 && value <= 255 && value == std::floor(value);
    if (whole) ++counts[static_cast<std::int64_t>(value)];
    whole = whole && counts.size() <= kMaxClasses;
  }
  json["min"] = low, json["max"] = high, json["mean"] = sum / static_cast<double>(values.size());
  if (!whole) return;
  json["values"] = Json::array();
  for (const auto& [value, count] : counts) {
    Json row{{"value", value}, {"voxels", count}};
    if (voxel_volume > 0) row["mL"] = std::round(static_cast<double>(count) * voxel_volume) / 1000;
    json["values"].push_back(row);
  }
}

Json describe_data(const DataConfig& data) {
  Json json;
  if (!data.task.empty()) json["task"] = data.task;
  json["dim"] = data.dim();
  json["patch_size"] = sequence(data.patch_size);
  json["spacings"] = sequence(data.spacings);
  json["in_channels"] = data.in_channels;
  json["n_class"] = data.n_class;
  json["modality"] = data.modality;
  if (!data.labels.empty()) json["labels"] = data.labels;
  if (data.ct)
    json["ct"] = {{"min", data.ct->min}, {"max", data.ct->max}, {"mean", data.ct->mean}, {"std", data.ct->std}};
  return json;
}

Json describe_network(const NetworkPlan& plan) {
  return {{"dim", plan.dim},
          {"in_channels", plan.in_channels},
          {"n_class", plan.n_class},
          {"filters", plan.filters},
          {"strides", plan.strides},
          {"kernels", plan.kernels},
          {"norm", norm_name(plan.norm)},
          {"residual", plan.residual},
          {"negative_slope", plan.negative_slope}};
}

/// Scalars of a dict, and of the dicts in it one level down ("args" of a Lightning checkpoint).
Json plain_values(const Value& value, int depth = 0) {
  Json json = Json::object();
  if (!std::holds_alternative<Value::Dict>(value.data)) return json;
  for (const auto& [key, item] : value.as_dict("values")) {
    if (const auto* flag = std::get_if<bool>(&item.data)) json[key] = *flag;
    if (const auto* integer = std::get_if<std::int64_t>(&item.data)) json[key] = *integer;
    if (const auto* real = std::get_if<double>(&item.data)) json[key] = *real;
    if (const auto* text = std::get_if<std::string>(&item.data)) json[key] = *text;
    if (depth == 0)
      if (Json nested = plain_values(item, 1); !nested.empty()) json[key] = std::move(nested);
  }
  return json;
}

/// Tensors of a value, whatever they are nested in.
void collect_tensors(const Value& value, const std::string& name,
                     std::vector<std::pair<std::string, HostTensor>>& found) {
  if (const auto* tensor = std::get_if<HostTensor>(&value.data)) found.emplace_back(name, *tensor);
  if (const auto* list = std::get_if<Value::List>(&value.data))
    for (std::size_t i = 0; i < list->size(); ++i) collect_tensors((*list)[i], fmt::format("{}[{}]", name, i), found);
  if (const auto* dict = std::get_if<Value::Dict>(&value.data))
    for (const auto& [key, item] : *dict)
      collect_tensors(item, name.empty() ? key : fmt::format("{}.{}", name, key), found);
}

void add_tensors(Json& json, const std::vector<std::pair<std::string, HostTensor>>& tensors, bool list) {
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : tensors) numbers += tensor.numel();
  json["tensors"] = tensors.size();
  json["numbers"] = numbers;
  if (!list) return;
  json["tensor_list"] = Json::array();
  for (const auto& [name, tensor] : tensors)
    json["tensor_list"].push_back({{"name", name},
                                   {"shape", fmt::format("({})", fmt::join(tensor.sizes, ", "))},
                                   {"type", dtype_name(tensor.dtype)}});
}

Json describe_checkpoint(const fs::path& path, bool tensors) {
  const Value root = load_torch_file(path);
  const Value* format = root.find("format");
  Json json;
  if (format != nullptr && std::holds_alternative<std::string>(format->data) &&
      format->as_string("format") == "nnunet") {
    const Checkpoint checkpoint = load_checkpoint(path);
    json["kind"] = "checkpoint";
    json["network"] = describe_network(checkpoint.plan);
    add_tensors(json["network"], checkpoint.state_dict, tensors);
    json["data"] = describe_data(checkpoint.data);
    if (Json training = plain_values(checkpoint.training); !training.empty()) json["training"] = std::move(training);
    return json;
  }
  std::vector<std::pair<std::string, HostTensor>> found;
  const Value* state = root.find("state_dict");
  const bool lightning = root.find("pytorch-lightning_version") != nullptr;
  json["kind"] = lightning ? "Lightning checkpoint" : state != nullptr ? "checkpoint of another program" : "torch file";
  if (Json values = plain_values(root); !values.empty()) {
    values.erase("state_dict"), values.erase("optimizer_states");
    json["values"] = std::move(values);
  }
  collect_tensors(state != nullptr ? *state : root, "", found);
  add_tensors(json, found, tensors);
  return json;
}

Json describe_preprocessed(const fs::path& path, Json& problems) {
  const DataConfig config = read_config(path / "config.json");
  Json json = describe_data(config);
  json["kind"] = "preprocessed folder";
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path))
    if (const std::string name = entry.path().filename().string(); name.ends_with("_x.npy"))
      names.push_back(name.substr(0, name.size() - 6));
  std::ranges::sort(names);
  json["cases"] = names.size();
  json["case_list"] = Json::array();
  for (const std::string& name : names) {
    Json row{{"case", name}};
    try {
      row["shape"] = shape_text(NpyFile(path / (name + "_x.npy")).shape());
    } catch (const Error& e) {
      row["shape"] = "unreadable";
      problems.push_back(e.what());
    }
    const CaseInfo* info = config.find_case(name);
    row["original"] = info != nullptr ? shape_text(info->shape) : "";
    row["spacing"] = info != nullptr ? fmt::format("{:.4g}", fmt::join(info->spacing, "x")) : "";
    row["label"] = fs::exists(path / (name + "_y.npy")) ? "yes" : "no";
    json["case_list"].push_back(row);
  }
  return json;
}

Json describe_dataset(const fs::path& path, Json& problems) {
  const Dataset dataset = read_dataset(path);
  Json json{{"kind", "dataset"},
            {"name", dataset.name},
            {"modality", dataset.modality},
            {"labels", dataset.labels},
            {"training", dataset.training.size()},
            {"test", dataset.test.size()},
            {"case_list", Json::array()}};
  const auto add = [&](const std::vector<CaseFiles>& cases, const char* list) {
    for (const CaseFiles& files : cases) {
      Json row{{"case", files.name}, {"list", list}};
      try {
        const NiftiInfo info = read_nifti_info(files.image);
        row["shape"] = fmt::format("{}x{}", info.channels, shape_text(info.geometry.shape));
        row["spacing"] = fmt::format("{:.4g}", fmt::join(info.geometry.spacing, "x"));
      } catch (const Error& e) {
        row["shape"] = "unreadable", row["spacing"] = "";
        problems.push_back(e.what());
      }
      json["case_list"].push_back(row);
    }
  };
  add(dataset.training, "training");
  add(dataset.test, "test");
  return json;
}

const char* datatype_name(int code) {
  switch (code) {  // NIfTI-1's DT_* codes
    case 2:
      return "uint8";
    case 4:
      return "int16";
    case 8:
      return "int32";
    case 16:
      return "float32";
    case 64:
      return "float64";
    case 256:
      return "int8";
    case 512:
      return "uint16";
    case 768:
      return "uint32";
    case 1024:
      return "int64";
    case 1280:
      return "uint64";
    default:
      return "other";
  }
}

/// Where the axes x, y, z point: "RAS" is right, anterior, superior.
std::string orientation(const Geometry& geometry) {
  std::string text;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::size_t main = 0;
    for (std::size_t row = 1; row < 3; ++row)
      if (std::fabs(geometry.affine[row][axis]) > std::fabs(geometry.affine[main][axis])) main = row;
    text += (geometry.affine[main][axis] < 0 ? "LPI" : "RAS")[main];
  }
  return text;
}

Json describe_nifti(const fs::path& path) {
  const NiftiInfo info = read_nifti_info(path);
  const Image image = read_nifti(path);
  const Spacing3& spacing = image.geometry.spacing;
  Json json{{"kind", "NIfTI image"},
            {"shape", sequence(image.geometry.shape)},
            {"channels", info.channels},
            {"spacing", sequence(spacing)},
            {"type", datatype_name(info.datatype)},
            {"orientation", orientation(image.geometry)}};
  json["affine"] = image.geometry.affine;
  add_statistics(json, std::span<const float>(image.voxels.values),
                 info.channels == 1 ? spacing[0] * spacing[1] * spacing[2] : 0);
  return json;
}

Json describe_npy(const fs::path& path) {
  const NpyFile file(path);
  Json json{{"kind", "npy array"}, {"shape", file.shape()}, {"type", file.dtype()}};
  file.visit([&](auto values) { add_statistics(json, values, 0); });
  return json;
}

/// A folder of predictions holds their plans, too, but no folds.
bool is_model_folder_or_file(const fs::path& path) {
  return !is_nifti_name(path) && !is_npy_name(path) && is_v2_model(path) &&
         (!fs::is_directory(path) || !v2_folds(path).empty());
}

Json describe_any(const fs::path& path, bool tensors, Json& problems) {
  if (is_model_folder_or_file(path)) return describe_v2(path, tensors);
  if (!fs::exists(path)) throw Error(path.string(), "there is no such file or folder", "check the path");
  if (fs::is_directory(path)) {
    if (fs::exists(path / "config.json")) return describe_preprocessed(path, problems);
    if (fs::exists(path / "dataset.json")) return describe_dataset(path, problems);
    throw Error(path.string(), "neither a preprocessed folder (config.json) nor a dataset (dataset.json)",
                "give one of these, or a file");
  }
  if (is_nifti_name(path)) return describe_nifti(path);
  if (is_npy_name(path)) return describe_npy(path);
  if (path.filename() == "config.json") return describe_preprocessed(fs::absolute(path).parent_path(), problems);
  if (path.filename() == "dataset.json") return describe_dataset(fs::absolute(path).parent_path(), problems);
  return describe_checkpoint(path, tensors);
}

}  // namespace

Json describe(const fs::path& path, bool tensors) {
  Json problems = Json::array();
  Json found = describe_any(path, tensors, problems);
  Json json{{"path", path.string()}, {"kind", found["kind"]}};
  if (fs::is_regular_file(path)) json["bytes"] = fs::file_size(path);
  json.update(found);
  if (!problems.empty()) json["problems"] = problems;
  return json;
}

}  // namespace nnunet
