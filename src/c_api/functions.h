#pragma once
#include "nnunet.h"

/// The functions of the table; nnunet.h says what they do.
namespace nnunet::c_api {

nnunet_code status_code(const nnunet_status* status);
const char* status_message(const nnunet_status* status);
void status_release(nnunet_status* status);

nnunet_status* model_open(const char* const* paths, size_t count, const nnunet_model_options* options,
                          nnunet_model** model);
nnunet_status* model_open_memory(const nnunet_bytes* files, size_t count, const nnunet_model_options* options,
                                 nnunet_model** model);
void model_release(nnunet_model* model);
nnunet_status* model_info(const nnunet_model* model, nnunet_model_info* info);
const char* model_channel(const nnunet_model* model, int32_t i);
const char* model_label(const nnunet_model* model, int32_t i, int32_t* value);
nnunet_status* model_json(const nnunet_model* model, nnunet_text** json);
nnunet_status* model_memory(const nnunet_model* model, const int64_t shape[3], const double spacing[3],
                            const nnunet_run_options* run, int64_t* bytes);

nnunet_status* segment(nnunet_model* model, const nnunet_image* image, const nnunet_run_options* run,
                       const nnunet_outputs* outputs);
nnunet_status* segment_prepared(nnunet_model* model, const nnunet_prepared* prepared, const nnunet_run_options* run,
                                const nnunet_outputs* outputs);
nnunet_status* logits(nnunet_model* model, const nnunet_array* input, const nnunet_run_options* run,
                      const nnunet_array* logits);
nnunet_status* restore(const nnunet_model* model, const nnunet_prepared* prepared, const nnunet_array* logits,
                       nnunet_choice precise, const nnunet_outputs* outputs);

nnunet_status* prepare(const nnunet_model* model, const nnunet_image* image, int32_t threads,
                       nnunet_prepared** prepared);
void prepared_release(nnunet_prepared* prepared);
nnunet_status* prepared_array(const nnunet_prepared* prepared, nnunet_array* array);
nnunet_status* prepared_json(const nnunet_prepared* prepared, nnunet_text** json);
nnunet_status* prepared_from_json(const nnunet_model* model, const char* json, nnunet_prepared** prepared);

nnunet_status* segment_files(nnunet_model* model, const nnunet_image_files* images, size_t count,
                             const nnunet_run_options* run, nnunet_image_function finished, void* finished_user,
                             nnunet_counts* counts);
nnunet_status* segment_folder(nnunet_model* model, const char* input, const char* output,
                              const nnunet_folder_options* folder, const nnunet_run_options* run,
                              nnunet_image_function finished, void* finished_user, nnunet_counts* counts);

nnunet_status* image_read(const nnunet_model* model, const nnunet_image_files* files, nnunet_loaded** loaded);
void loaded_release(nnunet_loaded* loaded);
nnunet_status* loaded_image(const nnunet_loaded* loaded, nnunet_image* image);
nnunet_status* loaded_json(const nnunet_loaded* loaded, nnunet_text** json);
nnunet_status* labels_write(const nnunet_model* model, const nnunet_array* labels, const char* json, const char* file);

nnunet_status* dicom_find(const char* path, nnunet_dicom** dicom);
void dicom_release(nnunet_dicom* dicom);
nnunet_status* dicom_json(const nnunet_dicom* dicom, nnunet_text** json);
nnunet_status* dicom_image(const nnunet_dicom* dicom, const char* const* uids, size_t count, int32_t threads,
                           nnunet_loaded** loaded);
nnunet_status* dicom_write(const nnunet_dicom* dicom, const char* uid, const nnunet_array* labels,
                           const nnunet_object_options* options, const char* file);

nnunet_status* score(const nnunet_array* labels, const nnunet_array* reference, const double spacing[3],
                     nnunet_text** json);

}  // namespace nnunet::c_api
