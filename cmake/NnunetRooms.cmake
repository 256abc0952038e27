# One object library a room (nnunet_<room>), all of them together in libnnunet.

add_library(nnunet_flags INTERFACE)
target_compile_options(nnunet_flags INTERFACE
                       "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion>")
# Nothing here reads floating-point exceptions or errno; without them loops with a condition or a sqrt vectorise. The
# results are the same.
target_compile_options(nnunet_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fno-trapping-math;-fno-math-errno>")
# fmt ships inside torch's headers too, in another version: header-only keeps the two apart.
target_compile_definitions(nnunet_flags INTERFACE FMT_HEADER_ONLY=1)
target_include_directories(nnunet_flags INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
if(NNUNET_WERROR)
  target_compile_options(nnunet_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(NNUNET_NATIVE)
  target_compile_options(nnunet_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()
if(NNUNET_SANITIZE)
  target_compile_options(nnunet_flags INTERFACE
                         "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-sanitize-recover=undefined;-fno-omit-frame-pointer>")
  target_link_options(nnunet_flags INTERFACE -fsanitize=address,undefined)
endif()
if(NNUNET_SANITIZE_THREADS)
  target_compile_options(nnunet_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=thread;-fno-omit-frame-pointer>")
  target_link_options(nnunet_flags INTERFACE -fsanitize=thread)
endif()
if(NNUNET_FUZZ)  # the coverage that libFuzzer is guided by
  target_compile_options(nnunet_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link>")
endif()
if(NNUNET_CUDA)
  target_compile_definitions(nnunet_flags INTERFACE NNUNET_CUDA)
  target_link_libraries(nnunet_flags INTERFACE CUDA::cudart_static)
endif()

# The precompiled torch header, shared by all that include torch (18 s a file without it).
add_library(nnunet_torch_pch OBJECT ${CMAKE_SOURCE_DIR}/src/torch_pch.cpp)
target_link_libraries(nnunet_torch_pch PUBLIC nnunet_flags fmt::fmt-header-only OpenMP::OpenMP_CXX nnunet::torch)
target_precompile_headers(nnunet_torch_pch PRIVATE <torch/torch.h>)

set(NNUNET_ROOMS "")
set(NNUNET_BASE_ROOMS "")

# nnunet_room(NAME BASE|ENGINE [LIBS lib...]): the sources of src/NAME.
function(nnunet_room name kind)
  cmake_parse_arguments(ROOM "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp ${CMAKE_SOURCE_DIR}/src/${name}/cpu/*.cpp)
  if(NOT sources)
    return()
  endif()
  if(NNUNET_CUDA)
    file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/cuda/*.cu)
    list(APPEND sources ${cuda_sources})
  endif()
  set(target nnunet_${name})
  add_library(${target} OBJECT ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PUBLIC nnunet_flags fmt::fmt-header-only OpenMP::OpenMP_CXX ${ROOM_LIBS})
  if(kind STREQUAL ENGINE)
    target_link_libraries(${target} PUBLIC nnunet::torch)
    target_precompile_headers(${target} REUSE_FROM nnunet_torch_pch)
  else()
    set(NNUNET_BASE_ROOMS ${NNUNET_BASE_ROOMS} ${name} PARENT_SCOPE)
  endif()
  set(NNUNET_ROOMS ${NNUNET_ROOMS} ${name} PARENT_SCOPE)
endfunction()

# The installable library made of all rooms, and its CMake package.
function(nnunet_library)
  add_library(nnunet SHARED)
  add_library(nnunet::nnunet ALIAS nnunet)
  set(links "")
  foreach(room IN LISTS NNUNET_ROOMS)
    target_sources(nnunet PRIVATE $<TARGET_OBJECTS:nnunet_${room}>)
    get_target_property(libs nnunet_${room} LINK_LIBRARIES)
    list(APPEND links ${libs})
  endforeach()
  list(REMOVE_DUPLICATES links)
  list(REMOVE_ITEM links nnunet::torch)
  target_link_libraries(nnunet PRIVATE ${links} PUBLIC nnunet::torch)
  target_include_directories(nnunet INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(nnunet INTERFACE cxx_std_20)
  set_target_properties(nnunet PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                        LINKER_LANGUAGE CXX INSTALL_RPATH "\$ORIGIN;${NNUNET_TORCH_DIR}/lib${NNUNET_ENGINE_RPATH}")

  include(CMakePackageConfigHelpers)
  install(TARGETS nnunet EXPORT nnunetTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/nnunet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT nnunetTargets NAMESPACE nnunet:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/nnunetConfig.cmake.in ${CMAKE_BINARY_DIR}/nnunetConfig.cmake
                                INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/nnunetConfigVersion.cmake COMPATIBILITY SameMajorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/nnunetConfig.cmake ${CMAKE_BINARY_DIR}/nnunetConfigVersion.cmake
          ${CMAKE_SOURCE_DIR}/cmake/TorchWheel.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet)
endfunction()
