#include "auth/mschapv2_math.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "auth/credentials.h"
#include "tests/auth/octets.h"

namespace pptp {
namespace {

// RFC 2759 9.2
const AuthenticatorChallenge kAuthenticator{
    test::octet_array<16>("5b5d7c7d7b3f2f3e3c2c602132262628")};
const PeerChallenge kPeer{test::octet_array<16>("21402324255e262a28295f2b3a337c7e")};

NtHash hash_of(std::string_view password) {
  return Credentials("", SecretText(password)).nt_hash();
}

TEST_CASE("rfc2759/9.2 the example from the challenges to S=") {
  const NtHash hash = hash_of("clientPass");
  CHECK(hex(hash.bytes()) == "44ebba8d5312b8d611474411f56989ae");
  CHECK(hex(hash_nt_password_hash(hash).bytes()) == "41c00c584bd2d91c4017a2a12fa59f3f");
  CHECK(hex(challenge_hash(kPeer, kAuthenticator, "User")) == "d02e4386bce91226");
  const NtResponse response = generate_nt_response(kAuthenticator, kPeer, "User", hash);
  CHECK(hex(response) == "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");
  CHECK(hex(generate_authenticator_response(hash, response, kPeer, kAuthenticator, "User")) ==
        "407a5589115fd0d6209f510fe9c04566932cda56");
}

TEST_CASE("rfc2759/8.5 the same function answers an MS-CHAP version 1 challenge") {
  // RFC 3079 2.5, the challenge of its example; the response computed independently.
  CHECK(hex(challenge_response(test::octet_array<8>("102db5df085d3041"), hash_of("clientPass"))) ==
        "54f22ac5aa6c5cbf7e60531821852087d681f1cc9e1bb36e");
}

struct Example {
  std::string user;
  std::string password;
  std::string_view challenge_hash;
  std::string_view nt_response;
  std::string_view authenticator_response;
};

// Computed with another implementation of the primitives, for the challenges of RFC 2759 9.2.
const Example kExamples[] = {
    {"User", "", "d02e4386bce91226", "27d3bf1874e1b27ce9585ca461711ea131290b097ab89651",
     "c4ba34bffcb27cf862b08bbd3f256910fb38e581"},
    {"CORP\\User", "clientPass", "d02e4386bce91226",
     "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df",
     "407a5589115fd0d6209f510fe9c04566932cda56"},
    {"a\\b\\User", "clientPass", "d02e4386bce91226",
     "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df",
     "407a5589115fd0d6209f510fe9c04566932cda56"},
    {"user", "clientPass", "e4d87ce5ea699c89", "541332ef3e5e736e54e57ca46612f9b83f57d28a8fb5dcfd",
     "599a3a3c1a7f3b0a567642068d25d5ffbd0314dd"},
    {"User@example.org", "clientPass", "aa9b8159d940f96e",
     "6b32ac780739d1875fde52d48e8da40643720aee48bdbcab",
     "9dd3e05bf6c82bf1b3ffab4b7e220f172c54e306"},
    {"User", "#1 with # and blanks ", "d02e4386bce91226",
     "9e3fd0fecebd1dee59e12009db3001b4c4ce5f3f2c7e6453",
     "119227a5cdd613dda0a29f9f6763e787325506c4"},
    {"User", "a pass phrase longer than fourteen characters", "d02e4386bce91226",
     "9176f6326e9b5a24ebf829be017bc5018a1fe23f526c02f2",
     "5b7bdc1da74c2041950c7e9d9b8cc5ca1056893d"},
    {"User",
     "Gr\xc3\xbc\xc3\x9f"
     "e",
     "d02e4386bce91226", "175b0cfa4268afd78cb33ef3fc47a7866da3b7256e35a205",
     "a1d9431fa64c4680b200088dc355bead010799a7"},
    {"User", "\xd0\x9a\xd0\xb8\xd1\x80\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd1\x86\xd0\xb0",
     "d02e4386bce91226", "a25c2bf299b96fd8ae0aab208b5893b774fcee8dfcbe3dcb",
     "3a78026f23eab6bab5079916ed5a0b5c1c0a4afd"},
    {"User", "\xf0\x9f\x94\x91key", "d02e4386bce91226",
     "8e85ca29142abae3d77a152cb06c8e9367817871e294f2f4",
     "9b09ed675975230cc788d342e0653c98988b61f0"},
    {"User", std::string(256, 'x'), "d02e4386bce91226",
     "98746a47698dfc9b2902a5a65a0bef873a317aff80e282e8",
     "c57c052bc470eb68bab2c44933aabe6cdb1b1075"},
};

TEST_CASE("mschapv2_math/names with domain and realm, passwords empty, long and beyond ASCII") {
  for (const Example& example : kExamples) {
    CAPTURE(example.user);
    CAPTURE(example.password);
    const NtHash hash = hash_of(example.password);
    CHECK(hex(challenge_hash(kPeer, kAuthenticator, example.user)) == example.challenge_hash);
    const NtResponse response = generate_nt_response(kAuthenticator, kPeer, example.user, hash);
    CHECK(hex(response) == example.nt_response);
    CHECK(hex(generate_authenticator_response(hash, response, kPeer, kAuthenticator,
                                              example.user)) == example.authenticator_response);
  }
}

TEST_CASE("mschapv2_math/the domain ends at the last backslash") {
  CHECK(user_without_domain("User") == "User");
  CHECK(user_without_domain("CORP\\User") == "User");
  CHECK(user_without_domain("a\\b\\User") == "User");
  CHECK(user_without_domain("CORP\\") == "");
  CHECK(user_without_domain("") == "");
  CHECK(user_without_domain("User@CORP") == "User@CORP");
}

TEST_CASE("mschapv2_math/an exchange between pppd 2.4.9 and itself") {
  const AuthenticatorChallenge authenticator{
      test::octet_array<16>("0f3bd41cbace13a2c82b835cd95f0360")};
  const PeerChallenge peer{test::octet_array<16>("d9047f4095e8b67a8519e944473c47c9")};
  const NtHash hash = hash_of("secret");
  CHECK(hex(hash.bytes()) == "878d8014606cda29677a44efa1353fc7");
  CHECK(hex(hash_nt_password_hash(hash).bytes()) == "25ee06323ac15264cf82397711ef38df");
  CHECK(hex(challenge_hash(peer, authenticator, "alice")) == "cf5baf8eca7a429e");
  const NtResponse response = generate_nt_response(authenticator, peer, "alice", hash);
  CHECK(hex(response) == "e12860bfb70d3ab80267eeca339e54c417890b9000738701");
  CHECK(check_authenticator_response(
      hash, response, peer, authenticator, "alice",
      test::octet_array<20>("41378bc0b5fdc7bbd82aa97e03202a24b3f6e644")));
}

TEST_CASE("rfc2759/8.8 a server that knows the password less one bit is not believed") {
  const NtHash hash = hash_of("clientPass");
  const NtResponse response = generate_nt_response(kAuthenticator, kPeer, "User", hash);
  const AuthenticatorResponse right =
      generate_authenticator_response(hash, response, kPeer, kAuthenticator, "User");
  CHECK(check_authenticator_response(hash, response, kPeer, kAuthenticator, "User", right));
  for (std::size_t bit = 0; bit < right.size() * 8; ++bit) {
    AuthenticatorResponse wrong = right;
    wrong[bit / 8] = static_cast<std::uint8_t>(wrong[bit / 8] ^ 1U << bit % 8);
    CHECK_FALSE(check_authenticator_response(hash, response, kPeer, kAuthenticator, "User", wrong));
  }
}

}  // namespace
}  // namespace pptp
