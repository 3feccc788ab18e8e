#include "apps/served_call.h"

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "apps/ending.h"

using namespace pptp;
using namespace pptp::app;

TEST_CASE("served_call: every cause is told from the server's side, with its id") {
  for (std::uint8_t i = 0; name(static_cast<Cause>(i)) != "unknown-cause"; ++i) {
    const End end{static_cast<Cause>(i), 0, ""};
    const std::string text = served_call_end(end);
    INFO(text);
    CHECK(text.find("the server") == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    const std::string id = ending_of(end).id;
    if (!id.empty()) CHECK(text.ends_with(" [" + id + "]"));
  }
}

TEST_CASE("served_call: a name that is not proven is told as a claim, escaped and cut") {
  SessionDown down;
  CHECK(served_call_name(down) == "call");
  down.user = "OFFICE\\j\xc3\xbcrgen";
  CHECK(served_call_name(down) == "call of who claims to be \"OFFICE\\x5cj\\xc3\\xbcrgen\"");
  down.authenticated = true;
  CHECK(served_call_name(down) == "call of OFFICE\\j\xc3\xbcrgen");
  down.authenticated = false;
  down.user = "alice is up\n\x1b[31m\"" + std::string(1000, 'x');
  CHECK(served_call_name(down) == "call of who claims to be \"alice is up\\x0a\\x1b[31m\\x22" +
                                      std::string(46, 'x') + "...\"");
}

TEST_CASE("served_call: who hung up, and what it said") {
  CHECK(served_call_end({Cause::peer_terminated, 0, ""}) == "the client hung up [peer-terminated]");
  CHECK(served_call_end({Cause::peer_cleared_call, 3, ""}) ==
        "the client hung up [peer-terminated]");
  CHECK(served_call_end({Cause::peer_terminated, 0, "User request\n"}) ==
        "the client hung up: \"User request\\x0a\" [peer-terminated]");
  const std::string windows("\x12\x34\x56\x78\x00\x3c\xcd\x74\x00\x00\x02\xd0", 12);
  CHECK(served_call_end({Cause::peer_terminated, 0, windows}) ==
        "the client hung up: no network protocol could be agreed on (Windows error 720) "
        "[peer-terminated]");
  CHECK(served_call_end({Cause::auth_peer_failed, 691, ""}) ==
        "wrong user name or password (E=691) [auth-peer-failed]");
  CHECK(served_call_end({Cause::closed_locally, 0, ""}) == "it was ended here");
}
