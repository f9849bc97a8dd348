// libFuzzer's program: CITER_FUZZ names the target.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/targets.h"

namespace {

citer::fuzz::Run chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* name = std::getenv("CITER_FUZZ");
  for (const citer::fuzz::Target& target : citer::fuzz::targets()) {
    if (name != nullptr && target.name == name) chosen = target.run;
  }
  if (chosen != nullptr) return 0;
  std::fputs("CITER_FUZZ must name a target\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen({reinterpret_cast<const char*>(data), size});
  return 0;
}
