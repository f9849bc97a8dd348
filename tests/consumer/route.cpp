// Streams one answer of the bundled pair, the LLM's tokens in brackets, by a policy of its own.
#include <citer/service.h>

#include <cmath>
#include <iostream>

/// Surer of the SLM's token the farther its logit is above the next one.
struct Gap : citer::RoutingPolicy {
  std::string own_name = "gap";
  const std::string& name() const override { return own_name; }
  citer::PolicyNeeds needs() const override { return {}; }
  double default_threshold() const override { return 0.8; }
  void score(std::span<const citer::PolicyInput> inputs, std::span<double> scores) const override {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto top = inputs[i].slm.likeliest;
      scores[i] = 1 - std::exp(top[1].logit - top[0].logit);
    }
  }
};

int main(int, char** arguments) try {
  const auto pair = std::make_shared<citer::Pair>(
      citer::PairOptions{.slm = {.path = MODELS "slm.gguf"}, .llm = {.path = MODELS "llm.gguf"}});
  citer::Service service(pair, {});
  const citer::Prompt prompt{.text = arguments[1]};
  service.generate({&prompt, 1}, {.own_policy = std::make_shared<Gap>(), .max_tokens = 64},
                   {.on_text = [](std::size_t, const citer::TextPiece& piece) {
                     const bool by_llm = piece.writer == citer::Writer::kLlm;
                     std::cout << (by_llm ? "[" + piece.text + "]" : piece.text) << std::flush;
                   }});
} catch (const citer::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
