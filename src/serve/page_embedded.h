#pragma once

#include <string_view>

// Files of web/chat and web/progress, and the libraries that they use, compiled in by
// cmake/CiterEmbed.cmake.

namespace citer::embedded {

extern const std::string_view kChatHtml;
extern const std::string_view kChatCss;
extern const std::string_view kChatIcon;
extern const std::string_view kMarked;
extern const std::string_view kKatex;
extern const std::string_view kChatMain;
extern const std::string_view kChatAlternatives;
extern const std::string_view kChatAnswer;
extern const std::string_view kChatApi;
extern const std::string_view kChatConversation;
extern const std::string_view kChatCurve;
extern const std::string_view kChatDashboard;
extern const std::string_view kChatDom;
extern const std::string_view kChatExamples;
extern const std::string_view kChatMarkdown;
extern const std::string_view kChatPieces;
extern const std::string_view kChatSettings;
extern const std::string_view kChatTip;
extern const std::string_view kProgressHtml;
extern const std::string_view kProgressScript;

}  // namespace citer::embedded
