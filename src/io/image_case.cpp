#include "nnunet/io/image_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// "heart_0001" -> {"heart", 1}; nothing for names without such an ending.
struct ChannelName {
  std::string name;
  int channel;
};
std::optional<ChannelName> channel_name(const std::string& stem) {
  constexpr std::size_t kDigits = 4;
  if (stem.size() < kDigits + 2 || stem[stem.size() - kDigits - 1] != '_') return std::nullopt;
  const std::string digits = stem.substr(stem.size() - kDigits);
  if (!std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; })) return std::nullopt;
  return ChannelName{stem.substr(0, stem.size() - kDigits - 1), std::stoi(digits)};
}

std::vector<fs::path> nifti_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_directory() && is_nifti_name(entry.path()) && !entry.path().filename().string().starts_with('.'))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

bool holds_all_channels(const fs::path& file, int in_channels) {
  try {
    return read_nifti_info(file).channels == in_channels;
  } catch (const Error&) {
    return false;  // reading it as a case will say what is wrong
  }
}

/// Files to cases; names are unique unless a case has a problem.
std::vector<ImageCase> group(const std::vector<fs::path>& files, int in_channels) {
  std::map<std::string, ImageCase> cases;
  std::map<std::string, std::map<int, fs::path>> channels;
  std::vector<ImageCase> doubled;
  for (const fs::path& file : files) {
    const std::string stem = nifti_stem(file);
    const auto part = in_channels > 1 ? channel_name(stem) : std::nullopt;
    if (part && !holds_all_channels(file, in_channels)) {
      if (!channels[part->name].emplace(part->channel, file).second)
        doubled.push_back({part->name, {file}, fmt::format("channel {} is there twice", part->channel)});
    } else if (!cases.emplace(stem, ImageCase{stem, {file}, {}}).second) {
      doubled.push_back({stem, {file}, "another file of that name would have the same output"});
    }
  }
  for (const auto& [name, parts] : channels) {
    ImageCase c{name, {}, {}};
    for (const auto& [channel, file] : parts) c.channels.push_back(file);
    if (static_cast<int>(parts.size()) != in_channels || parts.begin()->first != 0 ||
        parts.rbegin()->first != in_channels - 1)
      c.problem = fmt::format("the network takes {} channels, {}_0000 to {}_{:04}; found {}", in_channels, name, name,
                              in_channels - 1, parts.size());
    if (!cases.emplace(name, c).second)
      doubled.push_back({name, c.channels, "another file of that name would have the same output"});
  }
  std::vector<ImageCase> result;
  for (auto& [name, c] : cases) result.push_back(std::move(c));
  result.insert(result.end(), doubled.begin(), doubled.end());
  return result;
}

bool same_place(const fs::path& a, const fs::path& b) {
  return fs::weakly_canonical(a) == fs::weakly_canonical(b);
}

bool lies_inside(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(path / "."), outer = fs::weakly_canonical(folder / ".");
  const auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end() || (end->empty() && std::next(end) == outer.end());
}

}  // namespace

std::vector<ImageCase> list_image_cases(const fs::path& input, int in_channels) {
  std::error_code failure;
  if (fs::is_directory(input, failure)) {
    const auto files = nifti_files(input);
    if (files.empty()) throw Error(input.string(), "holds no image (*.nii or *.nii.gz)", "check --input");
    return group(files, in_channels);
  }
  if (!fs::exists(input, failure)) throw Error(input.string(), "does not exist", "check --input");
  if (!is_nifti_name(input))
    throw Error(input.string(), "is no NIfTI file by its name", "give a .nii or .nii.gz file, or a folder of them");
  const auto part = in_channels > 1 ? channel_name(nifti_stem(input)) : std::nullopt;
  if (!part || holds_all_channels(input, in_channels)) return {{nifti_stem(input), {input}, {}}};
  // One channel stands for its siblings.
  std::vector<fs::path> files;
  for (const fs::path& file : nifti_files(input.has_parent_path() ? input.parent_path() : fs::path(".")))
    if (const auto other = channel_name(nifti_stem(file)); other && other->name == part->name) files.push_back(file);
  return group(files, in_channels);
}

Image read_image_case(const ImageCase& c) {
  if (!c.problem.empty()) throw Error(c.name, c.problem, "check the files' names");
  Image image = read_nifti(c.channels.front());
  for (std::size_t i = 1; i < c.channels.size(); ++i) {
    const Image channel = read_nifti(c.channels[i]);
    if (i == 1 && image.voxels.size(0) != 1)
      throw Error(c.channels[0].string(), "has several channels itself", "give 3D files, or one 4D file");
    if (channel.voxels.size(0) != 1)
      throw Error(c.channels[i].string(), "has several channels itself", "give 3D files, or one 4D file");
    if (channel.geometry.shape != image.geometry.shape)
      throw Error(c.channels[i].string(),
                  fmt::format("is {}, but channel 0 is {}", shape_text(channel.geometry.shape),
                              shape_text(image.geometry.shape)),
                  "resample the channels to one grid");
    if (affine_difference(channel.geometry, image.geometry) > 1e-3)
      log::warn(fmt::format("{}: its affine differs from that of channel 0, which is used", c.channels[i].string()));
    if (i == 1) image.voxels.values.reserve(image.voxels.values.size() * c.channels.size());
    image.voxels.values.insert(image.voxels.values.end(), channel.voxels.values.begin(), channel.voxels.values.end());
    image.voxels.shape[0] += 1;
  }
  return image;
}

bool is_file_output(const fs::path& output) {
  return is_nifti_name(output) && !fs::is_directory(output);
}

fs::path label_output(const ImageCase& c, const fs::path& output) {
  return is_file_output(output) ? output : output / (c.name + ".nii.gz");
}

void protect_inputs(const std::vector<ImageCase>& cases, const fs::path& input, const fs::path& output) {
  if (fs::is_directory(input)) {
    if (is_file_output(output)) throw Error("--output", "a folder of images cannot become one file", "give a folder");
    if (lies_inside(output, input))
      throw Error(output.string(), "lies inside the input folder", "give a folder outside --input");
  }
  for (const ImageCase& c : cases)
    for (const fs::path& file : c.channels)
      if (same_place(label_output(c, output), file))
        throw Error(file.string(), "is an input and would be overwritten by its output", "give another --output");
}

}  // namespace nnunet
