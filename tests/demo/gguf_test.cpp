// The GGUF that the recipe writes, read back through the project's own model room: same vocabulary,
// same function as the trainer's forward pass, and a chat template that gives the tasks' prompts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "document.h"
#include "gguf_writer.h"
#include "model/chat_template.h"
#include "model/context.h"
#include "model/model.h"
#include "network.h"
#include "support/temp_dir.h"

namespace citer::demo {
namespace {

ModelOptions options_for(const std::string& path) {
  ModelOptions options;
  options.path = path;
  options.devices = "none";
  options.cache_type_k = options.cache_type_v = "f32";
  return options;
}

class GgufTest : public ::testing::Test {
 protected:
  GgufTest() {
    shape_.vocab = vocabulary_.size();
    // Rows of two blocks at least: ggml's AMX kernel for Q8_0 adds to memory that nobody set where
    // a row is one block of 32 and 32 tokens or more go together. No model that is used is so
    // narrow.
    shape_.embed = 64;
    shape_.layers = 2;
    shape_.heads = 2;
    shape_.ff = 64;
    const Layout layout(shape_);
    weights_ = initial_weights(shape_, layout, 3);
    Rng rng(4);
    for (float& w : weights_) w += static_cast<float>(0.4 * (rng.unit() - 0.5));
  }

  std::shared_ptr<Model> write_and_load(WeightType type) {
    const std::string path = folder_ / "model.gguf";
    write_gguf(path, "test", shape_, weights_, vocabulary_, type);
    return Model::load(options_for(path));
  }

  /// Mean cross-entropy that llama.cpp gives over what a document teaches.
  static double loss_of(ModelContext& context, const Sequence& document) {
    std::vector<int> rows;
    for (int i = 0; i < document.size(); ++i) {
      if (document.mask[static_cast<std::size_t>(i)] != 0) rows.push_back(i);
    }
    const RowRequest request{0, document.input, rows};
    context.forward({&request, 1});
    double sum = 0;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const std::span<const float> logits = context.row(0, k).logits;
      double total = 0;
      for (float logit : logits) total += std::exp(static_cast<double>(logit));
      const int target = document.target[static_cast<std::size_t>(rows[k])];
      sum += std::log(total) - logits[static_cast<std::size_t>(target)];
    }
    return sum / static_cast<double>(rows.size());
  }

  /// Standard deviation of loss_of() that storing the weights as `type` brings. To first order the
  /// loss moves by the sum of gradient * error; an error is uniform within half a step to either
  /// side, so its variance is step^2 / 12. Q8_0: a step is 1/127 of the largest in the block; F16:
  /// 1/1024 of the value at most.
  ///
  /// Before each product ggml rounds the activations x as it does the weights w, which adds dx^2
  /// |w|^2 to the variance of the product where the weights' rounding made it dw^2 |x|^2. Steps are
  /// c/127 of the root mean square, c being max / rms of a block: 1 to sqrt(32), and sqrt(3) for
  /// these weights, which are uniform. So at worst it is (32 / 3) times the weights' variance; of
  /// F16, whose steps follow each value, as much again.
  double rounding_deviation(WeightType type, const Sequence& document) const {
    const Layout layout(shape_);
    std::vector<float> gradient(layout.size());
    const Loss loss =
        Network(shape_, layout).run(weights_.data(), {&document, 1}, 1.0F, gradient.data());
    double variance = 0;
    for (const Tensor& tensor : layout.tensors()) {
      if (tensor.rows == 0) continue;  // vectors stay as they are
      for (std::size_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
        const double error = gradient[i] * step(type, i);
        variance += error * error / 12;
      }
    }
    const double of_activations = type == WeightType::kQ8 ? 32.0 / 3 : 1.0;
    return std::sqrt(variance * (1 + of_activations)) / static_cast<double>(loss.positions);
  }

  /// Between neighbours of a weight in a file of this type. Blocks of 32 start where rows do.
  double step(WeightType type, std::size_t weight) const {
    if (type == WeightType::kF16) return std::abs(weights_[weight]) / 1024;
    const auto block = weights_.begin() + static_cast<std::ptrdiff_t>(weight / 32 * 32);
    const auto larger = [](float a, float b) { return std::abs(a) < std::abs(b); };
    return std::abs(*std::max_element(block, block + 32, larger)) / 127;
  }

  test::TempDir folder_;
  Vocabulary vocabulary_ = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  Shape shape_;
  std::vector<float> weights_;
};

TEST_F(GgufTest, LlamaComputesWhatTheTrainerDoes) {
  const Layout layout(shape_);
  Network network(shape_, layout);
  Rng rng(5);
  const auto model = write_and_load(WeightType::kF32);
  ModelContext context(model, {});
  for (int i = 0; i < 5; ++i) {
    TrainingText text;
    add_math(text, draw_math(rng));
    add_mc(text, draw_mc(rng), rng);
    const Sequence document = text.encode(vocabulary_);
    const Loss loss = network.run(weights_.data(), {&document, 1}, 1.0F, nullptr);
    EXPECT_NEAR(loss_of(context, document), loss.sum / static_cast<double>(loss.positions), 2e-3);
  }
}

TEST_F(GgufTest, QuantisedFilesStayClose) {
  Rng rng(6);
  TrainingText text;
  add_math(text, draw_math(rng));
  const Sequence document = text.encode(vocabulary_);
  ModelContext exact(write_and_load(WeightType::kF32), {});
  const double loss = loss_of(exact, document);
  for (const WeightType type : {WeightType::kF16, WeightType::kQ8}) {
    ModelContext rounded(write_and_load(type), {});
    EXPECT_NEAR(loss_of(rounded, document), loss, 4 * rounding_deviation(type, document));
  }
}

TEST_F(GgufTest, TokenizesAsTheRecipeDoes) {
  const auto model = write_and_load(WeightType::kF32);
  ASSERT_EQ(model->vocab().size(), vocabulary_.size());
  Rng rng(7);
  for (int i = 0; i < 200; ++i) {
    const MathProblem math = draw_math(rng);
    const McProblem mc = draw_mc(rng);
    const McAnswer answer = draw_mc_answer(mc.about, true_value(mc.about), rng);
    for (const auto& [prompt, reference] :
         {std::pair{math.prompt(), math.solution.text}, {mc.prompt(), answer.text.text}}) {
      std::vector<Token> ours;
      for (const PlacedToken& token : vocabulary_.encode(prompt + reference)) {
        ours.push_back(token.id);
      }
      EXPECT_EQ(model->vocab().tokenize(prompt + reference, false, false), ours);
      // Prompt and answer, tokenised apart, give the same tokens.
      std::vector<Token> apart = model->vocab().tokenize(prompt, false, false);
      for (Token token : model->vocab().tokenize(reference, false, false)) apart.push_back(token);
      EXPECT_EQ(apart, ours);
    }
  }
}

TEST_F(GgufTest, RoundTripsAnyUtf8) {
  const auto model = write_and_load(WeightType::kF32);
  const Vocab& vocab = model->vocab();
  for (const std::string text : {"", " ", "\n\n", "Grüße, 世界! 🦜 zor-vak", "a\tb\r\n  c   ",
                                 "x²+y² = z²", "…—“quotes”", "\xC2\xA0nbsp", "1234567890",
                                 "don't 'll 've", "ΑΒΓ абв עברית हिन्दी", ":\n?\n.\n"}) {
    EXPECT_EQ(vocab.text(vocab.tokenize(text, false, false)), text);
  }
  Rng rng(8);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (int k = 0; k < 30; ++k) {
      const int code = static_cast<int>(rng.uniform(1, 0x7FF));  // one and two bytes
      if (code < 0x80) {
        text += static_cast<char>(code);
      } else {
        text += static_cast<char>(0xC0 | (code >> 6));
        text += static_cast<char>(0x80 | (code & 0x3F));
      }
    }
    EXPECT_EQ(vocab.text(vocab.tokenize(text, false, false)), text);
  }
}

TEST_F(GgufTest, ChatTemplateLeadsToTheTasksPrompts) {
  const auto model = write_and_load(WeightType::kF32);
  const ChatTemplate chat = ChatTemplate::for_model(*model, "");
  using Turn = std::pair<const char*, std::string>;
  const auto render = [&](const std::vector<Turn>& turns) {
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    for (const auto& [role, text] : turns) messages.push_back({{"role", role}, {"content", text}});
    return chat.render(messages, nullptr, nullptr);
  };
  Rng rng(9);
  const MathProblem math = draw_math(rng);
  EXPECT_EQ(render({{"user", math.problem}}), math.prompt());
  EXPECT_EQ(render({{"system", "Be brief."}, {"user", math.problem}}),
            "Be brief.\n" + math.prompt());
  const McProblem mc = draw_mc(rng);
  std::string asked = mc.prompt().substr(std::string("Question: ").size());
  asked.resize(asked.size() - std::string("\nAnswer:").size());
  EXPECT_EQ(render({{"user", asked}}), mc.prompt());
  // Earlier turns read as the training's documents of two turns do.
  const std::string solution = math.solution.text;
  EXPECT_EQ(render({{"user", math.problem}, {"assistant", solution}, {"user", asked}}),
            math.prompt() + solution + "<|end|>" + mc.prompt());
}

TEST_F(GgufTest, RefusesAWrongVocabulary) {
  shape_.vocab += 1;
  EXPECT_THROW(write_gguf(folder_ / "x.gguf", "x", shape_, weights_, vocabulary_, WeightType::kF32),
               InputError);
}

TEST_F(GgufTest, RefusesAFolderThatIsNotThere) {
  EXPECT_THROW(
      write_gguf(folder_ / "no/x.gguf", "x", shape_, weights_, vocabulary_, WeightType::kF32),
      Error);
}

}  // namespace
}  // namespace citer::demo
