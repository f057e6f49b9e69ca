#include "json.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "error.h"

namespace endpoints {
namespace {

// Deeper documents are refused, because reading recurses.
constexpr int kMaxDepth = 64;

// A recursive-descent parser for RFC 8259.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json result = value(0);
    if (peek() != '\0' || position_ != text_.size()) fail("the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw Error("not JSON: expected " + expected + " at offset " + std::to_string(position_));
  }

  // The next character that is no space; NUL at the end.
  char peek() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("'") + wanted + "'");
  }

  Json value(int depth) {
    if (depth > kMaxDepth) fail("less depth");
    switch (peek()) {
      case '{':
        return Json(object(depth));
      case '[':
        return Json(array(depth));
      case '"':
        return Json(string());
      case 't':
        skip("true");
        return Json(true);
      case 'f':
        skip("false");
        return Json(false);
      case 'n':
        skip("null");
        return Json();
      default:
        return number();
    }
  }

  Json::Object object(int depth) {
    Json::Object result;
    expect('{');
    if (take('}')) return result;
    do {
      if (peek() != '"') fail("a name");
      std::string name = string();
      expect(':');
      result.insert_or_assign(std::move(name), value(depth + 1));
    } while (take(','));
    expect('}');
    return result;
  }

  Json::Array array(int depth) {
    Json::Array result;
    expect('[');
    if (take(']')) return result;
    do {
      result.push_back(value(depth + 1));
    } while (take(','));
    expect(']');
    return result;
  }

  void skip(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) fail(std::string(word));
    position_ += word.size();
  }

  Json number() {
    const char* const begin = text_.data() + position_;
    const char* const end = text_.data() + text_.size();
    double real = 0;
    const auto [real_end, real_error] = std::from_chars(begin, end, real);
    if (real_error != std::errc()) fail("a value");
    position_ += static_cast<std::size_t>(real_end - begin);
    std::int64_t whole = 0;
    const auto [whole_end, whole_error] = std::from_chars(begin, end, whole);
    if (whole_error == std::errc() && whole_end == real_end) return Json(whole);
    return Json(real);
  }

  std::string string() {
    std::string result;
    expect('"');
    while (true) {
      if (position_ >= text_.size()) fail("the end of a string");
      const char character = text_[position_++];
      if (character == '"') return result;
      if (character == '\\') {
        append_escaped(result);
      } else {
        result += character;
      }
    }
  }

  void append_escaped(std::string& result) {
    if (position_ >= text_.size()) fail("an escaped character");
    const char character = text_[position_++];
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const auto index = kEscapes.find(character);
    if (index != std::string_view::npos) {
      result += kMeanings[index];
    } else if (character == 'u') {
      append_utf8(result, code_point());
    } else {
      fail("an escaped character");
    }
  }

  // What follows \u: one unit of UTF-16, or two for what lies beyond.
  unsigned code_point() {
    const unsigned unit = hexadecimal();
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    if (unit > 0xDBFF || text_.substr(position_, 2) != "\\u") fail("a surrogate pair");
    position_ += 2;
    const unsigned low = hexadecimal();
    if (low < 0xDC00 || low > 0xDFFF) fail("a surrogate pair");
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }

  unsigned hexadecimal() {
    const std::string_view unit = text_.substr(position_, 4);
    unsigned result = 0;
    const auto [end, error] = std::from_chars(unit.data(), unit.data() + unit.size(), result, 16);
    if (unit.size() != 4 || error != std::errc() || end != unit.data() + 4) fail("four hexadecimal characters");
    position_ += 4;
    return result;
  }

  static void append_utf8(std::string& result, unsigned code) {
    const auto append = [&result](unsigned byte) { result += static_cast<char>(byte); };
    if (code < 0x80) {
      append(code);
      return;
    }
    if (code < 0x800) {
      append(0xC0 | (code >> 6));
    } else if (code < 0x10000) {
      append(0xE0 | (code >> 12));
      append(0x80 | ((code >> 6) & 0x3F));
    } else {
      append(0xF0 | (code >> 18));
      append(0x80 | ((code >> 12) & 0x3F));
      append(0x80 | ((code >> 6) & 0x3F));
    }
    append(0x80 | (code & 0x3F));
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

template <typename Type>
const Type& as(const Json::Value& value, const char* expected) {
  const Type* found = std::get_if<Type>(&value);
  if (found == nullptr) throw Error(std::string("JSON: expected ") + expected);
  return *found;
}

}  // namespace

Json Json::parse(std::string_view text) {
  return Parser(text).document();
}

std::int64_t Json::integer() const {
  return as<std::int64_t>(value_, "an integer");
}
bool Json::boolean() const {
  return as<bool>(value_, "true or false");
}
const std::string& Json::string() const {
  return as<std::string>(value_, "a string");
}
const Json::Array& Json::array() const {
  return as<Array>(value_, "an array");
}
const Json::Object& Json::object() const {
  return as<Object>(value_, "an object");
}

const Json* Json::find(std::string_view key) const {
  const Object& members = object();
  const auto found = members.find(key);
  return found == members.end() ? nullptr : &found->second;
}

const Json& Json::at(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) throw Error("JSON: \"" + std::string(key) + "\" is missing");
  return *found;
}

}  // namespace endpoints
