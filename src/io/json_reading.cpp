#include "json_reading.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

nlohmann::json read_json(const std::filesystem::path& path) {
  constexpr std::size_t kLimit = std::size_t{256} << 20;
  const std::string text = read_text(path, kLimit);
  if (text.empty()) throw Error(path.string(), "the file is empty", "write or fetch it again");
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(path.string(), fmt::format("is not valid JSON (error at byte {})", e.byte),
                "correct or fetch it again");
  } catch (const nlohmann::json::exception&) {
    throw Error(path.string(), "holds a number that is too large", "correct or fetch it again");
  }
}

}  // namespace nnunet
