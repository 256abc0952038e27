#pragma once

/// A function that loops compiled for several vector units call (core/vectorized.h): it must become part of each.
#define NNUNET_INLINE inline __attribute__((always_inline))
