// A package of AOTInductor (model.pt2), compiled ahead of time for this kind of processor or GPU.
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "engine.h"
#include "error.h"
#include "torch_engine.h"

namespace endpoints {
namespace {

using Loader = torch::inductor::AOTIModelPackageLoader;
using Metadata = std::unordered_map<std::string, std::string>;

constexpr const char* kModel = "model";
constexpr const char* kHint =
    ". Hint: a package loads with the version of PyTorch and on the kind of processor or GPU that it was made with; "
    "build it again";

std::string entry(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

// Whether this processor has what a package was compiled for; code for another one would end the server.
bool processor_has(const std::string& instructions) {
#ifdef __x86_64__
  if (instructions.starts_with("AVX512")) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  }
  if (instructions.starts_with("AVX2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  static_cast<void>(instructions);
  return true;
}

// Throws Error when the package says that it is for something else than this placement.
void require_target(const Metadata& metadata, const Placement& placement) {
  const std::string device = entry(metadata, "AOTI_DEVICE_KEY");
  const std::string wanted = placement.on_gpu() ? "cuda" : "cpu";
  if (!device.empty() && device != wanted) {
    throw Error("it is for " + device + ", the instance_group for " + wanted);
  }
  const std::string instructions = entry(metadata, "AOTI_CPU_ISA");
  if (!placement.on_gpu() && !processor_has(instructions)) {
    throw Error("it is for a processor with " + instructions + ", which this one lacks");
  }
#ifdef ENDPOINTS_CUDA
  const std::string capability = entry(metadata, "AOTI_COMPUTE_CAPABILITY");
  if (placement.on_gpu() && !capability.empty() &&
      capability != std::to_string(cuda_compute_capability(placement.device))) {
    throw Error("it is for GPUs of compute capability " + capability + ", this one has " +
                std::to_string(cuda_compute_capability(placement.device)));
  }
#endif
}

std::shared_ptr<Loader> load(const std::filesystem::path& path, const Placement& placement) {
  try {
    const at::Device device = torch_device(placement);
    require_target(Loader::load_metadata_from_package(path.string(), kModel), placement);
    // One runner, and none of the locks around it: an instance runs one batch at a time. CUDA graphs need that too.
    return std::make_shared<Loader>(path.string(), kModel, true, 1, device.is_cuda() ? device.index() : -1);
  } catch (...) {
    throw Error("AOTInductor cannot load " + path.filename().string() + ": " + current_error().what() + kHint);
  }
}

}  // namespace

const PreferredKind preferred_kind = PreferredKind::kAny;

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Placement& placement) {
  require_numbers(config);
  const auto loader = load(model_file(config, placement, {"model.pt2"}), placement);
  return make_torch_engine(config, placement,
                           [loader](const std::vector<at::Tensor>& inputs) { return loader->run(inputs); });
}

}  // namespace endpoints
