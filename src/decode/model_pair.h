#pragma once

#include <memory>
#include <mutex>

#include "citer/engine.h"
#include "decode/decoder.h"
#include "model/context.h"
#include "model/model.h"

namespace citer {

ModelFacts facts_of(const ModelContext& context);

/// Both models of a pair, loaded and checked, a context each, and the decoder over them.
struct ModelPair {
  /// `spare` sequences beyond options.context.sequences are no slots of the decoder: they may hold
  /// prefixes that answers are forked from. Throws as Engine's constructor does.
  explicit ModelPair(const EngineOptions& options, int spare = 0);
  /// The same over models that are loaded.
  ModelPair(std::shared_ptr<Model> small, std::shared_ptr<Model> large,
            const ContextOptions& context, int spare, const std::string& overlap = "off");

  /// The constraint of a GBNF grammar, "" for none. Throws UsageError as compile_grammar() does.
  /// Any thread may call it.
  Constraint constraint(const std::string& gbnf) const;

  /// Drops both models' caches.
  void reset();

  std::shared_ptr<Model> slm_model;
  std::shared_ptr<Model> llm_model;
  ModelContext slm;
  ModelContext llm;
  Decoder decoder;

 private:
  mutable std::once_flag trie_made_;
  mutable std::shared_ptr<const TokenTrie> trie_;  ///< made when the first grammar comes
};

}  // namespace citer
