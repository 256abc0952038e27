#include <utility>

#include "functions.h"
#include "nnunet/core/log.h"
#include "nnunet/core/log_receiver.h"
#include "nnunet/core/version.h"
#include "objects.h"

namespace nnunet::c_api {

nnunet_text* make_text(std::string chars) {
  return new nnunet_text{std::move(chars)};
}

namespace {

const char* text_chars(const nnunet_text* text) {
  return text == nullptr ? "" : text->chars.c_str();
}
size_t text_size(const nnunet_text* text) {
  return text == nullptr ? 0 : text->chars.size();
}
void text_release(nnunet_text* text) {
  delete text;
}

const char* version_text() {
  try {
    static const std::string version = program_version();
    return version.c_str();
  } catch (...) {
    return "";
  }
}

nnunet_level level_of(log::Level level) {
  switch (level) {
    case log::Level::info:
      return NNUNET_INFO;
    case log::Level::warning:
      return NNUNET_WARNING;
    case log::Level::error:
      break;
  }
  return NNUNET_ERROR;
}

nnunet_status* set_log(nnunet_log_function function, void* user) {
  return guarded(NNUNET_FAILED, [&] {
    log::Receiver receiver;
    if (function != nullptr)
      receiver = [function, user](log::Level level, std::string_view message) {
        function(user, level_of(level), std::string(message).c_str());
      };
    log::set_receiver(std::move(receiver));
  });
}

// New functions come last: programs that were compiled with an older header look for theirs where they were.
constexpr nnunet_api kApi{sizeof(nnunet_api),
                          NNUNET_API_VERSION,
                          version_text,
                          status_code,
                          status_message,
                          status_release,
                          text_chars,
                          text_size,
                          text_release,
                          set_log,
                          model_open,
                          model_open_memory,
                          model_release,
                          model_info,
                          model_channel,
                          model_label,
                          model_json,
                          model_memory,
                          segment,
                          prepare,
                          prepared_release,
                          prepared_array,
                          prepared_json,
                          prepared_from_json,
                          segment_prepared,
                          logits,
                          restore,
                          segment_files,
                          segment_folder,
                          image_read,
                          loaded_release,
                          loaded_image,
                          loaded_json,
                          labels_write,
                          dicom_find,
                          dicom_release,
                          dicom_json,
                          dicom_image,
                          dicom_write,
                          score};

/// A library says nothing to the terminal but what is wrong.
bool quieten() noexcept {
  try {
    log::set_quiet(true);
  } catch (...) {
    return false;
  }
  return true;
}

}  // namespace
}  // namespace nnunet::c_api

const nnunet_api* nnunet_get_api(uint32_t version) {
  if (version == 0 || version > NNUNET_API_VERSION) return nullptr;
  [[maybe_unused]] static const bool quiet = nnunet::c_api::quieten();
  return &nnunet::c_api::kApi;
}
