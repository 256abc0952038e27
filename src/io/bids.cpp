#include "nnunet/io/bids.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/io/nifti.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

using Entities = std::map<std::string, std::string>;

bool is_word(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '+'; });
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = 0; end != std::string::npos; start = end + 1) {
    end = text.find(at, start);
    parts.push_back(text.substr(start, end - start));
  }
  return parts;
}

std::string text_of(const Entities& entities) {
  std::string text;
  for (const auto& [key, value] : entities) text += fmt::format("{}{}-{}", text.empty() ? "" : "_", key, value);
  return text;
}

/// Whether b has all entities of a.
bool lies_within(const Entities& a, const Entities& b) {
  return std::ranges::all_of(a, [&](const auto& entity) {
    const auto found = b.find(entity.first);
    return found != b.end() && found->second == entity.second;
  });
}

class Filter {
 public:
  explicit Filter(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      const std::size_t at = word.find('=');
      if (at == std::string::npos || !is_word(word.substr(0, at)))
        throw Error("--bids_filter " + word, "is no ENTITY=VALUE",
                    "give for instance run=1, or acq= for files without");
      const auto list = split(word.substr(at + 1), ',');
      values_[word.substr(0, at)].insert(list.begin(), list.end());
    }
  }

  bool takes(const BidsName& name) const {
    return std::ranges::all_of(values_,
                               [&](const auto& rule) { return rule.second.contains(name.entity(rule.first)); });
  }

 private:
  std::map<std::string, std::set<std::string>> values_;
};

/// A file that a channel may take.
struct Candidate {
  fs::path path;
  BidsName name;
  std::string datatype;  ///< the folder that it lies in: "anat"
  Entities key;          ///< what tells it from others of its channel in the session
};

std::vector<fs::path> folders(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with(prefix) && !name.starts_with('.')) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

/// A subject's session, or the subject itself where it has none.
struct Session {
  fs::path folder;
  std::string subject, session;  ///< values of sub and ses

  fs::path place() const {
    const fs::path sub = "sub-" + subject;
    return session.empty() ? sub : sub / ("ses-" + session);
  }
};

std::vector<Session> sessions_of(const fs::path& dataset) {
  std::vector<Session> all;
  for (const fs::path& subject : folders(dataset, "sub-")) {
    const std::string sub = subject.filename().string().substr(4);
    const auto sessions = folders(subject, "ses-");
    if (folders(subject, "").size() > sessions.size() || sessions.empty()) all.push_back({subject, sub, ""});
    for (const fs::path& session : sessions) all.push_back({session, sub, session.filename().string().substr(4)});
  }
  return all;
}

/// The images of a session whose names say that they are its own.
std::vector<Candidate> images_of(const Session& session) {
  std::vector<Candidate> images;
  for (const fs::path& folder : folders(session.folder, "")) {
    if (folder.filename().string().starts_with("ses-")) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!is_nifti_name(entry.path())) continue;
      auto name = bids_name(nifti_stem(entry.path()));
      if (!name) continue;
      if (name->entity("sub") != session.subject || name->entity("ses") != session.session)
        log::warn(fmt::format("{}: is left out, its name is of another subject or session", entry.path().string()));
      else
        images.push_back({entry.path(), std::move(*name), folder.filename().string(), {}});
    }
  }
  std::ranges::sort(images, {}, &Candidate::path);
  return images;
}

class Channels {
 public:
  explicit Channels(const std::vector<std::string>& words) : words_(words) {
    for (const std::string& word : words) {
      const auto name = bids_name(word);
      if (!name) throw Error("--bids " + word, "is no suffix of BIDS", "give for instance T1w, or acq-post_T1w");
      names_.push_back(*name);
    }
    if (std::set<std::string>(words.begin(), words.end()).size() != words.size())
      throw Error("--bids", "names a channel twice", "tell them apart by their entities, as in acq-post_T1w");
  }

  /// Each channel's files.
  std::vector<std::vector<Candidate>> sort(std::vector<Candidate> images) const {
    std::vector<std::vector<Candidate>> chosen(names_.size());
    for (Candidate& image : images)
      if (const auto channel = channel_of(image.name)) {
        for (const auto& [key, value] : image.name.entities)
          if (key != "sub" && key != "ses" && names_[*channel].entity(key).empty()) image.key[key] = value;
        chosen[*channel].push_back(std::move(image));
      }
    return chosen;
  }

  const std::string& word(std::size_t channel) const { return words_[channel]; }

 private:
  std::optional<std::size_t> channel_of(const BidsName& image) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const BidsName& name = names_[i];
      const bool fits = name.suffix == image.suffix && std::ranges::all_of(name.entities, [&](const auto& entity) {
                          return image.entity(entity.first) == entity.second;
                        });
      if (fits && (!best || name.entities.size() > names_[*best].entities.size())) best = i;
    }
    return best;
  }

  std::vector<std::string> words_;
  std::vector<BidsName> names_;
};

using ChannelFiles = std::vector<std::vector<Candidate>>;

/// What tells a session's images apart: entities that some channel has several files of. Those that fit others, too,
/// come last.
std::vector<Entities> keys_of(const ChannelFiles& files) {
  std::vector<Entities> keys;
  for (const auto& channel : files)
    for (const Candidate& c : channel)
      if (channel.size() > 1 && std::ranges::find(keys, c.key) == keys.end()) keys.push_back(c.key);
  std::ranges::stable_sort(keys, std::ranges::greater(), &Entities::size);
  if (keys.empty()) keys.emplace_back();
  return keys;
}

/// The files of a channel that go with the key.
std::vector<const Candidate*> fitting(const std::vector<Candidate>& channel, const Entities& key, bool all_single) {
  std::vector<const Candidate*> same, within;
  for (const Candidate& c : channel) {
    if (c.key == key) same.push_back(&c);
    if (all_single || lies_within(c.key, key)) within.push_back(&c);
  }
  return same.empty() ? within : same;
}

/// Where its label map goes. Entities of the first channel, then those of the key that it lacks.
std::string output_name(const Session& session, const Candidate& first, const Entities& key) {
  std::string file;
  for (const auto& [entity, value] : first.name.entities) file += fmt::format("{}-{}_", entity, value);
  for (const auto& [entity, value] : key)
    if (first.name.entity(entity).empty()) file += fmt::format("{}-{}_", entity, value);
  // Other data types have no label maps in BIDS.
  const bool own = first.datatype == "dwi" || first.datatype == "func";
  return (session.place() / (own ? first.datatype : "anat") / (file + "dseg")).string();
}

/// DataLad leaves links to nowhere where a file's content was not fetched.
std::string problem_of(const Candidate& c) {
  std::error_code failure;
  if (fs::is_symlink(c.path, failure) && !fs::exists(c.path, failure))
    return c.path.string() + " is a link to a file that is not here (DataLad's are fetched by datalad get)";
  return "";
}

using Used = std::set<const Candidate*>;

ImageCase make_case(const Session& session, const Channels& channels, const ChannelFiles& files, const Entities& key,
                    Used& used) {
  const bool all_single = std::ranges::all_of(files, [](const auto& channel) { return channel.size() <= 1; });
  ImageCase c;
  const Candidate* first = nullptr;
  const auto refuse = [&](const std::string& problem) {
    if (c.problem.empty()) c.problem = problem;
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto found = fitting(files[i], key, all_single);
    if (found.empty()) {
      const std::string with = text_of(key);
      refuse(fmt::format("there is no {}{}{}", channels.word(i), with.empty() ? "" : " that goes with ", with));
      continue;
    }
    if (found.size() > 1)
      refuse(fmt::format("{} and {} could both be the channel {}: choose by --bids_filter",
                         found[0]->path.filename().string(), found[1]->path.filename().string(), channels.word(i)));
    refuse(problem_of(*found[0]));
    if (first == nullptr) first = found[0];
    used.insert(found.begin(), found.end());
    c.channels.push_back(found[0]->path);
  }
  if (first == nullptr) throw std::logic_error("a key without a file");
  c.name = output_name(session, *first, key);
  return c;
}

/// Each file goes into a case; one that goes with another's key needs none of its own.
std::vector<ImageCase> cases_of(const Session& session, const Channels& channels, const ChannelFiles& files) {
  std::vector<ImageCase> cases;
  Used used;
  for (const Entities& key : keys_of(files)) {
    const auto waits = [&](const Candidate& c) { return c.key == key && !used.contains(&c); };
    const bool needed =
        std::ranges::any_of(files, [&](const auto& channel) { return std::ranges::any_of(channel, waits); });
    if (needed || cases.empty()) cases.push_back(make_case(session, channels, files, key, used));
  }
  std::ranges::sort(cases, {}, &ImageCase::name);
  return cases;
}

/// Neither of two images of one label map is segmented.
void refuse_equal_names(std::vector<ImageCase>& cases) {
  std::map<std::string, ImageCase*> known;
  for (ImageCase& c : cases)
    if (const auto [other, first] = known.emplace(c.name, &c); !first) {
      c.problem = other->second->problem = "several images would have this label map: choose by --bids_filter";
    }
}

void require_dataset(const fs::path& dataset) {
  if (!fs::is_directory(dataset)) throw Error(dataset.string(), "is no folder", "--bids takes the dataset's folder");
  const fs::path description = dataset / "dataset_description.json";
  if (!fs::exists(description))
    throw Error(description.string(), "is missing, so this is no BIDS dataset",
                "give its top folder as --input, or segment a folder of images without --bids");
  if (!read_json(description).contains("BIDSVersion"))
    throw Error(description.string(), "has no BIDSVersion", "mend the dataset; the BIDS validator names what is wrong");
}

[[noreturn]] void nothing_chosen(const fs::path& dataset, const std::set<std::string>& suffixes) {
  const std::vector<std::string> names(suffixes.begin(), suffixes.end());
  throw Error(dataset.string(), "has no image that --bids and --bids_filter choose",
              names.empty() ? "it holds no NIfTI image with a name of BIDS: sub-01/anat/sub-01_T1w.nii.gz"
                            : "its images have these suffixes: " + some_names(names));
}

}  // namespace

std::string BidsName::entity(const std::string& key) const {
  const auto found = std::ranges::find(entities, key, &std::pair<std::string, std::string>::first);
  return found == entities.end() ? "" : found->second;
}

std::optional<BidsName> bids_name(const std::string& stem) {
  auto parts = split(stem, '_');
  BidsName name;
  name.suffix = parts.back();
  parts.pop_back();
  if (!is_word(name.suffix)) return std::nullopt;
  for (const std::string& part : parts) {
    const std::size_t at = part.find('-');
    if (at == std::string::npos || !is_word(part.substr(0, at)) || !is_word(part.substr(at + 1))) return std::nullopt;
    if (!name.entity(part.substr(0, at)).empty()) return std::nullopt;
    name.entities.emplace_back(part.substr(0, at), part.substr(at + 1));
  }
  return name;
}

std::vector<ImageCase> list_bids_cases(const fs::path& dataset, const BidsSelection& selection) {
  require_dataset(dataset);
  const Channels channels(selection.channels);
  const Filter filter(selection.filter);
  std::vector<ImageCase> cases;
  std::vector<std::string> without;
  std::set<std::string> suffixes;
  for (const Session& session : sessions_of(dataset)) {
    auto images = images_of(session);
    for (const Candidate& image : images) suffixes.insert(image.name.suffix);
    std::erase_if(images, [&](const Candidate& image) { return !filter.takes(image.name); });
    const ChannelFiles files = channels.sort(std::move(images));
    if (std::ranges::all_of(files, [](const auto& channel) { return channel.empty(); })) {
      without.push_back(session.place().string());
      continue;
    }
    for (ImageCase& c : cases_of(session, channels, files)) cases.push_back(std::move(c));
  }
  if (cases.empty()) nothing_chosen(dataset, suffixes);
  if (!without.empty() && selection.filter.empty())
    log::warn(fmt::format("no image that --bids names in {}", some_names(without)));
  refuse_equal_names(cases);
  return cases;
}

}  // namespace nnunet
