#pragma once

#include <functional>
#include <string>
#include <vector>

struct ggml_backend_device;

namespace citer {

/// One ggml device, as `citer devices` shows it.
struct DeviceInfo {
  std::string name;              ///< e.g. "Vulkan0"
  std::string kind;              ///< "CPU", "GPU", "iGPU", "accelerator" or "RPC"
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

/// All that there are, of workers on other machines, too.
std::vector<ggml_backend_device*> all_devices();

/// Whether it is made for what models compute, as each of a worker's is.
bool is_gpu(ggml_backend_device* device);

/// Whether a worker on another machine has it.
bool is_remote(ggml_backend_device* device);

/// The device of this name. Throws InputError naming those that there are.
ggml_backend_device* find_device(const std::string& name);

/// What is done where ggml would end the process, since a worker on another machine is lost, say.
/// It is called with ggml's reason by the thread that came upon it. That thread then stays where it
/// is for ever, and so do passes that wait for it.
using AbortHandler = std::function<void(const std::string& reason)>;

/// Sets it, for the whole process, and gives the one before; none: ggml prints the reason and
/// aborts.
AbortHandler set_abort_handler(AbortHandler handler);

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
