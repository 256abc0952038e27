// What GCC's runtime and Debian's static libraries ask of glibc 2.35 and 2.36, by what glibc 2.34 has, so that a
// program that is built on Debian 12 runs there (cmake/Portable.cmake). Linked first, these are taken before glibc's
// own.
#include <dlfcn.h>
#include <link.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

// Not for the libraries beside, and so that the names in here that have a version are not taken for these.
#define NNUNET_OWN __attribute__((visibility("hidden")))

extern "C" {

// glibc 2.35 has a new version of this name, which only no longer sets errno as SVID wanted it.
double hypot_of_first_glibc(double x, double y);
__asm__(".symver hypot_of_first_glibc, hypot@GLIBC_2.2.5");

NNUNET_OWN double own_hypot(double x, double y) __asm__("hypot");  // not by its name, which the compiler knows better
double own_hypot(double x, double y) {
  return hypot_of_first_glibc(x, y);
}

// libstdc++'s random_device and expat's salt.
NNUNET_OWN void arc4random_buf(void* buffer, std::size_t size) noexcept {
  auto* at = static_cast<unsigned char*>(buffer);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0 && errno != EINTR) std::abort();
    if (got <= 0) continue;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

NNUNET_OWN std::uint32_t arc4random() noexcept {
  std::uint32_t value = 0;
  arc4random_buf(&value, sizeof value);
  return value;
}

namespace {

struct Search {
  std::uintptr_t address;
  dl_find_object* result;
};

/// Whether a loaded file holds the address; if so, where its tables for unwinding lie.
int look_into(dl_phdr_info* info, std::size_t, void* data) {
  const Search& search = *static_cast<Search*>(data);
  const ElfW(Phdr)* tables = nullptr;
  bool found = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type == PT_GNU_EH_FRAME) tables = &header;
    if (header.p_type != PT_LOAD) continue;
    const std::uintptr_t start = info->dlpi_addr + header.p_vaddr;
    if (search.address < start || search.address >= start + header.p_memsz) continue;
    found = true;
    search.result->dlfo_map_start = reinterpret_cast<void*>(start);
    search.result->dlfo_map_end = reinterpret_cast<void*>(start + header.p_memsz);
  }
  if (!found || tables == nullptr) return 0;
  search.result->dlfo_eh_frame = reinterpret_cast<void*>(info->dlpi_addr + tables->p_vaddr);
  return 1;
}

}  // namespace

// What exceptions find their handlers by.
NNUNET_OWN int _dl_find_object(void* address, dl_find_object* result) noexcept {
  *result = {};
  Search search{reinterpret_cast<std::uintptr_t>(address), result};
  return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}

}  // extern "C"
