# C++ from .proto files. The compiler and the library are Debian's, by path: find_package(Protobuf) may meet the targets
# that torch's own CMake files define, and torch's headers bring a google/protobuf of another version, so that only
# BASE rooms can use this.
find_program(NNUNET_PROTOC protoc REQUIRED)
find_library(NNUNET_PROTOBUF_LITE protobuf-lite REQUIRED)

# gRPC's library likewise; its headers use abseil's mutex. It does not use protobuf's own library, so the small one does.
set(NNUNET_GRPC_LIBRARIES "")
if(NNUNET_GRPC)
  find_program(NNUNET_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
  foreach(name IN ITEMS grpc++ grpc gpr absl_synchronization)
    find_library(NNUNET_LIB_${name} ${name} REQUIRED)
    list(APPEND NNUNET_GRPC_LIBRARIES ${NNUNET_LIB_${name}})
  endforeach()
endif()

# nnunet_protobuf(ROOM [GRPC] file.proto...): adds them to the room's sources; "file.pb.h" is on its include path, with
# GRPC "file.grpc.pb.h", too.
function(nnunet_protobuf room)
  cmake_parse_arguments(PROTO "GRPC" "" "" ${ARGN})
  foreach(proto IN LISTS PROTO_UNPARSED_ARGUMENTS)
    get_filename_component(name ${proto} NAME_WE)
    get_filename_component(folder ${CMAKE_SOURCE_DIR}/${proto} DIRECTORY)
    set(output ${CMAKE_BINARY_DIR}/protobuf/${room})
    set(code ${output}/${name}.pb.cc)
    set(headers ${output}/${name}.pb.h)
    set(grpc_options "")
    if(PROTO_GRPC)
      list(APPEND code ${output}/${name}.grpc.pb.cc)
      list(APPEND headers ${output}/${name}.grpc.pb.h)
      set(grpc_options --grpc_out=${output} --plugin=protoc-gen-grpc=${NNUNET_GRPC_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${code} ${headers}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${output}
      COMMAND ${NNUNET_PROTOC} --proto_path=${folder} --cpp_out=${output} ${grpc_options} ${CMAKE_SOURCE_DIR}/${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/${proto} VERBATIM)
    target_sources(nnunet_${room} PRIVATE ${code} ${headers})
    set_source_files_properties(${code} PROPERTIES COMPILE_OPTIONS -w)
    target_include_directories(nnunet_${room} SYSTEM PRIVATE ${output})
  endforeach()
endfunction()
