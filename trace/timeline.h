#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "lib/bytes.h"
#include "lib/time.h"
#include "ppp/protocol.h"
#include "trace/capture.h"
#include "tunnel/call_observer.h"
#include "tunnel/control_message.h"

namespace pptp {

/// What a packet is about.
enum class Layer : std::uint8_t {
  tcp,
  control,  ///< RFC 2637 2
  gre,
  lcp,
  authentication,
  ccp,
  ipcp,  ///< and IPV6CP
  other,
  data
};

/// A packet, or several of the same kind in a row.
struct Exchange {
  Way way = Way::sent;
  Layer layer = Layer::other;
  std::string label;  ///< what it is: "LCP Configure-Request"
  std::string words;  ///< as control_words() and packet_words() have it, without secrets
  Duration first{};   ///< since the beginning
  Duration last{};    ///< of the last repetition
  std::uint64_t count = 1;

  bool operator==(const Exchange&) const = default;
};

/// What one call says and hears, in the order of time, to be shown as a whole. All of it is ASCII;
/// secrets are never in it. A packet that comes again, with nothing but acknowledgements and data
/// in between, is one Exchange with a count. Its size is bounded: of a long call the beginning and
/// the end are kept.
class Timeline {
 public:
  /// Exchanges that are kept, from the beginning and from the end.
  static constexpr std::size_t kFirst = 150;
  static constexpr std::size_t kLatest = 150;
  /// Of an Exchange's words.
  static constexpr std::size_t kLongestWords = 600;

  /// Times count from `begin`.
  explicit Timeline(TimePoint begin) noexcept : begin_(begin) {}

  /// The control connection's TCP.
  void connected(TimePoint now, const CallEnds& ends);
  void control(TimePoint now, Way way, const ControlMessage& message);
  /// Octets of the control connection that are no message.
  void not_pptp(TimePoint now, Way way, Bytes octets);
  /// As CallObserver has them.
  void gre(TimePoint now, Way way, Bytes packet);
  void frame(TimePoint now, Way way, PppProtocol protocol, Bytes information);
  void ip(TimePoint now, Way way, Bytes packet);

  std::vector<Exchange> exchanges() const;

  /// Packets of which nothing is kept; they were behind the first kFirst exchanges.
  std::uint64_t left_out() const noexcept { return left_out_; }

  /// nullopt: there was no connection.
  const std::optional<CallEnds>& ends() const noexcept { return ends_; }

 private:
  void add(TimePoint now, Way way, Layer layer, std::string label, std::string words);
  Exchange* repeated(const Exchange& exchange);

  TimePoint begin_;
  std::optional<CallEnds> ends_;
  std::vector<Exchange> first_;
  std::deque<Exchange> latest_;
  std::uint64_t left_out_ = 0;
};

}  // namespace pptp
