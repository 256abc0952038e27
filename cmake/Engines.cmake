# Runtimes of others that `--engine` offers beside libtorch, each where its headers and library are found:
#   NNUNET_OPENVINO_DIR      the folder of the Python package openvino (its wheel has headers and libraries); default: the
#                            one beside torch
#   NNUNET_ONNXRUNTIME_DIR   a release of onnxruntime, unpacked: include/onnxruntime_c_api.h, lib/libonnxruntime.so
# nnunet_engines(ROOM) adds those that are there to the room.

# _nnunet_engine(ROOM NAME include library): links it and says so to the sources (NNUNET_<NAME>). Only its own file sees
# its headers.
function(_nnunet_engine room name include library)
  string(TOLOWER ${name} lower)
  target_link_libraries(nnunet_${room} PUBLIC ${library})
  set_property(SOURCE src/${room}/other_engines.cpp src/${room}/engine_${lower}.cpp
               APPEND PROPERTY COMPILE_DEFINITIONS NNUNET_${name})
  set_property(SOURCE src/${room}/engine_${lower}.cpp APPEND PROPERTY COMPILE_OPTIONS -isystem ${include})
  get_filename_component(folder ${library} DIRECTORY)
  set(NNUNET_ENGINE_RPATH "${NNUNET_ENGINE_RPATH};${folder}" PARENT_SCOPE)
  message(STATUS "engine ${lower}: ${library}")
endfunction()

macro(nnunet_engines room)
  set(NNUNET_OPENVINO_DIR "${NNUNET_TORCH_DIR}/../openvino" CACHE PATH "Folder of the Python package openvino")
  file(GLOB _openvino ${NNUNET_OPENVINO_DIR}/libs/libopenvino.so*)
  # Its libraries are loaded with RTLD_DEEPBIND, which AddressSanitizer ends a program for.
  if(_openvino AND EXISTS ${NNUNET_OPENVINO_DIR}/include/openvino/openvino.hpp AND NOT NNUNET_SANITIZE)
    list(GET _openvino 0 _openvino)
    _nnunet_engine(${room} OPENVINO ${NNUNET_OPENVINO_DIR}/include ${_openvino})
  endif()

  set(NNUNET_ONNXRUNTIME_DIR "" CACHE PATH "Release of onnxruntime, unpacked")
  find_path(NNUNET_ONNXRUNTIME_INCLUDE onnxruntime_c_api.h HINTS ${NNUNET_ONNXRUNTIME_DIR}/include PATH_SUFFIXES onnxruntime)
  find_library(NNUNET_ONNXRUNTIME_LIBRARY onnxruntime HINTS ${NNUNET_ONNXRUNTIME_DIR}/lib)
  if(NNUNET_ONNXRUNTIME_INCLUDE AND NNUNET_ONNXRUNTIME_LIBRARY)
    _nnunet_engine(${room} ONNXRUNTIME ${NNUNET_ONNXRUNTIME_INCLUDE} ${NNUNET_ONNXRUNTIME_LIBRARY})
  endif()
endmacro()
