#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "grammar/scanner.h"

namespace citer {

/// What a grammar may cost: it comes from a stranger.
struct GrammarLimits {
  std::size_t text = 1 << 20;  ///< bytes
  std::size_t rules = 20'000;
  std::size_t depth = 300;            ///< of parentheses
  std::int64_t repetitions = 20'000;  ///< of one thing
  std::size_t symbols = 1'000'000;    ///< with repetitions written out; 8 bytes each
  /// What one call of a matcher may look at, in symbols: about a tenth of a second.
  std::size_t work = 1'000'000;
  /// What a matcher may keep for one answer, in symbols of 8 bytes.
  std::size_t kept = 4'000'000;
};

/// A grammar as a program over code points. Immutable: one may be shared by all answers and
/// threads.
struct Grammar {
  enum class Op : std::uint8_t {
    kChar,    ///< one code point of class `arg`, then on
    kCall,    ///< a rule that begins at `arg`, then on
    kSplit,   ///< on, or at `arg`
    kJump,    ///< at `arg`
    kTail,    ///< the same: a call with nothing behind it
    kReturn,  ///< the rule ends
  };
  struct Step {
    Op op;
    std::uint32_t arg = 0;
  };

  std::vector<Step> program;
  std::vector<Ranges> classes;  ///< each in order
  std::uint32_t root = 0;       ///< where the rule `root` begins
  GrammarLimits limits;
};

/// Reads GBNF as llama.cpp does (its grammars/README.md), but for references to tokens: <...> is
/// refused. Rules may be left-recursive. Throws UsageError "grammar: LINE:COLUMN: ...", also where
/// a limit is exceeded.
std::shared_ptr<const Grammar> compile_grammar(std::string_view gbnf,
                                               const GrammarLimits& limits = {});

}  // namespace citer
