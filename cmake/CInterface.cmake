# libnnunet_c (nnunet::c): include/nnunet.h for programs in C, and in all languages that can call it. Of the rooms that
# predict it takes the files that are needed, so neither server nor client, and shows one symbol (cmake/nnunet_c.map).
set(inference_rooms core io plan dicom preprocess data eval kernels native checkpoint infer v2)

# As an archive: the linker leaves out the files that nobody asks for.
add_library(nnunet_inference STATIC EXCLUDE_FROM_ALL)
set_target_properties(nnunet_inference PROPERTIES LINKER_LANGUAGE CXX)
set(inference_libs "")
foreach(room IN LISTS inference_rooms)
  target_sources(nnunet_inference PRIVATE $<TARGET_OBJECTS:nnunet_${room}>)
  get_target_property(libs nnunet_${room} LINK_LIBRARIES)
  list(APPEND inference_libs ${libs})
endforeach()
list(REMOVE_DUPLICATES inference_libs)

file(GLOB c_api_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/c_api/*.cpp)
add_library(nnunet_c_library SHARED ${c_api_sources})
add_library(nnunet::c ALIAS nnunet_c_library)
target_link_libraries(nnunet_c_library PRIVATE nnunet_inference ${inference_libs} nlohmann_json::nlohmann_json fmt::fmt)
target_include_directories(nnunet_c_library PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(nnunet_c_library PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden)
target_include_directories(nnunet_c_library INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set(symbols ${CMAKE_SOURCE_DIR}/cmake/nnunet_c.map)
target_link_options(nnunet_c_library PRIVATE -Wl,--as-needed -Wl,--version-script=${symbols})
if(NOT NNUNET_SANITIZE AND NOT NNUNET_SANITIZE_THREADS AND NOT NNUNET_FUZZ)  # whose runtimes are the programs'
  target_link_options(nnunet_c_library PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(nnunet_c_library PROPERTIES OUTPUT_NAME nnunet_c VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      EXPORT_NAME c LINK_DEPENDS ${symbols})

install(TARGETS nnunet_c_library EXPORT nnunetTargets_c LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT c)
install(EXPORT nnunetTargets_c NAMESPACE nnunet:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet COMPONENT c)
install(FILES ${CMAKE_SOURCE_DIR}/include/nnunet.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT c)
install(FILES ${CMAKE_BINARY_DIR}/nnunetConfig.cmake ${CMAKE_BINARY_DIR}/nnunetConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nnunet COMPONENT c)

# For pkg-config, wherever the installation is moved to.
file(RELATIVE_PATH NNUNET_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_SOURCE_DIR}/cmake/nnunet.pc.in ${CMAKE_BINARY_DIR}/nnunet.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/nnunet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT c)
