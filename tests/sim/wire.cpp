#include "tests/sim/wire.h"

#include <algorithm>
#include <utility>

namespace pptp::sim {

void Wire::ordain(Role to, std::initializer_list<Fate> fates) {
  std::deque<Fate>& ordained = ordained_[std::to_underlying(to)];
  ordained.insert(ordained.end(), fates);
}

void Wire::send_control(TimePoint now, Role to, Bytes octets) {
  if (is_cut(to, Arrival::Kind::control)) return;
  TimePoint& latest = latest_control_[std::to_underlying(to)];
  push(in_order_arrival(now + faults_.control_delay, latest), to, Arrival::Kind::control,
       {octets.begin(), octets.end()});
}

void Wire::send_gre(TimePoint now, Role to, Bytes octets) {
  tap(octets);
  if (is_cut(to, Arrival::Kind::gre)) return;
  if (std::deque<Fate>& ordained = ordained_[std::to_underlying(to)]; !ordained.empty()) {
    meet(ordained.front(), now + faults_.latency, to, octets);
    ordained.pop_front();
    return;
  }
  if (random_.chance(faults_.loss)) return;
  TimePoint when = in_order_arrival(now, latest_gre_[std::to_underlying(to)]);
  if (random_.chance(faults_.reorder)) {
    const auto most = std::chrono::duration_cast<std::chrono::microseconds>(faults_.reorder_by);
    when += std::chrono::microseconds(1 + random_.below(static_cast<std::uint64_t>(most.count())));
  }
  std::vector<std::uint8_t> datagram(octets.begin(), octets.end());
  if (random_.chance(faults_.corrupt)) {
    for (std::uint64_t flips = 1 + random_.below(3); flips > 0; --flips) {
      datagram[random_.below(datagram.size())] ^= static_cast<std::uint8_t>(1U << random_.below(8));
    }
  }
  if (random_.chance(faults_.duplicate)) {
    push(when + std::chrono::microseconds(random_.below(5'000)), to, Arrival::Kind::gre, datagram);
  }
  push(when, to, Arrival::Kind::gre, std::move(datagram));
}

void Wire::meet(const Fate& fate, TimePoint when, Role to, Bytes octets) {
  const std::vector<std::uint8_t> datagram(octets.begin(), octets.end());
  if (fate.kind == Fate::Kind::lose) return;
  const bool delayed = fate.kind == Fate::Kind::delay;
  push(delayed ? when + fate.by : when, to, Arrival::Kind::gre, datagram);
  if (fate.kind == Fate::Kind::duplicate) push(when + fate.by, to, Arrival::Kind::gre, datagram);
}

Arrival Wire::take() {
  Arrival arrival = queue_.top();
  queue_.pop();
  return arrival;
}

void Wire::push(TimePoint when, Role to, Arrival::Kind kind, std::vector<std::uint8_t> octets) {
  queue_.push({when, order_++, to, kind, std::move(octets)});
}

/// Jitter delays; it does not let one overtake the other.
TimePoint Wire::in_order_arrival(TimePoint now, TimePoint& latest) {
  const Duration extra(static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(faults_.jitter.count()) + 1)));
  latest = std::max(latest, now + faults_.latency + extra);
  return latest;
}

/// A reader of its own, that shares nothing with the codecs it watches.
void Wire::tap(Bytes datagram) noexcept {
  if (datagram.size() < 8) return;
  std::size_t header = 8;
  if ((datagram[0] & 0x10) != 0) header += 4;  // S
  if ((datagram[1] & 0x80) != 0) header += 4;  // A
  if (datagram.size() <= header) return;
  Bytes frame = datagram.subspan(header);
  if (frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03) frame = frame.subspan(2);
  if (frame.empty()) return;
  std::uint32_t protocol = frame[0];
  if ((protocol & 1) == 0 && frame.size() >= 2) protocol = protocol << 8 | frame[1];
  if (protocol == 0xfd) ++enciphered_;
  if (protocol == 0xc021) ++lcp_;
  if (protocol == 0x21 || protocol == 0x57 || protocol == 0x2d || protocol == 0x2f) ++in_clear_;
}

}  // namespace pptp::sim
