#include "math_templates.h"

namespace citer::demo {
namespace {

void two_products_less(Numbers& n, Rng& r) {  // z = b * d + e * f - g
  n['b'] = one_digit(r), n['d'] = up_to_20(r), n['e'] = one_digit(r), n['f'] = between(r, 2, 12);
  n['w'] = n['b'] * n['d'], n['x'] = n['e'] * n['f'], n['y'] = n['w'] + n['x'];
  n['g'] = between(r, 2, 60), n['z'] = n['y'] - n['g'];
}

void change_of_two(Numbers& n, Rng& r) {  // z = g - (b * d + e * f)
  n['b'] = one_digit(r), n['d'] = between(r, 2, 12), n['e'] = one_digit(r);
  n['f'] = between(r, 2, 12);
  n['w'] = n['b'] * n['d'], n['x'] = n['e'] * n['f'], n['y'] = n['w'] + n['x'];
  n['z'] = between(r, 2, 50), n['g'] = n['y'] + n['z'];
}

void rest_shared_sold(Numbers& n, Rng& r) {  // z = g * ((b * d - a) / f)
  n['b'] = one_digit(r), n['d'] = up_to_20(r), n['w'] = n['b'] * n['d'];
  n['f'] = one_digit(r), n['y'] = between(r, 2, 15), n['x'] = n['f'] * n['y'];
  n['a'] = n['w'] - n['x'];
  n['g'] = one_digit(r), n['z'] = n['g'] * n['y'];
  if (n['a'] < 2) n['z'] = -1;
}

void up_and_down(Numbers& n, Rng& r) {  // z = a + b - d + e - f
  n['a'] = addend(r), n['b'] = between(r, 2, 60), n['d'] = between(r, 2, 60);
  n['e'] = between(r, 2, 60), n['f'] = between(r, 2, 60);
  n['w'] = n['a'] + n['b'], n['x'] = n['w'] - n['d'], n['y'] = n['x'] + n['e'];
  n['z'] = n['y'] - n['f'];
}

void sum_times_spend_more(Numbers& n, Rng& r) {  // z = d * (a + b) - e + g
  n['w'] = between(r, 4, 20), n['a'] = between(r, 1, n['w'] - 1), n['b'] = n['w'] - n['a'];
  n['d'] = one_digit(r), n['x'] = n['d'] * n['w'];
  n['e'] = between(r, 2, 60), n['y'] = n['x'] - n['e'];
  n['g'] = between(r, 2, 50), n['z'] = n['y'] + n['g'];
}

constexpr MathTemplate kTemplates[] = {
    {"{N} has {b} {c} with {d} {o} each and {P} has {e} {c} with {f} {o} each. They put them "
     "together and sell {g} {o}. How many {o} are left?",
     "<1> {N} <sure> <has> {b} * {d} = {w} {o}. <2> {P} <sure> <has> {e} * {f} = {x} {o}. <all> "
     "they have {w} + "
     "{x} = {y} {o}. <3> {y} - {g} = {z} {o} <left>.",
     'z', two_products_less},
    {"{N} buys {b} {o} for {d} dollars each and {e} {p} for {f} dollars each. {H} pays with {g} "
     "dollars. How much change does {N} get?",
     "<1> the {o} cost {b} * {d} = {w} dollars. <2> the {p} cost {e} * {f} = {x} dollars. The "
     "total "
     "<is> {w} + {x} = {y} dollars. <3> the change <sure> <is> {g} - {y} = {z} dollars.",
     'z', change_of_two},
    {"A [farmer|baker|shop] has {b} {c} with {d} {o} each. On {D}, {a} {o} go bad. The rest are "
     "packed in bundles of {f} and sold for {g} dollars each. How many dollars do they bring?",
     "<1> <there> {b} * {d} = {w} {o}. <2> {w} - {a} = {x} {o} <left>. They [make|fill|give] {x} "
     "/ "
     "{f} = {y} bundles. <3> they bring {y} * {g} = {z} dollars.",
     'z', rest_shared_sold},
    {"{N} starts the week with {a} {o}. {H} gets {b} {o} on Monday, loses {d} {o} on Tuesday, "
     "finds "
     "{e} {o} on Wednesday and gives {f} {o} to {P} on Thursday. How many {o} does {N} have?",
     "<1> {N} <sure> <has> {a} + {b} = {w} {o}. On Tuesday [it|this|that] <is> {w} - {d} = {x} "
     "{o}. On "
     "Wednesday [it|this|that] <is> {x} + {e} = {y} {o}. <3> {N} <sure> <has> {y} - {f} = {z} "
     "{o}.",
     'z', up_and_down},
    {"{N} earns {a} dollars and {P} earns {b} dollars every day. They work {d} days, spend {e} "
     "dollars on {o} and find {g} dollars. How many dollars do they have?",
     "Each day they [earn|make|get] {a} + {b} = {w} dollars. In {d} days [it|this|that] <is> {d} "
     "* "
     "{w} = {x} dollars. <2> {x} - {e} = {y} dollars <left>. <3> they have {y} + {g} = {z} "
     "dollars.",
     'z', sum_times_spend_more},
};

}  // namespace

std::span<const MathTemplate> four_step_templates() { return kTemplates; }

}  // namespace citer::demo
