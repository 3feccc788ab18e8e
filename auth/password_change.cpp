#include "auth/password_change.h"

#include <algorithm>

#include "lib/legacy_crypto.h"
#include "lib/narrow.h"
#include "lib/secret.h"

namespace pptp {
namespace {

// RFC 2759 8.9
constexpr std::size_t kPasswordArea = UnicodePassword::kMaxOctets;
// RFC 2759 7
constexpr std::size_t kReservedSize = 8;

}  // namespace

Result<ChangePassword> parse_change_password(Bytes data) noexcept {
  if (data.size() != ChangePassword::kSize) return std::unexpected(Error::bad_length);
  Reader in(data);
  ChangePassword packet;
  packet.encrypted_password = in.array<sizeof(EncryptedPassword)>();
  packet.encrypted_hash = in.array<sizeof(EncryptedHash)>();
  packet.response.peer_challenge.octets = in.array<sizeof(PeerChallenge)>();
  in.skip(kReservedSize);
  packet.response.nt_response = in.array<sizeof(NtResponse)>();
  return packet;
}

std::vector<std::uint8_t> build(const ChangePassword& packet) {
  std::vector<std::uint8_t> data(ChangePassword::kSize);
  Writer out(data);
  out.bytes(packet.encrypted_password);
  out.bytes(packet.encrypted_hash);
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
