#include "v2_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "zip_reader.h"

namespace nnunet::v2_files {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPlans = "plans.json", *kDataset = "dataset.json", *kFold = "fold_", *kCheckpoint = ".pth";
constexpr std::uint64_t kMostLicence = limits::mebi;

/// "a/b.pth" -> "a", "b.pth".
std::pair<std::string, std::string> split(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? std::pair(std::string(), name)
                                    : std::pair(name.substr(0, slash), name.substr(slash + 1));
}

bool is_fold_checkpoint(const std::string& name) {
  const auto [folder, file] = split(name);
  return folder.starts_with(kFold) && folder.find('/') == std::string::npos && file.ends_with(kCheckpoint);
}

/// Entries of a folder in the order of their names.
std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code failure;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure))
    found.push_back(it->path());
  if (failure) throw Error(folder.string(), failure.message(), "check the folder and its permissions");
  std::ranges::sort(found);
  return found;
}

ModelFiles files_of_folder(const fs::path& folder) {
  ModelFiles files{folder.string(), {}, [folder](const std::string& name) { return open_bytes(folder / name); }};
  for (const fs::path& entry : entries(folder)) {
    const std::string name = entry.filename().string();
    if (fs::is_regular_file(entry)) files.names.push_back(name);
    if (!name.starts_with(kFold) || !fs::is_directory(entry)) continue;
    for (const fs::path& file : entries(entry))
      if (file.extension() == kCheckpoint) files.names.push_back(name + "/" + file.filename().string());
  }
  return files;
}

/// A name that would not stay in the folder into which the zip is unpacked.
bool leaves_folder(const std::string& name) {
  if (name.starts_with('/') || name.find('\\') != std::string::npos || name.find('\0') != std::string::npos)
    return true;
  return std::ranges::any_of(fs::path(name), [](const fs::path& part) { return part == ".."; });
}

/// Folders with plans.json, dataset.json and a fold's checkpoint.
std::vector<std::string> models_in(const ZipReader& zip) {
  std::set<std::string> folders;
  for (const std::string& name : zip.names())
    if (const auto [folder, file] = split(name);
        file == kPlans && zip.has(folder.empty() ? kDataset : folder + "/" + kDataset))
      folders.insert(folder);
  std::erase_if(folders, [&](const std::string& folder) {
    const std::string start = folder.empty() ? "" : folder + "/";
    return std::ranges::none_of(zip.names(), [&](const std::string& name) {
      return name.starts_with(start) && is_fold_checkpoint(name.substr(start.size()));
    });
  });
  return {folders.begin(), folders.end()};
}

/// The zip and what is chosen in it.
std::pair<fs::path, std::string> split_zip(const fs::path& path) {
  if (fs::exists(path)) return {path, ""};
  const std::string text = path.string();
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {path, ""};
  std::string inside = text.substr(colon + 1);
  while (inside.ends_with('/')) inside.pop_back();
  return {text.substr(0, colon), inside};
}

std::string choose(const std::vector<std::string>& models, const std::string& wanted, const std::string& zip) {
  const auto listed = [&] { return fmt::format("{}", fmt::join(models, ", ")); };
  if (models.empty())
    throw Error(zip, "it holds no model of nnU-Net v2 (no folder with plans.json, dataset.json and fold_*/*.pth)",
                "give a zip that nnUNetv2_export_model_to_zip wrote");
  if (wanted.empty() && models.size() == 1) return models.front();
  if (wanted.empty())
    throw Error(zip, fmt::format("it holds several models: {}", listed()),
                fmt::format("choose one: {}:{}", zip, models.front()));
  std::vector<std::string> fitting;
  for (const std::string& model : models)
    if (model == wanted || split(model).second == wanted) fitting.push_back(model);
  if (fitting.size() != 1)
    throw Error(zip,
                fmt::format("it holds {} model {}, but {}", fitting.empty() ? "no" : "more than one", wanted, listed()),
                "choose one of these");
  return fitting.front();
}

bool is_zip(const ByteSource& bytes) {
  std::array<std::byte, 2> letters{};
  if (bytes.size() >= letters.size()) bytes.read(0, letters);
  return letters == std::array{std::byte{'P'}, std::byte{'K'}};
}

ModelFiles files_of_zip(const std::shared_ptr<const ZipReader>& zip, const std::string& file,
                        const std::string& wanted) {
  for (const std::string& name : zip->names())
    if (leaves_folder(name))
      throw Error(file, fmt::format("the entry \"{}\" would leave the folder into which it is unpacked", name),
                  "do not use this file");
  const std::string model = choose(models_in(*zip), wanted, file);
  const std::string start = model.empty() ? "" : model + "/";
  ModelFiles files{
      fmt::format("{}:{}", file, model), {}, [zip, start](const std::string& name) { return zip->open(start + name); }};
  for (const std::string& name : zip->names())
    if (name.starts_with(start) && name.size() > start.size() && !name.ends_with('/'))
      files.names.push_back(name.substr(start.size()));
  return files;
}

ModelFiles files_of_zip(const fs::path& path) {
  const auto [file, wanted] = split_zip(path);
  const std::shared_ptr<const ByteSource> bytes = open_bytes(file);
  if (!is_zip(*bytes)) throw Error(file.string(), "this is no zip archive", "copy or download the file again");
  return files_of_zip(std::make_shared<const ZipReader>(bytes), file.string(), wanted);
}

/// torch.save writes zips, too.
bool is_torch_file(const ZipReader& zip) {
  return std::ranges::any_of(zip.names(), [](const std::string& name) { return split(name).second == "data.pkl"; });
}

/// Numbers before words, by their value.
std::pair<std::int64_t, std::string> fold_order(const std::string& name) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == name.data() + name.size();
  return {whole ? number : std::numeric_limits<std::int64_t>::max(), name};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

bool ModelFiles::has(const std::string& file) const {
  return std::ranges::find(names, file) != names.end();
}

std::string ModelFiles::place(const std::string& file) const {
  return name + "/" + file;
}

std::string ModelFiles::text(const std::string& file) const {
  if (!has(file))
    throw Error(name, fmt::format("it lacks {}", file),
                "give the folder that nnU-Net v2 wrote when it trained the model");
  const auto bytes = open(file);
  if (bytes->size() > limits::json_bytes) throw Error(place(file), "the file has an absurd size", "use another model");
  std::string text(bytes->size(), '\0');
  bytes->read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

bool is_zip(const fs::path& path) {
  const fs::path file = split_zip(path).first;
  return lower(file.extension().string()) == ".zip" && fs::is_regular_file(file);
}

std::optional<ModelFiles> find(const fs::path& path) {
  if (is_zip(path)) return files_of_zip(path);
  if (!fs::is_directory(path)) return std::nullopt;
  const fs::path whole = fs::absolute(path / "").parent_path();
  const std::string name = whole.filename().string();
  if (!name.starts_with(kFold) || fs::exists(path / kPlans)) return files_of_folder(path);
  if (!fs::exists(whole.parent_path() / kPlans)) return std::nullopt;
  ModelFiles files = files_of_folder(whole.parent_path());
  files.default_folds = {name.substr(std::string(kFold).size())};
  return files;
}

std::optional<ModelFiles> find(const std::shared_ptr<const ByteSource>& bytes) {
  if (!is_zip(*bytes)) return std::nullopt;
  const auto zip = std::make_shared<const ZipReader>(bytes);
  if (is_torch_file(*zip)) return std::nullopt;
  return files_of_zip(zip, bytes->name(), {});
}

std::vector<V2FoldFiles> folds_of(const ModelFiles& files) {
  std::map<std::string, std::vector<std::string>> by_fold;
  for (const std::string& name : files.names) {
    if (!is_fold_checkpoint(name)) continue;
    const auto [folder, file] = split(name);
    by_fold[folder.substr(std::string(kFold).size())].push_back(file);
  }
  std::vector<V2FoldFiles> folds;
  for (auto& [name, checkpoints] : by_fold) {
    std::ranges::sort(checkpoints);
    folds.push_back({name, std::move(checkpoints)});
  }
  std::ranges::sort(folds, {}, [](const V2FoldFiles& fold) { return fold_order(fold.name); });
  return folds;
}

std::string licence_of(const ModelFiles& files) {
  for (const std::string& name : files.names) {
    const std::string bare = lower(name);
    if (bare.find('/') != std::string::npos) continue;
    const std::string stem = bare.substr(0, bare.find('.')), ending = bare.substr(stem.size());
    if ((stem != "license" && stem != "licence") || (ending != "" && ending != ".txt" && ending != ".md")) continue;
    const auto bytes = files.open(name);
    if (bytes->size() <= kMostLicence) return files.text(name);
  }
  return {};
}

}  // namespace nnunet::v2_files
