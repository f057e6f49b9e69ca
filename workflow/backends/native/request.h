// One request of Triton: what it gives, and its answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine.h"
#include "error.h"
#include "model_config.h"
#include "tensor.h"

namespace endpoints {

// Points of time of the steady clock, in nanoseconds: gathering, computing, answering lie between them.
struct Times {
  std::uint64_t start = 0;
  std::uint64_t compute_start = 0;
  std::uint64_t compute_end = 0;
  std::uint64_t end = 0;

  static std::uint64_t now();
};

// An input as it arrived: its bytes may lie in several pieces.
struct Input {
  struct Piece {
    const std::byte* data = nullptr;
    std::size_t bytes = 0;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
  };
  // Triton's own, until the request is released.
  Sizes shape;
  std::vector<Piece> pieces;
};

// A request that this instance owns. It is answered once and then released once, whatever happens: if nothing else
// does, the destructor does both.
class Request {
 public:
  Request(TRITONBACKEND_ModelInstance* instance, TRITONBACKEND_Request* request, std::uint64_t start);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Reads the inputs in the order of `config`. Throws Error when one is missing or its bytes do not match its shape.
  void read(const ModelConfig& config);
  const std::vector<Input>& inputs() const { return inputs_; }
  // Samples in it; 1 without a batch axis.
  std::int64_t batch_size() const { return batch_size_; }

  bool is_cancelled() const;
  // Answers with those of the outputs that it asked for. Throws Error when that fails; then it is not answered yet.
  void answer(const ModelConfig& config, std::span<const Tensor> outputs, Engine& engine);
  // Answers with an error.
  void fail(const Error& error) noexcept;

  // For the statistics: when the batch that it was part of began to compute, and when it ended.
  void computed(const Times& times) { times_ = times; }

 private:
  // Whether it asks for this one of `count` outputs.
  bool wants(const std::string& output, std::uint32_t count) const;

  TRITONBACKEND_ModelInstance* instance_;
  TRITONBACKEND_Request* request_;
  Times times_;
  std::vector<Input> inputs_;
  std::int64_t batch_size_ = 1;
  bool answered_ = false;
  bool succeeded_ = false;
};

}  // namespace endpoints
