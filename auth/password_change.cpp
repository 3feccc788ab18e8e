#include "auth/password_change.h"

#include <algorithm>

#include "lib/legacy_crypto.h"
#include "lib/narrow.h"
#include "lib/rc4.h"
#include "lib/secret.h"

namespace pptp {
namespace {

// RFC 2759 8.9
constexpr std::size_t kPasswordArea = UnicodePassword::kMaxOctets;
// RFC 2759 7
constexpr std::size_t kReservedSize = 8;
// RFC 2433 10: the password and the hash once more, for LAN Manager, and its response.
constexpr std::size_t kLmChangeSize = sizeof(EncryptedPassword) + sizeof(EncryptedHash);
constexpr std::size_t kLmResponseSize = 24;
constexpr std::uint16_t kUseNtResponse = 0x0001;

EncryptedChange read_change(Reader& in) noexcept {
  EncryptedChange change;
  change.password = in.array<sizeof(EncryptedPassword)>();
  change.hash = in.array<sizeof(EncryptedHash)>();
  return change;
}

void write_change(Writer& out, const EncryptedChange& change) noexcept {
  out.bytes(change.password);
  out.bytes(change.hash);
}

}  // namespace

EncryptedChange encrypt(const Credentials& changed, const NtHash& before, Entropy& entropy) {
  EncryptedChange change;
  if (const auto password = changed.unicode_password()) {
    change.password = encrypt_password(*password, before, entropy);
  }
  change.hash = encrypt_hash(before, changed.nt_hash());
  return change;
}

std::optional<SecretText> decrypt(const EncryptedChange& change, const NtHash& before) {
  const Result<UnicodePassword> password = decrypt_password(change.password, before);
  if (!password || password->bytes().empty()) return std::nullopt;
  // RFC 2759 8.12: that it holds the old hash proves that the sender knew it before the change.
  const NtHash hash = nt_password_hash(password->bytes());
  if (!equal_secret(encrypt_hash(before, hash), change.hash)) return std::nullopt;
  Result<SecretText> text = utf8_of(*password);
  if (!text) return std::nullopt;
  return *std::move(text);
}

Result<MsChapV1ChangePassword> parse_mschapv1_change(Bytes data) noexcept {
  if (data.size() != MsChapV1ChangePassword::kSize) return std::unexpected(Error::bad_length);
  Reader in(data);
  MsChapV1ChangePassword packet;
  packet.password = read_change(in);
  in.skip(kLmChangeSize + kLmResponseSize);
  packet.response.nt_response = in.array<sizeof(NtResponse)>();
  packet.response.use_nt = (in.u16() & kUseNtResponse) != 0;
  return packet;
}

std::vector<std::uint8_t> build(const MsChapV1ChangePassword& packet) {
  std::vector<std::uint8_t> data(MsChapV1ChangePassword::kSize);
  Writer out(data);
  write_change(out, packet.password);
  out.zeros(kLmChangeSize + kLmResponseSize);
  out.bytes(packet.response.nt_response);
  out.u16(packet.response.use_nt ? kUseNtResponse : 0);
  return data;
}

Result<MsChapV2ChangePassword> parse_mschapv2_change(Bytes data) noexcept {
  if (data.size() != MsChapV2ChangePassword::kSize) return std::unexpected(Error::bad_length);
  Reader in(data);
  MsChapV2ChangePassword packet;
  packet.password = read_change(in);
  packet.response.peer_challenge.octets = in.array<sizeof(PeerChallenge)>();
  in.skip(kReservedSize);
  packet.response.nt_response = in.array<sizeof(NtResponse)>();
  return packet;
}

std::vector<std::uint8_t> build(const MsChapV2ChangePassword& packet) {
  std::vector<std::uint8_t> data(MsChapV2ChangePassword::kSize);
  Writer out(data);
  write_change(out, packet.password);
  out.bytes(packet.response.peer_challenge.octets);
  out.zeros(kReservedSize);
  out.bytes(packet.response.nt_response);
  out.u16(0);  // flags: all are reserved
  return data;
}

EncryptedPassword encrypt_password(const UnicodePassword& password, const NtHash& old_hash,
                                   Entropy& entropy) noexcept {
  const Bytes octets = password.bytes();
  EncryptedPassword block;
  entropy.fill(MutableBytes(block).first(kPasswordArea - octets.size()));
  std::ranges::copy(octets, block.data() + kPasswordArea - octets.size());
  // Of RFC 2759's numbers the only one whose octets go the other way round.
  const auto size = narrow<std::uint16_t>(octets.size());
  block[kPasswordArea] = static_cast<std::uint8_t>(size & 0xff);
  block[kPasswordArea + 1] = static_cast<std::uint8_t>(size >> 8);
  block[kPasswordArea + 2] = block[kPasswordArea + 3] = 0;
  Rc4(old_hash.bytes()).apply(block);
  return block;
}

Result<UnicodePassword> decrypt_password(const EncryptedPassword& encrypted,
                                         const NtHash& old_hash) noexcept {
  Secret<sizeof(EncryptedPassword)> block(encrypted);
  Rc4(old_hash.bytes()).apply(block.mutable_bytes());
  const Bytes octets = block.bytes();
  const std::size_t size = octets[kPasswordArea] | std::size_t{octets[kPasswordArea + 1]} << 8 |
                           std::size_t{octets[kPasswordArea + 2]} << 16 |
                           std::size_t{octets[kPasswordArea + 3]} << 24;
  if (size > kPasswordArea) return std::unexpected(Error::bad_length);
  return UnicodePassword::from_octets(octets.subspan(kPasswordArea - size, size));
}

EncryptedHash encrypt_hash(const NtHash& old_hash, const NtHash& new_hash) noexcept {
  constexpr std::size_t kKeySize = 7;
  EncryptedHash encrypted;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t at = i * sizeof(DesBlock);
    DesBlock clear = Reader(old_hash.bytes().subspan(at)).array<sizeof(DesBlock)>();
    const DesBlock block = des_encrypt(new_hash.bytes().subspan(i * kKeySize, kKeySize), clear);
    wipe(clear);
    std::ranges::copy(block, encrypted.data() + at);
  }
  return encrypted;
}

}  // namespace pptp
