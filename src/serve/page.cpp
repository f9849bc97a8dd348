#include "serve/page.h"

#include <array>

#include "serve/page_embedded.h"

namespace citer {

namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kStyle = "text/css; charset=utf-8";
constexpr std::string_view kImage = "image/svg+xml";
constexpr std::string_view kScript = "text/javascript; charset=utf-8";

}  // namespace

std::span<const PageFile> page_files() {
  namespace e = embedded;
  static const std::array<PageFile, 18> kFiles = {{
      {"/", kHtml, e::kChatHtml},
      {"/chat.css", kStyle, e::kChatCss},
      {"/icon.svg", kImage, e::kChatIcon},
      {"/main.js", kScript, e::kChatMain},
      {"/marked.js", kScript, e::kMarked},
      {"/katex.js", kScript, e::kKatex},
      {"/alternatives.js", kScript, e::kChatAlternatives},
      {"/answer.js", kScript, e::kChatAnswer},
      {"/api.js", kScript, e::kChatApi},
      {"/conversation.js", kScript, e::kChatConversation},
      {"/curve.js", kScript, e::kChatCurve},
      {"/dashboard.js", kScript, e::kChatDashboard},
      {"/dom.js", kScript, e::kChatDom},
      {"/examples.js", kScript, e::kChatExamples},
      {"/markdown.js", kScript, e::kChatMarkdown},
      {"/pieces.js", kScript, e::kChatPieces},
      {"/settings.js", kScript, e::kChatSettings},
      {"/tip.js", kScript, e::kChatTip},
  }};
  return kFiles;
}

std::span<const PageFile> progress_page_files() {
  namespace e = embedded;
  static const std::array<PageFile, 6> kFiles = {{
      {"/", kHtml, e::kProgressHtml},
      {"/chat.css", kStyle, e::kChatCss},
      {"/icon.svg", kImage, e::kChatIcon},
      {"/curve.js", kScript, e::kChatCurve},
      {"/dom.js", kScript, e::kChatDom},
      {"/progress.js", kScript, e::kProgressScript},
  }};
  return kFiles;
}

}  // namespace citer
