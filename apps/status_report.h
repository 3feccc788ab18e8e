#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lib/drops.h"
#include "tunnel/io/gre_packet_sender.h"

namespace pptp::app {

enum class CallState : std::uint8_t {
  idle,
  connecting,
  authenticating,
  negotiating,
  up,
  reconnecting,
  failed,
};

/// The word for it in status: "idle", "connecting", ...
std::string_view name(CallState state) noexcept;

/// How one profile's call is doing. What is not known yet is empty, and null in JSON.
struct StatusReport {
  struct Encryption {
    unsigned bits = 128;
    bool stateful = false;
  };

  struct Counters {
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t lost = 0;
    std::uint64_t reordered = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t late = 0;
    std::uint64_t key_streams_reused = 0;               ///< stateful MPPE, sending
    std::map<std::string, std::uint64_t> dropped = {};  ///< by name(Drop); only what is not zero
    /// GRE packets by name(io::SentBy), only what is not zero; empty without `link.transmit`
    std::map<std::string, std::uint64_t> sent_by = {};

    Counters& operator+=(const Counters& other);
  };

  struct Last {
    int exit = 0;
    std::string id;
    std::string summary;
  };

  std::string profile;
  CallState state = CallState::idle;
  std::optional<std::chrono::system_clock::time_point> since;  ///< of the state; whole seconds
  std::string server_name;
  std::string server_address;
  std::string interface;
  std::string local;
  std::string peer;
  std::string ipv6;
  std::uint32_t mtu = 0;           ///< 0: not known
  std::string auth;                ///< a word of auth.methods
  std::optional<Encryption> mppe;  ///< nullopt: without
  std::vector<std::string> dns;
  std::vector<std::string> routes;
  Counters counters;
  std::optional<double> rtt_ms;
  std::optional<Last> last;  ///< how the last call ended
};

std::map<std::string, std::uint64_t> dropped(const Drops& drops);
std::map<std::string, std::uint64_t> sent_by(const io::SentCounts& counts);

/// The document of `status --json`.
nlohmann::json to_json(const StatusReport& report);

/// The way back, for a report that came over a control socket. The error says what is wrong.
std::expected<StatusReport, std::string> status_from_json(const nlohmann::json& document);

/// For people: a few aligned lines.
std::string to_text(const StatusReport& report, std::chrono::system_clock::time_point now);

}  // namespace pptp::app
