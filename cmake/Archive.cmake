# The target nnunet::archive: libarchive for tar files. Debian's shared one draws in libxml2 and 31 MB of ICU for formats
# that nobody here reads; from the static one only the readers of tar, gzip, bzip2, xz and zstd are taken.
find_library(NNUNET_ARCHIVE_STATIC libarchive.a)
find_library(NNUNET_LZMA lzma)
find_library(NNUNET_BZ2 bz2)
find_library(NNUNET_ZSTD zstd)
add_library(nnunet::archive INTERFACE IMPORTED)
if(NNUNET_ARCHIVE_STATIC AND NNUNET_LZMA AND NNUNET_BZ2 AND NNUNET_ZSTD)
  set_target_properties(nnunet::archive PROPERTIES INTERFACE_LINK_LIBRARIES
                        "${NNUNET_ARCHIVE_STATIC};${NNUNET_LZMA};${NNUNET_BZ2};${NNUNET_ZSTD};ZLIB::ZLIB")
else()
  find_package(LibArchive REQUIRED)
  set_target_properties(nnunet::archive PROPERTIES INTERFACE_LINK_LIBRARIES LibArchive::LibArchive)
endif()
