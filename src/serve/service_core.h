#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api_keys.h"
#include "infer_tensors.h"
#include "model_host.h"
#include "nnunet/serve/service.h"
#include "task_thread.h"

namespace nnunet::serve {

inline constexpr const char* volume_suffix = "_volume";

/// What can be asked for by name: a model's network, or its volumes.
struct Entry {
  ModelHost* host;
  bool volume;
  std::string name() const { return host->name() + (volume ? volume_suffix : ""); }
  const Statistics& statistics() const { return volume ? host->volume_statistics : host->patch_statistics; }
};

/// An entry whose model is in memory. Not to be kept until an answer: who lets go of a model last waits for its
/// threads.
struct OpenEntry {
  std::shared_ptr<LoadedModel> model;
  bool volume;
  const std::shared_ptr<const EntrySpec>& spec() const { return volume ? model->volume : model->patch; }
};

/// A line of the repository's index.
struct IndexedEntry {
  std::string name, state, reason;  ///< reason: why it is not ready, else empty
};

/// A line of the access log.
struct Access {
  std::string protocol;  ///< "http", "grpc"
  std::string remote, method, path, agent;
  int status = 200;  ///< in HTTP's numbers
  std::size_t bytes_in = 0, bytes_out = 0;
  double seconds = 0;
};

/// The server whatever protocol it is spoken to by: models, inference, limits, keys, counts. Thread-safe. Its functions
/// throw HttpError, of which each front end makes an answer of its own.
class ServiceCore {
 public:
  ServiceCore(ServiceOptions options, std::vector<ModelSource> models);
  /// Cancels volumes; finishes what is running.
  ~ServiceCore();

  const ServiceOptions& options() const { return options_; }
  void set_draining() { draining_ = true; }
  bool ready() const;
  static const std::vector<std::string>& extensions();
  /// Throws HttpError(401) unless the server asks for no key or one of these is right.
  void require_key(const std::string& api_key, const std::string& authorization) const;

  std::deque<ModelHost>& hosts() { return hosts_; }
  std::vector<Entry> entries();
  /// Throws HttpError(404). version: "1", or empty.
  Entry find(const std::string& name, const std::string& version = {});
  bool ready(const Entry& entry) const;
  std::vector<IndexedEntry> index(bool only_ready);
  /// Throws HttpError(503).
  static OpenEntry open(const Entry& entry);

  /// Both entries of a model. done is called once, from another thread, with what went wrong.
  using Done = std::function<void(std::exception_ptr failure)>;
  void load(const std::string& name, Done done);
  void unload(const std::string& name, Done done);
  /// A client may not say what is loaded: no configuration, no files.
  static HttpError no_load_parameters();

  /// Queues what InferRequestBuilder checked, or throws HttpError(429). watch cancels it. done is called from another
  /// thread, with the outputs in the entry's order or what went wrong; when it throws it is called again with that.
  using InferDone = std::function<void(std::vector<OutputTensor> outputs, std::exception_ptr failure)>;
  void infer(const OpenEntry& entry, std::vector<InputTensor> inputs, std::shared_ptr<SegmentWatch> watch,
             InferDone done);
  /// Queues a volume that somebody waits for, as infer does; task.done gets 504 where it took too long.
  void segment(LoadedModel& model, VolumeTask task);
  /// Queues a volume that nobody waits for: it may take as long as it likes.
  static void segment_later(LoadedModel& model, VolumeTask task);

  /// Counts it and writes the line.
  void finished(const Access& access);
  /// Adds to each metric's lines in Prometheus' format.
  void add_metrics(std::map<std::string, std::string>& lines);

 private:
  void change(const Entry& entry, void (ModelHost::*what)(), Done done);

  const ServiceOptions options_;
  const ApiKeys keys_;
  std::atomic<bool> draining_{false};
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> responses_;  ///< by protocol and status
  std::deque<ModelHost> hosts_;                                     ///< after what their work uses
  TaskThread admin_;                                                ///< loads and unloads
};

}  // namespace nnunet::serve
