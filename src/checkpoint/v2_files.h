#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "byte_source.h"
#include "nnunet/checkpoint/v2_model.h"

namespace nnunet::v2_files {

/// A model's files, wherever they lie. Names are relative to the model folder, with '/'.
struct ModelFiles {
  std::string name;  ///< the model, for messages
  std::vector<std::string> names;
  std::function<std::shared_ptr<const ByteSource>(const std::string&)> open;
  std::vector<std::string> default_folds = {};  ///< those of a fold folder: itself

  bool has(const std::string& file) const;
  std::string text(const std::string& file) const;
  /// Where a file is, for messages.
  std::string place(const std::string& file) const;
};

/// The files of a model or fold folder, of a zip. Nothing for a checkpoint alone. Throws Error.
std::optional<ModelFiles> find(const std::filesystem::path& path);
/// The same of a file's bytes: a zip of a model. Nothing for a checkpoint, and for what is no zip.
std::optional<ModelFiles> find(const std::shared_ptr<const ByteSource>& bytes);

/// Whether there is a file there that ends so, or what stands before the last ':' is one: a zip, and what is inside.
bool is_zip(const std::filesystem::path& path);

/// Of names such as "fold_0/checkpoint_final.pth".
std::vector<V2FoldFiles> folds_of(const ModelFiles& files);

/// The text of the licence beside the plans; empty: there is none.
std::string licence_of(const ModelFiles& files);

}  // namespace nnunet::v2_files
