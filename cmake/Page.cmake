# The page of `nnunet serve`: our files (web/) and the viewer that scripts/setup_page.sh fetched, as files beside the
# program (share/nnunet/page), in the build tree as where it is installed.
file(RELATIVE_PATH NNUNET_DATA_FROM_BIN ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR})
get_filename_component(data ${CMAKE_BINARY_DIR}/bin/${NNUNET_DATA_FROM_BIN}/nnunet ABSOLUTE)

file(GLOB page_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/* ${CMAKE_SOURCE_DIR}/.deps/page/*)
set(copies "")
foreach(file IN LISTS page_files)
  get_filename_component(name ${file} NAME)
  add_custom_command(OUTPUT ${data}/page/${name} DEPENDS ${file} COMMAND ${CMAKE_COMMAND} -E copy ${file} ${data}/page
                     VERBATIM)
  list(APPEND copies ${data}/page/${name})
endforeach()
file(MAKE_DIRECTORY ${data}/page)
add_custom_target(nnunet_page ALL DEPENDS ${copies})
install(FILES ${page_files} DESTINATION ${CMAKE_INSTALL_DATADIR}/nnunet/page COMPONENT program)
