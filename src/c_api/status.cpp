#include "status.h"

#include <fmt/format.h>

#include <new>
#include <system_error>

#include "functions.h"
#include "nnunet/core/cancelled.h"
#include "nnunet/core/error.h"

namespace nnunet::c_api {
namespace {

/// Handed out where there is no memory for another one.
nnunet_status* no_memory() {
  static nnunet_status status{NNUNET_NO_MEMORY, "there is not enough memory"};
  return &status;
}

nnunet_status* made(nnunet_code code, const char* message) noexcept {
  try {
    return new nnunet_status{code, message};
  } catch (...) {
    return no_memory();
  }
}

}  // namespace

nnunet_status* status_of_exception(nnunet_code refused) noexcept {
  try {
    throw;
  } catch (const InvalidCall& e) {
    return made(NNUNET_INVALID_CALL, e.what());
  } catch (const Error& e) {
    return made(refused, e.what());
  } catch (const Cancelled&) {
    return made(NNUNET_CANCELLED, "cancelled");
  } catch (const std::bad_alloc&) {
    return no_memory();
  } catch (const std::system_error& e) {  // of files
    return made(refused, e.what());
  } catch (const std::exception& e) {
    return made(NNUNET_INTERNAL, e.what());
  } catch (...) {
    return made(NNUNET_INTERNAL, "an unknown fault");
  }
}

void refuse_json(std::string_view reason, std::string_view giver) {
  if (const auto end = reason.find("] "); reason.starts_with("[json.exception.") && end != std::string_view::npos)
    reason.remove_prefix(end + 2);
  throw InvalidCall(fmt::format("json: {}; give what {} made", reason, giver));
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) throw InvalidCall(fmt::format("{}: is NULL", name));
}

nnunet_code status_code(const nnunet_status* status) {
  return status == nullptr ? NNUNET_OK : status->code;
}
const char* status_message(const nnunet_status* status) {
  return status == nullptr ? "" : status->message.c_str();
}
void status_release(nnunet_status* status) {
  if (status != no_memory()) delete status;
}

}  // namespace nnunet::c_api
