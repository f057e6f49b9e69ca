#include "torch_engine.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <utility>

#include "error.h"
#include "host_buffer.h"

namespace endpoints {
namespace {

constexpr std::array<std::pair<DataType, at::ScalarType>, 13> kTypes{{{TRITONSERVER_TYPE_BOOL, at::kBool},
                                                                      {TRITONSERVER_TYPE_UINT8, at::kByte},
                                                                      {TRITONSERVER_TYPE_UINT16, at::kUInt16},
                                                                      {TRITONSERVER_TYPE_UINT32, at::kUInt32},
                                                                      {TRITONSERVER_TYPE_UINT64, at::kUInt64},
                                                                      {TRITONSERVER_TYPE_INT8, at::kChar},
                                                                      {TRITONSERVER_TYPE_INT16, at::kShort},
                                                                      {TRITONSERVER_TYPE_INT32, at::kInt},
                                                                      {TRITONSERVER_TYPE_INT64, at::kLong},
                                                                      {TRITONSERVER_TYPE_FP16, at::kHalf},
                                                                      {TRITONSERVER_TYPE_FP32, at::kFloat},
                                                                      {TRITONSERVER_TYPE_FP64, at::kDouble},
                                                                      {TRITONSERVER_TYPE_BF16, at::kBFloat16}}};

// PyTorch keeps the number of threads by thread, and Triton does not say from which it calls.
void set_threads(int threads) {
  thread_local int current = 0;
  if (current == threads) return;
  at::set_num_threads(threads);
  current = threads;
}

class TorchCpuEngine : public Engine {
 public:
  TorchCpuEngine(const ModelConfig& config, TorchModel model)
      : threads_(config.threads), model_(std::move(model)), staging_(config.inputs.size()) {}

  std::vector<Tensor> infer(const std::vector<Tensor>& inputs) override {
    set_threads(threads_);
    const c10::InferenceMode inference;
    std::vector<at::Tensor> given;
    for (const Tensor& input : inputs) given.push_back(view(input));
    outputs_ = model_(given);
    std::vector<Tensor> result;
    for (at::Tensor& output : outputs_) {
      output = output.contiguous();
      result.push_back({data_type(output.scalar_type()), output.sizes().vec(),
                        static_cast<const std::byte*>(output.const_data_ptr())});
    }
    return result;
  }

  // TorchScript optimizes at the first inferences of a shape, and the first call of any model starts its threads.
  bool prepares() const override { return true; }
  std::byte* staging(std::size_t index, std::size_t bytes) override { return staging_[index].reserve(bytes); }
  bool reads_in_place() const override { return true; }

 private:
  int threads_;
  TorchModel model_;
  std::vector<HostBuffer> staging_;
  // Kept until the next inference, because the answers are made of them.
  std::vector<at::Tensor> outputs_;
};

}  // namespace

at::ScalarType scalar_type(DataType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == type) return theirs;
  }
  throw Error("PyTorch has no type for " + data_type_name(type), TRITONSERVER_ERROR_UNSUPPORTED);
}

DataType data_type(at::ScalarType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  throw Error(std::string("Triton has no type for PyTorch's ") + c10::toString(type), TRITONSERVER_ERROR_UNSUPPORTED);
}

at::Tensor view(const Tensor& tensor) {
  return at::from_blob(const_cast<std::byte*>(tensor.data), tensor.shape,
                       at::TensorOptions().dtype(scalar_type(tensor.type)));
}

at::Device torch_device(const Placement& placement) {
  if (!placement.on_gpu()) return at::Device(at::kCPU);
#ifdef ENDPOINTS_CUDA
  if (placement.device < cuda_device_count()) {
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(placement.device));
  }
#endif
  throw Error("PyTorch has no CUDA device " + std::to_string(placement.device) +
                  " here. Hint: instance_group [ { kind: KIND_CPU } ], or see CUDA_VISIBLE_DEVICES and the driver",
              TRITONSERVER_ERROR_UNAVAILABLE);
}

std::unique_ptr<Engine> make_torch_engine(const ModelConfig& config, const Placement& placement, TorchModel model) {
#ifdef ENDPOINTS_CUDA
  if (placement.on_gpu()) return make_torch_cuda_engine(config, placement.device, std::move(model));
#else
  static_cast<void>(placement);
#endif
  return std::make_unique<TorchCpuEngine>(config, std::move(model));
}

}  // namespace endpoints
