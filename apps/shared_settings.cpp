#include "apps/shared_settings.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "apps/nearest.h"

namespace pptp::app {
namespace {

constexpr std::array kMethods = {AuthMethod::eap_mschapv2, AuthMethod::mschapv2,
                                 AuthMethod::mschapv1, AuthMethod::chap_md5, AuthMethod::pap};
constexpr std::array<std::string_view, 2> kPasswordTexts = {"utf-8", "octets"};
constexpr std::array<std::string_view, 3> kPolicies = {"require", "prefer", "off"};

EncryptionPolicy read_policy(const Settings& settings, ConfigErrors& errors) {
  constexpr std::string_view kKey = "encryption.mppe";
  const std::string& word = settings.text(kKey);
  if (word == "require") return EncryptionPolicy::require;
  if (word == "prefer") return EncryptionPolicy::prefer;
  if (word == "off") return EncryptionPolicy::off;
  errors.push_back(error_at(
      settings.place(kKey),
      fmt::format(R"('{}' must be "require", "prefer" or "off", not {})", kKey, to_toml(word)),
      suggestion(word, kPolicies, "word")));
  return EncryptionPolicy::require;
}

}  // namespace

std::vector<AuthMethod> read_methods(const Settings& settings, ConfigErrors& errors) {
  constexpr std::string_view kKey = "auth.methods";
  std::array<std::string_view, kMethods.size()> words;
  std::ranges::transform(kMethods, words.begin(), [](AuthMethod method) { return name(method); });

  std::vector<AuthMethod> methods;
  for (const TomlValue& element : settings.list(kKey)) {
    const auto& word = std::get<std::string>(element.data);
    const auto method = auth_method_from_name(word);
    if (!method) {
      errors.push_back(error_at(element.place,
                                fmt::format("'{}': there is no method '{}'", kKey, word),
                                suggestion(word, words, "method")));
    } else {
      methods.push_back(*method);
    }
  }
  if (settings.list(kKey).empty())
    errors.push_back(error_at(settings.place(kKey), fmt::format("'{}' is an empty list", kKey),
                              R"(write methods = ["mschapv2"])"));
  return methods;
}

PasswordText read_password_text(const Settings& settings, ConfigErrors& errors) {
  constexpr std::string_view kKey = "auth.password-text";
  const std::string& word = settings.text(kKey);
  if (word == "utf-8") return PasswordText::utf8;
  if (word == "octets") return PasswordText::octets;
  errors.push_back(
      error_at(settings.place(kKey),
               fmt::format(R"('{}' must be "utf-8" or "octets", not {})", kKey, to_toml(word)),
               suggestion(word, kPasswordTexts, "word")));
  return PasswordText::utf8;
}

EncryptionConfig read_encryption(const Settings& settings, ConfigErrors& errors) {
  constexpr std::string_view kBits = "encryption.key-bits";
  EncryptionConfig config;
  config.policy = read_policy(settings, errors);
  config.allow_40 = config.allow_56 = config.allow_128 = false;
  for (const TomlValue& element : settings.list(kBits)) {
    switch (const auto bits = std::get<std::int64_t>(element.data)) {
      case 40:
        config.allow_40 = true;
        break;
      case 56:
        config.allow_56 = true;
        break;
      case 128:
        config.allow_128 = true;
        break;
      default:
        errors.push_back(error_at(element.place,
                                  fmt::format("'{}': MPPE has no keys of {} bits", kBits, bits),
                                  "choose of 128, 56 and 40"));
    }
  }
  if (settings.list(kBits).empty())
    errors.push_back(error_at(settings.place(kBits), fmt::format("'{}' is an empty list", kBits),
                              R"(to go without encryption, write mppe = "off")"));

  constexpr std::string_view kStateful = "encryption.stateful";
  if (settings.is_text(kStateful)) {
    config.allow_stateful = config.ask_stateful = settings.text(kStateful) == "only";
    if (!config.ask_stateful)
      errors.push_back(error_at(settings.place(kStateful),
                                fmt::format(R"('{}' must be true, false or "only", not {})",
                                            kStateful, to_toml(settings.text(kStateful)))));
  } else {
    config.allow_stateful = settings.flag(kStateful);
  }

  constexpr std::string_view kMppc = "encryption.mppc";
  config.mppc = settings.flag(kMppc);
  if (config.mppc && config.policy == EncryptionPolicy::off)
    errors.push_back(
        error_at(settings.place(kMppc),
                 fmt::format("'{}' goes with encryption, and 'encryption.mppe' is \"off\"", kMppc),
                 "take one of the two out"));
  return config;
}

void check_keys_possible(const Settings& settings, const std::vector<AuthMethod>& methods,
                         const EncryptionConfig& encryption, ConfigErrors& errors) {
  if (encryption.policy != EncryptionPolicy::require || methods.empty()) return;
  if (std::ranges::any_of(methods, &makes_keys)) return;
  const bool methods_given = settings.given("auth.methods");
  errors.push_back(error_at(
      settings.place(methods_given ? "auth.methods" : "encryption.mppe"),
      fmt::format(
          R"('encryption.mppe' is "require"{}, and none of 'auth.methods' makes keys for it)",
          settings.given("encryption.mppe") ? "" : " (the default)"),
      R"(allow "mschapv2", or write mppe = "off" to go without encryption)"));
}

}  // namespace pptp::app
