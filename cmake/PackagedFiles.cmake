# Run by cpack when all files lie in their packages' folders. The package with torch gets what it needs of the Python
# wheels, in a folder of its own, and looks for it there instead of where it was built.
set(root ${CPACK_TEMPORARY_DIRECTORY}/torch/usr)
if(NOT EXISTS ${root}/bin/nnunet-engine)
  return()
endif()
if(CPACK_NNUNET_CUDA)
  message(FATAL_ERROR "The package nnunet-torch is made of a CPU build of torch: one for CUDA brings gigabytes, whose "
                      "licences forbid some uses. TORCH_PYTHON names another torch.")
endif()
set(folder ${root}/lib/nnunet/torch)
get_filename_component(wheels ${CPACK_NNUNET_TORCH_DIR}/.. REALPATH)

# Debian's own libraries are dependencies of the package.
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${root}/bin/nnunet-engine
     DIRECTORIES ${CPACK_TEMPORARY_DIRECTORY}/library/usr/lib ${root}/lib
     RESOLVED_DEPENDENCIES_VAR libraries UNRESOLVED_DEPENDENCIES_VAR missing CONFLICTING_DEPENDENCIES_PREFIX several)
foreach(name IN LISTS several_FILENAMES)  # torch has a libgomp of its own, which comes first
  list(APPEND libraries ${several_${name}})
endforeach()
if(missing)
  message(FATAL_ERROR "nnunet-engine needs libraries that are not found: ${missing}")
endif()
foreach(library IN LISTS libraries)
  file(REAL_PATH ${library} real)
  string(FIND ${real} ${wheels}/ at)
  if(at EQUAL 0)
    file(COPY ${library} DESTINATION ${folder} FOLLOW_SYMLINK_CHAIN)
  endif()
endforeach()
# What OpenVINO loads by name: the reader of ONNX and the CPU's part.
file(GLOB openvino ${wheels}/openvino/libs/libopenvino_onnx_frontend.so* ${wheels}/openvino/libs/libopenvino_intel_cpu_plugin.so)
if(EXISTS ${folder} AND openvino)
  file(GLOB used ${folder}/libopenvino.so*)
  if(used)
    file(COPY ${openvino} DESTINATION ${folder})
  endif()
endif()

file(RPATH_SET FILE ${root}/bin/nnunet-engine NEW_RPATH "\$ORIGIN/../lib:\$ORIGIN/../lib/nnunet/torch")
file(GLOB own ${root}/lib/libnnunet.so.*.*)
foreach(library IN LISTS own)
  file(RPATH_SET FILE ${library} NEW_RPATH "\$ORIGIN:\$ORIGIN/nnunet/torch")
endforeach()
