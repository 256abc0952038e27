#include "nnunet/core/error.h"

namespace nnunet {

namespace {
std::string join(std::string_view subject, std::string_view problem, std::string_view remedy) {
  std::string text;
  if (!subject.empty()) text.append(subject).append(": ");
  text.append(problem);
  if (!text.ends_with('.')) text.append(".");  // what was wrong may be another error's text
  if (!remedy.empty()) {
    const std::size_t start = text.size() + 1;
    text.append(" ").append(remedy).append(".");
    if (text[start] >= 'a' && text[start] <= 'z') text[start] = static_cast<char>(text[start] - 'a' + 'A');
  }
  return text;
}
}  // namespace

Error::Error(std::string_view subject, std::string_view problem, std::string_view remedy)
    : std::runtime_error(join(subject, problem, remedy)) {}

}  // namespace nnunet
