#include "tunnel/quirks.h"

#include <array>

namespace pptp {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Quirk::count_)> kNames = {
    "always-ack", "bezeq-israel"};

}  // namespace

std::string_view name(Quirk quirk) noexcept {
  return kNames[std::to_underlying(quirk)];
}

std::span<const std::string_view> quirk_names() noexcept {
  return kNames;
}

std::optional<Quirk> quirk_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Quirk>(i);
  }
  return std::nullopt;
}

}  // namespace pptp
