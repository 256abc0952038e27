#include <utility>

#include "nnunet/data/case_store.h"
#include "nnunet/data/training_cases.h"

namespace nnunet {
namespace {

class StoredTrainingCases final : public TrainingCases {
 public:
  explicit StoredTrainingCases(std::shared_ptr<const CaseStore> store) : store_(std::move(store)) {}

  std::string place() const override { return store_->folder().string(); }
  std::vector<std::string> names() const override { return store_->names(); }

  TrainingCase open(const std::string& name) const override {
    const std::shared_ptr<const StoredCase> stored = store_->open(name);
    TrainingCase view{.image = stored->image(), .channels = stored->channels(), .size = stored->size()};
    view.labels.push_back(stored->label());
    if (stored->previous() != nullptr) view.labels.push_back(stored->previous());
    for (std::size_t i = 0; i < stored->requests(); ++i) view.locations.push_back(stored->locations(i));
    view.memory = stored;
    return view;
  }

 private:
  const std::shared_ptr<const CaseStore> store_;
};

}  // namespace

std::shared_ptr<const TrainingCases> training_cases(std::shared_ptr<const CaseStore> store) {
  return std::make_shared<StoredTrainingCases>(std::move(store));
}

}  // namespace nnunet
