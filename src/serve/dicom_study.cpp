#include "dicom_study.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/memory.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/zip_archive.h"
#include "several_series.h"

namespace nnunet::serve {
namespace {

/// A zip of blank planes may unpack to this much, any to so many times its size. Beyond that it is a bomb.
constexpr std::uint64_t unpacked_bytes = std::uint64_t{256} << 20, unpacked_ratio = 20;

void refuse_bombs(const std::filesystem::path& path) {
  const ZipArchive zip(path);
  std::uint64_t bytes = 0;
  for (const ZipEntry& entry : zip.entries())
    if (__builtin_add_overflow(bytes, entry.size, &bytes) || bytes > unpacked_bytes + unpacked_ratio * zip.file_size())
      throw HttpError(413, fmt::format("the zip unpacks to more than {} and {} times its own size; send the study as a "
                                       "form with its files",
                                       format_bytes(static_cast<std::int64_t>(unpacked_bytes)), unpacked_ratio));
}

constexpr const char* no_space = "the server has no space to keep the study while it is read; try again later";

/// A text of one line in which every `what` is gone.
std::string without(std::string text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;) text.erase(at, what.size());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "; ");
  return text;
}

std::string choosing(std::size_t channels) {
  if (channels == 1) return "name the one to segment: dicom_series=UID";
  return fmt::format("name those of the {} channels, in their order: dicom_series=UID,UID", channels);
}

/// Those that can be chosen.
nlohmann::json list_of(const std::vector<dicom::FoundSeries>& all) {
  nlohmann::json list = nlohmann::json::array();
  for (const dicom::FoundSeries& found : all)
    if (found.problem.empty())
      list.push_back({{"uid", found.name()},
                      {"modality", found.series.modality},
                      {"shape", found.series.shape},
                      {"apart", found.apart}});
  return list;
}

}  // namespace

/// What work gives; failures name no folder of ours.
template <class Work>
auto DicomStudy::without_paths(const Work& work) const {
  try {
    return work();
  } catch (const WriteError&) {  // all that is written here are the server's own files
    throw HttpError(503, no_space);
  } catch (const Error& e) {
    throw HttpError(400, without(e.what(), folder_->path().string() + "/"));
  }
}

DicomStudy::DicomStudy(Upload& upload, const StudyChoice& choice) {
  without_paths([&] {
    folder_ = std::make_unique<ScratchFolder>();
    find(upload, choice);
  });
}

void DicomStudy::find(Upload& upload, const StudyChoice& choice) {
  const std::size_t channels = choice.channels;
  const std::string ours = folder_->path().string() + "/";
  const std::filesystem::path saved = upload.save(folder_->path());
  if (saved != folder_->path()) refuse_bombs(saved);
  dicom::Finding finding = dicom::find_series(saved);
  if (finding.series.empty())
    throw HttpError(400, without("the study holds no DICOM series of images: " + finding_text(finding), ours));
  if (finding.others > 0) warnings_.push_back(fmt::format("{} files are not DICOM", finding.others));
  const dicom::ChoiceTerms terms{.parameter = "dicom_series",
                                 .remedy = choosing(channels),
                                 .listed = "leave it out to see which series there are",
                                 .warn = [&](const std::string& text) { warnings_.push_back(without(text, ours)); }};
  const nlohmann::json list = list_of(finding.series);
  try {
    series_ = dicom::choose_series(std::move(finding), "the study", choice.series, terms);
  } catch (const Error& e) {
    if (!choice.series.empty() || list.size() < 2) throw;
    throw SeveralSeries(without(e.what(), ours), list);
  }
  if (series_.size() != channels)
    throw HttpError(400, fmt::format("{} series are chosen, but {} wanted; {}", series_.size(),
                                     channels == 1 ? "one is" : fmt::format("{} are", channels), choosing(channels)));
  for (const dicom::FoundSeries& found : series_)
    if (!choice.study.empty() && found.series.study_uid != choice.study)
      throw HttpError(409, "the series is of another study than the path names; send it to that one, or to /studies");
}

Image DicomStudy::read(std::int64_t max_voxels) const {
  std::int64_t voxels = 0;
  for (const dicom::FoundSeries& found : series_) voxels += volume(found.series.shape);
  if (voxels > max_voxels)
    throw HttpError(413, fmt::format("the series has {} voxels; at most {} are taken", voxels, max_voxels));
  return without_paths([&] { return series_cases(series_, static_cast<int>(series_.size())).front().read(); });
}

std::string DicomStudy::object(const LabelMap& label, const dicom::ObjectOptions& options,
                               dicom::ObjectType type) const {
  const dicom::Series& series = series_.front().series;
  WideLabelMap wide{{}, label.geometry};
  wide.voxels.shape = label.voxels.shape;
  wide.voxels.values.assign(label.voxels.values.begin(), label.voxels.values.end());
  return without_paths([&] {
    const auto file = folder_->path() / "object.dcm";
    write_object(dicom::labels_on_series(wide, series, "the label map"), series, options, type, file);
    return read_text(file, static_cast<std::size_t>(-1));
  });
}

}  // namespace nnunet::serve
