#include "nnunet/io/image_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/label_case.h"
#include "nnunet/io/names.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> image_files(const fs::path& folder, const ImageFormat& format) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_directory() && format.accepts(entry.path()) && !entry.path().filename().string().starts_with('.'))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Only NIfTI files are looked into: nnU-Net's names say it for the others.
bool holds_all_channels(const fs::path& file, int in_channels) {
  if (in_channels < 2 || !is_nifti_name(file)) return false;
  try {
    return read_nifti_info(file).channels == in_channels;
  } catch (const Error&) {
    return false;  // reading it as a case will say what is wrong
  }
}

/// Neither of two files of one name is segmented: which of them was meant, nobody could tell from the label map.
void refuse_both(ImageCase& c, const fs::path& other) {
  c.problem = fmt::format("{} and {} would have the same output", c.channels.front().filename().string(),
                          other.filename().string());
}

/// Empty where the files are the channels 0 to count - 1.
std::string problem_of_channels(const std::string& name, const std::map<int, fs::path>& parts, int count) {
  if (static_cast<int>(parts.size()) == count && parts.begin()->first == 0 && parts.rbegin()->first == count - 1)
    return {};
  std::vector<std::string> found;
  for (const auto& [channel, file] : parts) found.push_back(fmt::format("{}_{:04}", name, channel));
  return fmt::format("the network takes {} channels, {}_0000 to {}_{:04}; found {}", count, name, name, count - 1,
                     some_names(found));
}

/// Files to cases of different names.
std::vector<ImageCase> group(const std::vector<fs::path>& files, int in_channels, const ImageFormat& format) {
  std::map<std::string, ImageCase> cases;
  std::map<std::string, std::map<int, fs::path>> channels;
  std::map<std::string, std::string> doubled;  // cases with a channel in two files
  for (const fs::path& file : files) {
    const std::string stem = format.stem(file);
    const auto part = in_channels > 1 || format.numbered ? channel_name(stem) : std::nullopt;
    if (part && !holds_all_channels(file, in_channels)) {
      const auto [former, first] = channels[part->name].emplace(part->channel, file);
      if (!first)
        doubled[part->name] = fmt::format("channel {} is there twice: {} and {}", part->channel,
                                          former->second.filename().string(), file.filename().string());
    } else if (const auto [former, first] = cases.emplace(stem, ImageCase{stem, {file}, {}}); !first) {
      refuse_both(former->second, file);
    }
  }
  for (const auto& [name, parts] : channels) {
    ImageCase c{name, {}, {}};
    for (const auto& [channel, file] : parts) c.channels.push_back(file);
    const bool all_in_one = format.numbered && !format.is_nifti();  // a picture's colours
    c.problem = problem_of_channels(name, parts, all_in_one ? static_cast<int>(parts.size()) : in_channels);
    if (const auto found = doubled.find(name); found != doubled.end()) c.problem = found->second;
    if (const auto [former, first] = cases.emplace(name, c); !first) refuse_both(former->second, c.channels.front());
  }
  std::vector<ImageCase> result;
  for (auto& [name, c] : cases) result.push_back(std::move(c));
  return result;
}

bool same_place(const fs::path& a, const fs::path& b) {
  return fs::weakly_canonical(a) == fs::weakly_canonical(b);
}

}  // namespace

bool lies_inside(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(path / "."), outer = fs::weakly_canonical(folder / ".");
  const auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end() || (end->empty() && std::next(end) == outer.end());
}

std::optional<ChannelName> channel_name(const std::string& stem) {
  constexpr std::size_t kDigits = 4;
  if (stem.size() < kDigits + 2 || stem[stem.size() - kDigits - 1] != '_') return std::nullopt;
  const std::string digits = stem.substr(stem.size() - kDigits);
  if (!std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; })) return std::nullopt;
  return ChannelName{stem.substr(0, stem.size() - kDigits - 1), std::stoi(digits)};
}

std::vector<fs::path> ImageCase::sources() const {
  std::vector<fs::path> files = channels;
  if (!previous.empty()) files.push_back(previous);
  return files;
}

bool ImageFormat::is_nifti() const {
  return ending.empty() || is_nifti_name(fmt::format("image{}", ending));
}

bool ImageFormat::accepts(const fs::path& file) const {
  return ending.empty() ? is_nifti_name(file) : has_suffix(file, ending);
}

std::string ImageFormat::stem(const fs::path& file) const {
  if (ending.empty()) return nifti_stem(file);
  const std::string name = file.filename().string();
  return name.substr(0, name.size() - ending.size());
}

std::string ImageFormat::pattern() const {
  return ending.empty() ? "*.nii or *.nii.gz" : fmt::format("*{}", ending);
}

std::vector<ImageCase> list_image_cases(const fs::path& input, int in_channels, const ImageFormat& format) {
  std::error_code failure;
  if (fs::is_directory(input, failure)) {
    const auto files = image_files(input, format);
    if (files.empty())
      throw Error(input.string(), fmt::format("holds no image ({})", format.pattern()), "check the folder");
    return group(files, in_channels, format);
  }
  if (!fs::exists(input, failure)) throw Error(input.string(), "does not exist", "check the path");
  if (!format.accepts(input))
    throw Error(input.string(),
                format.ending.empty() ? "is no NIfTI file by its name"
                                      : fmt::format("does not end in {}, as the model's images do", format.ending),
                fmt::format("give a file {}, or a folder of them", format.pattern()));
  const auto part = in_channels > 1 || format.numbered ? channel_name(format.stem(input)) : std::nullopt;
  if (!part || holds_all_channels(input, in_channels)) return {{format.stem(input), {input}, {}}};
  // One channel stands for its siblings.
  std::vector<fs::path> files;
  for (const fs::path& file : image_files(input.has_parent_path() ? input.parent_path() : fs::path("."), format))
    if (const auto other = channel_name(format.stem(file)); other && other->name == part->name) files.push_back(file);
  return group(files, in_channels, format);
}

Image read_channels(std::size_t channels, const std::function<Image(std::size_t)>& read,
                    const std::function<std::string(std::size_t)>& name) {
  Image image = read(0);
  for (std::size_t i = 1; i < channels; ++i) {
    if (i == 1 && image.voxels.size(0) != 1)
      throw Error(name(0), "has several channels itself", "give 3D files, or one 4D file");
    const Image channel = read(i);
    if (channel.voxels.size(0) != 1)
      throw Error(name(i), "has several channels itself", "give 3D files, or one 4D file");
    if (channel.geometry.shape != image.geometry.shape)
      throw Error(name(i),
                  fmt::format("is {}, but channel 0 is {}", shape_text(channel.geometry.shape),
                              shape_text(image.geometry.shape)),
                  "resample the channels to one grid");
    if (affine_difference(channel.geometry, image.geometry) > 1e-3)
      log::warn(fmt::format("{}: its affine differs from that of channel 0, which is used", name(i)));
    if (i == 1) image.voxels.values.reserve(image.voxels.values.size() * channels);
    image.voxels.values.insert(image.voxels.values.end(), channel.voxels.values.begin(), channel.voxels.values.end());
    image.voxels.shape[0] += 1;
  }
  return image;
}

Image read_image_case(const ImageCase& c, const ImageFormat& format) {
  if (!c.problem.empty()) throw Error(c.name, c.problem, "check the files' names");
  if (c.read) return c.read();
  if (format.numbered) return read_image_files(c.channels, format.reader);
  return read_channels(
      c.channels.size(), [&](std::size_t i) { return read_nifti(c.channels[i]); },
      [&](std::size_t i) { return c.channels[i].string(); });
}

CaseImage read_case_image(const ImageCase& c, const ImageFormat& format) {
  CaseImage result;
  result.image = read_image_case(c, format);
  result.original = result.image.geometry;
  if (reorients(format.reader)) result.turned = to_canonical(result.image, format.reader, c.channels.front().string());
  result.properties =
      reader_properties(result.image.geometry, format.reader, result.turned ? &*result.turned : nullptr);
  return result;
}

CaseLabels read_label_case(const fs::path& path, const ImageFormat& format) {
  WideLabelMap map = read_label_file(path, format.reader);
  if (!reorients(format.reader)) return {std::move(map.voxels), reader_properties(map.geometry, format.reader)};
  // Turned as an image of one channel.
  Image labels;
  labels.geometry = map.geometry;
  labels.voxels = Array<float>({1, map.geometry.shape[0], map.geometry.shape[1], map.geometry.shape[2]});
  std::ranges::copy(map.voxels.values, labels.voxels.values.begin());
  const Reorientation turning = to_canonical(labels, format.reader, path.string());
  CaseLabels turned{Array<std::uint16_t>({labels.voxels.shape[1], labels.voxels.shape[2], labels.voxels.shape[3]}),
                    reader_properties(labels.geometry, format.reader, &turning)};
  std::ranges::transform(labels.voxels.values, turned.voxels.values.begin(),
                         [](float v) { return static_cast<std::uint16_t>(v); });
  return turned;
}

Array<std::uint16_t> read_case_labels(const fs::path& path, const CaseImage& image, const ImageFormat& format) {
  CaseLabels labels = read_label_case(path, format);
  if (labels.voxels.spatial() != image.image.voxels.spatial())
    throw Error(path.string(),
                fmt::format("is {}, but the image is {}", shape_text(labels.voxels.spatial()),
                            shape_text(image.image.voxels.spatial())),
                "give the label map of this image");
  return std::move(labels.voxels);
}

void require_label_output(const fs::path& output, const ImageFormat& format) {
  if (fs::is_directory(output) || format.accepts(output)) return;
  const std::string suffix = known_suffix(output);
  if (suffix.empty()) return;
  throw Error(output.string(),
              fmt::format("label maps are written as {}, the name ends in {}",
                          format.ending.empty() ? ".nii.gz or .nii" : format.ending, suffix),
              "choose such a name, or end that of a folder with a slash");
}

bool is_file_output(const fs::path& output, const ImageFormat& format) {
  return format.accepts(output) && !fs::is_directory(output);
}

fs::path label_output(const ImageCase& c, const fs::path& output, const ImageFormat& format) {
  return is_file_output(output, format) ? output : output / (c.name + format.output_ending());
}

void protect_inputs(const std::vector<ImageCase>& cases, const fs::path& input, const fs::path& output,
                    const ImageFormat& format) {
  require_label_output(output, format);
  const bool files = cases.empty() || !cases.front().read;  // not what is made of several, as a DICOM series is
  if (fs::is_directory(input)) {
    if (files && is_file_output(output, format))
      throw Error(output.string(), "a folder of images cannot become one file", "give a folder");
    if (lies_inside(output, input))
      throw Error(output.string(), "lies inside the input folder", "give a folder outside of it");
  }
  if (cases.size() > 1 && is_file_output(output, format))
    throw Error(output.string(), fmt::format("{} images cannot become one file", cases.size()), "give a folder");
  for (const ImageCase& c : cases) {
    const fs::path label = label_output(c, output, format);
    require_name_fits(label);
    for (const fs::path& file : c.sources())
      if (same_place(label, file))
        throw Error(file.string(), "is an input and would be overwritten by its output", "give another output");
  }
}

}  // namespace nnunet
