#include "nnunet/dicom/series_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "input_files.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/core/table.h"
#include "nnunet/dicom/read_series.h"

namespace nnunet::dicom {

namespace {

namespace fs = std::filesystem;

bool holds(const fs::path& folder, const auto& is_one) {
  const auto options = fs::directory_options::skip_permission_denied;
  for (const auto& entry : fs::recursive_directory_iterator(folder, options))
    if (entry.is_regular_file() && is_one(entry.path())) return true;
  return false;
}

bool is_dicom_file(const fs::path& file) {
  return has_preamble(file) && !is_zip(file);
}

std::vector<std::string> left_out_lines(const Finding& finding) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const LeftOut& file : finding.left_out) by_reason[file.reason].push_back(file.file);
  std::vector<std::string> lines;
  for (const auto& [reason, files] : by_reason)
    lines.push_back(files.size() == 1 ? fmt::format("{} is left out: it {}", files.front(), reason)
                                      : fmt::format("{} files are left out, since each {}: {}", files.size(), reason,
                                                    some_names(files)));
  return lines;
}

void warn(const ChoiceTerms& terms, const std::string& text) {
  if (terms.warn)
    terms.warn(text);
  else
    log::warn(text);
}

std::vector<FoundSeries> all_readable(std::vector<FoundSeries> series, const fs::path& input,
                                      const ChoiceTerms& terms) {
  std::vector<FoundSeries> readable;
  for (FoundSeries& found : series) {
    if (found.problem.empty())
      readable.push_back(std::move(found));
    else
      warn(terms, fmt::format("series {} is left out: {}", found.name(), found.problem));
  }
  if (readable.empty()) throw Error(input.string(), "holds no series that can be read", "see the messages above");
  return readable;
}

/// Those of several, for a message: name, and what tells them apart.
std::string list_of(const std::vector<FoundSeries>& series) {
  std::vector<std::string> names;
  for (const FoundSeries& found : series)
    names.push_back(fmt::format("{} ({}, {}{}{})", found.name(), found.series.modality, shape_text(found.series.shape),
                                found.part > 0 ? ", " : "", found.apart));
  return some_names(names);
}

std::vector<FoundSeries> named(const std::vector<FoundSeries>& series, const fs::path& input,
                               const std::vector<std::string>& names, const ChoiceTerms& terms) {
  std::vector<FoundSeries> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(series, name, &FoundSeries::name);
    if (found != series.end()) {
      chosen.push_back(*found);
      continue;
    }
    std::vector<FoundSeries> parts;
    std::ranges::copy_if(series, std::back_inserter(parts),
                         [&](const FoundSeries& one) { return one.series.series_uid == name; });
    if (parts.empty())
      throw Error(terms.parameter + " " + name, fmt::format("is not in {}", input.string()), terms.listed);
    throw Error(terms.parameter + " " + name, fmt::format("holds {} volumes: {}", parts.size(), list_of(parts)),
                terms.remedy);
  }
  return chosen;
}

std::vector<FoundSeries> only_one(std::vector<FoundSeries> series, const fs::path& input, const ChoiceTerms& terms) {
  std::vector<FoundSeries> readable;
  for (const FoundSeries& found : series)
    if (found.problem.empty()) readable.push_back(found);
  if (series.size() == 1) return series;
  if (readable.size() == 1) return all_readable(std::move(series), input, terms);
  const bool parted = std::ranges::any_of(series, [](const FoundSeries& found) { return found.part > 0; });
  throw Error(input.string(),
              fmt::format("holds {} {}: {}", series.size(), parted ? "volumes" : "series", list_of(series)),
              terms.remedy);
}

}  // namespace

bool is_dicom_input(const fs::path& input, const ImageFormat& format) {
  std::error_code failure;
  if (!fs::is_directory(input, failure)) return !format.accepts(input) && is_dicom_name_or_file(input);
  require_open(input);
  for (const auto& entry : fs::directory_iterator(input))
    if (!entry.is_directory() && format.accepts(entry.path())) return false;
  if (holds(input, is_dicom_file)) return true;
  if (!holds(input, [](const fs::path&) { return true; }) || !is_available()) return false;
  const Finding finding = find_series(input);  // files without a preamble
  return !finding.series.empty() || !finding.left_out.empty();
}

void warn_of_dicom_beside_images(const fs::path& input, const ImageFormat& format) {
  std::error_code failure;
  if (!fs::is_directory(input, failure)) return;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(input))
    if (entry.is_regular_file() && !format.accepts(entry.path()) && is_dicom_file(entry.path()))
      files.push_back(entry.path().filename().string());
  if (files.empty()) return;
  std::ranges::sort(files);
  log::warn(
      fmt::format("{}: DICOM files beside the images ({}) are left out: {}. Name their series with --dicom_series, "
                  "or keep them in a folder of their own",
                  input.string(), format.pattern(), some_names(files)));
}

std::vector<FoundSeries> choose_series(Finding finding, const fs::path& input, const std::vector<std::string>& uids,
                                       const ChoiceTerms& terms) {
  for (const std::string& line : left_out_lines(finding)) warn(terms, line);
  if (finding.series.empty()) throw Error(input.string(), "holds no DICOM series of images", terms.listed);
  std::vector<FoundSeries> chosen;
  if (uids.empty())
    chosen = only_one(std::move(finding.series), input, terms);
  else if (terms.takes_all && uids.size() == 1 && uids.front() == "all")
    chosen = all_readable(std::move(finding.series), input, terms);
  else
    chosen = named(finding.series, input, uids, terms);
  for (const FoundSeries& found : chosen) {
    if (!found.problem.empty()) throw Error("series " + found.name(), found.problem, found.remedy);
    for (const std::string& warning : found.warnings) warn(terms, fmt::format("series {}: {}", found.name(), warning));
    if (std::error_code failure; found.series.shape[0] == 1 && fs::is_regular_file(input, failure) && !is_zip(input))
      warn(terms,
           fmt::format("{}: is a single plane; where there are more of its series, give their folder", input.string()));
  }
  return chosen;
}

void protect_sources(const FoundSeries& found, const fs::path& file) {
  for (const fs::path& source : found.sources) {
    std::error_code absent;
    if (fs::equivalent(file, source, absent))
      throw Error(file.string(), "is a file of the series and would be overwritten", "give another name");
  }
}

std::vector<ImageCase> series_cases(const std::vector<FoundSeries>& series, int channels) {
  std::vector<ImageCase> cases;
  if (channels > 1 && static_cast<int>(series.size()) != channels)
    throw Error("--dicom_series",
                fmt::format("the network takes {} channels, and {} series are chosen", channels, series.size()),
                "name the channels' series in their order");
  if (channels > 1) {
    ImageCase& c = cases.emplace_back(ImageCase{series.front().name(), {}, {}});
    for (const FoundSeries& found : series)
      c.channels.insert(c.channels.end(), found.sources.begin(), found.sources.end());
    c.read = [series] {
      return read_channels(
          series.size(), [&](std::size_t i) { return read_series(series[i]); },
          [&](std::size_t i) { return "series " + series[i].name(); });
    };
    return cases;
  }
  for (const FoundSeries& found : series) {
    ImageCase& c = cases.emplace_back(ImageCase{found.name(), found.sources, {}});
    c.read = [found] { return read_series(found); };
  }
  return cases;
}

ImageFormat series_format(const ImageFormat& format) {
  if (format.is_nifti()) return format;
  ImageFormat nifti;
  nifti.ending = ".nii.gz";
  nifti.numbered = format.numbered;
  if (takes_nifti(format.reader)) nifti.reader = format.reader;
  return nifti;
}

std::string finding_text(const Finding& finding) {
  const bool parted = std::ranges::any_of(finding.series, [](const FoundSeries& found) { return found.part > 0; });
  std::vector<std::string> titles{"series", "modality", "number", "z, y, x", "mm z, y, x"};
  if (parted) titles.emplace_back("volume");
  Table table(titles);
  std::string remarks;
  for (const FoundSeries& found : finding.series) {
    const Series& s = found.series;
    const bool is_volume = found.problem.empty();
    std::vector<std::string> row{
        s.series_uid.empty() ? "-" : found.name(), s.modality, std::to_string(found.number),
        s.shape[0] > 0 ? shape_text(s.shape) : "-",
        is_volume ? fmt::format("{:.4g} x {:.4g} x {:.4g}", s.spacing[0], s.spacing[1], s.spacing[2]) : "-"};
    if (parted) row.push_back(found.apart);
    table.add(row);
    if (!is_volume) remarks += fmt::format("series {} cannot be read: {}\n", found.name(), found.problem);
    for (const std::string& warning : found.warnings) remarks += fmt::format("series {}: {}\n", found.name(), warning);
  }
  for (const std::string& line : left_out_lines(finding)) remarks += line + '\n';
  if (finding.others > 0) remarks += fmt::format("{} files are not DICOM\n", finding.others);
  return (finding.series.empty() ? "" : table.text()) + remarks;
}

}  // namespace nnunet::dicom
