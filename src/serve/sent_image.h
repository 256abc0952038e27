#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "label_answer.h"
#include "nnunet/dicom/codes.h"
#include "nnunet/serve/served_model.h"
#include "nnunet/serve/service.h"

namespace nnunet::serve {

/// An image that a client sent, and how its label map is answered.
class SentImage {
 public:
  virtual ~SentImage() = default;
  /// Once, from a worker. Throws HttpError, Error.
  virtual Image read() = 0;
  /// After read(). both: also as NIfTI.
  virtual LabelAnswer answer(const LabelMap& label, bool both) = 0;
};

/// A model as far as it matters for images and what is made of them.
struct ImageTaker {
  std::string name;
  const ServedModel& model;
  const std::vector<dicom::Segment>& segments;  ///< empty: by the model's names
  std::string study;                            ///< UID of the only study that is taken; empty: any
};

/// Takes the body; fields of a form join the query. Throws HttpError for what this model does not take.
std::unique_ptr<SentImage> take_image(HttpRequest& request, const ImageTaker& taker, const ServiceOptions& options);

/// Of a DICOM study the image that take_image's model would get, as NIfTI (float32). Takes the body. The answer is made
/// by a worker. Throws HttpError.
std::function<HttpResponse()> take_study_as_nifti(HttpRequest& request, const ServiceOptions& options);

}  // namespace nnunet::serve
