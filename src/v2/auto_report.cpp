#include "nnunet/v2/auto_report.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "nnunet/core/progress.h"
#include "nnunet/report/plot.h"

namespace nnunet::v2 {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --back: #fff; --ink: #1c1f22; --soft: #5f666d; --line: #d9dde1; --panel: #f5f6f7; --mark: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181b; --ink: #e8eaed; --soft: #9aa0a6; --line: #34383d; --panel: #1f2226; --mark: #56b4e9; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: var(--panel); padding: .8rem 1rem; overflow-x: auto; border-left: 3px solid var(--mark); }
figure { margin: 0 0 1.5rem; } figcaption { color: var(--soft); } img { max-width: 100%; display: block; }
img.case { height: 22rem; object-fit: fill; image-rendering: pixelated; background: #000; }
p.soft { color: var(--soft); }
)";

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  return safe;
}

/// RFC 4648.
std::string base64(const Png& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve(bytes.size() * 4 / 3 + 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? digits[group >> (18U - 6U * k) & 63U] : '=';
  }
  return text;
}

std::string image(const Png& png, std::string_view attributes, std::string_view alternative) {
  return fmt::format("<img {} alt=\"{}\" src=\"data:image/png;base64,{}\">", attributes, escaped(alternative),
                     base64(png));
}

std::string dice_text(double dice) {
  return std::isnan(dice) ? "–" : fmt::format("{:.4f}", dice);
}

std::string text_cell(std::string_view text) {
  return fmt::format("<td>{}</td>", escaped(text));
}
std::string number_cell(std::string_view text) {
  return fmt::format("<td class=\"number\">{}</td>", escaped(text));
}

/// columns: of words, then of numbers.
std::string table_head(const std::vector<std::string>& words, const std::vector<std::string>& numbers) {
  std::string row;
  for (const std::string& name : words) row += fmt::format("<th>{}</th>", escaped(name));
  for (const std::string& name : numbers) row += fmt::format("<th class=\"number\">{}</th>", escaped(name));
  return fmt::format("<table>\n<tr>{}</tr>\n", row);
}

std::string decisions(const AutoReport& r) {
  std::string text = "<h2>What was planned, and why</h2>\n<table>\n";
  for (const auto& [what, why] : r.decisions)
    text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escaped(what), escaped(why));
  return text + "</table>\n";
}

std::string folds(const AutoReport& r) {
  std::vector<std::string> columns = r.classes;
  columns.insert(columns.begin(), "mean Dice");
  columns.emplace_back("time");
  std::string text = "<h2>Folds</h2>\n" + table_head({"configuration", "fold"}, columns);
  for (const ReportedFold& f : r.folds) {
    std::string row = text_cell(f.configuration) + text_cell(f.fold) + number_cell(dice_text(f.mean));
    for (const double dice : f.dice) row += number_cell(dice_text(dice));
    text += fmt::format("<tr>{}{}</tr>\n", row, number_cell(format_duration(f.seconds)));
  }
  text +=
      "</table>\n<p class=\"soft\">Dice of the final validation: whole cases that the fold was not trained on, on the "
      "grid of their images; the mean over the cases.</p>\n";
  if (!r.curves.empty()) text += "<h2>Curves</h2>\n" + image(r.curves, "", "losses and pseudo Dice over the epochs");
  return text;
}

std::string models(const AutoReport& r) {
  std::string text = "<h2>Best model</h2>\n" + table_head({"model"}, {"mean Dice"});
  for (const auto& [name, dice] : r.models)
    text += fmt::format("<tr>{}{}</tr>\n", text_cell(name == r.best ? name + " (best)" : name),
                        number_cell(dice_text(dice)));
  text += "</table>\n<p>";
  text += r.postprocessed ? fmt::format("Keeping the largest components raises the Dice from {} to {}, so it is done.",
                                        dice_text(r.dice_before), dice_text(r.dice_after))
                          : "Keeping the largest components alone does not raise the Dice, so it is not done.";
  return text + "</p>\n";
}

std::string cases(const AutoReport& r, const std::vector<ReportedCase>& list, std::string_view title) {
  if (list.empty()) return "";
  std::string text = fmt::format("<h2>{}</h2>\n", title);
  for (const ReportedCase& one : list) {
    std::string scores;
    for (std::size_t i = 0; i < one.dice.size() && i < r.classes.size(); ++i)
      scores += fmt::format(", {} {}", r.classes[i], dice_text(one.dice[i]));
    const std::string picture =
        one.picture.empty()
            ? ""
            : image(one.picture, fmt::format("class=\"case\" style=\"aspect-ratio: {:.4f}\"", one.width_of_height),
                    "reference on the left, prediction on the right");
    text += fmt::format("<figure>{}<figcaption>{}: mean Dice {}{}</figcaption></figure>\n", picture, escaped(one.name),
                        dice_text(one.mean), escaped(scores));
  }
  return text;
}

std::string times(const AutoReport& r) {
  std::string text = "<h2>Times</h2>\n" + table_head({"stage"}, {"time"});
  double sum = 0;
  for (const auto& [stage, seconds] : r.stages) {
    text += fmt::format("<tr>{}{}</tr>\n", text_cell(stage), number_cell(format_duration(seconds)));
    sum += seconds;
  }
  return text + fmt::format("<tr>{}{}</tr>\n</table>\n", text_cell("together"), number_cell(format_duration(sum)));
}

std::string command(const AutoReport& r) {
  std::string text = fmt::format("<h2>Predict</h2>\n<pre>{}</pre>\n<p class=\"soft\">Models:", escaped(r.command));
  for (const auto& folder : r.model_folders) text += fmt::format("<br><code>{}</code>", escaped(folder.string()));
  return text + "</p>\n";
}

}  // namespace

std::string auto_report_html(const AutoReport& r) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<h1>{0}</h1>\n<p>{2}</p>\n{3}{4}{5}{6}{7}{8}{9}</body>\n</html>\n",
      escaped(r.dataset), kStyle, escaped(r.summary), command(r), decisions(r), folds(r), models(r),
      cases(r, r.best_cases, "Best cases (reference on the left, prediction on the right)"),
      cases(r, r.worst_cases, "Worst cases"), times(r));
}

void draw_curves(const std::filesystem::path& path, const std::vector<ReportedFold>& trainings) {
  std::vector<Panel> panels;
  for (const ReportedFold& f : trainings) {
    std::vector<double> epochs;
    for (std::size_t i = 0; i < f.log.epochs(); ++i) epochs.push_back(static_cast<double>(i));
    const auto curve = [&](const char* name, const std::vector<float>& values) {
      return Curve{name, epochs, std::vector<double>(values.begin(), values.end())};
    };
    const std::string which = fmt::format("{}, fold {}", f.configuration, f.fold);
    panels.push_back({fmt::format("Loss, {}", which),
                      "epoch",
                      "loss",
                      {curve("training", f.log.train_losses), curve("validation", f.log.val_losses)}});
    panels.push_back({fmt::format("Pseudo Dice, {}", which),
                      "epoch",
                      "Dice",
                      {curve("mean of the classes", f.log.mean_fg_dice), curve("moving average", f.log.ema_fg_dice)}});
  }
  draw_panels(path, "Trainings", panels);
}

}  // namespace nnunet::v2
