#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "nnunet/benchmark/serve_load.h"
#include "nnunet/core/log.h"
#include "nnunet/core/table.h"

namespace nnunet {
namespace {

/// A column of both tables; keys are those of the report's figures.
struct Column {
  const char *title, *csv, *key;
};
constexpr std::array<Column, 13> kColumns{{{"img/s", "Inferences/Second", "throughput_serve"},
                                           {"mean ms", "avg latency (ms)", "latency_serve_mean"},
                                           {"50 %", "p50 latency (ms)", "latency_serve_50"},
                                           {"90 %", "p90 latency (ms)", "latency_serve_90"},
                                           {"95 %", "p95 latency (ms)", "latency_serve_95"},
                                           {"99 %", "p99 latency (ms)", "latency_serve_99"},
                                           {"send", "Client Send (ms)", "client_send_ms"},
                                           {"network+server", "Network+Server Send/Recv (ms)", "network_server_ms"},
                                           {"queue", "Server Queue (ms)", "server_queue_ms"},
                                           {"input", "Server Compute Input (ms)", "server_compute_input_ms"},
                                           {"infer", "Server Compute Infer (ms)", "server_compute_infer_ms"},
                                           {"output", "Server Compute Output (ms)", "server_compute_output_ms"},
                                           {"receive", "Client Recv (ms)", "client_receive_ms"}}};
constexpr std::array<const char*, 3> kSetup{"test", "batch", "concurrency"};

BenchmarkReport measure(LoadOptions load, const char* test, std::int64_t batch, int concurrency) {
  load.batch = batch;
  load.concurrency = concurrency;
  log::info(fmt::format("{}: batch {}, concurrency {}", test, batch, concurrency));
  const LoadResult result = measure_load(load);
  BenchmarkReport report{"serve",
                         {{"test", test},
                          {"batch", std::to_string(batch)},
                          {"concurrency", std::to_string(concurrency)},
                          {"model", load.model},
                          {"url", load.server.url}},
                         {}};
  const auto answered = static_cast<double>(result.seconds.size());
  report.add(summarise(result.seconds), answered * static_cast<double>(batch) / result.wall, "img/s", "request");
  const LoadParts& p = result.parts;
  report.figures.insert(report.figures.end(), {{"client_send_ms", "client: sending, ms", p.client_send},
                                               {"network_server_ms", "network, server's HTTP, ms", p.network},
                                               {"server_queue_ms", "server: queue, ms", p.queue},
                                               {"server_compute_input_ms", "server: input, ms", p.compute_input},
                                               {"server_compute_infer_ms", "server: network run, ms", p.compute_infer},
                                               {"server_compute_output_ms", "server: output, ms", p.compute_output},
                                               {"client_receive_ms", "client: receiving, ms", p.client_receive},
                                               {"requests", "requests", answered},
                                               {"refused", "refused (429)", static_cast<double>(result.refused)}});
  return report;
}

std::string setup_value(const BenchmarkReport& report, const std::string& name) {
  const auto found = std::ranges::find(report.setup, name, &std::pair<std::string, std::string>::first);
  return found == report.setup.end() ? std::string() : found->second;
}

}  // namespace

std::vector<BenchmarkReport> benchmark_serving(const ServeLoadOptions& o) {
  std::vector<std::int64_t> batches = o.batch_sizes;
  if (batches.empty()) {
    ModelServer server(o.load.server);
    const std::int64_t most = served_max_batch(server, o.load.model);
    for (std::int64_t batch = 1; batch <= std::min<std::int64_t>(most, 8); batch *= 2) batches.push_back(batch);
  }
  const std::vector<int> clients = o.concurrency.empty() ? std::vector<int>{1, 2, 4, 8, 16} : o.concurrency;
  std::vector<BenchmarkReport> reports;
  for (const std::int64_t batch : batches) reports.push_back(measure(o.load, "offline", batch, 1));
  for (const int n : clients) reports.push_back(measure(o.load, "online", 1, n));
  return reports;
}

std::string serve_table(const std::vector<BenchmarkReport>& reports) {
  std::vector<std::string> header(kSetup.begin(), kSetup.end());
  for (const Column& column : kColumns) header.emplace_back(column.title);
  Table table(header);
  for (const BenchmarkReport& report : reports) {
    std::vector<std::string> row;
    for (const char* name : kSetup) row.push_back(setup_value(report, name));
    for (const Column& column : kColumns) row.push_back(fmt::format("{:.2f}", report.find(column.key)->value));
    table.add(row);
  }
  return table.text();
}

std::string serve_csv(const std::vector<BenchmarkReport>& reports) {
  std::string text = "Test,Batch,Concurrency";
  for (const Column& column : kColumns) text += fmt::format(",{}", column.csv);
  text += ",Requests,Refused\n";
  for (const BenchmarkReport& report : reports) {
    text += fmt::format("{},{},{}", setup_value(report, kSetup[0]), setup_value(report, kSetup[1]),
                        setup_value(report, kSetup[2]));
    for (const Column& column : kColumns) text += fmt::format(",{:.3f}", report.find(column.key)->value);
    text += fmt::format(",{:.0f},{:.0f}\n", report.find("requests")->value, report.find("refused")->value);
  }
  return text;
}

}  // namespace nnunet
