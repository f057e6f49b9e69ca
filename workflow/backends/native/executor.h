// Puts the requests of one `execute` together into batches, runs them, and answers each request.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine.h"
#include "model_config.h"
#include "request.h"

namespace endpoints {

class Executor {
 public:
  // Loads the engine and prepares it: when this returns, no shape of fixed dims is seen for the first time.
  Executor(const ModelConfig& config, const Placement& placement, TRITONBACKEND_ModelInstance* instance);

  // Takes the requests and answers all of them; those that are malformed or cancelled fail alone. When it throws, it
  // has taken none.
  void execute(std::span<TRITONBACKEND_Request*> requests);

 private:
  // Requests that run together: their shapes differ in the batch axis alone.
  struct Batch {
    std::vector<Request*> requests;
    std::int64_t size = 0;
  };

  void prepare();
  void serve(std::vector<std::optional<Request>>& requests, std::uint64_t start) noexcept;
  // Reads a request and adds it to a batch, or fails it.
  void admit(Request& request, std::vector<Batch>& batches) const;
  Batch& batch_for(const Request& request, std::vector<Batch>& batches) const;
  // Answers all requests of a batch, with an error when it cannot run.
  void run(const Batch& batch, std::uint64_t start) noexcept;
  void answer(const Batch& batch, std::uint64_t start);
  // Answers one request with its part of the outputs.
  void respond(Request& request, std::span<const Tensor> outputs);
  Shape batch_shape(const Batch& batch, std::size_t input) const;
  std::vector<Tensor> gather(const Batch& batch);
  // The only piece of a batch's input when the engine may read it where it is; otherwise null.
  const std::byte* readable_in_place(const Batch& batch, std::size_t input) const;
  // Throws Error when the outputs are not what config.pbtxt says.
  void verify(const std::vector<Tensor>& outputs, std::int64_t batch_size) const;

  const ModelConfig& config_;
  TRITONBACKEND_ModelInstance* instance_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace endpoints
