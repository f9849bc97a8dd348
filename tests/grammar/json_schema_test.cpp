// Grammars of schemas: what a model could write under them, by our own matcher and by libllama's.
#include "grammar/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "citer/error.h"
#include "grammar/grammar_text.h"
#include "grammar/matcher.h"
#include "grammar/scanner.h"
#include "support/error_text.h"
#include "support/grammar_check.h"

namespace citer::test {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

std::string grammar_of(const std::string& schema) {
  return json_schema_to_grammar(ordered_json::parse(schema));
}

bool accepts(GrammarMatcher& matcher, const std::string& text) {
  matcher.truncate(0);
  return matcher.accept(text) && matcher.may_end();
}

/// By our own matcher.
void expect_ours(const std::string& grammar, const Texts& accepted, const Texts& rejected) {
  GrammarMatcher matcher(compile_grammar(grammar));
  for (const std::string& text : accepted) EXPECT_TRUE(accepts(matcher, text)) << text;
  for (const std::string& text : rejected) EXPECT_FALSE(accepts(matcher, text)) << text;
}

void expect(const std::string& schema, const Texts& accepted, const Texts& rejected) {
  SCOPED_TRACE(schema);
  const std::string grammar = grammar_of(schema);
  SCOPED_TRACE(grammar.substr(0, grammar.find("\nvalue ::=")));
  expect_ours(grammar, accepted, rejected);
  const GrammarCheck libllama(grammar);
  for (const std::string& text : accepted) EXPECT_TRUE(libllama.accepts(text)) << text;
  for (const std::string& text : rejected) EXPECT_FALSE(libllama.accepts(text)) << text;
}

std::string error_of(const std::string& schema) {
  return error_text<UsageError>([&] { grammar_of(schema); });
}

TEST(JsonSchema, AnyValue) {
  const Texts values = {"{}",     "[]",   "null",  R"("a\n\"\u00e9 é \ud83d\ude00")",
                        "-1.5e3", "true", "false", R"({"a": [1, {"b": null}], "c":""})"};
  const Texts others = {"",        "nul",  "01", "1.",          "[1,]",      R"({"a"})", R"("a)",
                        R"("\x")", "{}{}", "+1", R"("\ud83d")", R"({a: 1})", "\"\n\""};
  for (const char* schema : {"{}", "true", R"({"description": "anything"})"}) {
    expect(schema, values, others);
  }
}

TEST(JsonSchema, BlanksAreBounded) {
  expect(R"({"type": "array"})", {"[1, 2]", "[1,2]", "[\n  1,\n  2\n]", "[ ]"},
         {"[1,  2]", "[\n\n1]", "[1 ,2]", " []", "[] ", "[\n                       1]"});
}

TEST(JsonSchema, AnyObject) {
  const Texts objects = {"{}", R"({"a": 1})", R"({"a": {"b": []}, "a": 2})", "{\n  \"a\": 1\n}"};
  const Texts others = {"[]", "1", R"({"a": 1,})", ""};
  expect(R"({"type": "object"})", objects, others);
  const GrammarCheck check(json_object_grammar());
  for (const std::string& text : objects) EXPECT_TRUE(check.accepts(text)) << text;
  for (const std::string& text : others) EXPECT_FALSE(check.accepts(text)) << text;
}

TEST(JsonSchema, RequiredProperties) {
  expect(
      R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
             "required": ["name", "age"]})",
      {R"({"name": "Ann", "age": 3})", "{\n  \"name\": \"Ann\",\n  \"age\": 3\n}"},
      {"{}", R"({"name": "Ann"})", R"({"age": 3, "name": "Ann"})", R"({"name": 1, "age": 3})",
       R"({"name": "Ann", "age": 3, "x": 1})", R"({"name": "Ann", "age": 3,})"});
}

TEST(JsonSchema, OptionalPropertiesAreSkippedWithTheirCommas) {
  expect(R"({"properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}})",
         {"{}", R"({"a": 1})", R"({"b": 2})", R"({"c": 3})", R"({"a": 1, "c": 3})",
          R"({"b": 2, "c": 3})", R"({"a": 1, "b": 2, "c": 3})"},
         {R"({, "b": 2})", R"({"a": 1,})", R"({"c": 3, "a": 1})", R"({"a": 1 "b": 2})",
          R"({"a": 1, "a": 1})"});
  expect(R"({"properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}},
             "required": ["b"]})",
         {R"({"b": 2})", R"({"a": 1, "b": 2})", R"({"b": 2, "c": 3})"},
         {"{}", R"({"a": 1})", R"({"a": 1, "c": 3})", R"({"c": 3})"});
}

TEST(JsonSchema, AdditionalProperties) {
  expect(R"({"type": "object", "additionalProperties": {"type": "integer"}})",
         {"{}", R"({"x": 1})", R"({"x": 1, "y": 2})"}, {R"({"x": "1"})", R"({"x": 1, })"});
  expect(R"({"type": "object", "additionalProperties": false})", {"{}", "{ }"}, {R"({"x": 1})"});
  expect(R"({"properties": {"ab": {"const": 1}, "ac": {"const": 2}}, "required": ["ac"],
             "additionalProperties": {"type": "boolean"}})",
         {R"({"ac": 2})", R"({"ab": 1, "ac": 2, "x": true})",
          R"({"ac": 2, "a": true, "abc": false})", R"({"ac": 2, "b": true, "é": true, "": true})"},
         {R"({"ac": 2, "ab": true})", R"({"ac": 2, "ac": true})", R"({"ac": 2, "x": 1})",
          R"({"x": true, "ac": 2})", R"({"ac": 2, "\u0061b": true})"});
  expect(R"({"properties": {"a": {"const": 1}}, "additionalProperties": true})",
         {"{}", R"({"a": 1})", R"({"b": null})", R"({"a": 1, "b": [2]})"}, {R"({"a": 2})"});
}

TEST(JsonSchema, RequiredPropertyThatIsNotDeclared) {
  expect(R"({"type": "object", "required": ["a"]})", {R"({"a": 1})", R"({"a": []})"},
         {"{}", R"({"b": 1})"});
  EXPECT_THAT(error_of(R"({"required": ["a"], "additionalProperties": false})"),
              HasSubstr("required property \"a\""));
}

TEST(JsonSchema, NamesThatNeedEscapes) {
  expect(R"({"properties": {"a\"b\\c\né [x]": {"const": "\"\\\n"}}, "additionalProperties": true})",
         {R"({"a\"b\\c\né [x]": "\"\\\n"})"}, {R"({"a\"b\\c\né [x]": 1})"});
}

TEST(JsonSchema, Arrays) {
  expect(R"({"type": "array", "items": {"type": "integer"}})", {"[]", "[1]", "[1, 2, 3]"},
         {"[\"a\"]", "[1 2]", "[,]"});
  expect(R"({"items": {"type": "integer"}, "minItems": 2, "maxItems": 3})", {"[1, 2]", "[1,2,3]"},
         {"[]", "[1]", "[1,2,3,4]"});
  expect(R"({"items": true, "maxItems": 0})", {"[]"}, {"[1]"});
  expect(R"({"items": {"type": "integer"}, "maxItems": 1})", {"[]", "[1]"}, {"[1,2]"});
  expect(R"({"items": {"type": "integer"}, "minItems": 1})", {"[1]", "[1,2,3,4]"}, {"[]"});
}

TEST(JsonSchema, Tuples) {
  const Texts wrong = {R"(["a"])", R"([1, "a"])", "[]"};
  expect(R"({"prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2})",
         {R"(["a", 1])"}, wrong);
  expect(R"({"items": [{"type": "string"}, {"type": "integer"}], "minItems": 2})", {R"(["a", 1])"},
         wrong);
  expect(R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}})",
         {"[]", "[1]", "[1, 2]", "[1, 2, 3, 3]"}, {"[2]", "[1, 3]", "[1, 2, 2]"});
  expect(R"({"prefixItems": [{"const": 1}], "items": {"const": 3}, "minItems": 2, "maxItems": 3})",
         {"[1, 3]", "[1, 3, 3]"}, {"[1]", "[1, 3, 3, 3]"});
  expect(R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": false})", {"[]", "[1, 2]"},
         {"[1, 2, 3]"});
}

TEST(JsonSchema, EnumAndConst) {
  expect(R"({"enum": ["red", "green", 3, null, {"a": [1]}]})",
         {R"("red")", R"("green")", "3", "null", R"({"a":[1]})"}, {R"("blue")", "4", "red"});
  expect(R"({"type": "string", "enum": ["a", 1]})", {R"("a")"}, {"1"});
  expect(R"({"const": "x"})", {R"("x")"}, {R"("y")", "x"});
  EXPECT_THAT(error_of(R"({"type": "string", "enum": [1]})"), HasSubstr("at #/enum"));
}

TEST(JsonSchema, AnyOfAndOneOf) {
  for (const std::string key : {"anyOf", "oneOf"}) {
    expect("{\"" + key + R"(": [{"type": "integer"}, {"const": "x"}, {"type": "null"}]})",
           {"1", R"("x")", "null"}, {R"("y")", "[]"});
  }
  expect(R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}},
             "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
         {R"({"a": 1})", R"({"b": 2})", R"({"a": 1, "b": 2})"}, {"{}"});
}

TEST(JsonSchema, AllOf) {
  expect(R"({"$defs": {"Named": {"type": "object", "properties": {"name": {"type": "string"}},
                                 "required": ["name"]}},
             "allOf": [{"$ref": "#/$defs/Named"},
                       {"properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}]})",
         {R"({"name": "a", "age": 1})"},
         {R"({"name": "a"})", R"({"age": 1})", R"({"name": "a", "age": -1})"});
  expect(R"({"allOf": [{"type": ["integer", "string"]}, {"type": "number", "minimum": 2}],
             "maximum": 4})",
         {"2", "4"}, {"1", "5", "2.5", "\"a\""});
  EXPECT_THAT(error_of(R"({"allOf": [{"type": "string"}, {"type": "integer"}]})"),
              HasSubstr("no value has both types"));
  EXPECT_THAT(error_of(R"({"allOf": [{"properties": {"a": {}}, "additionalProperties": false},
                                     {"properties": {"b": {}}}]})"),
              HasSubstr("property 'b'"));
}

TEST(JsonSchema, References) {
  expect(R"({"$defs": {"Point": {"type": "object", "properties": {"x": {"type": "integer"}},
                                 "required": ["x"]}},
             "type": "array", "items": {"$ref": "#/$defs/Point", "description": "a point"}})",
         {"[]", R"([{"x": 1}, {"x": 2}])"}, {"[1]", "[{}]"});
  expect(R"({"definitions": {"a/b": {"const": 1}}, "$ref": "#/definitions/a~1b"})", {"1"}, {"2"});
}

TEST(JsonSchema, Recursion) {
  expect(R"({"$defs": {"Tree": {"type": "object", "properties": {"value": {"type": "integer"},
               "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}, "required": ["value"]}},
             "$ref": "#/$defs/Tree"})",
         {R"({"value": 1})", R"({"value": 1, "children": [{"value": 2, "children": []}]})"},
         {R"({"children": []})", R"({"value": 1, "children": [{}]})"});
  expect(R"({"type": "array", "items": {"$ref": "#"}})", {"[]", "[[], [[]]]"}, {"[1]"});
  expect(R"({"$defs": {"List": {"anyOf": [{"type": "null"}, {"type": "object", "properties":
               {"next": {"$ref": "#/$defs/List"}}, "required": ["next"]}]}}, "$ref": "#/$defs/List"})",
         {"null", R"({"next": {"next": null}})"}, {"{}"});
}

TEST(JsonSchema, WhatIsDefinedAsItselfIsRefused) {
  for (const char* schema :
       {R"({"$ref": "#"})",
        R"({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
                                 "$ref": "#/$defs/A"})",
        R"({"$defs": {"A": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/A"}]}},
                                 "$ref": "#/$defs/A"})",
        R"({"$defs": {"Q": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]},
                                  "R": {"anyOf": [{"$ref": "#/$defs/Q"}, {"type": "null"}]},
                                  "P": {"anyOf": [{"properties": {"q": {"$ref": "#/$defs/Q"}}},
                                                  {"$ref": "#/$defs/R"}]}}, "$ref": "#/$defs/P"})"}) {
    EXPECT_THAT(error_of(schema), HasSubstr("defined as itself")) << schema;
  }
  EXPECT_THAT(error_of(R"({"allOf": [{"$ref": "#"}]})"), HasSubstr("leads to itself"));
}

TEST(JsonSchema, StringLengths) {
  expect(R"({"type": "string", "minLength": 2, "maxLength": 3})",
         {R"("ab")", R"("abc")", R"("\n\n")", R"("éé")"}, {R"("")", R"("a")", R"("abcd")"});
  expect(R"({"minLength": 1})", {R"("a")", R"("abcdef")"}, {R"("")"});
  expect(R"({"maxLength": 1000})", {R"("")", R"("abcdef")"}, {"1"});
  expect(R"({"maxLength": 0})", {R"("")"}, {R"("a")"});
}

TEST(JsonSchema, Formats) {
  expect(
      R"({"type": "string", "format": "date"})", {R"("2024-02-29")", R"("1999-12-31")"},
      {R"("2024-02-30")", R"("2024-13-01")", R"("2024-04-31")", R"("24-01-01")", R"("2024-1-1")"});
  expect(R"({"format": "time"})", {R"("23:59:59Z")", R"("00:00:00.123+02:00")"},
         {R"("24:00:00Z")", R"("12:60:00Z")", R"("12:00Z")", R"("12:00:00")"});
  expect(R"({"format": "date-time"})", {R"("2024-02-29T12:00:00Z")"},
         {R"("2024-02-29")", R"("2024-02-29 12:00:00Z")"});
  expect(R"({"format": "uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"},
         {R"("123e4567e89b12d3a456426614174000")"});
  expect(R"({"type": "string", "format": "email"})", {R"("a@b.cd")", R"("a.b+c@d-e.f.org")"},
         {R"("a@b")", R"(".a@b.cd")", R"("a..b@c.de")", R"("a@-b.cd")", R"("x")", "1"});
  expect(R"({"format": "ipv4"})", {R"("0.10.199.255")"}, {R"("1.2.3")", R"("1.2.3.256")"});
  expect(R"({"format": "ipv6"})", {R"("1:2:3:4:5:6:7:8")", R"("::1")", R"("fe80::1:2")"},
         {R"("1:2")", R"("1::2::3")", R"("::")"});
  expect(R"({"format": "hostname"})", {R"("a")", R"("a-1.example.org")"}, {R"("-a")", R"("a..b")"});
  expect(R"({"format": "uri"})", {R"("https://a.org:80/b?c=%20#d")", R"("mailto:a@b.cd")"},
         {R"("a b")", R"("/a")", R"("http://a b")"});
  expect(R"({"format": "duration"})", {R"("P1Y2M3DT4H5M6S")", R"("PT5M")", R"("P2W")"},
         {R"("P")", R"("PT")", R"("1D")", R"("P1Y3D")"});
  expect(R"({"type": "string", "format": "int64"})", {R"("an annotation")"}, {"1"});
}

TEST(JsonSchema, FormatPatternAndLengthHoldTogether) {
  // As Zod 4 writes them.
  expect(
      R"({"type": "string", "format": "uuid", "pattern": "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|00000000-0000-0000-0000-000000000000)$"})",
      {R"("123e4567-e89b-12d3-a456-426614174000")", R"("00000000-0000-0000-0000-000000000000")"},
      {R"("123e4567-e89b-92d3-a456-426614174000")", R"("123e4567e89b12d3a456426614174000")"});
  expect(
      R"({"type": "string", "format": "date", "pattern": "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))$"})",
      {R"("2024-02-29")", R"("2023-12-31")"}, {R"("2023-02-29")", R"("2023-04-31")"});
  expect(R"({"format": "date-time", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d)?Z$"})",
         {R"("2024-02-29T12:00:00Z")"},
         {R"("2024-02-29T12:00Z")", R"("2024-02-29T12:00:00.5Z")", R"("2024-02-30T12:00:00Z")"});
  expect(
      R"({"format": "email", "pattern": "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"})",
      {R"("a@b.cd")", R"("a.b+c@d.e.org")"}, {R"(".a@b.cd")", R"("a..b@c.de")", R"("a@b")"});
  expect(R"({"pattern": "^[a-z]+( [a-z]+)*$", "minLength": 3, "maxLength": 5})",
         {R"("abc")", R"("ab c")", R"("a b c")"},
         {R"("ab")", R"("abcdef")", R"("ab ")", R"("a  b")"});
  expect(R"({"pattern": "b", "maxLength": 2})", {R"("b")", R"("ab")", R"("b\n")"},
         {R"("aab")", R"("aa")", R"("")"});
  expect(R"({"format": "date", "pattern": "^2024-"})", {R"("2024-02-29")"},
         {R"("2023-02-28")", R"("2024-13-01")", R"("2024-")"});
  EXPECT_THAT(error_of(R"({"format": "date", "pattern": "^x"})"), HasSubstr("at #: no text"));
}

TEST(JsonSchema, PatternsMayLookAhead) {
  expect(R"({"pattern": "^(?=.*\\d)(?=.*[a-z]$)(?!a)\\w{2,4}$"})",
         {R"("1b")", R"("b1c")", R"("9Zzz")"},
         {R"("a1b")", R"("bc")", R"("b1")", R"("1")", R"("1bbbb")"});
  expect(R"({"pattern": "^(?!(?:no|never)$)[a-z]+$"})", {R"("yes")", R"("nope")", R"("n")"},
         {R"("no")", R"("never")", R"("")"});
}

TEST(JsonSchema, LargeBounds) {
  const std::string letters(2083, 'x');
  expect_ours(grammar_of(R"({"type": "string", "maxLength": 2083})"),
              {R"("")", '"' + letters + '"'}, {'"' + letters + "x\""});
  std::string items = "[1";
  for (int i = 1; i < 10'000; ++i) items += ",1";
  expect_ours(grammar_of(R"({"items": {"const": 1}, "maxItems": 10000})"), {"[]", items + "]"},
              {items + ",1]"});
  expect_ours(grammar_of(R"({"items": {"maxLength": 2083}, "maxItems": 10000})"), {"[]", "[\"a\"]"},
              {});
  expect_ours(grammar_of(R"({"pattern": "^[a-zA-Z0-9]+$", "maxLength": 2083})"),
              {'"' + letters + '"'}, {'"' + letters + "x\"", "\"\""});
}

TEST(JsonSchema, MultipleOf) {
  for (const int step : {1, 2, 3, 7, 10, 25, 60}) {
    Texts inside;
    Texts outside = {"-0", "00", "", "-"};
    for (int n = -130; n <= 400; ++n) {
      (n >= -100 && n % step == 0 ? inside : outside).push_back(std::to_string(n));
    }
    expect_ours(grammar_of(R"({"type": "integer", "minimum": -100, "multipleOf": )" +
                           std::to_string(step) + "}"),
                inside, outside);
  }
  expect(R"({"type": "number", "minimum": 0, "multipleOf": 0.01})", {"0", "1.5", "12.25", "3.00"},
         {"1.255", "-1", "1e2"});
  expect(R"({"multipleOf": 5})", {"0", "-15"}, {"3", "5.5"});
  for (const char* step : {"0", "-2", "0.3", "1.5", "1000", "\"2\""}) {
    EXPECT_THAT(error_of(R"({"type": "number", "multipleOf": )" + std::string(step) + "}"),
                HasSubstr("at #/multipleOf: expected a whole number up to 500, or 0.1"));
  }
}

TEST(JsonSchema, Patterns) {
  expect(R"({"type": "string", "pattern": "^[A-Z]{2}-\\d{3,4}$"})", {R"("AB-123")", R"("AB-1234")"},
         {R"("AB-12")", R"("ab-123")", R"("xAB-123")", R"("AB-12345")"});
  expect(R"({"pattern": "b+"})", {R"("b")", R"("abba")"}, {R"("aa")"});
  expect(R"({"pattern": "^(?:cat|dog)s?$|^x"})", {R"("cat")", R"("dogs")", R"("xyz")"},
         {R"("cats!")", R"("ax")"});
  expect(R"({"pattern": "^\"\\\\\\.[^a\\]]$"})", {R"("\"\\.b")", R"("\"\\.\n")"},
         {R"("\"\\xb")", R"("\"\\.a")", R"("\"\\.]")", R"(""\\.b")"});
  expect(R"({"pattern": "^[\\w.-]+@\\S*?$"})", {R"("a.b-c@d")", R"("x@é")"}, {R"("@")", R"("é@")"});
}

TEST(JsonSchema, PatternsThatAreNotSupported) {
  for (const auto& [pattern, problem] : std::vector<std::pair<std::string, std::string>>{
           {"(?=a)", "begins with '(?'"},
           {R"(\\bword)", R"('\b')"},
           {R"((a)\\1)", R"('\1')"},
           {"a^b", "an anchor inside"},
           {"(a$)", "an anchor inside"},
           {"(a*)*", "may be empty"},
           {"(a", "'(' without ')'"},
           {"a)", "')' without '('"},
           {"[a", "ends too early"},
           {"*a", "a quantifier of nothing"},
           {"a{99999}", "repetitions"},
           {"(a{200}b){200}", "repetitions"},
           {"^(?=a)b|c", "a lookahead in one of several"},
           {"^a(?!b)", "begins with '(?'"},
           {"^(?!a", "'(' without ')'"},
           {"[z-a]", "such a range"},
           {"[]", "class of no character"}}) {
    const std::string error = error_of(R"({"properties": {"p": {"pattern": ")" + pattern + "\"}}}");
    EXPECT_THAT(error, HasSubstr("at #/properties/p/pattern")) << pattern;
    EXPECT_THAT(error, HasSubstr(problem)) << pattern;
  }
}

TEST(JsonSchema, Numbers) {
  expect(R"({"type": "integer"})", {"0", "-7", "1234567890123456"},
         {"1.0", "01", "12345678901234567", "1e3", "-"});
  expect(R"({"type": "number"})", {"0", "-7.25", "1e10", "2.5E-3"}, {".5", "1e999", "--1"});
  expect(R"({"type": ["number", "null"]})", {"1.5", "null"}, {"true"});
}

TEST(JsonSchema, WholeNumberRanges) {
  const std::vector<std::pair<int, int>> ranges = {{0, 0},    {0, 9},     {3, 7},     {1, 10},
                                                   {8, 123},  {95, 105},  {100, 999}, {-5, 5},
                                                   {-30, -7}, {-120, -1}, {-1, 0},    {17, 17}};
  for (const auto& [low, high] : ranges) {
    Texts inside;
    Texts outside = {"", "-", "00", "-0", "05"};
    for (int n = -200; n <= 1100; ++n) {
      (n >= low && n <= high ? inside : outside).push_back(std::to_string(n));
    }
    expect(R"({"type": "integer", "minimum": )" + std::to_string(low) + R"(, "maximum": )" +
               std::to_string(high) + "}",
           inside, outside);
  }
}

TEST(JsonSchema, WholeNumbersBoundedOnOneSide) {
  expect(R"({"type": "integer", "minimum": 0})", {"0", "5", "1000"}, {"-1"});
  expect(R"({"type": "integer", "minimum": 42})", {"42", "99", "100", "1234567890"},
         {"41", "5", "-50"});
  expect(R"({"type": "integer", "maximum": 42})", {"42", "0", "-1", "-1000"}, {"43", "100"});
  expect(R"({"type": "integer", "maximum": -3})", {"-3", "-10", "-99999"}, {"-2", "0", "3"});
  expect(R"({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 3})", {"1", "2"},
         {"0", "3"});
  expect(R"({"type": "integer", "minimum": -1e30, "maximum": 1e30})", {"-5", "5"}, {"1.5"});
  expect(R"({"type": "integer", "minimum": 0.5, "maximum": 2.5})", {"1", "2"}, {"0", "3"});
}

TEST(JsonSchema, NumberRanges) {
  expect(R"({"type": "number", "minimum": 0, "maximum": 1})", {"0", "1", "0.25", "1.0", "0.0001"},
         {"1.1", "-0.1", "2", "1.01"});
  expect(R"({"type": "number", "exclusiveMinimum": 0})", {"0.5", "1", "12.75", "3.0"},
         {"0", "0.0", "-1", "-0.5"});
  expect(R"({"type": "number", "minimum": -2, "exclusiveMaximum": 1})",
         {"-2", "-1.5", "-0.5", "0", "0.99", "-2.0"}, {"1", "1.0", "-2.5", "1.5"});
  expect(R"({"type": "number", "maximum": -2})", {"-2", "-2.5", "-100"}, {"-1.5", "0", "2"});
  expect(R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})", {"0.5"},
         {"0", "1", "1.5"});
}

TEST(JsonSchema, Nullable) {
  expect(R"({"type": "string", "nullable": true})", {"null", R"("a")"}, {"1"});
  expect(R"({"type": "string", "enum": ["a", null], "nullable": true})", {"null", R"("a")"}, {"1"});
}

TEST(JsonSchema, ErrorsNameThePlace) {
  for (const auto& [schema, place, problem] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {R"([])", "at #:", "an object or a boolean"},
           {R"(false)", "at #:", "admits no value"},
           {R"({"type": "strin"})", "at #/type:", "no type 'strin'"},
           {R"({"type": []})", "at #/type:", "a list of them"},
           {R"({"properties": {"a/b": {"type": 3}}})", "at #/properties/a~1b/type:", "found 3"},
           {R"({"properties": []})", "at #/properties:", "expected an object"},
           {R"({"required": "a"})", "at #/required:", "a list of names"},
           {R"({"required": [1]})", "at #/required:", "a list of names"},
           {R"({"items": {"not": {}}})", "at #/items:", "'not' is not supported"},
           {R"({"uniqueItems": true})", "at #:", "'uniqueItems'"},
           {R"({"patternProperties": {}})", "at #:", "'patternProperties'"},
           {R"({"anyOf": []})", "at #/anyOf:", "not empty"},
           {R"({"anyOf": [{"type": "null"}, {"type": "x"}]})", "at #/anyOf/1/type:", "no type"},
           {R"({"enum": "a"})", "at #/enum:", "expected a list"},
           {R"({"$ref": "#/$defs/No"})", "at #/$ref:", "found \"#/$defs/No\""},
           {R"({"$ref": "other.json"})", "at #/$ref:", "within this one"},
           {R"({"minItems": -1})", "at #/minItems:", "whole number"},
           {R"({"minItems": 3, "maxItems": 2})", "at #:", "'maxItems' is less"},
           {R"({"minItems": 100000})", "at #/minItems:", "more than 20000"},
           {R"({"prefixItems": [true], "items": false, "minItems": 2})", "at #:", "more items"},
           {R"({"maxLength": 1.5})", "at #/maxLength:", "whole number"},
           {R"({"minLength": 2, "maxLength": 1})", "at #:", "'maxLength' is less"},
           {R"({"pattern": "^aa", "maxLength": 1})", "at #:", "no text satisfies all"},
           {R"({"format": "iri"})", "at #/format:", "\"iri\" is not supported"},
           {R"({"type": "integer", "minimum": 3, "maximum": 2})", "at #:", "no whole number"},
           {R"({"type": "number", "minimum": 3, "maximum": 2})", "at #:", "no number"},
           {R"({"type": "integer", "minimum": "1"})", "at #/minimum:", "expected a number"},
           {R"({"type": "number", "minimum": 0.5})", "at #/minimum:", "whole bounds"},
           {R"({"type": "integer", "minimum": 1e17})", "at #/minimum:", "16 digits"}}) {
    const std::string error = error_of(schema);
    EXPECT_THAT(error, HasSubstr(place)) << schema;
    EXPECT_THAT(error, HasSubstr(problem)) << schema;
  }
}

TEST(JsonSchema, CostIsBounded) {
  std::string deep = "{}";
  for (int i = 0; i < 100; ++i) deep = R"({"items": )" + deep + "}";
  EXPECT_THAT(error_of(deep), HasSubstr("deeper than"));
  EXPECT_THAT(error_of(std::string(5000, '[') + std::string(5000, ']')), HasSubstr("too deep"));

  ordered_json doubling = {{"$defs", {{"D0", {{"type", "object"}}}}}, {"$ref", "#/$defs/D25"}};
  for (int i = 1; i <= 25; ++i) {
    const ordered_json part = {{"$ref", "#/$defs/D" + std::to_string(i - 1)}};
    doubling["$defs"]["D" + std::to_string(i)] = {{"allOf", {part, part}}};
  }
  EXPECT_THAT(error_of(doubling.dump()), HasSubstr("too large"));

  ordered_json wide;
  for (int i = 0; i < 100; ++i) {
    wide["properties"]["p" + std::to_string(i)] = {{"type", "string"}, {"maxLength", 2000}};
  }
  EXPECT_THAT(error_of(wide.dump()), HasSubstr("too large"));
}

TEST(JsonSchema, ManyOptionalPropertiesStaySmall) {
  ordered_json schema;
  for (int i = 0; i < 300; ++i) schema["properties"]["p" + std::to_string(i)] = {{"const", i}};
  const std::string grammar = grammar_of(schema.dump());
  EXPECT_LT(grammar.size(), 100'000U);
  const GrammarCheck check(grammar);
  EXPECT_TRUE(check.accepts(R"({"p0": 0, "p150": 150, "p299": 299})"));
  EXPECT_FALSE(check.accepts(R"({"p150": 150, "p0": 0})"));
}

TEST(GrammarText, CodePoints) { EXPECT_EQ(code_points("aé€😀"), U"aé€😀"); }

}  // namespace
}  // namespace citer::test
