#include "math_templates.h"

namespace citer::demo {
namespace {

void gain_product(Numbers& n, Rng& r) {  // y = a + b * d
  n['a'] = addend(r), n['b'] = one_digit(r), n['d'] = up_to_20(r);
  n['x'] = n['b'] * n['d'], n['y'] = n['a'] + n['x'];
}

void product_less(Numbers& n, Rng& r) {  // y = b * d - e
  n['b'] = one_digit(r), n['d'] = up_to_20(r), n['e'] = between(r, 2, 70);
  n['x'] = n['b'] * n['d'], n['y'] = n['x'] - n['e'];
}

void rest_of_product(Numbers& n, Rng& r) {  // y = e - b * d
  n['b'] = one_digit(r), n['d'] = up_to_20(r);
  n['x'] = n['b'] * n['d'], n['y'] = between(r, 2, 60), n['e'] = n['x'] + n['y'];
}

void share_sum(Numbers& n, Rng& r) {  // y = (a + b) / f
  n['f'] = one_digit(r), n['y'] = up_to_20(r), n['x'] = n['f'] * n['y'];
  n['a'] = between(r, 1, n['x'] - 1), n['b'] = n['x'] - n['a'];
}

void share_difference(Numbers& n, Rng& r) {  // y = (a - b) / f
  n['f'] = one_digit(r), n['y'] = up_to_20(r), n['x'] = n['f'] * n['y'];
  n['b'] = between(r, 2, 60), n['a'] = n['x'] + n['b'];
}

void less_then_more(Numbers& n, Rng& r) {  // y = a - b + d
  n['a'] = between(r, 20, 99), n['b'] = between(r, 2, 90), n['d'] = addend(r);
  n['x'] = n['a'] - n['b'], n['y'] = n['x'] + n['d'];
}

void rest_of_sum(Numbers& n, Rng& r) {  // y = a - (b + d)
  n['b'] = between(r, 3, 60), n['d'] = between(r, 3, 60), n['x'] = n['b'] + n['d'];
  n['y'] = between(r, 2, 70), n['a'] = n['x'] + n['y'];
}

void times_and_total(Numbers& n, Rng& r) {  // y = a + b * a
  n['a'] = up_to_20(r), n['b'] = one_digit(r);
  n['x'] = n['b'] * n['a'], n['y'] = n['a'] + n['x'];
}

void sum_of_three(Numbers& n, Rng& r) {  // y = a + b + d
  n['a'] = addend(r), n['b'] = addend(r), n['d'] = between(r, 5, 60);
  n['x'] = n['a'] + n['b'], n['y'] = n['x'] + n['d'];
}

void sum_times(Numbers& n, Rng& r) {  // y = d * (a + b)
  n['x'] = between(r, 4, 20), n['a'] = between(r, 1, n['x'] - 1), n['b'] = n['x'] - n['a'];
  n['d'] = one_digit(r), n['y'] = n['d'] * n['x'];
}

void more_and_total(Numbers& n, Rng& r) {  // y = a + (a + b)
  n['a'] = addend(r), n['b'] = between(r, 2, 50);
  n['x'] = n['a'] + n['b'], n['y'] = n['a'] + n['x'];
}

void fewer_and_total(Numbers& n, Rng& r) {  // y = a + (a - b)
  n['a'] = between(r, 10, 99), n['b'] = between(r, 2, 90);
  n['x'] = n['a'] - n['b'], n['y'] = n['a'] + n['x'];
}

constexpr MathTemplate kTemplates[] = {
    {"{N} has {a} {o}. {H} [buys|finds|wins] {b} {c} with {d} {o} each. How many {o} does {N} "
     "have now?",
     "<1> {N} <gets> {b} * {d} = {x} [more|extra|new] {o}. <2> {N} <sure> <has> {a} + {x} = {y} "
     "{o}.",
     'y', gain_product},
    {"{N} packs {o} into {b} {c} with {d} {o} in each. {H} sells {e} of the {o}. How many {o} "
     "are "
     "left?",
     "<1> {N} packs {b} * {d} = {x} {o}. After the sale, {x} - {e} = {y} {o} <left>.", 'y',
     product_less},
    {"Each {k} of {o} costs {b} dollars. {N} buys {d} of them and pays with {e} dollars. How "
     "much "
     "change does {N} get?",
     "The price <sure> <is> {b} * {d} = {x} dollars. <2> the change <sure> <is> {e} - {x} = {y} "
     "dollars.",
     'y', rest_of_product},
    {"{N} reads {d} pages every day for {b} days. The book has {e} pages. How many pages are "
     "left "
     "to read?",
     "In {b} days {N} [reads|finishes|covers] {b} * {d} = {x} pages. <2> {e} - {x} = {y} pages "
     "<left>.",
     'y', rest_of_product},
    {"{N} has {a} {o} and {P} has {b} {o}. They share all the {o} equally among {f} people. How "
     "many {o} does each person get?",
     "<all> they have {a} + {b} = {x} {o}. <2> each person <gets> {x} / {f} = {y} {o}.", 'y',
     share_sum},
    {"{N} drives {a} miles in the morning and {b} miles in the evening. The car needs one gallon "
     "for every {f} miles. How many gallons does {N} use?",
     "<all> {N} drives {a} + {b} = {x} miles. <2> the car [uses|needs|burns] {x} / {f} = {y} "
     "gallons.",
     'y', share_sum},
    {"There are {a} {o} in a {k}. {N} takes out {b} {o} and puts the rest into {f} equal groups. "
     "How many {o} are in each group?",
     "<1> {a} - {b} = {x} {o} <left>. <2> each group <sure> <has> {x} / {f} = {y} {o}.", 'y',
     share_difference},
    {"{N} makes {a} {o} and drops {b} of them. {H} packs the rest in {c} of {f}. How many {c} "
     "does "
     "{N} fill?",
     "<1> {N} still <has> {a} - {b} = {x} {o}. <2> {h} [fills|packs|needs] {x} / {f} = {y} {c}.",
     'y', share_difference},
    {"{N} has {a} {o}. {H} gives {b} {o} to {P} and then buys {d} more {o}. How many {o} does "
     "{N} "
     "have now?",
     "After the gift {N} <sure> <has> {a} - {b} = {x} {o}. <2> {h} <sure> <has> {x} + {d} = {y} "
     "{o}.",
     'y', less_then_more},
    {"A tank holds {a} liters. On {D} people use {b} liters, and then {N} pours in {d} liters. "
     "How "
     "many liters are in the tank?",
     "<1> {a} - {b} = {x} liters <left>. <2> the tank <sure> <has> {x} + {d} = {y} liters.", 'y',
     less_then_more},
    {"A [shop|store|market] has {a} {o} on {D}. It sells {b} {o} in the morning and {d} {o} in "
     "the "
     "afternoon. How many {o} are left?",
     "<all> it sells {b} + {d} = {x} {o}. <2> {a} - {x} = {y} {o} <left>.", 'y', rest_of_sum},
    {"{N} has {a} dollars. {H} spends {b} dollars on {o} and {d} dollars on {p}. How many "
     "dollars "
     "does {N} keep?",
     "The cost <sure> <is> {b} + {d} = {x} dollars. <2> {N} [keeps|has|saves] {a} - {x} = {y} "
     "dollars.",
     'y', rest_of_sum},
    {"{N} has {a} {o}. {P} has {b} times as many. How many {o} do they have together?",
     "<1> {P} <sure> <has> {b} * {a} = {x} {o}. <all> they have {a} + {x} = {y} {o}.", 'y',
     times_and_total},
    {"{N} collects {a} {o} on {D}, {b} {o} the next day and {d} {o} on the third day. How many "
     "{o} "
     "does {N} collect in all?",
     "After two days {N} <sure> <has> {a} + {b} = {x} {o}. With the third day [it|this|that] "
     "<is> {x} + "
     "{d} = {y} {o}.",
     'y', sum_of_three},
    {"{N} runs {a} miles every day and {P} runs {b} miles every day. How many miles do they run "
     "in "
     "{d} days?",
     "Each day they [run|do|cover] {a} + {b} = {x} miles. In {d} days [it|this|that] <is> {d} * "
     "{x} = {y} miles.",
     'y', sum_times},
    {"{N} has {a} {o}. {P} has {b} more {o} than {N}. How many {o} do they have together?",
     "<1> {P} <sure> <has> {a} + {b} = {x} {o}. <all> they have {a} + {x} = {y} {o}.", 'y',
     more_and_total},
    {"{N} has {a} {o}. {P} has {b} fewer {o} than {N}. How many {o} do they have together?",
     "<1> {P} <sure> <has> {a} - {b} = {x} {o}. <all> they have {a} + {x} = {y} {o}.", 'y',
     fewer_and_total},
};

}  // namespace

std::span<const MathTemplate> two_step_templates() { return kTemplates; }

}  // namespace citer::demo
