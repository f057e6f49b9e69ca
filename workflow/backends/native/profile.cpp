#include "profile.h"

#include <algorithm>
#include <limits>

#include "error.h"

namespace endpoints {
namespace {

// Larger batches rarely form of single requests.
constexpr std::int64_t kPreparedBatches = 256;
constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();

std::vector<Shape> shapes_of(const ModelConfig& config, const std::map<std::string, Shape>& bound) {
  std::vector<Shape> result;
  for (const TensorConfig& input : config.inputs) result.push_back(bound.at(input.name));
  return result;
}

bool is_bounded(const std::vector<Shape>& shapes) {
  return std::all_of(shapes.begin(), shapes.end(), [](const Shape& shape) {
    return std::find(shape.begin(), shape.end(), kUnbounded) == shape.end();
  });
}

bool differ_in_batch_alone(const std::vector<Shape>& low, const std::vector<Shape>& high) {
  for (std::size_t index = 0; index < low.size(); ++index) {
    if (!std::equal(low[index].begin() + 1, low[index].end(), high[index].begin() + 1)) return false;
  }
  return true;
}

}  // namespace

void require_admitted(const ModelConfig& config, const std::string& input, const Shape& shape) {
  const Shape& low = config.profile.min.at(input);
  const Shape& high = config.profile.max.at(input);
  bool admitted = shape.size() == low.size();
  for (std::size_t axis = 0; admitted && axis < shape.size(); ++axis) {
    admitted = low[axis] <= shape[axis] && shape[axis] <= high[axis];
  }
  if (admitted) return;
  throw Error(config.name + ": input " + input + " of shape " + to_string(shape) + " is outside the profile " +
              to_string(low) + " to " + to_string(high));
}

std::int64_t largest_batch(const ModelConfig& config) {
  return config.profile.max.at(config.inputs.front().name).front();
}

std::vector<std::vector<Shape>> shapes_to_prepare(const ModelConfig& config) {
  const std::vector<Shape> low = shapes_of(config, config.profile.min);
  const std::vector<Shape> high = shapes_of(config, config.profile.max);
  if (!is_bounded(high)) return {};
  if (!config.has_batch_axis() || !differ_in_batch_alone(low, high)) {
    std::vector<std::vector<Shape>> result{high};
    if (!config.profile.opt.empty()) result.push_back(shapes_of(config, config.profile.opt));
    result.push_back(low);
    return result;
  }
  std::vector<std::vector<Shape>> result;
  const std::int64_t first = low.front().front();
  for (std::int64_t size = std::min(high.front().front(), std::max(first, kPreparedBatches)); size >= first; --size) {
    std::vector<Shape>& shapes = result.emplace_back(low);
    for (Shape& shape : shapes) shape.front() = size;
  }
  return result;
}

}  // namespace endpoints
