# program_version() of core/version.h: the project's version and the commit. Each build asks git, but only another answer
# compiles that one file again.
set(version_file ${CMAKE_BINARY_DIR}/version/program_version.cpp)
add_custom_target(nnunet_version BYPRODUCTS ${version_file} VERBATIM
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${version_file} -DVERSION=${PROJECT_VERSION}
          -P ${CMAKE_SOURCE_DIR}/cmake/WriteVersion.cmake)
target_sources(nnunet_core PRIVATE ${version_file})
add_dependencies(nnunet_core nnunet_version)
