#pragma once

#include <string_view>
#include <vector>

#include "grammar/grammar_text.h"
#include "grammar/intersection.h"

namespace citer {

/// What the JSON strings, without their quotes, satisfy that a regular expression matches somewhere
/// (anchor it by ^ and $ to say what the whole string is). Of ECMA-262's expressions: literals, .,
/// classes, \d \D \w \W \s \S, escapes, groups, |, and the quantifiers; no assertion but ^ and $
/// at the ends and (?=...) and (?!...) behind the ^, no backreference. Throws UsageError that says
/// what is not supported and where in the pattern.
std::vector<Condition> pattern_conditions(std::string_view pattern, gbnf::Rules& rules);

}  // namespace citer
