#include "engine.h"

#include "error.h"

namespace endpoints {

void Engine::copy_from_gpu(std::byte*, const std::byte*, std::size_t) {
  throw Error("this backend does not read memory of a GPU. Hint: send the input in the request or in system memory",
              TRITONSERVER_ERROR_UNSUPPORTED);
}

void Engine::copy_to_gpu(std::byte*, const std::byte*, std::size_t) {
  throw Error(
      "this backend does not write to memory of a GPU. Hint: ask for the output in the response or in system "
      "memory",
      TRITONSERVER_ERROR_UNSUPPORTED);
}

std::filesystem::path model_file(const ModelConfig& config, const Placement& placement,
                                 const std::vector<std::string>& names) {
  const std::vector<std::string> candidates = config.model_file.empty() ? names : std::vector{config.model_file};
  std::string listed;
  for (const std::string& name : candidates) {
    if (std::filesystem::is_regular_file(placement.directory / name)) return placement.directory / name;
    listed += (listed.empty() ? "" : " or ") + name;
  }
  throw Error("there is no " + listed + " in " + placement.directory.string() +
                  ". Hint: put the engine there, or name its file in default_model_filename",
              TRITONSERVER_ERROR_NOT_FOUND);
}

void require_numbers(const ModelConfig& config) {
  for (const auto* tensors : {&config.inputs, &config.outputs}) {
    for (const TensorConfig& tensor : *tensors) {
      if (tensor.type == TRITONSERVER_TYPE_BYTES) {
        throw Error("tensor " + tensor.name +
                        " is of TYPE_STRING, which this backend does not compute with. Hint: turn the strings into "
                        "numbers in a model of the Python backend before this one",
                    TRITONSERVER_ERROR_UNSUPPORTED);
      }
    }
  }
}

void require_cpu(const Placement& placement) {
  if (placement.on_gpu()) {
    throw Error("this backend runs on the CPU alone. Hint: instance_group [ { kind: KIND_CPU } ]",
                TRITONSERVER_ERROR_UNSUPPORTED);
  }
}

}  // namespace endpoints
