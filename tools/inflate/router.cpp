#include "inflate/router.h"

#include <charconv>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/fingerprint.h"
#include "model/gguf_file.h"

namespace citer::inflate {

namespace {

/// A layer of another shape whose first outputs are the old ones; old input i is input `place(i)`.
template <typename Place>
DenseLayer pad(const DenseLayer& layer, int n_in, int n_out, Place place) {
  const auto width = static_cast<std::size_t>(n_in);
  DenseLayer padded{n_in, n_out, {}, layer.bias};
  padded.weight.assign(width * static_cast<std::size_t>(n_out), 0.0F);
  padded.bias.resize(static_cast<std::size_t>(n_out), 0.0F);
  const auto old_width = static_cast<std::size_t>(layer.n_in);
  for (std::size_t out = 0; out < layer.bias.size(); ++out) {
    for (std::size_t in = 0; in < old_width; ++in) {
      padded.weight[out * width + place(in)] = layer.weight[out * old_width + in];
    }
  }
  return padded;
}

std::string metadata(const GgufSummary& summary, const std::string& key) {
  for (const auto& [name, value] : summary.metadata) {
    if (name == key) return value;
  }
  return "";
}

}  // namespace

Router inflate_router(Router router, const ModelIdentity& slm, int n_embd) {
  RouterInfo& info = router.info;
  if (n_embd < info.n_embd) {
    throw UsageError(fmt::format("the router reads {} values of a hidden state, '{}' has {}",
                                 info.n_embd, slm.name, n_embd));
  }
  const auto old_embd = static_cast<std::size_t>(info.n_embd);
  // Features that follow the hidden state follow the longer one.
  const auto moved = static_cast<std::size_t>(n_embd) - old_embd;
  int n_in = feature_count(info.features, n_embd);
  for (std::size_t i = 0; i < router.mlp.size(); ++i) {
    const int n_out = i + 1 == router.mlp.size() ? 1 : router.mlp[i].n_out * n_embd / info.n_embd;
    router.mlp[i] = pad(router.mlp[i], n_in, n_out,
                        [&](std::size_t in) { return i == 0 && in >= old_embd ? in + moved : in; });
    n_in = n_out;
  }
  info.n_embd = n_embd;
  info.slm = slm;
  return router;
}

void inflate_router_file(const std::filesystem::path& router, const std::filesystem::path& slm,
                         const std::filesystem::path& out) {
  const GgufSummary summary = read_gguf_summary(slm);
  const std::string width = metadata(summary, summary.architecture + ".embedding_length");
  int n_embd = 0;
  std::from_chars(width.data(), width.data() + width.size(), n_embd);
  save_router(out,
              inflate_router(load_router(router), {summary.name, file_fingerprint(slm)}, n_embd));
}

}  // namespace citer::inflate
