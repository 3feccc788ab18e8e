#include "mppe/keys.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "lib/legacy_crypto.h"
#include "lib/rc4.h"

namespace pptp {
namespace {

// RFC 3079 3.4.
constexpr std::string_view kMasterKeyMagic = "This is the MPPE Master Key";
constexpr std::string_view kClientSendMagic =
    "On the client side, this is the send key; on the server side, it is the receive key.";
constexpr std::string_view kClientReceiveMagic =
    "On the client side, this is the receive key; on the server side, it is the send key.";

// RFC 3079 2.4: SHSpad1 and SHSpad2.
constexpr std::array<std::uint8_t, 40> kPad1{};
constexpr auto kPad2 = [] {
  std::array<std::uint8_t, 40> pad{};
  pad.fill(0xf2);
  return pad;
}();

/// The first `size` octets of a digest as a key; the digest is wiped.
MppeKey key_from(Sha1Digest& digest, std::size_t size) noexcept {
  MppeKey key(Bytes(digest).first(size));
  wipe(digest);
  return key;
}

/// RFC 3079 3.4: GetAsymmetricStartKey.
MppeKey asymmetric_start_key(Bytes master, std::string_view magic, KeyBits bits) noexcept {
  Sha1Digest digest = sha1({master, kPad1, as_bytes(magic), kPad2});
  return key_from(digest, key_octets(bits));
}

StartKeys from(const MsChapV2Seed& seed, KeyBits bits, Role role) noexcept {
  Sha1Digest digest =
      sha1({seed.password_hash_hash.bytes(), seed.nt_response, as_bytes(kMasterKeyMagic)});
  const MppeKey master = key_from(digest, 16);
  MppeKey client_send = asymmetric_start_key(master.bytes(), kClientSendMagic, bits);
  MppeKey client_receive = asymmetric_start_key(master.bytes(), kClientReceiveMagic, bits);
  if (role == Role::client) return {std::move(client_send), std::move(client_receive)};
  return {std::move(client_receive), std::move(client_send)};
}

/// RFC 3079 2.1 to 2.3: one key for both directions, from the LAN Manager hash where it is short.
Result<StartKeys> from(const MsChapV1Seed& seed, KeyBits bits) noexcept {
  MppeKey key;
  if (bits == KeyBits::k128) {
    const Bytes hash = seed.password_hash_hash.bytes();
    Sha1Digest digest = sha1({hash, hash, seed.challenge});
    key = key_from(digest, key_octets(bits));
  } else if (seed.lm_password_hash) {
    key = MppeKey(seed.lm_password_hash->bytes());
  } else {
    return std::unexpected(Error::not_available);
  }
  return StartKeys{key.clone(), std::move(key)};
}

StartKeys from(const StartKeySeed& seed, KeyBits bits) noexcept {
  const std::size_t size = key_octets(bits);
  return {MppeKey(seed.send.bytes().first(size)), MppeKey(seed.receive.bytes().first(size))};
}

/// What GetNewKeyFromSHA (RFC 3079 2.4) hashes for keys of kSize octets, but for the two keys: each
/// before its pad. Padded to two blocks (RFC 3174 4), for this is done for each packet.
template <std::size_t kSize>
constexpr auto kNewKeyBlocks = [] {
  std::array<std::uint8_t, 128> blocks{};
  constexpr std::size_t kSecondPad = kSize + kPad1.size() + kSize;
  constexpr std::size_t kLength = kSecondPad + kPad2.size();
  std::ranges::copy(kPad2, blocks.begin() + kSecondPad);
  blocks[kLength] = 0x80;
  blocks[blocks.size() - 2] = kLength * 8 >> 8;
  blocks[blocks.size() - 1] = kLength * 8 & 0xff;
  return blocks;
}();

/// RFC 3079 2.4: GetNewKeyFromSHA.
MppeKey new_key_from_sha(const MppeKey& start, const MppeKey& session, KeyBits bits) noexcept {
  const std::size_t size = key_octets(bits);
  auto blocks = size == 8 ? kNewKeyBlocks<8> : kNewKeyBlocks<16>;
  std::ranges::copy(start.bytes().first(size), blocks.begin());
  std::ranges::copy(session.bytes().first(size),
                    MutableBytes(blocks).subspan(size + kPad1.size()).begin());
  Sha1Digest digest = sha1_of_blocks(blocks);
  wipe(blocks);
  return key_from(digest, size);
}

/// RFC 3079 2.1 and 2.2: the salt that leaves 40 or 56 bits of a key unknown.
void reduce(MppeKey& key, KeyBits bits) noexcept {
  static constexpr std::array<std::uint8_t, 3> kSalt = {0xd1, 0x26, 0x9e};
  const std::size_t fixed = bits == KeyBits::k40 ? 3 : bits == KeyBits::k56 ? 1 : 0;
  std::copy_n(kSalt.begin(), fixed, key.mutable_bytes().begin());
}

}  // namespace

Result<StartKeys> start_keys(const KeySeed& seed, KeyBits bits, Role role) noexcept {
  if (const auto* const v2 = std::get_if<MsChapV2Seed>(&seed)) return from(*v2, bits, role);
  if (const auto* const v1 = std::get_if<MsChapV1Seed>(&seed)) return from(*v1, bits);
  if (const auto* const ready = std::get_if<StartKeySeed>(&seed)) return from(*ready, bits);
  return std::unexpected(Error::not_available);
}

MppeKey initial_session_key(const MppeKey& start, KeyBits bits) noexcept {
  MppeKey key = new_key_from_sha(start, start, bits);
  reduce(key, bits);
  return key;
}

MppeKey next_session_key(const MppeKey& start, const MppeKey& session, KeyBits bits) noexcept {
  MppeKey key = new_key_from_sha(start, session, bits);
  const MutableBytes octets = key.mutable_bytes().first(key_octets(bits));
  Rc4(octets).apply(octets);
  reduce(key, bits);
  return key;
}

}  // namespace pptp
