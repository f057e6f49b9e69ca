#include "executor.h"

#include <algorithm>
#include <cstring>

#include "profile.h"

namespace endpoints {
namespace {

bool shapes_match(const Request& one, const Request& other) {
  for (std::size_t index = 0; index < one.inputs().size(); ++index) {
    const Sizes a = one.inputs()[index].shape;
    const Sizes b = other.inputs()[index].shape;
    if (!std::equal(a.begin() + 1, a.end(), b.begin() + 1, b.end())) return false;
  }
  return true;
}

// A position that vector code and plain code may read as elements of this size.
bool is_aligned(const std::byte* data, std::size_t element) {
  return reinterpret_cast<std::uintptr_t>(data) % element == 0;
}

// Cuts the outputs of a batch into the rows of one request after another.
class Rows {
 public:
  explicit Rows(const std::vector<Tensor>& outputs) : part_(outputs) {
    for (const Tensor& output : outputs) {
      row_bytes_.push_back(element_count(Sizes(output.shape).subspan(1)) * element_size(output.type));
    }
  }

  // The next `count` rows of each output. They stay valid until the next call.
  std::span<const Tensor> next(std::int64_t count) {
    for (std::size_t index = 0; index < part_.size(); ++index) {
      part_[index].data += static_cast<std::size_t>(last_) * row_bytes_[index];
      part_[index].shape.front() = count;
    }
    last_ = count;
    return part_;
  }

 private:
  std::vector<Tensor> part_;
  std::vector<std::size_t> row_bytes_;
  std::int64_t last_ = 0;
};

std::byte* append(std::byte* to, const Input& input, Engine& engine) {
  for (const Input::Piece& piece : input.pieces) {
    if (piece.bytes == 0) continue;
    if (piece.memory == TRITONSERVER_MEMORY_GPU) {
      engine.copy_from_gpu(to, piece.data, piece.bytes);
    } else {
      std::memcpy(to, piece.data, piece.bytes);
    }
    to += piece.bytes;
  }
  return to;
}

}  // namespace

Executor::Executor(const ModelConfig& config, const Placement& placement, TRITONBACKEND_ModelInstance* instance)
    : config_(config), instance_(instance), engine_(make_engine(config, placement)) {
  if (engine_->prepares()) prepare();
}

void Executor::prepare() {
  for (const std::vector<Shape>& shapes : shapes_to_prepare(config_)) {
    std::vector<Tensor> inputs;
    for (std::size_t index = 0; index < shapes.size(); ++index) {
      Tensor& input = inputs.emplace_back(Tensor{config_.inputs[index].type, shapes[index]});
      std::byte* const zeros = engine_->staging(index, input.byte_size());
      std::memset(zeros, 0, input.byte_size());
      input.data = zeros;
    }
    engine_->prepare(inputs);
  }
}

void Executor::execute(std::span<TRITONBACKEND_Request*> requests) {
  const std::uint64_t start = Times::now();
  // The room is made before a request is taken: what is thrown here leaves all of them with Triton.
  std::vector<std::optional<Request>> owned(requests.size());
  for (std::size_t index = 0; index < requests.size(); ++index) owned[index].emplace(instance_, requests[index], start);
  serve(owned, start);
}

void Executor::serve(std::vector<std::optional<Request>>& requests, std::uint64_t start) noexcept {
  try {
    std::vector<Batch> batches;
    for (std::optional<Request>& request : requests) admit(*request, batches);
    for (const Batch& batch : batches) run(batch, start);
  } catch (...) {
    const Error error = current_error();
    for (std::optional<Request>& request : requests) request->fail(error);
  }
}

void Executor::admit(Request& request, std::vector<Batch>& batches) const {
  try {
    if (request.is_cancelled()) throw Error("the request was cancelled", TRITONSERVER_ERROR_CANCELLED);
    request.read(config_);
    Batch& batch = batch_for(request, batches);
    batch.requests.push_back(&request);
    batch.size += request.batch_size();
  } catch (...) {
    request.fail(current_error());
  }
}

Executor::Batch& Executor::batch_for(const Request& request, std::vector<Batch>& batches) const {
  if (config_.has_batch_axis()) {
    for (Batch& batch : batches) {
      if (batch.size + request.batch_size() <= largest_batch(config_) &&
          shapes_match(*batch.requests.front(), request)) {
        return batch;
      }
    }
  }
  return batches.emplace_back();
}

void Executor::run(const Batch& batch, std::uint64_t start) noexcept {
  try {
    answer(batch, start);
  } catch (...) {
    const Error error = current_error();
    for (Request* request : batch.requests) request->fail(error);
  }
}

void Executor::answer(const Batch& batch, std::uint64_t start) {
  for (std::size_t index = 0; index < config_.inputs.size(); ++index) {
    require_admitted(config_, config_.inputs[index].name, batch_shape(batch, index));
  }
  const std::vector<Tensor> inputs = gather(batch);
  Times times{start, Times::now(), 0, 0};
  const std::vector<Tensor> outputs = engine_->infer(inputs);
  times.compute_end = Times::now();
  verify(outputs, batch.size);
  for (Request* request : batch.requests) request->computed(times);
  if (batch.requests.size() == 1) {
    respond(*batch.requests.front(), outputs);
  } else {
    Rows rows(outputs);
    for (Request* request : batch.requests) respond(*request, rows.next(request->batch_size()));
  }
  ignore(TRITONBACKEND_ModelInstanceReportBatchStatistics(instance_, static_cast<std::uint64_t>(batch.size),
                                                          times.start, times.compute_start, times.compute_end,
                                                          Times::now()));
}

void Executor::respond(Request& request, std::span<const Tensor> outputs) {
  try {
    request.answer(config_, outputs, *engine_);
  } catch (...) {
    request.fail(current_error());
  }
}

Shape Executor::batch_shape(const Batch& batch, std::size_t input) const {
  const Sizes first = batch.requests.front()->inputs()[input].shape;
  Shape result(first.begin(), first.end());
  if (config_.has_batch_axis()) result.front() = batch.size;
  return result;
}

std::vector<Tensor> Executor::gather(const Batch& batch) {
  std::vector<Tensor> result;
  for (std::size_t index = 0; index < config_.inputs.size(); ++index) {
    Tensor& tensor = result.emplace_back(Tensor{config_.inputs[index].type, batch_shape(batch, index)});
    tensor.data = readable_in_place(batch, index);
    if (tensor.data != nullptr) continue;
    std::byte* const staging = engine_->staging(index, tensor.byte_size());
    std::byte* end = staging;
    for (const Request* request : batch.requests) end = append(end, request->inputs()[index], *engine_);
    tensor.data = staging;
  }
  return result;
}

const std::byte* Executor::readable_in_place(const Batch& batch, std::size_t input) const {
  const std::vector<Input::Piece>& pieces = batch.requests.front()->inputs()[input].pieces;
  const bool readable = engine_->reads_in_place() && batch.requests.size() == 1 && pieces.size() == 1 &&
                        pieces.front().memory != TRITONSERVER_MEMORY_GPU &&
                        is_aligned(pieces.front().data, element_size(config_.inputs[input].type));
  return readable ? pieces.front().data : nullptr;
}

void Executor::verify(const std::vector<Tensor>& outputs, std::int64_t batch_size) const {
  if (outputs.size() != config_.outputs.size()) {
    throw Error("the model gives " + std::to_string(outputs.size()) + " outputs, config.pbtxt names " +
                    std::to_string(config_.outputs.size()),
                TRITONSERVER_ERROR_INTERNAL);
  }
  for (std::size_t index = 0; index < outputs.size(); ++index) {
    const TensorConfig& expected = config_.outputs[index];
    const Tensor& found = outputs[index];
    if (found.type != expected.type) {
      throw Error("output " + expected.name + " is of type " + data_type_name(found.type) + ", config.pbtxt says " +
                      data_type_name(expected.type),
                  TRITONSERVER_ERROR_INTERNAL);
    }
    if (config_.has_batch_axis() && (found.shape.empty() || found.shape.front() != batch_size)) {
      throw Error("output " + expected.name + " of shape " + to_string(found.shape) + " has no batch axis of " +
                      std::to_string(batch_size) + ". Hint: max_batch_size: 0, with the batch axis in dims",
                  TRITONSERVER_ERROR_INTERNAL);
    }
  }
}

}  // namespace endpoints
