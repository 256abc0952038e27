#pragma once
#include <chrono>
#include <optional>

#include "command.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/serve/grpc_server.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/service.h"

namespace nnunet::app {

struct ServeFlags {
  std::vector<std::string> models;       ///< NAME=CKPT
  std::vector<std::string> labels_json;  ///< NAME=FILE
  ComputeOptions compute;
  SlidingOptions windows;
  TrainedModel trained;  ///< folds and checkpoint of nnU-Net v2's models
  serve::HttpOptions http;
  std::int64_t grpc_port = serve::GrpcOptions{}.port;  ///< -1: no gRPC
  serve::ServiceOptions service;
  std::chrono::milliseconds drain{30000};  ///< for running requests after SIGTERM
  std::filesystem::path api_keys, access_log;
  std::optional<std::filesystem::path> page;  ///< empty path: no page
};

Command serve_command(ServeFlags& flags);

}  // namespace nnunet::app
