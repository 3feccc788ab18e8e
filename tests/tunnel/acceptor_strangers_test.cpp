// What a server grants to those who have not proved who they are.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/office.h"
#include "tunnel/acceptor.h"

namespace pptp::test {
namespace {

using std::chrono::seconds;

/// A connection that asks for a call and then sends GRE behind a hole, and no more.
void hold_slots(Office& office, Ipv4Address from) {
  const std::optional<SessionId> session = office.acceptor.accepted(office.now, from);
  REQUIRE(session);
  office.acceptor.control_received(office.now, *session,
                                   as_bytes(octets_of(StartControlConnectionRequest{})));
  office.acceptor.control_received(office.now, *session, as_bytes(octets_of(good_call_request())));
  std::optional<std::uint16_t> call_id;
  while (const auto output = office.acceptor.poll_control()) {
    for (const ControlMessage& message : messages_in(output->octets)) {
      if (const auto* const reply = std::get_if<OutgoingCallReply>(&message)) {
        call_id = reply->call_id;
      }
    }
  }
  while (office.acceptor.poll_gre()) {
  }
  REQUIRE(call_id);
  for (std::uint32_t i = 0; i < 40; ++i) {
    Octets datagram = ManualPeer::gre_datagram(SeqNo(i == 0 ? 0 : i + 1), from_digits("c021 09"));
    Writer(MutableBytes(datagram).subspan(6, 2)).u16(*call_id);
    office.gre_from(from, datagram);
  }
}

TEST_CASE("acceptor/strangers that fill the pool leave slots for those who are known") {
  Office office(config_with(8));
  Client& known = office.dial(kHome, 1);
  for (std::uint32_t i = 0; i < 30; ++i)
    hold_slots(office, Ipv4Address(kOtherHome.value() + i));
  // They did hold what they may.
  CHECK(office.pool.available() <= office.pool.capacity() / 4);
  CHECK(office.pool.available() + 1 >= office.pool.capacity() / 4);
  CHECK(office.acceptor.drops()[Drop::no_slot] > 0);
  for (std::uint32_t i = 0; i < 100; ++i)
    check_traffic(office, known, i);
  // And not for long.
  office.wait(seconds(1));
  CHECK(office.pool.available() == office.pool.capacity());
  CHECK(office.dial(kHome, 2).network);
}

TEST_CASE("acceptor/GRE for a call that nobody has asked for is not kept") {
  CallConfig config = Office::call_of(9);
  config.role = Role::server;
  ManualPeer peer(config);
  peer.engine.connected(peer.now);
  for (std::uint32_t i = 0; i < 3; ++i) {
    Octets datagram = ManualPeer::gre_datagram(SeqNo(i), from_digits("ff03c021 09010008 00000000"));
    Writer(MutableBytes(datagram).subspan(6, 2)).u16(9);
    peer.say_datagram(datagram);
  }
  CHECK(peer.pool.available() == peer.pool.capacity());
  CHECK(peer.drops(Drop::ppp_wrong_phase) == 3);
}

TEST_CASE("acceptor/a source has so many strangers and no more, the known do not count") {
  AcceptorConfig config = config_with(8);
  config.max_strangers_per_source = 2;
  Office office(config);
  for (std::uint16_t i = 1; i <= 3; ++i)
    REQUIRE(office.dial(kHome, i).network);
  const std::optional<SessionId> first = office.acceptor.accepted(office.now, kHome);
  CHECK(first);
  CHECK(office.acceptor.accepted(office.now, kHome));
  CHECK_FALSE(office.acceptor.accepted(office.now, kHome));
  CHECK(office.acceptor.accepted(office.now, kOtherHome));
  office.acceptor.control_closed(office.now, *first);
  CHECK(office.dial(kHome, 4).network);
  CHECK(office.acceptor.accepted(office.now, kHome));
  CHECK_FALSE(office.acceptor.accepted(office.now, kHome));
}

/// What of the log is for everybody to read.
class Notices final : public LogSink {
 public:
  void line(LogLevel level, std::string_view text) noexcept override {
    if (level >= LogLevel::notice) lines.emplace_back(text);
    if (level == LogLevel::info) information.emplace_back(text);
  }

  std::vector<std::string> lines;
  std::vector<std::string> information;
};

TEST_CASE("acceptor/a stranger does not fill the log, and each line names its address") {
  Notices log;
  PacketPool pool(16);
  sim::SeededEntropy entropy(1);
  Acceptor acceptor(config_with(8), pool, entropy, Log(&log));
  const TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 100; ++i) {
    const std::optional<SessionId> session = acceptor.accepted(now, kHome);
    REQUIRE(session);
    acceptor.control_received(now, *session, from_digits("474554202f20485454502f312e310d0a"));
    acceptor.control_closed(now, *session);
  }
  CHECK(log.lines.empty());
  REQUIRE_FALSE(log.information.empty());
  for (const std::string& line : log.information)
    CHECK(line.starts_with("198.51.100.1: "));
}

TEST_CASE("acceptor/half-open connections are few for each source and hold a bounded memory") {
  Office office(config_with(8));
  // One whose connections stop in the middle of a message, as often as it likes.
  std::string half = octets_of(StartControlConnectionRequest{});
  half.pop_back();
  unsigned admitted = 0;
  for (int i = 0; i < 500; ++i) {
    const std::optional<SessionId> session = office.acceptor.accepted(office.now, kHome);
    if (!session) continue;
    ++admitted;
    office.acceptor.control_received(office.now, *session, as_bytes(half));
  }
  CHECK(admitted == AcceptorConfig().max_strangers_per_source);
  // Many sources together: no more than there may be calls.
  for (std::uint32_t i = 1; office.acceptor.sessions() < AcceptorConfig().max_sessions; ++i)
    REQUIRE(office.acceptor.accepted(office.now, Ipv4Address(kHome.value() + i)));
  CHECK_FALSE(office.acceptor.accepted(office.now, Ipv4Address(8, 8, 8, 8)));
  CHECK(office.pool.available() == office.pool.capacity());
  // And all of them are gone after the time for a call to begin.
  std::vector<SessionId> closed;
  const TimePoint start = office.now;
  while (office.acceptor.next_deadline()) {
    const TimePoint now = *office.acceptor.next_deadline();
    REQUIRE(now - start <= seconds(31));
    office.acceptor.on_deadline(now);
    while (office.acceptor.poll_event()) {
    }
    while (const auto output = office.acceptor.poll_control())
      if (output->close) closed.push_back(output->session);
  }
  for (const SessionId session : closed)
    office.acceptor.control_closed(start, session);
  CHECK(office.acceptor.sessions() == 0);
}

}  // namespace
}  // namespace pptp::test
