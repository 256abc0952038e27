# The target nnunet::torch: headers and libraries of a PyTorch wheel (CPU or CUDA).
#
# The wheel's own TorchConfig.cmake is not used: it insists on a full CUDA toolkit where the wheel has CUDA, even
# if nothing here is compiled by nvcc, and it redefines protobuf's targets.
#
# NNUNET_TORCH_DIR: the folder of the Python package torch; default: what scripts/setup.sh found.
# Sets NNUNET_TORCH_HAS_CUDA.
if(NOT NNUNET_TORCH_DIR AND EXISTS "${CMAKE_SOURCE_DIR}/.deps/torch_dir")
  file(STRINGS "${CMAKE_SOURCE_DIR}/.deps/torch_dir" NNUNET_TORCH_DIR LIMIT_COUNT 1)
endif()
if(NOT EXISTS "${NNUNET_TORCH_DIR}/include/torch/csrc/api/include/torch/torch.h")
  message(FATAL_ERROR "torch not found in '${NNUNET_TORCH_DIR}'. Run scripts/setup.sh, or set NNUNET_TORCH_DIR to the "
                      "folder of the Python package torch.")
endif()

if(NOT TARGET nnunet::torch)
  add_library(nnunet::torch INTERFACE IMPORTED)
  set_target_properties(nnunet::torch PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES
      "${NNUNET_TORCH_DIR}/include;${NNUNET_TORCH_DIR}/include/torch/csrc/api/include")
  set(_torch_libs "${NNUNET_TORCH_DIR}/lib/libtorch_cpu.so" "${NNUNET_TORCH_DIR}/lib/libc10.so")
  set(NNUNET_TORCH_HAS_CUDA OFF)
  if(EXISTS "${NNUNET_TORCH_DIR}/lib/libtorch_cuda.so")
    set(NNUNET_TORCH_HAS_CUDA ON)
    # Nothing of ours calls into it by name, yet it must be loaded: it registers the CUDA operators.
    list(APPEND _torch_libs "-Wl,--no-as-needed" "${NNUNET_TORCH_DIR}/lib/libtorch_cuda.so"
         "${NNUNET_TORCH_DIR}/lib/libc10_cuda.so" "-Wl,--as-needed")
  endif()
  set_property(TARGET nnunet::torch PROPERTY INTERFACE_LINK_LIBRARIES "${_torch_libs}")
  # libtorch's own dependencies (CUDA wheels keep them in sibling packages) are found through its rpath.
  set_property(TARGET nnunet::torch PROPERTY INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")
  unset(_torch_libs)
endif()
message(STATUS "torch: ${NNUNET_TORCH_DIR} (CUDA: ${NNUNET_TORCH_HAS_CUDA})")
