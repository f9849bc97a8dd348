#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace citer::test {

/// Architectures whose memory or cost is not a plain transformer's, by libllama's names:
/// mamba (recurrent), lfm2 and qwen35 (hybrids of a recurrent and an attention layer), gemma2 (a
/// layer with a sliding window of kTinyWindow tokens, one without), qwen3moe (experts).
inline constexpr std::array kArchitectures = {"mamba", "lfm2", "qwen35", "gemma2", "qwen3moe"};

inline constexpr int kTinyWindow = 8;

/// Writes a tiny model of that architecture with random weights and the tiny models' vocabulary.
void write_architecture(const std::filesystem::path& path, const std::string& architecture,
                        std::uint64_t seed = 1);

}  // namespace citer::test
