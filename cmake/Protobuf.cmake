# C++ from .proto files. The compiler and the library are Debian's, by path: find_package(Protobuf) may meet the targets
# that torch's own CMake files define, and torch's headers bring a google/protobuf of another version, so that only
# BASE rooms can use this.
find_program(NNUNET_PROTOC protoc REQUIRED)
find_library(NNUNET_PROTOBUF_LITE protobuf-lite REQUIRED)

# nnunet_protobuf(ROOM file.proto...): adds them to the room's sources; "file.pb.h" is on its include path.
function(nnunet_protobuf room)
  foreach(proto IN LISTS ARGN)
    get_filename_component(name ${proto} NAME_WE)
    get_filename_component(folder ${CMAKE_SOURCE_DIR}/${proto} DIRECTORY)
    set(output ${CMAKE_BINARY_DIR}/protobuf/${room})
    add_custom_command(OUTPUT ${output}/${name}.pb.cc ${output}/${name}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${output}
      COMMAND ${NNUNET_PROTOC} --proto_path=${folder} --cpp_out=${output} ${CMAKE_SOURCE_DIR}/${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/${proto} VERBATIM)
    target_sources(nnunet_${room} PRIVATE ${output}/${name}.pb.cc ${output}/${name}.pb.h)
    set_source_files_properties(${output}/${name}.pb.cc PROPERTIES COMPILE_OPTIONS -w)
    target_include_directories(nnunet_${room} SYSTEM PRIVATE ${output})
  endforeach()
endfunction()
