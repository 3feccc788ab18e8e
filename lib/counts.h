#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace pptp {

/// One counter per reason; `Reason` is an enumeration that ends with count_.
template <class Reason>
class Counts {
 public:
  void count(Reason reason, std::uint64_t times = 1) noexcept {
    counts_[std::to_underlying(reason)] += times;
  }

  std::uint64_t operator[](Reason reason) const noexcept {
    return counts_[std::to_underlying(reason)];
  }

  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_)
      sum += count;
    return sum;
  }

  Counts& operator+=(const Counts& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      counts_[i] += other.counts_[i];
    return *this;
  }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> counts_{};
};

}  // namespace pptp
