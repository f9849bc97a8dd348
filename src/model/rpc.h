#pragma once

// Devices of other machines, by ggml's RPC. Its protocol has neither key nor encryption.

#include <string>
#include <vector>

namespace citer {

/// Adds the devices of a machine that runs an RPC server, as RPC0, RPC1, ... by their order. Throws
/// InputError naming the server where it does not answer within ten seconds, or where ggml's RPC
/// backend is not installed. What becomes of the process when one is lost later says
/// set_abort_handler().
void connect_rpc_server(const std::string& endpoint);

/// The GPUs of this machine, as ModelOptions::devices takes them; "none" where there are none.
std::string local_devices();

struct RpcServerOptions {
  std::string host = "127.0.0.1";  ///< an IPv4 address to listen on
  int port = 50052;
  std::vector<std::string> devices{};  ///< by name; empty: the GPUs, or else the CPU
  int threads = 0;                     ///< of the CPU; 0: one for each of its threads
};

/// Is an RPC server, for one client at a time, and says on stdout who comes and goes, as ggml has
/// it. Does not return: throws InputError for a device that is not there, ResourceError when the
/// address cannot be had.
[[noreturn]] void run_rpc_server(const RpcServerOptions& options);

}  // namespace citer
