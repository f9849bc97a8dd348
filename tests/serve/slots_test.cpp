// Slots saved to files, restored and erased over HTTP.
#include <filesystem>
#include <future>

#include "base/file.h"
#include "base/rng.h"
#include "serve/program.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::kQuestion;
using testing::HasSubstr;
using testing::Not;

const Json kAsked = {
    {"prompt", kQuestion}, {"max_tokens", 60}, {"temperature", 0}, {"model", "citer"}};

Json completion(httplib::Client& client) {
  const auto result = client.Post("/v1/completions", kAsked.dump(), "application/json");
  return result ? Json::parse(result->body) : Json();
}

int cached_of(const Json& answer) {
  return answer["usage"]["prompt_tokens_details"]["cached_tokens"];
}
int prompt_of(const Json& answer) { return answer["usage"]["prompt_tokens"]; }

class SlotsTest : public test::ServerTest {
 protected:
  SlotsTest() { api_.slot_folder = folder_.path(); }

  httplib::Result act(int slot, const std::string& action,
                      const Json& body = Json::object()) const {
    return post(fmt::format("/slots/{}?action={}", slot, action), body);
  }
  Json done(int slot, const std::string& action, const Json& body = Json::object()) const {
    const httplib::Result result = act(slot, action, body);
    EXPECT_EQ(result->status, 200) << result->body;
    return Json::parse(result->body);
  }
  Json ask() const { return answer("/v1/completions", kAsked); }
  static std::string text(const Json& answer) { return answer["choices"][0]["text"]; }

  /// Has the answer written in slot 0, and saves that.
  Json saved(const std::string& name) {
    start();
    first_ = ask();
    return done(0, "save", {{"filename", name}});
  }

  test::TempDir folder_;
  Json first_;
};

TEST_F(SlotsTest, ARestoredPromptIsNotReadAgain) {
  const Json saved = this->saved("a.bin");
  EXPECT_EQ(saved["id_slot"], 0);
  EXPECT_EQ(saved["filename"], "a.bin");
  EXPECT_GT(saved["slm_tokens"], prompt_of(first_));
  EXPECT_GT(saved["llm_tokens"], 0);
  EXPECT_EQ(saved["n_saved"], std::max(saved["slm_tokens"], saved["llm_tokens"]));
  EXPECT_EQ(saved["n_written"], fs::file_size(folder_ / "a.bin"));
  EXPECT_GE(saved["timings"]["save_ms"], 0.0);

  EXPECT_EQ(done(0, "erase")["n_erased"], saved["n_saved"]);
  const Json fresh = ask();
  EXPECT_EQ(cached_of(fresh), 0);
  EXPECT_EQ(text(fresh), text(first_));

  for (int slot = 0; slot < 4; ++slot) done(slot, "erase");
  const Json restored = done(2, "restore", {{"filename", "a.bin"}});
  EXPECT_EQ(restored["n_restored"], saved["n_saved"]);
  EXPECT_EQ(restored["n_read"], saved["n_written"]);
  const double read_before = metric("citer_positions_total{model=\"slm\"}");
  const Json again = ask();
  EXPECT_EQ(cached_of(again), prompt_of(again) - 1);
  EXPECT_EQ(text(again), text(first_));
  const double read = metric("citer_positions_total{model=\"slm\"}") - read_before;
  EXPECT_LE(read, again["usage"]["completion_tokens"].get<double>() + 1);
}

TEST_F(SlotsTest, SeveralSlotsAreRestoredFromOneFile) {
  saved("a");
  done(0, "erase");
  for (const int slot : {1, 3}) done(slot, "restore", {{"filename", "a"}});
  auto one = std::async(std::launch::async, [&] { return ask(); });
  auto other = std::async(std::launch::async, [&] { return ask(); });
  for (const Json& answer : {one.get(), other.get()}) {
    EXPECT_EQ(cached_of(answer), prompt_of(answer) - 1);
    EXPECT_EQ(text(answer), text(first_));
  }
}

TEST_F(SlotsTest, WorksWhileOthersWriteAndABusySlotIsRefused) {
  service_options_.context.context_size = 8192;
  api_.defaults.ignore_eog = true;
  saved("a");
  auto client = this->client();
  auto running = std::async(std::launch::async, [&] {
    const Json endless = {{"prompt", kQuestion}, {"model", "llm"}, {"max_tokens", 8000}};
    return client.Post("/v1/completions", endless.dump(), "application/json");
  });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  const Json slots = Json::parse(this->client().Get("/slots")->body);
  const auto busy = static_cast<int>(
      std::find_if(slots.begin(), slots.end(),
                   [](const Json& slot) { return slot["is_processing"] == true; }) -
      slots.begin());
  for (const char* action : {"save", "restore", "erase"}) {
    const Json error = error_of(act(busy, action, {{"filename", "a"}}), 409);
    EXPECT_EQ(error["code"], "slot_busy");
  }
  const int idle = (busy + 1) % 4;
  done(idle, "restore", {{"filename", "a"}});
  done(idle, "save", {{"filename", "b"}});
  EXPECT_EQ(fs::file_size(folder_ / "a"), fs::file_size(folder_ / "b"));
  EXPECT_EQ(metric("citer_active_sequences"), 1);
  client.stop();
  running.get();
}

TEST_F(SlotsTest, ARequestMayNameItsSlot) {
  start();
  const auto asked = [](int slot) {
    Json body = kAsked;
    body["id_slot"] = slot;
    return body;
  };
  const auto in_slot = [&](int slot) { return answer("/v1/completions", asked(slot)); };
  const Json first = in_slot(2);
  EXPECT_EQ(error_of(act(0, "save", {{"filename", "a"}}), 400)["param"], "id_slot") << "empty";
  EXPECT_GT(done(2, "save", {{"filename", "a"}})["n_saved"], prompt_of(first));
  EXPECT_EQ(cached_of(in_slot(2)), prompt_of(first) - 1);
  EXPECT_EQ(text(in_slot(3)), text(first));
  EXPECT_GT(done(3, "erase")["n_erased"], prompt_of(first));
  Json two = asked(1);
  two["n"] = 2;
  EXPECT_EQ(answer("/v1/completions", two)["choices"].size(), 2U) << "one after the other";
  EXPECT_EQ(error_of(post("/v1/completions", asked(4)), 400)["param"], "id_slot");
}

TEST_F(SlotsTest, WhoWaitsForASlotLetsOthersGoBefore) {
  service_options_.context.context_size = 8192;
  api_.defaults.ignore_eog = true;
  start();
  auto client = this->client();
  auto running = std::async(std::launch::async, [&] {
    const Json endless = {
        {"prompt", kQuestion}, {"model", "llm"}, {"max_tokens", 8000}, {"id_slot", 1}};
    return client.Post("/v1/completions", endless.dump(), "application/json");
  });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  Json short_one = kAsked;
  short_one["max_tokens"] = 5;
  short_one["id_slot"] = 1;
  auto waiting =
      std::async(std::launch::async, [&] { return answer("/v1/completions", short_one); });
  EXPECT_TRUE(becomes("citer_queued_requests", 1));
  short_one.erase("id_slot");
  EXPECT_EQ(answer("/v1/completions", short_one)["usage"]["completion_tokens"], 5);
  EXPECT_EQ(metric("citer_queued_requests"), 1);
  client.stop();
  running.get();
  EXPECT_EQ(waiting.get()["usage"]["completion_tokens"], 5);
}

TEST_F(SlotsTest, DamagedAndForeignFilesLeaveTheSlotAsItWas) {
  saved("a");
  const std::string whole = read_file(folder_ / "a");
  const auto refused = [&](const std::string& bytes) {
    write_file(folder_ / "bad", bytes);
    const Json error = error_of(act(0, "restore", {{"filename", "bad"}}), 400);
    EXPECT_EQ(error["param"], "filename");
    EXPECT_THAT(error["message"].get<std::string>(), Not(HasSubstr(folder_.path().string())));
  };
  refused("");
  refused("not a slot");
  refused(read_file(CITER_SOURCE_DIR "/models/demo/router-citer.gguf"));
  Rng rng(5);
  for (int i = 0; i < 20; ++i) {
    refused(whole.substr(
        0, static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(whole.size()) - 1))));
    std::string torn = whole;
    const auto at =
        static_cast<std::size_t>(rng.uniform(static_cast<std::int64_t>(whole.size()) / 10,
                                             static_cast<std::int64_t>(whole.size()) - 64));
    torn[at] = static_cast<char>(torn[at] ^ 1);
    refused(torn);
  }
  EXPECT_EQ(cached_of(ask()), prompt_of(first_) - 1) << "slot 0 holds what it held";
}

TEST_F(SlotsTest, AFileOfOtherModelsIsNamed) {
  saved("a");
  server_.reset();
  service_.reset();
  std::swap(pair_.slm.path, pair_.llm.path);
  pair_.routers.clear();
  listen();
  EXPECT_THAT(error_of(act(0, "restore", {{"filename", "a"}}), 400)["message"].get<std::string>(),
              HasSubstr("saved with"));
}

TEST_F(SlotsTest, AnotherCacheTypeIsRefusedAndTheSlotIsAsItWas) {
  saved("a");
  server_.reset();
  service_.reset();
  pair_.llm.cache_type_k = "f32";  // the SLM's part fits, the LLM's does not
  listen();
  const Json other = ask();
  error_of(act(0, "restore", {{"filename", "a"}}), 400);
  EXPECT_EQ(cached_of(ask()), prompt_of(other) - 1);
}

TEST_F(SlotsTest, NamesStayInTheFolder) {
  saved("a");
  for (const char* name : {"../a", "/a", "b/a", ".", "..", ".a", "", "a b", "a\\b", "a\n"}) {
    for (const char* action : {"save", "restore"}) {
      EXPECT_EQ(error_of(act(0, action, {{"filename", name}}), 400)["param"], "filename") << name;
    }
  }
  error_of(act(0, "save", {{"filename", std::string(129, 'a')}}), 400);
  error_of(act(0, "save"), 400);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(SlotsTest, WhatIsWrongIsNamed) {
  saved("a");
  EXPECT_EQ(error_of(act(0, "keep", {{"filename", "a"}}), 400)["param"], "action");
  EXPECT_EQ(error_of(act(4, "save", {{"filename", "a"}}), 400)["param"], "id_slot");
  EXPECT_EQ(error_of(act(-1, "erase"), 400)["param"], "id_slot");
  EXPECT_EQ(error_of(post("/slots/x?action=erase", Json::object()), 400)["param"], "id_slot");
  EXPECT_EQ(error_of(act(1, "save", {{"filename", "a"}}), 400)["param"], "id_slot") << "empty";
  EXPECT_EQ(error_of(act(0, "save", {{"filename", "a"}, {"x", 1}}), 400)["param"], "x");
  EXPECT_THAT(
      error_of(act(0, "restore", {{"filename", "none"}}), 400)["message"].get<std::string>(),
      HasSubstr("no such file"));
}

TEST_F(SlotsTest, WithoutAFolderThereIsNone) {
  api_.slot_folder.clear();
  start();
  EXPECT_EQ(error_of(act(0, "save", {{"filename", "a"}}), 501)["code"], "not_implemented");
}

TEST_F(SlotsTest, AreSavedFromOneServerForTheNext) {
  const std::vector<std::string> flags = {"--slot-save-path", folder_.path(), "-np", "2"};
  std::string text;
  {
    test::ServeProgram server(flags);
    auto client = server.client();
    text = SlotsTest::text(completion(client));
    const auto saved =
        client.Post("/slots/0?action=save", R"({"filename": "a"})", "application/json");
    EXPECT_EQ(saved->status, 200) << saved->body;
    EXPECT_EQ(server.stop(SIGTERM), 0);
  }
  test::ServeProgram server(flags);
  auto client = server.client();
  const auto restored =
      client.Post("/slots/1?action=restore", R"({"filename": "a"})", "application/json");
  ASSERT_EQ(restored->status, 200) << restored->body;
  const Json answer = completion(client);
  EXPECT_EQ(cached_of(answer), prompt_of(answer) - 1);
  EXPECT_EQ(SlotsTest::text(answer), text);
}

}  // namespace
}  // namespace citer
