#pragma once

#include <span>
#include <string_view>

namespace citer {

/// A file of a page.
struct PageFile {
  std::string_view path;  ///< of its address: "/chat.css"
  std::string_view type;  ///< Content-Type
  std::string_view body;
};

/// All files of the page that the server shows at "/" (web/chat), compiled in.
std::span<const PageFile> page_files();
/// Those of the page of long work (web/progress).
std::span<const PageFile> progress_page_files();

/// The page's Content-Security-Policy: nothing but its own files and the API they come with, no
/// script or style within a document, and no frame around it.
inline constexpr std::string_view kPageSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace citer
