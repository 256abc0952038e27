#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/client/model_server.h"
#include "nnunet/dicom/object.h"

namespace nnunet {

struct RemoteSegmentationOptions {
  ServerAddress server;
  std::string model;
  std::filesystem::path input, output;      ///< as ImagePredictionOptions
  bool overwrite = false;                   ///< existing outputs are made anew, whoever made them
  int jobs = 1;                             ///< images at the server at a time
  std::chrono::seconds timeout{3600};       ///< for one image, from its reading to its label map
  std::vector<std::string> cases{};         ///< only these, of which none may be missing; empty: all
  std::function<bool()> stop{};             ///< asked now and then, from any thread: true ends it as soon as possible
  std::vector<std::string> dicom_series{};  ///< UIDs, or "all": as choose_series
  std::optional<dicom::ObjectType> dicom_seg{};  ///< label maps of DICOM series as objects; none: NIfTI
  bool anonymous = false;                        ///< of objects: ObjectOptions::anonymous
};

struct RemoteSegmentationResult {
  std::int64_t segmented = 0, kept = 0, failed = 0;
  bool stopped = false;
};

/// Has a server segment images and saves the label maps, byte for byte those of predict_images. Each image is a job of
/// the server's, so that its progress is known; a server that is too busy is asked again when it says. Label maps that
/// are there are kept or made anew as by predict_images. DICOM series are found and checked here, and their files sent.
/// A case that fails is reported and left out. Throws Error when the server cannot be reached or has no such model, for
/// paths as predict_images does.
RemoteSegmentationResult segment_images(const RemoteSegmentationOptions& options);

}  // namespace nnunet
