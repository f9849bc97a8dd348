#include "decode/model_pair.h"

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

ContextOptions with_spare(ContextOptions options, int spare) {
  options.sequences += spare;
  return options;
}

/// The pair is checked before any context is made.
std::shared_ptr<Model> checked(const std::shared_ptr<Model>& slm, const Model& llm) {
  check_pair(*slm, llm);
  return slm;
}

bool overlaps(const std::string& overlap, const Model& slm, const Model& llm) {
  if (overlap == "on") return true;
  if (overlap == "off") return false;
  if (overlap == "auto") return slm.device() != llm.device();
  throw UsageError(fmt::format("--overlap: expected on, off or auto, found '{}'", overlap));
}

}  // namespace

ModelFacts facts_of(const ModelContext& context) {
  const Model& model = context.model();
  return {model.options().path, model.description(),       model.parameters(),
          model.bytes(),        context.bytes_per_token(), model.n_embd()};
}

ModelPair::ModelPair(const EngineOptions& options, int spare)
    : ModelPair(Model::load(options.slm), Model::load(options.llm), options.context, spare,
                options.overlap) {}

ModelPair::ModelPair(std::shared_ptr<Model> small, std::shared_ptr<Model> large,
                     const ContextOptions& context, int spare, const std::string& overlap)
    : slm_model(std::move(small)),
      llm_model(std::move(large)),
      slm(checked(slm_model, *llm_model), with_spare(context, spare)),
      llm(llm_model, with_spare(context, spare)),
      decoder(slm, llm, context.sequences, overlaps(overlap, *slm_model, *llm_model)) {}

Constraint ModelPair::constraint(const std::string& gbnf) const {
  if (gbnf.empty()) return {};
  auto grammar = compile_grammar(gbnf);
  std::call_once(trie_made_, [&] { trie_ = make_token_trie(slm_model->vocab()); });
  return {std::move(grammar), trie_};
}

void ModelPair::reset() {
  slm.reset();
  llm.reset();
}

}  // namespace citer
