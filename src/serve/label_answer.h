#pragma once
#include <optional>

#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// What a label map is answered as.
struct LabelAnswer {
  HttpResponse answer;
  std::optional<HttpResponse> label_map = {};  ///< as NIfTI, where the answer is something else
};

}  // namespace nnunet::serve
