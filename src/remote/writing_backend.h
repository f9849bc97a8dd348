#pragma once

#include <optional>
#include <vector>

#include "base/parallel.h"
#include "remote/backend.h"

namespace citer {

/// What a server wrote behind a prompt.
struct Written {
  std::vector<Token> tokens;    ///< none: nothing that can be used
  std::vector<RemoteRow> rows;  ///< one per token; positions are set by who asked
  double llm_seconds = 0.0;     ///< 0: not told
  int positions = 0;            ///< as of a Reply
  int own_tokens = 0;           ///< likewise
};

/// Has a server of this kind write tokens behind others, greedily unless it can draw. Throws
/// LinkFault, or nlohmann's exceptions for a senseless answer.
class WritingServer {
 public:
  virtual ~WritingServer() = default;
  virtual std::string path() const = 0;
  /// The request for `n` tokens behind the first of the question's.
  virtual nlohmann::json request(const Question& question, std::span<const Token> prompt,
                                 int n) const = 0;
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

/// What `GET /v1/models` lists of the model that is meant, whose name `id` holds; nothing where it
/// is not listed, or the server has no such list.
std::optional<nlohmann::json> listed_model(PatientLink& link, const RemoteOptions& options,
                                           Deadline deadline);

/// Checks a server's tokens by samples of text: `tokenize` gives its tokens of one, control tokens
/// read as such where `special`. Throws InputError naming the first that become others.
void check_samples(
    const std::string& url, const Vocab& slm,
    const std::function<std::vector<Token>(const std::string& text, bool special)>& tokenize);

}  // namespace citer
