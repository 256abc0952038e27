#include "nnunet/serve/http.h"

#include <new>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/serve/served_model.h"
#include "several_series.h"

namespace nnunet::serve {

const std::string& HttpRequest::header(const std::string& lower_case_name) const {
  static const std::string none;
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? none : found->second;
}

namespace {

HttpResponse error_response(int status, const nlohmann::json& json) {
  HttpResponse response{status, "application/json",
                        json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

HttpResponse error_response(int status, const std::string& message) {
  return error_response(status, nlohmann::json{{"error", message}});
}

Failure describe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const HttpError& e) {
    return {e.status(), e.what()};
  } catch (const Error& e) {
    return {400, e.what()};
  } catch (const Cancelled& e) {
    return {499, e.what()};
  } catch (const std::bad_alloc&) {
    return {503, "out of memory"};
  } catch (const std::exception& e) {
    return {500, e.what()};
  } catch (...) {
    return {500, "unknown failure"};
  }
}

HttpResponse error_response(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const SeveralSeries& e) {
    return error_response(e.status(), nlohmann::json{{"error", e.what()}, {"series", e.list()}});
  } catch (...) {
    const auto [status, message] = describe(failure);
    return error_response(status, message);
  }
}

}  // namespace nnunet::serve
