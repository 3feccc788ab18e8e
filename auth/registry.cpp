#include <algorithm>
#include <array>
#include <utility>

#include "auth/method.h"
#include "auth/mschapv2.h"

namespace pptp {
namespace {

/// In the order of the enumeration.
constexpr std::array<std::string_view, 5> kWords = {"pap", "chap-md5", "mschapv1", "mschapv2",
                                                    "eap-mschapv2"};
static_assert(kWords.size() == std::to_underlying(AuthMethod::eap_mschapv2) + 1);

}  // namespace

std::string_view name(AuthMethod method) noexcept {
  return kWords[std::to_underlying(method)];
}

std::optional<AuthMethod> auth_method_from_name(std::string_view word) noexcept {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<AuthMethod>(found - kWords.begin());
}

std::unique_ptr<Method> make_method(AuthMethod kind, MethodConfig config, Entropy& entropy) {
  if (config.role == Role::client && config.credentials == nullptr) return nullptr;
  switch (kind) {
    case AuthMethod::mschapv2:
      return std::make_unique<MsChapV2>(std::move(config), entropy);
    case AuthMethod::pap:
    case AuthMethod::chap_md5:
    case AuthMethod::mschapv1:
    case AuthMethod::eap_mschapv2:
      return nullptr;
  }
  return nullptr;
}

}  // namespace pptp
