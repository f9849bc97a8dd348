#pragma once

#include <string>
#include <utility>
#include <vector>

namespace citer {

/// A LoRA adapter, added to a model's weights as it runs.
struct LoraAdapter {
  std::string path{};  ///< GGUF file
  float scale = 1.0F;  ///< times the adapter's own
};

/// How one model is loaded and run. The SLM and the LLM each have their own.
struct ModelOptions {
  /// GGUF file.
  std::string path{};
  /// Devices to offload to, by ggml's names ("CUDA0", "Vulkan0", "RPC0", ...), comma-separated;
  /// empty: all there are; "none": the CPU alone.
  std::string devices{};
  /// Layers kept on the devices; negative: all, or as many as fit (`fit`).
  int n_gpu_layers = -1;
  /// Whether fewer layers are kept on the devices where not all fit into their free memory.
  bool fit = true;
  /// Memory of each device that `fit` leaves free, for keys, values and passes; MiB.
  int fit_target = 1024;
  /// How several devices share the model: none (`main_gpu` alone), layer, row or tensor.
  std::string split_mode = "layer";
  /// Index of the device that holds the model (split mode none) or what is not split (row).
  int main_gpu = 0;
  /// The devices' shares, in proportion, e.g. {3, 1}; empty: by their free memory.
  std::vector<float> tensor_split{};
  /// Tensors kept elsewhere: a regular expression of their names, and a buffer type by ggml's name
  /// ("CPU", "CUDA0", ...). The first that matches counts.
  std::vector<std::pair<std::string, std::string>> override_tensor{};
  /// The experts' weights of all layers, or of the first so many, stay in the CPU's memory.
  bool cpu_moe = false;
  int n_cpu_moe = 0;
  /// Adapters, all applied at once.
  std::vector<LoraAdapter> lora{};
  /// CPU threads for single tokens and for batches; 0: one for a model under 64 MiB (a second does
  /// not pay there), else all cores, and with ServiceOptions::by_times fewer while that is faster.
  int threads = 0;
  /// Type of the cached keys and values: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0,
  /// iq4_nl.
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
  /// Where rows of logits are read: on the device that computes them ("device"), which then sends
  /// some 800 bytes a row and keeps up to 2 numbers a token of the vocabulary beside each; by the
  /// CPU ("host"); or on the device where that is a GPU with memory of its own ("auto"). Where a
  /// device lacks an operation, by the CPU. The same tokens are found; sums differ in the last
  /// digits.
  std::string row_reading = "auto";
};

}  // namespace citer
