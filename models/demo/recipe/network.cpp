#include "network.h"

#include <algorithm>
#include <cmath>

#include "citer/error.h"
#include "gemm.h"

namespace citer::demo {
namespace {

std::size_t area(int rows, int columns) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

/// Buffers only grow: a micro-batch rarely has the size of the one before.
void reserve(std::vector<float>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

}  // namespace

Loss Network::run(const float* weights, std::span<const Sequence> documents, float scale,
                  float* gradient) {
  Loss total;
  for (std::size_t first = 0; first < documents.size();) {
    std::size_t last = first;
    for (int tokens = 0; last < documents.size() && tokens < kMicroTokens; ++last) {
      tokens += documents[last].size();
    }
    pack(documents.subspan(first, last - first));
    forward(weights);
    const Loss loss = head(weights, scale);
    total.sum += loss.sum;
    total.positions += loss.positions;
    if (gradient != nullptr) {
      backward_head(weights, gradient);
      backward(weights, gradient);
    }
    first = last;
  }
  return total;
}

void Network::pack(std::span<const Sequence> documents) {
  batch_ = Packed{};
  for (const Sequence& document : documents) {
    if (document.size() > shape_.context) {
      throw InputError("training document of " + std::to_string(document.size()) +
                       " tokens is longer than the context of " + std::to_string(shape_.context));
    }
    const int start = static_cast<int>(batch_.input.size());
    batch_.starts.push_back(start);
    batch_.attention +=
        area(document.size(), document.size()) * static_cast<std::size_t>(shape_.heads);
    batch_.input.insert(batch_.input.end(), document.input.begin(), document.input.end());
    for (int i = 0; i < document.size(); ++i) {
      if (document.mask[static_cast<std::size_t>(i)] == 0) continue;
      batch_.taught.push_back(start + i);
      batch_.targets.push_back(document.target[static_cast<std::size_t>(i)]);
    }
  }
  batch_.starts.push_back(static_cast<int>(batch_.input.size()));
}

void Network::forward(const float* weights) {
  const int n = static_cast<int>(batch_.input.size());
  const int width = shape_.embed;
  std::vector<float>& stream = layers_.front().in;
  reserve(stream, area(n, width));
  for (int i = 0; i < n; ++i) {
    const float* row =
        weights + layout_.embedding + area(batch_.input[static_cast<std::size_t>(i)], width);
    std::copy_n(row, width, &stream[area(i, width)]);
  }
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    forward_layer(weights, k, k + 1 < layers_.size() ? layers_[k + 1].in : last_);
  }
  reserve(last_normed_, area(n, width));
  reserve(inverse_last_, static_cast<std::size_t>(n));
  rms_norm(n, width, shape_.norm_eps, last_.data(), weights + layout_.final_norm,
           last_normed_.data(), inverse_last_.data());
}

void Network::forward_layer(const float* weights, std::size_t index, std::vector<float>& out) {
  const int n = static_cast<int>(batch_.input.size());
  const int width = shape_.embed;
  const int ff = shape_.ff;
  const Layout::Layer& at = layout_.layers[index];
  LayerState& s = layers_[index];
  for (auto* buffer : {&s.normed, &s.mixed, &s.middle, &s.ff_normed, &out}) {
    reserve(*buffer, area(n, width));
  }
  reserve(s.qkv, area(n, 3 * width));
  reserve(s.gate_up, area(n, 2 * ff));
  reserve(s.gated, area(n, ff));
  reserve(s.inverse_in, static_cast<std::size_t>(n));
  reserve(s.inverse_middle, static_cast<std::size_t>(n));

  rms_norm(n, width, shape_.norm_eps, s.in.data(), weights + at.attention_norm, s.normed.data(),
           s.inverse_in.data());
  gemm(n, 3 * width, width, rows(s.normed.data(), width), columns(weights + at.qkv, width),
       s.qkv.data(), 3 * width, Into::kReplace);
  attend(s);
  std::copy_n(s.in.data(), area(n, width), s.middle.data());
  gemm(n, width, width, rows(s.mixed.data(), width), columns(weights + at.attention_out, width),
       s.middle.data(), width, Into::kAdd);
  rms_norm(n, width, shape_.norm_eps, s.middle.data(), weights + at.ff_norm, s.ff_normed.data(),
           s.inverse_middle.data());
  gemm(n, 2 * ff, width, rows(s.ff_normed.data(), width), columns(weights + at.gate_up, width),
       s.gate_up.data(), 2 * ff, Into::kReplace);
  swiglu(n, ff, s.gate_up.data(), s.gated.data());
  std::copy_n(s.middle.data(), area(n, width), out.data());
  gemm(n, width, ff, rows(s.gated.data(), ff), columns(weights + at.down, ff), out.data(), width,
       Into::kAdd);
}

void Network::attend(LayerState& s) {
  const int width = shape_.embed;
  const int stride = 3 * width;
  const int size = shape_.head_dim();
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  reserve(s.attention, batch_.attention);
  float* scores = s.attention.data();
  for (std::size_t d = 0; d + 1 < batch_.starts.size(); ++d) {
    const int start = batch_.starts[d];
    const int t = batch_.starts[d + 1] - start;
    float* query = &s.qkv[area(start, stride)];
    for (int i = 0; i < t; ++i) rotary_.turn(query + i * stride, 2 * shape_.heads, i, false);
    for (int head = 0; head < shape_.heads; ++head, scores += area(t, t)) {
      const float* q = query + head * size;
      gemm(t, t, size, rows(q, stride), columns(q + width, stride), scores, t, Into::kReplace);
      causal_softmax(t, scale, scores);
      gemm(t, size, t, rows(scores, t), rows(q + 2 * width, stride),
           &s.mixed[area(start, width)] + head * size, width, Into::kReplace);
    }
  }
}

Loss Network::head(const float* weights, float scale) {
  const int width = shape_.embed;
  const int vocab = shape_.vocab;
  const int taught = static_cast<int>(batch_.taught.size());
  reserve(taught_hidden_, area(taught, width));
  reserve(logits_, area(taught, vocab));
  for (int i = 0; i < taught; ++i) {
    std::copy_n(&last_normed_[area(batch_.taught[static_cast<std::size_t>(i)], width)], width,
                &taught_hidden_[area(i, width)]);
  }
  gemm(taught, vocab, width, rows(taught_hidden_.data(), width),
       columns(weights + layout_.output, width), logits_.data(), vocab, Into::kReplace);
  Loss loss{0, taught};
  for (int i = 0; i < taught; ++i) {
    loss.sum += softmax_cross_entropy(vocab, batch_.targets[static_cast<std::size_t>(i)], scale,
                                      &logits_[area(i, vocab)]);
  }
  return loss;
}

void Network::backward_head(const float* weights, float* gradient) {
  const int n = static_cast<int>(batch_.input.size());
  const int width = shape_.embed;
  const int vocab = shape_.vocab;
  const int taught = static_cast<int>(batch_.taught.size());
  for (auto* buffer : {&d_stream_, &d_normed_, &d_mixed_}) reserve(*buffer, area(n, width));
  reserve(d_wide_, area(n, std::max(3 * width, 2 * shape_.ff)));
  reserve(d_gated_, area(n, shape_.ff));

  gemm(vocab, width, taught, columns(logits_.data(), vocab), rows(taught_hidden_.data(), width),
       gradient + layout_.output, width, Into::kAdd);
  gemm(taught, width, vocab, rows(logits_.data(), vocab), rows(weights + layout_.output, width),
       taught_hidden_.data(), width, Into::kReplace);
  std::fill_n(d_normed_.begin(), area(n, width), 0.0F);
  for (int i = 0; i < taught; ++i) {
    std::copy_n(&taught_hidden_[area(i, width)], width,
                &d_normed_[area(batch_.taught[static_cast<std::size_t>(i)], width)]);
  }
  std::fill_n(d_stream_.begin(), area(n, width), 0.0F);
  rms_norm_backward(n, width, last_.data(), weights + layout_.final_norm, inverse_last_.data(),
                    d_normed_.data(), d_stream_.data(), gradient + layout_.final_norm);
}

void Network::backward(const float* weights, float* gradient) {
  for (std::size_t k = layers_.size(); k-- > 0;) {
    backward_ff(weights, k, gradient);
    backward_attention(weights, k, gradient);
  }
  const int width = shape_.embed;
  for (std::size_t i = 0; i < batch_.input.size(); ++i) {
    float* row = gradient + layout_.embedding + area(batch_.input[i], width);
    const float* from = &d_stream_[i * static_cast<std::size_t>(width)];
    for (int j = 0; j < width; ++j) row[j] += from[j];
  }
}

void Network::backward_ff(const float* weights, std::size_t index, float* gradient) {
  const int n = static_cast<int>(batch_.input.size());
  const int width = shape_.embed;
  const int ff = shape_.ff;
  const Layout::Layer& at = layout_.layers[index];
  const LayerState& s = layers_[index];
  gemm(width, ff, n, columns(d_stream_.data(), width), rows(s.gated.data(), ff), gradient + at.down,
       ff, Into::kAdd);
  gemm(n, ff, width, rows(d_stream_.data(), width), rows(weights + at.down, ff), d_gated_.data(),
       ff, Into::kReplace);
  swiglu_backward(n, ff, s.gate_up.data(), d_gated_.data(), d_wide_.data());
  gemm(2 * ff, width, n, columns(d_wide_.data(), 2 * ff), rows(s.ff_normed.data(), width),
       gradient + at.gate_up, width, Into::kAdd);
  gemm(n, width, 2 * ff, rows(d_wide_.data(), 2 * ff), rows(weights + at.gate_up, width),
       d_normed_.data(), width, Into::kReplace);
  rms_norm_backward(n, width, s.middle.data(), weights + at.ff_norm, s.inverse_middle.data(),
                    d_normed_.data(), d_stream_.data(), gradient + at.ff_norm);
}

void Network::backward_attention(const float* weights, std::size_t index, float* gradient) {
  const int n = static_cast<int>(batch_.input.size());
  const int width = shape_.embed;
  const Layout::Layer& at = layout_.layers[index];
  const LayerState& s = layers_[index];
  gemm(width, width, n, columns(d_stream_.data(), width), rows(s.mixed.data(), width),
       gradient + at.attention_out, width, Into::kAdd);
  gemm(n, width, width, rows(d_stream_.data(), width), rows(weights + at.attention_out, width),
       d_mixed_.data(), width, Into::kReplace);
  attend_backward(s);
  gemm(3 * width, width, n, columns(d_wide_.data(), 3 * width), rows(s.normed.data(), width),
       gradient + at.qkv, width, Into::kAdd);
  gemm(n, width, 3 * width, rows(d_wide_.data(), 3 * width), rows(weights + at.qkv, width),
       d_normed_.data(), width, Into::kReplace);
  rms_norm_backward(n, width, s.in.data(), weights + at.attention_norm, s.inverse_in.data(),
                    d_normed_.data(), d_stream_.data(), gradient + at.attention_norm);
}

void Network::attend_backward(const LayerState& s) {
  const int width = shape_.embed;
  const int stride = 3 * width;
  const int size = shape_.head_dim();
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  const float* attention = s.attention.data();
  for (std::size_t d = 0; d + 1 < batch_.starts.size(); ++d) {
    const int start = batch_.starts[d];
    const int t = batch_.starts[d + 1] - start;
    reserve(d_scores_, area(t, t));
    float* d_query = &d_wide_[area(start, stride)];
    for (int head = 0; head < shape_.heads; ++head, attention += area(t, t)) {
      const float* q = &s.qkv[area(start, stride)] + head * size;
      const float* d_out = &d_mixed_[area(start, width)] + head * size;
      float* dq = d_query + head * size;
      gemm(t, size, t, columns(attention, t), rows(d_out, width), dq + 2 * width, stride,
           Into::kReplace);
      gemm(t, t, size, rows(d_out, width), columns(q + 2 * width, stride), d_scores_.data(), t,
           Into::kReplace);
      causal_softmax_backward(t, scale, attention, d_scores_.data());
      gemm(t, size, t, rows(d_scores_.data(), t), rows(q + width, stride), dq, stride,
           Into::kReplace);
      gemm(t, size, t, columns(d_scores_.data(), t), rows(q, stride), dq + width, stride,
           Into::kReplace);
    }
    for (int i = 0; i < t; ++i) rotary_.turn(d_query + i * stride, 2 * shape_.heads, i, true);
  }
}

}  // namespace citer::demo
