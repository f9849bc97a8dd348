// An LLM over workers of other machines, by ggml's RPC: real ones on the loopback, and the program.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "cli/program.h"
#include "serve/program.h"
#include "support/rpc_worker.h"

namespace citer::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class Rpc : public BundledProgramTest {
 protected:
  Arguments generate(const std::string& speculate, const Arguments& more) const {
    Arguments arguments = {"generate",    "--prompts", first_lines("math.test.jsonl", 6),
                           "--policy",    "maxprob",   "--threshold",
                           "0.9",         "-n",        "80",
                           "--speculate", speculate,   "-t",
                           "1",           "-fa",       "off"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  static std::vector<std::string> texts(const std::string& lines) {
    std::vector<std::string> texts;
    for (const json& answer : json_lines(lines)) texts.push_back(answer.at("text"));
    return texts;
  }
};

TEST_F(Rpc, AnLlmOverTwoWorkersWritesTheTextsOfTheLocalPair) {
  const RpcWorker a;
  const RpcWorker b;
  const std::string workers = a.endpoint() + "," + b.endpoint();
  EXPECT_THAT(run_well({"devices", "--rpc", workers}),
              AllOf(ContainsRegex("RPC0 +RPC +" + a.endpoint()),
                    ContainsRegex("RPC1 +RPC +" + b.endpoint())));
  for (const char* speculate : {"off", "4"}) {
    const ProcessResult split =
        run(generate(speculate, {"--rpc", workers, "-ts", "1,1", "--verbose"}));
    ASSERT_EQ(split.status, 0) << split.err;
    EXPECT_EQ(texts(split.out), texts(run_long(generate(speculate, {}))));
    for (const RpcWorker* worker : {&a, &b}) {
      EXPECT_THAT(split.err, AllOf(HasSubstr(worker->endpoint() + "] model buffer size"),
                                   HasSubstr(worker->endpoint() + "] KV buffer size")));
    }
  }
}

TEST_F(Rpc, AWorkerThatIsNotThere) {
  const std::string nobody = fmt::format("127.0.0.1:{}", free_port());
  for (const Arguments& arguments :
       {Arguments{"devices", "--rpc", nobody}, generate("off", {"--rpc", nobody})}) {
    EXPECT_THAT(run_badly(arguments, kInputError), HasSubstr("rpc-server " + nobody + ": "));
  }
  EXPECT_THAT(run_badly({"devices", "--rpc", "nowhere"}, kInputError),
              HasSubstr("rpc-server nowhere: "));
}

TEST_F(Rpc, AWorkerThatSaysNothing) {
  httplib::Server silent;  // it accepts nobody
  const std::string endpoint = fmt::format("127.0.0.1:{}", silent.bind_to_any_port("127.0.0.1"));
  EXPECT_THAT(run_badly({"devices", "--rpc", endpoint}, kInputError),
              HasSubstr("rpc-server " + endpoint + ": no answer within 10 s"));
}

TEST_F(Rpc, AWorkerThatDiesEndsTheAnswer) {
  RpcWorker worker;
  const std::string command = fmt::format(
      "exec {} generate --rpc {} --policy llm --raw -p Question -n 3000 -c 4096 "
      "--ignore-eos -t 1 2>{}",
      CITER_PROGRAM, worker.endpoint(), path("err"));
  std::FILE* out = popen(command.c_str(), "r");
  ASSERT_NE(out, nullptr);
  ASSERT_NE(std::fgetc(out), EOF);
  worker.kill();
  std::array<char, 4096> rest{};
  while (std::fread(rest.data(), 1, rest.size(), out) > 0) continue;
  const int status = pclose(out);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kInputError);
  const std::string error = read("err");
  EXPECT_THAT(error, AllOf(testing::StartsWith("citer: "), HasSubstr("RPC server crashed")));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
}

TEST_F(Rpc, AnAddressThatCannotBeHad) {
  const RpcWorker worker;
  const std::string port = worker.endpoint().substr(worker.endpoint().find(':') + 1);
  const ProcessResult result = run({"rpc-server", "--port", port, "-dev", "CPU"});
  EXPECT_EQ(result.status, kInputError);
  EXPECT_THAT(result.err, HasSubstr("cannot listen on " + worker.endpoint()));
  EXPECT_THAT(run_badly({"rpc-server", "-dev", "Abacus0"}, kInputError), HasSubstr("'Abacus0'"));
}

TEST_F(Rpc, WithoutGgmlsRpcBackend) {
  const std::filesystem::path backends = CITER_BACKEND_DIR;
  if (backends.empty()) GTEST_SKIP() << "ggml's backends are no files of their own";
  const std::filesystem::path without = folder_ / "backends";
  std::filesystem::create_directory(without);
  for (const auto& file : std::filesystem::directory_iterator(backends)) {
    const std::string name = file.path().filename();
    if (name.find("rpc") == std::string::npos) create_symlink(file.path(), without / name);
  }
  for (const Arguments& arguments :
       {Arguments{"devices", "--rpc", "127.0.0.1:1"}, Arguments{"rpc-server"}}) {
    const ProcessResult result = run_process(
        CITER_PROGRAM, arguments, {.environment = {{"CITER_BACKEND_DIR", without.string()}}});
    EXPECT_EQ(result.status, kInputError);
    EXPECT_EQ(result.err,
              "citer: ggml's RPC backend is not installed (Debian: libggml0-backend-rpc)\n");
  }
}

class ServeRpc : public testing::Test {
 protected:
  static Json request(bool stream) {
    return {{"prompt", kQuestion},
            {"max_tokens", 3000},
            {"ignore_eos", true},
            {"stream", stream},
            {"citer", {{"policy", "llm"}}}};
  }
  static httplib::Result post(const ServeProgram& program, const Json& body) {
    return program.client().Post("/v1/completions", body.dump(), "application/json");
  }
  void expect_end(ServeProgram& program) {
    EXPECT_EQ(program.stop(0), 1);
    EXPECT_THAT(program.err(), HasSubstr("citer: Remote RPC server crashed"));
  }

  RpcWorker worker_;
  ServeProgram program_{{}, {"-t", "1", "-fa", "off", "-c", "4096", "--rpc", worker_.endpoint()}};
};

TEST_F(ServeRpc, ALostWorkerIs503AndTheEndOfTheServer) {
  worker_.kill();
  const httplib::Result result = post(program_, request(false));
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->status, 503) << result->body;
  EXPECT_THAT(result->body, HasSubstr("RPC server crashed"));
  expect_end(program_);
}

TEST_F(ServeRpc, AStreamUnderWayEndsWithTheError) {
  std::string events;
  httplib::Request request_of_stream;
  request_of_stream.method = "POST";
  request_of_stream.path = "/v1/completions";
  request_of_stream.set_header("Content-Type", "application/json");
  request_of_stream.body = request(true).dump();
  request_of_stream.content_receiver = [&](const char* data, std::size_t n, std::size_t,
                                           std::size_t) {
    if (events.empty()) worker_.kill();
    events.append(data, n);
    return true;
  };
  httplib::Client client = program_.client();
  client.send(request_of_stream);
  EXPECT_THAT(events, HasSubstr("RPC server crashed"));
  expect_end(program_);
}

}  // namespace
}  // namespace citer::test
