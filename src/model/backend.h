#pragma once

#include <string>
#include <vector>

namespace citer {

/// One ggml device, as `citer devices` shows it.
struct DeviceInfo {
  std::string name;              ///< e.g. "Vulkan0"
  std::string kind;              ///< "CPU", "GPU", "iGPU" or "accelerator"
  std::string description;       ///< e.g. the card's name
  std::size_t memory_free = 0;   ///< bytes
  std::size_t memory_total = 0;  ///< bytes
};

/// Loads ggml's backends (once; later calls do nothing) and takes llama.cpp's log over. Every
/// function of this room that needs a backend calls it. The backends are looked for in the folder
/// named by the environment variable CITER_BACKEND_DIR, then beside ggml's library, then where ggml
/// looks by itself.
void init_backends();

/// The devices ggml can use.
std::vector<DeviceInfo> list_devices();

/// Whether one of them is a GPU.
bool has_gpu();

/// "libllama 0.7.0, ggml 0.27.0".
std::string backend_versions();

/// Adds a machine that runs ggml's rpc-server as devices RPC0, RPC1, ... Throws InputError when the
/// RPC backend is not installed or the server does not answer. The protocol is unencrypted.
void add_rpc_server(const std::string& endpoint);

/// Keeps llama.cpp's first error message while it lives, so that an exception can say why: the ones
/// that follow tell only what failed because of it.
class ErrorCapture {
 public:
  ErrorCapture();
  ~ErrorCapture();
  ErrorCapture(const ErrorCapture&) = delete;
  ErrorCapture& operator=(const ErrorCapture&) = delete;
  /// The first error logged on this thread since construction, as one line; "" if there was none.
  std::string first() const;
};

}  // namespace citer
