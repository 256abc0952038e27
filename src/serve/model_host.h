#pragma once
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "batcher.h"
#include "infer_tensors.h"
#include "nnunet/serve/service.h"
#include "statistics.h"
#include "volume_queue.h"

namespace nnunet::serve {

/// A model that is in memory, and its threads.
struct LoadedModel {
  LoadedModel(const std::string& name, std::unique_ptr<ServedModel> loaded, const ServiceOptions& options,
              Statistics& patch_statistics, Statistics& volume_statistics);

  std::unique_ptr<ServedModel> model;
  const std::shared_ptr<const EntrySpec> patch, volume;
  Batcher batcher;
  VolumeQueue volumes;
};

/// A model by its name, loaded or not.
class ModelHost {
 public:
  ModelHost(ModelSource source, const ServiceOptions& options);

  const std::string& name() const { return source_.name; }
  const std::vector<dicom::Segment>& segments() const { return source_.segments; }
  /// Null when it is not loaded. Who keeps it keeps the model in memory.
  std::shared_ptr<LoadedModel> loaded() const;
  std::string state() const;   ///< "READY", "LOADING", "UNAVAILABLE"
  std::string reason() const;  ///< why it is not ready
  /// Also runs the network once. Throws what the source throws. May take long; from one thread at a time.
  void load();
  /// May take as long as the requests that are waiting.
  void unload();

  Statistics patch_statistics, volume_statistics;

 private:
  void set(const std::string& state, const std::string& reason, std::shared_ptr<LoadedModel> model);

  const ModelSource source_;
  const ServiceOptions& options_;
  mutable std::mutex mutex_;
  std::shared_ptr<LoadedModel> loaded_;
  std::string state_ = "UNAVAILABLE", reason_ = "not loaded yet";
};

/// What an entry's metadata and config answer (Triton's ModelMetadata and ModelConfig as JSON).
nlohmann::ordered_json entry_metadata(const EntrySpec& entry);
nlohmann::ordered_json entry_config(const EntrySpec& entry, const ServiceOptions& options);

}  // namespace nnunet::serve
