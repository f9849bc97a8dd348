#include "model/backend.h"

#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

std::atomic<bool> verbose{false};
thread_local bool capturing = false;
thread_local std::string captured;

void log_callback(ggml_log_level level, const char* text, void* /*user*/) {
  if (verbose) std::fputs(text, stderr);
  if (!capturing || level != GGML_LOG_LEVEL_ERROR || !captured.empty()) return;
  captured = text;
  captured.resize(std::min(captured.size(), captured.find('\n')));
}

std::string backend_folder() {
  if (const char* folder = std::getenv("CITER_BACKEND_DIR")) return folder;
  return std::filesystem::is_directory(CITER_BACKEND_DIR) ? CITER_BACKEND_DIR : "";
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

void set_verbose_log(bool on) { verbose = on; }

std::vector<DeviceInfo> list_devices() {
  init_backends();
  std::vector<DeviceInfo> devices;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    DeviceInfo info{ggml_backend_dev_name(device), ggml_backend_dev_description(device)};
    ggml_backend_dev_memory(device, &info.memory_free, &info.memory_total);
    devices.push_back(std::move(info));
  }
  return devices;
}

std::string backend_versions() {
  return fmt::format("libllama {}, ggml {}", llama_version(), ggml_version());
}

void add_rpc_server(const std::string& endpoint) {
  init_backends();
  ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
  if (rpc == nullptr)
    throw InputError(fmt::format("rpc-server {}: ggml's RPC backend is not installed", endpoint));
  using AddServer = ggml_backend_reg_t (*)(const char*);
  // The pointer comes as void* from ggml's registry; this is the documented way to call it.
  auto add = reinterpret_cast<AddServer>(
      ggml_backend_reg_get_proc_address(rpc, "ggml_backend_rpc_add_server"));
  ggml_backend_reg_t server = add == nullptr ? nullptr : add(endpoint.c_str());
  if (server == nullptr) {
    throw InputError(fmt::format("rpc-server {}: it does not answer", endpoint));
  }
  ggml_backend_register(server);
}

ErrorCapture::ErrorCapture() {
  capturing = true;
  captured.clear();
}

ErrorCapture::~ErrorCapture() { capturing = false; }

std::string ErrorCapture::first() const { return captured; }

}  // namespace citer
