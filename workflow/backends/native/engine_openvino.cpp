// OpenVINO on the CPU: a blob compiled ahead of time (model.blob), or a graph that is compiled when it is loaded.
#include <openvino/openvino.hpp>

#include <array>
#include <fstream>

#include "engine.h"
#include "error.h"
#include "host_buffer.h"

namespace endpoints {
namespace {

constexpr std::array<std::pair<DataType, ov::element::Type_t>, 13> kTypes{{
    {TRITONSERVER_TYPE_BOOL, ov::element::Type_t::boolean},
    {TRITONSERVER_TYPE_UINT8, ov::element::Type_t::u8},
    {TRITONSERVER_TYPE_UINT16, ov::element::Type_t::u16},
    {TRITONSERVER_TYPE_UINT32, ov::element::Type_t::u32},
    {TRITONSERVER_TYPE_UINT64, ov::element::Type_t::u64},
    {TRITONSERVER_TYPE_INT8, ov::element::Type_t::i8},
    {TRITONSERVER_TYPE_INT16, ov::element::Type_t::i16},
    {TRITONSERVER_TYPE_INT32, ov::element::Type_t::i32},
    {TRITONSERVER_TYPE_INT64, ov::element::Type_t::i64},
    {TRITONSERVER_TYPE_FP16, ov::element::Type_t::f16},
    {TRITONSERVER_TYPE_FP32, ov::element::Type_t::f32},
    {TRITONSERVER_TYPE_FP64, ov::element::Type_t::f64},
    {TRITONSERVER_TYPE_BF16, ov::element::Type_t::bf16},
}};

ov::element::Type_t element_type(DataType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == type) return theirs;
  }
  throw Error("OpenVINO has no type for " + data_type_name(type), TRITONSERVER_ERROR_UNSUPPORTED);
}

ov::AnyMap properties_of(int threads) {
  return {ov::inference_num_threads(threads), ov::num_streams(1), ov::hint::enable_cpu_pinning(false)};
}

ov::CompiledModel import_blob(ov::Core& core, const std::filesystem::path& path, ov::AnyMap properties) {
  const auto open = [&path] {
    std::ifstream blob(path, std::ios::binary);
    if (!blob) throw Error(path.string() + " cannot be read");
    return blob;
  };
  // The engine's name is its precision (engine_openvino.py): without it, a processor with bfloat16
  // would compute in that.
  std::ifstream first = open();
  const auto precision = core.import_model(first, "CPU").get_property(ov::model_name);
  if (precision == "f32" || precision == "f16" || precision == "bf16") {
    properties.insert(ov::hint::inference_precision(ov::element::Type(precision)));
  }
  std::ifstream second = open();
  return core.import_model(second, "CPU", properties);
}

ov::CompiledModel load(const ModelConfig& config, const Placement& placement) {
  const std::filesystem::path path = model_file(config, placement, {"model.blob", "model.onnx", "model.xml"});
  const ov::AnyMap properties = properties_of(config.threads);
  try {
    ov::Core core;
    if (path.extension() == ".blob") return import_blob(core, path, properties);
    return core.compile_model(path.string(), "CPU", properties);
  } catch (const ov::Exception& error) {
    throw Error(
        "OpenVINO " + std::string(ov::get_openvino_version().buildNumber) + " cannot load " + path.filename().string() +
        ": " + first_line(error.what()) +
        ". Hint: a blob loads in the version and on the kind of processor that it was made with; build it again");
  }
}

// Throws Error when the model's tensor is of another type than config.pbtxt says.
void require_type(const ov::Output<const ov::Node>& port, const TensorConfig& tensor) {
  if (port.get_element_type() == element_type(tensor.type)) return;
  throw Error("the model's tensor " + tensor.name + " is of type " + port.get_element_type().get_type_name() +
              ", config.pbtxt says " + data_type_name(tensor.type));
}

class OpenVinoEngine : public Engine {
 public:
  OpenVinoEngine(const ModelConfig& config, const Placement& placement)
      : config_(config),
        model_(load(config, placement)),
        request_(model_.create_infer_request()),
        staging_(config.inputs.size()) {
    for (const TensorConfig& input : config.inputs) require_type(inputs_.emplace_back(model_.input(input.name)), input);
    for (const TensorConfig& output : config.outputs) {
      require_type(outputs_.emplace_back(model_.output(output.name)), output);
    }
  }

  std::vector<Tensor> infer(const std::vector<Tensor>& inputs) override {
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      const Tensor& input = inputs[index];
      // OpenVINO writes to no input, but its tensors know no constant data.
      request_.set_tensor(inputs_[index],
                          ov::Tensor(element_type(input.type), ov::Shape(input.shape.begin(), input.shape.end()),
                                     const_cast<std::byte*>(input.data)));
    }
    request_.infer();
    std::vector<Tensor> result;
    for (std::size_t index = 0; index < outputs_.size(); ++index) {
      // It stays in the request, which keeps it until the next inference.
      const ov::Tensor output = request_.get_tensor(outputs_[index]);
      const ov::Shape shape = output.get_shape();
      result.push_back({config_.outputs[index].type, Shape(shape.begin(), shape.end()),
                        output.get_size() == 0 ? nullptr : static_cast<const std::byte*>(output.data())});
    }
    return result;
  }

  // It prepares its kernels at the first sight of a shape.
  bool prepares() const override { return true; }
  std::byte* staging(std::size_t index, std::size_t bytes) override { return staging_[index].reserve(bytes); }
  bool reads_in_place() const override { return true; }

 private:
  const ModelConfig& config_;
  ov::CompiledModel model_;
  ov::InferRequest request_;
  std::vector<ov::Output<const ov::Node>> inputs_;
  std::vector<ov::Output<const ov::Node>> outputs_;
  std::vector<HostBuffer> staging_;
};

}  // namespace

const PreferredKind preferred_kind = PreferredKind::kCpu;

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Placement& placement) {
  require_numbers(config);
  require_cpu(placement);
  return std::make_unique<OpenVinoEngine>(config, placement);
}

}  // namespace endpoints
