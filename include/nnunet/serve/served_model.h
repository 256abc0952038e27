#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/core/cancelled.h"
#include "nnunet/io/config.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/label_names.h"

namespace nnunet::serve {

using nnunet::Cancelled;

/// What who waits for a volume (or a patch) and who works on it tell each other. Thread-safe.
struct SegmentWatch {
  std::atomic<double> progress{0};  ///< 0 to 1
  std::atomic<bool> cancelled{false};
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  /// Throws Cancelled when it is, or the deadline has passed.
  void check() const {
    if (cancelled || std::chrono::steady_clock::now() > deadline) throw Cancelled();
  }
};

/// What goes into a model and comes out of it, for people and for who reads their files.
struct ModelDescription {
  std::vector<NamedValue> structures = {};  ///< values of its label maps but the background's, ascending
  bool regions = false;                     ///< the logits are those of regions, a structure may be several of them
  std::vector<std::string> channels = {};   ///< names; empty: not known
  /// How its images are read. They come as NIfTI files whatever the ending.
  ImageFormat format = {};
};

/// A trained network as the server sees it; the server itself knows no torch.
class ServedModel {
 public:
  virtual ~ServedModel() = default;

  /// Of the bare network: patch, channels, outputs (n_class, which for regions are not the values of label maps).
  virtual const DataConfig& data() const = 0;
  /// By default that every output but the first is a structure.
  virtual ModelDescription description() const;

  /// Everything that changes its label maps beyond rounding (networks, options), as JSON; empty where that is not
  /// known.
  virtual std::string made_with() const { return {}; }

  /// Patches (n,C,spatial) to logits (n,K,spatial), both float32 and contiguous, the latter of the right size already.
  /// From one thread at a time, beside segment from another.
  virtual void forward(std::int64_t n, const float* x, float* logits) = 0;

  /// A whole image, on its file's axes, to a label map in its own geometry, as `nnunet predict` does it. Throws Error
  /// for an image that cannot be segmented, Cancelled as watch.check().
  virtual LabelMap segment(const std::string& name, Image image, SegmentWatch& watch) = 0;

  /// Most bytes that segmenting such an image takes beside the network (an upper bound).
  virtual std::int64_t memory(const NiftiInfo& image) const = 0;
};

}  // namespace nnunet::serve
