#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace pptp {

/// An integer that only means one thing. Host order inside; octet order exists in Reader and
/// Writer.
template <class Tag, class Rep>
class StrongId {
 public:
  constexpr StrongId() noexcept = default;

  explicit constexpr StrongId(Rep value) noexcept : value_(value) {}

  constexpr Rep value() const noexcept { return value_; }

  constexpr auto operator<=>(const StrongId&) const noexcept = default;

 private:
  Rep value_ = 0;
};

/// The id that we gave to a call: the peer writes it into the GRE key of what it sends us.
using CallId = StrongId<struct CallIdTag, std::uint16_t>;

/// The id that the peer gave to the call: we write it into the GRE key. 0 occurs (interop
/// note 3.2).
using PeerCallId = StrongId<struct PeerCallIdTag, std::uint16_t>;

/// RFC 1661 5: matches requests and replies.
using Identifier = StrongId<struct IdentifierTag, std::uint8_t>;

constexpr Identifier next(Identifier id) noexcept {
  return Identifier(static_cast<std::uint8_t>(id.value() + 1));
}

}  // namespace pptp

template <class Tag, class Rep>
struct std::hash<pptp::StrongId<Tag, Rep>> {
  std::size_t operator()(pptp::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
