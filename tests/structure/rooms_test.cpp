// The direction of includes between rooms, which room may include which third-party header, and
// that none below the program prints or exits.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "base/file.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

/// For each room, the rooms whose headers it may include (its own always).
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {}},
    {"task", {"base"}},
    {"model", {"base"}},
    {"route", {"base", "model"}},
    {"grammar", {"base"}},
    {"decode", {"base", "model", "route", "grammar"}},
    {"engine", {"base", "model", "route", "grammar", "decode"}},
    {"learn", {"base", "task", "model", "route", "decode", "engine"}},
    {"eval", {"base", "task", "model", "route", "decode", "engine"}},
    {"serve", {"base", "model", "route", "grammar", "engine"}},
    {"hub", {"base"}},
    {"remote", {"base", "model"}},
    {"cli",
     {"base", "task", "model", "route", "decode", "engine", "learn", "eval", "serve", "hub",
      "remote"}},
};

/// Third-party headers by their first path component (or whole name), and the rooms that may
/// include them. What is not named here no room may include.
const std::map<std::string, std::set<std::string>> kThirdParty = {
    {"llama.h", {"model"}},
    {"ggml.h", {"model", "route", "learn"}},
    {"ggml-alloc.h", {"route", "learn"}},
    {"ggml-backend.h", {"model", "route", "learn"}},
    {"ggml-cpp.h", {"model", "route", "learn"}},
    {"ggml-opt.h", {"learn"}},
    {"ggml-rpc.h", {"model"}},
    {"gguf.h", {"model", "route", "learn"}},
    {"minja", {"model"}},
    {"nlohmann", {"task", "model", "grammar", "learn", "eval", "serve", "hub", "remote", "cli"}},
    {"re2", {"task"}},
    {"boost", {"task"}},
    {"CLI", {"cli"}},
    {"httplib.h", {"serve", "hub", "remote"}},
    {"openssl", {"hub"}},
    {"fmt",
     {"base", "task", "model", "route", "grammar", "decode", "engine", "learn", "eval", "serve",
      "hub", "remote", "cli"}},
};

const std::regex kInclude(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");

/// A header of the C or C++ standard library or of POSIX.
bool is_system_header(const std::string& name) {
  return name.find('.') == std::string::npos || name.starts_with("sys/") || name == "unistd.h" ||
         name == "dlfcn.h" || name == "fcntl.h" || name == "signal.h" || name == "spawn.h" ||
         name == "poll.h";
}

std::string first_component(const std::string& name) { return name.substr(0, name.find('/')); }

void check_include(const std::string& room, const std::string& include, const std::string& where) {
  const std::string head = first_component(include);
  if (head == "citer") return;
  if (kMayInclude.count(head) != 0) {
    EXPECT_TRUE(head == room || kMayInclude.at(room).count(head) != 0)
        << where << ": room '" << room << "' may not include room '" << head << "'";
    return;
  }
  if (is_system_header(include)) return;
  const auto third_party = kThirdParty.find(head);
  if (third_party == kThirdParty.end()) {
    ADD_FAILURE() << where << ": '" << include << "' is not a known header";
    return;
  }
  EXPECT_TRUE(third_party->second.count(room) != 0)
      << where << ": room '" << room << "' may not include '" << include << "'";
}

void for_each_include(const fs::path& file,
                      const std::function<void(const std::string&, const std::string&)>& visit) {
  for_each_line(file, [&](std::string_view text, int number) {
    std::cmatch match;
    if (!std::regex_search(text.data(), text.data() + text.size(), match, kInclude)) return;
    visit(match[2].str(), file.string() + ":" + std::to_string(number));
  });
}

TEST(Rooms, IncludeOnlyDownward) {
  const fs::path source = fs::path(CITER_SOURCE_DIR) / "src";
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (!entry.is_regular_file()) continue;
    const std::string room = first_component(fs::relative(entry.path(), source).string());
    ASSERT_TRUE(kMayInclude.count(room) != 0) << entry.path() << " is in an unknown room";
    ++files;
    for_each_include(entry.path(), [&](const std::string& include, const std::string& where) {
      check_include(room, include, where);
    });
  }
  EXPECT_GT(files, 10);
}

/// A flag of the command line in a text: "--top-k", "(-c sets it)".
const std::regex kFlagInText(R"re("[^"]*(--[a-z]|[ (]-[a-z]{1,4}[ ),.:])[^"]*")re");

TEST(Rooms, NoFlagsBelowTheCommandLine) {
  EXPECT_TRUE(std::regex_search(R"re(error("--top-k: wrong"))re", kFlagInText));
  EXPECT_TRUE(std::regex_search(R"re(error("it holds 5 (-c sets it)"))re", kFlagInText));
  EXPECT_FALSE(std::regex_search(R"re(fill("[1]", "a - b", --depth))re", kFlagInText));
  for (const char* folder : {"src", "include"}) {
    const fs::path root = fs::path(CITER_SOURCE_DIR) / folder;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string room = first_component(fs::relative(entry.path(), root).string());
      // The flags there are those of the programs that it starts.
      const bool sandbox = entry.path().filename() == "sandbox.cpp";
      if (!entry.is_regular_file() || room == "cli" || sandbox) continue;
      for_each_line(entry.path(), [&](std::string_view line, int number) {
        EXPECT_FALSE(std::regex_search(std::string(line), kFlagInText))
            << entry.path().string() << ":" << number << ": name the field, not the flag";
      });
    }
  }
}

const std::regex kPrintsOrExits(
    R"re(\b(stdout|stderr|std::cout|std::cerr|std::clog|fmt::print|printf|f?puts|putchar|perror)\b)re"
    R"re(|\b(_?exit|_Exit|quick_exit|abort|terminate)\()re");

/// A line of code without its comment; "" for a macro's definition.
std::string code_of(std::string_view line) {
  if (line.starts_with("#define")) return "";
  return std::string(line.substr(0, line.find("//")));
}

/// Who may ask for the time of day: it dates answers, log lines and the server's start. Whatever
/// waits or measures goes by the steady clock, which does not jump.
TEST(Rooms, TheWallClockOnlyDates) {
  const std::set<std::string> dating = {"api.cpp",       "http_server.cpp",     "request_log.cpp",
                                        "request_log.h", "response_writer.cpp", "server_api.cpp"};
  const std::regex wall_clock(R"re(\b(system_clock|gettimeofday|CLOCK_REALTIME|std::time\())re");
  const fs::path source = fs::path(CITER_SOURCE_DIR) / "src";
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (!entry.is_regular_file() || dating.count(entry.path().filename()) != 0) continue;
    for_each_line(entry.path(), [&](std::string_view line, int number) {
      EXPECT_FALSE(std::regex_search(code_of(line), wall_clock))
          << entry.path().string() << ":" << number << ": " << line;
    });
  }
}

TEST(Rooms, NoneBelowTheProgramPrintsOrExits) {
  const fs::path source = fs::path(CITER_SOURCE_DIR) / "src";
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    const std::string room = first_component(fs::relative(entry.path(), source).string());
    // A worker's own process ends itself, and never the program.
    const bool is_worker = entry.path().filename() == "confined_worker.cpp";
    if (!entry.is_regular_file() || room == "cli" || is_worker) continue;
    for_each_line(entry.path(), [&](std::string_view line, int number) {
      EXPECT_FALSE(std::regex_search(code_of(line), kPrintsOrExits))
          << entry.path().string() << ":" << number << ": " << line;
    });
  }
}

TEST(Rooms, PublicHeadersHaveNoThirdPartyInclude) {
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(CITER_SOURCE_DIR) / "include")) {
    if (!entry.is_regular_file()) continue;
    for_each_include(entry.path(), [&](const std::string& include, const std::string& where) {
      EXPECT_TRUE(is_system_header(include) || include.starts_with("citer/"))
          << where << ": " << include;
    });
  }
}

}  // namespace
}  // namespace citer
