#include "engine/slot_file.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "engine/models.h"
#include "model/fingerprint.h"
#include "model/gguf_data.h"
#include "route/learned_policy.h"

namespace citer {

namespace {

namespace fs = std::filesystem;

constexpr const char* kArchitecture = "citer-slot";
constexpr std::int64_t kFormatVersion = 1;

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(*values.data())};
}

std::uint64_t checksum_of(const SequenceState& state) {
  std::uint64_t sum = mix64(state.checkpoint);
  for (const std::string_view bytes :
       {bytes_of(state.tokens), bytes_of(state.memory), bytes_of(state.checkpoint_memory)}) {
    sum = mix64(sum + hash64(bytes));
  }
  return sum;
}

/// A model's part of a file; none where it has read nothing.
void write_part(GgufWriter& file, const std::string& role, const SequenceState& state,
                const Model* model) {
  if (state.tokens.empty() || model == nullptr) return;
  const ModelIdentity identity = identity_of(*model);
  const std::string key = "citer." + role + ".";
  file.set(key + "name", identity.name);
  file.set_hash(key + "fingerprint", identity.fingerprint);
  file.set(key + "checkpoint", static_cast<std::int64_t>(state.checkpoint));
  file.set_hash(key + "checksum", checksum_of(state));
  file.add(role + ".tokens", state.tokens);
  file.add(role + ".memory", state.memory);
  if (state.checkpoint > 0) file.add(role + ".checkpoint_memory", state.checkpoint_memory);
}

std::vector<std::uint8_t> copy_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Throws InputError where the part is damaged, or another model's.
SequenceState read_part(const GgufReader& file, const std::string& role, const Model* model,
                        const fs::path& path) {
  const std::string key = "citer." + role + ".";
  if (model == nullptr || !file.has(key + "fingerprint")) return {};
  const ModelIdentity saved{file.text(key + "name"), file.hash(key + "fingerprint")};
  const ModelIdentity loaded = identity_of(*model);
  if (saved.fingerprint != loaded.fingerprint) {
    throw InputError(
        fmt::format("{}: saved with '{}' (fingerprint {}) as {}, but '{}' ({}) is loaded",
                    path.string(), saved.name, fingerprint_text(saved.fingerprint), role,
                    loaded.name, fingerprint_text(loaded.fingerprint)));
  }
  SequenceState state{.tokens = file.integers(role + ".tokens"),
                      .memory = copy_of(file.bytes(role + ".memory")),
                      .checkpoint = static_cast<std::size_t>(file.integer(key + "checkpoint"))};
  if (state.checkpoint > 0) {
    state.checkpoint_memory = copy_of(file.bytes(role + ".checkpoint_memory"));
  }
  if (checksum_of(state) != file.hash(key + "checksum")) {
    throw InputError(fmt::format("{}: damaged: the checksum of {} is another one", path.string(),
                                 role + ".memory"));
  }
  return state;
}

SlotContent content_of(const SlotState& state) {
  return {.slm_tokens = state.slm.tokens.size(), .llm_tokens = state.llm.tokens.size()};
}

SlotState read_slot_file(const fs::path& path, const Pair& pair) {
  const GgufReader file(path, kArchitecture);
  const std::int64_t version = file.integer("citer.format_version");
  if (version != kFormatVersion) {
    throw InputError(fmt::format("{}: format {} of saved slots, expected {}", path.string(),
                                 version, kFormatVersion));
  }
  return {read_part(file, "slm", pair.slm().get(), path),
          read_part(file, "llm", pair.llm().get(), path)};
}

}  // namespace

SlotContent save_slot(Service& service, int slot, const fs::path& path) {
  SlotState state;
  service.with_slot(slot, [&](Models& models) { state = models.decoder.save(slot); });
  SlotContent content = content_of(state);
  if (content.slm_tokens + content.llm_tokens == 0) {
    throw FieldError({"slot"}, fmt::format("{} holds nothing", slot));
  }
  GgufWriter file(kArchitecture);
  file.set("citer.format_version", kFormatVersion);
  write_part(file, "slm", state.slm, service.pair().slm().get());
  write_part(file, "llm", state.llm, service.pair().llm().get());
  file.save(path);
  content.bytes = fs::file_size(path);
  return content;
}

SlotContent restore_slot(Service& service, int slot, const fs::path& path) {
  const SlotState state = read_slot_file(path, service.pair());
  try {
    service.with_slot(slot, [&](Models& models) { models.decoder.restore(slot, state); });
  } catch (const InputError& e) {
    throw InputError(fmt::format("{}: {}", path.string(), e.what()));
  }
  SlotContent content = content_of(state);
  content.bytes = fs::file_size(path);
  return content;
}

SlotContent erase_slot(Service& service, int slot) {
  SlotContent content;
  service.with_slot(slot, [&](Models& models) {
    models.decoder.collect();  // caches are looked at
    content = {.slm_tokens = models.slm.cached(slot).size(),
               .llm_tokens = models.llm.cached(slot).size()};
    models.slm.forget(slot);
    models.llm.forget(slot);
  });
  return content;
}

}  // namespace citer
