#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/io/image_case.h"

/// Datasets laid out by the Brain Imaging Data Structure (BIDS): which of their files are an image's channels.
namespace nnunet {

/// What a file's name says: "sub-01_run-2_T1w".
struct BidsName {
  std::vector<std::pair<std::string, std::string>> entities;  ///< {"sub", "01"}, {"run", "2"}, as they stand there
  std::string suffix;                                         ///< "T1w"

  /// Empty: the name has no such entity.
  std::string entity(const std::string& key) const;
};
/// Nothing for names that are built otherwise. stem: without the ending.
std::optional<BidsName> bids_name(const std::string& stem);

/// Which files of a dataset are images.
struct BidsSelection {
  /// The suffix of each channel's files, in the network's order: "T1w". Entities before it tell files of one suffix
  /// apart: "ce-gadolinium_T1w"; a file belongs to the channel that names most of its entities.
  std::vector<std::string> channels;
  /// "run=1,2": only files that have the entity with one of these values; an empty value stands for files without it.
  /// sub and ses are entities, too.
  std::vector<std::string> filter;
};

/// The images of a dataset, session by session. A channel's only file goes with those of the other channels; where
/// there are more, files belong together whose entities (but sub, ses and those that a channel names) are equal, and
/// one that lacks some of them fits all values. A case's name is the path of its label map in a derivative, without the
/// ending: "sub-01/ses-a/anat/sub-01_ses-a_run-2_dseg". What cannot be told, or lacks a channel, is a case with a
/// problem; sessions without any of the channels are named in the log. Throws Error for what is no such dataset, a
/// selection that cannot be, or one that chooses nothing.
std::vector<ImageCase> list_bids_cases(const std::filesystem::path& dataset, const BidsSelection& selection);

}  // namespace nnunet
