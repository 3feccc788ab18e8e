#include "auth/mschap_message.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"

namespace pptp {
namespace {

// RFC 2759 9.2
constexpr std::string_view kDigits = "407A5589115FD0D6209F510FE9C04566932CDA56";

std::string success_with(std::string_view rest) {
  return std::string("S=").append(kDigits).append(rest);
}

TEST_CASE("rfc2759/4 the response value has 49 octets and survives the round trip") {
  const auto value = test::octets(
      "21402324255e262a28295f2b3a337c7e 0000000000000000"
      "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df 04");
  const MsChapV2Response response = parse_mschapv2_response(value).value();
  CHECK(hex(response.peer_challenge.octets) == "21402324255e262a28295f2b3a337c7e");
  CHECK(hex(response.nt_response) == "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");
  CHECK(response.flags == MsChapV2Response::kNoMessage);
  CHECK(hex(build(response)) == hex(value));
}

TEST_CASE("rfc2759/4 a response value of any other length is refused") {
  const std::vector<std::uint8_t> octets(256, 0);
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    CHECK(parse_mschapv2_response(Bytes(octets).first(size)).has_value() == (size == 49));
  }
}

TEST_CASE("mschap_message/the reserved octets of a response may hold anything") {
  std::vector<std::uint8_t> value(49, 0);
  value[20] = 0xff;
  CHECK(parse_mschapv2_response(value));
}

TEST_CASE("rfc2759/5 the success message survives the round trip") {
  for (const std::string_view rest : {"", " M=", " M=Access granted", " M=S= E=1 M=x"}) {
    const std::string message = success_with(rest);
    const MsChapV2Success success = parse_mschapv2_success(message).value();
    CHECK(hex(success.authenticator_response) == "407a5589115fd0d6209f510fe9c04566932cda56");
    CHECK(build(success) == message);
  }
}

TEST_CASE("mschap_message/success: M= after a blank, directly, or missing (note 3.20)") {
  const auto text = [](std::string_view rest) {
    const std::string message = success_with(rest);
    const auto parsed = parse_mschapv2_success(message).value().text;
    return parsed ? std::string(*parsed) : "(none)";
  };
  CHECK(text(" M=hello") == "hello");
  CHECK(text("M=hello") == "hello");
  CHECK(text("") == "(none)");
  CHECK(text(" ") == "(none)");
  CHECK(text(" M=") == "");
  CHECK(text(" welcome") == "welcome");
}

TEST_CASE("mschap_message/success: digits of either case") {
  CHECK(parse_mschapv2_success("S=407a5589115fd0d6209f510fe9c04566932cda56 M=ok").value() ==
        parse_mschapv2_success("S=407A5589115FD0D6209F510FE9C04566932CDA56 M=ok").value());
}

TEST_CASE("mschap_message/success: S= with 39 or 41 digits, not first, or not there is refused") {
  const std::string digits(kDigits);
  for (const std::string& message :
       {std::string(), std::string("S="), "S=" + digits.substr(1), "S=" + digits.substr(1) + " M=x",
        "S=" + digits + "0", "S=" + digits + "a M=x", " S=" + digits, "M=S=" + digits,
        "s=" + digits, digits, std::string("Access granted"), "S=" + digits.substr(1) + "g",
        "S= " + digits, "S=" + digits.substr(0, 20) + " " + digits.substr(20),
        "S=" + digits.substr(0, 19) + ":" + digits.substr(20)}) {
    CAPTURE(message);
    CHECK(parse_mschapv2_success(message).error() == Error::bad_value);
  }
}

TEST_CASE("mschap_message/success: every truncation within the digits is refused") {
  const std::string message = success_with(" M=Access granted");
  for (std::size_t size = 0; size < message.size(); ++size) {
    CHECK(parse_mschapv2_success(message.substr(0, size)).has_value() == (size >= 42));
  }
}

TEST_CASE("mschap_message/success: a bit flipped in S= is refused or another S=") {
  const std::string original = success_with("");
  const auto right = parse_mschapv2_success(original).value();
  for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
    std::string message = original;
    message[bit / 8] = static_cast<char>(message[bit / 8] ^ 1 << bit % 8);
    const auto parsed = parse_mschapv2_success(message);
    // Bit 5 turns letters from upper to lower case.
    const bool same_digit = bit % 8 == 5 && bit / 8 >= 2 && original[bit / 8] >= 'A';
    CHECK((parsed && parsed->authenticator_response == right.authenticator_response) == same_digit);
  }
}

TEST_CASE("rfc2759/6 the failure message survives the round trip") {
  const std::string_view message =
      "E=648 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Password expired";
  const MsChapFailure failure = parse_mschap_failure(message);
  CHECK(failure.code == MsChapFailure::kPasswordExpired);
  CHECK(failure.retry_allowed);
  CHECK(hex(failure.challenge.value().octets) == "5b5d7c7d7b3f2f3e3c2c602132262628");
  CHECK(failure.version == 3);
  CHECK(failure.text == "Password expired");
  CHECK(build(failure) == message);
}

TEST_CASE("mschap_message/failure: pppd's, with the digits of C= in lower case") {
  const MsChapFailure failure =
      parse_mschap_failure("E=691 R=1 C=3c964f85bd47a0bae02281db7f7404b7 V=0 M=Access denied");
  CHECK(failure.code == MsChapFailure::kAuthenticationFailure);
  CHECK(failure.retry_allowed);
  CHECK(hex(failure.challenge.value().octets) == "3c964f85bd47a0bae02281db7f7404b7");
  CHECK(failure.version == 0);
  CHECK(failure.text == "Access denied");
}

TEST_CASE("mschap_message/failure: keys count only before M=") {
  const MsChapFailure failure =
      parse_mschap_failure("E=647 R=0 M=Call us E=648 R=1 V=3 M=now \x1b[31m");
  CHECK(failure.code == 647);
  CHECK_FALSE(failure.retry_allowed);
  CHECK(failure.version == 0);
  CHECK(failure.text == "Call us E=648 R=1 V=3 M=now \x1b[31m");
  const MsChapFailure text_first = parse_mschap_failure("M=E=648 R=1");
  CHECK(text_first.code == 691);
  CHECK_FALSE(text_first.retry_allowed);
  CHECK(text_first.text == "E=648 R=1");
}

TEST_CASE("mschap_message/failure: without keys it is all text, and the code is 691") {
  for (const std::string_view message : {"", "Bad password", "E691", "e=648", "XE=648"}) {
    CAPTURE(message);
    const MsChapFailure failure = parse_mschap_failure(message);
    CHECK(failure.code == 691);
    CHECK_FALSE(failure.retry_allowed);
    CHECK_FALSE(failure.challenge);
    CHECK(failure.text == message);
  }
  CHECK(parse_mschap_failure("E=649").text == "");
  const std::string long_text(60'000, 'x');
  CHECK(parse_mschap_failure(long_text).text.size() == long_text.size());
}

TEST_CASE("mschap_message/failure: numbers at and out of their bounds") {
  CHECK(parse_mschap_failure("E=4294967295").code == 4'294'967'295);
  CHECK(parse_mschap_failure("E=4294967296").code == 691);
  CHECK(parse_mschap_failure("E=0000000648").code == 648);
  CHECK(parse_mschap_failure("E=-1").code == 691);
  CHECK(parse_mschap_failure("E=0x288").code == 691);
  CHECK(parse_mschap_failure("E= R=1").code == 691);
  CHECK(parse_mschap_failure("E= R=1").retry_allowed);
  CHECK_FALSE(parse_mschap_failure("R=2").retry_allowed);
  CHECK_FALSE(parse_mschap_failure("R=11").retry_allowed);
  CHECK_FALSE(parse_mschap_failure("R=").retry_allowed);
  CHECK(parse_mschap_failure("V=99999999999").version == 0);
  CHECK(parse_mschap_failure("  E=646   V=3  ").version == 3);
}

TEST_CASE("mschap_message/failure: C= has exactly 32 digits") {
  const std::string digits = "5B5D7C7D7B3F2F3E3C2C602132262628";
  CHECK(parse_mschap_failure("C=" + digits).challenge);
  CHECK_FALSE(parse_mschap_failure("C=" + digits.substr(1)).challenge);
  CHECK_FALSE(parse_mschap_failure("C=" + digits + "0").challenge);
  CHECK_FALSE(parse_mschap_failure("C=" + digits.substr(1) + "g").challenge);
  CHECK_FALSE(
      parse_mschap_failure("C=" + digits.substr(0, 15) + ":" + digits.substr(16)).challenge);
  CHECK_FALSE(parse_mschap_failure("C=").challenge);
}

TEST_CASE(
    "mschap_message/failure: every truncation and bit flip is read, and code 648 is not made") {
  const std::string original = "E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Denied";
  for (std::size_t size = 0; size <= original.size(); ++size) {
    const MsChapFailure failure = parse_mschap_failure(original.substr(0, size));
    CHECK(failure.challenge.has_value() == (size >= 44));
  }
  for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
    std::string message = original;
    message[bit / 8] = static_cast<char>(message[bit / 8] ^ 1 << bit % 8);
    CHECK(parse_mschap_failure(message).code != MsChapFailure::kPasswordExpired);
  }
}

}  // namespace
}  // namespace pptp
