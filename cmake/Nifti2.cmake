# The target nnunet::nifti2. Debian's NIFTIConfig.cmake names files of packages that it does not depend on.
find_library(NIFTI2_LIBRARY nifti2 REQUIRED)
find_path(NIFTI2_INCLUDE nifti2_io.h PATH_SUFFIXES nifti REQUIRED)
add_library(nnunet::nifti2 INTERFACE IMPORTED)
set_target_properties(nnunet::nifti2 PROPERTIES INTERFACE_LINK_LIBRARIES "${NIFTI2_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${NIFTI2_INCLUDE}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${NIFTI2_INCLUDE}")
