#include "model/context.h"

#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/stopwatch.h"
#include "citer/error.h"
#include "model/backend.h"
#include "model/device_rows.h"
#include "model/hidden_tap.h"
#include "model/placement.h"

namespace citer {

namespace {

constexpr int kDefaultContext = 4096;

/// Tokens that are worth a checkpoint behind them: it takes a pass of its own.
constexpr std::size_t kWorthACheckpoint = 32;
constexpr std::size_t kNowhere = ~std::size_t{0};
/// A device reads at least so many rows in one pass: for each it keeps some numbers a token.
constexpr int kDeviceRows = 128;

llama_flash_attn_type flash_attention_type(const std::string& name) {
  if (name == "auto") return LLAMA_FLASH_ATTN_TYPE_AUTO;
  if (name == "on") return LLAMA_FLASH_ATTN_TYPE_ENABLED;
  if (name == "off") return LLAMA_FLASH_ATTN_TYPE_DISABLED;
  throw FieldError({"flash_attention"}, fmt::format("expected on, off or auto, found '{}'", name));
}

/// A batch over borrowed storage, as llama_decode wants it. [n] each, one sequence id per token.
class Batch {
 public:
  explicit Batch(int capacity) : batch_(llama_batch_init(capacity, 0, 1)) {}
  ~Batch() { llama_batch_free(batch_); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void add(Token token, int position, int sequence, bool output) {
    const int i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = sequence;
    batch_.logits[i] = output ? 1 : 0;
  }
  const llama_batch& get() const { return batch_; }

 private:
  llama_batch batch_;
};

}  // namespace

int choose_context_size(int trained, const ContextOptions& options) {
  return options.context_size > 0 ? options.context_size : std::min(trained, kDefaultContext);
}

ModelContext::~ModelContext() = default;

ModelContext::ModelContext(std::shared_ptr<Model> model, const ContextOptions& options, int cells)
    : model_(std::move(model)),
      context_size_(choose_context_size(model_->trained_context(), options)),
      batch_size_(options.batch_size),
      max_rows_(options.batch_size),
      n_vocab_(index(model_->vocab().size())),
      tap_(std::make_unique<HiddenTap>()),
      memory_(*model_, options),
      pool_(model_->threads()),
      readers_(index(pool_.size())) {
  const ErrorCapture errors;
  open(options, cells > 0 ? cells : context_size_ * options.sequences);
  if (!context_) {
    throw ResourceError(fmt::format("{}: no context of {} tokens x {} sequences ({})",
                                    model_->options().path, context_size_, options.sequences,
                                    errors.first().empty() ? "out of memory?" : errors.first()));
  }
  if (llama_get_memory(context_.get()) == nullptr) {
    throw InputError(fmt::format("{}: this model does not generate text (it keeps no KV cache)",
                                 model_->options().path));
  }
  memory_.attach(context_.get());
  model_->apply_adapters(context_.get());
}

/// Makes the context, one that reads rows on its device where that is wanted and works.
void ModelContext::open(const ContextOptions& options, int cells) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<std::uint32_t>(cells);
  params.n_batch = params.n_ubatch = static_cast<std::uint32_t>(options.batch_size);
  memory_.configure(params);
  params.n_threads = params.n_threads_batch = model_->threads();
  params.type_k = cache_type(model_->options().cache_type_k, "cache_type_k");
  params.type_v = cache_type(model_->options().cache_type_v, "cache_type_v");
  params.flash_attn_type = flash_attention_type(options.flash_attention);
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  params.kv_unified = true;  // forks share cells, and one pass serves sequences of any lengths
  params.no_perf = true;
  const DeviceReading reading = device_reading(options.row_reading, *model_);
  if (reading.allowed) {
    llama_context_params reads = params;
    device_rows_ = std::make_unique<DeviceRows>(model_->vocab().size(), options.sequences);
    const int max_rows = std::max(kDeviceRows, options.sequences);
    device_rows_->attach(reads, max_rows);
    context_.reset(llama_init_from_model(model_->handle(), reads));
    if (context_ && device_rows_->works(reading.anywhere)) {
      max_rows_ = max_rows;
      return;
    }
    context_.reset();
    device_rows_.reset();
  }
  params.cb_eval = HiddenTap::callback;
  params.cb_eval_user_data = tap_.get();
  context_.reset(llama_init_from_model(model_->handle(), params));
}

void ModelContext::limit_vocabulary(int n) {
  n_vocab_ = index(n);
  if (device_rows_) device_rows_->limit_vocabulary(n_vocab_);
}

void ModelContext::set_threads(int threads) {
  llama_set_n_threads(context_.get(), threads, threads);
}

int ModelContext::threads() const { return llama_n_threads(context_.get()); }

void ModelContext::interrupt_when(std::function<bool()> unwanted) {
  interrupted_ = std::move(unwanted);
  const auto callback = [](void* user) {
    const auto& self = *static_cast<const ModelContext*>(user);
    return self.interrupted_ && self.interrupted_();
  };
  llama_set_abort_callback(context_.get(), callback, this);
}

ForwardCost ModelContext::forward(std::span<const RowRequest> requests, bool want_hidden) {
  plan(requests);
  tap_->on = want_hidden;
  ForwardCost cost;
  cost.requests.resize(requests.size());
  evaluate(cost);
  return cost;
}

/// Rolls caches back to what they share with the requests and lists the tokens to evaluate.
void ModelContext::plan(std::span<const RowRequest> requests) {
  items_.clear();
  rows_.clear();
  first_row_.clear();
  owned_.clear();
  for (std::size_t r = 0; r < requests.size(); ++r) {
    const RowRequest& request = requests[r];
    std::size_t keep = memory_.common(request.sequence, request.tokens);
    if (!request.rows.empty()) keep = std::min(keep, index(request.rows.front()));
    keep = memory_.take_back(request.sequence, keep);
    const std::size_t hold = plan_checkpoints(request, keep);

    first_row_.push_back(rows_.size());
    std::size_t next = 0;
    for (std::size_t i = keep; i < request.tokens.size(); ++i) {
      Item item{r, request.form, request.sequence, static_cast<int>(i), request.tokens[i], -1};
      if (next < request.rows.size() && index(request.rows[next]) == i) {
        item.row = static_cast<int>(rows_.size());
        rows_.emplace_back();
        ++next;
      }
      item.hold = i == hold;
      items_.push_back(item);
    }
  }
  likeliest_.resize(rows_.size() * kLikeliest);
}

/// Takes a checkpoint where a request starts, at `keep`, or says where on the way one is to be
/// taken: before tokens that may be taken back; and, once, before a long text's first row, whoever
/// else begins with it.
std::size_t ModelContext::plan_checkpoints(const RowRequest& request, std::size_t keep) {
  if (!memory_.takes_checkpoints() || request.rows.empty()) return kNowhere;
  const auto first_row = index(request.rows.front());
  const bool may_come_back = keep <= request.decided && request.decided < request.tokens.size();
  const bool is_new = !memory_.has_checkpoint(request.sequence) && first_row >= kWorthACheckpoint;
  const bool is_far = first_row - keep >= kWorthACheckpoint;
  if (keep > 0 && (may_come_back || (is_new && !is_far))) {
    memory_.hold(request.sequence);
    return kNowhere;
  }
  return is_new && is_far ? first_row : kNowhere;
}

std::size_t ModelContext::cached_prefix(int sequence, std::span<const Token> tokens) const {
  return memory_.reachable(sequence, memory_.common(sequence, tokens));
}

void ModelContext::restore(int sequence, const SequenceState& state) {
  const auto is_no_token = [this](Token token) { return token < 0 || token >= vocab().size(); };
  if (state.tokens.size() > index(context_size_)) {
    throw InputError(fmt::format("{} tokens were saved, a sequence holds {}", state.tokens.size(),
                                 context_size_));
  }
  if (std::any_of(state.tokens.begin(), state.tokens.end(), is_no_token)) {
    throw InputError("a token is not in the vocabulary");
  }
  memory_.restore(sequence, state);
}

void ModelContext::evaluate(ForwardCost& cost) {
  for (std::span<const Item> rest = items_; !rest.empty();) {
    if (rest.front().hold) memory_.hold(rest.front().sequence);
    const auto part = rest.first(batch_length(rest));
    rest = rest.subspan(part.size());
    const Stopwatch watch;
    decode(part);
    cost.seconds += watch.seconds();
    count(part, cost);
    take_rows(part);
    if (!rest.empty()) own_rows(part);
  }
}

/// Counts a pass over `items`, which has just been made.
void ModelContext::count(std::span<const Item> items, ForwardCost& cost) const {
  ++cost.passes;
  cost.positions += static_cast<int>(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    RequestCost& part = cost.requests[items[i].request];
    ++part.positions;
    if (i > 0 && items[i - 1].request == items[i].request) continue;
    ++part.passes;
    part.cache_reads += static_cast<std::int64_t>(cached(items[i].sequence).size());
  }
}

/// How many of the items go into one batch.
std::size_t ModelContext::batch_length(std::span<const Item> items) const {
  std::size_t most = std::min(items.size(), static_cast<std::size_t>(batch_size_));
  int rows = 0;
  for (std::size_t i = 0; i < most; ++i) {
    if (items[i].row >= 0) ++rows;
    if (rows > max_rows_ || (i > 0 && items[i].hold)) most = i;
  }
  if (model_->memory() != MemoryKind::kState || !(tap_->on || device_rows_)) return most;
  return one_piece(items.first(most));
}

/// How many of the items libllama reads in one piece, their rows in order, if the model is
/// recurrent: it cuts a batch into pieces to which all sequences give equally many tokens.
std::size_t ModelContext::one_piece(std::span<const Item> items) {
  const auto run = [&](std::size_t from) {
    const auto other = std::find_if(items.begin() + from, items.end(), [&](const Item& item) {
      return item.sequence != items[from].sequence;
    });
    return static_cast<std::size_t>(other - items.begin()) - from;
  };
  const std::size_t first = run(0);
  std::size_t length = first;
  while (length < items.size() && run(length) == first) length += first;
  return length;
}

void ModelContext::decode(std::span<const Item> items) {
  Batch batch(static_cast<int>(items.size()));
  for (const Item& item : items) {
    batch.add(item.token, item.position, item.sequence, item.row >= 0);
  }
  tap_->rows.clear();
  const ErrorCapture errors;
  const int status = llama_decode(context_.get(), batch.get());
  if (status != 0) {
    // libllama restores the memory unless ubatches were already processed; start over to be safe.
    for (const Item& item : items) forget(item.sequence);
    throw ResourceError(fmt::format(
        "{}: forward pass over {} tokens failed: {}", model_->options().path, items.size(),
        status == 1   ? "the KV cache is full"
        : status == 2 ? "it was interrupted"
                      : fmt::format("status {} {}", status, errors.first())));
  }
  llama_synchronize(context_.get());
  for (std::size_t i = 0; i < items.size();) {
    std::vector<Token> read;
    const int sequence = items[i].sequence;
    for (; i < items.size() && items[i].sequence == sequence; ++i) read.push_back(items[i].token);
    memory_.append(sequence, read);
  }
}

/// Reads the rows of a pass where they are, several at once.
void ModelContext::take_rows(std::span<const Item> items) {
  std::vector<const Item*> outputs;
  for (const Item& item : items) {
    if (item.row >= 0) outputs.push_back(&item);
  }
  if (outputs.empty()) return;
  if (device_rows_) return take_device_rows(outputs);
  std::vector<std::span<const float>> logits;
  for (const Item* item : outputs) {
    const auto i = static_cast<std::int32_t>(item - items.data());
    logits.emplace_back(llama_get_logits_ith(context_.get(), i), n_vocab_);
  }
  take_hidden(outputs);
  pool_.for_each(outputs.size(),
                 [&](int worker, std::size_t i) { read_row(worker, *outputs[i], logits[i]); });
}

/// What a device has found, and copies of what it keeps.
void ModelContext::take_device_rows(std::span<const Item* const> outputs) {
  llama_synchronize(context_.get());
  device_rows_->take(outputs.size());
  if (tap_->on) tap_->rows = device_rows_->hidden();
  take_hidden(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Item& item = *outputs[i];
    Row& row = rows_[index(item.row)];
    const auto stats = device_rows_->read(i, item.form.sums, place_of(item));
    if (!stats) {
      read_row(0, item, device_rows_->logits(i));
      continue;
    }
    row.stats = *stats;
    if (item.form.logits) row.logits = device_rows_->logits(i);
  }
}

void ModelContext::take_hidden(std::span<const Item* const> outputs) {
  if (!tap_->on) return;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    rows_[index(outputs[i]->row)].hidden = hidden_row(i);
  }
}

std::span<TokenLogit> ModelContext::place_of(const Item& item) {
  return std::span(likeliest_).subspan(index(item.row) * kLikeliest, kLikeliest);
}

void ModelContext::read_row(int worker, const Item& item, std::span<const float> logits) {
  Row& row = rows_[index(item.row)];
  row.stats = readers_[index(worker)].read(logits, item.form.sums, place_of(item));
  if (item.form.logits) row.logits = logits;
  if (row.stats.likeliest.empty()) {
    throw ResourceError(
        fmt::format("{}: no token has a probability: all logits are NaN (are the weights damaged?)",
                    model_->options().path));
  }
}

std::span<const float> ModelContext::hidden_row(std::size_t output) const {
  const auto n_embd = static_cast<std::size_t>(model_->n_embd());
  const std::span<const float> rows = tap_->rows;
  if (rows.size() < (output + 1) * n_embd) {
    throw ResourceError(
        fmt::format("{}: libllama shows no hidden states of this kind of model ({})",
                    model_->options().path, model_->description()));
  }
  return rows.subspan(output * n_embd, n_embd);
}

/// Copies rows out of libllama's buffer, which the next batch overwrites.
void ModelContext::own_rows(std::span<const Item> items) {
  const auto own = [this](std::span<const float> values) -> std::span<const float> {
    return owned_.emplace_back(values.begin(), values.end());
  };
  for (const Item& item : items) {
    if (item.row < 0) continue;
    Row& row = rows_[index(item.row)];
    if (!row.logits.empty()) row.logits = own(row.logits);
    if (!row.hidden.empty()) row.hidden = own(row.hidden);
  }
}

Row ModelContext::row(std::size_t request, std::size_t i) const {
  return rows_[first_row_[request] + i];
}

}  // namespace citer
