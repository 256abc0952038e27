#include "remote_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

class RemoteJob {
 public:
  RemoteJob(ModelServer& server, const JobWatch& watch) : server_(server), watch_(watch) {}

  RemoteLabels run(const std::string& model, const RemoteImage& image) {
    submit(model, image);
    try {
      wait();
      HttpReply result = send("GET", "/v1/jobs/" + id_ + "/result");
      if (result.status != 200) throw Error("", ModelServer::message(result));
      forget();
      return {std::move(result.body), result.header("nnunet-warnings")};
    } catch (...) {
      forget();  // cancels what was not over
      forget();
      throw;
    }
  }

 private:
  void submit(const std::string& model, const RemoteImage& image) {
    for (;;) {
      const HttpReply reply =
          send("POST", "/v1/segment/" + model + "?async=1" + image.query, image.body, image.content_type);
      if (reply.status != 429) {
        id_ = field(server_.json(reply), "id").get<std::string>();
        return;
      }
      int seconds = 1;
      const std::string& after = reply.header("retry-after");
      std::from_chars(after.data(), after.data() + after.size(), seconds);
      pause(std::chrono::seconds(std::clamp(seconds, 1, 60)));
    }
  }

  void wait() {
    for (auto interval = 20ms;; interval = std::min(interval * 3 / 2, std::chrono::milliseconds(1000))) {
      pause(interval);
      const HttpReply reply = send("GET", "/v1/jobs/" + id_);
      const Json job = server_.json(reply);
      const std::string state = field(job, "state");
      watch_.progress(field(job, "progress").get<double>());
      if (state == "done") return;
      if (state == "failed") throw Error("", reason(field(job, "error")));
      if (state == "cancelled") throw Error("", "the server cancelled the job");
    }
  }

  static std::string reason(std::string text) {
    while (text.ends_with('.')) text.pop_back();  // Error adds its own
    return text;
  }

  Json field(const Json& json, const char* key) const {
    if (!json.is_object() || !json.contains(key)) throw server_.foreign_answer();
    return json[key];
  }

  HttpReply send(const std::string& method, const std::string& path, std::string_view body = {},
                 const std::string& content_type = "application/octet-stream") {
    for (auto again = 250ms;; again *= 2) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(watch_.deadline - Clock::now());
      try {
        return server_.send(method, path, body, {"Content-Type: " + content_type}, std::max(left, 1ms));
      } catch (const Error&) {
        if (again > 4s || Clock::now() > watch_.deadline) throw;
      }
      pause(again);
    }
  }

  /// Looks up now and then.
  void pause(std::chrono::milliseconds time) {
    const auto until = Clock::now() + time;
    for (;;) {
      const auto now = Clock::now();
      if (watch_.stop && watch_.stop()) throw Stopped();
      if (now > watch_.deadline) throw Error("", "it took longer than --timeout_s");
      if (now >= until) return;
      std::this_thread::sleep_for(std::min<Clock::duration>(until - now, 100ms));
    }
  }

  /// Ends the server's work, or frees what it keeps of a job that is over.
  void forget() noexcept {
    try {
      server_.send("DELETE", "/v1/jobs/" + id_, {}, {}, 10s);
    } catch (...) {  // it forgets jobs by itself, later
    }
  }

  ModelServer& server_;
  const JobWatch& watch_;
  std::string id_;
};

}  // namespace

RemoteLabels run_remote_job(ModelServer& server, const std::string& model, const RemoteImage& image,
                            const JobWatch& watch) {
  return RemoteJob(server, watch).run(model, image);
}

}  // namespace nnunet
