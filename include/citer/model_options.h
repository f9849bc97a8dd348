#pragma once

#include <string>
#include <vector>

namespace citer {

/// How one model is loaded and run. The SLM and the LLM each have their own.
struct ModelOptions {
  /// GGUF file.
  std::string path{};
  /// Devices to offload to, by ggml's names ("CUDA0", "Vulkan0", "RPC0", ...), comma-separated;
  /// empty: all there are; "none": the CPU alone.
  std::string devices{};
  /// Layers kept on the devices; negative: all.
  int n_gpu_layers = -1;
  /// CPU threads for single tokens and for batches; 0: one for a model under 64 MiB (a second does
  /// not pay there), else all cores.
  int threads = 0;
  /// Type of the cached keys and values: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0.
  std::string cache_type_k = "f16";
  std::string cache_type_v = "f16";
  /// Map the file instead of reading it.
  bool mmap = true;
};

/// Shape of a model's sequences and batches.
struct ContextOptions {
  /// Tokens that a sequence may hold, prompt included; 0: what the model was trained for, at most
  /// 4096.
  int context_size = 0;
  /// Sequences that can be held at once.
  int sequences = 1;
  /// Tokens handed to the model in one pass at most (the chunk of a long prefill).
  int batch_size = 512;
  /// Flash attention: on, off, or auto (where the device has it). Off is slower, but on a CPU it
  /// gives the same digits for batches of all sizes, to five places instead of two.
  std::string flash_attention = "auto";
  /// Keep all cached tokens also in layers with a sliding window: more memory, and any prefix of
  /// them can be reused. So it is anyway with several sequences, which share prefixes.
  bool swa_full = false;
  /// Recurrent states kept of a model's last pass, to take back that many tokens without reading
  /// any again; each takes the memory of one. Only where libllama can, and with one sequence.
  int state_snapshots = 0;
};

}  // namespace citer
