// What other programs are compiled against may not move: the table and the structs only ever grow at their ends.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>

#include "calls.h"
#include "program.h"

namespace nnunet::test {
namespace {

/// A later version adds its own lines below; these stay.
TEST(CInterfaceTable, FunctionsStayWhereTheyAre) {
  std::size_t at = 8;
#define NNUNET_NEXT(function)                    \
  EXPECT_EQ(offsetof(nnunet_api, function), at); \
  at += sizeof(void (*)())
  EXPECT_EQ(offsetof(nnunet_api, struct_size), 0U);
  EXPECT_EQ(offsetof(nnunet_api, version), 4U);
  NNUNET_NEXT(program_version);
  NNUNET_NEXT(status_code);
  NNUNET_NEXT(status_message);
  NNUNET_NEXT(status_release);
  NNUNET_NEXT(text_chars);
  NNUNET_NEXT(text_size);
  NNUNET_NEXT(text_release);
  NNUNET_NEXT(set_log);
  NNUNET_NEXT(model_open);
  NNUNET_NEXT(model_open_memory);
  NNUNET_NEXT(model_release);
  NNUNET_NEXT(model_info);
  NNUNET_NEXT(model_channel);
  NNUNET_NEXT(model_label);
  NNUNET_NEXT(model_json);
  NNUNET_NEXT(model_memory);
  NNUNET_NEXT(segment);
  NNUNET_NEXT(prepare);
  NNUNET_NEXT(prepared_release);
  NNUNET_NEXT(prepared_array);
  NNUNET_NEXT(prepared_json);
  NNUNET_NEXT(prepared_from_json);
  NNUNET_NEXT(segment_prepared);
  NNUNET_NEXT(logits);
  NNUNET_NEXT(restore);
  NNUNET_NEXT(segment_files);
  NNUNET_NEXT(segment_folder);
  EXPECT_EQ(at, 224U);  // the end of version 1
  NNUNET_NEXT(image_read);
  NNUNET_NEXT(loaded_release);
  NNUNET_NEXT(loaded_image);
  NNUNET_NEXT(loaded_json);
  NNUNET_NEXT(labels_write);
  EXPECT_EQ(at, 264U);  // the end of version 2
  NNUNET_NEXT(dicom_find);
  NNUNET_NEXT(dicom_release);
  NNUNET_NEXT(dicom_json);
  NNUNET_NEXT(dicom_image);
  NNUNET_NEXT(dicom_write);
  NNUNET_NEXT(score);
  EXPECT_EQ(at, 312U);  // the end of version 3
#undef NNUNET_NEXT
  EXPECT_GE(sizeof(nnunet_api), at);
}

TEST(CInterfaceTable, StructsKeepTheirSizes) {
  EXPECT_EQ(sizeof(nnunet_array), 80U);  // this one has no struct_size and never changes
  EXPECT_EQ(sizeof(nnunet_bytes), 16U);
  EXPECT_EQ(sizeof(nnunet_image), 272U);
  EXPECT_EQ(sizeof(nnunet_progress), 48U);
  EXPECT_EQ(offsetof(nnunet_model_options, data), 40U);  // the end of versions 1 and 2
  EXPECT_EQ(sizeof(nnunet_model_options), 48U);
  EXPECT_EQ(sizeof(nnunet_run_options), 64U);
  EXPECT_EQ(sizeof(nnunet_outputs), 168U);
  EXPECT_EQ(sizeof(nnunet_model_info), 112U);
  EXPECT_EQ(sizeof(nnunet_image_files), 48U);
  EXPECT_EQ(sizeof(nnunet_folder_options), 32U);
  EXPECT_EQ(sizeof(nnunet_counts), 32U);
  EXPECT_EQ(sizeof(nnunet_object_options), 56U);
  EXPECT_EQ(offsetof(nnunet_object_options, series_number), 48U);
  EXPECT_EQ(offsetof(nnunet_image, direction), 112U);
  EXPECT_EQ(offsetof(nnunet_run_options, scratch), 40U);
  EXPECT_EQ(offsetof(nnunet_model_info, patch), 64U);
}

TEST(CInterfaceTable, IsThereForEachVersionUpToThis) {
  EXPECT_EQ(nnunet_get_api(0), nullptr);
  EXPECT_EQ(nnunet_get_api(NNUNET_API_VERSION + 1), nullptr);
  for (std::uint32_t version = 1; version <= NNUNET_API_VERSION; ++version) {
    const nnunet_api* const table = nnunet_get_api(version);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->struct_size, sizeof(nnunet_api));
    EXPECT_EQ(table->version, NNUNET_API_VERSION);
    const auto* const functions = reinterpret_cast<void* const*>(table) + 1;
    for (std::size_t i = 0; i < (sizeof(nnunet_api) - 8) / sizeof(void*); ++i) EXPECT_NE(functions[i], nullptr) << i;
  }
  EXPECT_NE(std::string(api().program_version()), "");
}

#ifndef NNUNET_SANITIZED  // whose runtimes add symbols and libraries
TEST(CInterfaceTable, TheLibraryHasOneSymbol) {
  const Outcome symbols = shell("nm --dynamic --defined-only --format=just-symbols '" NNUNET_C_LIBRARY "'");
  ASSERT_EQ(symbols.code, 0) << symbols.text;
  EXPECT_EQ(symbols.text, "nnunet_get_api\n");
}

TEST(CInterfaceTable, TheLibraryNeedsOnlyWhatInferenceDoes) {
  const Outcome needed = shell("objdump --private-headers '" NNUNET_C_LIBRARY "' | grep NEEDED");
  ASSERT_EQ(needed.code, 0) << needed.text;
  for (const char* const other :
       {"libcurl", "libgrpc", "libcairo", "libssl", "libprotobuf", "libtorch", "nnunet_infer"})
    EXPECT_EQ(needed.text.find(other), std::string::npos) << other << " in\n" << needed.text;
}
#endif

}  // namespace
}  // namespace nnunet::test
