/* segment MODEL IMAGE.raw D H W SZ SY SX LABELS.raw
 *
 * Segments an image of float32 voxels (channels,D,H,W) with the spacing (SZ,SY,SX) in mm, and writes a byte a voxel.
 * MODEL is a model of nnU-Net v2 (folder or zip) or a checkpoint of nnunet. Prints the volume of each structure. */
#include <nnunet.h>
#include <stdio.h>
#include <stdlib.h>

static const nnunet_api* nn;

/* Says what failed and gives 0, else 1. */
static int fine(nnunet_status* status) {
  if (status == NULL) return 1;
  fprintf(stderr, "\nerror: %s\n", nn->status_message(status));
  nn->status_release(status);
  return 0;
}

static int show(void* user, const nnunet_progress* progress) {
  (void)user;
  if (progress->total > 0) fprintf(stderr, "\r%3.0f %%", 100.0 * (double)progress->done / (double)progress->total);
  return 0; /* anything else stops the work */
}

static int read_file(const char* path, void* to, size_t bytes) {
  FILE* file = fopen(path, "rb");
  const int read = file != NULL && fread(to, 1, bytes, file) == bytes;
  if (file != NULL) fclose(file);
  if (!read) fprintf(stderr, "error: %s does not hold %zu bytes\n", path, bytes);
  return read;
}

static int write_file(const char* path, const void* from, size_t bytes) {
  FILE* file = fopen(path, "wb");
  int written = file != NULL && fwrite(from, 1, bytes, file) == bytes;
  if (file != NULL && fclose(file) != 0) written = 0;
  if (!written) fprintf(stderr, "error: %s cannot be written\n", path);
  return written;
}

static void print_volumes(const nnunet_model* model, const nnunet_image* image, const unsigned char* labels,
                          size_t voxels) {
  const double voxel_ml = image->spacing[0] * image->spacing[1] * image->spacing[2] / 1000;
  const char* name;
  int32_t i, value;
  for (i = 1; (name = nn->model_label(model, i, &value)) != NULL; ++i) {
    size_t v, count = 0;
    for (v = 0; v < voxels; ++v) count += labels[v] == value;
    printf("%d %s: %.2f mL\n", (int)value, name, voxel_ml * (double)count);
  }
}

/* The buffers are the caller's. */
static int segment(nnunet_model* model, nnunet_image* image, unsigned char* labels) {
  nnunet_run_options run;
  nnunet_outputs outputs;
  int i;
  NNUNET_INIT(run);
  NNUNET_INIT(outputs);
  run.progress = show;
  outputs.labels.data = labels;
  outputs.labels.type = NNUNET_UINT8;
  outputs.labels.ndim = 3;
  for (i = 0; i < 3; ++i) outputs.labels.shape[i] = image->voxels.shape[i + 1];
  return fine(nn->segment(model, image, &run, &outputs));
}

int main(int argc, char** argv) {
  nnunet_model* model = NULL;
  nnunet_model_info info;
  nnunet_image image;
  float* voxels;
  unsigned char* labels;
  size_t count = 1;
  int i, done;
  if (argc != 10) {
    fprintf(stderr, "usage: segment MODEL IMAGE.raw D H W SZ SY SX LABELS.raw\n");
    return 2;
  }
  nn = nnunet_get_api(NNUNET_API_VERSION);
  if (nn == NULL) {
    fprintf(stderr, "error: the library is older than this program\n");
    return 1;
  }
  if (!fine(nn->model_open((const char* const*)&argv[1], 1, NULL, &model))) return 1;
  NNUNET_INIT(info);
  NNUNET_INIT(image);
  if (!fine(nn->model_info(model, &info))) return 1;
  image.name = argv[2];
  image.voxels.type = NNUNET_FLOAT32;
  image.voxels.ndim = 4;
  image.voxels.shape[0] = info.channels;
  for (i = 0; i < 3; ++i) {
    image.voxels.shape[i + 1] = strtol(argv[3 + i], NULL, 10);
    image.spacing[i] = strtod(argv[6 + i], NULL);
    count *= (size_t)image.voxels.shape[i + 1];
  }
  voxels = malloc(count * (size_t)info.channels * sizeof *voxels);
  labels = malloc(count);
  image.voxels.data = voxels;
  done = voxels != NULL && labels != NULL && read_file(argv[2], voxels, count * (size_t)info.channels * sizeof *voxels) &&
         segment(model, &image, labels) && write_file(argv[9], labels, count);
  if (done) fputc('\n', stderr);
  if (done) print_volumes(model, &image, labels, count);
  free(voxels);
  free(labels);
  nn->model_release(model);
  return done ? 0 : 1;
}
