#include "model_config.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "error.h"
#include "json.h"

namespace endpoints {
namespace {

Shape shape_of(const Json& sizes) {
  Shape result;
  for (const Json& size : sizes.array()) result.push_back(size.integer());
  return result;
}

std::vector<TensorConfig> tensors_of(const Json& config, std::string_view kind) {
  std::vector<TensorConfig> result;
  for (const Json& tensor : config.at(kind).array()) {
    const Json* reshape = tensor.find("reshape");
    const Json* reshaped = reshape == nullptr ? nullptr : reshape->find("shape");
    result.push_back({tensor.at("name").string(), parse_data_type(tensor.at("data_type").string()),
                      reshape == nullptr    ? shape_of(tensor.at("dims"))
                      : reshaped == nullptr ? Shape()
                                            : shape_of(*reshaped),
                      false, false});
  }
  if (result.empty()) throw Error("config.pbtxt has no " + std::string(kind));
  return result;
}

// The inputs or outputs of the states that Triton keeps for a sequence; `name` is their field.
std::vector<TensorConfig> states_of(const Json& config, std::string_view name) {
  std::vector<TensorConfig> result;
  const Json* batching = config.find("sequence_batching");
  const Json* states = batching == nullptr ? nullptr : batching->find("state");
  if (states == nullptr) return result;
  for (const Json& state : states->array()) {
    result.push_back({state.at(name).string(), parse_data_type(state.at("data_type").string()),
                      shape_of(state.at("dims")), true, false});
  }
  return result;
}

// Adds `states` to `tensors`: at the end, or where the parameter `order` has them.
void add_states(std::vector<TensorConfig>& tensors, std::vector<TensorConfig> states, const Json* order) {
  std::move(states.begin(), states.end(), std::back_inserter(tensors));
  if (order == nullptr) return;
  const auto place = [order](const TensorConfig& tensor) {
    const Json::Array& names = order->array();
    return std::find_if(names.begin(), names.end(), [&](const Json& name) { return name.string() == tensor.name; }) -
           names.begin();
  };
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](const TensorConfig& a, const TensorConfig& b) { return place(a) < place(b); });
}

std::map<std::string, std::string, std::less<>> parameters_of(const Json& config) {
  std::map<std::string, std::string, std::less<>> result;
  const Json* parameters = config.find("parameters");
  if (parameters == nullptr) return result;
  for (const auto& [name, value] : parameters->object()) result.emplace(name, value.at("string_value").string());
  return result;
}

int instances_of(const Json& config) {
  std::int64_t result = 0;
  if (const Json* groups = config.find("instance_group")) {
    for (const Json& group : groups->array()) result += group.at("count").integer();
  }
  return static_cast<int>(std::clamp<std::int64_t>(result, 1, std::numeric_limits<int>::max()));
}

// Threads of one instance: the instances share `all` cores, or with `auto` half, so that the rest serve requests.
int threads_of(const std::string& setting, int instances) {
  int number = 0;
  const char* const end = setting.data() + setting.size();
  const auto [stop, error] = std::from_chars(setting.data(), end, number);
  if (error == std::errc() && stop == end && number > 0) return number;
  if (setting != "auto" && setting != "all") {
    throw Error("parameter threads is \"" + setting + "\". Hint: a number, auto or all");
  }
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return std::max(1, count / (setting == "all" ? 1 : 2) / instances);
}

std::map<std::string, Shape> bound_of(const Json& profile, std::string_view bound) {
  std::map<std::string, Shape> result;
  for (const auto& [name, shape] : profile.at(bound).object()) result.emplace(name, shape_of(shape));
  return result;
}

// What the dims and max_batch_size admit, for a model without the parameter `profile`.
Profile profile_of_dims(const ModelConfig& config) {
  Profile result;
  for (const TensorConfig& input : config.inputs) {
    Shape low, high;
    if (config.has_batch_axis()) {
      low.push_back(1);
      high.push_back(config.max_batch_size);
    }
    for (const std::int64_t size : input.dims) {
      low.push_back(std::max<std::int64_t>(size, 0));
      high.push_back(size < 0 ? std::numeric_limits<std::int64_t>::max() : size);
    }
    result.min.emplace(input.name, std::move(low));
    result.max.emplace(input.name, std::move(high));
  }
  return result;
}

Profile profile_of(const ModelConfig& config) {
  const auto text = config.parameter("profile");
  if (!text) return profile_of_dims(config);
  const Json parsed = Json::parse(*text);
  Profile result{bound_of(parsed, "min"), {}, bound_of(parsed, "max")};
  if (parsed.find("opt") != nullptr) result.opt = bound_of(parsed, "opt");
  for (const TensorConfig& input : config.inputs) {
    const std::size_t rank = input.dims.size() + (config.has_batch_axis() ? 1 : 0);
    for (const auto* bound : {&result.min, &result.opt, &result.max}) {
      if (bound == &result.opt && bound->empty()) continue;
      const auto found = bound->find(input.name);
      if (found == bound->end() || found->second.size() != rank) {
        throw Error("needs a shape of " + std::to_string(rank) + " axes for input " + input.name);
      }
    }
  }
  return result;
}

Axis axis_of(const Json& axis) {
  if (axis.is_integer()) return axis.integer();
  const std::string& text = axis.string();
  const auto number = [&text](std::size_t from, std::size_t to) {
    std::int64_t result = 0;
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, result);
    if (error != std::errc() || end != text.data() + to || result < 1) {
      throw Error("\"" + text + "\" is no multiple or fraction of an axis");
    }
    return result;
  };
  const auto star = text.rfind('*');
  const auto slash = text.rfind('/');
  const std::size_t first = star == std::string::npos ? 0 : star + 1;
  NamedAxis result{1, text.substr(first, slash == std::string::npos ? slash : slash - first)};
  if (star != std::string::npos) result.factor = number(0, star);
  if (slash != std::string::npos) result.divisor = number(slash + 1, text.size());
  return result;
}

std::map<std::string, std::vector<Axis>> axes_of(const ModelConfig& config) {
  std::map<std::string, std::vector<Axis>> result;
  const auto text = config.parameter("axes");
  const Json parsed = text ? Json::parse(*text) : Json(Json::Object());
  for (const auto& [kind, tensors] : {std::pair("inputs", &config.inputs), std::pair("outputs", &config.outputs)}) {
    const Json* named = parsed.find(kind);
    for (const TensorConfig& tensor : *tensors) {
      std::vector<Axis>& axes = result[tensor.name];
      axes.assign(tensor.dims.begin(), tensor.dims.end());
      const Json* dims = named == nullptr ? nullptr : named->find(tensor.name);
      if (dims == nullptr) continue;
      axes.clear();
      for (const Json& axis : dims->array()) axes.push_back(axis_of(axis));
    }
  }
  return result;
}

// Tensors of which `axes` says that they have none.
void find_scalars(std::vector<TensorConfig>& tensors, const std::map<std::string, std::vector<Axis>>& axes) {
  for (TensorConfig& tensor : tensors) {
    tensor.is_scalar = axes.at(tensor.name).empty();
    if (tensor.is_scalar) tensor.dims.clear();
  }
}

// Calls `read` and puts the name of the parameter before its error.
template <typename Read>
auto in_parameter(const char* name, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(std::string("parameter ") + name + ": " + error.what(), error.code());
  }
}

bool boolean_of(const std::string& text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw Error("\"" + text + "\" is neither true nor false");
}

}  // namespace

ModelConfig ModelConfig::parse(std::string_view json) {
  const Json config = Json::parse(json);
  ModelConfig result;
  result.name = config.at("name").string();
  if (const Json* size = config.find("max_batch_size")) result.max_batch_size = size->integer();
  result.inputs = tensors_of(config, "input");
  result.outputs = tensors_of(config, "output");
  result.parameters = parameters_of(config);
  const Json order = Json::parse(result.parameter("order").value_or("{}"));
  in_parameter("order", [&] {
    add_states(result.inputs, states_of(config, "input_name"), order.find("inputs"));
    add_states(result.outputs, states_of(config, "output_name"), order.find("outputs"));
  });
  if (const Json* file = config.find("default_model_filename")) result.model_file = file->string();
  result.instances = instances_of(config);
  result.threads = threads_of(result.parameter("threads").value_or("auto"), result.instances);
  result.axes = in_parameter("axes", [&] { return axes_of(result); });
  if (!result.has_batch_axis()) {
    find_scalars(result.inputs, result.axes);
    find_scalars(result.outputs, result.axes);
  }
  result.profile = in_parameter("profile", [&] { return profile_of(result); });
  result.cuda_graphs =
      in_parameter("cuda_graphs", [&] { return boolean_of(result.parameter("cuda_graphs").value_or("false")); });
  return result;
}

std::optional<std::string> ModelConfig::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace endpoints
