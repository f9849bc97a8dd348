#pragma once

#include <span>

#include "base/rng.h"
#include "citer/types.h"

namespace citer {

/// Tells sequences of tokens apart: hash64() of their bytes.
inline std::uint64_t hash_tokens(std::span<const Token> tokens) {
  return hash64({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
}

}  // namespace citer
