#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "nnunet/client/model_server.h"

namespace nnunet {

/// The user wants no more.
struct Stopped {};

/// What a job tells and asks while it waits.
struct JobWatch {
  std::chrono::steady_clock::time_point deadline;
  std::function<bool()> stop;
  std::function<void(double)> progress;  ///< 0 to 1
};

/// What is sent: a NIfTI file, or a form with one for each channel, or with the files of DICOM series.
struct RemoteImage {
  std::string body;
  std::string content_type = "application/octet-stream";
  std::string query = {};  ///< "&name=value"..: what is wanted of it
};

/// What comes back.
struct RemoteLabels {
  std::string file;
  std::string warnings;  ///< of the server, about the image; may be empty
};

/// Segments one image as a job of the server's; returns the label map. A broken connection is tried again a
/// few times. Throws Error when the server refuses or fails, or the deadline passes, Stopped when it is to stop: the
/// server's job is cancelled then.
RemoteLabels run_remote_job(ModelServer& server, const std::string& model, const RemoteImage& image,
                            const JobWatch& watch);

}  // namespace nnunet
