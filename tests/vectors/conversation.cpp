#include "tests/vectors/conversation.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "lib/bytes.h"
#include "tests/vectors/pcap.h"
#include "tunnel/gre.h"

namespace pptp::test {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kGre = 47;

[[noreturn]] void bad(const std::string& what) {
  throw std::runtime_error("conversation: " + what);
}

/// One direction of a TCP connection: segments in any order, octets out in theirs.
class TcpStream {
 public:
  /// `first`: the sequence number after the SYN.
  void begin(std::uint32_t first) { first_ = first; }

  /// The octets that this segment makes ready.
  std::vector<std::uint8_t> add(std::uint32_t sequence, Bytes payload) {
    if (!payload.empty()) waiting_[sequence - first_].assign(payload.begin(), payload.end());
    std::vector<std::uint8_t> ready;
    for (auto segment = waiting_.begin(); segment != waiting_.end() && segment->first <= delivered_;
         segment = waiting_.erase(segment)) {
      const Bytes octets(segment->second);
      const Bytes fresh = octets.subspan(std::min(delivered_ - segment->first, octets.size()));
      ready.insert(ready.end(), fresh.begin(), fresh.end());
      delivered_ += fresh.size();
    }
    return ready;
  }

 private:
  std::uint32_t first_ = 0;
  std::size_t delivered_ = 0;
  std::map<std::size_t, std::vector<std::uint8_t>> waiting_;
};

class ConversationReader {
 public:
  Conversation read(const std::string& file) {
    for (const CapturedPacket& packet : read_pcap(file)) {
      if (packet.protocol == kTcp) {
        tcp(packet);
      } else if (packet.protocol == kGre) {
        gre(packet);
      } else {
        bad("neither TCP nor GRE");
      }
    }
    for (const Direction direction : kDirections)
      put_in_order(direction);
    return std::move(conversation_);
  }

 private:
  Direction direction_of(const CapturedPacket& packet) const {
    if (packet.source == conversation_.client && packet.destination == conversation_.server)
      return Direction::client_to_server;
    if (packet.source == conversation_.server && packet.destination == conversation_.client)
      return Direction::server_to_client;
    bad("another host");
  }

  void tcp(const CapturedPacket& packet) {
    Reader reader(packet.payload);
    reader.skip(4);
    const std::uint32_t sequence = reader.u32();
    reader.skip(4);
    const std::size_t header = static_cast<std::size_t>(reader.u8() >> 4) * 4;
    const std::uint8_t flags = reader.u8();
    constexpr std::uint8_t kSyn = 0x02;
    constexpr std::uint8_t kAck = 0x10;
    if ((flags & (kSyn | kAck)) == kSyn) {
      conversation_.client = packet.source;
      conversation_.server = packet.destination;
    }
    const Direction direction = direction_of(packet);
    if ((flags & kSyn) != 0) {
      tcp_[direction].begin(sequence + 1);
      return;
    }
    const std::vector<std::uint8_t> ready =
        tcp_[direction].add(sequence, Bytes(packet.payload).subspan(header));
    Bytes rest(ready);
    while (const auto message = control_[direction].next(rest)) {
      if (!*message) bad("control message");
      conversation_.control.emplace_back(direction, **message);
    }
  }

  void gre(const CapturedPacket& packet) {
    const Direction direction = direction_of(packet);
    const auto parsed = parse_gre(packet.payload);
    if (!parsed) bad("GRE header");
    GreFigures& figures = conversation_.gre[direction];
    if (!parsed->sequence) {
      ++figures.ack_only_packets;
      return;
    }
    if (parsed->call != receiver_call_id(direction)) bad("another call");
    if (packet.fragmented) ++figures.outer_fragmented;
    const std::uint32_t sequence = parsed->sequence->value();
    const std::vector<std::uint8_t> frame(parsed->payload.begin(), parsed->payload.end());
    if (!frames_[direction].emplace(sequence, frame).second) {
      ++figures.duplicates;
      return;
    }
    ++figures.data_packets;
    if (figures.last_sequence && sequence < *figures.last_sequence) ++figures.out_of_order;
    figures.last_sequence = std::max(figures.last_sequence.value_or(0), sequence);
    conversation_.arrived.emplace_back(direction, frame);
  }

  /// GRE carries the id that its receiver gave to the call.
  CallId receiver_call_id(Direction direction) const {
    for (const auto& [from, message] : conversation_.control) {
      if (const auto* const request = std::get_if<OutgoingCallRequest>(&message)) {
        if (from != direction) return CallId(request->call_id);
      }
      if (const auto* const reply = std::get_if<OutgoingCallReply>(&message)) {
        if (from != direction) return CallId(reply->call_id);
      }
    }
    bad("GRE before the call");
  }

  void put_in_order(Direction direction) {
    GreFigures& figures = conversation_.gre[direction];
    const auto& frames = frames_[direction];
    if (frames.empty()) return;
    figures.first_sequence = frames.begin()->first;
    figures.missing_sequences =
        *figures.last_sequence - *figures.first_sequence + 1 - figures.data_packets;
    for (const auto& [sequence, frame] : frames)
      conversation_.in_order[direction].push_back(frame);
  }

  Conversation conversation_;
  EachWay<TcpStream> tcp_;
  EachWay<ControlStream> control_;
  EachWay<std::map<std::uint32_t, std::vector<std::uint8_t>>> frames_;
};

}  // namespace

std::string name(Direction direction) {
  return direction == Direction::client_to_server ? "c2s" : "s2c";
}

Conversation read_conversation(const std::string& pcap_file) {
  return ConversationReader().read(pcap_file);
}

}  // namespace pptp::test
