#pragma once

#include <filesystem>

#include "route/router.h"

namespace citer::inflate {

/// The router `router` for an inflated SLM: inputs beyond the old hidden state count nothing,
/// hidden layers have the width of a router that is trained for the larger one (units that count
/// nothing). `slm` and `n_embd` are the inflated SLM's. Throws UsageError when it is narrower than
/// the old.
Router inflate_router(Router router, const ModelIdentity& slm, int n_embd);

/// Reads the router and the inflated SLM's header, writes `out`. Throws as above, and InputError.
void inflate_router_file(const std::filesystem::path& router, const std::filesystem::path& slm,
                         const std::filesystem::path& out);

}  // namespace citer::inflate
