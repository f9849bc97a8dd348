#include "serve/progress_page.h"

#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "serve/api_error.h"
#include "serve/http_server.h"
#include "serve/json_fields.h"
#include "serve/page.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNotFound = 404;
constexpr std::size_t kMostPoints = 512;   ///< of a curve
constexpr std::size_t kMostNotes = 10000;  ///< the first of them
constexpr std::string_view kState = "/progress";

/// One piece of work since its first report.
struct Work {
  explicit Work(const ProgressReport& report) : first_done(report.done) { take(report); }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }

  void take(const ProgressReport& report) {
    last = report;
    if (++reports % stride != 0) return;
    points.emplace_back(seconds(), report.done);
    if (points.size() < kMostPoints) return;
    for (std::size_t i = 0; i < points.size() / 2; ++i) points[i] = points[2 * i + 1];
    points.resize(points.size() / 2);
    stride *= 2;
  }

  Json json() const {
    const double elapsed = seconds();
    const auto done = static_cast<double>(last.done - first_done);
    return {{"what", last.what},   {"unit", last.unit},
            {"note", last.note},   {"done", last.done},
            {"total", last.total}, {"rate", elapsed > 0 ? done / elapsed : 0.0},
            {"points", points}};
  }

  Clock::time_point start = Clock::now();
  std::int64_t first_done;  ///< what an earlier run left done
  ProgressReport last;
  std::vector<std::pair<double, std::int64_t>> points;  ///< seconds and what was done by then
  int reports = 0;
  int stride = 1;  ///< reports a point
};

HttpOptions http_options(int port) {
  HttpOptions options;
  options.port = port;
  return options;
}

}  // namespace

struct ProgressPage::Impl {
  explicit Impl(int port) : server(http_options(port)) {
    server.serve(progress_page_files(), [this](const HttpRequest& request) {
      if (request.path != kState) throw ApiError(kNotFound, "there is none", "not_found");
      return state();
    });
    server.start();
  }

  void take(const ProgressReport& report) {
    const std::lock_guard lock(mutex);
    if (works.empty() || works.back().last.what != report.what) {
      works.emplace_back(report);
    } else {
      works.back().take(report);
    }
  }

  void note(const std::string& line) {
    const std::lock_guard lock(mutex);
    if (notes.size() < kMostNotes) notes.push_back(line);
  }

  HttpReply state() const {
    const std::lock_guard lock(mutex);
    Json all = Json::array();
    for (const Work& work : works) all.push_back(work.json());
    return json_reply({{"works", std::move(all)}, {"notes", notes}});
  }

  mutable std::mutex mutex;
  std::vector<Work> works;
  std::vector<std::string> notes;
  HttpServer server;  ///< last: its threads use all the others
};

ProgressPage::ProgressPage(int port) : impl_(std::make_unique<Impl>(port)) {}
ProgressPage::~ProgressPage() = default;

std::string ProgressPage::url() const { return impl_->server.url(); }

Watcher ProgressPage::beside(Watcher other) {
  Watcher both = other;
  both.on_progress = [this, other](const ProgressReport& report) {
    impl_->take(report);
    other.report(report);
  };
  both.on_note = [this, other](const std::string& line) {
    impl_->note(line);
    other.note(line);
  };
  return both;
}

}  // namespace citer
