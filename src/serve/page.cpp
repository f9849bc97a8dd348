#include "serve/page.h"

#include <array>

#include "serve/page_embedded.h"

namespace citer {

namespace {

constexpr std::string_view kScript = "text/javascript; charset=utf-8";

}  // namespace

std::span<const PageFile> page_files() {
  namespace e = embedded;
  static const std::array<PageFile, 11> kFiles = {{
      {"/", "text/html; charset=utf-8", e::kChatHtml},
      {"/chat.css", "text/css; charset=utf-8", e::kChatCss},
      {"/icon.svg", "image/svg+xml", e::kChatIcon},
      {"/main.js", kScript, e::kChatMain},
      {"/answer.js", kScript, e::kChatAnswer},
      {"/api.js", kScript, e::kChatApi},
      {"/dom.js", kScript, e::kChatDom},
      {"/examples.js", kScript, e::kChatExamples},
      {"/pieces.js", kScript, e::kChatPieces},
      {"/settings.js", kScript, e::kChatSettings},
      {"/tip.js", kScript, e::kChatTip},
  }};
  return kFiles;
}

}  // namespace citer
