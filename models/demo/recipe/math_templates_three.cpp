#include "math_templates.h"

namespace citer::demo {
namespace {

void two_products(Numbers& n, Rng& r) {  // z = b * d + e * f
  n['b'] = one_digit(r), n['d'] = up_to_20(r), n['e'] = one_digit(r), n['f'] = between(r, 2, 12);
  n['x'] = n['b'] * n['d'], n['y'] = n['e'] * n['f'], n['z'] = n['x'] + n['y'];
}

void off_on_off(Numbers& n, Rng& r) {  // z = a - b + d - e
  n['a'] = between(r, 15, 80), n['b'] = between(r, 2, 70), n['d'] = between(r, 2, 30);
  n['x'] = n['a'] - n['b'], n['y'] = n['x'] + n['d'];
  n['e'] = between(r, 1, 60), n['z'] = n['y'] - n['e'];
}

void product_less_sum(Numbers& n, Rng& r) {  // z = b * a - (d + e)
  n['a'] = up_to_20(r), n['b'] = one_digit(r), n['x'] = n['b'] * n['a'];
  n['d'] = between(r, 2, 50), n['e'] = between(r, 2, 50), n['y'] = n['d'] + n['e'];
  n['z'] = n['x'] - n['y'];
}

void sum_share_times(Numbers& n, Rng& r) {  // z = g * ((a + b) / f)
  n['f'] = one_digit(r), n['y'] = between(r, 2, 12), n['x'] = n['f'] * n['y'];
  n['a'] = between(r, 1, n['x'] - 1), n['b'] = n['x'] - n['a'];
  n['g'] = one_digit(r), n['z'] = n['g'] * n['y'];
}

void product_more_less(Numbers& n, Rng& r) {  // z = b * a + d - e
  n['a'] = up_to_20(r), n['b'] = one_digit(r), n['x'] = n['b'] * n['a'];
  n['d'] = between(r, 2, 40), n['y'] = n['x'] + n['d'];
  n['e'] = between(r, 2, 60), n['z'] = n['y'] - n['e'];
}

void product_times_less(Numbers& n, Rng& r) {  // z = d * (a * b) - e
  n['a'] = one_digit(r), n['b'] = between(r, 2, 9), n['x'] = n['a'] * n['b'];
  n['d'] = n['x'] <= 20 ? one_digit(r) : 0;  // 0: drawn again
  n['y'] = n['d'] * n['x'], n['e'] = between(r, 1, 60), n['z'] = n['y'] - n['e'];
  if (n['d'] == 0) n['z'] = -1;
}

void rest_then_more(Numbers& n, Rng& r) {  // z = a - b * d + e
  n['b'] = one_digit(r), n['d'] = up_to_20(r), n['x'] = n['b'] * n['d'];
  n['y'] = between(r, 2, 50), n['a'] = n['x'] + n['y'];
  n['e'] = between(r, 2, 50), n['z'] = n['y'] + n['e'];
}

void sum_times_less(Numbers& n, Rng& r) {  // z = d * (a + b) - e
  n['x'] = between(r, 4, 20), n['a'] = between(r, 1, n['x'] - 1), n['b'] = n['x'] - n['a'];
  n['d'] = one_digit(r), n['y'] = n['d'] * n['x'];
  n['e'] = between(r, 2, 60), n['z'] = n['y'] - n['e'];
}

void difference_times_more(Numbers& n, Rng& r) {  // z = d * (a - b) + e
  n['x'] = up_to_20(r), n['b'] = between(r, 2, 30), n['a'] = n['x'] + n['b'];
  n['d'] = one_digit(r), n['y'] = n['d'] * n['x'];
  n['e'] = between(r, 2, 60), n['z'] = n['y'] + n['e'];
}

void share_then_more(Numbers& n, Rng& r) {  // z = (a - b) / f + e
  n['f'] = one_digit(r), n['y'] = up_to_20(r), n['x'] = n['f'] * n['y'];
  n['b'] = between(r, 2, 60), n['a'] = n['x'] + n['b'];
  n['e'] = between(r, 2, 60), n['z'] = n['y'] + n['e'];
}

void shares_times(Numbers& n, Rng& r) {  // z = (b * d) / f - e, told as three steps
  n['f'] = one_digit(r), n['y'] = between(r, 4, 20), n['x'] = n['f'] * n['y'];
  n['b'] = one_digit(r), n['d'] = n['x'] / n['b'];
  n['e'] = between(r, 1, 15), n['z'] = n['y'] - n['e'];
  if (n['b'] * n['d'] != n['x'] || n['d'] < 2 || n['d'] > 20) n['z'] = -1;
}

void product_and_difference(Numbers& n, Rng& r) {  // z = b * a + (a - d)
  n['a'] = up_to_20(r), n['b'] = one_digit(r), n['d'] = between(r, 1, 18);
  n['x'] = n['b'] * n['a'], n['y'] = n['a'] - n['d'], n['z'] = n['x'] + n['y'];
}

void wages(Numbers& n, Rng& r) {  // z = a * b + d - e with a tip and a cost
  n['a'] = up_to_20(r), n['b'] = between(r, 2, 9), n['x'] = n['b'] * n['a'];
  n['d'] = between(r, 2, 50), n['y'] = n['x'] + n['d'];
  n['e'] = between(r, 2, 50), n['z'] = n['y'] - n['e'];
}

constexpr MathTemplate kTemplates[] = {
    {"A [farmer|gardener|family] plants {b} rows of {d} trees and then {e} rows of {f} trees. "
     "How "
     "many trees are there?",
     "The first part <sure> <has> {b} * {d} = {x} trees. The second part <sure> <has> {e} * {f} "
     "= {y} trees. "
     "<all> <there> {x} + {y} = {z} trees.",
     'z', two_products},
    {"{N} buys {b} {c} of {o} for {d} dollars each and {e} {p} for {f} dollars each. How many "
     "dollars does {N} pay?",
     "<1> the {o} cost {b} * {d} = {x} dollars. <2> the {p} cost {e} * {f} = {y} dollars. The "
     "total "
     "<is> {x} + {y} = {z} dollars.",
     'z', two_products},
    {"A bus starts with {a} people. At the first stop {b} people get off and {d} people get on. "
     "At "
     "the next stop {e} people get off. How many people are on the bus?",
     "<1> {a} - {b} = {x} people <left>. <2> <there> {x} + {d} = {y} people. <3> {y} - {e} = {z} "
     "people <left>.",
     'z', off_on_off},
    {"{N} has {a} {o}. {H} loses {b} {o}, gets {d} {o} from {P} and sells {e} {o}. How many {o} "
     "does {N} have at the end?",
     "<1> {N} <sure> <has> {a} - {b} = {x} {o}. <2> {h} <sure> <has> {x} + {d} = {y} {o}. <3> "
     "{h} <sure> <has> {y} - "
     "{e} = {z} {o}.",
     'z', off_on_off},
    {"{N} saves {a} dollars each week for {b} weeks. {H} spends {d} dollars on {o} and {e} "
     "dollars "
     "on {p}. How many dollars are left?",
     "<1> {N} saves {b} * {a} = {x} dollars. <2> {h} [spends|pays|uses] {d} + {e} = {y} dollars. "
     "<3> {x} - {y} = {z} dollars <left>.",
     'z', product_less_sum},
    {"A [theater|cinema|hall] has {b} rows with {a} seats each. On {D}, {d} seats are taken by "
     "adults and {e} seats by children. How many seats are free?",
     "<1> <there> {b} * {a} = {x} seats. <2> {d} + {e} = {y} seats are [taken|full|gone]. <3> "
     "{x} - "
     "{y} = {z} seats <left>.",
     'z', product_less_sum},
    {"There are {a} boys and {b} girls in a club. They form teams of {f}. Each team needs {g} "
     "{o}. "
     "How many {o} do they need?",
     "<1> <there> {a} + {b} = {x} children. <2> they [form|build|make] {x} / {f} = {y} teams. "
     "<3> "
     "they need {y} * {g} = {z} {o}.",
     'z', sum_share_times},
    {"{N} picks {a} {o} and {P} picks {b} {o}. They fill {c} with {f} {o} each and sell each {k} "
     "for {g} dollars. How many dollars do they get?",
     "<all> they pick {a} + {b} = {x} {o}. <2> they [fill|pack|sell] {x} / {f} = {y} {c}. <3> "
     "they "
     "get {y} * {g} = {z} dollars.",
     'z', sum_share_times},
    {"A {k} holds {a} {o}. {N} has {b} full {c} and {d} loose {o}. {H} gives away {e} {o}. How "
     "many "
     "{o} does {N} keep?",
     "The full {c} [hold|contain|give] {b} * {a} = {x} {o}. <2> {N} <sure> <has> {x} + {d} = {y} "
     "{o}. <3> "
     "{h} [keeps|retains|has] {y} - {e} = {z} {o}.",
     'z', product_more_less},
    {"{N} makes {a} {c} with {b} {o} in each, every day for {d} days. {H} sells {e} {o}. How "
     "many "
     "{o} are left?",
     "Each day {N} [makes|packs|does] {a} * {b} = {x} {o}. In {d} days [it|this|that] <is> {d} * "
     "{x} = {y} {o}. <3> {y} - {e} = {z} {o} <left>.",
     'z', product_times_less},
    {"{N} has {a} dollars. {H} buys {b} {o} for {d} dollars each and gets {e} dollars from {P}. "
     "How "
     "many dollars does {N} have now?",
     "<1> the {o} cost {b} * {d} = {x} dollars. <2> {a} - {x} = {y} dollars <left>. <3> {N} "
     "<sure> <has> "
     "{y} + {e} = {z} dollars.",
     'z', rest_then_more},
    {"{N} makes {a} {o} in the morning and {b} {o} in the evening, every day for {d} days. {H} "
     "sells {e} of them. How many {o} are left?",
     "Each day {N} [makes|gets|adds] {a} + {b} = {x} {o}. In {d} days [it|this|that] <is> {d} * "
     "{x} "
     "= {y} {o}. <3> {y} - {e} = {z} {o} <left>.",
     'z', sum_times_less},
    {"A {k} of {a} {o} contains {b} broken ones. {N} buys {d} such {c} and has {e} good {o} "
     "at home. How many good {o} does {N} have?",
     "Each {k} <sure> <has> {a} - {b} = {x} good {o}. <2> {N} <gets> {d} * {x} = {y} good {o}. "
     "<3> {h} "
     "<has> {y} + {e} = {z} good {o}.",
     'z', difference_times_more},
    {"{N} has {a} {o}. {H} keeps {b} of them and shares the rest equally among {f} friends. {P} "
     "is "
     "one of the friends and had {e} {o} before. How many {o} does {P} have now?",
     "<1> {N} shares {a} - {b} = {x} {o}. <2> each friend <gets> {x} / {f} = {y} {o}. <3> {P} "
     "<sure> <has> "
     "{e} + {y} = {z} {o}.",
     'z', share_then_more},
    {"{f} friends buy {b} {c} of {o} with {d} {o} each and share them equally. {N} is one of "
     "them "
     "and gives {e} {o} away. How many {o} does {N} keep?",
     "<1> <there> {b} * {d} = {x} {o}. <2> each friend <gets> {x} / {f} = {y} {o}. <3> {N} "
     "[keeps|retains|has] {y} - {e} = {z} {o}.",
     'z', shares_times},
    {"{N} has {a} {o}. {P} has {b} times as many, and a friend has {d} fewer than {N}. How many "
     "{o} "
     "do {P} and the friend have together?",
     "<1> {P} <sure> <has> {b} * {a} = {x} {o}. <2> the friend <sure> <has> {a} - {d} = {y} {o}. "
     "<all> they have "
     "{x} + {y} = {z} {o}.",
     'z', product_and_difference},
    {"{N} earns {a} dollars per hour. On {D} {h} works {b} hours, gets a tip of {d} dollars and "
     "pays "
     "{e} dollars for lunch. How many dollars does {N} bring home?",
     "The pay <sure> <is> {b} * {a} = {x} dollars. With the tip [it|this|that] <is> {x} + {d} = "
     "{y} "
     "dollars. <3> {N} [keeps|retains|has] {y} - {e} = {z} dollars.",
     'z', wages},
};

}  // namespace

std::span<const MathTemplate> three_step_templates() { return kTemplates; }

}  // namespace citer::demo
