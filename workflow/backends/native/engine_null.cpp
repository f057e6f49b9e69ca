// Computes nothing: what remains is protocol, scheduling and batching, the ceiling of every engine.
#include <map>

#include "engine.h"
#include "error.h"
#include "host_buffer.h"

namespace endpoints {
namespace {

// Answers with zeros in the shape of the outputs.
class NullEngine : public Engine {
 public:
  explicit NullEngine(const ModelConfig& config) : config_(config), inputs_(config.inputs.size()) {}

  std::vector<Tensor> infer(const std::vector<Tensor>& inputs) override {
    const std::map<std::string, std::int64_t> sizes = sizes_of(inputs);
    std::vector<Tensor> result;
    for (std::size_t index = 0; index < config_.outputs.size(); ++index) {
      const TensorConfig& output = config_.outputs[index];
      Tensor& tensor = result.emplace_back(Tensor{output.type, {}});
      if (config_.has_batch_axis()) tensor.shape.push_back(inputs.front().shape.front());
      for (const Axis& axis : config_.axes.at(output.name)) tensor.shape.push_back(size_of(axis, sizes));
      if (tensor.byte_size() > zeros_.size()) zeros_.resize(tensor.byte_size());
    }
    for (Tensor& tensor : result) tensor.data = zeros_.data();
    return result;
  }

  std::byte* staging(std::size_t index, std::size_t bytes) override { return inputs_[index].reserve(bytes); }
  bool reads_in_place() const override { return true; }

 private:
  // The sizes that named axes have in these inputs.
  std::map<std::string, std::int64_t> sizes_of(const std::vector<Tensor>& inputs) const {
    std::map<std::string, std::int64_t> result;
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      std::size_t position = config_.has_batch_axis() ? 1 : 0;
      for (const Axis& axis : config_.axes.at(config_.inputs[index].name)) {
        const std::int64_t size = inputs[index].shape.at(position++);
        if (const auto* named = std::get_if<NamedAxis>(&axis)) result[named->name] = size;
      }
    }
    return result;
  }

  // An axis that no input tells the size of, such as a number of detections, has the size 1.
  static std::int64_t size_of(const Axis& axis, const std::map<std::string, std::int64_t>& sizes) {
    if (const auto* size = std::get_if<std::int64_t>(&axis)) return *size < 0 ? 1 : *size;
    const auto& named = std::get<NamedAxis>(axis);
    const auto found = sizes.find(named.name);
    return found == sizes.end() ? 1 : named.factor * found->second / named.divisor;
  }

  const ModelConfig& config_;
  std::vector<HostBuffer> inputs_;
  // What all outputs are made of.
  std::vector<std::byte> zeros_;
};

}  // namespace

const PreferredKind preferred_kind = PreferredKind::kCpu;

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Placement&) {
  require_numbers(config);
  return std::make_unique<NullEngine>(config);
}

}  // namespace endpoints
