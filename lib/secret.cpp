#include "lib/secret.h"

#include <openssl/crypto.h>

namespace pptp {

bool equal_secret(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

SecretText::SecretText(SecretText&& other) noexcept : text_(other.text_) {
  other.clear();
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    clear();
    // Copied, not moved: a short string lives inside the object and a move would leave it there.
    text_ = other.text_;
    other.clear();
  }
  return *this;
}

SecretText::~SecretText() {
  clear();
}

void SecretText::clear() noexcept {
  OPENSSL_cleanse(text_.data(), text_.capacity());
  text_.clear();
}

}  // namespace pptp
