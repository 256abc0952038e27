# nnunet_portable and nnunet_c_portable: the program without torch and the C library of the same objects as the others,
# and the two libraries of DICOM, linked so that they run where another Linux has glibc 2.34 or later, wherever their
# folder lies. What is C++, or asks newer versions of glibc, is inside of them; the other libraries are taken along in
# lib/nnunet. src/portable has what little of glibc is newer all the same. Built and installed for scripts/dist.sh only:
# cmake --install build --component portable, after --component program.
if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)  # src/portable names versions of its glibc
  return()
endif()

set(static_libraries "")
foreach(name IN ITEMS protobuf-lite archive cairo fontconfig freetype expat pixman-1)
  find_library(NNUNET_STATIC_${name} lib${name}.a)
  if(NOT NNUNET_STATIC_${name})
    message(STATUS "no portable program: lib${name}.a is not there")
    return()
  endif()
  list(APPEND static_libraries ${NNUNET_STATIC_${name}})
endforeach()
set(libraries -Wl,--start-group ${static_libraries} -Wl,--end-group -Wl,--as-needed OpenMP::OpenMP_CXX nnunet::nifti2 ${LIBDEFLATE} PNG::PNG CURL::libcurl
    OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB lzma bz2 zstd brotlidec Threads::Threads)

# The names of archives whose symbols no other library is to find in the program.
list(TRANSFORM static_libraries REPLACE ".*/" "" OUTPUT_VARIABLE own_libraries)
list(JOIN own_libraries : own_libraries)
# What the program has for the libraries that it loads: one logger, one count of the exceptions that are under way.
set(shared_symbols ${CMAKE_SOURCE_DIR}/cmake/portable_shared.txt)

# nnunet_make_portable(TARGET FOLDER lib...): FOLDER: of the libraries that come along, from where the target lies.
function(nnunet_make_portable target folder)
  foreach(source IN ITEMS older_glibc fmt_library unwinder)
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src/portable/${source}.cpp)
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARGN} ${libraries})
  # DT_RPATH counts for the libraries of libraries, too.
  target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc -Wl,--disable-new-dtags -Wl,--exclude-libs,${own_libraries}
                      -Wl,--gc-sections)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX EXCLUDE_FROM_ALL ON INSTALL_RPATH "\$ORIGIN/${folder}"
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/portable LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/portable)
endfunction()

# Without gRPC, whose libraries are many.
add_executable(nnunet_portable ${CMAKE_SOURCE_DIR}/apps/nnunet/main.cpp ${CMAKE_SOURCE_DIR}/apps/nnunet/without_torch.cpp
               ${CMAKE_SOURCE_DIR}/apps/nnunet/download.cpp ${CMAKE_SOURCE_DIR}/apps/nnunet/serve.cpp)
foreach(part IN LISTS NNUNET_BASE_ROOMS ITEMS commands options)
  target_sources(nnunet_portable PRIVATE $<FILTER:$<TARGET_OBJECTS:nnunet_${part}>,EXCLUDE,nnunet_commands.dir.*/serve.cpp|/grpc_[a-z]+.cpp|/kserve.>)
endforeach()
target_include_directories(nnunet_portable PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/apps/nnunet)
target_compile_definitions(nnunet_portable PRIVATE NNUNET_DATA_FROM_BIN="${NNUNET_DATA_FROM_BIN}")
nnunet_make_portable(nnunet_portable ../lib/nnunet nnunet_flags)
target_link_options(nnunet_portable PRIVATE -Wl,--dynamic-list=${shared_symbols})
set_target_properties(nnunet_portable PROPERTIES OUTPUT_NAME nnunet LINK_DEPENDS ${shared_symbols})

add_library(nnunet_c_portable SHARED $<TARGET_OBJECTS:nnunet_c_library>)
target_link_options(nnunet_c_portable PRIVATE -Wl,--version-script=${symbols} -Wl,--no-undefined)
add_dependencies(nnunet_c_portable nnunet_inference)
nnunet_make_portable(nnunet_c_portable nnunet $<TARGET_FILE:nnunet_inference>)
set_target_properties(nnunet_c_portable PROPERTIES OUTPUT_NAME nnunet_c VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

# Beside the C library, where the program looks for them, too. They show what they are asked for, and what they share with
# the program.
set(portable_libraries nnunet_c_portable)
if(TARGET nnunet_gdcm_archives)
  # Of the rooms, what writing objects needs.
  add_library(nnunet_rooms_archive STATIC EXCLUDE_FROM_ALL)
  set_target_properties(nnunet_rooms_archive PROPERTIES LINKER_LANGUAGE CXX)
  foreach(room IN LISTS NNUNET_BASE_ROOMS)
    target_sources(nnunet_rooms_archive PRIVATE $<TARGET_OBJECTS:nnunet_${room}>)
  endforeach()
  nnunet_make_dicom_objects(nnunet_dicom_objects_of_archives nnunet_dcmtk_archives)
  add_library(nnunet_dicom_objects_portable MODULE $<TARGET_OBJECTS:nnunet_dicom_objects_of_archives>)
  set_target_properties(nnunet_dicom_objects_of_archives PROPERTIES EXCLUDE_FROM_ALL ON)
  add_dependencies(nnunet_dicom_objects_portable nnunet_rooms_archive)
  nnunet_make_portable(nnunet_dicom_objects_portable nnunet $<TARGET_FILE:nnunet_rooms_archive> nnunet_dcmtk_archives)
  set_target_properties(nnunet_dicom_objects_portable PROPERTIES OUTPUT_NAME nnunet_dicom_objects)

  nnunet_make_dicom_library(nnunet_dicom_portable nnunet_gdcm_archives)
  nnunet_make_portable(nnunet_dicom_portable nnunet)

  file(READ ${shared_symbols} shown)
  string(REPLACE "{" "{\n  global:\n  nnunet_dicom_library; nnunet_dicom_objects;" shown "${shown}")
  string(REPLACE "};" "  local: *;\n};" shown "${shown}")
  file(WRITE ${CMAKE_BINARY_DIR}/portable.map "${shown}")
  foreach(library IN ITEMS nnunet_dicom_portable nnunet_dicom_objects_portable)
    target_link_options(${library} PRIVATE -Wl,--version-script=${CMAKE_BINARY_DIR}/portable.map -Wl,--no-undefined)
    list(APPEND portable_libraries ${library})
  endforeach()
else()
  message(STATUS "no DICOM in the portable program: NNUNET_DICOM_ARCHIVES is not set (scripts/setup_dicom.sh)")
endif()

install(TARGETS nnunet_portable ${portable_libraries} RUNTIME_DEPENDENCY_SET portable
        RUNTIME DESTINATION bin COMPONENT portable EXCLUDE_FROM_ALL LIBRARY DESTINATION lib COMPONENT portable EXCLUDE_FROM_ALL)
install(RUNTIME_DEPENDENCY_SET portable PRE_EXCLUDE_REGEXES "^(libc|libm|libdl|librt|libpthread|libresolv|ld-linux-x86-64)\\.so"
        LIBRARY DESTINATION lib/nnunet COMPONENT portable EXCLUDE_FROM_ALL)
install(FILES ${CMAKE_SOURCE_DIR}/include/nnunet.h DESTINATION include COMPONENT portable EXCLUDE_FROM_ALL)
