// Pickles that lie beside label maps: postprocessing.pkl, and a case's properties.
#include "nnunet/v2/properties.h"

#include "nnunet/core/error.h"
#include "nnunet/v2/postprocessing.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  file.write(fuzz::as_bytes(data, size));
  try {
    v2::read_postprocessing(file.path());
  } catch (const Error&) {
  }
  try {
    const PythonValue value = read_python_pickle(file.path());
    // What was understood is written so that it is understood again.
    fuzz::require(python_pickle(read_python_pickle(python_pickle(value), "again")) == python_pickle(value));
    v2::placed(Array<std::uint16_t>({2, 3, 4}), value, "file");
  } catch (const Error&) {
  }
  return 0;
}
