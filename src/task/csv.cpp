#include "task/csv.h"

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  bool at_end() const { return at_ == text_.size(); }
  int line() const { return line_; }

  std::vector<std::string> read_row() {
    std::vector<std::string> fields;
    do {
      fields.push_back(!at_end() && text_[at_] == '"' ? read_quoted() : read_plain());
    } while (take(','));
    take('\r');
    if (take('\n')) ++line_;
    return fields;
  }

 private:
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_row_end() const {
    return at_end() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n") ||
           text_.substr(at_) == "\r";
  }

  std::string read_plain() {
    const std::size_t begin = at_;
    while (!at_row_end() && text_[at_] != ',') ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string read_quoted() {
    const int opened = line_;
    std::string field;
    ++at_;
    for (;; ++at_) {
      if (at_end()) {
        throw InputError(
            fmt::format("{}:{}: expected a closing '\"' for the field opened here, "
                        "found the end of the file",
                        name_, opened));
      }
      if (text_[at_] == '"') {
        ++at_;
        if (at_end() || text_[at_] != '"') break;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    if (!at_row_end() && text_[at_] != ',') {
      throw InputError(
          fmt::format("{}:{}: expected ',' or the end of the line after a quoted "
                      "field, found '{}'",
                      name_, line_, text_[at_]));
    }
    return field;
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

void for_each_csv_row(std::string_view text, std::string_view name,
                      const std::function<void(const std::vector<std::string>&, int)>& row) {
  CsvReader reader(text, name);
  while (!reader.at_end()) {
    const int line = reader.line();
    const std::vector<std::string> fields = reader.read_row();
    const bool empty_line = fields.size() == 1 && fields.front().empty();
    if (!empty_line) row(fields, line);
  }
}

}  // namespace citer
