#pragma once

// A page of metrics in Prometheus' text format (version 0.0.4).

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace citer {

/// The samples of a metric stand together, whoever added them and when.
class MetricsPage {
 public:
  /// A label of all samples that are added from now on, e.g. `served_model="coder"`; "": none.
  void set_common_label(std::string label) { common_label_ = std::move(label); }

  /// A sample; `labels` as they stand between the braces.
  void add(const std::string& name, const char* type, const char* help, const std::string& value,
           const std::string& labels = "");
  /// Whole lines of a metric.
  void add_lines(const std::string& name, const char* type, const char* help,
                 const std::string& lines);
  /// The common label and these, joined.
  std::string all_labels(const std::string& labels) const;

  std::string text() const;

 private:
  std::string common_label_;
  std::vector<std::string> metrics_;            ///< each its description and samples
  std::map<std::string, std::size_t> by_name_;  ///< indices into metrics_
};

}  // namespace citer
