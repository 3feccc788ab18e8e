#include <algorithm>
#include <array>
#include <utility>

#include "auth/chap_md5.h"
#include "auth/eap_mschapv2.h"
#include "auth/method.h"
#include "auth/mschapv1.h"
#include "auth/mschapv2.h"
#include "auth/pap.h"

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

bool makes_keys(AuthMethod method) noexcept {
  switch (method) {
    case AuthMethod::pap:
    case AuthMethod::chap_md5:
      return false;
    case AuthMethod::mschapv1:
    case AuthMethod::mschapv2:
    case AuthMethod::eap_mschapv2:
      return true;
  }
  return false;
}

bool needs_password(AuthMethod method) noexcept {
  return !makes_keys(method);  // all that make keys make them from the hash
}

void Method::password_stored(TimePoint, bool) {}

void Method::try_again(TimePoint, const Credentials&) {}

std::unique_ptr<Method> make_method(AuthMethod kind, MethodConfig config, Entropy& entropy) {
  if (config.role == Role::client) {
    if (config.credentials == nullptr) return nullptr;
    if (needs_password(kind) && !config.credentials->password()) return nullptr;
  }
  switch (kind) {
    case AuthMethod::pap:
      return std::make_unique<Pap>(std::move(config));
    case AuthMethod::chap_md5:
      return std::make_unique<ChapMd5>(std::move(config), entropy);
    case AuthMethod::mschapv1:
      return std::make_unique<MsChapV1>(std::move(config), entropy);
    case AuthMethod::mschapv2:
      return std::make_unique<MsChapV2>(std::move(config), entropy);
    case AuthMethod::eap_mschapv2:
      return std::make_unique<EapMsChapV2>(std::move(config), entropy);
  }
  return nullptr;
}

}  // namespace pptp
