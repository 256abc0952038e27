# CUDA kernels of our own (src/kernels/cuda). nnunet_cuda() adds them to the kernels room where torch has CUDA and there
# is an nvcc; without nvcc GPUs are still used, by torch's operators alone. NNUNET_CUDA says so to the sources.

# The kernels take any GPU from Volta (70) on; CUDA 13 has no Volta any more.
function(_nnunet_cuda_architectures version)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(architectures 75 80 86 90)
    if(version VERSION_LESS 13)
      list(PREPEND architectures 70)
    endif()
    set(CMAKE_CUDA_ARCHITECTURES "${architectures}" CACHE STRING "Generations of GPUs that the CUDA kernels are built for")
  endif()
endfunction()

macro(nnunet_cuda)
  set(NNUNET_CUDA OFF)
  if(NNUNET_TORCH_HAS_CUDA)
    find_package(CUDAToolkit QUIET)
    include(CheckLanguage)
    if(CUDAToolkit_FOUND)
      _nnunet_cuda_architectures(${CUDAToolkit_VERSION})
      check_language(CUDA)
    endif()
    if(CMAKE_CUDA_COMPILER)
      enable_language(CUDA)
      if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # Debian's CMake 3.25 does not know that nvcc 12 has it
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
        set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
      endif()
      set(CMAKE_CUDA_STANDARD 20)
      set(NNUNET_CUDA ON)
      message(STATUS "CUDA kernels: for ${CMAKE_CUDA_ARCHITECTURES}")
    else()
      message(STATUS "CUDA kernels: none, as there is no CUDA toolkit with nvcc")
    endif()
  endif()
endmacro()

# Compiles the kernels where there is an nvcc, whatever torch is: cmake --build build --target check_cuda_compiles
function(nnunet_check_cuda_compiles)
  find_program(NNUNET_NVCC nvcc HINTS /usr/local/cuda/bin)
  if(NOT NNUNET_NVCC)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/kernels/cuda/*.cu)
  set(objects "")
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    foreach(architecture 80 90)
      set(object ${CMAKE_BINARY_DIR}/check_cuda_compiles/${name}_${architecture}.o)
      add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/check_cuda_compiles
        COMMAND ${NNUNET_NVCC} -std=c++20 -arch=sm_${architecture} -Werror all-warnings -Xcompiler=-fPIC,-Wall
                -I${CMAKE_SOURCE_DIR}/include -MMD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} DEPFILE ${object}.d VERBATIM)
      list(APPEND objects ${object})
    endforeach()
  endforeach()
  add_custom_target(check_cuda_compiles DEPENDS ${objects})
endfunction()
