#include <gdcmTrace.h>

#include "header.h"
#include "pixels.h"

namespace nnunet::dicom {

namespace {

template <class Body>
auto guarded(Body&& body) {
  try {
    return body();
  } catch (const Unreadable&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {  // GDCM's, whose words are for programmers
    throw Unreadable("is damaged: it cannot be read");
  }
}

class GdcmLibrary final : public Library {
 public:
  GdcmLibrary() {
    // Its messages may quote what files hold, and so name patients.
    gdcm::Trace::DebugOff();
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
  }

  Instance read_header(const std::filesystem::path& path) const override {
    return guarded([&] {
      DicomFile file(path, wanted_elements());
      return instance_of(file, path);
    });
  }

  void read_planes(const Instance& instance, std::span<const std::size_t> planes,
                   const std::function<void(std::size_t, std::span<const float>)>& take) const override {
    guarded([&] {
      DicomFile file(instance.file, {});
      dicom::read_planes(file, instance, planes, take);
    });
  }
};

}  // namespace
}  // namespace nnunet::dicom

extern "C" __attribute__((visibility("default"))) const nnunet::dicom::Library* nnunet_dicom_library(int version) {
  static const nnunet::dicom::GdcmLibrary library;
  return version == nnunet::dicom::kLibraryVersion ? &library : nullptr;
}
