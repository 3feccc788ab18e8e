// A GRE packet from anybody, and the receive order of one call fed with any numbers at any time.
//
// The input is taken as a datagram, and then as steps of five octets: a sequence number, and how
// many milliseconds pass before it comes. Aborts when a header does not survive being written
// again, when a packet is lost or comes out twice, or when one is held longer than it may be.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "lib/bytes.h"
#include "lib/packet.h"
#include "tunnel/gre.h"
#include "tunnel/gre_receiver.h"
#include "tunnel/gre_sender.h"

namespace pptp {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_header(Bytes datagram) {
  const auto parsed = parse_gre(datagram);
  if (!parsed || datagram.size() > Packet::kCapacity) return;
  PacketPool pool(1);
  Packet packet = pool.acquire();
  require(packet.assign(datagram));
  require(pop_gre_header(packet).has_value());
  require(hex(packet.bytes()) == hex(parsed->payload));
  require(push_gre_header(packet, PeerCallId(parsed->call.value()), parsed->sequence,
                          parsed->acknowledgement));
  require(hex(packet.bytes()) == hex(datagram.first(packet.size())));
}

void check_order(Bytes data) {
  constexpr std::size_t kSlots = GreReceiver::kWindow + 2;
  PacketPool pool(kSlots);
  GreReceiver receiver;
  GreSender sender;
  TimePoint now{};
  std::uint64_t accepted = 0;
  std::uint64_t delivered = 0;
  std::uint32_t sent = 0;
  const auto drain = [&] {
    while (const auto packet = receiver.take(now)) {
      require(packet->size() == 1);
      ++delivered;
    }
    const std::uint64_t held = kSlots - pool.available();
    require(held == accepted - delivered && held < GreReceiver::kWindow);
    const Deadline due = receiver.next_deadline();
    require(due.has_value() == (held != 0));
    require(!due || (*due > now && *due <= now + receiver.reorder_timeout()));
  };
  for (Reader reader(data); reader.remaining() >= 5;) {
    const SeqNo sequence(reader.u32());
    now += std::chrono::milliseconds(reader.u8());
    drain();
    {
      Packet packet = pool.acquire();
      require(!packet.push_back(1).empty());
      const auto drop = receiver.put(now, sequence, std::move(packet));
      require(drop.has_value() == packet.has_slot());  // NOLINT: a drop leaves the packet alone
      require(drop != Drop::no_slot);
      if (!drop) ++accepted;
    }
    drain();
    if (const auto highest = receiver.highest_received()) sender.received(now, *highest);
    sender.peer_acknowledged(now, acknowledging(sequence));
    require(sender.outstanding() <= sent);
    require(sender.next_data(now).sequence == SeqNo(sent++));
    (void)sender.poll_acknowledgement(now);
    require(!sender.next_deadline() || *sender.next_deadline() > now);
  }
  now += receiver.reorder_timeout();
  drain();
  require(pool.available() == kSlots);
  require(receiver.stats().delivered == delivered);
}

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const pptp::Bytes input(data, size);
  pptp::check_header(input);
  pptp::check_order(input);
  return 0;
}
