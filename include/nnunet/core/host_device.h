#pragma once

/// Before functions that run on the CPU and in CUDA kernels alike.
#ifdef __CUDACC__
#define NNUNET_HOST_DEVICE __host__ __device__
#else
#define NNUNET_HOST_DEVICE
#endif
