// TorchScript (model.pt or model.ts), frozen for inference when it is loaded.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <memory>

#include "engine.h"
#include "error.h"
#include "torch_engine.h"

namespace endpoints {
namespace {

torch::jit::Module load(const std::filesystem::path& path, const Placement& placement) {
  try {
    torch::jit::Module module = torch::jit::load(path.string(), torch_device(placement));
    module.eval();
    return torch::jit::freeze(module);
  } catch (...) {
    throw Error("TorchScript cannot load " + path.filename().string() + ": " + current_error().what() +
                ". Hint: a model loads with the version of PyTorch that it was made with, or a later one; export it "
                "again");
  }
}

std::vector<at::Tensor> run(torch::jit::Module& module, const std::vector<at::Tensor>& inputs) {
  const c10::IValue result = module.forward(std::vector<c10::IValue>(inputs.begin(), inputs.end()));
  if (result.isTensor()) return {result.toTensor()};
  if (result.isTensorList()) return result.toTensorVector();
  if (!result.isTuple()) throw Error("the model gives neither a tensor nor a tuple of tensors");
  std::vector<at::Tensor> outputs;
  for (const c10::IValue& output : result.toTupleRef().elements()) outputs.push_back(output.toTensor());
  return outputs;
}

}  // namespace

const PreferredKind preferred_kind = PreferredKind::kAny;

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Placement& placement) {
  require_numbers(config);
  const auto module =
      std::make_shared<torch::jit::Module>(load(model_file(config, placement, {"model.pt", "model.ts"}), placement));
  return make_torch_engine(config, placement,
                           [module](const std::vector<at::Tensor>& inputs) { return run(*module, inputs); });
}

}  // namespace endpoints
