// A reader of JSON, for what Triton says of a model and for the parameters that hold JSON themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace endpoints {

// A value. The accessors throw Error when it is of another type, naming what was expected.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  Json() = default;
  explicit Json(Value value) : value_(std::move(value)) {}

  // Throws Error with the offset of the first character that is wrong.
  static Json parse(std::string_view text);

  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool boolean() const;
  std::int64_t integer() const;
  const std::string& string() const;
  const Array& array() const;
  const Object& object() const;
  // The member of an object: null when it is absent, or an Error.
  const Json* find(std::string_view key) const;
  const Json& at(std::string_view key) const;

 private:
  Value value_;
};

}  // namespace endpoints
