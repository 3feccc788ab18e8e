#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/control_message.h"

namespace pptp::test {

enum class Direction : std::uint8_t { client_to_server, server_to_client };

inline constexpr std::array kDirections = {Direction::client_to_server,
                                           Direction::server_to_client};

/// "c2s" or "s2c".
std::string name(Direction direction);

/// One value for each direction.
template <class T>
class EachWay {
 public:
  T& operator[](Direction direction) { return values_[std::to_underlying(direction)]; }

  const T& operator[](Direction direction) const { return values_[std::to_underlying(direction)]; }

 private:
  std::array<T, 2> values_{};
};

/// What happened to the GRE packets of one direction.
struct GreFigures {
  unsigned data_packets = 0;  ///< without repetitions
  unsigned ack_only_packets = 0;
  std::optional<std::uint32_t> first_sequence;
  std::optional<std::uint32_t> last_sequence;
  unsigned missing_sequences = 0;
  unsigned duplicates = 0;
  unsigned out_of_order = 0;
  unsigned outer_fragmented = 0;
};

/// One call as a capture has it, read with the project's own codecs.
struct Conversation {
  Ipv4Address client;
  Ipv4Address server;
  std::vector<std::pair<Direction, ControlMessage>> control;
  EachWay<GreFigures> gre;
  /// PPP frames, each once, in order of arrival.
  std::vector<std::pair<Direction, std::vector<std::uint8_t>>> arrived;
  /// PPP frames, each once, in order of their GRE sequence numbers.
  EachWay<std::vector<std::vector<std::uint8_t>>> in_order;
};

/// Throws on what is neither PPTP's control connection nor GRE of its call, and on all that a codec
/// takes exception to.
Conversation read_conversation(const std::string& pcap_file);

}  // namespace pptp::test
