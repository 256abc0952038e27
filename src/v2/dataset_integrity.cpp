#include "nnunet/v2/dataset_integrity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <set>
#include <span>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/table.h"
#include "nnunet/io/label_case.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using Findings = std::vector<IntegrityFinding>;

constexpr const char* kWhole = "-";

/// As numpy's allclose.
bool close(std::span<const double> a, std::span<const double> b) {
  return std::ranges::equal(a, b, [](double x, double y) { return std::abs(x - y) <= 1e-8 + 1e-5 * std::abs(y); });
}

std::string within(const fs::path& file, const fs::path& folder) {
  const fs::path relative = file.lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? file.string() : relative.string();
}

/// An error's text without the file, which has a column of its own.
std::string problem_of(const std::exception& error, const fs::path& file) {
  const std::string text = error.what(), start = fmt::format("{}: ", file.string());
  return text.starts_with(start) ? text.substr(start.size()) : text;
}

// What all of a dataset's cases have to fit.
struct Expected {
  std::optional<std::set<int>> labels;
  std::optional<std::size_t> channels;
  ImageFormat format;
  bool numbered_alike = true;  ///< the channels' files of all cases
};

class CaseCheck {
 public:
  CaseCheck(const RawCase& raw, const Expected& expected, const fs::path& folder)
      : case_(raw), expected_(expected), folder_(folder) {}

  Findings run() {
    std::optional<CaseImage> image;
    check_channel_numbers();
    if (images_are_there()) image = read_images();
    std::optional<CaseLabels> labels = read_labels();
    if (labels) check_values(labels->voxels.values);
    if (image && labels) compare(*image, *labels);
    return std::move(findings_);
  }

 private:
  void add(const fs::path& file, std::string problem, bool warning = false) {
    findings_.push_back({case_.name, within(file, folder_), std::move(problem), warning});
  }

  bool images_are_there() {
    if (case_.images.empty())
      add(folder_ / "imagesTr", fmt::format("a file begins with {}, but none is named {}_0000{}", case_.name,
                                            case_.name, expected_.format.ending));
    bool all = !case_.images.empty();
    for (const fs::path& file : case_.images)
      if (!fs::is_regular_file(file)) {
        add(file, "is not there");
        all = false;
      }
    return all;
  }

  /// Where all cases have the same gaps, each channel is at least the same image everywhere.
  void check_channel_numbers() {
    if (const std::string problem = misnumbered_channels(case_, expected_.format.ending); !problem.empty())
      add(case_.images.front(), problem, expected_.numbered_alike);
  }

  std::optional<CaseImage> read_images() {
    try {
      CaseImage image = read_case_image(case_.image_case(), expected_.format);
      const auto channels = static_cast<std::size_t>(image.image.voxels.size(0));
      if (expected_.channels && channels != *expected_.channels)
        add(case_.images.front(),
            fmt::format("the case has {} channels, dataset.json names {}", channels, *expected_.channels));
      return image;
    } catch (const Error& error) {
      const fs::path* at_fault = &case_.images.front();
      for (const fs::path& file : case_.images)
        if (std::string_view(error.what()).starts_with(fmt::format("{}: ", file.string()))) at_fault = &file;
      add(*at_fault, problem_of(error, *at_fault));
      return std::nullopt;
    }
  }

  std::optional<CaseLabels> read_labels() {
    if (!fs::is_regular_file(case_.label)) {
      add(case_.label, "there is no label map");
      return std::nullopt;
    }
    try {
      return read_label_case(case_.label, expected_.format);
    } catch (const Error& error) {
      add(case_.label, problem_of(error, case_.label));
      return std::nullopt;
    }
  }

  void check_values(const std::vector<std::uint16_t>& voxels) {
    if (!expected_.labels) return;
    std::vector<char> seen(65536);
    for (const std::uint16_t label : voxels) seen[label] = 1;
    std::vector<int> unknown;
    for (int label = 0; label < 65536; ++label)
      if (seen[static_cast<std::size_t>(label)] != 0 && !expected_.labels->contains(label)) unknown.push_back(label);
    if (unknown.empty()) return;
    constexpr std::size_t shown = 10;
    const bool more = unknown.size() > shown;
    if (more) unknown.resize(shown);
    add(case_.label, fmt::format("holds labels that dataset.json does not declare: {}{}", fmt::join(unknown, ", "),
                                 more ? ", .." : ""));
  }

  void compare(const CaseImage& image, const CaseLabels& labels) {
    const Shape3 a = image.image.voxels.spatial(), b = labels.voxels.spatial();
    if (a != b) add(case_.label, fmt::format("is {}, but the image is {}", shape_text(b), shape_text(a)));
    const ReaderProperties &x = image.properties, &y = labels.properties;
    if (!close(y.spacing, x.spacing))
      add(case_.label, fmt::format("has the spacing {} mm (z, y, x), but the image has {}", fmt::join(y.spacing, " x "),
                                   fmt::join(x.spacing, " x ")));
    if (x.itk && y.itk) {
      warn_unless(close(x.itk->origin, y.itk->origin), "origin");
      warn_unless(close(x.itk->direction, y.itk->direction), "direction");
    }
    if (x.nibabel && y.nibabel) {
      const auto flat = [](const ReaderProperties::Nibabel& n) {
        return std::span<const double>(n.original_affine.front().data(), 16);
      };
      warn_unless(close(flat(*x.nibabel), flat(*y.nibabel)), "affine");
    }
  }

  void warn_unless(bool same, const char* what) {
    if (!same) add(case_.label, fmt::format("its {} is not the image's; see nnUNetv2_plot_overlay_pngs", what), true);
  }

  const RawCase& case_;
  const Expected& expected_;
  const fs::path& folder_;
  Findings findings_;
};

class DatasetCheck {
 public:
  explicit DatasetCheck(const fs::path& folder) : folder_(folder) {}

  Findings run(int threads, bool show_progress) {
    if (!check_description()) return std::move(findings_);
    std::optional<RawDataset> dataset;
    attempt([&] { dataset = read_raw_dataset(folder_); });
    if (!dataset) return std::move(findings_);
    check_count(dataset->cases.size());
    bool readable = false;
    attempt([&] {
      expected_.format = format_of(*dataset);
      expected_.numbered_alike = numbered_alike(*dataset, expected_.format.ending);
      readable = true;
    });
    if (readable) check_cases(dataset->cases, threads, show_progress);
    return std::move(findings_);
  }

 private:
  /// By the ending alone where the first image is at fault: that will be found when its case is looked at.
  static ImageFormat format_of(const RawDataset& dataset) {
    try {
      return dataset_format(dataset);
    } catch (const Error&) {
      RawDataset without_images = dataset;
      without_images.cases.front().images.clear();
      return dataset_format(without_images);
    }
  }
  template <class Body>
  void attempt(const Body& body) {
    try {
      body();
    } catch (const Error& error) {
      add(problem_of(error, folder_ / "dataset.json"));
    }
  }
  void add(std::string problem, const std::string& file = "dataset.json") {
    findings_.push_back({kWhole, file, std::move(problem)});
  }

  /// True: the cases can be looked for.
  bool check_description() {
    std::optional<Json> description;
    attempt([&] { description = read_dataset_description(folder_); });
    if (!description) return false;
    for (const char* const key : {"labels", "channel_names", "numTraining", "file_ending"})
      if (!description->contains(key)) add(fmt::format("\"{}\" is missing", key));
    if (description->contains("labels") && description->contains("file_ending"))
      attempt([&] { take_labels(dataset_labels(*description, (folder_ / "dataset.json").string())); });
    if (description->contains("channel_names"))
      attempt([&] { expected_.channels = channel_count(*description, (folder_ / "dataset.json").string()); });
    if (description->contains("numTraining")) take_count((*description)["numTraining"]);
    return description->contains("file_ending") && (description->contains("dataset") || folders_are_there());
  }

  void take_labels(const DatasetLabels& labels) {
    std::vector<int> all = labels.all_labels;
    if (labels.ignore) all.push_back(*labels.ignore);
    for (std::size_t i = 1; i < all.size(); ++i)
      if (all[i] != all[i - 1] + 1)
        add(fmt::format("the labels are not consecutive: {} follows {}", all[i], all[i - 1]));
    expected_.labels.emplace(all.begin(), all.end());
  }

  void take_count(const Json& value) {
    if (value.is_number_integer())
      count_ = value.get<std::int64_t>();
    else
      add(fmt::format("\"numTraining\" is {}, no whole number", value.dump()));
  }

  void check_count(std::size_t cases) {
    if (count_ && *count_ != static_cast<std::int64_t>(cases))
      add(fmt::format("\"numTraining\" is {}, but {} training cases are there", *count_, cases));
  }

  bool folders_are_there() {
    bool images = true;
    for (const char* const name : {"imagesTr", "labelsTr"})
      if (!fs::is_directory(folder_ / name)) {
        add("there is no such folder", name);
        images = images && std::string_view(name) != "imagesTr";
      }
    return images;
  }

  void check_cases(const std::vector<RawCase>& cases, int threads, bool show_progress) {
    std::vector<std::string> names;
    for (const RawCase& c : cases) names.push_back(c.name);
    std::vector<Findings> found(cases.size());
    MemoryBudget memory(available_memory() / 10 * 8);
    for_each_case(
        "check", names, threads,
        [&](std::size_t i) {
          const MemoryBudget::Share share(memory, reading_memory(cases[i]));
          try {
            found[i] = CaseCheck(cases[i], expected_, folder_).run();
          } catch (const std::bad_alloc&) {
            throw;
          } catch (const std::exception& error) {
            found[i].push_back({cases[i].name, "", error.what()});
          }
        },
        show_progress);
    for (Findings& each : found) findings_.insert(findings_.end(), each.begin(), each.end());
  }

  const fs::path folder_;
  Expected expected_;
  std::optional<std::int64_t> count_;
  Findings findings_;
};

}  // namespace

Findings check_dataset_integrity(const fs::path& folder, int threads, bool show_progress) {
  return DatasetCheck(folder).run(threads, show_progress);
}

std::string integrity_table(const Findings& findings) {
  Table table({"case", "file", "kind", "finding"});
  for (const IntegrityFinding& f : findings) table.add({f.name, f.file, f.warning ? "warning" : "error", f.problem});
  return table.text();
}

void require_dataset_integrity(const fs::path& folder, int threads, bool show_progress) {
  const Findings findings = check_dataset_integrity(folder, threads, show_progress);
  const auto errors = std::ranges::count_if(findings, [](const IntegrityFinding& f) { return !f.warning; });
  if (findings.empty()) {
    log::info(fmt::format("{}: no fault was found", folder.string()));
    return;
  }
  const std::string text =
      fmt::format("{}: {} findings\n{}", folder.string(), findings.size(), integrity_table(findings));
  if (errors == 0) {
    log::warn(text);
    return;
  }
  log::error(text);
  throw Error(folder.string(), fmt::format("{} faults were found in the dataset, see the table", errors),
              "mend them, then go on");
}

}  // namespace nnunet::v2
