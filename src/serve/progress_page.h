#pragma once

// A page on this machine that shows how far long work is.

#include <memory>
#include <string>

#include "citer/progress.h"

namespace citer {

/// Listens on the loopback from construction to destruction; shows and does nothing else.
class ProgressPage {
 public:
  /// `port` 0: a free one. Throws ResourceError when it cannot be had.
  explicit ProgressPage(int port);
  ~ProgressPage();
  ProgressPage(const ProgressPage&) = delete;
  ProgressPage& operator=(const ProgressPage&) = delete;

  std::string url() const;
  /// Tells what it is told to the page and to `other`. Must not outlive this.
  Watcher beside(Watcher other);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
