#include "ppp/negotiator.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/ppp/negotiation.h"
#include "tests/ppp/toy.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("negotiator/two requests and two acks open the layer") {
  Toy toy;
  toy.negotiator.open(toy.now);
  CHECK(signals(toy.negotiator) == "started");
  CHECK(toy.negotiator.state() == State::starting);
  toy.negotiator.lower_up(toy.now);
  CHECK(sent(toy.negotiator) == "0101000a010400320202");
  CHECK(toy.policy.restarts == 1);
  toy.receive(kConfReq, 7, kGood);
  CHECK(sent(toy.negotiator) == "0207000801040001");
  CHECK(toy.negotiator.state() == State::ack_sent);
  toy.receive(kConfAck, 1, kOurs);
  CHECK(signals(toy.negotiator) == "up");
  CHECK(toy.negotiator.state() == State::opened);
  CHECK(toy.policy.agreed_number == 50);
  CHECK(toy.policy.peer_number == 1);
  CHECK_FALSE(toy.negotiator.next_deadline());
  CHECK(toy.negotiator.finish_reason() == FinishReason::none);
}

TEST_CASE(
    "rfc1661/4.6 Max-Configure requests, a restart timer apart, and then the layer finishes") {
  Toy toy;
  toy.negotiator.open(toy.now);
  toy.negotiator.lower_up(toy.now);
  (void)signals(toy.negotiator);
  for (int i = 0; i < 10; ++i) {
    // RFC 1661 5.1: nothing changed, so the identifier does not have to.
    CHECK(sent(toy.negotiator) == "0101000a010400320202");
    CHECK(toy.negotiator.next_deadline() == toy.now + seconds(3));
    toy.pass(milliseconds(2999));
    CHECK(sent(toy.negotiator).empty());
    toy.pass(milliseconds(1));
  }
  CHECK(sent(toy.negotiator).empty());
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.finish_reason() == FinishReason::timeout);
  CHECK(toy.negotiator.state() == State::stopped);
  CHECK_FALSE(toy.negotiator.next_deadline());
}

TEST_CASE("negotiator/a late deadline is one timeout, however late") {
  Toy toy;
  toy.negotiating().pass(seconds(1000));
  CHECK(sent_packets(toy.negotiator).size() == 1);
  CHECK(toy.negotiator.next_deadline() == toy.now + seconds(3));
  toy.negotiator.on_deadline(toy.now);
  CHECK(sent(toy.negotiator).empty());
}

TEST_CASE("negotiator/a deadline that is not there does nothing") {
  for (const State state : {State::initial, State::starting, State::closed, State::opened}) {
    Toy toy;
    bring_to(toy, state);
    toy.pass(minutes(1));
    CHECK(toy.negotiator.state() == state);
    CHECK(sent(toy.negotiator).empty());
  }
}

TEST_CASE("rfc1661/5.2 an ack that is not the exact echo of the last request is discarded") {
  for (const std::string_view options : {"01040033 0202", "0202 01040032", "01040032 0202 0202",
                                         "01040032", "", "01040032 0203", "01040032 02"}) {
    CAPTURE(options);
    Toy toy;
    toy.negotiating().receive(kConfAck, 1, options);
    CHECK(toy.negotiator.state() == State::req_sent);
    CHECK(sent(toy.negotiator).empty());
    CHECK_FALSE(toy.policy.agreed_number);
  }
}

TEST_CASE("rfc1661/5.2-5.4 answers with another identifier are discarded") {
  for (const std::uint8_t code : {kConfAck, kConfNak, kConfRej}) {
    for (const std::uint8_t id : {std::uint8_t{0}, std::uint8_t{2}, std::uint8_t{255}}) {
      Toy toy;
      toy.negotiating().receive(code, id, kOurs);
      CHECK(toy.negotiator.state() == State::req_sent);
      CHECK(sent(toy.negotiator).empty());
      CHECK(toy.policy.ask_flag);
    }
  }
}

TEST_CASE("rfc1661/5.1 a request after an answer has a new identifier, and the old one is stale") {
  Toy toy;
  toy.negotiating().receive(kConfNak, 1, "01040005");
  CHECK(sent(toy.negotiator) == "0102000a010400050202");
  toy.receive(kConfAck, 1, kOurs);
  toy.receive(kConfNak, 1, "01040006");
  CHECK(toy.negotiator.state() == State::req_sent);
  CHECK(sent(toy.negotiator).empty());
  toy.receive(kConfAck, 2, "01040005 0202");
  CHECK(toy.negotiator.state() == State::ack_rcvd);
  CHECK(toy.policy.agreed_number == 5);
}

TEST_CASE("negotiator/in Ack-Rcvd a timeout asks anew, since the old request has been answered") {
  Toy toy;
  bring_to(toy, State::ack_rcvd);
  toy.pass(seconds(3));
  CHECK(toy.negotiator.state() == State::req_sent);
  CHECK(sent(toy.negotiator) == "0102000a010400320202");
}

TEST_CASE("negotiator/DEVIATION a repeated answer does not take Ack-Rcvd and Opened back") {
  for (const State state : {State::ack_rcvd, State::opened}) {
    Toy toy;
    bring_to(toy, state);
    toy.receive(kConfAck, 1, kOurs);
    toy.receive(kConfNak, 1, "01040005");
    toy.receive(kConfRej, 1, "0202");
    CHECK(toy.negotiator.state() == state);
    CHECK(sent(toy.negotiator).empty());
    CHECK(signals(toy.negotiator).empty());
  }
}

TEST_CASE("rfc1661/5.4 a reject of anything that was not asked for is discarded") {
  for (const std::string_view options : {"0502", "01040033", "0202 0502", "01040032 020300", ""}) {
    CAPTURE(options);
    Toy toy;
    toy.negotiating().receive(kConfRej, 1, options);
    CHECK(sent(toy.negotiator).empty());
    CHECK(toy.policy.ask_flag);
  }
  Toy toy;
  toy.negotiating().receive(kConfRej, 1, "0202");
  CHECK(sent(toy.negotiator) == "0102000801040032");
}

TEST_CASE("negotiator/a nak that is empty or cannot be walked is discarded") {
  for (const std::string_view options : {"", "01", "0101", "010500", "01040005 02"}) {
    CAPTURE(options);
    Toy toy;
    toy.negotiating().receive(kConfNak, 1, options);
    CHECK(sent(toy.negotiator).empty());
    CHECK(toy.policy.number == 50);
  }
}

TEST_CASE("rfc1661/5.4 rejected options go back alone, in their order, before anything is naked") {
  Toy toy;
  toy.policy.insist = true;
  toy.negotiating().receive(kConfReq, 9, "0704aaaa 010400ff 0202 0603bb");
  CHECK(sent(toy.negotiator) == "0409000b0704aaaa0603bb");
  CHECK(toy.policy.missing_asked == 0);
  CHECK(toy.negotiator.state() == State::req_sent);
}

TEST_CASE("rfc1661/5.3 a nak has the naked options and the missing ones, and nothing else") {
  Toy toy;
  toy.policy.insist = true;
  toy.negotiating().receive(kConfReq, 9, "0202 010400ff");
  CHECK(sent(toy.negotiator) == "0309000c0104006403040007");
}

TEST_CASE("rfc1661/4.6 after Max-Failure naks the same is rejected and nothing more is asked for") {
  Toy toy;
  toy.policy.insist = true;
  toy.negotiating();
  for (std::uint8_t id = 1; id <= 5; ++id) {
    toy.receive(kConfReq, id, "010400ff");
    CHECK(sent_packets(toy.negotiator).at(0).at(0) == kConfNak);
  }
  CHECK(toy.policy.missing_asked == 5);
  toy.receive(kConfReq, 6, "010400ff");
  CHECK(sent(toy.negotiator) == "04060008010400ff");
  toy.receive(kConfReq, 7, "0202");
  CHECK(sent(toy.negotiator) == "020700060202");
  CHECK(toy.policy.missing_asked == 5);
}

TEST_CASE("rfc1661/4.6 an ack begins a new count towards Max-Failure") {
  Toy toy;
  toy.negotiating();
  for (std::uint8_t id = 1; id <= 20; ++id) {
    toy.receive(kConfReq, id, id % 5 == 0 ? kGood : "010400ff");
    CHECK(sent_packets(toy.negotiator).at(0).at(0) == (id % 5 == 0 ? kConfAck : kConfNak));
  }
}

TEST_CASE("negotiator/a retransmission naked again does not count towards Max-Failure") {
  Toy toy;
  toy.negotiating();
  for (int copies = 0; copies < 12; ++copies) {
    toy.receive(kConfReq, 1, "010400ff");
    CHECK(sent_packets(toy.negotiator).at(0).at(0) == kConfNak);
  }
  for (std::uint8_t id = 2; id <= 5; ++id) {
    toy.receive(kConfReq, id, "010400ff");
    CHECK(sent_packets(toy.negotiator).at(0).at(0) == kConfNak);
  }
  toy.receive(kConfReq, 6, "010400ff");
  CHECK(sent_packets(toy.negotiator).at(0).at(0) == kConfRej);
}

TEST_CASE("negotiator/a policy that gives up closes the layer with a reason") {
  Toy toy;
  toy.negotiating().receive(kConfReq, 1, "0902");
  CHECK(toy.negotiator.state() == State::closing);
  const auto packets = sent_packets(toy.negotiator);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0][0] == kTermReq);
  CHECK(as_text(Bytes(packets[0]).subspan(4)) == "No agreement on a required option");
  toy.receive(kTermAck, packets[0][1]);
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.finish_reason() == FinishReason::no_agreement);
}

TEST_CASE("negotiator/a policy that cannot do without what was rejected closes the layer") {
  Toy toy;
  toy.policy.flag_is_vital = true;
  toy.negotiating().receive(kConfRej, 1, "0202");
  CHECK(toy.negotiator.state() == State::closing);
  const auto packets = sent_packets(toy.negotiator);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0][0] == kTermReq);
}

TEST_CASE("rfc1661/4.1 a request in Opened takes the layer down and negotiates anew") {
  Toy toy;
  toy.opened().receive(kConfReq, 8, kGood);
  CHECK(signals(toy.negotiator) == "down");
  CHECK(sent(toy.negotiator) == "0102000a010400320202 0208000801040001");
  CHECK(toy.negotiator.state() == State::ack_sent);
  // What had been agreed is forgotten, what has just been acknowledged is not.
  CHECK(toy.policy.restarts == 2);
  CHECK_FALSE(toy.policy.agreed_number);
  CHECK(toy.policy.peer_number == 1);
  toy.receive(kConfAck, 2, kOurs);
  CHECK(signals(toy.negotiator) == "up");
}

TEST_CASE(
    "negotiator/in Opened the request acknowledged last is acknowledged again, and nothing more") {
  Toy toy;
  for (int copies = 0; copies < 20; ++copies) {
    if (copies == 0) toy.opened();
    toy.receive(kConfReq, 1, kGood);
    CHECK(sent(toy.negotiator) == "0201000801040001");
    CHECK(signals(toy.negotiator).empty());
    CHECK(toy.negotiator.state() == State::opened);
  }
  CHECK(toy.policy.restarts == 1);
  // The same identifier with other options is a negotiation.
  toy.receive(kConfReq, 1, "01040002");
  CHECK(signals(toy.negotiator) == "down");
}

TEST_CASE("negotiator/a request that cannot be walked does not take Opened down") {
  for (const std::string_view options : {"01", "0100", "0101", "010500", "01040001 02"}) {
    CAPTURE(options);
    Toy toy;
    toy.opened().receive(kConfReq, 8, options);
    CHECK(toy.negotiator.state() == State::opened);
    CHECK(sent(toy.negotiator).empty());
    CHECK(toy.policy.restarts == 1);
  }
}

TEST_CASE("rfc1661/5.5 close sends Max-Terminate requests with the same identifier") {
  Toy toy;
  toy.opened().negotiator.close(toy.now, "bye");
  CHECK(signals(toy.negotiator) == "down");
  CHECK(sent(toy.negotiator) == "05020007627965");
  toy.pass(seconds(3));
  CHECK(sent(toy.negotiator) == "05020007627965");
  CHECK(signals(toy.negotiator).empty());
  toy.pass(seconds(3));
  CHECK(sent(toy.negotiator).empty());
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.state() == State::closed);
  CHECK(toy.negotiator.finish_reason() == FinishReason::closed);
}

TEST_CASE("negotiator/a second close does not change what is being sent") {
  Toy toy;
  toy.opened().negotiator.close(toy.now, "bye");
  toy.negotiator.close(toy.now, "other");
  CHECK(sent(toy.negotiator) == "05020007627965");
  toy.pass(seconds(3));
  CHECK(sent(toy.negotiator) == "05020007627965");
}

TEST_CASE("negotiator/a Terminate-Ack ends the waiting, and the layer can be opened again") {
  Toy toy;
  toy.opened().negotiator.close(toy.now, "bye");
  toy.receive(kTermAck, 2);
  CHECK(signals(toy.negotiator) == "down finished");
  (void)sent(toy.negotiator);
  toy.negotiator.open(toy.now);
  CHECK(sent(toy.negotiator) == "0103000a010400320202");
  CHECK(toy.negotiator.finish_reason() == FinishReason::none);
}

TEST_CASE("rfc1661/4.4 after the peer's Terminate-Request one period passes before the end") {
  Toy toy;
  toy.opened().receive(kTermReq, 9, "6279650a");
  CHECK(signals(toy.negotiator) == "down");
  CHECK(sent(toy.negotiator) == "06090004");
  CHECK(toy.negotiator.terminate_text() == "bye\n");
  CHECK(toy.negotiator.next_deadline() == toy.now + seconds(3));
  toy.receive(kTermReq, 10);
  CHECK(sent(toy.negotiator) == "060a0004");
  toy.pass(seconds(3));
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.state() == State::stopped);
  CHECK(toy.negotiator.finish_reason() == FinishReason::peer_terminated);
}

TEST_CASE("negotiator/silence after a Terminate-Request in a negotiation is the peer's doing") {
  Toy toy;
  toy.negotiating().receive(kTermReq, 9, "6e6f");
  CHECK(toy.negotiator.state() == State::req_sent);
  for (int i = 0; i < 10; ++i)
    toy.pass(seconds(3));
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.finish_reason() == FinishReason::peer_terminated);
  CHECK(toy.negotiator.terminate_text() == "no");
}

TEST_CASE("negotiator/a peer that asks again after its Terminate-Request has come back") {
  Toy toy;
  toy.negotiating().receive(kTermReq, 9, "6e6f");
  toy.receive(kConfReq, 1, kGood);
  for (int i = 0; i < 10; ++i)
    toy.pass(seconds(3));
  CHECK(toy.negotiator.finish_reason() == FinishReason::timeout);
}

TEST_CASE("rfc1661/5.6 a Terminate-Ack out of nowhere in Opened negotiates anew") {
  Toy toy;
  toy.opened().receive(kTermAck, 77);
  CHECK(signals(toy.negotiator) == "down");
  CHECK(sent(toy.negotiator) == "0102000a010400320202");
  CHECK(toy.negotiator.state() == State::req_sent);
  CHECK(toy.policy.restarts == 2);
}

TEST_CASE("rfc1661/5.6 an unknown code is rejected with a copy of the packet, each with a new id") {
  for (const State state : receiving_states()) {
    Toy toy;
    bring_to(toy, state);
    toy.receive(0, 5, "aabb");
    toy.receive(200, 6);
    const auto packets = sent_packets(toy.negotiator);
    REQUIRE(packets.size() == 2);
    CHECK(hex(Bytes(packets[0]).subspan(2)) == "000a00050006aabb");
    CHECK(hex(Bytes(packets[1]).subspan(2)) == "0008c8060004");
    CHECK(packets[0][0] == kCodeRej);
    CHECK(packets[0][1] != packets[1][1]);
    CHECK(toy.negotiator.state() == state);
  }
}

TEST_CASE("rfc1661/5.6 a Code-Reject is cut to what the peer receives") {
  Toy toy;
  toy.opened().negotiator.set_max_packet(128);
  toy.receive(control_packet(99, 1, Octets(1000, 0xaa)));
  const auto packets = sent_packets(toy.negotiator);
  REQUIRE(packets.size() == 1);
  CHECK(packets[0].size() == 128);
  CHECK(hex(Bytes(packets[0]).subspan(2, 6)) == "0080630103ec");
}

TEST_CASE(
    "rfc1661/4.3 a Code-Reject of what the automaton needs is the end, of anything else not") {
  for (std::uint8_t code = 1; code <= 7; ++code) {
    Toy toy;
    toy.negotiating().receive(control_packet(kCodeRej, 1, control_packet(code, 1)));
    CHECK(signals(toy.negotiator) == "finished");
    CHECK(toy.negotiator.finish_reason() == FinishReason::rejected);
  }
  for (const std::string_view rejected : {"", "09010004", "00010004", "ff"}) {
    Toy toy;
    toy.opened().receive(kCodeRej, 1, rejected);
    CHECK(toy.negotiator.state() == State::opened);
    CHECK(sent(toy.negotiator).empty());
  }
  Toy toy;
  toy.opened().receive(kCodeRej, 1, "01010004");
  CHECK(toy.negotiator.state() == State::stopping);
  CHECK(signals(toy.negotiator) == "down");
}

TEST_CASE("negotiator/a protocol that the peer rejects finishes") {
  Toy toy;
  toy.negotiating().negotiator.protocol_rejected(toy.now);
  CHECK(signals(toy.negotiator) == "finished");
  CHECK(toy.negotiator.finish_reason() == FinishReason::rejected);
  CHECK(toy.negotiator.state() == State::stopped);

  Toy open;
  open.opened().negotiator.protocol_rejected(open.now);
  CHECK(signals(open.negotiator) == "down");
  open.negotiator.protocol_rejected(open.now);
  CHECK(signals(open.negotiator) == "finished");
  CHECK(open.negotiator.finish_reason() == FinishReason::rejected);

  Toy down;
  down.negotiator.protocol_rejected(down.now);
  CHECK(down.negotiator.finish_reason() == FinishReason::none);
}

TEST_CASE("negotiator/while the lower layer is down nothing is received and nothing waits") {
  for (const State state : {State::initial, State::starting}) {
    Toy toy;
    bring_to(toy, state);
    for (std::uint8_t code = 0; code < 20; ++code)
      toy.receive(code, 1, kGood);
    CHECK(toy.negotiator.state() == state);
    CHECK(sent(toy.negotiator).empty());
  }
  Toy toy;
  toy.opened().receive(kConfReq, 2, kGood);
  toy.negotiator.lower_down(toy.now);
  CHECK(sent(toy.negotiator).empty());
  CHECK(toy.negotiator.state() == State::starting);
  CHECK_FALSE(toy.negotiator.next_deadline());
  toy.negotiator.lower_up(toy.now);
  CHECK(sent_packets(toy.negotiator).size() == 1);
}

TEST_CASE("rfc1661/5 Length rules: padding is cut off, a Length that is not there discarded") {
  Toy toy;
  toy.negotiating();
  for (const std::string_view packet : {"", "01", "0101", "010100", "01010000", "01010003",
                                        "0101000501", "0101ffff", "0101000901040001"}) {
    const std::string octets = from_hex(packet).value();
    CHECK(toy.negotiator.receive(toy.now, as_bytes(octets)) == Drop::ppp_control_malformed);
    CHECK(sent(toy.negotiator).empty());
  }
  const std::string padded = from_hex("01010008010400010000ff").value();
  CHECK_FALSE(toy.negotiator.receive(toy.now, as_bytes(padded)));
  CHECK(sent(toy.negotiator) == "0201000801040001");
}

TEST_CASE("negotiator/what is malformed is dropped by name, what is stale is not") {
  struct Case {
    std::uint8_t code;
    std::uint8_t id;
    std::string_view data;
    bool malformed;
  };

  for (const Case& one : {
           Case{kConfReq, 9, "0104000102", true},     // runs past the end
           Case{kConfReq, 9, "0101", true},           // a length below 2
           Case{kConfAck, 1, "01040033 0202", true},  // not what was asked for
           Case{kConfAck, 2, kOurs, false},           // of another request
           Case{kConfNak, 1, "", true},
           Case{kConfNak, 1, "0105", true},
           Case{kConfNak, 2, "0105", false},
           Case{kConfRej, 1, "0303", true},
           Case{kConfRej, 1, "0304ffff", true},  // never asked for
           Case{kCodeRej, 1, "", true},
           Case{kTermAck, 1, "", false},
           Case{kConfNak, 1, "01040005", false},
       }) {
    CAPTURE(int{one.code});
    CAPTURE(one.data);
    Toy toy;
    toy.negotiating();
    const auto drop = toy.negotiator.receive(toy.now, control_packet(one.code, one.id, one.data));
    CHECK(drop == (one.malformed ? std::optional(Drop::ppp_control_malformed) : std::nullopt));
  }
  Toy down;
  CHECK(down.negotiator.receive(down.now, control_packet(kConfReq, 1)) == Drop::ppp_wrong_phase);
}

TEST_CASE(
    "rfc1661/4.2 in Closed and Stopped requests and answers meet a Terminate-Ack or a restart") {
  Toy closed;
  bring_to(closed, State::closed);
  for (const std::uint8_t code : {kConfReq, kConfAck, kConfNak, kConfRej, kTermReq}) {
    closed.receive(code, 33, kGood);
    CHECK(sent(closed.negotiator) == "06210004");
  }
  closed.receive(kTermAck, 33);
  CHECK(sent(closed.negotiator).empty());

  Toy stopped;
  bring_to(stopped, State::stopped);
  stopped.receive(kConfAck, 33, kOurs);
  CHECK(sent(stopped.negotiator) == "06210004");
  stopped.receive(kConfReq, 34, kGood);
  CHECK(stopped.negotiator.state() == State::ack_sent);
  CHECK(stopped.negotiator.finish_reason() == FinishReason::none);
  CHECK(sent_packets(stopped.negotiator).size() == 2);
}

TEST_CASE("negotiator/extra codes go to the policy, and what it sends is cut") {
  Toy toy;
  toy.opened().receive(8, 44, "0102");
  CHECK(sent(toy.negotiator) == "082c00060102");
  toy.negotiator.set_max_packet(1);
  CHECK(toy.negotiator.max_packet() == Negotiator::kMinPacket);
  toy.receive(control_packet(8, 1, Octets(500, 1)));
  CHECK(sent_packets(toy.negotiator).at(0).size() == Negotiator::kMinPacket);
  toy.negotiator.set_max_packet(65535);
  toy.receive(control_packet(8, 1, Octets(3000, 1)));
  CHECK(sent_packets(toy.negotiator).at(0).size() == Negotiator::kMaxPacket);
}

// CVE-class: a Configure-Request filled to the brim makes a Nak longer than the buffer.
}  // namespace
}  // namespace pptp::test
