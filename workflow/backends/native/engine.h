// What an engine has to do. To add one: write engine_<name>.cpp with `make_engine` and `preferred_kind`.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "model_config.h"
#include "tensor.h"

namespace endpoints {

// Where an instance runs and what it loads.
struct Placement {
  std::filesystem::path directory;  // that of the model's version
  TRITONSERVER_InstanceGroupKind kind = TRITONSERVER_INSTANCEGROUPKIND_CPU;
  int device = 0;

  bool on_gpu() const { return kind == TRITONSERVER_INSTANCEGROUPKIND_GPU; }
};

// Runs one model for one instance. Calls to it never overlap, but may come from different threads.
class Engine {
 public:
  virtual ~Engine() = default;

  // Runs a batch whose inputs are in the order of config.pbtxt; so are the outputs. What they point to stays valid
  // until the next call. Throws when the model fails.
  virtual std::vector<Tensor> infer(const std::vector<Tensor>& inputs) = 0;

  // Called with zeros of every shape that is worth preparing, the largest first, before the model is ready.
  virtual void prepare(const std::vector<Tensor>& inputs) { infer(inputs); }
  // Whether the first inference of a shape is slower than others, so that `prepare` pays.
  virtual bool prepares() const { return false; }

  // Memory for a batch of input `index`. It stays valid until this input's next call.
  virtual std::byte* staging(std::size_t index, std::size_t bytes) = 0;
  // Whether `infer` may read an input where the server has it, if it lies there in one piece.
  virtual bool reads_in_place() const { return false; }

  // Copies between the host and memory of a GPU, which clients may share with the server.
  virtual void copy_from_gpu(std::byte* to, const std::byte* from, std::size_t bytes);
  virtual void copy_to_gpu(std::byte* to, const std::byte* from, std::size_t bytes);
};

// Loads the model. Throws Error with a hint when it cannot. Defined once, by the engine that a backend is built with.
std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Placement& placement);

// Where instances go that config.pbtxt does not place: on every GPU when there is one, or on the CPU alone.
enum class PreferredKind { kAny, kCpu };
extern const PreferredKind preferred_kind;

// The file that the engine loads: `default_model_filename`, or the first of `names` that is there. Throws Error.
std::filesystem::path model_file(const ModelConfig& config, const Placement& placement,
                                 const std::vector<std::string>& names);

// Throws Error for a tensor of type BYTES: the engine computes with numbers alone.
void require_numbers(const ModelConfig& config);
// Throws Error on a GPU.
void require_cpu(const Placement& placement);

}  // namespace endpoints
