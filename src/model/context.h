#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "citer/model_options.h"
#include "model/llama_ptr.h"
#include "model/memory.h"
#include "model/model.h"
#include "model/passes.h"
#include "model/row_reader.h"

namespace citer {

class DeviceRows;
struct HiddenTap;

/// N sequences over a model in this process, each with its KV cache (Memory). The cached tokens of
/// a sequence are the only derived state here; they are updated as each batch succeeds, so that an
/// exception leaves cache and book-keeping in agreement.
class ModelContext final : public Context {
 public:
  /// Throws ResourceError when the context does not fit, InputError when the model cannot decode.
  /// `cells`: tokens that its sequences may hold together; 0: each as many as a sequence may.
  ModelContext(std::shared_ptr<Model> model, const ContextOptions& options, int cells = 0);
  ~ModelContext() override;
  ModelContext(const ModelContext&) = delete;
  ModelContext& operator=(const ModelContext&) = delete;

  /// Brings every requested sequence in line and evaluates the rows asked for; tokens of several
  /// sequences share batches. A sequence may occur once. Throws ResourceError when the cache is
  /// full, a backend fails or all logits of a row are NaN.
  ForwardCost forward(std::span<const RowRequest> requests, bool want_hidden = false) override;

  /// Rows are read over the first `n` tokens alone, [0, n_vocab]: of those behind them, which only
  /// one of two models has, none is ever drawn. Before the first forward().
  void limit_vocabulary(int n) override;

  /// Whether rows are read on the device that computes them.
  bool reads_on_device() const { return device_rows_ != nullptr; }

  /// Gives passes up with ResourceError while `unwanted` says so: it is called now and then during
  /// a pass by devices that can (CPUs). For ending soon, and for tests of what a failed pass
  /// leaves.
  void interrupt_when(std::function<bool()> unwanted) override;

  /// Row `i` of request `request` of the last forward().
  Row row(std::size_t request, std::size_t i) const override;

  /// Drops all caches: what follows does not depend on what was held before, not even in the last
  /// digit.
  void reset() override { memory_.clear(); }

  /// Drops a sequence's cache.
  void forget(int sequence) override { memory_.forget(sequence); }

  /// Lets sequence `to` start from the first `length` cached tokens of `from`, sharing their cells;
  /// from fewer, or none, where the model's memory has no way back to there.
  void fork(int from, int to, std::size_t length) override { memory_.fork(from, to, length); }

  SequenceState save(int sequence) override { return memory_.save(sequence); }
  void restore(int sequence, const SequenceState& state) override;

  /// CPU threads of passes from now on; at first Model::threads().
  void set_threads(int threads) override;
  int threads() const override;

  const Model& model() const { return *model_; }
  const Model* local_model() const override { return model_.get(); }
  const Vocab& vocab() const override { return model_->vocab(); }
  int context_size() const override { return context_size_; }
  int sequences() const override { return memory_.sequences(); }
  std::span<const Token> cached(int sequence) const override { return memory_.tokens(sequence); }
  std::size_t cached_prefix(int sequence, std::span<const Token> tokens) const override;

 private:
  /// One token to evaluate.
  struct Item {
    std::size_t request;
    RowForm form;
    int sequence;
    int position;
    Token token;
    int row;            ///< index into rows_, or -1
    bool hold = false;  ///< before it a checkpoint is taken
  };

  static std::size_t index(int sequence) { return static_cast<std::size_t>(sequence); }
  void open(const ContextOptions& options, int cells);
  void plan(std::span<const RowRequest> requests);
  std::size_t plan_checkpoints(const RowRequest& request, std::size_t keep);
  void evaluate(ForwardCost& cost);
  void count(std::span<const Item> items, ForwardCost& cost) const;
  std::size_t batch_length(std::span<const Item> items) const;
  static std::size_t one_piece(std::span<const Item> items);
  void decode(std::span<const Item> items);
  void take_rows(std::span<const Item> items);
  void take_device_rows(std::span<const Item* const> outputs);
  void take_hidden(std::span<const Item* const> outputs);
  std::span<TokenLogit> place_of(const Item& item);
  void read_row(int worker, const Item& item, std::span<const float> logits);
  std::span<const float> hidden_row(std::size_t output) const;
  void own_rows(std::span<const Item> items);

  std::shared_ptr<Model> model_;
  int context_size_;
  int batch_size_;
  int max_rows_;  ///< of one batch
  std::size_t n_vocab_;
  std::unique_ptr<HiddenTap> tap_;           ///< the context calls it
  std::unique_ptr<DeviceRows> device_rows_;  ///< likewise; nullptr: rows are read by the CPU
  std::function<bool()> interrupted_;        ///< libllama calls it
  LlamaContextPtr context_;
  Memory memory_;

  std::vector<Item> items_;                ///< all that the last forward evaluated, by request
  std::vector<Row> rows_;                  ///< all rows of the last forward, by request
  std::vector<TokenLogit> likeliest_;      ///< theirs: [kLikeliest, rows]
  std::vector<std::size_t> first_row_;     ///< per request, its first entry in rows_
  std::vector<std::vector<float>> owned_;  ///< rows of batches that were not the last
  ThreadPool pool_;
  std::vector<RowReader> readers_;  ///< one per worker of the pool
};

/// Tokens that a sequence may hold, of a model that was trained for so many.
int choose_context_size(int trained, const ContextOptions& options);

}  // namespace citer
