#include "serve/metrics_page.h"

#include <fmt/format.h>

namespace citer {

std::string MetricsPage::all_labels(const std::string& labels) const {
  return common_label_ + (common_label_.empty() || labels.empty() ? "" : ",") + labels;
}

void MetricsPage::add(const std::string& name, const char* type, const char* help,
                      const std::string& value, const std::string& labels) {
  const std::string all = all_labels(labels);
  add_lines(name, type, help,
            all.empty() ? fmt::format("{} {}\n", name, value)
                        : fmt::format("{}{{{}}} {}\n", name, all, value));
}

void MetricsPage::add_lines(const std::string& name, const char* type, const char* help,
                            const std::string& lines) {
  const auto [at, is_new] = by_name_.emplace(name, metrics_.size());
  if (is_new) metrics_.push_back(fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help));
  metrics_[at->second] += lines;
}

std::string MetricsPage::text() const {
  std::string all;
  for (const std::string& metric : metrics_) all += metric;
  return all;
}

}  // namespace citer
