#include "task/formula_value.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <optional>

#include <boost/multiprecision/cpp_complex.hpp>
#include <boost/multiprecision/cpp_int.hpp>
#include <boost/multiprecision/rational_adaptor.hpp>

#include "base/rng.h"
#include "task/text.h"

namespace citer {

namespace {

namespace mp = boost::multiprecision;
using Kind = Expression::Kind;

/// Throws std::overflow_error or std::range_error beyond 4096 bits: no work on endless numbers.
using Integer =
    mp::number<mp::cpp_int_backend<4096, 4096, mp::signed_magnitude, mp::checked, void>>;
using Rational = mp::number<mp::rational_adaptor<Integer::backend_type>>;
using Complex = mp::cpp_complex_50;
using Real = Complex::value_type;

constexpr int kLargestFactorial = 1000;
constexpr int kLargestPower = 1'000'000'000;

/// A value that this way of computing does not know, or that does not exist.
struct NoValue : std::exception {};

/// Exact rational numbers; no symbols.
struct Exact {
  using Value = Rational;
  static Value integer(std::uint64_t n) { return {n}; }
  static Value symbol(const std::string&) { throw NoValue(); }
  static bool is_zero(const Value& v) { return v.is_zero(); }
  static Value quotient(const Value& a, const Value& b) { return a / b; }
  static Value call(const std::string& name, const std::vector<Value>& arguments) {
    if (name != "|") throw NoValue();
    return abs(arguments.front());
  }
};

/// Residues modulo a prime p = 1 (mod 4), so that i has a value.
class Residue {
 public:
  struct Prime {
    std::uint64_t p;
    std::uint64_t root_of_minus_one;
  };
  Residue(std::uint64_t value, const Prime& prime) : value_(value % prime.p), prime_(&prime) {}

  friend Residue operator+(const Residue& a, const Residue& b) {
    return {a.value_ + b.value_, *a.prime_};
  }
  friend Residue operator-(const Residue& a) { return {a.prime_->p - a.value_, *a.prime_}; }
  friend Residue operator*(const Residue& a, const Residue& b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a.value_) * b.value_;
    return {static_cast<std::uint64_t>(product % a.prime_->p), *a.prime_};
  }
  friend bool operator==(const Residue& a, const Residue& b) { return a.value_ == b.value_; }
  const Prime& prime() const { return *prime_; }
  bool is_zero() const { return value_ == 0; }

 private:
  std::uint64_t value_;
  const Prime* prime_;
};

/// Two primes that nobody would meet by chance.
constexpr std::array<Residue::Prime, 2> kPrimes = {
    {{2882303761640574241ULL, 829334962495620078ULL},
     {4611685030773066053ULL, 3049530436566475650ULL}}};

template <class Value>
Value whole_power(Value base, std::uint64_t exponent, Value one) {
  Value out = one;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) out = Value(out * base);
    if (exponent > 1) base = Value(base * base);
  }
  return out;
}

/// Rational functions at a random point modulo a prime.
struct Modular {
  using Value = Residue;
  const Residue::Prime& prime;

  Value integer(std::uint64_t n) const { return {n, prime}; }
  Value symbol(const std::string& name) const {
    return {name == "i" ? prime.root_of_minus_one : hash64(name), prime};
  }
  static bool is_zero(const Value& v) { return v.is_zero(); }
  Value quotient(const Value& a, const Value& b) const {
    return a * whole_power(b, prime.p - 2, integer(1));
  }
  static Value call(const std::string&, const std::vector<Value>&) { throw NoValue(); }
};

/// 50 digits, at a point that `round` chooses.
struct Numeric {
  using Value = Complex;
  std::uint64_t round;

  static Value integer(std::uint64_t n) { return {Real(n)}; }
  Value symbol(const std::string& name) const {
    if (name == "i") return {Real(0), Real(1)};
    if (name == "e") return {exp(Real(1))};
    if (name == "\\pi") return {acos(Real(-1))};
    return {Real(to_unit(random_at(hash64(name), round, 0))) * 2 + Real(0.25)};
  }
  static bool is_zero(const Value& v) { return v == Value(0); }
  static Value quotient(const Value& a, const Value& b) { return a / b; }
  static Value call(const std::string& name, const std::vector<Value>& arguments);
};

Complex root_of(const Complex& radicand, const Complex& degree) {
  if (degree == Complex(2)) return sqrt(radicand);
  const bool negative = radicand.imag() == 0 && radicand.real() < 0;
  // An odd root of a negative number is taken among the real numbers.
  if (negative && degree.imag() == 0 && fmod(degree.real(), Real(2)) == 1) {
    return -pow(Complex(-radicand), Complex(Complex(1) / degree));
  }
  return pow(radicand, Complex(Complex(1) / degree));
}

Complex Numeric::call(const std::string& name, const std::vector<Value>& arguments) {
  const Complex& x = arguments.front();
  if (name == "\\sqrt") return root_of(x, arguments.back());
  if (name == "|") return {Real(abs(x))};
  using Function = Complex (*)(const Complex&);
  static constexpr std::array<std::pair<const char*, Function>, 15> kFunctions = {
      {{"\\sin", [](const Complex& v) { return Complex(sin(v)); }},
       {"\\cos", [](const Complex& v) { return Complex(cos(v)); }},
       {"\\tan", [](const Complex& v) { return Complex(tan(v)); }},
       {"\\cot", [](const Complex& v) { return Complex(cos(v) / sin(v)); }},
       {"\\sec", [](const Complex& v) { return Complex(Complex(1) / cos(v)); }},
       {"\\csc", [](const Complex& v) { return Complex(Complex(1) / sin(v)); }},
       {"\\arcsin", [](const Complex& v) { return Complex(asin(v)); }},
       {"\\arccos", [](const Complex& v) { return Complex(acos(v)); }},
       {"\\arctan", [](const Complex& v) { return Complex(atan(v)); }},
       {"\\sinh", [](const Complex& v) { return Complex(sinh(v)); }},
       {"\\cosh", [](const Complex& v) { return Complex(cosh(v)); }},
       {"\\tanh", [](const Complex& v) { return Complex(tanh(v)); }},
       {"\\ln", [](const Complex& v) { return Complex(log(v)); }},
       {"\\log", [](const Complex& v) { return Complex(log(v) / log(Complex(10))); }},
       {"\\exp", [](const Complex& v) { return Complex(exp(v)); }}}};
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                  [&](const auto& entry) { return name == entry.first; });
  if (found == kFunctions.end()) throw NoValue();
  return found->second(x);
}

template <class Field>
class Evaluator {
 public:
  using Value = typename Field::Value;
  explicit Evaluator(Field field) : field_(field) {}

  /// Throws NoValue, and what the numbers throw when they overflow.
  Value value(const Expression& e) const {
    switch (e.kind) {
      case Kind::kNumber:
        return number(e);
      case Kind::kSymbol:
        return field_.symbol(e.name);
      case Kind::kAdd:
        return folded(e, [](const Value& a, const Value& b) { return Value(a + b); });
      case Kind::kMultiply:
        return folded(e, [](const Value& a, const Value& b) { return Value(a * b); });
      case Kind::kDivide:
        return quotient(value(e.arguments[0]), value(e.arguments[1]));
      case Kind::kNegate:
        return Value(-value(e.arguments[0]));
      case Kind::kPower:
        return power(e.arguments[0], e.arguments[1]);
      case Kind::kCall:
        return call(e);
      default:
        throw NoValue();
    }
  }

 private:
  Value quotient(const Value& a, const Value& b) const {
    if (Field::is_zero(b)) throw NoValue();
    return field_.quotient(a, b);
  }

  Value number(const Expression& e) const {
    Value out = field_.integer(0);
    const Value ten = field_.integer(10);
    for (const char c : e.name) {
      out = Value(Value(out * ten) + field_.integer(static_cast<std::uint64_t>(c - '0')));
    }
    const Value scale =
        whole_power(ten, static_cast<std::uint64_t>(std::abs(e.scale)), field_.integer(1));
    return e.scale < 0 ? quotient(out, scale) : Value(out * scale);
  }

  template <class Join>
  Value folded(const Expression& e, Join join) const {
    Value out = value(e.arguments.front());
    for (std::size_t i = 1; i < e.arguments.size(); ++i) out = join(out, value(e.arguments[i]));
    return out;
  }

  Value power(const Expression& base, const Expression& exponent) const;

  Value call(const Expression& e) const;

  Field field_;
};

/// A constant's value where it is a whole number of absolute value `most` at most.
std::optional<int> whole_number(const Expression& e, int most) {
  try {
    const Rational value = Evaluator<Exact>({}).value(e);
    if (denominator(value) != 1 || abs(value) > most) return std::nullopt;
    return static_cast<int>(numerator(value));
  } catch (const std::exception&) {  // no value, or one that is too large
    return std::nullopt;
  }
}

template <class Field>
typename Field::Value Evaluator<Field>::power(const Expression& base,
                                              const Expression& exponent) const {
  if (const auto whole = whole_number(exponent, kLargestPower)) {
    const Value raised =
        whole_power(value(base), static_cast<std::uint64_t>(std::abs(*whole)), field_.integer(1));
    return *whole < 0 ? quotient(field_.integer(1), raised) : raised;
  }
  if constexpr (std::is_same_v<Field, Numeric>) return pow(value(base), value(exponent));
  throw NoValue();
}

template <class Field>
typename Field::Value Evaluator<Field>::call(const Expression& e) const {
  if (e.name != "!" && e.name != "\\binom") {
    std::vector<Value> arguments;
    for (const Expression& argument : e.arguments) arguments.push_back(value(argument));
    return field_.call(e.name, arguments);
  }
  const auto n = whole_number(e.arguments.front(), kLargestFactorial);
  const auto k = e.name == "!" ? n : whole_number(e.arguments.back(), kLargestFactorial);
  if (!n || !k || *n < 0 || *k < 0) throw NoValue();
  // n (n-1) ... (n-k+1), over k! for a binomial coefficient
  Value out = field_.integer(1);
  Value below = field_.integer(1);
  for (int i = 0; i < *k; ++i) {
    out = Value(out * field_.integer(static_cast<std::uint64_t>(std::max(*n - i, 0))));
    below = Value(below * field_.integer(static_cast<std::uint64_t>(i) + 1));
  }
  return e.name == "!" ? out : quotient(out, below);
}

bool holds_symbols(const Expression& e) {
  return e.kind == Kind::kSymbol ||
         std::any_of(e.arguments.begin(), e.arguments.end(), holds_symbols);
}

bool close(const Complex& a, const Complex& b) {
  const Real difference(abs(Complex(a - b)));
  const Real scale = std::max(Real(abs(a)), Real(abs(b)));
  return isfinite(scale) && difference <= scale * Real("1e-30");
}

/// Whether they agree by these computations; nothing where a value does not exist.
template <class Field, class Same>
std::optional<bool> agree(const Field& field, const Expression& a, const Expression& b, Same same) {
  try {
    const Evaluator<Field> evaluator(field);
    return same(evaluator.value(a), evaluator.value(b));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

Equality same_value(const Expression& a, const Expression& b) {
  if (!holds_symbols(a) && !holds_symbols(b)) {
    if (const auto same = agree(Exact{}, a, b, std::equal_to<>())) {
      return *same ? Equality::kExact : Equality::kNone;
    }
  }
  std::optional<bool> identical = true;
  for (const Residue::Prime& prime : kPrimes) {
    if (identical && *identical) {
      identical = agree(Modular{prime}, a, b, std::equal_to<>());
    }
  }
  if (identical) return *identical ? Equality::kIdentity : Equality::kNone;
  constexpr std::uint64_t kRounds = 3;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    if (!agree(Numeric{round}, a, b, close).value_or(false)) return Equality::kNone;
  }
  return Equality::kNumeric;
}

bool is_constant(const Expression& formula) {
  if (formula.kind == Kind::kSymbol) return formula.name == "\\pi";
  if (formula.kind > Kind::kPlusMinus) return false;
  return std::all_of(formula.arguments.begin(), formula.arguments.end(), is_constant);
}

}  // namespace citer
