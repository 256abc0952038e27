# One object library a room (nnunet_<room>); those without torch together in libnnunet_infer (nnunet::infer), those with
# it in libnnunet (nnunet::nnunet), which stands on the first.

add_library(nnunet_flags INTERFACE)
target_compile_options(nnunet_flags INTERFACE
                       "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion>")
# Nothing here reads floating-point exceptions or errno; without them loops with a condition or a sqrt vectorise. The
# results are the same.
target_compile_options(nnunet_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fno-trapping-math;-fno-math-errno>")
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

# torch's headers have an fmt of their own, of another version than the system's library: the library's are found first.
if(NNUNET_TORCH)
  get_target_property(fmt_headers fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  list(GET fmt_headers 0 fmt_headers)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fmt)
  file(CREATE_LINK ${fmt_headers}/fmt ${CMAKE_BINARY_DIR}/fmt/fmt SYMBOLIC)
  target_include_directories(nnunet_flags SYSTEM INTERFACE $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/fmt>)
endif()

# Precompiled headers: one for the rooms without torch, one for those with it (18 s a file without it), and one more of
# each for their tests.
# nnunet_precompiled(NAME HEADERS header... LIBS lib... [OPTIONS option...])
function(nnunet_precompiled name)
  cmake_parse_arguments(PCH "" "" "HEADERS;LIBS;OPTIONS" ${ARGN})
  add_library(nnunet_${name}_pch OBJECT ${CMAKE_SOURCE_DIR}/src/precompiled.cpp)
  target_link_libraries(nnunet_${name}_pch PUBLIC nnunet_flags OpenMP::OpenMP_CXX ${PCH_LIBS})
  target_compile_options(nnunet_${name}_pch PRIVATE ${PCH_OPTIONS})
  target_precompile_headers(nnunet_${name}_pch PRIVATE ${PCH_HEADERS})
endfunction()

# What most files include anyway.
set(NNUNET_COMMON_HEADERS <algorithm> <array> <cmath> <cstddef> <cstdint> <cstring> <filesystem> <functional> <limits> <map>
    <memory> <optional> <set> <span> <string> <string_view> <utility> <vector> <fmt/format.h>)
nnunet_precompiled(base HEADERS ${NNUNET_COMMON_HEADERS} LIBS fmt::fmt)
if(NNUNET_TORCH)
  nnunet_precompiled(torch HEADERS <torch/torch.h> <fmt/format.h> LIBS fmt::fmt nnunet::torch)
endif()

set(NNUNET_ROOMS "")
set(NNUNET_BASE_ROOMS "")
set(NNUNET_ENGINE_ROOMS "")

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
  target_link_libraries(${target} PUBLIC nnunet_flags OpenMP::OpenMP_CXX fmt::fmt ${ROOM_LIBS})
  if(kind STREQUAL ENGINE)
    target_link_libraries(${target} PUBLIC nnunet::torch)
    nnunet_precompile_torch(${target} nnunet_torch_pch)
    set(NNUNET_ENGINE_ROOMS ${NNUNET_ENGINE_ROOMS} ${name} PARENT_SCOPE)
  else()
    target_precompile_headers(${target} REUSE_FROM nnunet_base_pch)
    set(NNUNET_BASE_ROOMS ${NNUNET_BASE_ROOMS} ${name} PARENT_SCOPE)
  endif()
  set(NNUNET_ROOMS ${NNUNET_ROOMS} ${name} PARENT_SCOPE)
endfunction()

# A precompiled header brings the options that it was compiled with: files with options of their own go without.
function(nnunet_own_options_unprecompiled)
  foreach(room IN LISTS NNUNET_BASE_ROOMS)
    get_target_property(sources nnunet_${room} SOURCES)
    foreach(source IN LISTS sources)
      get_source_file_property(options ${source} COMPILE_OPTIONS)
      if(options OR room STREQUAL kernels)
        set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endforeach()
  endforeach()
endfunction()

# _nnunet_library(target rooms): a shared library of these rooms, exported as NAME.
function(_nnunet_library target name rooms)
  add_library(${target} SHARED)
  add_library(nnunet::${name} ALIAS ${target})
  set(links "")
  foreach(room IN LISTS rooms)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:nnunet_${room}>)
    get_target_property(libs nnunet_${room} LINK_LIBRARIES)
    list(APPEND links ${libs})
  endforeach()
  list(REMOVE_DUPLICATES links)
  list(REMOVE_ITEM links nnunet::torch)
  target_link_libraries(${target} PRIVATE ${links})
  target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} INTERFACE cxx_std_20)
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                        LINKER_LANGUAGE CXX EXPORT_NAME ${name})
  install(TARGETS ${target} EXPORT nnunetTargets_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name})
  install(EXPORT nnunetTargets_${name} NAMESPACE nnunet:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet COMPONENT ${name})
endfunction()

# The installable libraries, and their CMake package: find_package(nnunet COMPONENTS infer) needs no torch.
function(nnunet_libraries)
  # Who predicts does not download data sets: that room belongs to the program.
  set(rooms ${NNUNET_BASE_ROOMS})
  list(REMOVE_ITEM rooms download)
  _nnunet_library(nnunet_infer_library infer "${rooms}")
  set_target_properties(nnunet_infer_library PROPERTIES OUTPUT_NAME nnunet_infer INSTALL_RPATH "\$ORIGIN")
  if(NNUNET_TORCH)
    _nnunet_library(nnunet nnunet "${NNUNET_ENGINE_ROOMS}")
    target_link_libraries(nnunet PUBLIC nnunet_infer_library nnunet::torch)
    set_target_properties(nnunet PROPERTIES INSTALL_RPATH "\$ORIGIN;${NNUNET_TORCH_DIR}/lib${NNUNET_ENGINE_RPATH}")
    install(FILES ${CMAKE_SOURCE_DIR}/cmake/TorchWheel.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet COMPONENT nnunet)
  endif()

  include(CMakePackageConfigHelpers)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/nnunet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT infer)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/nnunetConfig.cmake.in ${CMAKE_BINARY_DIR}/nnunetConfig.cmake
                                INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/nnunetConfigVersion.cmake COMPATIBILITY SameMajorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/nnunetConfig.cmake ${CMAKE_BINARY_DIR}/nnunetConfigVersion.cmake
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet COMPONENT infer)
endfunction()
