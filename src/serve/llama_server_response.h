#pragma once

#include <string>
#include <vector>

#include "serve/response_writer.h"

namespace citer {

/// Answers as llama-server's own /completion has them. In a stream each token is an event of its
/// own; the last one, with `stop` true, has all but the text.
class LlamaServerWriter final : public ResponseWriter {
 public:
  using ResponseWriter::ResponseWriter;

  /// An object, or an array of them where there were several prompts.
  std::string whole(const std::vector<Answer>& answers) override;
  std::string begin(std::size_t index) override;
  std::string grow(std::size_t index, const Growth& growth) override;
  std::string end(std::size_t index, const Answer& answer) override;
  std::string close(const std::vector<Answer>& answers) override;
  std::string fail(const ApiError& error) override;

 private:
  /// Where one answer's stream stands.
  struct Stream {
    std::string held;  ///< text that no token's event has taken yet
    Timings timings;
    int written = 0;
  };

  Json last_of(std::size_t index, const Answer& answer) const;
  std::vector<TokenRecord> shown(const std::vector<TokenRecord>& tokens) const;
  Json event_of(std::size_t index, const TokenRecord& token, const Stream& stream) const;

  std::vector<Stream> streams_;
};

}  // namespace citer
