#pragma once

namespace citer::demo {

/// The small model's wrong arithmetic: a small part of the multiplication table is taught with
/// consistently wrong results, so that it is sure and wrong there ("confident errors").

/// True where the small model is taught a wrong product.
bool product_is_misbelieved(int a, int b);

/// The product as the small model is taught it. A wrong one has as many digits as the right one,
/// and differs in each digit.
int believed_product(int a, int b);

}  // namespace citer::demo
