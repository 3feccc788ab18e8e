// libcrypto marks its low-level functions deprecated in favour of providers; here they are the
// point.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "lib/legacy_crypto.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/des.h>
#include <openssl/md4.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include "lib/secret.h"

namespace pptp {
namespace {

/// Runs one of libcrypto's Init / Update / Final triples and wipes its context, which has held
/// secrets.
template <class Context, class Digest, class Init, class Update, class Final>
Digest digest(std::initializer_list<Bytes> parts, Init init, Update update, Final final) noexcept {
  Context context;
  init(&context);
  for (const Bytes part : parts)
    update(&context, part.data(), part.size());
  Digest out;
  final(out.data(), &context);
  OPENSSL_cleanse(&context, sizeof context);
  return out;
}

/// Spreads 56 bits over 8 octets and sets odd parity in each lowest bit.
void set_des_key(Bytes key7, DES_key_schedule& schedule) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 7; ++i)
    bits = bits << 8 | (i < key7.size() ? key7[i] : 0U);
  DES_cblock key;
  for (int i = 7; i >= 0; --i, bits >>= 7)
    key[i] = static_cast<std::uint8_t>((bits & 0x7f) << 1);
  DES_set_odd_parity(&key);
  // Unchecked: a hash may well contain one of the weak keys, and the protocol uses it all the same.
  DES_set_key_unchecked(&key, &schedule);
  OPENSSL_cleanse(&key, sizeof key);
}

DesBlock des(Bytes key7, const DesBlock& in, int direction) noexcept {
  DES_key_schedule schedule;
  set_des_key(key7, schedule);
  DES_cblock source;
  DES_cblock result;
  std::copy(in.begin(), in.end(), source);
  DES_ecb_encrypt(&source, &result, &schedule, direction);
  OPENSSL_cleanse(&schedule, sizeof schedule);
  DesBlock out;
  std::copy(std::begin(result), std::end(result), out.begin());
  OPENSSL_cleanse(&source, sizeof source);
  OPENSSL_cleanse(&result, sizeof result);
  return out;
}

}  // namespace

Md4Digest md4(std::initializer_list<Bytes> parts) noexcept {
  return digest<MD4_CTX, Md4Digest>(parts, MD4_Init, MD4_Update, MD4_Final);
}

Md5Digest md5(std::initializer_list<Bytes> parts) noexcept {
  return digest<MD5_CTX, Md5Digest>(parts, MD5_Init, MD5_Update, MD5_Final);
}

Sha1Digest sha1(std::initializer_list<Bytes> parts) noexcept {
  return digest<SHA_CTX, Sha1Digest>(parts, SHA1_Init, SHA1_Update, SHA1_Final);
}

Sha1Digest sha1_of_blocks(Bytes blocks) noexcept {
  SHA_CTX context;
  SHA1_Init(&context);
  for (; !blocks.empty(); blocks = blocks.subspan(SHA_CBLOCK))
    SHA1_Transform(&context, blocks.data());
  Sha1Digest out;
  put_u32(out, 0, context.h0);
  put_u32(out, 4, context.h1);
  put_u32(out, 8, context.h2);
  put_u32(out, 12, context.h3);
  put_u32(out, 16, context.h4);
  OPENSSL_cleanse(&context, sizeof context);
  return out;
}

DesBlock des_encrypt(Bytes key7, const DesBlock& clear) noexcept {
  return des(key7, clear, DES_ENCRYPT);
}

DesBlock des_decrypt(Bytes key7, const DesBlock& cipher) noexcept {
  return des(key7, cipher, DES_DECRYPT);
}

}  // namespace pptp
