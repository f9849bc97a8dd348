#pragma once

#include <string_view>

// Files of web/report and the chart library, compiled in by cmake/CiterEmbed.cmake.

namespace citer::embedded {

extern const std::string_view kReportHtml;
extern const std::string_view kReportCss;
extern const std::string_view kReportJs;
extern const std::string_view kChartLibrary;

}  // namespace citer::embedded
