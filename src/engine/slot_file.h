#pragma once

// Slots in files: what both models have read, to go on from after a restart (docs/formats.md).

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "citer/service.h"

namespace citer {

/// What was saved, restored or erased.
struct SlotContent {
  std::size_t slm_tokens = 0;
  std::size_t llm_tokens = 0;  ///< 0 where a server has the LLM's cache
  std::uint64_t bytes = 0;     ///< of the file
};

/// Writes what both models have read in a slot, in one step; other slots write on meanwhile. Throws
/// as Service::with_slot(), FieldError where the slot is empty, and as GgufWriter::save().
SlotContent save_slot(Service& service, int slot, const std::filesystem::path& path);

/// Lets a slot hold what was saved: the next prompt that begins so goes on from there. Throws as
/// Service::with_slot(), and InputError for a file that is missing, damaged, or of other models or
/// options; then the slot is as it was.
SlotContent restore_slot(Service& service, int slot, const std::filesystem::path& path);

/// Lets a slot hold nothing. Throws as Service::with_slot().
SlotContent erase_slot(Service& service, int slot);

}  // namespace citer
