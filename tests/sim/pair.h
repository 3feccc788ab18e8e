#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auth/credentials.h"
#include "tests/sim/seeded_entropy.h"
#include "tests/sim/wire.h"
#include "tunnel/engine.h"

namespace pptp::sim {

/// One of the two engines, and what has been seen of it.
struct Host {
  Role role;
  SeededEntropy entropy;
  PacketPool pool{96};
  Engine engine;
  std::optional<NetworkUp> up;
  std::optional<EncryptionAgreed> encryption;
  std::optional<End> end;
  bool tcp_closed = false;
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t damaged = 0;  ///< what the inner checksum catches
  std::uint64_t wrong = 0;    ///< passed its checksum and was never sent so
  std::uint64_t doubled = 0;
  std::uint64_t out_of_order = 0;
  std::optional<std::uint64_t> highest;
  std::set<std::uint64_t> seen;
  std::vector<TimePoint> sent_at;      ///< by number
  std::uint32_t most_outstanding = 0;  ///< packets sent by this one and not acknowledged
  Duration longest_way{};              ///< from a packet's sending to its delivery here

  Host(Role which, CallConfig config, std::uint64_t seed)
      : role(which), entropy(seed), engine(std::move(config), pool, entropy) {}
};

struct PairConfig {
  CallConfig client;
  CallConfig server;
  Faults faults;
  std::uint64_t seed = 0;
  std::string user = "alice";
  std::string client_password = "secret";
  std::string server_password = "secret";

  PairConfig();
};

/// Two engines, a faulty wire between them, and virtual time that jumps to the least deadline.
/// Nothing sleeps; everything follows from the seed.
class Pair {
 public:
  explicit Pair(PairConfig config);

  /// TCP has just been connected.
  void start();

  /// Goes on for `span` of virtual time, or until `done`.
  template <class Done>
  bool run(Duration span, Done done) {
    const TimePoint until = now_ + span;
    while (!done()) {
      if (!step(until)) return done();
    }
    return true;
  }

  void run(Duration span) {
    run(span, [] { return false; });
  }

  bool both_up() const noexcept { return client_.up.has_value() && server_.up.has_value(); }

  bool any_ended() const noexcept { return client_.end.has_value() || server_.end.has_value(); }

  bool both_ended() const noexcept { return client_.end.has_value() && server_.end.has_value(); }

  /// Sends `count` IP packets each way, one every `interval`, of many lengths, and waits for the
  /// last.
  void exchange(unsigned count, Duration interval);
  /// Sends one IP packet now.
  void send_ip(Host& from);

  void close(Host& which) {
    which.engine.close(now_);
    drain(which);
  }

  Host& client() noexcept { return client_; }

  Host& server() noexcept { return server_; }

  Wire& wire() noexcept { return wire_; }

  TimePoint now() const noexcept { return now_; }

  /// What happened, for a failure's message.
  const std::string& transcript() const noexcept { return transcript_; }

 private:
  bool step(TimePoint until);
  void drain(Host& which);
  void on_event(Host& which, EngineEvent&& event);
  void check_ip(Host& which, const Host& sender, Bytes packet);
  void note(const Host& which, std::string_view what);

  Host& end(Role role) noexcept { return role == Role::client ? client_ : server_; }

  TimePoint now_{};
  Wire wire_;
  Credentials server_credentials_;
  std::string user_;
  Host client_;
  Host server_;
  std::string transcript_;
};

}  // namespace pptp::sim
