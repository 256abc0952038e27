#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/v2/evaluation.h"
#include "numpy_sum.h"

namespace nnunet::v2 {
namespace {

/// In the order of kMetrics.
MeanMetrics metrics_of(const Counts& c) {
  const auto real = [](std::int64_t count) { return static_cast<double>(count); };
  return {c.dice(), real(c.fn), real(c.fp), c.iou(), real(c.tn), real(c.tp), real(c.fp + c.tp), real(c.fn + c.tp)};
}

double nan_mean(std::vector<double> values) {
  std::size_t finite = 0;
  for (double& value : values) {
    finite += std::isnan(value) ? 0 : 1;
    if (std::isnan(value)) value = 0;
  }
  if (finite == 0) return std::numeric_limits<double>::quiet_NaN();
  return numpy_sum(values) / static_cast<double>(finite);
}

bool is_background(const LabelOrRegion& label) {
  return !label.region && label.values == std::vector<int>{0};
}

Json metrics_json(const MeanMetrics& metrics) {
  Json json;
  for (std::size_t i = 0; i < kMetrics.size(); ++i) json[kMetrics[i]] = metrics[i];
  return json;
}

Json counts_json(const Counts& counts) {
  return {{"Dice", counts.dice()},
          {"FN", counts.fn},
          {"FP", counts.fp},
          {"IoU", counts.iou()},
          {"TN", counts.tn},
          {"TP", counts.tp},
          {"n_pred", counts.fp + counts.tp},
          {"n_ref", counts.fn + counts.tp}};
}

double dice_in(const Json& metrics, const std::string& file) {
  if (!metrics.is_object() || !metrics.contains("Dice"))
    throw Error(file, "has no Dice", "remove the file: it is made anew");
  const Json& dice = metrics["Dice"];
  return dice.is_number() ? dice.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Summary summarize(const std::vector<LabelOrRegion>& labels, std::vector<CaseResult> cases) {
  Summary summary{labels, std::move(cases), {}, {}};
  for (std::size_t label = 0; label < labels.size(); ++label) {
    std::vector<MeanMetrics> each;
    for (const CaseResult& one : summary.cases) each.push_back(metrics_of(one.counts[label]));
    MeanMetrics mean{};
    for (std::size_t i = 0; i < mean.size(); ++i) {
      std::vector<double> values;
      for (const MeanMetrics& metrics : each) values.push_back(metrics[i]);
      mean[i] = nan_mean(std::move(values));
    }
    summary.mean.push_back(mean);
  }
  for (std::size_t i = 0; i < kMetrics.size(); ++i) {
    std::vector<double> values;
    for (std::size_t label = 0; label < labels.size(); ++label)
      if (!is_background(labels[label])) values.push_back(summary.mean[label][i]);
    summary.foreground_mean[i] = numpy_sum(values) / static_cast<double>(values.size());
  }
  return summary;
}

Json means_json(const Summary& summary) {
  Json mean = Json::object();
  for (std::size_t i = 0; i < summary.labels.size(); ++i) mean[summary.labels[i].key()] = metrics_json(summary.mean[i]);
  return {{"foreground_mean", metrics_json(summary.foreground_mean)}, {"mean", mean}};
}

Json summary_json(const Summary& summary) {
  Json json = means_json(summary);
  Json cases = Json::array();
  for (const CaseResult& one : summary.cases) {
    Json metrics = Json::object();
    for (std::size_t i = 0; i < summary.labels.size(); ++i)
      metrics[summary.labels[i].key()] = counts_json(one.counts[i]);
    cases.push_back(
        {{"metrics", metrics}, {"prediction_file", one.prediction_file}, {"reference_file", one.reference_file}});
  }
  json["metric_per_case"] = cases;
  return json;
}

SummaryDice summary_dice(const Summary& summary) {
  SummaryDice dice{summary.dice(), {}, means_json(summary)};
  for (std::size_t i = 0; i < summary.labels.size(); ++i) dice.mean[summary.labels[i].key()] = summary.mean[i][0];
  return dice;
}

SummaryDice read_summary_dice(const std::filesystem::path& file) {
  const Json json = read_python_json(file);
  if (!json.is_object() || !json.contains("foreground_mean") || !json.contains("mean") || !json["mean"].is_object())
    throw Error(file.string(), "is no summary of an evaluation", "remove the file: it is made anew");
  SummaryDice dice{dice_in(json["foreground_mean"], file.string()),
                   {},
                   {{"foreground_mean", json["foreground_mean"]}, {"mean", json["mean"]}}};
  for (const auto& [key, metrics] : json["mean"].items()) dice.mean[key] = dice_in(metrics, file.string());
  return dice;
}

}  // namespace nnunet::v2
