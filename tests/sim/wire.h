#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <queue>
#include <utility>
#include <vector>

#include "lib/bytes.h"
#include "lib/role.h"
#include "lib/time.h"
#include "tests/sim/seeded_entropy.h"

namespace pptp::sim {

/// What the path between two hosts does to datagrams; TCP suffers delay alone, as it would.
struct Faults {
  Duration latency = std::chrono::milliseconds(10);
  Duration jitter{};         ///< up to this much more, each for itself; order is kept
  Duration control_delay{};  ///< TCP takes this much longer
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;  ///< held back by up to `reorder_by`, so that later ones overtake
  double corrupt = 0;  ///< one to three bits flipped
  Duration reorder_by = std::chrono::milliseconds(15);
};

/// What happens to one GRE datagram that a test has picked.
struct Fate {
  enum class Kind : std::uint8_t { pass, lose, delay, duplicate };
  Kind kind = Kind::pass;
  Duration by{};  ///< delayed by, or the second comes so much later
};

struct Arrival {
  enum class Kind : std::uint8_t { control, gre };
  TimePoint when;
  std::uint64_t order = 0;
  Role to = Role::client;
  Kind kind = Kind::gre;
  std::vector<std::uint8_t> octets;

  bool operator>(const Arrival& other) const noexcept {
    return when != other.when ? when > other.when : order > other.order;
  }
};

/// A faulty path in virtual time.
class Wire {
 public:
  Wire(Faults faults, std::uint64_t seed) noexcept : faults_(faults), random_(seed) {}

  void set_faults(Faults faults) noexcept { faults_ = faults; }

  /// The next GRE datagrams to `to` meet these, and nothing of what chance has for them.
  void ordain(Role to, std::initializer_list<Fate> fates);

  /// From now on nothing of this kind gets to `to`.
  void cut(Role to, Arrival::Kind kind) noexcept { is_cut(to, kind) = true; }

  void send_control(TimePoint now, Role to, Bytes octets);
  void send_gre(TimePoint now, Role to, Bytes octets);

  Deadline next() const noexcept { return queue_.empty() ? Deadline() : queue_.top().when; }

  /// The earliest arrival; only when next() has a value.
  Arrival take();

  /// GRE datagrams handed in that carry an IP packet which anybody can read; and the enciphered
  /// ones.
  std::uint64_t in_clear() const noexcept { return in_clear_; }

  std::uint64_t enciphered() const noexcept { return enciphered_; }

  /// Those that carry LCP.
  std::uint64_t lcp() const noexcept { return lcp_; }

 private:
  void push(TimePoint when, Role to, Arrival::Kind kind, std::vector<std::uint8_t> octets);

  bool& is_cut(Role to, Arrival::Kind kind) noexcept {
    return cut_[std::to_underlying(to)][std::to_underlying(kind)];
  }

  void meet(const Fate& fate, TimePoint when, Role to, Bytes octets);
  TimePoint in_order_arrival(TimePoint now, TimePoint& latest);
  void tap(Bytes datagram) noexcept;

  Faults faults_;
  SeededEntropy random_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> queue_;
  std::uint64_t order_ = 0;
  std::array<TimePoint, 2> latest_control_{};
  std::array<TimePoint, 2> latest_gre_{};
  std::array<std::deque<Fate>, 2> ordained_;
  std::array<std::array<bool, 2>, 2> cut_{};
  std::uint64_t in_clear_ = 0;
  std::uint64_t enciphered_ = 0;
  std::uint64_t lcp_ = 0;
};

}  // namespace pptp::sim
