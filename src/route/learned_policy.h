#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "citer/policy.h"
#include "model/model.h"
#include "route/router.h"

namespace citer {

/// Names of the policies that a router file stands for: citer, citer-s, co-llm, query.
const std::vector<std::string>& learned_policy_names();
bool is_learned_policy(const std::string& name);

/// The policy of a router, run on the SLM's device with its number of threads. The score is the
/// sigmoid of the MLP's output. For "query" the score of the prompt's last token decides the whole
/// answer (RouteLLM, Ong et al., arXiv 2406.18665, in form of a router on the SLM's hidden state).
/// score() throws ResourceError when a hidden state is not finite.
std::shared_ptr<const RoutingPolicy> make_learned_policy(Router router, const Model& slm);

/// A router file for this SLM. Throws InputError when it cannot be read, or when it was trained for
/// another SLM (both named). Another LLM is no error: the router does not look at it.
Router load_router_for(const std::filesystem::path& path, const Model& slm);

/// The policy of a router file. Throws as load_router_for() does.
std::shared_ptr<const RoutingPolicy> load_learned_policy(const std::filesystem::path& path,
                                                         const Model& slm);

/// Name and fingerprint of a loaded model's file.
ModelIdentity identity_of(const Model& model);

}  // namespace citer
