#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/bytes.h"
#include "ppp/negotiator.h"

namespace pptp::test {

using Octets = std::vector<std::uint8_t>;

inline constexpr TimePoint kStart{std::chrono::hours(1)};

// RFC 1661 5.
inline constexpr std::uint8_t kConfReq = 1;
inline constexpr std::uint8_t kConfAck = 2;
inline constexpr std::uint8_t kConfNak = 3;
inline constexpr std::uint8_t kConfRej = 4;
inline constexpr std::uint8_t kTermReq = 5;
inline constexpr std::uint8_t kTermAck = 6;
inline constexpr std::uint8_t kCodeRej = 7;

/// A whole packet with the right Length.
inline Octets control_packet(std::uint8_t code, std::uint8_t id, Bytes data) {
  Octets out(4 + data.size());
  Writer writer(out);
  writer.u8(code);
  writer.u8(id);
  writer.u16(static_cast<std::uint16_t>(out.size()));
  writer.bytes(data);
  return out;
}

inline Octets control_packet(std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
  const std::string data = from_hex(digits).value();
  return control_packet(code, id, as_bytes(data));
}

/// Everything that waits, as hexadecimal digits with spaces between packets.
inline std::string sent(Negotiator& negotiator) {
  std::string out;
  while (const auto packet = negotiator.poll_packet())
    out += (out.empty() ? "" : " ") + hex(*packet);
  return out;
}

inline std::vector<Octets> sent_packets(Negotiator& negotiator) {
  std::vector<Octets> out;
  while (auto packet = negotiator.poll_packet())
    out.push_back(std::move(*packet));
  return out;
}

/// Everything that happened: "started up".
inline std::string signals(Negotiator& negotiator) {
  static constexpr std::array<std::string_view, 4> kNames = {"up", "down", "started", "finished"};
  std::string out;
  while (const auto signal = negotiator.poll_signal())
    out += std::string(out.empty() ? "" : " ").append(kNames.at(std::to_underlying(*signal)));
  return out;
}

/// Two negotiators and a wire between them that may lose, repeat and delay, in virtual time.
class Pair {
 public:
  struct Wire {
    double loss = 0;
    double repeat = 0;
    Duration delay = std::chrono::milliseconds(10);
    Duration jitter{};  ///< more than the time between packets reorders them
  };

  Pair(Negotiator& a, Negotiator& b, Wire wire, std::uint32_t seed)
      : ends_{&a, &b}, wire_(wire), random_(seed) {}

  /// Until nothing is on the wire and no timer runs, or `limit` is over.
  void run(Duration limit) {
    const TimePoint end = now_ + limit;
    for (;;) {
      for (std::size_t side = 0; side < 2; ++side)
        put_on_wire(side);
      Deadline next = earliest(ends_[0]->next_deadline(), ends_[1]->next_deadline());
      if (!wire_packets_.empty()) next = earliest(next, wire_packets_.begin()->first);
      if (!next || *next > end) return;
      now_ = std::max(now_, *next);
      while (!wire_packets_.empty() && wire_packets_.begin()->first <= now_) {
        const auto [to, packet] = std::move(wire_packets_.begin()->second);
        wire_packets_.erase(wire_packets_.begin());
        ends_[to]->receive(now_, packet);
        put_on_wire(to);
      }
      for (Negotiator* end_point : ends_)
        end_point->on_deadline(now_);
    }
  }

  TimePoint now() const noexcept { return now_; }

  std::size_t packets() const noexcept { return packets_; }

 private:
  void put_on_wire(std::size_t from) {
    while (const auto packet = ends_[from]->poll_packet()) {
      ++packets_;
      if (chance(wire_.loss)) continue;
      deliver(1 - from, *packet);
      if (chance(wire_.repeat)) deliver(1 - from, *packet);
    }
  }

  void deliver(std::size_t to, const Octets& packet) {
    std::uniform_int_distribution<std::int64_t> jitter(0, wire_.jitter.count());
    const TimePoint when = now_ + wire_.delay + Duration(jitter(random_));
    wire_packets_.emplace(when, std::pair(to, packet));
  }

  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }

  std::array<Negotiator*, 2> ends_;
  Wire wire_;
  std::mt19937 random_;
  TimePoint now_ = kStart;
  std::size_t packets_ = 0;
  std::multimap<TimePoint, std::pair<std::size_t, Octets>> wire_packets_;
};

}  // namespace pptp::test
