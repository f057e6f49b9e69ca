#include "tensor.h"

#include <array>

#include "error.h"

namespace endpoints {
namespace {

struct TypeInfo {
  std::string_view config_name;
  std::string_view name;
  std::size_t size;
};

// In the order of TRITONSERVER_DataType.
constexpr std::array<TypeInfo, 15> kTypes{{{"TYPE_INVALID", "INVALID", 0},
                                           {"TYPE_BOOL", "BOOL", 1},
                                           {"TYPE_UINT8", "UINT8", 1},
                                           {"TYPE_UINT16", "UINT16", 2},
                                           {"TYPE_UINT32", "UINT32", 4},
                                           {"TYPE_UINT64", "UINT64", 8},
                                           {"TYPE_INT8", "INT8", 1},
                                           {"TYPE_INT16", "INT16", 2},
                                           {"TYPE_INT32", "INT32", 4},
                                           {"TYPE_INT64", "INT64", 8},
                                           {"TYPE_FP16", "FP16", 2},
                                           {"TYPE_FP32", "FP32", 4},
                                           {"TYPE_FP64", "FP64", 8},
                                           {"TYPE_STRING", "BYTES", 0},
                                           {"TYPE_BF16", "BF16", 2}}};

}  // namespace

DataType parse_data_type(std::string_view name) {
  for (std::size_t index = 1; index < kTypes.size(); ++index) {
    if (kTypes[index].config_name == name) return static_cast<DataType>(index);
  }
  throw Error("unknown data type " + std::string(name));
}

std::string data_type_name(DataType type) {
  return std::string(kTypes.at(type).name);
}

std::size_t element_size(DataType type) {
  return kTypes.at(type).size;
}

std::size_t element_count(Sizes shape) {
  std::size_t result = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(result, static_cast<std::size_t>(size), &result)) {
      throw Error("shape " + to_string(shape) + " has no valid number of elements");
    }
  }
  return result;
}

std::string to_string(Sizes shape) {
  std::string result = "[";
  for (const std::int64_t size : shape) {
    if (result.size() > 1) result += ", ";
    result += std::to_string(size);
  }
  return result + "]";
}

}  // namespace endpoints
