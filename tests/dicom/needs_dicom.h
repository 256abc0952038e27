#pragma once
#include <gtest/gtest.h>

#include <iostream>

#include "nnunet/dicom/find_series.h"

/// In a test that reads DICOM: skips loudly in builds without it.
#define NNUNET_NEEDS_DICOM()                                 \
  if (std::string why; !nnunet::dicom::is_available(&why)) { \
    std::cerr << "SKIPPED: no DICOM: " << why << std::endl;  \
    GTEST_SKIP() << "no DICOM: " << why;                     \
  }
