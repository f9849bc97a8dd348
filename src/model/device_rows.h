#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/row_stats.h"
#include "model/llama_ptr.h"
#include "model/model.h"

namespace citer {

/// Where ContextOptions::row_reading allows rows to be read.
struct DeviceReading {
  bool allowed = false;   ///< on a device at all
  bool anywhere = false;  ///< even where that is the CPU, or shares the host's memory
};

/// Throws FieldError where `row_reading` is none of the words there are.
DeviceReading device_reading(const std::string& row_reading, const Model& model);

/// Reads rows of logits where a device has computed them. Nodes at the end of a pass's graph list
/// each row's likeliest tokens and sum its exponentials; they alone are copied to the host, some
/// 800 bytes a row. Whole rows and hidden states are copied where somebody asks for them.
///
/// The nodes get into the graph as a sampler of every sequence (libllama's interface for samplers
/// that run on devices), which also tells libllama to leave the rows where they are. The first
/// sequence's sampler adds them for all rows: a node for 64 rows costs a device hardly more than a
/// node for one. Holds where libllama makes a pass in one piece. One thread at a time; outlives the
/// context.
class DeviceRows {
 public:
  /// Of a context over `n_vocab` tokens with so many sequences.
  DeviceRows(int n_vocab, int sequences);

  /// Has the context that is made by these read its rows here, at most `max_rows` in one pass.
  void attach(llama_context_params& params, int max_rows);

  /// Whether the context's output layer is on a GPU, or on any device if `anywhere`, that has all
  /// the operations. Once the context is made.
  bool works(bool anywhere) const;

  /// Rows are read over their first `n` logits. Before the first pass.
  void limit_vocabulary(std::size_t n) { n_vocab_ = n; }

  /// Copies what was found in the last pass, which is over; what was read of the one before is
  /// gone. Throws ResourceError unless the pass had `rows` rows, at least one.
  void take(std::size_t rows);

  /// As RowReader::read() reads row `i` of the last pass, but that of equal logits at the end of
  /// the list any may be left out; nothing where a logit is not a finite number.
  std::optional<RowStats> read(std::size_t i, bool sums, std::span<TokenLogit> likeliest) const;

  /// Row `i` itself. [n_vocab], valid until the next take().
  std::span<const float> logits(std::size_t i);

  /// The states that the logits come from, [n_embd, rows]; empty where libllama names none.
  std::vector<float> hidden() const;

 private:
  /// Tensors of the graph of the last pass.
  struct Nodes {
    ggml_tensor* logits = nullptr;   ///< [all logits, rows]
    ggml_tensor* hidden = nullptr;   ///< [n_embd, rows], or nullptr
    ggml_tensor* blocks = nullptr;   ///< [k, rows]: blocks of a row that were searched, or nullptr
    ggml_tensor* places = nullptr;   ///< [k, rows]: where the likeliest are in what was searched
    ggml_tensor* figures = nullptr;  ///< [k + 2, rows]: their logits; sum e^x, sum x e^x, where x
                                     ///< is a logit's distance from the largest
  };
  struct Interface;

  void add_nodes(ggml_context* context, ggml_cgraph* graph, ggml_tensor* logits);
  bool is_supported();

  std::size_t n_vocab_;
  std::vector<LlamaSamplerPtr> samplers_;
  std::vector<llama_sampler_seq_config> configs_;
  ggml_backend_device* device_ = nullptr;  ///< of the context's output layer
  bool supported_ = false;
  bool added_ = false;  ///< the graph that is being built has the nodes
  Nodes nodes_;

  std::vector<std::int32_t> blocks_;  ///< [k, rows], or empty
  std::vector<std::int32_t> places_;  ///< [k, rows]
  std::vector<float> figures_;        ///< [k + 2, rows]
  std::vector<std::vector<float>> whole_;
};

}  // namespace citer
