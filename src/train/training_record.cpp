#include "training_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nnunet {
namespace {

std::int64_t evaluated_cases(const TrainOptions& o, const FoldSplit& fold) {
  const auto all = static_cast<std::int64_t>(fold.val_names.size());
  return o.test_batches > 0 ? std::min(o.test_batches, all) : all;
}

std::map<std::string, std::string> options_of(const TrainOptions& o, const FoldSplit& fold,
                                              const TrainingPlace& place) {
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  const bool several = place.processes > 1;
  std::map<std::string, std::string> options{{"seed", text(o.seed)},
                                             {"fold", text(o.cases.fold)},
                                             {"nfolds", text(o.cases.nfolds)},
                                             {"batch_size", text(o.batch_size * place.processes)},
                                             {"nvol", text(o.nvol * place.processes)},
                                             {"data2d_dim", text(o.data2d_dim)},
                                             {"train_batches", text(o.train_batches)},
                                             {"test_batches", text(evaluated_cases(o, fold))},
                                             {"oversampling", text(o.oversampling)},
                                             {"focal", text(o.focal)},
                                             {"local_dice", text(o.local_dice && several)},
                                             {"sync_batchnorm", text(o.sync_batchnorm && several)},
                                             {"gradient_clip_val", text(o.gradient_clip_val)},
                                             {"optimizer", o.optimizer.name},
                                             {"learning_rate", text(o.optimizer.learning_rate)},
                                             {"weight_decay", text(o.optimizer.weight_decay)},
                                             {"momentum", text(o.optimizer.momentum)},
                                             {"scheduler", o.scheduler.name},
                                             {"precision", precision_name(place.precision)},
                                             {"engine", place.native ? "native" : "libtorch"},
                                             {"overlap", text(o.windows.overlap)},
                                             {"blend", o.windows.blend == Blend::gaussian ? "gaussian" : "constant"},
                                             {"tta", text(o.windows.tta)}};
  if (o.scheduler.name == "multistep") options["steps"] = fmt::format("{}", fmt::join(o.scheduler.steps, " "));
  if (o.scheduler.name == "multistep" || o.scheduler.name == "plateau") options["factor"] = text(o.scheduler.factor);
  if (o.scheduler.name == "plateau") options["lr_patience"] = text(o.scheduler.lr_patience);
  if (o.scheduler.name == "cosine") options["max_epochs"] = text(o.max_epochs);
  return options;
}

Value to_value(const std::map<std::string, std::string>& texts) {
  Value::Dict dict;
  for (const auto& [key, text] : texts) dict.emplace_back(key, Value(text));
  return Value(std::move(dict));
}

std::map<std::string, std::string> to_texts(const Value* value, const std::string& source) {
  std::map<std::string, std::string> texts;
  if (value == nullptr) return texts;
  for (const auto& [key, text] : value->as_dict(source)) texts[key] = text.as_string(source);
  return texts;
}

}  // namespace

TrainingRecord training_record(const TrainOptions& options, const PreprocessedFolder& folder, const FoldSplit& fold,
                               const TrainingPlace& place) {
  TrainingRecord record;
  record.data = folder.config();
  record.data.cases.clear();
  record.options = options_of(options, fold, place);
  std::vector<std::string> train;
  for (const std::int64_t i : fold.train) train.push_back(folder.cases()[static_cast<std::size_t>(i)]);
  record.train = identify_cases(folder, train);
  record.validation = identify_cases(folder, fold.val_names);
  return record;
}

Value options_value(const TrainingRecord& record) {
  return to_value(record.options);
}

Value cases_value(const TrainingRecord& record) {
  return Value::Dict{{"train", to_value(record.train)},
                     {"validation", to_value(record.validation)},
                     {"trained_before", to_value(record.trained_before)}};
}

TrainingRecord record_of(const Checkpoint& checkpoint, const std::string& source) {
  TrainingRecord record;
  record.data = checkpoint.data;
  record.options = to_texts(checkpoint.training.find("options"), source);
  if (const Value* const name = checkpoint.training.find("optimizer_name"))
    record.options["optimizer"] = name->as_string(source);
  if (const Value* const scheduler = checkpoint.training.find("scheduler"))
    if (const Value* const name = scheduler->find("name")) record.options["scheduler"] = name->as_string(source);
  const Value* const cases = checkpoint.training.find("cases");
  record.has_cases = cases != nullptr;
  if (cases == nullptr) return record;
  record.train = to_texts(cases->find("train"), source);
  record.validation = to_texts(cases->find("validation"), source);
  record.trained_before = to_texts(cases->find("trained_before"), source);
  return record;
}

}  // namespace nnunet
