#include "decode/model_pair.h"

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

}  // namespace

ModelPair::ModelPair(const EngineOptions& options, int spare)
    : slm_model(Model::load(options.slm)),
      llm_model(Model::load(options.llm)),
      slm(checked(slm_model, *llm_model), with_spare(options.context, spare)),
      llm(llm_model, with_spare(options.context, spare)),
      decoder(slm, llm, options.context.sequences) {}

void ModelPair::reset() {
  slm.reset();
  llm.reset();
}

}  // namespace citer
