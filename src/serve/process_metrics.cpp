#include "process_metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

namespace nnunet::serve {
namespace {

struct Description {
  const char *name, *type, *help;
};
constexpr Description descriptions[] = {
    {"nv_inference_request_success", "counter", "Requests answered with a result"},
    {"nv_inference_request_failure", "counter", "Requests that failed after they were taken"},
    {"nv_inference_count", "counter", "Patches or volumes inferred"},
    {"nv_inference_exec_count", "counter", "Runs of the network over a batch, or volumes"},
    {"nv_inference_request_duration_us", "counter", "Microseconds from a request's arrival to its result"},
    {"nv_inference_queue_duration_us", "counter", "Microseconds that requests waited"},
    {"nv_inference_compute_input_duration_us", "counter", "Microseconds to make inputs ready"},
    {"nv_inference_compute_infer_duration_us", "counter", "Microseconds in the network"},
    {"nv_inference_compute_output_duration_us", "counter", "Microseconds to make outputs ready"},
    {"nnunet_request_refused", "counter", "Requests answered 429 because too many waited"},
    {"nnunet_request_seconds", "histogram", "Seconds from a request's arrival to its result"},
    {"nnunet_queue_length", "gauge", "Requests that wait"},
    {"nnunet_jobs", "gauge", "Jobs by state"},
    {"nnunet_http_responses_total", "counter", "Answers by HTTP status"},
    {"nnunet_grpc_responses_total", "counter", "Answers over gRPC, by the status that HTTP would have"},
    {"process_resident_memory_bytes", "gauge", "Memory of the server"},
};

std::string resident_memory() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return fmt::format("process_resident_memory_bytes {}\n", resident * sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string metrics_text(std::map<std::string, std::string> lines) {
  lines["process_resident_memory_bytes"] = resident_memory();
  std::string text;
  for (const Description& d : descriptions)
    if (const auto found = lines.find(d.name); found != lines.end())
      text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", d.name, d.help, d.type, found->second);
  return text;
}

}  // namespace nnunet::serve
