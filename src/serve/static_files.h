#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// The files of the page in memory: no request opens anything.
class StaticFiles {
 public:
  /// Reads what lies in the folder itself and is of a known kind (.html .css .js .svg .png .txt). Empty path: no files.
  /// Throws Error when the folder cannot be read.
  explicit StaticFiles(const std::filesystem::path& folder);

  bool empty() const { return files_.empty(); }
  /// Compressed for clients that take it; 304 for those that have it. Throws HttpError (404).
  HttpResponse answer(const HttpRequest& request, const std::string& name) const;

 private:
  struct Form {
    std::string body, tag;  ///< tag: ETag, with its quotes
  };
  struct File {
    std::string type;
    Form plain, packed;  ///< packed: empty where it would not be smaller
  };
  std::map<std::string, File> files_;
};

}  // namespace nnunet::serve
