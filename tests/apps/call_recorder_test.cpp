#include "apps/call_recorder.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"
#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

namespace pptp::app {
namespace {

constexpr CallEnds kEnds{.ours = Ipv4Address(192, 0, 2, 2),
                         .peer = Ipv4Address(192, 0, 2, 1),
                         .our_port = 40'000,
                         .peer_port = 1723};

class Lines final : public LogSink {
 public:
  void line(LogLevel, std::string_view text) noexcept override { lines.emplace_back(text); }

  std::vector<std::string> lines;
};

TEST_CASE("call_recorder/who asks for nothing has no observer") {
  Lines log;
  const auto recorder = CallRecorder::create({}, Log(&log));
  REQUIRE(recorder);
  CHECK((*recorder)->call(kEnds, true, {}) == nullptr);
}

TEST_CASE("call_recorder/words have their direction and name, and come at a bounded rate") {
  Lines log;
  const auto recorder = CallRecorder::create({.words = true}, Log(&log));
  REQUIRE(recorder);
  const auto call = (*recorder)->call(kEnds, false, "192.0.2.1");
  REQUIRE(call);
  call->frame(Way::received, protocol::kLcp, test::octets("06 03 0004"));
  call->control(Way::sent, test::octets("00100001 1a2b3c4d 00050000 00000007"));
  REQUIRE(log.lines.size() == 2);
  CHECK(log.lines[0] == "192.0.2.1: rcvd [LCP TermAck id=0x3]");
  CHECK(log.lines[1] == "192.0.2.1: sent [PPTP Echo-Request id=7]");
  for (int i = 0; i < 10'000; ++i)
    call->frame(Way::received, protocol::kLcp, test::octets("06 03 0004"));
  CHECK(log.lines.size() < 1'000);
  call->ip(Way::sent, test::octets("45"));
  call->gre(Way::sent, test::octets("30"));
  CHECK(log.lines.back() != "");
}

TEST_CASE("call_recorder/a timeline is told of everything, where nothing else is asked for") {
  Lines log;
  Timeline timeline(TimePoint{});
  const auto recorder = CallRecorder::create({.timeline = &timeline}, Log(&log));
  REQUIRE(recorder);
  const auto call = (*recorder)->call(kEnds, true, {});
  REQUIRE(call);
  call->control(Way::sent, test::octets("00100001 1a2b3c4d 00050000 00000007"));
  call->frame(Way::received, protocol::kLcp, test::octets("06 03 0004"));
  call->gre(Way::received, test::octets("2081 880b 0000 0001 00000005"));
  call->ip(Way::sent, test::octets("45"));
  // What is no message is told once: nothing after it can be.
  call->control(Way::received, as_bytes("SSH-2.0-OpenSSH_9.2"));
  call->control(Way::received, as_bytes("and more"));
  std::vector<std::string> labels;
  for (const Exchange& exchange : timeline.exchanges())
    labels.push_back(exchange.label);
  CHECK(labels == std::vector<std::string>{"TCP connection", "Echo-Request", "LCP Terminate-Ack",
                                           "GRE acknowledgement", "IP packet",
                                           "not a PPTP message"});
  CHECK(log.lines.empty());
}

TEST_CASE("call_recorder/a line has an end, whatever the peer says") {
  Lines log;
  const auto recorder = CallRecorder::create({.words = true}, Log(&log));
  REQUIRE(recorder);
  const auto call = (*recorder)->call(kEnds, true, {});
  std::vector<std::uint8_t> long_one = test::octets("05 03 05dc 41");
  long_one.resize(1500, 0x01);
  call->frame(Way::received, protocol::kLcp, long_one);
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].size() < 2'100);
  CHECK(log.lines[0].ends_with(" ..."));
}

TEST_CASE(
    "call_recorder/a capture is whole when its call is over, and ends where nothing goes any "
    "more") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/capture";
  Lines log;
  {
    const auto recorder = CallRecorder::create({.file = path}, Log(&log));
    REQUIRE(recorder);
    const auto call = (*recorder)->call(kEnds, true, {});
    REQUIRE(call);
    call->ip(Way::sent, test::octets("4500"));
  }
  const std::optional<std::string> written = io::read_file(path);
  REQUIRE(written);
  CHECK(written->starts_with("\x0a\x0d\x0d\x0a"));
  CHECK(written->size() > 500);  // three interfaces, the handshake, the packet twice, the end
  CHECK(log.lines.empty());

  const auto full = CallRecorder::create({.file = "/dev/full"}, Log(&log));
  REQUIRE(full);
  const auto call = (*full)->call(kEnds, true, {});
  REQUIRE(call);
  call->frame(Way::sent, protocol::kLcp, test::octets("06 03 0004"));
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].find("the capture ends here") != std::string::npos);
}

}  // namespace
}  // namespace pptp::app
