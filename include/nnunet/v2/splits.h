#pragma once
#include <filesystem>
#include <string>
#include <vector>

/// Which cases a fold trains on and which it validates on (contract-v2-plan, section 7).
namespace nnunet::v2 {

inline constexpr const char* kSplitsFile = "splits_final.json";

/// Names of cases.
struct Split {
  std::vector<std::string> train, val;
  bool operator==(const Split&) const = default;
};

/// Throws Error (file, fold, remedy) for what is no list of {"train": [..], "val": [..]}.
std::vector<Split> read_splits(const std::filesystem::path& file);
/// As nnU-Net writes them. Atomic.
void write_splits(const std::filesystem::path& file, const std::vector<Split>& splits);

/// scikit-learn's KFold(5, shuffle, seed 12345) over the sorted names. Throws Error for fewer than 5 cases.
std::vector<Split> five_fold_splits(std::vector<std::string> cases);

/// splits_final.json of $nnUNet_preprocessed/DATASET; where there is none, it is made for these cases and written.
std::vector<Split> read_or_make_splits(const std::filesystem::path& folder, const std::vector<std::string>& cases);

/// fold: a number, or "all": every case is both. A number beyond the splits is a random split of its own, 80 : 20, in
/// the order in which it is drawn. A case in both lists is warned about. Throws Error (subject: file): no such fold,
/// one without training or validation cases, a case that is not among `cases`.
Split fold_of(const std::vector<Split>& splits, const std::string& fold, std::vector<std::string> cases,
              const std::string& file = kSplitsFile);

/// Both: the split of a fold; "all" reads and makes no file.
Split split_of_fold(const std::filesystem::path& folder, const std::string& fold,
                    const std::vector<std::string>& cases);

/// Throws Error unless the file's first folds have the same cases as the raw dataset's splits.
void require_same_splits(const std::filesystem::path& raw, const std::filesystem::path& file);

}  // namespace nnunet::v2
