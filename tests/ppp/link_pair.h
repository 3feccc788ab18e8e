#pragma once

// A client's and a server's Link with a wire between them, in virtual time.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "ppp/link.h"
#include "tests/ppp/negotiation.h"

namespace pptp::test {

class RandomEntropy final : public Entropy {
 public:
  explicit RandomEntropy(std::uint32_t seed) : random_(seed) {}

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out)
      octet = static_cast<std::uint8_t>(random_() & 0xff);
  }

 private:
  std::mt19937 random_;
};

class RecordingLog final : public LogSink {
 public:
  std::vector<std::string> warnings;

  void line(LogLevel level, std::string_view text) noexcept override {
    if (level >= LogLevel::warning) warnings.emplace_back(text);
  }
};

inline LinkConfig client_config(std::string_view password = "secret") {
  LinkConfig config;
  config.credentials = std::make_shared<Credentials>("alice", SecretText(password));
  return config;
}

inline LinkConfig server_config() {
  LinkConfig config;
  config.role = Role::server;
  return config;
}

inline LinkConfig without_echo(LinkConfig config) {
  config.echo_interval = Duration::zero();
  return config;
}

inline IpAssignment some_assignment() {
  return {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 9), {Ipv4Address(10, 0, 0, 53)}, {}};
}

/// One Link, and what it told.
struct LinkEnd {
  LinkEnd(LinkConfig link_config, std::uint32_t seed)
      : config(link_config), entropy(seed), link(std::move(link_config), entropy, Log(&log)) {}

  LinkConfig config;
  RandomEntropy entropy;
  RecordingLog log;
  Link link;

  std::string story;  ///< a word for every event
  std::optional<FramingAgreed> framing;
  std::optional<AuthMethod> wanted;
  std::optional<Authenticated> authenticated;
  std::optional<AuthMethod> method;
  std::optional<EncryptionUp> encryption;  ///< while it is in force
  std::optional<NetworkUp> network;        ///< while it is up
  std::optional<std::uint16_t> probed;
  std::optional<Ipv6Up> ipv6;  ///< while it is up
  std::optional<End> ended;
  unsigned encryptions = 0;
  unsigned resets = 0;
  unsigned readies = 0;
  /// What must never happen and did.
  std::string violation;

  std::optional<std::string> wants_secret;
  std::optional<std::string> new_password;
  std::optional<AnotherTry> another_try;

  void drain() {
    while (auto event = link.poll_event()) {
      if (ended) violation += "an event after the end; ";
      std::visit([this](auto&& what) { take(std::move(what)); }, *std::move(event));
    }
  }

 private:
  void tell(std::string_view word) { story += (story.empty() ? "" : " ") + std::string(word); }

  void take(PhaseChanged&& event) { tell(name(event.phase)); }

  void take(FramingAgreed&& event) { framing = event; }

  void take(AuthenticationWanted&& event) { wanted = event.method; }

  void take(SecretWanted&& event) { wants_secret = std::move(event.user); }

  void take(NewPasswordChosen&& event) { new_password = event.password.view(); }

  void take(AnotherTry&& event) {
    tell(event.change_password ? "new-password?" : "again?");
    another_try = std::move(event);
  }

  void take(Authenticated&& event) {
    method = event.method;
    authenticated = std::move(event);
  }

  void take(EncryptionUp&& event) {
    tell("encrypted");
    if (encryption) violation += "encrypted twice; ";
    encryption = std::move(event);
    ++encryptions;
  }

  void take(EncryptionDown&&) {
    tell("unencrypted");
    if (!encryption) violation += "unencrypted without encryption; ";
    if (network) violation += "network up without encryption; ";
    encryption.reset();
  }

  void take(ResetRequested&&) { ++resets; }

  void take(NetworkUp&& event) {
    tell("up");
    if (network) violation += "up twice; ";
    if (!encryption && config.encryption.policy == EncryptionPolicy::require) {
      violation += "up in clear; ";
    }
    network = event;
  }

  void take(NetworkDown&&) {
    tell("down");
    if (!network) violation += "down without up; ";
    if (ipv6) violation += "ipv6 outlives the network; ";
    network.reset();
  }

  void take(PeerReady&&) {
    if (!network) violation += "ready without network; ";
    ++readies;
  }

  void take(PathProbed&& event) { probed = event.longest; }

  void take(Ipv6Up&& event) {
    tell("ipv6");
    if (!network) violation += "ipv6 without network; ";
    if (ipv6) violation += "ipv6 twice; ";
    ipv6 = event;
  }

  void take(Ipv6Down&&) {
    tell("no-ipv6");
    if (!ipv6) violation += "ipv6 down without up; ";
    ipv6.reset();
  }

  void take(LinkEnded&& event) {
    tell("ended");
    if (network || encryption) violation += "ended while up; ";
    ended = std::move(event.end);
  }
};

class LinkPair {
 public:
  LinkPair(LinkConfig client_link, LinkConfig server_link, Pair::Wire wire = {},
           std::uint32_t seed = 1)
      : client(std::move(client_link), seed * 2),
        server(std::move(server_link), seed * 2 + 1),
        wire_(wire),
        random_(seed) {}

  LinkEnd client;
  LinkEnd server;
  Credentials account{"alice", SecretText("secret")};
  IpAssignment assignment = some_assignment();
  std::string authenticated_name;
  /// What the client tries next when it may; the first goes first.
  std::vector<std::shared_ptr<const Credentials>> tries;
  std::string stored;
  /// Has every frame before the wire, and may change it; false loses it.
  std::function<bool(const LinkEnd& from, ControlFrame& frame)> filter;

  void start() {
    client.link.lower_up(now_);
    server.link.lower_up(now_);
    exchange();
  }

  /// Until nothing is on the wire and no timer runs, or `limit` is over.
  void run(Duration limit) {
    const TimePoint end = now_ + limit;
    for (;;) {
      exchange();
      Deadline next = earliest(client.link.next_deadline(), server.link.next_deadline());
      if (!frames_.empty()) next = earliest(next, frames_.begin()->first);
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      while (!frames_.empty() && frames_.begin()->first <= now_) {
        const auto [to, frame] = std::move(frames_.begin()->second);
        frames_.erase(frames_.begin());
        to->link.receive(now_, frame.protocol, frame.information);
        exchange();
      }
      client.link.on_deadline(now_);
      server.link.on_deadline(now_);
    }
    now_ = end;
  }

  /// Comes up, on a wire that lets it.
  bool up() {
    start();
    run(std::chrono::seconds(5));
    return client.network && server.network;
  }

  TimePoint now() const { return now_; }

  std::string violations() const { return client.violation + server.violation; }

  /// As if `to` had received it.
  std::optional<Drop> inject(LinkEnd& to, PppProtocol protocol, const Octets& information) {
    const auto drop = to.link.receive(now_, protocol, information);
    exchange();
    return drop;
  }

  /// Frames that one end sent, of one protocol and code.
  int sent(const LinkEnd& from, PppProtocol protocol, std::uint8_t code) const {
    const auto found = counts_.find({&from, protocol.value(), code});
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  void exchange() {
    for (bool quiet = false; !quiet;) {
      client.drain();
      server.drain();
      quiet = !answer();
    }
    put_on_wire(client, server);
    put_on_wire(server, client);
  }

  /// What the program around the server does.
  bool answer() {
    if (const auto user = std::exchange(server.wants_secret, std::nullopt)) {
      server.link.supply_secret(now_, *user == account.user() ? &account : nullptr);
      return true;
    }
    if (auto password = std::exchange(server.new_password, std::nullopt)) {
      stored = *std::move(password);
      server.link.password_stored(now_, true);
      return true;
    }
    if (client.another_try && !tries.empty()) {
      client.another_try.reset();
      client.link.try_again(now_, tries.front());
      tries.erase(tries.begin());
      return true;
    }
    if (const auto peer = std::exchange(server.authenticated, std::nullopt)) {
      authenticated_name = peer->peer_name;
      server.link.assign(now_, assignment);
      return true;
    }
    return false;
  }

  void put_on_wire(LinkEnd& from, LinkEnd& to) {
    while (auto frame = from.link.poll_frame()) {
      ++counts_[{&from, frame->protocol.value(), frame->information.at(0)}];
      if (filter && !filter(from, *frame)) continue;
      if (chance(wire_.loss)) continue;
      if (chance(wire_.repeat)) deliver(to, *frame);
      deliver(to, *std::move(frame));
    }
  }

  void deliver(LinkEnd& to, ControlFrame frame) {
    std::uniform_int_distribution<std::int64_t> jitter(0, wire_.jitter.count());
    frames_.emplace(now_ + wire_.delay + Duration(jitter(random_)),
                    std::pair(&to, std::move(frame)));
  }

  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }

  Pair::Wire wire_;
  std::mt19937 random_;
  TimePoint now_ = kStart;
  std::multimap<TimePoint, std::pair<LinkEnd*, ControlFrame>> frames_;
  std::map<std::tuple<const LinkEnd*, std::uint16_t, std::uint8_t>, int> counts_;
};

inline bool same(const Secret<16>& a, const Secret<16>& b) {
  return equal_secret(a.bytes(), b.bytes());
}

/// Whether what one end sends with is what the other receives with; MS-CHAPv1 has the same key for
/// both directions.
inline bool keys_match(const LinkPair& pair) {
  const auto& client = pair.client.encryption;
  const auto& server = pair.server.encryption;
  return client && server && client->send == server->receive && client->receive == server->send &&
         same(client->keys.send, server->keys.receive) &&
         same(client->keys.receive, server->keys.send) &&
         same(client->keys.send, client->keys.receive) ==
             (pair.client.method == AuthMethod::mschapv1);
}

}  // namespace pptp::test
