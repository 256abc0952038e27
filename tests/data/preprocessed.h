#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/io/atomic_file.h"
#include "nnunet/io/npy.h"
#include "reference/shared.h"

namespace nnunet::test {

/// Writes preprocessed folders for the tests.
class FolderWriter {
 public:
  explicit FolderWriter(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path& path() const { return path_; }

  /// cases: names for config.json (may be empty).
  void config(const std::string& patch, int n_class, int channels, const std::vector<std::string>& cases = {}) const {
    const std::string spacings = patch.find(',') == patch.rfind(',') ? "[1,1]" : "[1,1,1]";
    std::string listed;
    for (const auto& name : cases) listed += fmt::format("{}{{\"name\":\"{}\"}}", listed.empty() ? "" : ",", name);
    if (!cases.empty()) listed = fmt::format(",\"cases\":[{}]", listed);
    write_text(path_ / "config.json",
               fmt::format("{{\"patch_size\":[{}],\"spacings\":{},\"n_class\":{},\"in_channels\":{}{}}}", patch,
                           spacings, n_class, channels, listed));
  }

  void image(const std::string& name, const Array<float>& x) const { write_npy(path_ / (name + "_x.npy"), x); }
  void label(const std::string& name, const Array<std::uint8_t>& y) const { write_npy(path_ / (name + "_y.npy"), y); }

  /// image(c,z,y,x) and label(z,y,x) by formula.
  template <class ImageAt, class LabelAt>
  void made(const std::string& name, std::int64_t channels, const Shape3& size, const ImageAt& image_at,
            const LabelAt& label_at) const {
    Array<float> x({channels, size[0], size[1], size[2]});
    Array<std::uint8_t> y({1, size[0], size[1], size[2]});
    std::size_t i = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t d = 0; d < size[0]; ++d) {
        for (std::int64_t h = 0; h < size[1]; ++h) {
          for (std::int64_t w = 0; w < size[2]; ++w, ++i) {
            x.values[i] = static_cast<float>(image_at(c, d, h, w));
            if (c == 0) y.values[i] = static_cast<std::uint8_t>(label_at(d, h, w));
          }
        }
      }
    }
    image(name, x);
    label(name, y);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace nnunet::test
