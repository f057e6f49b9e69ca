// Tensors as Triton describes them: a type, a shape, and bytes that someone else owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "triton_api.h"

namespace endpoints {

using DataType = TRITONSERVER_DataType;
using Shape = std::vector<std::int64_t>;
// A shape that someone else owns.
using Sizes = std::span<const std::int64_t>;

// The type that config.pbtxt names: TYPE_FP32, … Throws Error for a name that Triton does not have.
DataType parse_data_type(std::string_view name);
// The name without its prefix, as clients write it: FP32, …
std::string data_type_name(DataType type);
// Bytes of one element; 0 for BYTES, whose elements differ.
std::size_t element_size(DataType type);

// The product of the sizes. Throws Error when it overflows or when a size is negative.
std::size_t element_count(Sizes shape);
// As Python prints a list: [1, 28, 28].
std::string to_string(Sizes shape);

// A contiguous array, first axis outermost. It does not own its data.
struct Tensor {
  DataType type = TRITONSERVER_TYPE_INVALID;
  Shape shape;
  const std::byte* data = nullptr;

  std::size_t byte_size() const { return element_count(shape) * element_size(type); }
};

}  // namespace endpoints
