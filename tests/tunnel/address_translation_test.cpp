#include "tunnel/address_translation.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr Ipv4Address kPlaceholder(10, 64, 64, 7);
constexpr Ipv4Address kGiven(192, 168, 77, 10);
constexpr Ipv4Address kGivenLater(192, 168, 77, 11);
constexpr Ipv4Address kRemote(203, 0, 113, 5);
constexpr Ipv4Address kOther(203, 0, 113, 6);

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

std::size_t checksum_offset(std::uint8_t protocol) {
  return protocol == kTcp ? 16 : protocol == kUdp ? 6 : 2;
}

void put_address(MutableBytes octets, std::size_t at, Ipv4Address address) {
  put_u16(octets, at, static_cast<std::uint16_t>(address.value() >> 16));
  put_u16(octets, at + 2, static_cast<std::uint16_t>(address.value() & 0xffff));
}

/// What the checksum of a packet's payload comes to, by the definition of RFC 1071: zero is right.
std::uint16_t payload_sum(Bytes packet) {
  const std::size_t size = packet.size() - 20;
  Octets covered;
  if (packet[9] != kIcmp) {
    covered.assign(packet.begin() + 12, packet.begin() + 20);
    covered.insert(covered.end(), {0, packet[9], static_cast<std::uint8_t>(size >> 8),
                                   static_cast<std::uint8_t>(size & 0xff)});
  }
  covered.insert(covered.end(), packet.begin() + 20, packet.end());
  return internet_checksum(covered);
}

/// A packet with right checksums.
Octets packet(std::uint8_t protocol, Ipv4Address source, Ipv4Address destination,
              std::uint16_t source_port, std::uint16_t destination_port,
              std::uint16_t fragment = 0) {
  Octets octets(20 + 32, 0x5a);
  octets[0] = 0x45;
  put_u16(octets, 2, static_cast<std::uint16_t>(octets.size()));
  put_u16(octets, 6, fragment);
  octets[9] = protocol;
  put_address(octets, 12, source);
  put_address(octets, 16, destination);
  put_u16(octets, 10, 0);
  put_u16(octets, 10, internet_checksum(Bytes(octets).first(20)));
  const MutableBytes payload = MutableBytes(octets).subspan(20);
  if (protocol == kIcmp) {
    payload[0] = source_port == 0 ? 0 : 8;
    put_u16(payload, 4, destination_port);
  } else {
    put_u16(payload, 0, source_port);
    put_u16(payload, 2, destination_port);
  }
  put_u16(payload, checksum_offset(protocol), 0);
  put_u16(payload, checksum_offset(protocol), payload_sum(octets));
  return octets;
}

bool right(Bytes octets) {
  return internet_checksum(octets.first(20)) == 0 && payload_sum(octets) == 0;
}

AddressTranslation after_first_call() {
  AddressTranslation translation;
  translation.set_current(kPlaceholder);
  translation.set_current(kGiven);
  return translation;
}

TEST_CASE("address_translation/a conversation from the former address goes on over the new one") {
  for (const std::uint8_t protocol : {kTcp, kUdp, kIcmp}) {
    CAPTURE(int{protocol});
    AddressTranslation translation = after_first_call();
    const std::uint16_t port = protocol == kIcmp ? 77 : 80;
    Octets out = packet(protocol, kPlaceholder, kRemote, 4711, port);
    REQUIRE(right(out));
    translation.outbound(out);
    CHECK(ipv4_source(out) == kGiven);
    CHECK(right(out));

    Octets in = protocol == kIcmp ? packet(protocol, kRemote, kGiven, 0, port)
                                  : packet(protocol, kRemote, kGiven, port, 4711);
    translation.inbound(in);
    CHECK(ipv4_destination(in) == kPlaceholder);
    CHECK(right(in));
  }
}

TEST_CASE("address_translation/what is from the current address is left as it is") {
  AddressTranslation translation = after_first_call();
  Octets former = packet(kTcp, kPlaceholder, kRemote, 4711, 80);
  translation.outbound(former);
  const Octets mine = packet(kTcp, kGiven, kRemote, 4712, 80);
  Octets out = mine;
  translation.outbound(out);
  CHECK(out == mine);
  for (const Octets& answer :
       {packet(kTcp, kRemote, kGiven, 80, 4712), packet(kTcp, kOther, kGiven, 80, 4711),
        packet(kUdp, kRemote, kGiven, 80, 4711), packet(kTcp, kRemote, kOther, 80, 4711)}) {
    Octets in = answer;
    translation.inbound(in);
    CHECK(in == answer);
  }
}

TEST_CASE("address_translation/a second call's address, too") {
  AddressTranslation translation = after_first_call();
  translation.set_current(kGivenLater);
  for (const Ipv4Address former : {kPlaceholder, kGiven}) {
    Octets out = packet(kUdp, former, kRemote, 53, 5353);
    translation.outbound(out);
    CHECK(ipv4_source(out) == kGivenLater);
    Octets in = packet(kUdp, kRemote, kGivenLater, 5353, 53);
    translation.inbound(in);
    CHECK(ipv4_destination(in) == former);
    CHECK(right(in));
  }
  // The first address again: nothing of its own is rewritten any more.
  translation.set_current(kGiven);
  Octets out = packet(kUdp, kGiven, kRemote, 53, 5353);
  translation.outbound(out);
  CHECK(ipv4_source(out) == kGiven);
}

TEST_CASE("address_translation/fragments") {
  AddressTranslation translation = after_first_call();
  Octets first = packet(kUdp, kPlaceholder, kRemote, 4000, 5000, 0x2000);
  translation.outbound(first);
  CHECK(right(first));
  Octets later = packet(kUdp, kPlaceholder, kRemote, 1, 2, 0x0010);
  const Octets before = later;
  translation.outbound(later);
  CHECK(ipv4_source(later) == kGiven);
  CHECK(internet_checksum(Bytes(later).first(20)) == 0);
  CHECK(Octets(later.begin() + 20, later.end()) == Octets(before.begin() + 20, before.end()));
  Octets in = packet(kUdp, kRemote, kGiven, 1, 2, 0x0010);
  translation.inbound(in);
  CHECK(ipv4_destination(in) == kPlaceholder);
}

TEST_CASE("address_translation/UDP without a checksum stays without") {
  AddressTranslation translation = after_first_call();
  Octets out = packet(kUdp, kPlaceholder, kRemote, 4000, 5000);
  put_u16(out, 26, 0);
  translation.outbound(out);
  CHECK(ipv4_source(out) == kGiven);
  CHECK(u16_at(out, 26) == 0);
}

TEST_CASE("address_translation/the oldest conversation is forgotten, not the memory bound") {
  AddressTranslation translation = after_first_call();
  const auto conversations = static_cast<std::uint16_t>(AddressTranslation::kMaxConversations + 1);
  for (std::uint16_t port = 1; port <= conversations; ++port) {
    Octets out = packet(kUdp, kPlaceholder, kRemote, port, 80);
    translation.outbound(out);
  }
  Octets oldest = packet(kUdp, kRemote, kGiven, 80, 1);
  translation.inbound(oldest);
  CHECK(ipv4_destination(oldest) == kGiven);
  Octets latest = packet(kUdp, kRemote, kGiven, 80, conversations);
  translation.inbound(latest);
  CHECK(ipv4_destination(latest) == kPlaceholder);
}

TEST_CASE("address_translation/what is cut short is left as it is") {
  AddressTranslation translation = after_first_call();
  for (const std::uint8_t protocol : {kTcp, kUdp}) {
    const Octets whole = packet(protocol, kPlaceholder, kRemote, 4711, 80);
    for (std::size_t size = 0; size < 20 + checksum_offset(protocol) + 2; ++size) {
      Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      if (size >= 20) put_u16(cut, 2, static_cast<std::uint16_t>(size));
      const Octets before = cut;
      translation.outbound(cut);
      translation.inbound(cut);
      CHECK(cut == before);
    }
  }
}

}  // namespace
}  // namespace pptp
