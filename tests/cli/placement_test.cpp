// llama.cpp's flags for the models: that they reach the model they are for, and how they fail.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using testing::AllOf;
using testing::HasSubstr;

class PlacementFlagsTest : public test::ProgramTest {
 protected:
  static Arguments asking(const Arguments& more) {
    Arguments arguments = {"generate", "-p", "the", "-n", "12", "-dev", "none", "-devd", "none"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string text(const Arguments& more) const { return run_well(asking(more)); }
  std::string error(const Arguments& more, int status = test::kUsageError) const {
    return run_badly(asking(more), status);
  }
};

TEST_F(PlacementFlagsTest, AdaptersReachTheModelTheyAreFor) {
  test::write_lora_adapter(folder_ / "llm.gguf", folder_ / "lora.gguf", folder_ / "merged.gguf");
  const auto with = [&](const std::string& policy, const Arguments& more) {
    Arguments arguments = {"--policy", policy};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return text(arguments);
  };
  const std::string merged =
      run_well(asking({"--policy", "llm", "-m", path("merged.gguf"), "-md", path("slm.gguf")}));
  ASSERT_NE(merged, with("llm", {}));
  EXPECT_EQ(with("llm", {"--lora", path("lora.gguf")}), merged);
  EXPECT_EQ(with("llm", {"--lora-scaled", path("lora.gguf") + ":1.0"}), merged);
  EXPECT_EQ(with("llm", {"--lora-scaled", path("lora.gguf") + ":0"}), with("llm", {}));
  EXPECT_EQ(with("llm", {"--lora-draft", path("lora.gguf")}), with("llm", {}));
  EXPECT_EQ(with("slm", {"--lora", path("lora.gguf")}), with("slm", {}));
  EXPECT_NE(with("slm", {"--lora-draft", path("lora.gguf")}), with("slm", {}));
}

TEST_F(PlacementFlagsTest, WhatChangesNoTextOnOneCpuIsTaken) {
  const std::string plain = text({});
  EXPECT_EQ(text({"-ot", "ffn=CPU,attn=CPU", "-otd", "ffn=CPU", "-cmoe", "-cmoed", "-fit", "off",
                  "-fitt", "512", "-sm", "layer", "-mg", "0", "-ts", "3,1"}),
            plain);
  EXPECT_EQ(text({"-ncmoe", "1", "-ncmoed", "1"}), plain);
}

TEST_F(PlacementFlagsTest, ErrorsNameTheFlagOfTheModel) {
  EXPECT_THAT(error({"-ctk", "q9"}), AllOf(HasSubstr("--cache-type-k:"), HasSubstr("'q9'")));
  EXPECT_THAT(error({"-ctvd", "q9"}), AllOf(HasSubstr("--cache-type-v-draft:"), HasSubstr("'q9'")));
  EXPECT_THAT(error({"-ot", "x=Abacus"}), AllOf(HasSubstr("--override-tensor:"), HasSubstr("CPU")));
  EXPECT_THAT(error({"-otd", "x=Abacus"}), HasSubstr("--override-tensor-draft:"));
  EXPECT_THAT(error({"-ot", "exps"}), HasSubstr("PATTERN=BUFFER"));
  EXPECT_THAT(error({"--lora-scaled", "lora.gguf"}), HasSubstr("FILE:SCALE"));
  EXPECT_THAT(error({"--lora-scaled-draft", "lora.gguf:x"}), HasSubstr("--lora-scaled-draft"));
  EXPECT_THAT(error({"-fit", "perhaps"}), HasSubstr("--fit"));
  EXPECT_THAT(error({"--lora", path("slm.gguf")}, test::kInputError), HasSubstr("no LoRA adapter"));
}

}  // namespace
}  // namespace citer
