// Errors: exceptions on this side of the C API, TRITONSERVER_Error on the other.
#pragma once

#include <exception>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "triton_api.h"

namespace endpoints {

// What Triton is to answer. The message is one line; where the reader can mend it, it ends with "Hint: …".
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, TRITONSERVER_Error_Code code = TRITONSERVER_ERROR_INVALID_ARG)
      : std::runtime_error(message), code_(code) {}
  TRITONSERVER_Error_Code code() const { return code_; }

 private:
  TRITONSERVER_Error_Code code_;
};

// Throws what a function of Triton's API returned, unless it succeeded.
inline void check(TRITONSERVER_Error* error) {
  if (error == nullptr) return;
  const Error found(TRITONSERVER_ErrorMessage(error), TRITONSERVER_ErrorCode(error));
  TRITONSERVER_ErrorDelete(error);
  throw found;
}

// Drops what a function of Triton's API returned: for calls whose failure nobody can answer.
inline void ignore(TRITONSERVER_Error* error) noexcept {
  if (error != nullptr) TRITONSERVER_ErrorDelete(error);
}

// The line of a message that says what happened: PyTorch appends a stack trace to it, OpenVINO puts one before it.
inline std::string first_line(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    line.erase(0, line.find_first_not_of(" \t"));
    line.erase(line.find_last_not_of(" \t\r.") + 1);
    if (!line.empty() && !line.starts_with("Exception from ") && !line.starts_with("Check '")) return line;
  }
  return "no reason given";
}

// The exception that is being handled, as an Error. For use in a `catch (...)` alone.
inline Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error("out of memory", TRITONSERVER_ERROR_UNAVAILABLE);
  } catch (const std::exception& error) {
    return Error(first_line(error.what()), TRITONSERVER_ERROR_INTERNAL);
  } catch (...) {
    return Error("an exception of unknown type", TRITONSERVER_ERROR_INTERNAL);
  }
}

// Calls `function` and turns what it throws into the error that Triton's API wants; null when it succeeds.
template <typename Function>
TRITONSERVER_Error* guarded(Function&& function) noexcept {
  try {
    std::forward<Function>(function)();
    return nullptr;
  } catch (...) {
    const Error error = current_error();
    return TRITONSERVER_ErrorNew(error.code(), error.what());
  }
}

inline void log(TRITONSERVER_LogLevel level, const std::string& message) noexcept {
  ignore(TRITONSERVER_LogMessage(level, "endpoints", 0, message.c_str()));
}

}  // namespace endpoints
