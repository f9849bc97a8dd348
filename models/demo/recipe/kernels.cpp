#include "kernels.h"

#include <algorithm>
#include <cmath>

namespace citer::demo {

void rms_norm(int n, int width, float eps, const float* x, const float* w, float* y,
              float* inverse) {
  for (int i = 0; i < n; ++i, x += width, y += width) {
    float squares = 0;
    for (int j = 0; j < width; ++j) squares += x[j] * x[j];
    const float scale = 1 / std::sqrt(squares / static_cast<float>(width) + eps);
    inverse[i] = scale;
    for (int j = 0; j < width; ++j) y[j] = x[j] * scale * w[j];
  }
}

void rms_norm_backward(int n, int width, const float* x, const float* w, const float* inverse,
                       const float* dy, float* dx, float* dw) {
  for (int i = 0; i < n; ++i, x += width, dy += width, dx += width) {
    const float scale = inverse[i];
    float dot = 0;
    for (int j = 0; j < width; ++j) dot += dy[j] * w[j] * x[j];
    for (int j = 0; j < width; ++j) dw[j] += dy[j] * x[j] * scale;
    const float along = dot * scale * scale * scale / static_cast<float>(width);
    for (int j = 0; j < width; ++j) dx[j] += dy[j] * w[j] * scale - x[j] * along;
  }
}

void swiglu(int n, int ff, const float* gate_up, float* out) {
  for (int i = 0; i < n; ++i, gate_up += 2 * ff, out += ff) {
    const float* up = gate_up + ff;
    for (int j = 0; j < ff; ++j) out[j] = gate_up[j] / (1 + fast_exp(-gate_up[j])) * up[j];
  }
}

void swiglu_backward(int n, int ff, const float* gate_up, const float* d_out, float* d_gate_up) {
  for (int i = 0; i < n; ++i, gate_up += 2 * ff, d_out += ff, d_gate_up += 2 * ff) {
    const float* up = gate_up + ff;
    float* d_up = d_gate_up + ff;
    for (int j = 0; j < ff; ++j) {
      const float sigmoid = 1 / (1 + fast_exp(-gate_up[j]));
      const float silu = gate_up[j] * sigmoid;
      d_up[j] = d_out[j] * silu;
      d_gate_up[j] = d_out[j] * up[j] * (sigmoid + silu * (1 - sigmoid));
    }
  }
}

void causal_softmax(int n, float scale, float* scores) {
  for (int i = 0; i < n; ++i, scores += n) {
    const float top = *std::max_element(scores, scores + i + 1);
    float sum = 0;
    for (int j = 0; j <= i; ++j) {
      scores[j] = fast_exp((scores[j] - top) * scale);
      sum += scores[j];
    }
    const float inverse = 1 / sum;
    for (int j = 0; j <= i; ++j) scores[j] *= inverse;
    std::fill(scores + i + 1, scores + n, 0.0F);
  }
}

void causal_softmax_backward(int n, float scale, const float* probabilities, float* d_scores) {
  for (int i = 0; i < n; ++i, probabilities += n, d_scores += n) {
    float mean = 0;
    for (int j = 0; j <= i; ++j) mean += probabilities[j] * d_scores[j];
    for (int j = 0; j < n; ++j) d_scores[j] = probabilities[j] * (d_scores[j] - mean) * scale;
  }
}

double softmax_cross_entropy(int width, int target, float scale, float* logits) {
  const float top = *std::max_element(logits, logits + width);
  const float at_target = logits[target];
  float sum = 0;
  for (int j = 0; j < width; ++j) {
    logits[j] = fast_exp(logits[j] - top);
    sum += logits[j];
  }
  const float factor = scale / sum;
  for (int j = 0; j < width; ++j) logits[j] *= factor;
  logits[target] -= scale;
  return std::log(static_cast<double>(sum)) + top - at_target;
}

Rotary::Rotary(int context, int head_dim, float base) : half_(head_dim / 2) {
  for (int position = 0; position < context; ++position) {
    for (int i = 0; i < half_; ++i) {
      const double angle = position * std::pow(static_cast<double>(base), -2.0 * i / head_dim);
      cosines_.push_back(static_cast<float>(std::cos(angle)));
      sines_.push_back(static_cast<float>(std::sin(angle)));
    }
  }
}

void Rotary::turn(float* x, int heads, int position, bool back) const {
  const float* cosine =
      &cosines_[static_cast<std::size_t>(position) * static_cast<std::size_t>(half_)];
  const float* sine = &sines_[static_cast<std::size_t>(position) * static_cast<std::size_t>(half_)];
  const float sign = back ? -1.0F : 1.0F;
  for (int head = 0; head < heads; ++head, x += 2 * half_) {
    for (int i = 0; i < half_; ++i) {
      const float a = x[2 * i];
      const float b = x[2 * i + 1];
      x[2 * i] = a * cosine[i] - b * sign * sine[i];
      x[2 * i + 1] = a * sign * sine[i] + b * cosine[i];
    }
  }
}

}  // namespace citer::demo
