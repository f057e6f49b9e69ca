// What AOTInductor and TorchScript share: PyTorch's tensors around a loaded model, on the CPU or on a GPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "engine.h"

namespace endpoints {

// A loaded model: from its inputs to its outputs, all on its device, on PyTorch's current stream.
using TorchModel = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

// Throws Error for a type that PyTorch, or Triton, does not have.
at::ScalarType scalar_type(DataType type);
DataType data_type(at::ScalarType type);
// A view of memory that someone else owns and that the model does not write to.
at::Tensor view(const Tensor& tensor);

// The device that a placement names. Throws Error when this PyTorch cannot use it.
at::Device torch_device(const Placement& placement);

std::unique_ptr<Engine> make_torch_engine(const ModelConfig& config, const Placement& placement, TorchModel model);
// Of torch_cuda.cpp, which is compiled where PyTorch has CUDA.
std::unique_ptr<Engine> make_torch_cuda_engine(const ModelConfig& config, int device, TorchModel model);
int cuda_device_count();
// As AOTInductor writes it: 90 for an H100.
int cuda_compute_capability(int device);

}  // namespace endpoints
