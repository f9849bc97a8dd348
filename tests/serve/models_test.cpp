// Several models in one server: chosen by name, loaded on demand, unloaded when idle or for others.
#include <filesystem>
#include <mutex>
#include <thread>

#include "serve/program.h"
#include "support/temp_dir.h"

namespace citer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModels = CITER_SOURCE_DIR "/models/demo/";

class ModelsTest : public testing::Test {
 protected:
  static ServedModel served(const std::string& name, const std::string& slm,
                            const std::string& llm = "") {
    ServedModel model;
    model.pair.slm = {.path = slm, .threads = 1};
    if (!llm.empty()) model.pair.llm = {.path = llm, .threads = 1};
    model.service = {.context = {.context_size = 512, .sequences = 2, .flash_attention = "off"}};
    model.api.name = name;
    return model;
  }

  /// A pair routed by confidence, and each of its models alone.
  static std::vector<ServedModel> three() {
    ServedModel pair = served("pair", kModels + "slm.gguf", kModels + "llm.gguf");
    pair.api.aliases = {"gpt"};
    pair.api.defaults.policy = "maxprob";
    pair.api.defaults.threshold = 0.9;
    return {pair, served("little", kModels + "slm.gguf"), served("big", kModels + "llm.gguf")};
  }

  void start(std::vector<ServedModel> models, const HostOptions& options = {}) {
    for (ServedModel& model : models) {
      model.api.on_note = [this](const std::string& note) {
        const std::lock_guard lock(mutex_);
        notes_ += note + "\n";
      };
    }
    host_ = std::make_unique<ModelHost>(std::move(models), options);
    HttpOptions http;
    http.port = 0;
    server_ = std::make_unique<HttpServer>(http);
    server_->start();
    server_->serve(*host_, "test");
  }

  httplib::Result post(const std::string& model, Json more = Json::object()) const {
    more["prompt"] = kQuestion;
    more["max_tokens"] = 24;
    if (!model.empty()) more["model"] = model;
    return local_client(server_->port()).Post("/v1/completions", more.dump(), "application/json");
  }

  std::string text(const std::string& model) const {
    const httplib::Result result = post(model);
    EXPECT_TRUE(result && result->status == 200) << (result ? result->body : "no answer");
    return result ? Json::parse(result->body)["choices"][0]["text"].get<std::string>() : "";
  }

  Json get(const std::string& path) const {
    const httplib::Result result = local_client(server_->port()).Get(path);
    EXPECT_TRUE(result && result->status == 200) << path;
    return result ? Json::parse(result->body) : Json();
  }

  std::string state(const std::string& model) const {
    return get("/v1/models/" + model)["status"]["value"];
  }

  bool becomes(const std::string& model, const std::string& wanted) const {
    for (int i = 0; i < 1000; ++i) {
      if (state(model) == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  /// So much that one of the three has room, but no two.
  static std::uint64_t room_for_one() {
    std::uint64_t most = 0;
    for (const auto& model : ModelHost(three(), {}).models()) {
      most = std::max(most, model.bytes);
    }
    return most;
  }

  std::string metrics() const { return local_client(server_->port()).Get("/metrics")->body; }

  std::mutex mutex_;
  std::string notes_;
  std::unique_ptr<ModelHost> host_;  // outlives the server
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ModelsTest, ARequestChoosesByName) {
  start(three());
  const std::string little = text("little");
  const std::string big = text("big");
  EXPECT_NE(little, big);
  EXPECT_EQ(text("pair/slm"), little);
  EXPECT_EQ(text("pair/small"), little);
  EXPECT_EQ(text("pair/llm"), big);
  EXPECT_EQ(text("gpt/large"), big);
  EXPECT_EQ(text("little/small"), little);
  const Json routed = Json::parse(post("pair")->body);
  EXPECT_EQ(routed["model"], "pair");
  EXPECT_EQ(routed["citer"]["policy"], "maxprob");
  EXPECT_EQ(routed["citer"]["threshold"], 0.9);
  EXPECT_EQ(Json::parse(post("")->body)["choices"], routed["choices"]);
  EXPECT_EQ(Json::parse(post("gpt")->body)["choices"], routed["choices"]);
}

TEST_F(ModelsTest, ANameThatNobodyKnows) {
  start(three());
  for (const char* name : {"nope", "nope/slm", "pair/nope", "big/llm", "slm", "citer"}) {
    const Json error = error_of(post(name), 404);
    EXPECT_EQ(error["code"], "model_not_found");
    EXPECT_EQ(error["param"], "model");
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("'" + std::string(name) + "'"));
  }
  EXPECT_EQ(local_client(server_->port()).Get("/v1/models/nope")->status, 404);
}

TEST_F(ModelsTest, AnyNameMayStandForTheFirst) {
  std::vector<ServedModel> models = three();
  for (ServedModel& model : models) model.api.any_model = true;
  start(std::move(models));
  EXPECT_EQ(text("gpt-17"), text("pair"));
}

TEST_F(ModelsTest, OneModelAloneIsNotRouted) {
  start(three());
  EXPECT_EQ(error_of(post("big", {{"citer", {{"policy", "maxprob"}}}}), 400)["param"],
            "citer.policy");
  EXPECT_EQ(error_of(post("big", {{"citer", {{"threshold", 0.5}}}}), 400)["param"],
            "citer.threshold");
  EXPECT_EQ(error_of(post("big", {{"citer", {{"budget", 0.5}}}}), 400)["param"], "citer.budget");
  EXPECT_EQ(get("/props?model=big")["policies"], Json::array({"slm"}));
  EXPECT_GT(get("/props?model=pair")["policies"].size(), 3U);
}

TEST_F(ModelsTest, AreLoadedWhenTheyAreAskedFor) {
  start(three());
  const Json before = get("/v1/models")["data"];
  ASSERT_EQ(before.size(), 3U);
  EXPECT_EQ(before[0]["id"], "pair");
  EXPECT_EQ(before[0]["aliases"], Json::array({"gpt"}));
  for (const Json& model : before) EXPECT_EQ(model["status"]["value"], "unloaded");
  text("little");
  EXPECT_EQ(state("little"), "loaded");
  EXPECT_EQ(state("pair"), "unloaded");
}

TEST_F(ModelsTest, TheLeastRecentlyUsedGoesFirst) {
  std::vector<ServedModel> models;
  for (const char* name : {"m0", "m1", "m2"}) models.push_back(served(name, kModels + "slm.gguf"));
  const std::uint64_t one = ModelHost(models, {}).models()[0].bytes;
  start(std::move(models), {.memory = 2 * one});
  for (const char* name : {"m0", "m1", "m0", "m2"}) text(name);
  EXPECT_EQ(state("m0"), "loaded");
  EXPECT_EQ(state("m1"), "unloaded");
  EXPECT_EQ(state("m2"), "loaded");
}

TEST_F(ModelsTest, WhatIsAtWorkIsNotUnloaded) {
  start(three(), {.memory = room_for_one()});
  std::shared_ptr<Api> held = host_->use("big", [] {});
  const Json error = error_of(post("pair"), 503);
  EXPECT_EQ(error["code"], "no_room");
  EXPECT_THAT(error["message"].get<std::string>(), AllOf(HasSubstr("'pair'"), HasSubstr("MiB")));
  EXPECT_EQ(post("pair")->get_header_value("Retry-After"), "1");
  held.reset();
  EXPECT_NE(text("pair"), "");
  EXPECT_EQ(state("big"), "unloaded");
}

TEST_F(ModelsTest, OneThatCanNeverFitIsRefusedAtOnce) {
  try {
    ModelHost(three(), {.memory = room_for_one() / 2});
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("pair"), HasSubstr("MiB")));
  }
}

TEST_F(ModelsTest, AreUnloadedWhenNobodyUsesThem) {
  start(three(), {.idle = std::chrono::seconds(1)});
  const std::shared_ptr<Api> held = host_->use("big", [] {});
  text("little");
  EXPECT_TRUE(becomes("little", "unloaded"));
  EXPECT_EQ(state("big"), "loaded");
  EXPECT_NE(text("little"), "");
}

TEST_F(ModelsTest, CountersOutliveTheModel) {
  start(three(), {.memory = room_for_one()});
  for (const char* name : {"little", "big", "pair", "little"}) text(name);
  const std::string page = metrics();
  EXPECT_THAT(page, HasSubstr("citer_tokens_total{served_model=\"little\",writer=\"slm\"} 48\n"));
  EXPECT_THAT(page, HasSubstr("citer_tokens_total{served_model=\"big\",writer=\"slm\"} 24\n"));
  EXPECT_THAT(page, HasSubstr("citer_model_loads_total{served_model=\"little\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("citer_model_loaded{served_model=\"big\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("endpoint=\"/v1/completions\",status=\"200\"} 4\n"));
}

TEST_F(ModelsTest, OneThatCannotBeLoadedSaysSo) {
  TempDir folder;
  const std::string copy = (folder / "slm.gguf").string();
  std::filesystem::copy_file(kModels + "slm.gguf", copy);
  start({served("copy", copy), served("little", kModels + "slm.gguf")});
  std::filesystem::remove(copy);
  const Json error = error_of(post("copy"), 503);
  EXPECT_EQ(error["code"], "model_not_loaded");
  EXPECT_THAT(error["message"].get<std::string>(), testing::Not(HasSubstr(copy)));
  EXPECT_THAT(notes_, HasSubstr("copy: " + copy + ": no such file"));
  EXPECT_EQ(state("copy"), "failed");
  EXPECT_NE(text("little"), "");
  std::filesystem::copy_file(kModels + "slm.gguf", copy);
  EXPECT_EQ(text("copy"), text("little"));
}

TEST_F(ModelsTest, ManyAskForMoreThanThereIsRoomFor) {
  start(three(), {.memory = room_for_one()});
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this, i] {
      const char* const names[] = {"pair", "little", "big"};
      for (int j = 0; j < 4; ++j) {
        const httplib::Result result = post(names[(i + j) % 3], {{"stream", j % 2 == 0}});
        ASSERT_TRUE(result);
        EXPECT_TRUE(result->status == 200 || result->status == 503) << result->body;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Json listed = get("/v1/models");
  for (const Json& model : listed["data"]) EXPECT_EQ(model["active"], 0);
  EXPECT_NE(text("pair"), text("little"));
}

TEST(ServeModels, TheProgramReadsAFile) {
  TempDir folder;
  write_file(folder / "models.json", fmt::format(R"({{
    "pair": {{"model": "{0}llm.gguf", "slm": "{0}slm.gguf", "router": ["{0}router-citer.gguf"],
             "budget": 0.1, "ctx-size": 512, "parallel": 2, "threads": 1, "alias": ["gpt"]}},
    "alone": {{"model": "{0}llm.gguf", "ctx-size": 512, "parallel": 1, "ignore-eos": true}}
  }})",
                                                 kModels));
  ServeProgram program({"--models", (folder / "models.json").string(), "--models-memory", "64",
                        "--models-idle", "600"},
                       {});
  const auto ask = [&](const char* model) {
    const Json body = {{"model", model}, {"prompt", kQuestion}, {"max_tokens", 80}};
    const httplib::Result result =
        program.client().Post("/v1/completions", body.dump(), "application/json");
    EXPECT_TRUE(result && result->status == 200);
    return result ? Json::parse(result->body) : Json();
  };
  EXPECT_EQ(ask("gpt")["citer"]["policy"], "citer");
  EXPECT_EQ(ask("alone")["usage"]["completion_tokens"], 80);
  EXPECT_EQ(program.stop(SIGTERM), 0);
}

}  // namespace
}  // namespace citer::test
