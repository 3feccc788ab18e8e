#include "auth/credentials.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
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

std::uint32_t read_unit(Reader& in) noexcept {
  const std::uint32_t low = in.u8();
  return low | std::uint32_t{in.u8()} << 8;
}

void write_utf8(Writer& out, std::uint32_t code_point) noexcept {
  const auto longer = [code_point](const Utf8Form& form) { return form.least > code_point; };
  const Utf8Form& form = *std::prev(std::ranges::find_if(kUtf8Forms, longer));
  for (std::size_t left = form.octets; left-- > 0;) {
    const std::uint32_t bits = code_point >> 6 * left;
    const bool lead = left + 1 == form.octets;
    out.u8(static_cast<std::uint8_t>(lead ? form.lead | bits : 0x80U | (bits & 0x3fU)));
  }
}

}  // namespace

UnicodePassword::UnicodePassword(std::string_view text, PasswordText kind) noexcept {
  Writer out(octets_.mutable_bytes());
  for (Bytes rest = as_bytes(text); !rest.empty();) {
    const auto [code_point, octets] =
        kind == PasswordText::utf8 ? first_character(rest) : Utf8Character{rest[0], 1};
    rest = rest.subspan(octets);
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

Result<UnicodePassword> UnicodePassword::from_octets(Bytes utf16le) noexcept {
  if (utf16le.size() % 2 != 0 || utf16le.size() > kMaxOctets) {
    return std::unexpected(Error::bad_length);
  }
  UnicodePassword password;
  Writer(password.octets_.mutable_bytes()).bytes(utf16le);
  password.size_ = utf16le.size();
  return password;
}

Result<SecretText> utf8_of(const UnicodePassword& password) {
  Secret<UnicodePassword::kMaxOctets / 2 * 3> octets;  // three for each unit at most
  Writer out(octets.mutable_bytes());
  for (Reader in(password.bytes()); in.remaining() > 0;) {
    std::uint32_t code_point = read_unit(in);
    if (code_point >= kFirstSurrogate && code_point <= kLastSurrogate) {
      const std::uint32_t low = read_unit(in);
      if (code_point >= kFirstLowSurrogate || low < kFirstLowSurrogate || low > kLastSurrogate) {
        return std::unexpected(Error::bad_value);
      }
      code_point =
          kFirstSupplementary + ((code_point - kFirstSurrogate) << 10) + (low - kFirstLowSurrogate);
    }
    write_utf8(out, code_point);
  }
  return SecretText(as_text(out.written()));
}

Result<SecretText> octets_of(const UnicodePassword& password) {
  Secret<UnicodePassword::kMaxOctets / 2> octets;
  Writer out(octets.mutable_bytes());
  for (Reader in(password.bytes()); in.remaining() > 0;) {
    const std::uint32_t unit = read_unit(in);
    if (unit > 0xff) return std::unexpected(Error::bad_value);
    out.u8(static_cast<std::uint8_t>(unit));
  }
  return SecretText(as_text(out.written()));
}

Credentials::Credentials(std::string user, SecretText password, PasswordText kind)
    : user_(std::move(user)),
      kind_(kind),
      hash_(nt_password_hash(UnicodePassword(password.view(), kind).bytes())) {
  password_ = std::move(password);
}

Credentials::Credentials(std::string user, NtHash hash)
    : user_(std::move(user)), hash_(std::move(hash)) {}

Credentials::Credentials(std::string user, std::optional<SecretText> password, PasswordText kind,
                         NtHash hash) noexcept
    : user_(std::move(user)), password_(std::move(password)), kind_(kind), hash_(std::move(hash)) {}

std::optional<std::string_view> Credentials::password() const noexcept {
  if (!password_) return std::nullopt;
  return password_->view();
}

std::optional<UnicodePassword> Credentials::unicode_password() const noexcept {
  if (!password_) return std::nullopt;
  return UnicodePassword(password_->view(), kind_);
}

NtHash Credentials::nt_hash() const noexcept {
  return hash_.clone();
}

Credentials Credentials::clone() const {
  std::optional<SecretText> password;
  if (password_) password = password_->clone();
  Credentials copy(user_, std::move(password), kind_, hash_.clone());
  copy.expired_ = expired_;
  return copy;
}

}  // namespace pptp
