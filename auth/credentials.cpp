#include "auth/credentials.h"

#include <array>
#include <cstdint>
#include <utility>

namespace pptp {
namespace {

struct Utf8Character {
  std::uint32_t code_point;
  std::size_t octets;
};

/// What each lead octet says (RFC 3629 4).
struct Utf8Form {
  std::uint8_t lead_mask;
  std::uint8_t lead;
  std::size_t octets;
  std::uint32_t least;  ///< a smaller code point would be an overlong form
};

constexpr std::array<Utf8Form, 4> kUtf8Forms = {{
    {0x80, 0x00, 1, 0x0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x1'0000},
}};

constexpr std::uint32_t kFirstSupplementary = 0x1'0000;
constexpr std::uint32_t kLastCodePoint = 0x10'ffff;
constexpr std::uint32_t kFirstSurrogate = 0xd800;
constexpr std::uint32_t kFirstLowSurrogate = 0xdc00;
constexpr std::uint32_t kLastSurrogate = 0xdfff;

std::optional<Utf8Character> decode(Bytes text, const Utf8Form& form) noexcept {
  if ((text[0] & form.lead_mask) != form.lead || text.size() < form.octets) return std::nullopt;
  std::uint32_t code_point = static_cast<std::uint8_t>(text[0] & ~form.lead_mask);
  for (const std::uint8_t octet : text.subspan(1, form.octets - 1)) {
    if ((octet & 0xc0) != 0x80) return std::nullopt;
    code_point = code_point << 6 | (octet & 0x3fU);
  }
  if (code_point < form.least || code_point > kLastCodePoint) return std::nullopt;
  if (code_point >= kFirstSurrogate && code_point <= kLastSurrogate) return std::nullopt;
  return Utf8Character{code_point, form.octets};
}

/// The first character of a text that is not empty; its first octet where that begins no character.
Utf8Character first_character(Bytes text) noexcept {
  for (const Utf8Form& form : kUtf8Forms) {
    if (const auto character = decode(text, form)) return *character;
  }
  return {text[0], 1};
}

void write_unit(Writer& out, std::uint32_t unit) noexcept {
  out.u8(static_cast<std::uint8_t>(unit & 0xff));
  out.u8(static_cast<std::uint8_t>(unit >> 8));
}

}  // namespace

UnicodePassword::UnicodePassword(std::string_view utf8) noexcept {
  Writer out(octets_.mutable_bytes());
  for (Bytes text = as_bytes(utf8); !text.empty();) {
    const auto [code_point, octets] = first_character(text);
    text = text.subspan(octets);
    if (code_point < kFirstSupplementary) {
      if (out.room() < 2) break;
      write_unit(out, code_point);
    } else {
      if (out.room() < 4) break;
      const std::uint32_t above = code_point - kFirstSupplementary;
      write_unit(out, kFirstSurrogate + (above >> 10));
      write_unit(out, kFirstLowSurrogate + (above & 0x3ff));
    }
  }
  size_ = out.size();
}

Credentials::Credentials(std::string user, SecretText password)
    : user_(std::move(user)), hash_(nt_password_hash(UnicodePassword(password.view()).bytes())) {
  password_ = std::move(password);
}

Credentials::Credentials(std::string user, NtHash hash)
    : user_(std::move(user)), hash_(std::move(hash)) {}

Credentials::Credentials(std::string user, std::optional<SecretText> password, NtHash hash) noexcept
    : user_(std::move(user)), password_(std::move(password)), hash_(std::move(hash)) {}

std::optional<std::string_view> Credentials::password() const noexcept {
  if (!password_) return std::nullopt;
  return password_->view();
}

NtHash Credentials::nt_hash() const noexcept {
  return hash_.clone();
}

Credentials Credentials::clone() const {
  std::optional<SecretText> password;
  if (password_) password = password_->clone();
  return Credentials(user_, std::move(password), hash_.clone());
}

}  // namespace pptp
