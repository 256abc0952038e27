#include "nnunet/train/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/report/plot.h"

namespace nnunet {

namespace {

double dice_sum(const EpochRecord& r) {
  double sum = 0;
  for (const ClassDice& c : r.dice) sum += c.dice;
  return sum;
}

bool is_evaluated(const EpochRecord& r) {
  return r.pseudo || !r.dice.empty();
}

/// NaN is never better, and nothing is better than NaN, as in nnU-Net.
bool is_better(const EpochRecord& r, const EpochRecord& best) {
  if (r.pseudo && best.pseudo) return r.pseudo->average > best.pseudo->average;
  return !r.dice.empty() && dice_sum(r) > dice_sum(best);
}

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

const Value& entry(const Value& dict, std::string_view key, const std::string& source) {
  const Value* found = dict.find(key);
  if (found == nullptr) throw Error(source, fmt::format("the training history lacks '{}'", key));
  return *found;
}

Value record_to_value(const EpochRecord& r) {
  Value::List dice, cases;
  for (const ClassDice& c : r.dice) {
    dice.emplace_back(c.dice);
    cases.emplace_back(c.cases);
  }
  return Value::Dict{{"epoch", Value(r.epoch)},
                     {"train_loss", Value(r.train_loss)},
                     {"val_loss", r.val_loss ? Value(*r.val_loss) : Value()},
                     {"dice", Value(std::move(dice))},
                     {"dice_cases", Value(std::move(cases))},
                     {"learning_rate", Value(r.learning_rate)},
                     {"seconds", Value(r.seconds)},
                     {"data_seconds", Value(r.data_seconds)},
                     {"data_wait_percent", Value(r.data_wait_percent)}};
}

EpochRecord record_from_value(const Value& v, const std::string& source) {
  EpochRecord r;
  r.epoch = entry(v, "epoch", source).as_int("epoch");
  r.train_loss = entry(v, "train_loss", source).as_double("train_loss");
  if (const Value& loss = entry(v, "val_loss", source); !loss.is_none()) r.val_loss = loss.as_double("val_loss");
  for (const Value& d : entry(v, "dice", source).as_list("dice")) r.dice.push_back({d.as_double("dice"), 1});
  if (const Value* const cases = v.find("dice_cases")) {  // older checkpoints lack them: there all classes counted
    const Value::List& list = cases->as_list("dice_cases");
    if (list.size() != r.dice.size()) throw Error(source, "the training history has Dice of other classes than cases");
    for (std::size_t c = 0; c < list.size(); ++c) r.dice[c].cases = list[c].as_int("dice_cases");
  }
  r.learning_rate = entry(v, "learning_rate", source).as_double("learning_rate");
  r.seconds = entry(v, "seconds", source).as_double("seconds");
  r.data_seconds = entry(v, "data_seconds", source).as_double("data_seconds");
  if (const Value* percent = v.find("data_wait_percent")) r.data_wait_percent = percent->as_double("data_wait_percent");
  return r;
}

}  // namespace

void History::add(EpochRecord record) {
  if (record.pseudo) {
    const bool first = epochs_.empty() || !epochs_.back().pseudo;
    const float mean = record.pseudo->mean;
    record.pseudo->average = first ? mean : epochs_.back().pseudo->average * 0.9F + 0.1F * mean;
  }
  epochs_.push_back(std::move(record));
  if (best_ ? is_better(epochs_.back(), epochs_[*best_]) : is_evaluated(epochs_.back())) best_ = epochs_.size() - 1;
}

void History::start_best_anew() {
  best_from_ = epochs_.size();
  best_.reset();
}

std::size_t History::best_until(std::size_t index) const {
  std::size_t best = index;
  for (std::size_t i = index; i-- > (index < best_from_ ? 0 : best_from_);)  // the first of equals
    if (!epochs_[i].dice.empty() && dice_sum(epochs_[i]) >= dice_sum(epochs_[best])) best = i;
  return best;
}

std::int64_t History::epochs_without_improvement() const {
  if (!best_) return 0;
  return std::count_if(epochs_.begin() + static_cast<std::ptrdiff_t>(*best_) + 1, epochs_.end(), is_evaluated);
}

Value History::state() const {
  Value::List records;
  for (const auto& r : epochs_) records.push_back(record_to_value(r));
  return Value(std::move(records));
}

void History::load_state(const Value& state, const std::string& source, std::int64_t best_from) {
  epochs_.clear();
  best_.reset();
  best_from_ = 0;
  for (const Value& r : state.as_list(source + ": history")) {
    if (static_cast<std::int64_t>(epochs_.size()) == best_from) start_best_anew();
    add(record_from_value(r, source));
  }
  if (static_cast<std::int64_t>(epochs_.size()) == best_from) start_best_anew();
}

void draw_history(const std::filesystem::path& path, const History& history,
                  const std::vector<std::string>& class_names) {
  Panel loss{"Loss", "epoch", "dice + cross entropy", {}, false}, dice{"Validation Dice", "epoch", "%", {}, false},
      rate{"Learning rate", "epoch", "", {}, true}, seconds{"Seconds per epoch", "epoch", "s", {}, false};
  Curve train_loss{"training", {}, {}}, val_loss{"validation", {}, {}}, mean{"mean", {}, {}},
      lr{"learning rate", {}, {}}, total{"whole epoch", {}, {}}, data{"waiting for data", {}, {}};
  std::vector<Curve> classes;
  for (const auto& name : class_names) classes.push_back({name, {}, {}});
  for (const EpochRecord& r : history.epochs()) {
    const auto x = static_cast<double>(r.epoch);
    const auto put = [x](Curve& curve, double y) {
      curve.x.push_back(x);
      curve.y.push_back(y);
    };
    put(train_loss, r.train_loss);
    put(val_loss, r.val_loss.value_or(nothing));
    put(mean, mean_dice(r.dice).value_or(nothing));
    put(lr, r.learning_rate);
    put(total, r.seconds);
    put(data, r.data_seconds);
    for (std::size_t c = 0; c < classes.size(); ++c)
      put(classes[c], c < r.dice.size() && r.dice[c].cases > 0 ? r.dice[c].dice : nothing);
  }
  loss.curves = {train_loss, val_loss};
  dice.curves = {mean};
  // One line a class while they can be told apart.
  if (classes.size() > 1 && classes.size() <= 10) dice.curves.insert(dice.curves.end(), classes.begin(), classes.end());
  rate.curves = {lr};
  seconds.curves = {total, data};
  std::string title = "Training";
  if (const auto best = history.best())
    if (const auto most = mean_dice(history.epochs()[*best].dice))
      title = fmt::format("Best mean Dice {:.2f} % in epoch {}", *most, history.epochs()[*best].epoch);
  draw_panels(path, title, {loss, dice, rate, seconds});
}

}  // namespace nnunet
