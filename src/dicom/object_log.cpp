#include "object_log.h"

#include <cstddef>
#include <string_view>

#include "nnunet/core/log.h"
#include "nnunet/core/log_receiver.h"
#include "nnunet/core/plugin.h"
#include "object_library.h"

namespace nnunet::dicom {
namespace {

using LogFunction = void (*)(int level, const char* message, std::size_t size);

void to_this_log(int level, const char* message, std::size_t size) {
  const std::string text(message, size);
  switch (static_cast<log::Level>(level)) {
    case log::Level::info:
      return log::info(text);
    case log::Level::warning:
      return log::warn(text);
    case log::Level::error:
      return log::error(text);
  }
}

}  // namespace
}  // namespace nnunet::dicom

/// Of whichever copy it is called: from now on its log goes to the function.
extern "C" void nnunet_dicom_objects_log(void (*function)(int level, const char* message, std::size_t size)) {
  nnunet::log::set_receiver([function](nnunet::log::Level level, std::string_view message) {
    function(static_cast<int>(level), message.data(), message.size());
  });
}

namespace nnunet::dicom {

void receive_object_log() {
  const PluginSymbol theirs = plugin_symbol(kObjectLibraryFile, "nnunet_dicom_objects_log");
  if (theirs.address == nullptr || theirs.address == reinterpret_cast<void*>(&nnunet_dicom_objects_log)) return;
  reinterpret_cast<void (*)(LogFunction)>(theirs.address)(to_this_log);
}

}  // namespace nnunet::dicom
