// The table of fields in docs/serving.md, row by row: what it calls done is taken, what it calls
// refused is refused by name.
#include <map>

#include "base/file.h"
#include "serve/server.h"

namespace citer {
namespace {

struct Api {
  const char* path;
  Json base;  ///< a body that is answered
};

const Json kHi = {{{"role", "user"}, {"content", "Hi"}}};
const std::vector<Api> kApis = {
    {"/v1/chat/completions", {{"messages", kHi}, {"max_tokens", 2}}},
    {"/v1/completions", {{"prompt", "Hi"}, {"max_tokens", 2}}},
    {"/v1/responses", {{"input", "Hi"}, {"max_output_tokens", 2}}},
    {"/v1/messages", {{"messages", kHi}, {"max_tokens", 2}}},
    {"/completion", {{"prompt", "Hi"}, {"n_predict", 2}}},
};

struct Row {
  std::vector<std::string> fields;
  Json values;                      ///< an array, one for each
  std::vector<std::string> states;  ///< by API
};

/// A table's cells, without the quotes of code.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (std::size_t at = 2, end; (end = line.find(" |", at)) != std::string_view::npos;
       at = end + 3) {
    std::string_view cell = line.substr(at, end - at);
    if (cell.starts_with('`')) cell = cell.substr(1, cell.size() - 2);
    cells.emplace_back(cell);
    if (end + 2 >= line.size()) break;
  }
  return cells;
}

std::vector<Row> rows() {
  std::vector<Row> rows;
  bool in_fields = false;
  for_each_line(CITER_SOURCE_DIR "/docs/serving.md", [&](std::string_view line, int number) {
    if (line.starts_with("## ")) in_fields = line == "## Fields";
    if (!in_fields || !line.starts_with("| `")) return;
    const std::vector<std::string> cells = cells_of(line);
    ASSERT_EQ(cells.size(), 2 + kApis.size()) << "line " << number;
    Row row{.values = Json::parse("[" + cells[1] + "]"),
            .states = {cells.begin() + 2, cells.end()}};
    for (std::size_t at = 0; at < cells[0].size();) {
      const std::size_t end = std::min(cells[0].find(", ", at), cells[0].size());
      row.fields.push_back(cells[0].substr(at, end - at));
      at = end + 2;
    }
    ASSERT_EQ(row.fields.size(), row.values.size()) << "line " << number;
    rows.push_back(std::move(row));
  });
  return rows;
}

class FieldsTest : public test::ServerTest {};

TEST_F(FieldsTest, AreWhatTheTableSays) {
  service_options_.context.context_size = 2048;
  pair_.chat.template_file = CITER_SOURCE_DIR "/tests/serve/tools.jinja";
  start();
  std::map<std::string, int> seen;
  for (const Row& row : rows()) {
    for (std::size_t i = 0; i < kApis.size(); ++i) {
      Json body = kApis[i].base;
      for (std::size_t k = 0; k < row.fields.size(); ++k) body[row.fields[k]] = row.values[k];
      const std::string& state = row.states[i];
      const auto result = post(kApis[i].path, body);
      ASSERT_TRUE(result) << body;
      ++seen[state];
      if (state == "done" || state == "n/a") {
        EXPECT_EQ(result->status, 200) << kApis[i].path << " " << body << " " << result->body;
        continue;
      }
      ASSERT_TRUE(state == "refused" || state == "unknown") << state;
      const Json error = test::error_of(result, 400);
      const std::string param = error["param"].is_string() ? error["param"].get<std::string>() : "";
      const bool names_it =
          std::any_of(row.fields.begin(), row.fields.end(),
                      [&](const std::string& field) { return param.starts_with(field); });
      EXPECT_TRUE(names_it) << kApis[i].path << " " << body << " " << result->body;
      if (state == "unknown") {
        EXPECT_EQ(error["code"], "unknown_field") << body;
      }
    }
  }
  EXPECT_GT(seen["done"], 100);
  EXPECT_GT(seen["refused"], 100);
}

}  // namespace
}  // namespace citer
