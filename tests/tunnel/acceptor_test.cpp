// The server of many calls, against clients that are Engines.
#include "tunnel/acceptor.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/office.h"

namespace pptp::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("acceptor/clients of one host and of another are kept apart, by source and call id") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 5);
  // A host behind the same address translation, and one elsewhere that chose the same call id.
  Client& b = office.dial(kHome, 6);
  Client& c = office.dial(kOtherHome, 5);
  REQUIRE(office.up.size() == 3);
  CHECK(office.acceptor.sessions() == 3);
  CHECK(office.up[0].user == "alice");
  CHECK(office.up[0].from == kHome);
  CHECK(office.up[0].address == kFirst);
  CHECK(office.up[0].encryption == MppeParameters{});
  CHECK(office.up[2].from == kOtherHome);
  CHECK(inner_of(a) == Ipv4Address(192, 168, 77, 10));
  CHECK(inner_of(b) == Ipv4Address(192, 168, 77, 11));
  CHECK(inner_of(c) == Ipv4Address(192, 168, 77, 12));
  CHECK(a.network->peer == kHere);
  CHECK(a.network->dns[0] == Ipv4Address(9, 9, 9, 9));
  CHECK(a.call_id_of_server != b.call_id_of_server);
  for (std::uint32_t i = 0; i < 300; ++i) {
    check_traffic(office, a, i);
    check_traffic(office, b, 1'000 + i);
    check_traffic(office, c, 2'000 + i);
  }
  // Nobody got what was for another.
  CHECK(a.delivered.size() == 300);
  CHECK(b.delivered.size() == 300);
  CHECK(c.delivered.size() == 300);
}

TEST_CASE(
    "acceptor/a batch with packets of several calls, strangers and rubbish reaches whom it is "
    "for, each call's packets together") {
  Office office(config_with(8));
  Client& first = office.dial(kHome, 7);
  Client& second = office.dial(kHome, 8);
  std::vector<GreDatagram> batch;
  std::vector<Octets> expected;
  std::vector<Octets> expected_behind;
  const auto add = [&](Ipv4Address from, Bytes datagram) {
    batch.push_back({office.pool.acquire(), {}, from});
    REQUIRE(batch.back().packet.assign(datagram));
  };
  for (const std::uint32_t who : {0U, 0U, 0U, 0U, 0U, 1U, 1U, 0U, 1U, 2U, 0U, 3U, 0U}) {
    Client& client = who == 1 ? second : first;
    if (who == 3) {
      add(kHome, Octets{0});
      continue;
    }
    Packet packet = client.pool.acquire();
    const Octets ip =
        ip_packet(static_cast<std::uint32_t>(batch.size()), inner_of(client), kElsewhere);
    REQUIRE(packet.assign(ip));
    if (who == 2) {
      add(kOtherHome, packet.bytes());
      continue;
    }
    REQUIRE(client.engine.seal(office.now, std::span(&packet, 1)) == 1);
    add(kHome, packet.bytes());
    (who == 0 ? expected : expected_behind).push_back(ip);
  }
  expected.insert(expected.end(), expected_behind.begin(), expected_behind.end());
  office.delivered.clear();
  office.acceptor.gre_received(office.now, batch);
  batch.clear();
  office.exchange();
  CHECK(office.delivered == expected);
  CHECK(office.acceptor.drops()[Drop::gre_malformed] == 2);

  std::vector<Packet> packets;
  std::vector<Octets> for_first;
  std::vector<Octets> for_second;
  for (const std::uint32_t who : {0U, 0U, 1U, 1U, 1U, 1U, 1U, 2U, 1U, 0U, 3U, 0U}) {
    const Ipv4Address to = who == 2 ? kElsewhere : inner_of(who == 1 ? second : first);
    const Octets ip = ip_packet(static_cast<std::uint32_t>(packets.size()), kElsewhere, to);
    packets.push_back(office.pool.acquire());
    REQUIRE(packets.back().assign(who == 3 ? Octets{0} : ip));
    if (who < 2) (who == 0 ? for_first : for_second).push_back(ip);
  }
  first.delivered.clear();
  second.delivered.clear();
  office.acceptor.ip_received(office.now, packets);
  packets.clear();
  office.exchange();
  CHECK(first.delivered == for_first);
  CHECK(second.delivered == for_second);
  CHECK(office.acceptor.drops()[Drop::send_no_route] == 1);
  CHECK(office.acceptor.drops()[Drop::send_malformed] == 1);
}

TEST_CASE("acceptor/a call id counts only together with the source it was given to") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 5);
  Client& b = office.dial(kOtherHome, 5);
  REQUIRE(office.up.size() == 2);
  REQUIRE(a.call_id_of_server);
  REQUIRE(b.call_id_of_server);
  const std::uint64_t before = office.acceptor.drops()[Drop::gre_other_call];
  Octets datagram = ManualPeer::gre_datagram(SeqNo(1'000), from_digits("ff03c021 05010004"));
  Writer(MutableBytes(datagram).subspan(6, 2)).u16(*a.call_id_of_server);
  office.gre_from(kOtherHome, datagram);
  office.gre_from(Ipv4Address(198, 51, 100, 3), datagram);
  office.exchange();
  CHECK(office.acceptor.drops()[Drop::gre_other_call] == before + 2);
  CHECK(a.network);
  CHECK(b.network);
  const std::uint64_t malformed = office.acceptor.drops()[Drop::gre_malformed];
  office.gre_from(kHome, from_digits("0000"));
  CHECK(office.acceptor.drops()[Drop::gre_malformed] == malformed + 1);
}

TEST_CASE("acceptor/call ids are distinct for one source, never 0, and not those used before") {
  Office office(config_with(64));
  std::set<std::uint16_t> ids;
  for (std::uint16_t i = 1; i <= 40; ++i) {
    const Client& client = office.dial(kHome, i);
    REQUIRE(client.call_id_of_server);
    CHECK(*client.call_id_of_server != 0);
    ids.insert(*client.call_id_of_server);
  }
  CHECK(ids.size() == 40);
  CHECK(office.up.size() == 40);
}

/// Entropy that has run dry: always the same.
class Constant final : public Entropy {
 public:
  explicit Constant(std::uint8_t octet) : octet_(octet) {}

  void fill(MutableBytes out) noexcept override { std::ranges::fill(out, octet_); }

 private:
  std::uint8_t octet_;
};

TEST_CASE("interop/3.2 a call id of 0 is not given, and none twice, whatever the random numbers") {
  PacketPool pool(8);
  Constant zeros(0);
  Acceptor none(config_with(8), pool, zeros);
  CHECK_FALSE(none.accepted(TimePoint(), kHome));
  Constant sevens(7);
  Acceptor one(config_with(8), pool, sevens);
  CHECK(one.accepted(TimePoint(), kHome));
  CHECK_FALSE(one.accepted(TimePoint(), kHome));
  CHECK(one.accepted(TimePoint(), kOtherHome));
}

TEST_CASE("acceptor/a client whose call id is 0 is served like any other (3.2)") {
  Office office(config_with(8));
  PacketPool pool(16);
  const std::optional<SessionId> session = office.acceptor.accepted(office.now, kHome);
  REQUIRE(session);
  office.acceptor.control_received(office.now, *session,
                                   as_bytes(octets_of(StartControlConnectionRequest{})));
  OutgoingCallRequest request = good_call_request();
  request.call_id = 0;
  office.acceptor.control_received(office.now, *session, as_bytes(octets_of(request)));
  const std::optional<GreDatagram> first = office.acceptor.poll_gre();
  REQUIRE(first);
  CHECK(first->peer == kHome);
  CHECK(read_gre(first->packet.bytes()).key_call == 0);
}

TEST_CASE("acceptor/sessions have keys of their own") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 5);
  Client& b = office.dial(kOtherHome, 5);
  a.to_server.clear();
  b.to_server.clear();
  // The same password, the same packet, the same place in the stream.
  const Octets packet = ip_packet(1, inner_of(a), kElsewhere);
  REQUIRE(office.send(a, packet));
  REQUIRE(office.send(b, packet));
  REQUIRE(a.to_server.size() == 1);
  REQUIRE(b.to_server.size() == 1);
  const Octets in_a = read_gre(a.to_server[0]).payload;
  const Octets in_b = read_gre(b.to_server[0]).payload;
  REQUIRE(in_a.size() == in_b.size());
  // Both MPPE headers have count 0; what follows differs.
  CHECK(std::equal(in_a.begin(), in_a.begin() + 3, in_b.begin()));
  CHECK(in_a != in_b);

  // A packet of one, put into the other's call, opens to nothing.
  const std::size_t delivered = office.delivered.size();
  Octets datagram = ManualPeer::gre_datagram(SeqNo(100), in_a);
  Writer(MutableBytes(datagram).subspan(6, 2)).u16(*b.call_id_of_server);
  office.gre_from(b.from, datagram);
  office.exchange();
  CHECK(office.delivered.size() == delivered);
}

TEST_CASE("acceptor/an inner source that a client was not given is forged, and dropped") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 5);
  Client& b = office.dial(kOtherHome, 5);
  const std::size_t delivered = office.delivered.size();
  for (const Ipv4Address forged : {inner_of(b), kHere, kElsewhere, Ipv4Address()})
    CHECK(office.send(a, ip_packet(1, forged, kElsewhere)));
  CHECK(office.delivered.size() == delivered);
  CHECK(office.acceptor.drops()[Drop::source_forged] == 4);
  check_traffic(office, a, 2);
}

TEST_CASE("acceptor/a destination that no call has is dropped, and so is what is no packet") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 5);
  office.send_from_host(ip_packet(1, kElsewhere, Ipv4Address(192, 168, 77, 99)));
  CHECK(office.acceptor.drops()[Drop::send_no_route] == 1);
  office.send_from_host(from_digits("4500"));
  CHECK(office.acceptor.drops()[Drop::send_malformed] == 1);
  CHECK(a.delivered.empty());
  // A batch: each goes where it belongs.
  Client& b = office.dial(kOtherHome, 5);
  std::vector<Packet> batch;
  for (const Ipv4Address to : {inner_of(a), Ipv4Address(1, 2, 3, 4), inner_of(b), inner_of(a)}) {
    batch.push_back(office.pool.acquire());
    REQUIRE(batch.back().assign(ip_packet(7, kElsewhere, to)));
  }
  office.acceptor.ip_received(office.now, batch);
  office.exchange();
  CHECK(a.delivered.size() == 2);
  CHECK(b.delivered.size() == 1);
  CHECK(office.acceptor.drops()[Drop::send_no_route] == 2);
}

TEST_CASE("acceptor/when the pool is used up a client is turned away, until one goes") {
  Office office(config_with(2));
  Client& a = office.dial(kHome, 1);
  office.dial(kHome, 2);
  REQUIRE(office.up.size() == 2);
  Client& late = office.dial(kHome, 3);
  office.wait(seconds(5));
  CHECK(office.up.size() == 2);
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].end.cause == Cause::ipcp_no_local_address);
  CHECK(late.ended);
  CHECK_FALSE(late.session);
  CHECK(office.acceptor.sessions() == 2);

  const Ipv4Address freed = inner_of(a);
  a.engine.close(office.now);
  office.wait(seconds(5));
  CHECK(a.ended.value().cause == Cause::closed_locally);
  REQUIRE(office.down.size() == 2);
  CHECK(office.down[1].from == kHome);
  CHECK(office.acceptor.sessions() == 1);
  Client& next = office.dial(kHome, 4);
  CHECK(inner_of(next) == freed);
  check_traffic(office, next, 1);
}

constexpr Ipv4Address kFixed(192, 168, 88, 5);

TEST_CASE("acceptor/a user may have an address that is always theirs: the newest login has it") {
  Office office(config_with(2));
  office.fixed_address = kFixed;
  Client& a = office.dial(kHome, 1);
  CHECK(inner_of(a) == kFixed);
  check_traffic(office, a, 1);
  Client& b = office.dial(kOtherHome, 2);
  CHECK(inner_of(b) == kFixed);
  check_traffic(office, b, 2);
  office.wait(seconds(5));
  REQUIRE(a.ended);
  CHECK(a.ended->cause == Cause::peer_terminated);
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].end.cause == Cause::replaced);
  CHECK(office.down[0].from == kHome);
  CHECK(office.down[0].user == "alice");
  CHECK(office.down[0].was_up);
  CHECK(office.acceptor.sessions() == 1);
  // The end of the old call has not taken the address from the new one.
  check_traffic(office, b, 3);
  CHECK_FALSE(office.acceptor.is_free(kFixed));
  b.engine.close(office.now);
  office.wait(seconds(5));
  CHECK(office.acceptor.is_free(kFixed));
}

TEST_CASE("acceptor/a user whose host has vanished is served at once when it comes again") {
  Office office(config_with(2));
  office.fixed_address = kFixed;
  Client& a = office.dial(kHome, 1);
  const SessionId vanished = *std::exchange(a.session, std::nullopt);
  Client& b = office.dial(kHome, 2);
  CHECK(inner_of(b) == kFixed);
  check_traffic(office, b, 1);
  office.wait(seconds(3));
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].session == vanished);
  CHECK(office.down[0].end.cause == Cause::replaced);
  check_traffic(office, b, 2);
}

TEST_CASE("acceptor/who does not know the password ends nobody's call") {
  Office office(config_with(2));
  office.fixed_address = kFixed;
  Client& a = office.dial(kHome, 1);
  Client& b = office.dial(kOtherHome, Office::call_of(2, "guess"));
  office.wait(seconds(5));
  CHECK(b.ended);
  check_traffic(office, a, 1);
}

TEST_CASE("acceptor/the newest login of an account wins, however its name is spelled") {
  Office office(config_with(2));
  office.fixed_address = kFixed;
  Client& a = office.dial(kHome, 1);
  CallConfig with_domain = Office::call_of(2);
  with_domain.link.credentials =
      std::make_shared<const Credentials>("OFFICE\\alice", SecretText("secret"));
  Client& b = office.dial(kOtherHome, with_domain);
  office.wait(seconds(5));
  CHECK(a.ended);
  CHECK(inner_of(b) == kFixed);
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].end.cause == Cause::replaced);
  REQUIRE(office.up.size() == 2);
  CHECK(office.up[1].user == "OFFICE\\alice");
  check_traffic(office, b, 1);
}

TEST_CASE("acceptor/logins that overlap get different addresses") {
  AcceptorConfig config = config_with(4);
  config.call.link.methods = {AuthMethod::eap_mschapv2};
  Office office(config);
  office.picks_itself = true;
  office.gre_works = false;
  CallConfig call = Office::call_of(1);
  call.link.methods = {AuthMethod::eap_mschapv2};
  Client& a = office.dial(kHome, call);
  Client& b = office.dial(kOtherHome, call);
  office.gre_works = true;
  office.wait(seconds(10));
  // Each said who it is before the other had been let in.
  CHECK(office.secrets_wanted_first == std::vector<std::size_t>{2, 2});
  CHECK(inner_of(a) != inner_of(b));
  check_traffic(office, a, 1);
  check_traffic(office, b, 2);
}

TEST_CASE("acceptor/another user does not take over an address that is in use") {
  Office office(config_with(2));
  office.fixed_address = kFixed;
  Client& a = office.dial(kHome, 1);
  office.account = Credentials("bob", SecretText("secret"));
  CallConfig of_bob = Office::call_of(2);
  of_bob.link.credentials = std::make_shared<const Credentials>("bob", SecretText("secret"));
  Client& b = office.dial(kOtherHome, of_bob);
  office.wait(seconds(5));
  CHECK(b.ended);
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].user == "bob");
  CHECK(office.down[0].authenticated);
  CHECK(office.down[0].end.cause == Cause::ipcp_no_local_address);
  check_traffic(office, a, 1);
}

TEST_CASE("acceptor/there are no more sessions than allowed") {
  AcceptorConfig config = config_with(8);
  config.max_sessions = 2;
  Office office(config);
  Client& a = office.dial(kHome, 1);
  office.dial(kHome, 2);
  CHECK_FALSE(office.dial(kHome, 3).session);
  CHECK(office.acceptor.sessions() == 2);
  office.close_tcp(a);
  CHECK(office.acceptor.sessions() == 1);
  CHECK(office.dial(kHome, 4).network);
}

TEST_CASE("acceptor/GRE comes from the address that the client has called") {
  Office office(config_with(8));
  const Ipv4Address called(203, 0, 113, 1);
  const std::optional<SessionId> session = office.acceptor.accepted(office.now, kHome, called);
  REQUIRE(session);
  office.acceptor.control_received(office.now, *session,
                                   as_bytes(octets_of(StartControlConnectionRequest{})));
  office.acceptor.control_received(office.now, *session, as_bytes(octets_of(good_call_request())));
  const std::optional<GreDatagram> first = office.acceptor.poll_gre();
  REQUIRE(first);
  CHECK(first->local == called);
  CHECK(first->peer == kHome);
}

TEST_CASE("acceptor/drops of calls that are over are still told") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 1);
  office.send_from_host(ip_packet(1, kElsewhere, inner_of(a), 1'500));
  CHECK(office.acceptor.total_drops()[Drop::send_too_big] == 1);
  CHECK(office.acceptor.drops()[Drop::send_too_big] == 0);
  office.close_tcp(a);
  CHECK(office.acceptor.total_drops()[Drop::send_too_big] == 1);
  office.send_from_host(ip_packet(1, kElsewhere, kFirst));
  CHECK(office.acceptor.total_drops()[Drop::send_no_route] == 1);
}

TEST_CASE("acceptor/what is longer than the client's MRU allows is not sent to it") {
  Office office(config_with(8));
  CallConfig small = Office::call_of(1);
  small.link.mru = 1000;
  Client& a = office.dial(kHome, small);
  Client& b = office.dial(kOtherHome, 1);  // 1400
  for (const std::size_t size : {996U, 997U}) {
    office.send_from_host(ip_packet(1, kElsewhere, inner_of(a), size));
    office.send_from_host(ip_packet(1, kElsewhere, inner_of(b), size + 400));
  }
  for (const Client* client : {&a, &b}) {
    REQUIRE(client->delivered.size() == 1);
    CHECK(office.acceptor.engine(*client->session)->drops()[Drop::send_too_big] == 1);
  }
  CHECK(a.delivered[0].size() == 996);
  CHECK(b.delivered[0].size() == 1396);
}

TEST_CASE("acceptor/a wrong password brings no session, an address is not used up") {
  Office office(config_with(1));
  Client& wrong = office.dial(kHome, Office::call_of(1, "guess"));
  office.wait(seconds(5));
  CHECK(wrong.ended.value().cause == Cause::auth_failed);
  CHECK(office.up.empty());
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].end.cause == Cause::auth_peer_failed);
  CHECK(office.down[0].user == "alice");
  CHECK_FALSE(office.down[0].authenticated);  // it is what somebody says
  CHECK(office.down[0].from == kHome);
  CHECK_FALSE(office.down[0].was_up);
  CHECK(office.acceptor.sessions() == 0);
  CHECK(office.dial(kHome, 2).network);
}

TEST_CASE("acceptor/close ends one call, close_all the others, and the clients are told") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 1);
  Client& b = office.dial(kHome, 2);
  Client& c = office.dial(kOtherHome, 1);
  office.acceptor.close(office.now, *a.session, {Cause::closed_locally, 0, {}});
  office.wait(seconds(3));
  REQUIRE(a.ended);
  CHECK(a.ended->cause == Cause::peer_terminated);
  CHECK(office.acceptor.sessions() == 2);
  check_traffic(office, b, 1);
  office.acceptor.close_all(office.now, {Cause::closed_locally, 0, {}});
  office.wait(seconds(3));
  CHECK(b.ended);
  CHECK(c.ended);
  CHECK(office.acceptor.sessions() == 0);
  CHECK(office.down.size() == 3);
  CHECK_FALSE(office.acceptor.next_deadline());
  CHECK(office.pool.available() == office.pool.capacity());
}

TEST_CASE("acceptor/close_all is over within two seconds although nobody answers") {
  Office office(config_with(8));
  office.dial(kHome, 1);
  office.dial(kOtherHome, 1);
  const TimePoint start = office.now;
  office.acceptor.close_all(office.now, {Cause::closed_locally, 0, {}});
  std::size_t down = 0;
  std::size_t closed = 0;
  while (office.acceptor.next_deadline() && closed < 2) {
    const TimePoint now = *office.acceptor.next_deadline();
    REQUIRE(now - start <= seconds(2));
    office.acceptor.on_deadline(now);
    while (const auto event = office.acceptor.poll_event())
      if (std::holds_alternative<SessionDown>(*event)) ++down;
    while (const auto output = office.acceptor.poll_control())
      if (output->close) ++closed;
    while (office.acceptor.poll_gre()) {
    }
  }
  CHECK(down == 2);
  CHECK(closed == 2);
}

TEST_CASE("acceptor/TCP that goes takes its session with it, and no other") {
  Office office(config_with(8));
  Client& a = office.dial(kHome, 1);
  Client& b = office.dial(kHome, 2);
  const Ipv4Address gone = inner_of(a);
  office.close_tcp(a);
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].end.cause == Cause::control_lost);
  office.send_from_host(ip_packet(1, kElsewhere, gone));
  CHECK(office.acceptor.drops()[Drop::send_no_route] == 1);
  check_traffic(office, b, 1);
  // What is said of a session that is gone means nothing.
  office.acceptor.close(office.now, SessionId(1), {});
  office.acceptor.control_received(office.now, SessionId(1), from_digits("00"));
  office.acceptor.supply_secret(office.now, SessionId(99), nullptr);
  CHECK(office.acceptor.engine(SessionId(99)) == nullptr);
}

TEST_CASE("acceptor/a connection that says nothing is closed after the time for it") {
  Office office(config_with(8));
  const std::optional<SessionId> session = office.acceptor.accepted(office.now, kHome);
  REQUIRE(session);
  REQUIRE(office.acceptor.next_deadline());
  const TimePoint start = office.now;
  bool closed = false;
  while (!closed && office.acceptor.next_deadline()) {
    const TimePoint now = *office.acceptor.next_deadline();
    office.acceptor.on_deadline(now);
    while (const auto output = office.acceptor.poll_control()) {
      CHECK(output->session == *session);
      closed = closed || output->close;
    }
    CHECK(now - start <= seconds(31));
  }
  CHECK(closed);
  office.acceptor.control_closed(office.now, *session);
  CHECK(office.acceptor.sessions() == 0);
  CHECK_FALSE(office.acceptor.next_deadline());
}

TEST_CASE("acceptor/deadlines are each session's own: a silent client ends, the others live") {
  Office office(config_with(8));
  Client& silent = office.dial(kOtherHome, 1);
  Client& a = office.dial(kHome, 1);
  office.wait(seconds(90));
  CHECK(office.down.empty());
  // The silent one's host is gone, without a word.
  const SessionId lost = *std::exchange(silent.session, std::nullopt);
  office.wait(minutes(5));
  REQUIRE(office.down.size() == 1);
  CHECK(office.down[0].session == lost);
  CHECK((office.down[0].end.cause == Cause::peer_not_responding ||
         office.down[0].end.cause == Cause::control_lost));
  CHECK(a.network);
  check_traffic(office, a, 1);
}

TEST_CASE("acceptor/a call that never gets GRE through ends, and its address is free again") {
  Office office(config_with(1));
  office.gre_works = false;
  Client& a = office.dial(kHome, 1);
  office.wait(minutes(1));
  CHECK(a.ended.value().cause == Cause::gre_blocked);
  REQUIRE(office.down.size() == 1);
  CHECK(office.acceptor.sessions() == 0);
  office.gre_works = true;
  CHECK(inner_of(office.dial(kHome, 2)) == kFirst);
}

}  // namespace
}  // namespace pptp::test
