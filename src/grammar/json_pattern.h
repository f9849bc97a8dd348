#pragma once

#include <string>
#include <string_view>

#include "grammar/grammar_text.h"

namespace citer {

/// The GBNF piece for the JSON strings, without their quotes, that a regular expression matches
/// somewhere (anchor it by ^ and $ to say what the whole string is). Of ECMA-262's expressions:
/// literals, ., classes, \d \D \w \W \s \S, escapes, groups, |, and the quantifiers; no assertion
/// but ^ and $ at the ends, no backreference. Uses the rules of gbnf::json_rules(). Throws
/// UsageError that says what is not supported and where in the pattern.
std::string pattern_to_grammar(std::string_view pattern, gbnf::Budget& budget);

}  // namespace citer
