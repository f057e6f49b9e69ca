// Memory for batches that are put together from several requests.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace endpoints {

// Bytes that start at a cache line, as vector instructions like them. Growing forgets what was in them.
class HostBuffer {
 public:
  std::byte* reserve(std::size_t bytes) {
    if (bytes > capacity_) {
      data_.reset();
      capacity_ = 0;
      data_.reset(static_cast<std::byte*>(::operator new(bytes, kAlignment)));
      capacity_ = bytes;
    }
    return data_.get();
  }

  // For a batch without bytes there is memory too: engines take no null.
  HostBuffer() { reserve(1); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(std::byte* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<std::byte, Delete> data_;
  std::size_t capacity_ = 0;
};

}  // namespace endpoints
