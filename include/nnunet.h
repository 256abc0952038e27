/* nnU-Net's inference as a library with a C interface (C99, C++): models of this program and of nnU-Net v2, on the CPU.
 *
 *   const nnunet_api *nn = nnunet_get_api(NNUNET_API_VERSION);
 *   nnunet_model *model;
 *   nnunet_status *status = nn->model_open(&path, 1, NULL, &model);
 *   if (status != NULL) { puts(nn->status_message(status)); nn->status_release(status); }
 *
 * The library has one symbol, nnunet_get_api. All else is in the table that it returns, which only ever grows.
 *
 * Failures: functions that can fail return NULL, or a status with a code and a message, which the caller releases. A
 * call that failed made no object, and what it left in arrays of results counts for nothing. No exception comes out.
 * Memory: the caller's buffers are filled; what the library makes is released by the function of that name
 * (model_release). Every release function takes NULL.
 * Structs: those with a `struct_size` may grow; set it to sizeof, and everything that is not needed to 0 (NNUNET_INIT).
 * 0 is the default of every field. Texts are UTF-8 and end with 0.
 * Axes: arrays are in the order (channel or class, z, y, x); spacings are mm in the order (z, y, x). Planes are volumes
 * of depth 1.
 * Threads: every function may be called from any thread. Calls that name different models run at the same time. Calls
 * that name the same one may overlap, too: they prepare images beside each other and take turns with the networks; so
 * may those that name the same nnunet_dicom.
 * An object may be released when no call that names it is running. A process that forked after a call into this library
 * must not call it again in the child (OpenMP's threads are not there); start new processes instead.
 */
#ifndef NNUNET_H
#define NNUNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNUNET_API_VERSION 3

#if defined(__GNUC__)
#define NNUNET_EXPORT __attribute__((visibility("default")))
#else
#define NNUNET_EXPORT
#endif

/* Sets a struct to its defaults: nnunet_image image; NNUNET_INIT(image); */
#define NNUNET_INIT(object)                                    \
  do {                                                         \
    unsigned char* nnunet_byte_ = (unsigned char*)&(object);   \
    size_t nnunet_left_ = sizeof(object);                      \
    while (nnunet_left_ > 0) nnunet_byte_[--nnunet_left_] = 0; \
    (object).struct_size = sizeof(object);                     \
  } while (0)

typedef struct nnunet_status nnunet_status;     /* why a call failed */
typedef struct nnunet_text nnunet_text;         /* a text that the library made */
typedef struct nnunet_model nnunet_model;       /* trained networks, ready for use */
typedef struct nnunet_prepared nnunet_prepared; /* an image as the networks take it, and what undoes its preparation */
typedef struct nnunet_loaded nnunet_loaded;     /* an image that was read from files */
typedef struct nnunet_dicom nnunet_dicom;       /* the DICOM series that a folder, zip or file holds */

/* What status_code says. */
typedef int32_t nnunet_code;
enum {
  NNUNET_OK = 0,           /* of a status that is NULL */
  NNUNET_INVALID_CALL = 1, /* an argument that cannot be: a fault of the calling program */
  NNUNET_BAD_MODEL = 2,    /* no model, a damaged one, or one that is not supported */
  NNUNET_FAILED = 3,       /* an image was refused (channels, NaN, ..), a file could not be read or written */
  NNUNET_CANCELLED = 4,    /* the progress function asked for it */
  NNUNET_NO_MEMORY = 5,
  NNUNET_INTERNAL = 6 /* a fault of this library */
};

/* Types of numbers. */
typedef int32_t nnunet_type;
enum {
  NNUNET_UINT8 = 1,
  NNUNET_INT8 = 2,
  NNUNET_UINT16 = 3,
  NNUNET_INT16 = 4,
  NNUNET_UINT32 = 5,
  NNUNET_INT32 = 6,
  NNUNET_UINT64 = 7,
  NNUNET_INT64 = 8,
  NNUNET_FLOAT32 = 9,
  NNUNET_FLOAT64 = 10
};

/* Something that the model decides, unless it is asked for. */
typedef int32_t nnunet_choice;
enum { NNUNET_AS_MODEL = 0, NNUNET_ON = 1, NNUNET_OFF = 2 };

typedef int32_t nnunet_level;
enum { NNUNET_INFO = 0, NNUNET_WARNING = 1, NNUNET_ERROR = 2 };

/* An array in the caller's memory. It is not copied, and only written where it is a result. */
typedef struct nnunet_array {
  void* data;         /* the first number; NULL: there is no array */
  nnunet_type type;   /* of the numbers, aligned for it, in this machine's byte order */
  int32_t ndim;       /* 3 or 4: how many axes count below */
  int64_t shape[4];   /* slowest axis first */
  int64_t strides[4]; /* bytes along each axis, as numpy's; may be negative; all 0: C order */
} nnunet_array;

/* An image to segment. */
typedef struct nnunet_image {
  size_t struct_size;
  nnunet_array voxels; /* (C,D,H,W), or (D,H,W) for one channel; any type but results are those of float32 */
  double spacing[3];   /* mm, (z,y,x); what nnU-Net's readers give as properties["spacing"] */
  /* For models whose reader turns images to canonical axes (info.reorients): where the axes x, y, z point, as the
   * columns of a 3x3 matrix, row by row, in LPS as ITK has it. All 0: the array is on such axes already, as nnU-Net's
   * readers return it. Other models do not look at it. Results are on the array's own axes. */
  double direction[9];
  nnunet_array previous; /* a cascade's second stage: labels (D,H,W) of the stage before, of an integer type */
  const char* name;      /* used in messages; NULL: "image" */
} nnunet_image;

/* How far a call is. */
typedef struct nnunet_progress {
  size_t struct_size;
  int64_t done, total;   /* windows of this image; 0, 0 while it is read and prepared */
  int64_t image, images; /* which image (from 0) of how many */
  const char* name;      /* of the image; valid during the call */
} nnunet_progress;

/* Called before, between and after the windows of an image, by the thread that made the call, one call at a time. To
 * return anything but 0 ends the work: the call then fails with NNUNET_CANCELLED. */
typedef int (*nnunet_progress_function)(void* user, const nnunet_progress* progress);

/* An image of segment_files or segment_folder is finished; failure: NULL, or the message of what went wrong. By any
 * thread, one call at a time. */
typedef void (*nnunet_image_function)(void* user, int64_t image, const char* name, const char* failure);

/* A line of the log, without a newline. By any thread, one call at a time; it must not call this library. */
typedef void (*nnunet_log_function)(void* user, nnunet_level level, const char* message);

typedef struct nnunet_model_options {
  size_t struct_size;
  /* Of nnU-Net v2's models: "0", "1", .., "all"; none: every fold that is there, else "all". */
  const char* const* folds;
  size_t folds_count;
  const char* checkpoint; /* of nnU-Net v2's models; NULL: "checkpoint_final.pth" */
  nnunet_choice bf16;     /* NNUNET_ON: bf16 arithmetic where the processor has it; otherwise float32 */
  /* Since version 3. Of checkpoints of NVIDIA's nnU-Net for PyTorch, which do not say how images are prepared: the
   * config.json that does, or the preprocessed folder that holds it. Other models do not look at it. NULL: none. */
  const char* data;
} nnunet_model_options;

/* How a volume goes through the networks. */
typedef struct nnunet_run_options {
  size_t struct_size;
  double tile_step;        /* step between windows as a share of the patch, in (0,1]; 0: 0.5 */
  nnunet_choice mirroring; /* mean over mirror images (test-time augmentation) */
  nnunet_choice gaussian;  /* NNUNET_OFF: all voxels of a window count alike */
  nnunet_choice precise;   /* NNUNET_ON: sums in float32, where nnU-Net v2 has them in float16 */
  int32_t batch_size;      /* windows at a time; 0: chosen by the patch */
  int32_t threads;         /* 0: OMP_NUM_THREADS, or as many as there are cores; at most 1024 */
  const char* scratch;     /* folder for a file of the sums that wait, which saves memory; NULL: they lie in memory */
  nnunet_progress_function progress; /* may be NULL */
  void* progress_user;
} nnunet_run_options;

/* Where the result of a segmentation goes: memory of the caller. One of them at least. */
typedef struct nnunet_outputs {
  size_t struct_size;
  nnunet_array labels;        /* (D,H,W), NNUNET_UINT8 (unless info.label_type is NNUNET_UINT16) or NNUNET_UINT16 */
  nnunet_array probabilities; /* (classes,D,H,W) NNUNET_FLOAT32: softmax, or sigmoid for regions */
} nnunet_outputs;

typedef struct nnunet_model_info {
  size_t struct_size;
  int32_t dim;            /* 3, or 2: slices, one by one */
  int32_t channels;       /* of images */
  int32_t input_channels; /* of the networks: more than those of images in a cascade's second stage */
  int32_t classes;        /* outputs of the networks: first axis of probabilities and logits */
  int32_t labels;         /* how many values label maps can have, background included (model_label) */
  nnunet_type label_type; /* NNUNET_UINT8 or NNUNET_UINT16 */
  int32_t regions;        /* 1: classes are regions, which may overlap */
  int32_t previous_stage; /* 1: a cascade's second stage, which takes labels of the first */
  int32_t reorients;      /* 1: images are turned to canonical axes first (nnunet_image.direction) */
  int32_t networks;       /* folds whose mean is taken */
  int32_t transpose[3];   /* axis i of the networks is axis transpose[i] of the image's (z,y,x) */
  int64_t patch[3];       /* size of a window (d,h,w), 1 first for slices; in the networks' axes, as is spacing */
  double spacing[3];      /* mm, to which images are resampled; 0 first for slices, whose distance stays */
} nnunet_model_info;

/* A model's file in memory. */
typedef struct nnunet_bytes {
  const void* data;
  size_t size;
} nnunet_bytes;

/* An image in files, and where its results go. */
typedef struct nnunet_image_files {
  size_t struct_size;
  const char* const* channels; /* one file with all channels, or one a channel, in their order */
  size_t channels_count;
  const char* labels;        /* the label map: a file name with the ending of the model's images (".nii.gz") */
  const char* probabilities; /* NAME.npy, or NAME.npz with NAME.pkl beside as nnU-Net v2 writes them; NULL: none */
  const char* previous;      /* a cascade's second stage: label map of the first; NULL: none */
} nnunet_image_files;

typedef struct nnunet_folder_options {
  size_t struct_size;
  const char* previous;       /* folder of the previous stage's label maps; NULL: none */
  int32_t save_probabilities; /* 1: also CASE.npz and CASE.pkl */
  int32_t keep_existing;      /* 1: images whose results are there are left out (segment_folder says which) */
  int32_t parts, part;        /* only every parts-th image, from part on; 0, 0: all */
} nnunet_folder_options;

typedef struct nnunet_counts {
  size_t struct_size;
  int64_t segmented, kept, failed;
} nnunet_counts;

/* What of DICOM a label map becomes. */
typedef int32_t nnunet_object;
enum {
  NNUNET_BINARY = 0,   /* Segmentation, BINARY: a bit a voxel and label */
  NNUNET_LABELMAP = 1, /* Label Map Segmentation (Supplement 243): a number a voxel */
  NNUNET_RTSTRUCT = 2  /* RT Structure Set: closed contours on each plane */
};

typedef struct nnunet_object_options {
  size_t struct_size;
  nnunet_object type;
  /* What values of labels are called, their codes and colours: the text of a labels.json (docs/dicom-out.md). NULL: the
   * names of `model`; without that "label 1", .. */
  const char* labels;
  const nnunet_model* model; /* whose labels these are; may be NULL */
  const char* algorithm;     /* its name; NULL: "nnU-Net (nnunet)" */
  const char* description;   /* of the object's series; ", not a medical device" follows. NULL: "Segmentation" */
  int32_t series_number;     /* 0: 1000 */
  int32_t anonymous;         /* 1: what says who the patient is stays empty */
} nnunet_object_options;

/* The functions. `options`, `run` and `folder` may be NULL: the defaults. */
typedef struct nnunet_api {
  uint32_t struct_size; /* bytes of this table: what lies beyond is not there */
  uint32_t version;     /* NNUNET_API_VERSION of the library */

  /* "0.1.0+539196e3f" */
  const char* (*program_version)(void);

  /* NULL: NNUNET_OK, "". The message is valid until the release. */
  nnunet_code (*status_code)(const nnunet_status* status);
  const char* (*status_message)(const nnunet_status* status);
  void (*status_release)(nnunet_status* status);

  const char* (*text_chars)(const nnunet_text* text);
  size_t (*text_size)(const nnunet_text* text); /* bytes without the 0 at the end */
  void (*text_release)(nnunet_text* text);

  /* Where the lines of the log go from now on, for all models; NULL: nowhere. Before the first call warnings and errors
   * go to stderr. When it returns, the function before is no longer called. */
  nnunet_status* (*set_log)(nnunet_log_function log, void* user);

  /* Models ---------------------------------------------------------------------------------------------------------*/

  /* paths: a model of nnU-Net v2 (its folder TRAINER__PLANS__CONFIGURATION, a fold's folder, an exported zip, a
   * checkpoint_*.pth), or one or more checkpoints of this program, whose mean is taken. */
  nnunet_status* (*model_open)(const char* const* paths, size_t count, const nnunet_model_options* options,
                               nnunet_model** model);
  /* The same files from memory (zips, .pth, .ckpt), which is not needed afterwards. */
  nnunet_status* (*model_open_memory)(const nnunet_bytes* files, size_t count, const nnunet_model_options* options,
                                      nnunet_model** model);
  void (*model_release)(nnunet_model* model);

  /* Fills as much of info as its struct_size says. */
  nnunet_status* (*model_info)(const nnunet_model* model, nnunet_model_info* info);
  /* Valid as long as the model; "": not known; NULL: there is no channel i. */
  const char* (*model_channel)(const nnunet_model* model, int32_t i);
  /* Value i (0 <= i < info.labels, ascending) of label maps and its name, likewise; value may be NULL. */
  const char* (*model_label)(const nnunet_model* model, int32_t i, int32_t* value);
  /* All of that and more as a JSON object (docs/c-api.md). */
  nnunet_status* (*model_json)(const nnunet_model* model, nnunet_text** json);
  /* Most bytes that segment will take for an image of this shape (D,H,W) and spacing, beside the caller's arrays and
   * what the networks hold (model_json: network.weights_mib, network.activations_mib). An upper bound, as if nothing
   * could be cropped away. */
  nnunet_status* (*model_memory)(const nnunet_model* model, const int64_t shape[3], const double spacing[3],
                                 const nnunet_run_options* run, int64_t* bytes);

  /* Arrays ---------------------------------------------------------------------------------------------------------*/

  /* The label map of an image, and its probabilities: exactly what the program makes of the same image in a file. */
  nnunet_status* (*segment)(nnunet_model* model, const nnunet_image* image, const nnunet_run_options* run,
                            const nnunet_outputs* outputs);

  /* The same in steps. prepare crops, normalises and resamples; threads as in nnunet_run_options. */
  nnunet_status* (*prepare)(const nnunet_model* model, const nnunet_image* image, int32_t threads,
                            nnunet_prepared** prepared);
  void (*prepared_release)(nnunet_prepared* prepared);
  /* The prepared image (input channels,D,H,W), NNUNET_FLOAT32, in C order; valid until the release. */
  nnunet_status* (*prepared_array)(const nnunet_prepared* prepared, nnunet_array* array);
  /* What undoes it as a JSON object, under nnU-Net's names: spacing, shape_before_cropping, bbox_used_for_cropping,
   * shape_after_cropping_and_before_resampling; and `turned` where the axes were. */
  nnunet_status* (*prepared_json)(const nnunet_prepared* prepared, nnunet_text** json);
  /* From that JSON, without an array: for restore. Other keys are not looked at. */
  nnunet_status* (*prepared_from_json)(const nnunet_model* model, const char* json, nnunet_prepared** prepared);
  /* As segment does from there on. outputs: on the image's own axes. */
  nnunet_status* (*segment_prepared)(nnunet_model* model, const nnunet_prepared* prepared,
                                     const nnunet_run_options* run, const nnunet_outputs* outputs);
  /* The sliding window alone: input (input channels,D,H,W) NNUNET_FLOAT32, in C order, on the prepared grid; logits
   * (classes,D,H,W) NNUNET_FLOAT32, in any order. */
  nnunet_status* (*logits)(nnunet_model* model, const nnunet_array* input, const nnunet_run_options* run,
                           const nnunet_array* logits);
  /* From logits (classes,D,H,W) NNUNET_FLOAT32, in C order, on the prepared grid to the image's own. precise: as in the
   * call that made them. */
  nnunet_status* (*restore)(const nnunet_model* model, const nnunet_prepared* prepared, const nnunet_array* logits,
                            nnunet_choice precise, const nnunet_outputs* outputs);

  /* Files ----------------------------------------------------------------------------------------------------------*/

  /* Segments images one after the other; the next one is read and the last one written beside the networks. Images that
   * fail are told to `finished` (may be NULL) and counted, the others go on. Existing files are replaced. Label maps
   * have their image's geometry. counts may be NULL. */
  nnunet_status* (*segment_files)(nnunet_model* model, const nnunet_image_files* images, size_t count,
                                  const nnunet_run_options* run, nnunet_image_function finished, void* finished_user,
                                  nnunet_counts* counts);
  /* All images of a folder (CASE_0000.nii.gz, ..) to label maps (CASE.nii.gz) in another one, as nnUNetv2_predict.
   * keep_existing: of models of nnU-Net v2, whatever is there is kept. Label maps of checkpoints have a record beside
   * them (in the folder .nnunet) as `nnunet predict` writes it: those that the same networks, options and images would
   * make again are kept, others are made anew, and one that has no record or was edited since is refused. */
  nnunet_status* (*segment_folder)(nnunet_model* model, const char* input, const char* output,
                                   const nnunet_folder_options* folder, const nnunet_run_options* run,
                                   nnunet_image_function finished, void* finished_user, nnunet_counts* counts);

  /* Between files and arrays, since version 2 ----------------------------------------------------------------------*/

  /* Reads an image as the model's reader does; of files, channels and previous count. */
  nnunet_status* (*image_read)(const nnunet_model* model, const nnunet_image_files* files, nnunet_loaded** loaded);
  void (*loaded_release)(nnunet_loaded* loaded);
  /* It as segment and prepare take it: voxels (C,D,H,W) NNUNET_FLOAT32 in C order, on canonical axes where
   * info.reorients. What image points to is valid until the release. */
  nnunet_status* (*loaded_image)(const nnunet_loaded* loaded, nnunet_image* image);
  /* Where it lies as a JSON object, under the names of nnU-Net's readers: spacing, and sitk_stuff or nibabel_stuff
   * where the files know more. */
  nnunet_status* (*loaded_json)(const nnunet_loaded* loaded, nnunet_text** json);
  /* Writes labels (D,H,W) on the axes of loaded_image, NNUNET_UINT8 or NNUNET_UINT16, to where that JSON says, back on
   * the axes of the image's file. file: a name with the ending of the model's images; an existing one is replaced.
   * Other keys are not looked at. */
  nnunet_status* (*labels_write)(const nnunet_model* model, const nnunet_array* labels, const char* json,
                                 const char* file);

  /* DICOM, since version 3. Not a medical device. Needs libnnunet_dicom.so beside this library, and for objects
   * libnnunet_dicom_objects.so; where one is missing, the message says so and what to install. --------------------*/

  /* Looks for series of images in a folder and all below it, in a zip (unpacked to a temporary folder until the
   * release) or in a file. Nothing that says who the patient is is kept. */
  nnunet_status* (*dicom_find)(const char* path, nnunet_dicom** dicom);
  void (*dicom_release)(nnunet_dicom* dicom);
  /* The series, what is wrong with or unusual about each, and which files are in none, as a JSON object
   * (docs/c-api.md). */
  nnunet_status* (*dicom_json)(const nnunet_dicom* dicom, nnunet_text** json);
  /* Reads a series as an image; of several that lie on one grid a channel each. uids: series UIDs; none: the only
   * series that can be read. loaded_image gives voxels (channels,D,H,W) NNUNET_FLOAT32 on the series' own axes (z from
   * plane to plane) with their direction, so labels of segment are on these, too; loaded_json gives spacing and
   * sitk_stuff, so labels_write writes them as NIfTI. threads as in nnunet_run_options. */
  nnunet_status* (*dicom_image)(const nnunet_dicom* dicom, const char* const* uids, size_t count, int32_t threads,
                                nnunet_loaded** loaded);
  /* Writes labels (D,H,W) on the axes of dicom_image as an object of the series, that refers to its instances
   * (docs/dicom-out.md); an existing file is replaced, one of the series refused. uid: of the series; NULL: the only
   * one that can be read. options may be NULL. */
  nnunet_status* (*dicom_write)(const nnunet_dicom* dicom, const char* uid, const nnunet_array* labels,
                                const nnunet_object_options* options, const char* file);

  /* Scores, since version 3 ----------------------------------------------------------------------------------------*/

  /* How a label map (D,H,W) agrees with another one, of any type of numbers, 0 to 255: Dice, HD95 (mm), precision,
   * recall and volumes (mL) of each label, as `nnunet score --json` gives them (docs/c-api.md). spacing: mm,
   * (z,y,x). */
  nnunet_status* (*score)(const nnunet_array* labels, const nnunet_array* reference, const double spacing[3],
                          nnunet_text** json);
} nnunet_api;

/* The functions of this version of the interface and of all before it, valid as long as the library is loaded; NULL:
 * the library is older than that. Thread-safe. */
NNUNET_EXPORT const nnunet_api* nnunet_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif
