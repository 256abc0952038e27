#include "v2_cases.h"

#include <utility>

namespace nnunet {
namespace {

class StoreCases final : public TrainingCases {
 public:
  explicit StoreCases(std::shared_ptr<const CaseStore> store) : store_(std::move(store)) {}

  std::string place() const override { return store_->folder().string(); }
  std::vector<std::string> names() const override { return store_->names(); }
  TrainingCase open(const std::string& name) const override {
    const auto stored = store_->open(name);
    TrainingCase c;
    c.image = stored->image();
    c.channels = stored->channels();
    c.size = stored->size();
    c.labels = {stored->label()};
    if (stored->previous() != nullptr) c.labels.push_back(stored->previous());
    for (std::size_t i = 0; i < stored->requests(); ++i) c.locations.push_back(stored->locations(i));
    c.memory = stored;
    return c;
  }

 private:
  std::shared_ptr<const CaseStore> store_;
};

}  // namespace

std::shared_ptr<const TrainingCases> training_cases(std::shared_ptr<const CaseStore> store) {
  return std::make_shared<StoreCases>(std::move(store));
}

}  // namespace nnunet
