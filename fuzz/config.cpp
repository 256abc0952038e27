// config.json: what is read is written and read back the same.
#include "nnunet/io/config.h"

#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  file.write(fuzz::as_bytes(data, size));
  std::string text;
  try {
    text = config_text(read_config(file.path()));
  } catch (const Error&) {
    return 0;
  }
  fuzz::require(config_text(config_from_json(nlohmann::json::parse(text), "again")) == text);
  return 0;
}
