#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace pptp {

/// What some peer needs and no other should get. Each has its interop note, and its name in the
/// profile.
enum class Quirk : std::uint8_t {
  always_ack,    ///< interop note 3.7g: acknowledge without delay, and with all that is sent
  bezeq_israel,  ///< interop note 3.5: the one way in which Orckit modems want to be called
  count_
};

/// As in the profile: "always-ack".
std::string_view name(Quirk quirk) noexcept;

/// All of them.
std::span<const std::string_view> quirk_names() noexcept;

/// nullopt: there is none of this name.
std::optional<Quirk> quirk_from_name(std::string_view name) noexcept;

class Quirks {
 public:
  void add(Quirk quirk) noexcept { set_[std::to_underlying(quirk)] = true; }

  bool has(Quirk quirk) const noexcept { return set_[std::to_underlying(quirk)]; }

 private:
  std::array<bool, static_cast<std::size_t>(Quirk::count_)> set_{};
};

}  // namespace pptp
