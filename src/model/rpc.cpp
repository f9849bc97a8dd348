#include "model/rpc.h"

#include <ggml-backend.h>
#include <ggml-rpc.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "model/backend.h"

namespace citer {

namespace {

constexpr std::chrono::seconds kPatience{10};

/// A function of ggml's RPC backend, which is a library that is loaded as the program runs.
template <typename Function>
Function rpc_function(const char* name) {
  init_backends();
  ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
  void* function = rpc == nullptr ? nullptr : ggml_backend_reg_get_proc_address(rpc, name);
  if (function == nullptr) {
    throw InputError("ggml's RPC backend is not installed (Debian: libggml0-backend-rpc)");
  }
  // It comes as void* from ggml's registry; this is the documented way to call it.
  return reinterpret_cast<Function>(function);
}

std::vector<ggml_backend_dev_t> local_gpus() {
  std::vector<ggml_backend_dev_t> gpus = all_devices();
  std::erase_if(gpus,
                [](ggml_backend_dev_t device) { return !is_gpu(device) || is_remote(device); });
  return gpus;
}

}  // namespace

void connect_rpc_server(const std::string& endpoint) {
  const auto add =
      rpc_function<decltype(&ggml_backend_rpc_add_server)>("ggml_backend_rpc_add_server");
  const auto answer = std::make_shared<std::promise<ggml_backend_reg_t>>();
  std::future<ggml_backend_reg_t> server = answer->get_future();
  const auto fault = [endpoint](const std::string& why) {
    return InputError(fmt::format("rpc-server {}: {}", endpoint, why));
  };
  // Where there is none ggml aborts, or waits for ever: on a thread that can be left behind.
  const AbortHandler before = set_abort_handler([answer, fault](const std::string& reason) {
    answer->set_exception(std::make_exception_ptr(fault(reason)));
  });
  std::thread([answer, add, endpoint] { answer->set_value(add(endpoint.c_str())); }).detach();
  const bool is_known = server.wait_for(kPatience) == std::future_status::ready;
  set_abort_handler(before);
  if (!is_known) {
    throw fault(
        fmt::format("no answer within {} s (is another client using it?)", kPatience.count()));
  }
  ggml_backend_reg_t devices = server.get();
  if (devices == nullptr) throw fault("it has no devices");
  ggml_backend_register(devices);
}

std::string local_devices() {
  std::vector<std::string> names;
  for (ggml_backend_dev_t gpu : local_gpus()) names.emplace_back(ggml_backend_dev_name(gpu));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ","));
}

void run_rpc_server(const RpcServerOptions& options) {
  const auto start =
      rpc_function<decltype(&ggml_backend_rpc_start_server)>("ggml_backend_rpc_start_server");
  std::vector<ggml_backend_dev_t> devices;
  for (const std::string& name : options.devices) devices.push_back(find_device(name));
  if (devices.empty()) devices = local_gpus();
  if (devices.empty()) devices = {ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU)};
  const std::string endpoint = fmt::format("{}:{}", options.host, options.port);
  const unsigned threads = options.threads > 0 ? static_cast<unsigned>(options.threads)
                                               : std::thread::hardware_concurrency();
  start(endpoint.c_str(), nullptr, std::max(1U, threads), devices.size(), devices.data());
  throw ResourceError(fmt::format("cannot listen on {} (in use? no IPv4 address?)", endpoint));
}

}  // namespace citer
