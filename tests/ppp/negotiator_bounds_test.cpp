// What a peer can make a Negotiator do at most, and what a bad wire cannot.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "ppp/negotiator.h"
#include "tests/ppp/negotiation.h"
#include "tests/ppp/toy.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("negotiator/a peer that never takes no for an answer ends the negotiation") {
  Toy toy;
  toy.negotiating();
  int answers = 0;
  while (toy.negotiator.state() == State::req_sent && answers < 1000) {
    toy.receive(kConfReq, 1, "0502");
    ++answers;
  }
  CHECK(answers == 21);
  CHECK(toy.negotiator.state() == State::closing);
  CHECK(toy.negotiator.finish_reason() == FinishReason::no_agreement);
}

TEST_CASE("negotiator/a peer that naks every request ends the negotiation") {
  Toy toy;
  toy.negotiating();
  std::uint8_t id = 1;
  while (toy.negotiator.state() == State::req_sent && id < 100) {
    toy.receive(kConfNak, id, "01040005");
    ++id;
  }
  CHECK(id == 31);
  CHECK(toy.negotiator.state() == State::closing);
  CHECK(toy.negotiator.finish_reason() == FinishReason::no_agreement);
}

TEST_CASE("negotiator/a peer that acks and never asks ends the negotiation") {
  Toy toy;
  toy.negotiating();
  for (std::uint8_t id = 1; id < 100 && signals(toy.negotiator).empty(); ++id) {
    toy.receive(kConfAck, id, kOurs);
    toy.pass(seconds(3));
  }
  CHECK(toy.negotiator.finish_reason() == FinishReason::no_agreement);
  CHECK(toy.negotiator.state() == State::closed);
}

TEST_CASE("negotiator/renegotiations are counted: a flood of them ends the layer") {
  Toy toy;
  toy.opened();
  int rounds = 0;
  std::uint8_t id = 2;
  for (; toy.negotiator.state() == State::opened && rounds < 1000; ++rounds) {
    toy.receive(kConfReq, id, kGood);
    toy.receive(kConfAck, id++, kOurs);
  }
  CHECK(rounds == 11);
  CHECK(toy.negotiator.state() == State::closing);
  CHECK(toy.negotiator.finish_reason() == FinishReason::no_agreement);
}

TEST_CASE("negotiator/renegotiations now and then are no flood") {
  Toy toy;
  toy.opened();
  for (std::uint8_t id = 2; id < 100; ++id) {
    toy.now += minutes(2);
    toy.receive(kConfReq, 8, kGood);
    toy.receive(kConfAck, id, kOurs);
    (void)sent(toy.negotiator);
  }
  CHECK(toy.negotiator.state() == State::opened);
}

TEST_CASE("negotiator/what nobody polls is bounded") {
  Toy toy;
  bring_to(toy, State::closed);
  for (int i = 0; i < 1000; ++i)
    toy.receive(kConfReq, 1, kGood);
  CHECK(sent_packets(toy.negotiator).size() == Negotiator::kMaxQueued);
  for (int i = 0; i < 1000; ++i) {
    toy.negotiator.open(toy.now);
    toy.negotiator.close(toy.now, "");
    toy.receive(kTermAck, 1);
  }
  std::size_t signals_left = 0;
  while (toy.negotiator.poll_signal())
    ++signals_left;
  CHECK(signals_left == Negotiator::kMaxQueued);
}

TEST_CASE("negotiator/answers to requests that fill a whole packet stay within it") {
  for (const std::string_view option : {"0502", "010400ff", "01040001", "0103aa", "0202"}) {
    for (const std::size_t max : {std::size_t{64}, std::size_t{128}, std::size_t{1500}}) {
      Toy toy;
      toy.policy.insist = true;
      toy.negotiating().negotiator.set_max_packet(max);
      const std::string one = from_hex(option).value();
      Octets options;
      while (options.size() + one.size() <= 1496) {
        const Bytes octets = as_bytes(one);
        options.insert(options.end(), octets.begin(), octets.end());
      }
      for (const std::size_t size : {max - 4, options.size()}) {
        const std::size_t whole = std::min(size, options.size()) / one.size() * one.size();
        toy.receive(control_packet(kConfReq, 1, Bytes(options).first(whole)));
        for (const Octets& packet : sent_packets(toy.negotiator)) {
          CHECK(packet.size() <= max);
          CHECK(packet.size() > 4);
        }
      }
    }
  }
}

TEST_CASE(
    "negotiator/a request whose ack the peer could not receive is not answered by half of one") {
  Toy toy;
  toy.negotiating().negotiator.set_max_packet(64);
  std::string options;
  for (int i = 0; i < 30; ++i)
    options += "0202";
  toy.receive(kConfReq, 1, options + "0202");
  CHECK(sent(toy.negotiator).empty());
  CHECK(toy.negotiator.state() == State::req_sent);
  toy.receive(kConfReq, 2, options);
  CHECK(sent_packets(toy.negotiator).at(0).size() == 64);
  CHECK(toy.negotiator.state() == State::ack_sent);
}

TEST_CASE("negotiator/every truncation and bit flip of every packet in every state is survived") {
  const std::vector<Octets> packets = {
      control_packet(kConfReq, 1, "010400ff 0202 03040001 0502"),
      control_packet(kConfAck, 1, kOurs),
      control_packet(kConfNak, 1, "01040005 03040007"),
      control_packet(kConfRej, 1, "0202"),
      control_packet(kTermReq, 1, "627965"),
      control_packet(kTermAck, 1),
      control_packet(kCodeRej, 1, "63010004"),
      control_packet(8, 1, "01020304"),
  };
  std::size_t survived = 0;
  const auto feed = [&survived](State state, const Octets& packet) {
    Toy toy;
    bring_to(toy, state);
    toy.receive(packet);
    for (const Octets& out : sent_packets(toy.negotiator)) {
      if (out.size() < 4 || out.size() > 1500 || out.size() != out[2] * 256U + out[3])
        FAIL("malformed " << hex(out) << " for " << hex(packet));
    }
    // TO events lead out of every state that waits for something.
    if (restart_timer_runs(toy.negotiator.state()) != toy.negotiator.next_deadline().has_value())
      FAIL("timer after " << hex(packet));
    ++survived;
  };
  for (const State state : receiving_states()) {
    for (const Octets& packet : packets) {
      for (std::size_t size = 0; size <= packet.size(); ++size)
        feed(state, Octets(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size)));
      for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
        Octets damaged = packet;
        damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
        feed(state, damaged);
      }
    }
  }
  CHECK(survived > 4000);
}

TEST_CASE("negotiator/two of them agree over a wire that loses, repeats and reorders") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    ToyPolicy a_policy;
    ToyPolicy b_policy;
    a_policy.number = 200;  // b naks it down to 100
    b_policy.insist = true;
    a_policy.limit = 20;  // and a b's 50 to 20
    Negotiator a(a_policy, {}, Log{});
    Negotiator b(b_policy, {}, Log{});
    Pair pair(a, b, {0.2, 0.2, milliseconds(50), milliseconds(400)}, seed);
    for (Negotiator* end : {&a, &b}) {
      end->open(kStart);
      end->lower_up(kStart);
    }
    pair.run(minutes(5));
    CHECK(a.state() == State::opened);
    CHECK(b.state() == State::opened);
    CHECK(a_policy.agreed_number == 100);
    CHECK(b_policy.peer_number == 100);
    CHECK(b_policy.agreed_number == 20);
    CHECK(a_policy.peer_number == 20);
    CHECK(signals(a).ends_with("up"));
    CHECK(signals(b).ends_with("up"));
    CHECK(pair.packets() < 300);

    a.close(pair.now(), "done");
    pair.run(minutes(1));
    CHECK(signals(a) == "down finished");
    CHECK(a.finish_reason() == FinishReason::closed);
    CHECK(a.state() == State::closed);
  }
}

TEST_CASE("negotiator/a side that comes up late finds the other waiting") {
  ToyPolicy a_policy;
  ToyPolicy b_policy;
  Negotiator a(a_policy, {}, Log{});
  Negotiator b(b_policy, {}, Log{});
  Pair pair(a, b, {}, 1);
  a.open(kStart);
  a.lower_up(kStart);
  b.open(kStart);
  pair.run(seconds(10));
  CHECK(b.state() == State::starting);
  b.lower_up(pair.now());
  pair.run(seconds(10));
  CHECK(a.state() == State::opened);
  CHECK(b.state() == State::opened);
}

}  // namespace
}  // namespace pptp::test
