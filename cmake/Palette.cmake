# The colours of label maps: web/palette.json is what the page reads, and palette.h made from it what pictures are drawn
# with. "few": up to seven classes, Okabe and Ito's colours, as bright as a grey image asks for, which people with any
# colour vision tell apart. "many": more classes, hues by the golden angle in three saturations and two lightnesses.
set(palette_file ${CMAKE_SOURCE_DIR}/web/palette.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${palette_file})
file(READ ${palette_file} palette_json)
set(palette_header "#pragma once\n#include <array>\n#include <cstdint>\n\nnamespace nnunet::palette {\n\n")
foreach(name IN ITEMS few many)
  string(JSON colours GET ${palette_json} ${name})
  string(JSON count LENGTH ${palette_json} ${name})
  string(REGEX REPLACE "[^0-9a-f,]" "" colours "${colours}")
  string(REGEX REPLACE "([0-9a-f]+)" "0x\\1" colours "${colours}")
  string(APPEND palette_header "inline constexpr std::array<std::uint32_t, ${count}> ${name}{${colours}};\n")
endforeach()
string(APPEND palette_header "\n}  // namespace nnunet::palette\n")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/palette/palette.h CONTENT "${palette_header}" @ONLY)
target_include_directories(nnunet_report PRIVATE ${CMAKE_BINARY_DIR}/palette)
