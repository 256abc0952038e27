# DICOM: what reads files (libnnunet_dicom: GDCM, OpenJPEG) and what writes and sends objects (libnnunet_dicom_objects:
# DCMTK). Libraries of their own that are loaded when the first file is read or object written, so that nothing else
# waits for their dictionaries or needs them installed.
set(NNUNET_DICOM AUTO CACHE STRING "DICOM in and out (GDCM, OpenJPEG; DCMTK): AUTO where the libraries are, ON, OFF")
set_property(CACHE NNUNET_DICOM PROPERTY STRINGS AUTO ON OFF)
set(NNUNET_DICOM_ARCHIVES "" CACHE PATH "The folder of scripts/setup_dicom.sh: GDCM and DCMTK as archives, for the portable program and the Python wheel")
set(NNUNET_HAS_GDCM OFF)
set(NNUNET_HAS_DCMTK OFF)

# nnunet_gdcm_archives, nnunet_dcmtk_archives: all that their code needs is inside of what links them but zlib and OpenSSL.
if(NNUNET_DICOM AND NNUNET_DICOM_ARCHIVES)
  # nnunet_archives(TARGET FOLDER_OF_HEADERS NAMES name... LIBS lib...): each uses those behind it, and the libraries.
  function(nnunet_archives target headers)
    cmake_parse_arguments(ARCHIVES "" "" "NAMES;LIBS" ${ARGN})
    add_library(${target} INTERFACE)
    target_include_directories(${target} SYSTEM INTERFACE ${NNUNET_DICOM_ARCHIVES}/include/${headers})
    target_link_options(${target} INTERFACE -Wl,--gc-sections)
    list(REVERSE ARCHIVES_NAMES)
    set(behind ${ARCHIVES_LIBS})
    foreach(name IN LISTS ARCHIVES_NAMES)
      add_library(nnunet_archive_${name} STATIC IMPORTED)
      set_target_properties(nnunet_archive_${name} PROPERTIES INTERFACE_LINK_LIBRARIES "${behind}"
                            IMPORTED_LOCATION ${NNUNET_DICOM_ARCHIVES}/lib/lib${name}.a)
      list(PREPEND behind nnunet_archive_${name})
    endforeach()
    target_link_libraries(${target} INTERFACE ${behind})
  endfunction()
  foreach(name IN ITEMS uuid expat)
    find_library(NNUNET_STATIC_${name} lib${name}.a REQUIRED)
  endforeach()
  pkg_check_modules(openjpeg REQUIRED libopenjp2)
  nnunet_archives(nnunet_gdcm_archives gdcm
                  NAMES gdcmMSFF gdcmIOD gdcmDSED gdcmDICT gdcmCommon gdcmjpeg8 gdcmjpeg12 gdcmjpeg16 gdcmcharls openjp2
                  LIBS ${NNUNET_STATIC_uuid} ${NNUNET_STATIC_expat} ZLIB::ZLIB ${CMAKE_DL_LIBS})
  target_include_directories(nnunet_gdcm_archives SYSTEM INTERFACE ${openjpeg_INCLUDE_DIRS})
  target_compile_options(nnunet_gdcm_archives INTERFACE -Wno-nonnull)
  nnunet_archives(nnunet_dcmtk_archives . NAMES dcmtls dcmnet dcmdata oflog ofstd
                  LIBS OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB Threads::Threads)
endif()

# nnunet_dicom_part(RESULT PACKAGES found...): RESULT is ON where all were found.
function(nnunet_dicom_part result packages)
  set(${result} ON PARENT_SCOPE)
  foreach(found IN LISTS ARGN)
    if(NOT found)
      set(${result} OFF PARENT_SCOPE)
      if(NOT NNUNET_DICOM STREQUAL AUTO)
        message(FATAL_ERROR "NNUNET_DICOM=ON needs ${packages}")
      endif()
      message(STATUS "A part of DICOM is left out: ${packages} are not there")
      return()
    endif()
  endforeach()
endfunction()

# The targets nnunet_gdcm and nnunet_dcmtk: in the wheel the archives, else the system's shared libraries.
if(SKBUILD AND TARGET nnunet_gdcm_archives)
  set(NNUNET_HAS_GDCM ON)
  set(NNUNET_HAS_DCMTK ON)
  add_library(nnunet_gdcm ALIAS nnunet_gdcm_archives)
  add_library(nnunet_dcmtk ALIAS nnunet_dcmtk_archives)
elseif(NNUNET_DICOM)
  find_path(NNUNET_GDCM_INCLUDE gdcmReader.h PATH_SUFFIXES gdcm-3.0)
  find_library(NNUNET_GDCM_MSFF gdcmMSFF)
  find_library(NNUNET_GDCM_DSED gdcmDSED)
  find_library(NNUNET_GDCM_COMMON gdcmCommon)
  pkg_check_modules(openjpeg IMPORTED_TARGET libopenjp2)
  nnunet_dicom_part(NNUNET_HAS_GDCM "libgdcm-dev and libopenjp2-7-dev" ${NNUNET_GDCM_INCLUDE} ${NNUNET_GDCM_MSFF}
                    ${NNUNET_GDCM_DSED} ${NNUNET_GDCM_COMMON} ${openjpeg_FOUND})
  if(NNUNET_HAS_GDCM)
    add_library(nnunet_gdcm INTERFACE)
    target_include_directories(nnunet_gdcm SYSTEM INTERFACE ${NNUNET_GDCM_INCLUDE})
    target_compile_options(nnunet_gdcm INTERFACE -Wno-nonnull) # in its headers, wherever they are inlined
    target_link_libraries(nnunet_gdcm INTERFACE ${NNUNET_GDCM_MSFF} ${NNUNET_GDCM_DSED} ${NNUNET_GDCM_COMMON} PkgConfig::openjpeg)
  endif()

  find_path(NNUNET_DCMTK_INCLUDE dcmtk/dcmdata/dctk.h)
  set(dcmtk_libraries "")
  foreach(library IN ITEMS dcmtls dcmnet dcmdata ofstd oflog)
    find_library(NNUNET_DCMTK_${library} ${library})
    list(APPEND dcmtk_libraries ${NNUNET_DCMTK_${library}})
  endforeach()
  nnunet_dicom_part(NNUNET_HAS_DCMTK "libdcmtk-dev" ${NNUNET_DCMTK_INCLUDE} ${dcmtk_libraries})
  if(NNUNET_HAS_DCMTK)
    add_library(nnunet_dcmtk INTERFACE)
    target_include_directories(nnunet_dcmtk SYSTEM INTERFACE ${NNUNET_DCMTK_INCLUDE})
    target_link_libraries(nnunet_dcmtk INTERFACE ${dcmtk_libraries})
  endif()
endif()

# nnunet_make_dicom_library(TARGET GDCM): the module that reads files, with this GDCM.
function(nnunet_make_dicom_library target gdcm)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/dicom/gdcm/*.cpp)
  add_library(${target} MODULE ${sources})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src/dicom)
  # GDCM's headers assert what files say.
  target_compile_definitions(${target} PRIVATE NDEBUG)
  target_compile_options(${target} PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden)
  target_link_libraries(${target} PRIVATE nnunet_flags fmt::fmt ZLIB::ZLIB ${gdcm})
  target_link_options(${target} PRIVATE -Wl,--as-needed)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME nnunet_dicom)
endfunction()

function(nnunet_dicom_library)
  if(NNUNET_HAS_GDCM)
    nnunet_make_dicom_library(nnunet_dicom_library nnunet_gdcm)
    target_link_options(nnunet_dicom_library PRIVATE -Wl,--exclude-libs,ALL)
    install(TARGETS nnunet_dicom_library LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dicom)
  endif()
endfunction()

# nnunet_make_dicom_objects(TARGET DCMTK): the objects of what writes and sends, with this DCMTK.
function(nnunet_make_dicom_objects target dcmtk)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/dicom/dcmtk/*.cpp)
  add_library(${target} OBJECT ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/palette)
  target_link_libraries(${target} PUBLIC nnunet_flags OpenMP::OpenMP_CXX fmt::fmt ${dcmtk})
  target_precompile_headers(${target} REUSE_FROM nnunet_base_pch)
endfunction()

# After the library that it stands on.
function(nnunet_dicom_object_library)
  if(NOT NNUNET_HAS_DCMTK)
    return()
  endif()
  nnunet_make_dicom_objects(nnunet_dicom_objects nnunet_dcmtk) # which tests link, too
  add_library(nnunet_dicom_object_library MODULE $<TARGET_OBJECTS:nnunet_dicom_objects>)
  target_link_libraries(nnunet_dicom_object_library PRIVATE nnunet_infer_library nnunet_dcmtk)
  target_link_options(nnunet_dicom_object_library PRIVATE -Wl,--as-needed -Wl,--exclude-libs,ALL)
  set_target_properties(nnunet_dicom_object_library PROPERTIES OUTPUT_NAME nnunet_dicom_objects LINKER_LANGUAGE CXX
                        INSTALL_RPATH "\$ORIGIN")
  install(TARGETS nnunet_dicom_object_library LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dicom)
endfunction()
