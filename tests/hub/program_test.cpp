// The program with models from a hub, in one command from an empty cache; and llama.cpp's own tool
// with what it leaves there.
#include "cli/program.h"
#include "hub_server/hub_server.h"

namespace citer {
namespace {

using test::Arguments;
using test::HubServer;
using testing::AllOf;
using testing::HasSubstr;

class HubProgram : public test::ProgramTest {
 protected:
  HubProgram() {
    server_.add_file("user/tiny-llm-GGUF", "tiny-f32.gguf", path("llm.gguf"));
    server_.add_file("user/tiny-slm-GGUF", "tiny-f32.gguf", path("slm.gguf"));
  }

  test::ProcessResult run_at_hub(Arguments arguments) const {
    return test::run_process(CITER_PROGRAM, arguments, {.environment = environment()});
  }

  std::map<std::string, std::string> environment() const {
    return {{"HF_ENDPOINT", server_.endpoint()},
            {"MODEL_ENDPOINT", ""},
            {"LLAMA_CACHE", path("cache")},
            {"CITER_MODEL_DIR", path("none")},
            {"HF_TOKEN", ""}};
  }

  static Arguments asking(Arguments more) {
    Arguments arguments = {"generate", "-p", "the", "-n", "8", "--policy", "random:0.5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  const Arguments hub_pair_ = {"-hf", "user/tiny-llm-GGUF", "-hfd", "user/tiny-slm-GGUF:f32"};
  HubServer server_;
};

TEST_F(HubProgram, OneCommandFromAnEmptyCacheToAnAnswer) {
  const test::ProcessResult fetched = run_at_hub(asking(hub_pair_));
  ASSERT_EQ(fetched.status, 0) << fetched.err;
  const test::ProcessResult local =
      run_at_hub(asking({"-m", path("llm.gguf"), "-md", path("slm.gguf")}));
  EXPECT_EQ(fetched.out, local.out);

  const std::size_t requests = server_.requests().size();
  Arguments offline = asking(hub_pair_);
  offline.emplace_back("--offline");
  EXPECT_EQ(run_at_hub(offline).out, local.out);
  EXPECT_EQ(server_.requests().size(), requests);
}

TEST_F(HubProgram, AUrlForTheLlmAndAFileForTheSlm) {
  const test::ProcessResult result = run_at_hub(asking(
      {"-mu", server_.url_of("user/tiny-llm-GGUF", "tiny-f32.gguf"), "-md", path("slm.gguf")}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "cache" / "tiny-f32.gguf"));
}

TEST_F(HubProgram, WhatIsWrongIsOneLine) {
  const auto error = [&](const Arguments& arguments, int status) {
    const test::ProcessResult result = run_at_hub(asking(arguments));
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_THAT(error({"-hf", "user/tiny-llm-GGUF"}, test::kUsageError), HasSubstr("-hfd"));
  EXPECT_THAT(error({"-hf", "tiny", "-hfd", "user/tiny-slm-GGUF"}, test::kUsageError),
              HasSubstr("'tiny'"));
  EXPECT_THAT(error({"-hf", "user/none", "-hfd", "user/tiny-slm-GGUF"}, test::kInputError),
              AllOf(HasSubstr("user/none"), HasSubstr("HTTP 404")));
  server_.want_token("hf_secret");
  EXPECT_THAT(error(hub_pair_, test::kInputError), HasSubstr("HF_TOKEN"));
}

TEST_F(HubProgram, AFullDiskIsSaidAndGoneOnWith) {
  // Nothing may grow beyond 64 KiB; a smaller model would fit.
  ASSERT_GT(std::filesystem::file_size(path("slm.gguf")), 64U << 10);
  Arguments shell = {"-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash", CITER_PROGRAM};
  const Arguments ask = asking(hub_pair_);
  shell.insert(shell.end(), ask.begin(), ask.end());
  const test::ProcessResult result =
      test::run_process("/bin/bash", shell, {.environment = environment()});
  EXPECT_EQ(result.status, test::kInputError);
  EXPECT_THAT(result.err, AllOf(HasSubstr("downloadInProgress"), HasSubstr("cannot write")));
  EXPECT_EQ(run_at_hub(asking(hub_pair_)).status, 0);
  EXPECT_THAT(server_.requests(), testing::Contains(HasSubstr("bytes=65536-")));
}

TEST_F(HubProgram, LlamaCppFindsWhatWasFetched) {
  const auto theirs = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), "llama-completion");
    return test::run_process(CITER_SOURCE_DIR "/bench/llama-tool", arguments,
                             {.environment = environment()});
  };
  if (theirs({"--version"}).status != 0) GTEST_SKIP() << "llama-completion is not installed";
  ASSERT_EQ(run_at_hub(asking(hub_pair_)).status, 0);
  const std::size_t requests = server_.requests().size();
  const test::ProcessResult result = theirs({"--offline", "-hf", "user/tiny-llm-GGUF", "-p", "the",
                                             "-n", "4", "-no-cnv", "-ngl", "0", "--no-warmup"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(server_.requests().size(), requests);
}

TEST_F(HubProgram, WhatLlamaCppFetchedIsFound) {
  Arguments fetch = {"llama-completion",
                     "-hf",
                     "user/tiny-llm-GGUF",
                     "-p",
                     "the",
                     "-n",
                     "4",
                     "-no-cnv",
                     "-ngl",
                     "0",
                     "--no-warmup"};
  if (test::run_process(CITER_SOURCE_DIR "/bench/llama-tool", {"llama-completion", "--version"})
          .status != 0) {
    GTEST_SKIP() << "llama-completion is not installed";
  }
  const test::ProcessResult fetched = test::run_process(CITER_SOURCE_DIR "/bench/llama-tool", fetch,
                                                        {.environment = environment()});
  ASSERT_EQ(fetched.status, 0) << fetched.err;
  const std::size_t requests = server_.requests().size();
  const test::ProcessResult result =
      run_at_hub(asking({"--offline", "-hf", "user/tiny-llm-GGUF", "-md", path("slm.gguf")}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(server_.requests().size(), requests);
}

}  // namespace
}  // namespace citer
