#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/dicom/codes.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/served_model.h"

namespace nnunet::serve {

/// A model by the name that clients use, and how it is loaded. load may throw Error.
struct ModelSource {
  std::string name;  ///< letters, digits, '_', '-', '.'; not ending in "_volume"
  std::function<std::unique_ptr<ServedModel>()> load;
  std::vector<dicom::Segment> segments = {};  ///< what its labels are in DICOM objects; empty: by the model's names
};

struct ServiceOptions {
  std::int64_t max_batch = 8;                  ///< patches a run of the network
  std::chrono::microseconds batch_delay{500};  ///< that the first patch of a batch waits for more
  std::size_t max_queue = 64;                  ///< patch requests that wait, for each model
  std::size_t max_volumes = 16;                ///< volumes that wait, for each model
  std::chrono::milliseconds timeout{300000};   ///< for a request's waiting, and for a volume that a client waits for
  std::int64_t volume_bytes = std::int64_t{16} << 30;     ///< of memory that segmenting one volume may take
  std::int64_t volume_voxels = std::int64_t{1} << 29;     ///< of one image, over all channels
  std::size_t max_jobs = 64;                              ///< finished ones that are kept
  std::chrono::seconds job_ttl{3600};                     ///< how long
  std::vector<std::string> api_keys = {};                 ///< empty: nobody is asked for one
  std::filesystem::path page = {};                        ///< folder of the page at /; empty: no page
  std::function<void(std::string_view)> access_log = {};  ///< takes a JSON line a request; thread-safe
};

class ServiceCore;

/// The header of an answer that says what of a DICOM study was left out or repaired.
inline constexpr const char* warning_header = "Nnunet-Warnings";

/// What the server answers. As a handler of HTTP: the KServe v2 (Triton) protocol with binary tensors, /v1/segment,
/// /v1/image, /v1/jobs, /metrics, the page at / (its files need no key); by a GrpcServer: the same protocol over gRPC.
/// Each model has two entries: NAME (patches in, logits out, batched over requests) and NAME_volume (a volume and its
/// spacing in, a label map out).
class Service final : public HttpHandler {
 public:
  /// Loads the models and runs each once. Throws Error for bad names and what load throws.
  Service(ServiceOptions options, std::vector<ModelSource> models);
  /// Ends jobs; finishes what is running.
  ~Service() override;

  /// From now on not ready, so that balancers send requests elsewhere.
  void set_draining();

  /// What the front ends stand on.
  ServiceCore& core();

  std::optional<HttpResponse> refuse(const HttpRequest& head) override;
  void handle(HttpRequest request, Respond respond) override;
  void finished(const HttpRequest& head, int status, std::size_t bytes_in, std::size_t bytes_out,
                double seconds) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// One key a line; empty lines and lines that begin with '#' are left out. Throws Error when there is none.
std::vector<std::string> read_api_keys(const std::filesystem::path& path);

}  // namespace nnunet::serve
