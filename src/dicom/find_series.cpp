#include "nnunet/dicom/find_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "input_files.h"
#include "library.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/digest.h"
#include "planes.h"
#include "uids.h"

namespace nnunet::dicom {

namespace {

namespace fs = std::filesystem;

using Files = FoundSeries::Planes::Files;

constexpr const char* kFetch = "fetch the series again";
constexpr const char* kPart = "part it into series of one volume each";

/// What became of a file.
struct Looked {
  std::optional<Instance> instance;
  std::string unreadable;
  bool is_dicom = true;
};

std::vector<Looked> look_into(const std::vector<InputFile>& files) {
  const Library& reader = library();
  std::vector<Looked> result(files.size());
  std::atomic<std::int64_t> planes = 0;
  parallel_for(static_cast<std::int64_t>(files.size()), 0, [&](std::int64_t i) {
    Looked& looked = result[static_cast<std::size_t>(i)];
    try {
      looked.instance = reader.read_header(files[static_cast<std::size_t>(i)].path);
    } catch (const Unreadable& e) {
      looked.unreadable = e.what();
      looked.is_dicom = e.is_dicom;
    }
    if (looked.instance) planes += static_cast<std::int64_t>(looked.instance->planes.size());
    if (planes > limits::dicom_planes)
      throw Error("DICOM", fmt::format("the files have more planes than the limit, {}", limits::dicom_planes),
                  "give the folder of a study");
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

/// Planes of the same size, direction and pixels, the most first; of as many, by their directions.
std::vector<std::vector<PlaneIndex>> alike(const Files& files) {
  const auto plane = [&](const PlaneIndex& i) -> const Plane& { return files.instances[i.instance].planes[i.plane]; };
  std::vector<std::vector<PlaneIndex>> groups;
  for (std::size_t i = 0; i < files.instances.size(); ++i) {
    const Instance& instance = files.instances[i];
    for (std::size_t k = 0; k < instance.planes.size(); ++k) {
      const auto group = std::ranges::find_if(groups, [&](const auto& g) {
        return !differ(instance, instance.planes[k], files.instances[g.front().instance], plane(g.front()));
      });
      (group == groups.end() ? groups.emplace_back() : *group).push_back({i, k});
    }
  }
  std::ranges::stable_sort(groups, [&](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() > b.size() : *plane(a.front()).orientation < *plane(b.front()).orientation;
  });
  return groups;
}

/// Numbers that no scanner means, and that computing with would lead nowhere.
bool makes_sense(const Plane& plane) {
  constexpr double far = 1e6;  // mm
  constexpr double large = 1e28;
  const auto within = [](const auto& values, double limit) {
    return std::ranges::all_of(values, [limit](double value) { return std::abs(value) <= limit; });
  };
  return within(*plane.position, far) && within(*plane.orientation, 2) && within(*plane.pixel_spacing, far) &&
         within(std::array{plane.thickness.value_or(0), plane.between.value_or(0)}, far) &&
         within(std::array{plane.slope.value_or(1), plane.intercept.value_or(0)}, large);
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
    if (!makes_sense(plane)) return "numbers of its header make no sense (place, spacing or rescaling)";
  }
  return {};
}

/// Few others than the largest group are left out, as localizers are that do not say so.
void leave_out_few(std::vector<std::vector<PlaneIndex>>& groups, const Files& files, std::vector<LeftOut>& left_out) {
  std::size_t others = 0;
  for (std::size_t g = 1; g < groups.size(); ++g) others += groups[g].size();
  constexpr std::size_t many = 10;
  if (groups.front().size() < many * others) return;
  for (std::size_t g = 1; g < groups.size(); ++g)
    for (const PlaneIndex& i : groups[g])
      left_out.push_back({files.names[i.instance], "has another size or direction than the others of its series"});
  groups.resize(1);
}

/// What tells series apart: their UID, else whatever else does.
std::string series_key(const Instance& instance, const fs::path& file) {
  if (!instance.series_uid.empty()) return instance.series_uid;
  return fmt::format("{}/ {} {} {}", file.parent_path().string(), instance.study_uid, instance.series_number,
                     instance.modality);
}

/// The UIDs of what all planes have in common, and of each. first: of the series, whose volumes have these in common,
/// too.
void set_uids(FoundSeries& found, const FoundSeries::Planes& planes, const Instance& first) {
  Series& series = found.series;
  const auto uid = [&](const std::string& given, std::string_view what, const fs::path& file) {
    if (is_valid_uid(given)) return given;
    series.invented_uids = true;
    return invented_uid(fmt::format("{} {}", what, digest_of_file(file)));
  };
  series.study_uid = uid(first.study_uid, "study", first.file);
  series.series_uid = uid(first.series_uid, "series", first.file);
  const std::string& frame_of_reference = planes.instance(planes.order.front()).frame_of_reference_uid;
  series.frame_of_reference_uid = uid(frame_of_reference, "frame of reference", first.file);
  std::map<std::size_t, std::string> instances;
  for (const PlaneIndex& i : planes.order) {
    const Instance& instance = planes.instance(i);
    if (!instances.contains(i.instance))
      instances[i.instance] = uid(instance.sop_instance_uid, "instance", instance.file);
    const Plane& plane = planes.at(i);
    series.frames.push_back({instance.file, instance.sop_class_uid, instances[i.instance], plane.number,
                             plane.position.value_or(std::array<double, 3>{})});
  }
  if (series.invented_uids)
    found.warnings.emplace_back("some of its UIDs are empty or not valid, and are made up; they follow from the files");
}

FoundSeries series_of(const Files& files) {
  FoundSeries found;
  found.number = files.instances.front().series_number;
  found.series.modality = files.instances.front().modality;
  return found;
}

/// Why it is no series of volumes, whatever their places are.
void find_problem(FoundSeries& found, const Files& files) {
  std::set<std::string> modalities;
  for (std::size_t i = 0; i < files.instances.size() && found.problem.empty(); ++i) {
    modalities.insert(files.instances[i].modality);
    if (std::string problem = problem_of(files.instances[i]); !problem.empty()) {
      found.problem = fmt::format("{}: {}", files.names[i], problem);
      found.remedy = kFetch;
    }
  }
  if (!found.problem.empty() || modalities.size() == 1) return;
  found.problem = "its files are of several modalities";
  found.remedy = kPart;
}

bool are_of_one_frame_of_reference(const Files& files) {
  return std::ranges::all_of(files.instances, [&](const Instance& i) {
    return i.frame_of_reference_uid == files.instances.front().frame_of_reference_uid;
  });
}

/// Stacks the planes as one volume.
Misfit find_volume(FoundSeries& found, FoundSeries::Planes& planes,
                   const std::vector<std::vector<PlaneIndex>>& directions) {
  planes.order = directions.front();
  if (!are_of_one_frame_of_reference(*planes.files))
    found.problem = "its files are of several frames of reference";
  else if (directions.size() > 1)
    found.problem = fmt::format("its planes have {} different sizes or directions", directions.size());
  else
    return stack_planes(found, planes);
  found.remedy = kPart;
  return Misfit::doubled;
}

/// A series with its problem: the planes in no order.
FoundSeries whole(FoundSeries found, FoundSeries::Planes planes) {
  const Files& files = *planes.files;
  planes.order.clear();
  for (std::size_t i = 0; i < files.instances.size(); ++i)
    for (std::size_t k = 0; k < files.instances[i].planes.size(); ++k) planes.order.push_back({i, k});
  if (planes.order.empty()) {  // the only file is damaged
    const std::string& uid = files.instances.front().series_uid;
    if (is_valid_uid(uid)) found.series.series_uid = uid;
  } else {
    const Instance& first = planes.instance(planes.order.front());
    found.series.shape = {static_cast<std::int64_t>(planes.order.size()), first.rows, first.columns};
    set_uids(found, planes, first);
  }
  found.planes = std::make_shared<const FoundSeries::Planes>(std::move(planes));
  return found;
}

std::vector<FoundSeries> volumes_of(const std::shared_ptr<const Files>& files, const std::vector<Part>& parts) {
  std::vector<FoundSeries> volumes;
  const Instance* first = nullptr;  // in place, not by its file's name: so made-up UIDs follow from what files hold
  for (const Part& part : parts) {
    FoundSeries found = series_of(*files);
    FoundSeries::Planes planes{files, part.planes};
    stack_planes(found, planes);
    if (first == nullptr) first = &planes.instance(planes.order.front());
    if (parts.size() > 1) {
      found.part = static_cast<int>(volumes.size()) + 1;
      found.apart = part.apart;
    }
    set_uids(found, planes, *first);
    found.planes = std::make_shared<const FoundSeries::Planes>(std::move(planes));
    volumes.push_back(std::move(found));
  }
  return volumes;
}

std::vector<FoundSeries> make_series(const std::shared_ptr<const Files>& files, std::vector<LeftOut>& left_out) {
  FoundSeries found = series_of(*files);
  FoundSeries::Planes planes{files, {}};
  find_problem(found, *files);
  if (!found.problem.empty()) return {whole(std::move(found), std::move(planes))};
  auto directions = alike(*files);
  leave_out_few(directions, *files, left_out);
  const Misfit misfit = find_volume(found, planes, directions);
  if (misfit == Misfit::none) return volumes_of(files, {{directions.front(), {}}});
  if (misfit == Misfit::other) return {whole(std::move(found), std::move(planes))};
  const Parting parting = part_planes(files, directions, misfit);
  if (!parting.parts.empty()) return volumes_of(files, parting.parts);
  if (!parting.why_not.empty()) found.problem += "; " + parting.why_not;
  return {whole(std::move(found), std::move(planes))};
}

/// The user's files that a volume is made from: of a whole series all, also copies.
std::vector<fs::path> sources_of(const FoundSeries& found) {
  std::set<std::size_t> own;
  for (const PlaneIndex& i : found.planes->order) own.insert(i.instance);
  std::vector<fs::path> sources;
  for (std::size_t i = 0; i < found.planes->files->instances.size(); ++i)
    if (found.part == 0 || own.contains(i)) sources.push_back(found.planes->files->instances[i].file);
  return sources;
}

}  // namespace

std::string FoundSeries::name() const {
  return part > 0 ? fmt::format("{}-{}", series.series_uid, part) : series.series_uid;
}

bool is_dicom_name_or_file(const fs::path& path) {
  return is_zip(path) || has_preamble(path);
}

Finding find_series(const fs::path& input) {
  const InputFiles files = list_files(input);
  std::vector<Looked> looked = look_into(files.files);
  Finding finding;
  for (const std::string& folder : files.closed)
    finding.left_out.push_back({folder, "is a folder that cannot be opened"});
  std::map<std::string, Files> by_key;
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
    Files& series = by_key[series_key(*looked[i].instance, files.files[i].path)];
    series.instances.push_back(std::move(*looked[i].instance));
    series.names.push_back(name);
    series.unpacked = files.unpacked;
  }
  for (auto& [key, series] : by_key)
    for (FoundSeries& found : make_series(std::make_shared<const Files>(std::move(series)), finding.left_out)) {
      found.sources = files.zip.empty() ? sources_of(found) : std::vector{files.zip};
      finding.series.push_back(std::move(found));
    }
  std::ranges::stable_sort(finding.series, {}, &FoundSeries::number);
  return finding;
}

}  // namespace nnunet::dicom
