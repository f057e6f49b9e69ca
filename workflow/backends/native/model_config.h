// What config.pbtxt says of a model, as far as these backends read it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor.h"

namespace endpoints {

struct TensorConfig {
  std::string name;
  DataType type = TRITONSERVER_TYPE_INVALID;
  // Without the batch axis, as the engine sees them: after Triton's `reshape`. -1: any size.
  Shape dims;
  // Whether Triton keeps it for the sequence, from one request to the next: clients neither send nor get it.
  bool is_state = false;
  // Whether it is one value of a model without a batch axis: Triton has it on an axis of 1, the engine on none.
  bool is_scalar = false;
};

// One axis of the parameter `axes`: a size, or a multiple or fraction of a named size ("frames", "256*frames",
// "frames/4", rounded down).
struct NamedAxis {
  std::int64_t factor = 1;
  std::string name;
  std::int64_t divisor = 1;
};
using Axis = std::variant<std::int64_t, NamedAxis>;

// The shapes that the engine admits, by input, batch axis first.
struct Profile {
  std::map<std::string, Shape> min;
  std::map<std::string, Shape> opt;
  std::map<std::string, Shape> max;
};

struct ModelConfig {
  // Throws Error, naming the field, when the text is no configuration that these backends serve.
  static ModelConfig parse(std::string_view json);

  bool has_batch_axis() const { return max_batch_size > 0; }
  // The string value of a parameter, or empty.
  std::optional<std::string> parameter(std::string_view name) const;

  std::string name;
  std::int64_t max_batch_size = 0;
  // With the states of `sequence_batching`.
  std::vector<TensorConfig> inputs;
  std::vector<TensorConfig> outputs;
  std::map<std::string, std::string, std::less<>> parameters;
  // `default_model_filename`: the file in the directory of the version, instead of the engine's usual ones.
  std::string model_file;
  int instances = 1;
  Profile profile;
  // By the name of the tensor; dims stand in for a tensor that the parameter does not name.
  std::map<std::string, std::vector<Axis>> axes;
  // Threads of one instance.
  int threads = 1;
  bool cuda_graphs = false;
};

}  // namespace endpoints
