#include "task/sandbox.h"

#include <unistd.h>

#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "citer/error.h"

namespace citer {

namespace {

using Arguments = std::vector<std::string>;

constexpr int kNobody = 65534;

[[noreturn]] void refuse(std::string_view problem) {
  throw ResourceError(fmt::format(
      "code answers are run in a sandbox (bubblewrap's bwrap, util-linux, python3): {}", problem));
}

/// bwrap's command line, from the inside out: python under limits, in namespaces, as nobody.
Arguments command_of(const SandboxLimits& limits) {
  const auto bytes = [](int mib) { return std::to_string(static_cast<long long>(mib) << 20); };
  Arguments out;
  if (geteuid() == 0) {
    out = {"setpriv", fmt::format("--reuid={}", kNobody), fmt::format("--regid={}", kNobody),
           "--clear-groups"};
  }
  const Arguments namespaces = {"bwrap",
                                "--unshare-all",
                                "--die-with-parent",
                                "--new-session",
                                "--clearenv",
                                "--cap-drop",
                                "ALL",
                                "--ro-bind",
                                "/usr",
                                "/usr",
                                "--ro-bind-try",
                                "/lib",
                                "/lib",
                                "--ro-bind-try",
                                "/lib64",
                                "/lib64",
                                "--ro-bind-try",
                                "/bin",
                                "/bin",
                                "--proc",
                                "/proc",
                                "--dev",
                                "/dev",
                                "--remount-ro",
                                "/dev",
                                "--size",
                                bytes(limits.disk_mib),
                                "--tmpfs",
                                "/tmp",
                                "--remount-ro",
                                "/",
                                "--chdir",
                                "/tmp",
                                "--setenv",
                                "PATH",
                                "/usr/bin:/bin",
                                "--setenv",
                                "PYTHONHASHSEED",
                                "0",
                                "--"};
  const Arguments bounded = {"prlimit",
                             "--as=" + bytes(limits.memory_mib),
                             "--fsize=" + bytes(limits.disk_mib),
                             fmt::format("--cpu={}", static_cast<int>(std::ceil(limits.seconds))),
                             fmt::format("--nproc={}", limits.processes),
                             "--nofile=64",
                             "--core=0",
                             "--",
                             "python3",
                             "-s",
                             "-B",
                             "-"};
  out.insert(out.end(), namespaces.begin(), namespaces.end());
  out.insert(out.end(), bounded.begin(), bounded.end());
  return out;
}

ProcessResult run(std::string_view program, const SandboxLimits& limits) {
  try {
    // Killed in time, all that bwrap started dies with it.
    return run_process(command_of(limits), program, limits.seconds);
  } catch (const ResourceError& error) {
    refuse(error.what());
  }
}

/// Why nothing can be run here; nothing when it can.
std::optional<std::string> fault() {
  const ProcessResult result = run("print('ready')", {});
  if (result.status == 0 && result.output == "ready\n") return std::nullopt;
  if (result.timed_out) return "it does not start";
  const std::string_view said = trim(result.output);
  return std::string(said.substr(said.rfind('\n') + 1));
}

}  // namespace

ProcessResult run_python(std::string_view program, const SandboxLimits& limits) {
  static const std::optional<std::string> kFault = fault();
  if (kFault) refuse(*kFault);
  return run(program, limits);
}

}  // namespace citer
