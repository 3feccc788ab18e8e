#include <doctest/doctest.h>

#include "auth/method.h"
#include "tests/auth/script_entropy.h"

namespace pptp {
namespace {

TEST_CASE("registry/every method has a word and the word finds it") {
  for (const AuthMethod method : {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschapv1,
                                  AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    CHECK(auth_method_from_name(name(method)) == method);
  }
  CHECK(name(AuthMethod::pap) == "pap");
  CHECK(name(AuthMethod::chap_md5) == "chap-md5");
  CHECK(name(AuthMethod::mschapv1) == "mschapv1");
  CHECK(name(AuthMethod::mschapv2) == "mschapv2");
  CHECK(name(AuthMethod::eap_mschapv2) == "eap-mschapv2");
  CHECK_FALSE(auth_method_from_name(""));
  CHECK_FALSE(auth_method_from_name("MSCHAPv2"));
}

TEST_CASE("registry/makes the method asked for, and none for a client without credentials") {
  test::ScriptEntropy entropy("");
  const Credentials credentials("User", SecretText("clientPass"));
  const auto client = make_method(AuthMethod::mschapv2, {Role::client, &credentials}, entropy);
  REQUIRE(client);
  CHECK(client->kind() == AuthMethod::mschapv2);
  const auto server = make_method(AuthMethod::mschapv2, {Role::server}, entropy);
  REQUIRE(server);
  CHECK(server->kind() == AuthMethod::mschapv2);
  CHECK_FALSE(make_method(AuthMethod::mschapv2, {Role::client}, entropy));
}

}  // namespace
}  // namespace pptp
