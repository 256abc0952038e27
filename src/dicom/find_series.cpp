#include "nnunet/dicom/find_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "input_files.h"
#include "library.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/digest.h"
#include "planes.h"
#include "uids.h"

namespace nnunet::dicom {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFetch = "fetch the series again";

/// What became of a file.
struct Looked {
  std::optional<Instance> instance;
  std::string unreadable;
  bool is_dicom = true;
};

std::vector<Looked> look_into(const std::vector<InputFile>& files) {
  const Library& reader = library();
  std::vector<Looked> result(files.size());
  parallel_for(static_cast<std::int64_t>(files.size()), 0, [&](std::int64_t i) {
    Looked& looked = result[static_cast<std::size_t>(i)];
    try {
      looked.instance = reader.read_header(files[static_cast<std::size_t>(i)].path);
    } catch (const Unreadable& e) {
      looked.unreadable = e.what();
      looked.is_dicom = e.is_dicom;
    }
  });
  return result;
}

bool is_placed(const Plane& plane) {
  return plane.position && plane.orientation && plane.pixel_spacing;
}

/// Why an instance is no part of a volume; empty: it may be one.
std::string why_no_part(const Instance& i) {
  static const std::set<std::string> kNoImages{"SEG", "RTDOSE", "RTIMAGE", "PR", "KO", "SR"};
  if (kNoImages.contains(i.modality)) return fmt::format("is no image, but {}", i.modality);
  if (!i.has_pixels) return "is no image";
  if (i.rows == 0 || i.columns == 0) return "is an image without pixels";
  if (i.samples != 1 || !i.photometric.starts_with("MONOCHROME")) return "is in colour";
  const auto has = [&](std::string_view word) { return std::ranges::find(i.image_type, word) != i.image_type.end(); };
  if (has("LOCALIZER")) return "is a localizer";
  if (has("MOSAIC")) return "has many planes side by side (a mosaic)";
  if (!i.damage.empty()) return {};  // for the series to say
  if (!std::ranges::any_of(i.planes, is_placed)) return "has no place in the patient (a secondary capture, say)";
  return {};
}

bool differ(const Instance& a, const Plane& p, const Instance& b, const Plane& q) {
  constexpr double tolerance = 1e-3;
  if (a.rows != b.rows || a.columns != b.columns) return true;
  for (std::size_t k = 0; k < 6; ++k)
    if (std::abs((*p.orientation)[k] - (*q.orientation)[k]) > tolerance) return true;
  for (std::size_t k = 0; k < 2; ++k)
    if (std::abs((*p.pixel_spacing)[k] - (*q.pixel_spacing)[k]) > tolerance * std::abs((*q.pixel_spacing)[k]))
      return true;
  return false;
}

/// Planes of the same size, direction and pixels, the most first.
std::vector<std::vector<PlaneIndex>> alike(const FoundSeries::Planes& planes) {
  std::vector<std::vector<PlaneIndex>> groups;
  for (std::size_t i = 0; i < planes.instances.size(); ++i) {
    const Instance& instance = planes.instances[i];
    for (std::size_t k = 0; k < instance.planes.size(); ++k) {
      const auto group = std::ranges::find_if(groups, [&](const auto& g) {
        return !differ(instance, instance.planes[k], planes.instances[g.front().instance], planes.at(g.front()));
      });
      (group == groups.end() ? groups.emplace_back() : *group).push_back({i, k});
    }
  }
  std::ranges::stable_sort(groups, std::greater<>(), [](const auto& g) { return g.size(); });
  return groups;
}

/// What makes an instance of a series unfit, whatever the others are.
std::string problem_of(const Instance& i) {
  if (!i.damage.empty()) return i.damage;
  if (i.bits_allocated != 8 && i.bits_allocated != 16 && i.bits_allocated != 32)
    return fmt::format("its voxels have {} bits, which is not supported", i.bits_allocated);
  if (i.bits_stored < 1 || i.bits_stored > i.bits_allocated || i.high_bit >= i.bits_allocated ||
      i.high_bit + 1 < i.bits_stored)
    return "its header contradicts itself about the bits of a voxel";
  if (i.has_lookup_table) return "its values are those of a lookup table, which is not supported";
  for (const Plane& plane : i.planes) {
    if (!is_placed(plane)) return "some of its frames have no place in the patient";
    if (plane.slope.value_or(1) == 0) return "its rescale slope is 0";
  }
  return {};
}

/// Keeps the largest group; few others are left out, as localizers are that do not say so.
void choose_group(FoundSeries& found, FoundSeries::Planes& planes, std::vector<LeftOut>& left_out) {
  auto groups = alike(planes);
  planes.order = groups.front();
  std::size_t others = 0;
  for (std::size_t g = 1; g < groups.size(); ++g) others += groups[g].size();
  if (others == 0) return;
  constexpr std::size_t many = 10;
  if (groups.front().size() < many * others) {
    found.problem = fmt::format("its planes have {} different sizes or directions", groups.size());
    found.remedy = "part it into series of one volume each";
    return;
  }
  for (std::size_t g = 1; g < groups.size(); ++g)
    for (const PlaneIndex& i : groups[g])
      left_out.push_back({planes.names[i.instance], "has another size or direction than the others of its series"});
}

/// What tells series apart: their UID, else whatever else does.
std::string series_key(const Instance& instance, const fs::path& file) {
  if (!instance.series_uid.empty()) return instance.series_uid;
  return fmt::format("{}/ {} {} {}", file.parent_path().string(), instance.study_uid, instance.series_number,
                     instance.modality);
}

/// The UIDs of what all planes have in common, and of each.
void set_uids(FoundSeries& found, const FoundSeries::Planes& planes) {
  Series& series = found.series;
  const auto uid = [&](const std::string& given, std::string_view what, const fs::path& file) {
    if (is_valid_uid(given)) return given;
    series.invented_uids = true;
    return invented_uid(fmt::format("{} {}", what, digest_of_file(file)));
  };
  const Instance& first = planes.instances[planes.order.front().instance];
  series.study_uid = uid(first.study_uid, "study", first.file);
  series.series_uid = uid(first.series_uid, "series", first.file);
  series.frame_of_reference_uid = uid(first.frame_of_reference_uid, "frame of reference", first.file);
  std::map<std::size_t, std::string> instances;
  for (const PlaneIndex& i : planes.order) {
    const Instance& instance = planes.instances[i.instance];
    if (!instances.contains(i.instance))
      instances[i.instance] = uid(instance.sop_instance_uid, "instance", instance.file);
    const Plane& plane = instance.planes[i.plane];
    series.frames.push_back({instance.file, instance.sop_class_uid, instances[i.instance], plane.number,
                             plane.position.value_or(std::array<double, 3>{})});
  }
  if (series.invented_uids)
    found.warnings.emplace_back("some of its UIDs are empty or not valid, and are made up; they follow from the files");
}

FoundSeries make_series(FoundSeries::Planes planes, std::vector<LeftOut>& left_out) {
  FoundSeries found;
  std::set<std::string> frames_of_reference, modalities;
  for (std::size_t i = 0; i < planes.instances.size() && found.problem.empty(); ++i) {
    const Instance& instance = planes.instances[i];
    frames_of_reference.insert(instance.frame_of_reference_uid);
    modalities.insert(instance.modality);
    if (std::string problem = problem_of(instance); !problem.empty()) {
      found.problem = fmt::format("{}: {}", planes.names[i], problem);
      found.remedy = kFetch;
    }
  }
  found.number = planes.instances.front().series_number;
  found.series.modality = planes.instances.front().modality;
  if (found.problem.empty() && (frames_of_reference.size() > 1 || modalities.size() > 1)) {
    found.problem = "its files are of several frames of reference or modalities";
    found.remedy = "part it into series of one volume each";
  }
  if (found.problem.empty()) choose_group(found, planes, left_out);
  if (found.problem.empty()) stack_planes(found, planes);
  if (planes.order.empty())
    for (std::size_t i = 0; i < planes.instances.size(); ++i)
      for (std::size_t k = 0; k < planes.instances[i].planes.size(); ++k) planes.order.push_back({i, k});
  if (planes.order.empty()) {  // the only file is damaged
    const std::string& uid = planes.instances.front().series_uid;
    if (is_valid_uid(uid)) found.series.series_uid = uid;
  } else {
    const Instance& first = planes.instances[planes.order.front().instance];
    found.series.shape = {static_cast<std::int64_t>(planes.order.size()), first.rows, first.columns};
    set_uids(found, planes);
  }
  found.planes = std::make_shared<const FoundSeries::Planes>(std::move(planes));
  return found;
}

}  // namespace

bool is_dicom_name_or_file(const fs::path& path) {
  if (is_zip(path)) return true;
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return false;
  constexpr std::streamoff preamble = 128;
  std::array<char, 4> magic{};
  std::ifstream file(path, std::ios::binary);
  file.seekg(preamble);
  return file.read(magic.data(), magic.size()) && std::string_view(magic.data(), magic.size()) == "DICM";
}

Finding find_series(const fs::path& input) {
  const InputFiles files = list_files(input);
  std::vector<Looked> looked = look_into(files.files);
  Finding finding;
  std::map<std::string, FoundSeries::Planes> by_key;
  for (std::size_t i = 0; i < looked.size(); ++i) {
    if (!looked[i].is_dicom) {
      ++finding.others;
      continue;
    }
    const std::string& name = files.files[i].name;
    const std::string reason = looked[i].instance ? why_no_part(*looked[i].instance) : looked[i].unreadable;
    if (!reason.empty()) {
      finding.left_out.push_back({name, reason});
      continue;
    }
    FoundSeries::Planes& planes = by_key[series_key(*looked[i].instance, files.files[i].path)];
    planes.instances.push_back(std::move(*looked[i].instance));
    planes.names.push_back(name);
    planes.unpacked = files.unpacked;
  }
  for (auto& [key, planes] : by_key) {
    FoundSeries found = make_series(std::move(planes), finding.left_out);
    if (!files.zip.empty())
      found.sources = {files.zip};
    else
      for (const Instance& instance : found.planes->instances) found.sources.push_back(instance.file);
    finding.series.push_back(std::move(found));
  }
  std::ranges::stable_sort(finding.series, {}, &FoundSeries::number);
  return finding;
}

}  // namespace nnunet::dicom
