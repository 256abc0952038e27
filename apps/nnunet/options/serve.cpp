#include "serve.h"

#include "dicom_seg.h"
#include "shared_options.h"

namespace nnunet::app {
namespace {

Group server_group(ServeFlags& flags) {
  return {
      "Server",
      {
          model(flags.models)
              .described("NAME=CHECKPOINT, or NAME=MODEL of nnU-Net v2 (folder, zip); several of one NAME (folds) "
                         "are averaged")
              .must_be_given(),
          labels_json(flags.labels_json)
              .described(
                  "NAME=FILE: names, SNOMED codes and colours of a model's labels in DICOM objects (see dicom-seg)")
              .by_default("the model's names"),
          listen_host(flags.http.host),
          listen_port(flags.http.port),
          option("--grpc_port", flags.grpc_port, "The same over gRPC; 0: any that is free; -1: no gRPC")
              .between(-1, 65535),
          option("--api_keys", flags.api_keys, "File of keys, one a line, of which clients must give one"),
          option("--page", flags.page, "Folder of the page at /").by_default("the one beside the program; '': no page"),
          certificate(flags.http.certificate),
          private_key(flags.http.key),
          option("--access_log", flags.access_log, "File for a JSON line a request").by_default("stderr"),
      }};
}

Group limit_group(ServeFlags& flags) {
  serve::ServiceOptions& service = flags.service;
  return {
      "Limits",
      {
          max_batch(service.max_batch),
          time_option<std::chrono::microseconds>("--batch_delay_us", service.batch_delay,
                                                 "Microseconds that a patch waits for others")
              .not_negative()
              .in("us"),
          option("--max_queue", service.max_queue, "Patch requests that may wait, for each model; further ones get 429")
              .positive(),
          option("--max_volumes", service.max_volumes, "Volumes that may wait, for each model; further ones get 429")
              .positive(),
          scaled_option("--max_request_mib", flags.http.max_request_bytes, std::size_t{1} << 20,
                        "Size of a request's body; of all together four times as much")
              .positive()
              .in("MiB"),
          scaled_option("--max_volume_gib", service.volume_bytes, std::int64_t{1} << 30,
                        "Memory that one volume may take, resampled")
              .positive()
              .in("GiB"),
          option("--max_connections", flags.http.max_connections, "Connections at a time").positive(),
          timeout(service.timeout).described("Seconds that a request may wait, or a volume take unless it is a job"),
          drain_time(flags.drain),
      }};
}

}  // namespace

Command serve_command(ServeFlags& flags) {
  return {
      .name = "serve",
      .summary =
          "Answer requests over HTTP (KServe v2 / Triton protocol, NIfTI files, DICOM series) with models kept in "
          "memory",
      .groups = {server_group(flags),
                 limit_group(flags),
                 {"Inference", joined({{gpus(flags.compute.gpus), engine(flags.compute.engine)},
                                       precision_options(flags.compute),
                                       sliding_options(flags.windows)})},
                 {"Models of nnU-Net v2", joined({fold_options(flags.trained), v2_window_options(flags.windows)})}},
      .examples = {{.line = "nnunet serve --model heart=results/checkpoints/best.ckpt",
                    .says = "Then open http://127.0.0.1:8000; SIGTERM ends it when running requests are answered"}},
  };
}

}  // namespace nnunet::app
