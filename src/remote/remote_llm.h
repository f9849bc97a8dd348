#pragma once

#include <memory>

#include "model/llm_server.h"
#include "remote/options.h"

namespace citer {

/// An LLM at a server of any kind that is known; which one it is shows at the handshake. Throws
/// UsageError for what is no address.
std::shared_ptr<LlmServer> make_remote_llm(const RemoteOptions& options);

}  // namespace citer
