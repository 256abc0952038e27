#include "nnunet/io/json_reading.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

TEST(JsonReading, SaysLineAndColumnAndWhatStandsThere) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"a\": [1, 2,\n  ],\n}", "line 2, column 3: ] after a comma, which is one too many"},
      {"{\n  \"a\": 1,\n}\n", "line 3, column 1: } after a comma, which is one too many"},
      {"{\"a\": 1,\r\n\"b\" 1}", "line 2, column 5: 1; a comma or colon is missing before it"},
      {"{\"a\": 1\n \"b\": 2}", "line 2, column 2: \"b\"; a comma or colon is missing before it"},
      {"{\"a\": True}", "line 1, column 7: True; JSON writes true, false and null"},
      {"{'a': 1}", "line 1, column 2: 'a'; texts stand in double quotes"},
      {"{\"a\": \"C:\\dir\"}", "line 1, column 11: a text with a backslash"},
      {"{\"a\": [1, 2", "line 1, column 11: the text ends too early"},
      {"{\"\u5fc3\u5fc3\": tru, 1}", "line 1, column 8: tru is not expected here"},
      {"[1,,2]", "line 1, column 4: two commas"},
      {"[\n// no\n1]", "line 2, column 1: //; JSON has no comments"},
      {"[\"a\nb\"]", "line 1, column 4: a text that is not closed"},
      {"[1] x", "line 1, column 5: x"},
      {"[\"\xff\"]", "line 1, column 3: bytes that are not UTF-8"},
      {"{\"a\": 0,5}", "line 1, column 9: 5, where a name in double quotes is expected"},
      {"{\"a\": }", "line 1, column 7: }, where a value is expected"},
      {"\xef\xbb\xbf[1,]", "line 1, column 4: ] after a comma"},
      {"[1e999]", "line 1, column 2: 1e999 is a number that is too large"},
      {" \n", "it is empty"},
      {"[1]", ""},
  };
  for (const auto& [text, expected] : cases) {
    const std::string problem = json_problem(text);
    EXPECT_EQ(problem.substr(0, std::string_view(expected).size()), expected) << text;
    EXPECT_EQ(problem.empty(), nlohmann::json::accept(std::string_view(text))) << text;
  }
}

TEST(JsonReading, EveryCutOrChangedByteHasAPlace) {
  const std::string text = "{\"a\": [1.5e3, \"x\\u00e4\\\"\", {\"b\": null}],\n \"c\": true}";
  ASSERT_EQ(json_problem(text), "");
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_NE(json_problem(text.substr(0, i)), "") << i;
    for (const char c : {'"', ',', '}', '\\', '\n', '\0', '\xe4', 'x', '1'}) {
      std::string changed = text;
      changed[i] = c;
      EXPECT_EQ(json_problem(changed).empty(), nlohmann::json::accept(changed)) << changed;
    }
  }
}

TEST(JsonReading, NamesTheFile) {
  const TempFolder folder;
  save(folder / "dataset.json", std::string("{\n \"a\": [1, 2,]\n}"));
  EXPECT_ERROR(read_json(folder / "dataset.json"),
               "dataset.json: is not valid JSON: line 2, column 13: ] after a comma");
  EXPECT_ERROR(parse_json("[", "the request"), "the request: is not valid JSON: line 1, column 1: the text ends too");
}
