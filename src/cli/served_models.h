#pragma once

#include <string>
#include <vector>

#include "serve/model_host.h"

namespace citer::cli {

/// The models of a file, in its order: {"NAME": {"FLAG": VALUE, ...}, ...}, by the long names of
/// the flags of models, routing and sampling, and "alias". Fetches those that come from a hub.
/// `common` is what they share. Throws InputError naming file, model and flag, and Interrupted.
std::vector<ServedModel> read_served_models(const std::string& path, const ServedModel& common);

}  // namespace citer::cli
