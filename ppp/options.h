#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/bytes.h"
#include "lib/ipv4.h"

namespace pptp {

/// One configuration option (RFC 1661 6): `data` is what follows type and length, and refers into
/// the packet it came in.
struct Option {
  std::uint8_t type = 0;
  Bytes data;
};

/// A list of options whose lengths have all been checked, so that walking it cannot fail.
class OptionList {
 public:
  class Iterator {
   public:
    using value_type = Option;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;

    explicit Iterator(Bytes rest) noexcept : rest_(rest) {}

    Option operator*() const noexcept { return {rest_[0], rest_.subspan(2, rest_[1] - 2U)}; }

    Iterator& operator++() noexcept {
      rest_ = rest_.subspan(rest_[1]);
      return *this;
    }

    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }

    bool operator==(const Iterator& other) const noexcept {
      return rest_.size() == other.rest_.size();
    }

   private:
    Bytes rest_;
  };

  /// Refers into `list`. truncated or bad_length when an option's length is below 2 or runs past
  /// the end.
  static Result<OptionList> parse(Bytes list) noexcept;

  Iterator begin() const noexcept { return Iterator(list_); }

  Iterator end() const noexcept { return Iterator(Bytes()); }

  bool empty() const noexcept { return list_.empty(); }

  Bytes bytes() const noexcept { return list_; }

 private:
  explicit OptionList(Bytes list) noexcept : list_(list) {}

  Bytes list_;
};

/// Appends options to a bounded buffer; one that does not fit whole is left out and noted by the
/// Writer.
class OptionWriter {
 public:
  explicit OptionWriter(Writer& out) noexcept : out_(out) {}

  void put(std::uint8_t type, Bytes data) noexcept;

  void put_flag(std::uint8_t type) noexcept { put(type, Bytes()); }

  void put_u16(std::uint8_t type, std::uint16_t value) noexcept;
  void put_u32(std::uint8_t type, std::uint32_t value) noexcept;

  void put(std::uint8_t type, Ipv4Address address) noexcept { put_u32(type, address.value()); }

  void put(const Option& option) noexcept { put(option.type, option.data); }

  std::size_t size() const noexcept { return out_.size(); }

 private:
  Writer& out_;
};

}  // namespace pptp
