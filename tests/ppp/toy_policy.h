#pragma once

#include <cstdint>
#include <optional>

#include "ppp/negotiator.h"

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

}  // namespace pptp::test
