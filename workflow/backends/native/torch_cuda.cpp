// A PyTorch model on a GPU: pinned memory, a stream for each instance, and CUDA graphs.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <string>

#include "error.h"
#include "torch_engine.h"

namespace endpoints {
namespace {

// PyTorch's executors specialize within the first runs of a shape; a graph is captured after them.
constexpr int kRunsBeforeCapture = 3;

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw Error(std::string(what) + ": " + cudaGetErrorString(status), TRITONSERVER_ERROR_INTERNAL);
  }
}

// Memory that the GPU copies from and to while the processor does something else.
class PinnedBuffer {
 public:
  // Room for so many bytes. Returns whether it moved, which takes it from the graphs that know it.
  bool reserve(std::size_t bytes) {
    if (bytes <= capacity_) return false;
    data_.reset();
    capacity_ = 0;
    void* data = nullptr;
    check_cuda(cudaHostAlloc(&data, bytes, cudaHostAllocDefault), "pinned memory");
    data_.reset(static_cast<std::byte*>(data));
    capacity_ = bytes;
    return true;
  }
  std::byte* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* data) const { cudaFreeHost(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t capacity_ = 0;
};

class TorchCudaEngine : public Engine {
 public:
  TorchCudaEngine(const ModelConfig& config, int device, TorchModel model)
      : name_(config.name),
        model_(std::move(model)),
        stream_(c10::cuda::getStreamFromPool(false, static_cast<c10::DeviceIndex>(device))),
        captures_(config.cuda_graphs),
        pool_(at::cuda::graph_pool_handle()),
        inputs_(config.inputs.size()),
        outputs_(config.outputs.size()) {}

  std::vector<Tensor> infer(const std::vector<Tensor>& inputs) override {
    const c10::InferenceMode inference;
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    const auto found = graphs_.find(shapes_of(inputs));
    if (found == graphs_.end()) {
      std::vector<Tensor> result = run(inputs);
      synchronize();
      return result;
    }
    found->second.graph->replay();
    synchronize();
    return found->second.outputs;
  }

  void prepare(const std::vector<Tensor>& inputs) override {
    for (int count = 0; count < kRunsBeforeCapture; ++count) infer(inputs);
    if (!captures_) return;
    const c10::InferenceMode inference;
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    try {
      capture(inputs);
    } catch (...) {
      give_up_graphs(current_error().what());
    }
  }

  bool prepares() const override { return true; }

  std::byte* staging(std::size_t index, std::size_t bytes) override {
    const c10::cuda::CUDAGuard on_device(stream_.device_index());
    if (inputs_[index].reserve(bytes)) graphs_.clear();
    return inputs_[index].data();
  }

  void copy_from_gpu(std::byte* to, const std::byte* from, std::size_t bytes) override { copy(to, from, bytes); }
  void copy_to_gpu(std::byte* to, const std::byte* from, std::size_t bytes) override { copy(to, from, bytes); }

 private:
  // A whole inference, copies included, of inputs of certain shapes. It reads and writes the pinned buffers.
  struct Graph {
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    std::vector<Tensor> outputs;
  };
  using Shapes = std::vector<Shape>;

  static Shapes shapes_of(const std::vector<Tensor>& inputs) {
    Shapes result;
    for (const Tensor& input : inputs) result.push_back(input.shape);
    return result;
  }

  void synchronize() { check_cuda(cudaStreamSynchronize(stream_.stream()), "the model on the GPU"); }

  // Starts an inference on the stream; the outputs are there when the stream has come so far.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    std::vector<at::Tensor> given;
    for (const Tensor& input : inputs) given.push_back(to_device(input));
    const std::vector<at::Tensor> results = model_(given);
    if (results.size() != outputs_.size()) {
      throw Error("the model gives " + std::to_string(results.size()) + " outputs, config.pbtxt names " +
                      std::to_string(outputs_.size()),
                  TRITONSERVER_ERROR_INTERNAL);
    }
    std::vector<Tensor> answer;
    for (std::size_t index = 0; index < results.size(); ++index) answer.push_back(to_host(results[index], index));
    return answer;
  }

  at::Tensor to_device(const Tensor& input) {
    const auto options = at::TensorOptions().dtype(scalar_type(input.type)).device(stream_.device());
    at::Tensor result = at::empty(input.shape, options);
    copy_async(result.mutable_data_ptr(), input.data, result.nbytes(), cudaMemcpyHostToDevice);
    return result;
  }

  Tensor to_host(const at::Tensor& result, std::size_t index) {
    const at::Tensor whole = result.contiguous();
    PinnedBuffer& buffer = outputs_[index];
    if (buffer.reserve(whole.nbytes())) graphs_.clear();
    copy_async(buffer.data(), whole.const_data_ptr(), whole.nbytes(), cudaMemcpyDeviceToHost);
    return {data_type(whole.scalar_type()), whole.sizes().vec(), buffer.data()};
  }

  void copy_async(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    if (bytes != 0) check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream_.stream()), "copy");
  }

  void copy(std::byte* to, const std::byte* from, std::size_t bytes) {
    const c10::cuda::CUDAGuard on_device(stream_.device_index());
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_.stream()), "copy");
    synchronize();
  }

  void capture(const std::vector<Tensor>& inputs) {
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    std::vector<Tensor> outputs;
    graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    try {
      outputs = run(inputs);
    } catch (...) {
      end_quietly(*graph);
      throw;
    }
    graph->capture_end();
    graphs_.insert_or_assign(shapes_of(inputs), Graph{std::move(graph), std::move(outputs)});
  }

  static void end_quietly(at::cuda::CUDAGraph& graph) {
    try {
      graph.capture_end();
    } catch (...) {
      // The reason why the capture failed is known already.
      static_cast<void>(cudaGetLastError());
    }
  }

  void give_up_graphs(const std::string& reason) {
    captures_ = false;
    graphs_.clear();
    static_cast<void>(cudaGetLastError());
    stream_ = c10::cuda::getStreamFromPool(false, stream_.device_index());
    // The report looks for the beginning of this line.
    log(TRITONSERVER_LOG_WARN, "CUDA graphs are off for " + name_ + ": " + reason);
  }

  std::string name_;
  TorchModel model_;
  c10::cuda::CUDAStream stream_;
  bool captures_;
  // The graphs of an instance run one after another, so they share their memory.
  at::cuda::MempoolId_t pool_;
  std::vector<PinnedBuffer> inputs_;
  std::vector<PinnedBuffer> outputs_;
  std::map<Shapes, Graph> graphs_;
};

}  // namespace

std::unique_ptr<Engine> make_torch_cuda_engine(const ModelConfig& config, int device, TorchModel model) {
  const c10::cuda::CUDAGuard on_device(static_cast<c10::DeviceIndex>(device));
  return std::make_unique<TorchCudaEngine>(config, device, std::move(model));
}

int cuda_device_count() {
  return c10::cuda::device_count();
}

int cuda_compute_capability(int device) {
  int major = 0, minor = 0;
  check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "compute capability");
  check_cuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "compute capability");
  return 10 * major + minor;
}

}  // namespace endpoints
