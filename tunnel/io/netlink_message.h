#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "lib/ipv4.h"
#include "tunnel/io/socket_address.h"

struct nl_msg;
struct nlattr;
struct nlmsghdr;

// How the messages of Netlink are written and read.
namespace pptp::io {

/// A request being written: a fixed header and attributes. Without memory it throws.
class NetlinkMessage {
 public:
  template <class Header>
  NetlinkMessage(std::uint16_t type, int flags, const Header& header)
      : NetlinkMessage(type, flags, &header, sizeof header) {
    static_assert(std::is_trivially_copyable_v<Header>);
  }

  NetlinkMessage& add(int attribute, std::uint32_t value);
  NetlinkMessage& add(int attribute, std::uint8_t value);
  NetlinkMessage& add(int attribute, Ipv4Address address);
  NetlinkMessage& add(int attribute, const std::string& text);
  NetlinkMessage& add(int attribute, std::span<const std::uint8_t> octets);

  template <class Inside>
  NetlinkMessage& nest(int attribute, const Inside& inside) {
    nlattr* const start = begin_nest(attribute);
    inside(*this);
    end_nest(start);
    return *this;
  }

  nl_msg* message() const noexcept { return message_.get(); }

 private:
  struct Deleter {
    void operator()(nl_msg* message) const noexcept;
  };

  NetlinkMessage(std::uint16_t type, int flags, const void* header, std::size_t size);

  NetlinkMessage& put(int attribute, const void* value, std::size_t size);
  nlattr* begin_nest(int attribute);
  void end_nest(nlattr* start);

  std::unique_ptr<nl_msg, Deleter> message_;
};

/// The attributes of a message or of a nested attribute, by number.
class NetlinkAttributes {
 public:
  template <class Header>
  static NetlinkAttributes of(nlmsghdr* message, const Header&) {
    return NetlinkAttributes(message, sizeof(Header));
  }

  /// None, where `nested` is nullptr.
  static NetlinkAttributes in(nlattr* nested);

  nlattr* raw(int attribute) const noexcept { return table_[static_cast<std::size_t>(attribute)]; }

  template <class Value>
  std::optional<Value> value(int attribute) const noexcept {
    static_assert(std::is_trivially_copyable_v<Value>);
    const void* const octets = data(attribute, sizeof(Value));
    if (octets == nullptr) return std::nullopt;
    Value value;
    std::memcpy(&value, octets, sizeof value);
    return value;
  }

  std::optional<std::uint32_t> number(int attribute) const noexcept {
    return value<std::uint32_t>(attribute);
  }

  std::optional<Ipv4Address> address(int attribute) const noexcept {
    const auto octets = value<in_addr>(attribute);
    if (!octets) return std::nullopt;
    return from_in_addr(*octets);
  }

 private:
  // More than any of the kinds that are read here has; what is beyond is skipped.
  static constexpr int kLast = 63;

  NetlinkAttributes() = default;
  NetlinkAttributes(nlmsghdr* message, std::size_t header);

  /// nullptr where there is none, or it is shorter.
  const void* data(int attribute, std::size_t least) const noexcept;

  std::array<nlattr*, kLast + 1> table_{};
};

}  // namespace pptp::io
