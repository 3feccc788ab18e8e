// Runs the vector tests of legacy_crypto where OpenSSL's usual ways are closed (interop note 3.29),
// after making sure that they really are.
#define OPENSSL_SUPPRESS_DEPRECATED
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <string_view>

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/sha.h>

namespace {

bool digest_can_be_fetched(const char* algorithm) {
  EVP_MD* const digest = EVP_MD_fetch(nullptr, algorithm, nullptr);
  EVP_MD_free(digest);
  return digest != nullptr;
}

bool cipher_can_be_fetched(const char* algorithm) {
  EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, algorithm, nullptr);
  EVP_CIPHER_free(cipher);
  return cipher != nullptr;
}

bool one_shot_sha1_works() {
  unsigned char digest[SHA_DIGEST_LENGTH];
  return SHA1(nullptr, 0, digest) != nullptr;
}

bool legacy_algorithms_can_be_fetched() {
  return digest_can_be_fetched("MD4") || cipher_can_be_fetched("RC4") ||
         cipher_can_be_fetched("DES-ECB");
}

/// Even a program that asks for the legacy provider does not get it.
bool without_legacy_provider() {
  if (legacy_algorithms_can_be_fetched()) return false;
  OSSL_PROVIDER* const legacy = OSSL_PROVIDER_try_load(nullptr, "legacy", 1);
  if (legacy == nullptr) return digest_can_be_fetched("SHA1");
  OSSL_PROVIDER_unload(legacy);
  return false;
}

/// Nothing that is not approved can be fetched; here, without a FIPS provider, nothing at all.
bool in_fips_mode() {
  return !legacy_algorithms_can_be_fetched() && !digest_can_be_fetched("MD5") &&
         !digest_can_be_fetched("SHA1") && !one_shot_sha1_works();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view environment = argc == 2 ? argv[1] : "";
  const bool in_force = environment == "no-legacy-provider" ? without_legacy_provider()
                        : environment == "fips"             ? in_fips_mode()
                                                            : false;
  if (!in_force) {
    std::fputs("crypto_environment: the environment asked for is not in force\n", stderr);
    return 1;
  }
  return doctest::Context().run();
}
