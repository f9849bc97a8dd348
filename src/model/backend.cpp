#include "model/backend.h"

#include <dlfcn.h>
#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "citer/error.h"
#include "citer/log.h"

namespace citer {

namespace {

/// Where the log goes.
class LogSink {
 public:
  void set(std::function<void(std::string_view)> sink) {
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
  }
  void write(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (sink_) sink_(text);
  }

 private:
  std::mutex mutex_;
  std::function<void(std::string_view)> sink_;
};

LogSink& log_sink() {
  static auto* sink = new LogSink;  // never destroyed: ggml's threads may log to the very end
  return *sink;
}

thread_local bool capturing = false;
thread_local std::string captured;

void log_callback(ggml_log_level level, const char* text, void* /*user*/) {
  log_sink().write(text);
  if (!capturing || level != GGML_LOG_LEVEL_ERROR || !captured.empty()) return;
  captured = text;
  captured.resize(std::min(captured.size(), captured.find('\n')));
}

/// Where the ggml library lies that is running. Asked by the address of a text in it: that of a
/// function may be the program's own jump to it.
std::filesystem::path ggml_folder() {
  Dl_info library{};
  if (dladdr(ggml_version(), &library) == 0 || library.dli_fname == nullptr) return {};
  return std::filesystem::path(library.dli_fname).parent_path();
}

/// Of the whole process.
class AbortHandling {
 public:
  AbortHandler exchange(AbortHandler handler) {
    const std::lock_guard lock(mutex_);
    return std::exchange(handler_, std::move(handler));
  }
  AbortHandler handler() {
    const std::lock_guard lock(mutex_);
    return handler_;
  }

 private:
  std::mutex mutex_;
  AbortHandler handler_;
};

AbortHandling& abort_handling() {
  static auto* handling = new AbortHandling;  // never destroyed, as the log's
  return *handling;
}

/// Of ggml's "FOLDER/FILE:LINE: TEXT".
std::string abort_reason(std::string_view message) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string_view::npos) return std::string(message);
  const std::filesystem::path place(message.substr(0, colon));
  std::string_view text = message.substr(colon + 2);
  while (text.ends_with('\n')) text.remove_suffix(1);
  return fmt::format("{} ({})", text, place.filename().string());
}

/// ggml aborts when it returns.
void abort_callback(const char* message) {
  const AbortHandler handler = abort_handling().handler();
  if (!handler) return;
  handler(abort_reason(message));
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

const char* kind_of(ggml_backend_dev_t device) {
  if (is_remote(device)) return "RPC";
  switch (ggml_backend_dev_type(device)) {
    case GGML_BACKEND_DEVICE_TYPE_CPU:
      return "CPU";
    case GGML_BACKEND_DEVICE_TYPE_GPU:
      return "GPU";
    case GGML_BACKEND_DEVICE_TYPE_IGPU:
      return "iGPU";
    default:
      return "accelerator";
  }
}

std::string backend_folder() {
  if (const char* folder = std::getenv("CITER_BACKEND_DIR")) return folder;
  constexpr std::string_view kBackends = CITER_BACKENDS_IN_LIBDIR;
  if (kBackends.empty()) return "";
  const std::filesystem::path folder = ggml_folder() / kBackends;
  std::error_code error;
  return std::filesystem::is_directory(folder, error) ? folder.string() : "";
}

}  // namespace

void init_backends() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(log_callback, nullptr);
    const std::string folder = backend_folder();
    if (folder.empty()) {
      ggml_backend_load_all();
    } else {
      ggml_backend_load_all_from_path(folder.c_str());
    }
    llama_backend_init();
  });
  if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) {
    throw ResourceError(
        fmt::format("no ggml CPU backend in '{}'; set CITER_BACKEND_DIR to the "
                    "folder of libggml-cpu-*.so",
                    backend_folder()));
  }
}

void set_log_sink(std::function<void(std::string_view)> sink) { log_sink().set(std::move(sink)); }

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices;
  for (ggml_backend_dev_t device : all_devices()) {
    DeviceInfo info{ggml_backend_dev_name(device), kind_of(device),
                    ggml_backend_dev_description(device)};
    ggml_backend_dev_memory(device, &info.memory_free, &info.memory_total);
    devices.push_back(std::move(info));
  }
  return devices;
}

bool has_gpu() {
  const std::vector<ggml_backend_dev_t> devices = all_devices();
  return std::any_of(devices.begin(), devices.end(), is_gpu);
}

std::string backend_versions() {
  return fmt::format("libllama {}, ggml {}", llama_version(), ggml_version());
}

std::vector<ggml_backend_dev_t> all_devices() {
  init_backends();
  std::vector<ggml_backend_dev_t> devices;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    devices.push_back(ggml_backend_dev_get(i));
  }
  return devices;
}

bool is_gpu(ggml_backend_dev_t device) {
  const auto type = ggml_backend_dev_type(device);
  return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

bool is_remote(ggml_backend_dev_t device) {
  return std::string_view(ggml_backend_reg_name(ggml_backend_dev_backend_reg(device))) == "RPC";
}

ggml_backend_dev_t find_device(const std::string& name) {
  ggml_backend_dev_t device = ggml_backend_dev_by_name(name.c_str());
  if (device != nullptr) return device;
  std::string known;
  for (const DeviceInfo& info : list_devices()) known += " " + info.name;
  throw InputError(fmt::format("no device '{}'; there are:{}", name, known));
}

AbortHandler set_abort_handler(AbortHandler handler) {
  ggml_set_abort_callback(handler ? abort_callback : nullptr);
  return abort_handling().exchange(std::move(handler));
}

ErrorCapture::ErrorCapture() {
  capturing = true;
  captured.clear();
}

ErrorCapture::~ErrorCapture() { capturing = false; }

std::string ErrorCapture::first() const { return captured; }

}  // namespace citer
