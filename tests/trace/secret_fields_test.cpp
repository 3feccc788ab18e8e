#include "trace/secret_fields.h"

#include <doctest/doctest.h>

#include "tests/auth/octets.h"

namespace pptp {
namespace {

using test::octets;

TEST_CASE("trace/blanking leaves zeros where a secret was, and the rest as it is") {
  auto response = octets("02 07 000e 04 deadbeef 616c696365");
  blank_secrets(protocol::kChap, response);
  CHECK(response == octets("02 07 000e 04 00000000 616c696365"));
  auto login = octets("01 01 000d 03 626f62 04 70617373");
  blank_secrets(protocol::kPap, login);
  CHECK(login == octets("01 01 000d 03 626f62 00 00000000"));
  auto challenge = octets("01 07 000a 04 01020304 61");
  const auto before = challenge;
  blank_secrets(protocol::kChap, challenge);
  CHECK(challenge == before);
  blank_secrets(protocol::kLcp, challenge);
  CHECK(challenge == before);
}

TEST_CASE("trace/no packet is too short or too false to be blanked") {
  for (const PppProtocol protocol : {protocol::kPap, protocol::kChap, protocol::kEap}) {
    for (unsigned code = 0; code < 10; ++code) {
      for (std::size_t length = 0; length < 24; ++length) {
        std::vector<std::uint8_t> packet(length, 0xff);
        if (length > 0) packet[0] = static_cast<std::uint8_t>(code);
        if (length > 4) packet[4] = 26;
        for (const Field& field : secret_fields(protocol, packet)) {
          CHECK(field.offset <= length);
          CHECK(field.offset + field.length <= length);
        }
        blank_secrets(protocol, packet);
      }
    }
  }
}

}  // namespace
}  // namespace pptp
