#include "browser.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "support/find_program.h"
#include "support/subprocess.h"

namespace citer::test {

namespace fs = std::filesystem;

namespace {

/// Seconds a page may take; it takes about two.
constexpr unsigned kTimeLimit = 90;

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// The page with a script before its end.
std::string with_script(std::string html, const std::string& script) {
  const std::size_t end = html.rfind("</body>");
  if (end == std::string::npos) throw std::runtime_error("page without </body>");
  return html.insert(end, "<script>" + script + "</script>\n");
}

/// Stores what a function returned, or why it failed, in the document's own element.
std::string kept(const std::string& script) {
  return R"(
    (async () => {
      let answer;
      try {
        answer = { value: await (async () => {)" +
         script + R"(})() };
      } catch (error) {
        answer = { error: String(error) };
      }
      const text = encodeURIComponent(JSON.stringify(answer));
      document.documentElement.dataset.answer = text;
      if (parent !== window) parent.postMessage(text, "*");
    })();)";
}

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

nlohmann::json answer_in(const std::string& dom) {
  const std::string mark = "data-answer=\"";
  const std::size_t at = dom.find(mark);
  if (at == std::string::npos) throw std::runtime_error("the page gave no answer:\n" + dom);
  const std::size_t from = at + mark.size();
  const auto answer =
      nlohmann::json::parse(percent_decoded(dom.substr(from, dom.find('"', from) - from)));
  if (answer.contains("error")) throw std::runtime_error("in the page: " + answer["error"].dump());
  return answer.value("value", nlohmann::json());
}

/// A page that holds another in a frame, and keeps the answer it sends.
std::string frame(const std::string& source, int width, int height) {
  return "<!doctype html><html><script>addEventListener('message', (event) => "
         "{ document.documentElement.dataset.answer = event.data; })</script>"
         "<body style='margin: 0'><iframe style='border: 0; display: block' width='" +
         std::to_string(width) + "' height='" + std::to_string(height) + "' src='" + source +
         "'></iframe></body></html>";
}

}  // namespace

Browser::Browser() : program_(find_chromium()) {}

std::string Browser::run(const fs::path& page, const std::string& address,
                         const std::vector<std::string>& options) const {
  std::vector<std::string> arguments = {"--headless",
                                        "--no-sandbox",
                                        "--disable-gpu",
                                        "--disable-quic",
                                        "--no-first-run",
                                        "--disable-background-networking",
                                        "--disable-component-update",
                                        "--disable-sync",
                                        "--disable-dev-shm-usage",
                                        "--hide-scrollbars",
                                        "--virtual-time-budget=5000",
                                        "--user-data-dir=" + (folder_ / "profile").string()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back("file://" + page.string() + (address.empty() ? "" : "#" + address));
  const ProcessResult result =
      run_process(program_, arguments,
                  {.environment = {{"HOME", folder_.path().string()}}, .time_limit = kTimeLimit});
  if (result.status == 128 + SIGALRM) {
    throw std::runtime_error("chromium did not end within " + std::to_string(kTimeLimit) + " s");
  }
  if (result.status != 0) throw std::runtime_error("chromium failed: " + result.err);
  return result.out;
}

nlohmann::json Browser::ask(const std::string& html, const std::string& address,
                            const std::string& script,
                            const std::vector<std::string>& options) const {
  const fs::path page = folder_ / "page.html";
  write(page, with_script(html, kept(script)));
  std::vector<std::string> all = {"--dump-dom", "--window-size=1280,900"};
  all.insert(all.end(), options.begin(), options.end());
  return answer_in(run(page, address, all));
}

nlohmann::json Browser::ask_in_frame(const std::string& html, int width,
                                     const std::string& script) const {
  write(folder_ / "framed.html", with_script(html, kept(script)));
  const fs::path page = folder_ / "frame.html";
  write(page, frame("framed.html", width, 800));
  return answer_in(run(page, "", {"--dump-dom", "--window-size=1280,900"}));
}

fs::path Browser::picture(const std::string& name, const std::string& html,
                          const std::string& address, int width, int height) const {
  const fs::path kept_in = CITER_PICTURE_DIR;
  fs::create_directories(kept_in);
  fs::path path = kept_in / (name + ".png");
  fs::remove(path);
  write(folder_ / "framed.html", html);
  const fs::path page = folder_ / "frame.html";
  write(page, frame("framed.html#" + address, width, height));
  run(page, "",
      {"--screenshot=" + path.string(),
       "--window-size=" + std::to_string(width) + "," + std::to_string(height)});
  return path;
}

}  // namespace citer::test
