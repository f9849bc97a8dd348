#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace citer::demo {

/// e^x without a call, so that loops of it become vector code. Relative error below 3e-6 for
/// -87 <= x <= 88; outside it is clamped. (Cephes' expf: reduction by log 2, then a polynomial.)
inline float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float scaled = x * 1.44269504F;
  const auto n = static_cast<std::int32_t>(scaled + (scaled < 0.0F ? -0.5F : 0.5F));
  const auto whole = static_cast<float>(n);
  const float r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return p * std::bit_cast<float>((n + 127) << 23);
}

/// y[n, width] = x * w / rms(x); inverse[n] = 1 / rms.
void rms_norm(int n, int width, float eps, const float* x, const float* w, float* y,
              float* inverse);
/// Adds to dx[n, width] and dw[width] for dy[n, width].
void rms_norm_backward(int n, int width, const float* x, const float* w, const float* inverse,
                       const float* dy, float* dx, float* dw);

/// out[n, ff] = silu(gate) * up; gate_up is [n, 2 * ff].
void swiglu(int n, int ff, const float* gate_up, float* out);
/// d_gate_up[n, 2 * ff] for d_out[n, ff].
void swiglu_backward(int n, int ff, const float* gate_up, const float* d_out, float* d_gate_up);

/// Rows of scores[n, n] become softmax(scale * row) over columns 0..row, and 0 beyond.
void causal_softmax(int n, float scale, float* scores);
/// d_scores[n, n] in place, from d_probabilities.
void causal_softmax_backward(int n, float scale, const float* probabilities, float* d_scores);

/// Logits become the gradient of scale * cross-entropy; returns the cross-entropy in nats.
double softmax_cross_entropy(int width, int target, float scale, float* logits);

/// Rotary positions (Su et al. 2021) over neighbouring pairs, as llama.cpp's "llama" has them.
class Rotary {
 public:
  Rotary(int context, int head_dim, float base);
  /// Turns `heads` vectors of head_dim that follow each other by +angle or -angle of `position`.
  void turn(float* x, int heads, int position, bool back) const;

 private:
  int half_;
  std::vector<float> cosines_;  // [context, head_dim / 2]
  std::vector<float> sines_;
};

}  // namespace citer::demo
