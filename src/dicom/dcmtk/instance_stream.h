#pragma once
#include <cstdint>
#include <filesystem>

#include "dicom/dcmtk/dcmtk.h"

namespace nnunet::dicom {

/// Where a data set goes as it comes: the end of a file that is there. Beyond a size, or where the disk is full, it
/// forgets the rest, so that the caller gets an answer. (DCMTK itself, told of the failure, waits for a further
/// fragment, also where there was the last one; its own file stream does not tell of what could not be written.)
class InstanceStream {
 public:
  /// Throws std::system_error where the file cannot be opened.
  InstanceStream(const std::filesystem::path& file, std::uint64_t most_bytes);
  ~InstanceStream();
  InstanceStream(const InstanceStream&) = delete;
  InstanceStream& operator=(const InstanceStream&) = delete;

  DcmOutputStream& stream();
  bool too_large() const;
  int finish();  ///< when all has come: errno of a failed write; 0: everything is in the file

 private:
  class Consumer;
  class Stream;
  std::unique_ptr<Consumer> consumer_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace nnunet::dicom
