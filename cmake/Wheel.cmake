# What the Python wheel holds beside python/nnunet_native (pyproject.toml): the program, the libraries and the page, within the
# package. The libraries have no versions in their names: a wheel has no links, it would hold each of them three times.
foreach(library IN ITEMS nnunet_c_library nnunet_infer_library nnunet_dicom_library nnunet_dicom_object_library)
  if(TARGET ${library})
    set_property(TARGET ${library} PROPERTY VERSION)
    set_property(TARGET ${library} PROPERTY SOVERSION)
    install(TARGETS ${library} LIBRARY DESTINATION nnunet_native/lib COMPONENT python)
  endif()
endforeach()
set_target_properties(nnunet_app PROPERTIES INSTALL_RPATH "\$ORIGIN/../lib")
install(TARGETS nnunet_app RUNTIME DESTINATION nnunet_native/bin COMPONENT python)
install(FILES ${page_files} DESTINATION nnunet_native/share/nnunet/page COMPONENT python)
install(FILES ${CMAKE_SOURCE_DIR}/python/nnunet_native_program.py DESTINATION . COMPONENT python)

# The names that nnunet-native v2-links makes.
set(bin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
file(GLOB v2_links RELATIVE ${bin}/v2 ${bin}/v2/nnUNetv2_*)
list(JOIN v2_links "\n" v2_links)
file(WRITE ${CMAKE_BINARY_DIR}/v2_commands "${v2_links}\n")
install(FILES ${CMAKE_BINARY_DIR}/v2_commands DESTINATION nnunet_native/bin COMPONENT python)
