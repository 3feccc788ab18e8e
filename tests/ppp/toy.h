#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "ppp/negotiator.h"
#include "tests/ppp/negotiation.h"

namespace pptp::test {

/// A control protocol small enough to see through:
///   option 1  a number; the peer's must not be above `limit`
///   option 2  a flag that may be asked for and is always agreed to
///   option 3  a number that the peer must send where `insist` is set
///   option 9  the end of all agreement
/// and anything else is rejected. Code 8 is known.
class ToyPolicy final : public OptionPolicy {
 public:
  std::uint16_t number = 50;
  bool ask_flag = true;
  std::uint16_t limit = 100;
  bool insist = false;
  bool flag_is_vital = false;

  int restarts = 0;
  int missing_asked = 0;
  std::optional<std::uint16_t> agreed_number;
  std::optional<std::uint16_t> peer_number;

  PppProtocol protocol() const noexcept override { return PppProtocol(0x80fd); }

  void restart() noexcept override {
    ++restarts;
    agreed_number.reset();
    peer_number.reset();
  }

  void write_request(OptionWriter& out) noexcept override {
    out.put_u16(1, number);
    if (ask_flag) out.put_flag(2);
    if (answer_three_) out.put_u16(3, 7);
  }

  void begin_judging() noexcept override {
    judged_number_.reset();
    three_seen_ = false;
  }

  Verdict judge(const Option& option, OptionWriter& nak) noexcept override {
    switch (option.type) {
      case 1: {
        Reader reader(option.data);
        const std::uint16_t value = reader.u16();
        if (!reader.ok()) return Verdict::reject;
        judged_number_ = value;
        if (value <= limit) return Verdict::ack;
        nak.put_u16(1, limit);
        return Verdict::nak;
      }
      case 2:
        return Verdict::ack;
      case 3:
        three_seen_ = true;
        return Verdict::ack;
      case 9:
        return Verdict::give_up;
      default:
        return Verdict::reject;
    }
  }

  void judge_missing(OptionWriter& nak) noexcept override {
    ++missing_asked;
    if (insist && !three_seen_) nak.put_u16(3, 7);
  }

  void peer_request_acked() noexcept override { peer_number = judged_number_; }

  void acked() noexcept override { agreed_number = number; }

  bool naked(const Option& option) noexcept override {
    Reader reader(option.data);
    const std::uint16_t value = reader.u16();
    if (option.type == 1 && reader.ok()) number = value;
    if (option.type == 3) answer_three_ = true;
    return true;
  }

  bool rejected(const Option& option) noexcept override {
    if (option.type == 2) ask_flag = false;
    if (option.type == 3) answer_three_ = false;
    return !(option.type == 2 && flag_is_vital);
  }

  bool extra_code(TimePoint, Negotiator& negotiator, std::uint8_t code, Identifier id,
                  Bytes data) noexcept override {
    if (code != 8) return false;
    if (negotiator.state() == State::opened) negotiator.send(8, id, data);
    return true;
  }

 private:
  std::optional<std::uint16_t> judged_number_;
  bool three_seen_ = false;
  bool answer_three_ = false;
};

// What the toy asks for: number 50, flag.
inline constexpr std::string_view kOurs = "01040032 0202";
// What a peer may ask it for.
inline constexpr std::string_view kGood = "01040001";

struct Toy {
  ToyPolicy policy;
  Negotiator negotiator{policy, NegotiatorConfig{}, Log{}};
  TimePoint now = kStart;

  void receive(const Octets& packet) { negotiator.receive(now, packet); }

  void receive(std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
    receive(control_packet(code, id, digits));
  }

  /// Request 1 is sent and polled.
  Toy& negotiating() {
    negotiator.open(now);
    negotiator.lower_up(now);
    (void)sent(negotiator);
    (void)signals(negotiator);
    return *this;
  }

  Toy& opened() {
    negotiating();
    receive(kConfAck, 1, kOurs);
    receive(kConfReq, 1, kGood);
    REQUIRE(negotiator.state() == State::opened);
    (void)sent(negotiator);
    (void)signals(negotiator);
    return *this;
  }

  void pass(Duration time) {
    now += time;
    negotiator.on_deadline(now);
  }
};

// A toy in each state that receives packets.
inline std::vector<State> receiving_states() {
  return {State::closed,   State::stopped,  State::closing,  State::stopping,
          State::req_sent, State::ack_rcvd, State::ack_sent, State::opened};
}

inline void bring_to(Toy& toy, State state) {
  switch (state) {
    case State::initial:
      break;
    case State::starting:
      toy.negotiator.open(toy.now);
      break;
    case State::closed:
      toy.negotiator.lower_up(toy.now);
      break;
    case State::stopped:
      toy.negotiating();
      for (int i = 0; i < 10; ++i)
        toy.pass(std::chrono::seconds(3));
      break;
    case State::closing:
      toy.negotiating().negotiator.close(toy.now, "");
      break;
    case State::stopping:
      toy.opened().receive(kTermReq, 1);
      break;
    case State::req_sent:
      toy.negotiating();
      break;
    case State::ack_rcvd:
      toy.negotiating().receive(kConfAck, 1, kOurs);
      break;
    case State::ack_sent:
      toy.negotiating().receive(kConfReq, 1, kGood);
      break;
    case State::opened:
      toy.opened();
      break;
    case State::count_:
      break;
  }
  (void)sent(toy.negotiator);
  (void)signals(toy.negotiator);
  REQUIRE(toy.negotiator.state() == state);
}

}  // namespace pptp::test
