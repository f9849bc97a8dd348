#pragma once

#include <vector>

#include "base/parallel.h"
#include "remote/backend.h"

namespace citer {

/// What a server wrote behind a prompt.
struct Written {
  std::vector<Token> tokens;    ///< at least one
  std::vector<RemoteRow> rows;  ///< one per token; positions are set by who asked
  double llm_seconds = 0.0;     ///< 0: not told
};

/// Has a server of this kind write up to `n` tokens greedily behind token ids. Throws LinkFault, or
/// nlohmann's exceptions for a senseless answer.
class WritingServer {
 public:
  virtual ~WritingServer() = default;
  virtual std::string path() const = 0;
  /// The request; rows shall list so many of the likeliest tokens. `sequence`: whose.
  virtual nlohmann::json request(std::span<const Token> prompt, int n, std::size_t likeliest,
                                 int sequence) const = 0;
  virtual Written read(const nlohmann::json& answer) const = 0;
};

/// Asks servers that write. From the first position on one writes as far as the last, and further
/// where it is to: what it writes decides the positions behind as long as it is what was guessed.
/// Sequences are asked at once, over connections of their own.
class WritingBackend final : public Backend {
 public:
  WritingBackend(const RemoteOptions& options, LinkCounters& counters,
                 std::shared_ptr<const WritingServer> server, int sequences);
  std::vector<Reply> ask(std::span<const Question> questions, Deadline deadline) override;

 private:
  Reply ask_one(PatientLink& link, const Question& question, Deadline deadline) const;

  std::shared_ptr<const WritingServer> server_;
  std::vector<PatientLink> links_;  ///< by worker
  ThreadPool pool_;
};

/// What makes them of a server, for BackendKind::make. `counters` must outlive what it makes.
std::function<std::unique_ptr<Backend>(int sequences)> asks_to_write(
    const RemoteOptions& options, LinkCounters& counters,
    std::shared_ptr<const WritingServer> server);

/// Checks a server's tokens by samples of text: `tokenize` gives its tokens of one, control tokens
/// read as such where `special`. Throws InputError naming the first that become others.
void check_samples(
    const std::string& url, const Vocab& slm,
    const std::function<std::vector<Token>(const std::string& text, bool special)>& tokenize);

}  // namespace citer
