#include "tunnel/address_translation.h"

#include <algorithm>
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
    CHECK(translation.outbound(out));
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
  CHECK(translation.outbound(former));
  const Octets mine = packet(kTcp, kGiven, kRemote, 4712, 80);
  Octets out = mine;
  CHECK(translation.outbound(out));
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
    CHECK(translation.outbound(out));
    CHECK(ipv4_source(out) == kGivenLater);
    Octets in = packet(kUdp, kRemote, kGivenLater, 5353, 53);
    translation.inbound(in);
    CHECK(ipv4_destination(in) == former);
    CHECK(right(in));
  }
  // The first address again: nothing of its own is rewritten any more.
  translation.set_current(kGiven);
  Octets out = packet(kUdp, kGiven, kRemote, 53, 5353);
  CHECK(translation.outbound(out));
  CHECK(ipv4_source(out) == kGiven);
}

TEST_CASE("address_translation/fragments") {
  AddressTranslation translation = after_first_call();
  Octets first = packet(kUdp, kPlaceholder, kRemote, 4000, 5000, 0x2000);
  CHECK(translation.outbound(first));
  CHECK(right(first));
  Octets later = packet(kUdp, kPlaceholder, kRemote, 1, 2, 0x0010);
  const Octets before = later;
  CHECK(translation.outbound(later));
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
  CHECK(translation.outbound(out));
  CHECK(ipv4_source(out) == kGiven);
  CHECK(u16_at(out, 26) == 0);
}

TEST_CASE("address_translation/the first address stays a former one, and the latest others do") {
  AddressTranslation translation;
  CHECK(translation.former().empty());
  translation.set_current(kPlaceholder);
  const auto given = [](std::size_t call) {
    return Ipv4Address(192, 168, 77, static_cast<std::uint8_t>(call));
  };
  constexpr std::size_t kCalls = AddressTranslation::kMaxFormer + 3;
  for (std::size_t call = 1; call <= kCalls; ++call)
    translation.set_current(given(call));
  const auto former = translation.former();
  REQUIRE(former.size() == AddressTranslation::kMaxFormer + 1);
  CHECK(former[0] == kPlaceholder);
  for (std::size_t i = 1; i < former.size(); ++i)
    CHECK(former[i] == given(kCalls - former.size() + i));
  // What is not one any more is left as it is.
  Octets out = packet(kUdp, given(1), kRemote, 53, 5353);
  CHECK(translation.outbound(out));
  CHECK(ipv4_source(out) == given(1));
  // The same address again changes nothing, and the current one is not a former one.
  translation.set_current(given(kCalls));
  CHECK(translation.former().size() == AddressTranslation::kMaxFormer + 1);
  translation.set_current(kPlaceholder);
  CHECK(std::ranges::find(translation.former(), kPlaceholder) == translation.former().end());
  translation.set_current(given(1));
  CHECK(std::ranges::find(translation.former(), kPlaceholder) != translation.former().end());
}

TEST_CASE("address_translation/a conversation is over when the same leaves from the current one") {
  for (const std::uint8_t protocol : {kTcp, kUdp, kIcmp}) {
    CAPTURE(int{protocol});
    AddressTranslation translation = after_first_call();
    const std::uint16_t port = protocol == kIcmp ? 77 : 80;
    Octets begun = packet(protocol, kPlaceholder, kRemote, 4711, port);
    CHECK(translation.outbound(begun));
    Octets anew = packet(protocol, kGiven, kRemote, 4711, port);
    CHECK(translation.outbound(anew));
    CHECK(ipv4_source(anew) == kGiven);
    const Octets answer = protocol == kIcmp ? packet(protocol, kRemote, kGiven, 0, port)
                                            : packet(protocol, kRemote, kGiven, port, 4711);
    Octets in = answer;
    translation.inbound(in);
    CHECK(in == answer);
  }
}

TEST_CASE("address_translation/with its address a conversation is forgotten") {
  AddressTranslation translation = after_first_call();
  Octets out = packet(kUdp, kPlaceholder, kRemote, 53, 5353);
  CHECK(translation.outbound(out));
  translation.set_current(kPlaceholder);
  translation.set_current(kGivenLater);
  const Octets answer = packet(kUdp, kRemote, kGivenLater, 5353, 53);
  Octets in = answer;
  translation.inbound(in);
  CHECK(in == answer);
}

TEST_CASE("address_translation/of too many conversations the longest silent one is forgotten") {
  AddressTranslation translation = after_first_call();
  const auto begin = [&](std::uint16_t port) {
    Octets out = packet(kUdp, kPlaceholder, kRemote, port, 80);
    CHECK(translation.outbound(out));
  };
  const auto is_known = [&](std::uint16_t port) {
    Octets in = packet(kUdp, kRemote, kGiven, 80, port);
    translation.inbound(in);
    return ipv4_destination(in) == kPlaceholder;
  };
  constexpr std::uint16_t kFull = AddressTranslation::kMaxConversations;
  for (std::uint16_t port = 1; port <= kFull; ++port)
    begin(port);
  begin(1);            // says something
  CHECK(is_known(2));  // hears something
  CHECK(translation.drops().total() == 0);
  begin(kFull + 1);
  CHECK(translation.drops()[Drop::conversation_forgotten] == 1);
  CHECK_FALSE(is_known(3));
  CHECK(is_known(1));
  CHECK(is_known(2));
  CHECK(is_known(4));
  CHECK(is_known(kFull + 1));
}

TEST_CASE("address_translation/what cannot be rewritten does not leave from a former address") {
  for (const std::uint8_t protocol : {kTcp, kUdp}) {
    AddressTranslation translation = after_first_call();
    for (const Ipv4Address source : {kPlaceholder, kGiven}) {
      Octets cut = packet(protocol, source, kRemote, 4711, 80, 0x2000);
      cut.resize(20 + 4);
      put_u16(cut, 2, 24);
      CHECK(translation.outbound(cut) == (source == kGiven));
    }
    CHECK(translation.drops()[Drop::send_malformed] == 1);
  }
}

TEST_CASE("address_translation/what is cut short is left as it is") {
  AddressTranslation translation = after_first_call();
  for (const std::uint8_t protocol : {kTcp, kUdp}) {
    const Octets whole = packet(protocol, kPlaceholder, kRemote, 4711, 80);
    for (std::size_t size = 0; size < 20 + checksum_offset(protocol) + 2; ++size) {
      Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      if (size >= 20) put_u16(cut, 2, static_cast<std::uint16_t>(size));
      const Octets before = cut;
      (void)translation.outbound(cut);
      translation.inbound(cut);
      CHECK(cut == before);
    }
  }
}

}  // namespace
}  // namespace pptp
