#include "trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <thread>

#include "checkpoint.h"
#include "citer/error.h"
#include "network.h"

namespace citer::demo {
namespace {

using Clock = std::chrono::steady_clock;

/// Runs a task on each thread; the first exception goes to the caller.
void run_parallel(int threads, const std::function<void(int)>& task) {
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(threads));
  const auto guarded = [&](int thread) {
    try {
      task(thread);
    } catch (...) {
      errors[static_cast<std::size_t>(thread)] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(guarded, i);
  guarded(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

/// One step's documents, dealt to the threads so that each has about as many tokens.
struct Batch {
  std::vector<std::vector<Sequence>> share;
  long tokens = 0;
  long taught = 0;
};

class Training {
 public:
  Training(const TrainOptions& options, const Corpus& corpus)
      : options_(options),
        corpus_(corpus),
        layout_(options.shape),
        optimizer_(layout_, options.optimizer),
        weights_(initial_weights(options.shape, layout_, random_at(options.seed, 0, 0))) {
    for (int i = 0; i < options.threads; ++i) {
      networks_.emplace_back(options.shape, layout_);
      gradients_.emplace_back(layout_.size(), 0.0F);
    }
  }

  long step() const { return step_; }
  void resume(const std::string& path);
  void save(const std::string& path);
  /// Mean loss of one step.
  double advance();
  long tokens() const { return tokens_; }

 private:
  Batch next_batch();
  float rate_factor() const;
  void sum_gradients();
  void parallel(const std::function<void(int)>& task) { run_parallel(options_.threads, task); }

  const TrainOptions& options_;
  const Corpus& corpus_;
  Layout layout_;
  Optimizer optimizer_;
  std::vector<float> weights_;
  std::vector<Network> networks_;
  std::vector<std::vector<float>> gradients_;
  long step_ = 0;
  std::uint64_t document_ = 0;
  long tokens_ = 0;  // since this process started
};

void Training::resume(const std::string& path) {
  Checkpoint saved = load_checkpoint(path);
  if (saved.weights.size() != weights_.size() || saved.shape.heads != options_.shape.heads ||
      saved.seed != options_.seed) {
    throw InputError(path + ": checkpoint of another shape or seed than asked for");
  }
  weights_ = std::move(saved.weights);
  optimizer_.first() = std::move(saved.first);
  optimizer_.second() = std::move(saved.second);
  step_ = saved.step;
  document_ = saved.document;
}

void Training::save(const std::string& path) {
  save_checkpoint(path, {options_.shape, options_.seed, step_, document_, weights_,
                         optimizer_.first(), optimizer_.second()});
}

Batch Training::next_batch() {
  const Mix& mix = 2 * step_ < options_.steps ? options_.first_mix : options_.second_mix;
  Batch batch;
  batch.share.resize(static_cast<std::size_t>(options_.threads));
  std::vector<long> load(batch.share.size());
  while (batch.tokens < options_.batch_tokens) {
    Sequence document = corpus_.document(document_++, mix);
    const auto least = std::min_element(load.begin(), load.end()) - load.begin();
    load[static_cast<std::size_t>(least)] += document.size();
    batch.tokens += document.size();
    batch.taught += std::count(document.mask.begin(), document.mask.end(), 1);
    batch.share[static_cast<std::size_t>(least)].push_back(std::move(document));
  }
  return batch;
}

float Training::rate_factor() const {
  const double warm = static_cast<double>(step_ + 1) / static_cast<double>(options_.warmup);
  const double left = 1 - static_cast<double>(step_) / static_cast<double>(options_.steps);
  return static_cast<float>(std::min({1.0, warm, std::max(0.02, left / options_.decay)}));
}

void Training::sum_gradients() {
  parallel([&](int thread) {
    const std::size_t size = layout_.size();
    const auto parts = static_cast<std::size_t>(options_.threads);
    const std::size_t begin = size * static_cast<std::size_t>(thread) / parts;
    const std::size_t end = size * (static_cast<std::size_t>(thread) + 1) / parts;
    float* sum = gradients_.front().data();
    for (std::size_t k = 1; k < parts; ++k) {
      float* other = gradients_[k].data();
      for (std::size_t i = begin; i < end; ++i) sum[i] += other[i];
      std::fill(other + begin, other + end, 0.0F);
    }
  });
}

double Training::advance() {
  const Batch batch = next_batch();
  const float scale = 1 / static_cast<float>(std::max(1L, batch.taught));
  std::vector<Loss> losses(batch.share.size());
  parallel([&](int thread) {
    const auto k = static_cast<std::size_t>(thread);
    losses[k] = networks_[k].run(weights_.data(), batch.share[k], scale, gradients_[k].data());
  });
  sum_gradients();
  optimizer_.update(step_ + 1, rate_factor(), weights_, gradients_.front(), options_.threads,
                    [&](const std::function<void(int)>& task) { parallel(task); });
  ++step_;
  tokens_ += batch.tokens;
  double sum = 0;
  for (const Loss& loss : losses) sum += loss.sum;
  return sum * scale;
}

}  // namespace

TrainOptions bundled_options(Role role) {
  TrainOptions options;
  options.role = role;
  if (role == Role::kLlm) {
    options.shape.embed = 256;
    options.shape.layers = 4;
    options.shape.heads = 4;
    options.shape.ff = 768;
    options.steps = 2400;
    options.first_mix = {40, 16, 16, 28};
    options.second_mix = {50, 30, 5, 15};
  } else {
    options.shape.embed = 64;
    options.shape.layers = 2;
    options.shape.heads = 2;
    options.shape.ff = 128;
    options.steps = 2000;
    options.batch_tokens = 4096;
    options.optimizer.adam_rate = 4e-3F;
    options.optimizer.muon_rate = 0.02F;
    options.first_mix = {54, 18, 14, 14};
    options.second_mix = options.first_mix;
    options.threads = 1;
  }
  return options;
}

void train(const TrainOptions& options, const Corpus& corpus, const std::string& checkpoint,
           const std::function<void(const std::string&)>& log) {
  Training training(options, corpus);
  if (std::filesystem::exists(checkpoint)) {
    training.resume(checkpoint);
    log(fmt::format("resumed {} at step {}", checkpoint, training.step()));
  }
  const auto start = Clock::now();
  double losses = 0;
  long since = 0;
  while (training.step() < options.steps) {
    losses += training.advance();
    ++since;
    const long step = training.step();
    if (options.report_every > 0 && step % options.report_every == 0) {
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      log(fmt::format("step {}/{} loss {:.4f}, {:.2f}M tokens, {:.0f} s, {:.0f} tokens/s", step,
                      options.steps, losses / static_cast<double>(since),
                      static_cast<double>(training.tokens()) / 1e6, seconds,
                      static_cast<double>(training.tokens()) / seconds));
      losses = 0;
      since = 0;
    }
    if (options.checkpoint_every > 0 && step % options.checkpoint_every == 0) {
      training.save(checkpoint);
    }
  }
  training.save(checkpoint);
}

}  // namespace citer::demo
