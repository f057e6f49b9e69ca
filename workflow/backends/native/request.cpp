#include "request.h"

#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>

namespace endpoints {
namespace {

struct DeleteResponse {
  void operator()(TRITONBACKEND_Response* response) const { ignore(TRITONBACKEND_ResponseDelete(response)); }
};
using Response = std::unique_ptr<TRITONBACKEND_Response, DeleteResponse>;

Response new_response(TRITONBACKEND_Request* request) {
  TRITONBACKEND_Response* response = nullptr;
  check(TRITONBACKEND_ResponseNew(&response, request));
  return Response(response);
}

// Copies a tensor to a buffer of Triton's.
void write(void* buffer, TRITONSERVER_MemoryType memory, const Tensor& tensor, Engine& engine) {
  const std::size_t bytes = tensor.byte_size();
  if (bytes == 0) return;
  if (memory == TRITONSERVER_MEMORY_GPU) {
    engine.copy_to_gpu(static_cast<std::byte*>(buffer), tensor.data, bytes);
  } else {
    std::memcpy(buffer, tensor.data, bytes);
  }
}

void add_output(TRITONBACKEND_Response* response, const TensorConfig& config, const Tensor& tensor, Engine& engine) {
  const Shape shape = config.is_scalar ? Shape{1} : tensor.shape;
  TRITONBACKEND_Output* output = nullptr;
  check(TRITONBACKEND_ResponseOutput(response, &output, config.name.c_str(), tensor.type, shape.data(),
                                     static_cast<std::uint32_t>(shape.size())));
  void* buffer = nullptr;
  TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
  std::int64_t memory_id = 0;
  check(TRITONBACKEND_OutputBuffer(output, &buffer, tensor.byte_size(), &memory, &memory_id));
  write(buffer, memory, tensor, engine);
}

// Makes the tensor what the next request of the sequence finds as its input.
void keep_state(TRITONBACKEND_Request* request, const std::string& name, const Tensor& tensor, Engine& engine) {
  TRITONBACKEND_State* state = nullptr;
  check(TRITONBACKEND_StateNew(&state, request, name.c_str(), tensor.type, tensor.shape.data(),
                               static_cast<std::uint32_t>(tensor.shape.size())));
  void* buffer = nullptr;
  TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
  std::int64_t memory_id = 0;
  check(TRITONBACKEND_StateBuffer(state, &buffer, tensor.byte_size(), &memory, &memory_id));
  write(buffer, memory, tensor, engine);
  check(TRITONBACKEND_StateUpdate(state));
}

Input read_input(TRITONBACKEND_Request* request, const TensorConfig& config) {
  TRITONBACKEND_Input* input = nullptr;
  check(TRITONBACKEND_RequestInput(request, config.name.c_str(), &input));
  DataType type = TRITONSERVER_TYPE_INVALID;
  const std::int64_t* sizes = nullptr;
  std::uint32_t rank = 0, pieces = 0;
  std::uint64_t bytes = 0;
  check(TRITONBACKEND_InputProperties(input, nullptr, &type, &sizes, &rank, &bytes, &pieces));
  Input result;
  result.shape = Sizes(sizes, config.is_scalar ? 0 : rank);
  result.pieces.reserve(pieces);
  const std::size_t expected = element_count(result.shape) * element_size(config.type);
  if (type != config.type || bytes != expected) {
    throw Error("input " + config.name + " of shape " + to_string(result.shape) + " has " + std::to_string(bytes) +
                " bytes of " + data_type_name(type) + ", not " + std::to_string(expected) + " of " +
                data_type_name(config.type));
  }
  std::size_t found = 0;
  for (std::uint32_t index = 0; index < pieces; ++index) {
    const void* data = nullptr;
    std::uint64_t size = 0;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    std::int64_t memory_id = 0;
    check(TRITONBACKEND_InputBuffer(input, index, &data, &size, &memory, &memory_id));
    result.pieces.push_back({static_cast<const std::byte*>(data), size, memory});
    found += size;
  }
  // The batch has room for what the shape says, not for what the pieces hold.
  if (found != expected) {
    throw Error("input " + config.name + " has pieces of " + std::to_string(found) + " bytes in all, not " +
                std::to_string(expected));
  }
  return result;
}

}  // namespace

std::uint64_t Times::now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

Request::Request(TRITONBACKEND_ModelInstance* instance, TRITONBACKEND_Request* request, std::uint64_t start)
    : instance_(instance), request_(request), times_{start, start, start, start} {}

Request::~Request() {
  if (!answered_) fail(Error("the request was not answered", TRITONSERVER_ERROR_INTERNAL));
  times_.end = Times::now();
  ignore(TRITONBACKEND_ModelInstanceReportStatistics(instance_, request_, succeeded_, times_.start,
                                                     times_.compute_start, times_.compute_end, times_.end));
  ignore(TRITONBACKEND_RequestRelease(request_, TRITONSERVER_REQUEST_RELEASE_ALL));
}

void Request::read(const ModelConfig& config) {
  inputs_.reserve(config.inputs.size());
  for (const TensorConfig& input : config.inputs) inputs_.push_back(read_input(request_, input));
  if (!config.has_batch_axis()) return;
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    const Sizes shape = inputs_[index].shape;
    if (shape.empty() || shape.front() != inputs_.front().shape.front()) {
      throw Error("input " + config.inputs[index].name + " of shape " + to_string(shape) +
                  " has another batch than input " + config.inputs.front().name);
    }
  }
  batch_size_ = inputs_.front().shape.front();
}

bool Request::is_cancelled() const {
  bool result = false;
  ignore(TRITONBACKEND_RequestIsCancelled(request_, &result));
  return result;
}

bool Request::wants(const std::string& output, std::uint32_t count) const {
  for (std::uint32_t index = 0; index < count; ++index) {
    const char* name = nullptr;
    check(TRITONBACKEND_RequestOutputName(request_, index, &name));
    if (output == name) return true;
  }
  return false;
}

void Request::answer(const ModelConfig& config, std::span<const Tensor> outputs, Engine& engine) {
  Response response = new_response(request_);
  std::uint32_t wanted = 0;
  check(TRITONBACKEND_RequestOutputCount(request_, &wanted));
  for (std::size_t index = 0; index < outputs.size(); ++index) {
    const TensorConfig& output = config.outputs[index];
    if (!output.is_state && wants(output.name, wanted)) add_output(response.get(), output, outputs[index], engine);
  }
  // Last, so that a request that fails can be sent again: its sequence is where it was.
  for (std::size_t index = 0; index < outputs.size(); ++index) {
    const TensorConfig& output = config.outputs[index];
    if (output.is_state) keep_state(request_, output.name, outputs[index], engine);
  }
  // From here on the response is Triton's, and so is the request's answer, even if sending fails.
  answered_ = true;
  check(TRITONBACKEND_ResponseSend(response.release(), TRITONSERVER_RESPONSE_COMPLETE_FINAL, nullptr));
  succeeded_ = true;
}

void Request::fail(const Error& error) noexcept {
  if (answered_) return;
  answered_ = true;
  TRITONSERVER_Error* const reason = TRITONSERVER_ErrorNew(error.code(), error.what());
  TRITONBACKEND_Response* response = nullptr;
  TRITONSERVER_Error* const failure = TRITONBACKEND_ResponseNew(&response, request_);
  if (failure == nullptr) {
    ignore(TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, reason));
  }
  ignore(failure);
  ignore(reason);
}

}  // namespace endpoints
