#pragma once

// An Acceptor and the clients that call it, which are Engines; what one says, the other hears at
// once.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"
#include "tests/sim/seeded_entropy.h"
#include "tests/tunnel/manual_peer.h"
#include "tunnel/acceptor.h"

namespace pptp::test {

inline constexpr Ipv4Address kHere(192, 168, 77, 1);
inline constexpr Ipv4Address kFirst(192, 168, 77, 10);
inline constexpr Ipv4Address kElsewhere(203, 0, 113, 9);

inline AcceptorConfig config_with(std::uint32_t addresses) {
  AcceptorConfig config;
  config.address = kHere;
  config.pool = {{kFirst, Ipv4Address(kFirst.value() + addresses - 1)}};
  config.dns = {Ipv4Address(9, 9, 9, 9), Ipv4Address()};
  return config;
}

/// A client host: where it is, its Engine, and what it has learned.
struct Client {
  Client(Ipv4Address at, CallConfig config, std::uint64_t seed)
      : from(at), entropy(seed), engine(std::move(config), pool, entropy) {}

  Ipv4Address from;
  PacketPool pool{64};
  sim::SeededEntropy entropy;
  Engine engine;
  std::optional<SessionId> session;  ///< while TCP is up
  std::optional<NetworkUp> network;
  std::optional<End> ended;
  std::optional<std::uint16_t> call_id_of_server;
  std::vector<Octets> delivered;
  /// GRE in both directions, as it went over the wire.
  std::vector<Octets> to_server;
  std::vector<Octets> from_server;
};

/// A server and its clients; what one says, the other hears at once.
class Office {
 public:
  explicit Office(AcceptorConfig config) : acceptor(std::move(config), pool, entropy) {}

  PacketPool pool{256};
  sim::SeededEntropy entropy{7};
  Acceptor acceptor;
  TimePoint now{std::chrono::hours(1)};
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<SessionUp> up;
  std::vector<SessionDown> down;
  std::vector<Octets> delivered;  ///< IP packets for the server's host
  Credentials account{"alice", SecretText("secret")};
  std::optional<Ipv4Address> fixed_address;
  bool picks_itself = false;  ///< gives the first address that is free, as a server with users does
  std::size_t secrets_wanted = 0;
  std::vector<std::size_t> secrets_wanted_first;  ///< before each that was authenticated
  bool gre_works = true;

  static CallConfig call_of(std::uint16_t call_id, std::string_view password = "secret") {
    CallConfig config;
    config.call_id = CallId(call_id);
    config.link.credentials = std::make_shared<const Credentials>("alice", SecretText(password));
    return config;
  }

  /// A client that has dialled, and for which everything has happened that takes no time.
  Client& dial(Ipv4Address from, CallConfig config) {
    clients.push_back(std::make_unique<Client>(from, std::move(config), clients.size() + 100));
    Client& client = *clients.back();
    client.session = acceptor.accepted(now, from);
    if (!client.session) return client;
    client.engine.connected(now);
    exchange();
    return client;
  }

  Client& dial(Ipv4Address from, std::uint16_t call_id) { return dial(from, call_of(call_id)); }

  void exchange() {
    while (exchange_once()) {
    }
  }

  /// Has a client send an IP packet; whether it went out.
  bool send(Client& client, const Octets& ip) {
    Packet packet = client.pool.acquire();
    REQUIRE(packet.assign(ip));
    if (client.engine.seal(now, std::span(&packet, 1)) != 1) return false;
    to_server(client, packet.bytes());
    packet.release();
    exchange();
    return true;
  }

  /// IP from the server's host.
  void send_from_host(const Octets& ip) {
    std::array<Packet, 1> packets = {pool.acquire()};
    REQUIRE(packets[0].assign(ip));
    acceptor.ip_received(now, packets);
    exchange();
  }

  void to_server(Client& client, Bytes datagram) {
    client.to_server.emplace_back(datagram.begin(), datagram.end());
    if (gre_works) gre_from(client.from, datagram);
  }

  void gre_from(Ipv4Address from, Bytes datagram) {
    Packet packet = pool.acquire();
    REQUIRE(packet.assign(datagram));
    GreDatagram received{std::move(packet), {}, from};
    acceptor.gre_received(now, std::span(&received, 1));
  }

  void wait(Duration span) {
    const TimePoint until = now + span;
    for (;;) {
      exchange();
      Deadline next = acceptor.next_deadline();
      for (const auto& client : clients)
        next = earliest(next, client->engine.next_deadline());
      if (!next || *next > until) break;
      now = std::max(now, *next);
      acceptor.on_deadline(now);
      for (const auto& client : clients)
        client->engine.on_deadline(now);
    }
    now = until;
  }

  void close_tcp(Client& client) {
    const std::optional<SessionId> session = std::exchange(client.session, std::nullopt);
    if (!session) return;
    acceptor.control_closed(now, *session);
    client.engine.control_closed(now);
    exchange();
  }

 private:
  /// OFFICE\alice is alice.
  static std::string account_of(const std::string& user) {
    return user.substr(user.rfind('\\') + 1);
  }

  std::optional<Ipv4Address> address_to_give() const {
    if (!picks_itself) return fixed_address;
    Ipv4Address address = kFirst;
    while (!acceptor.is_free(address))
      address = Ipv4Address(address.value() + 1);
    return address;
  }

  bool exchange_once() {
    bool busy = false;
    for (const auto& each : clients) {
      Client& client = *each;
      while (auto event = client.engine.poll_event()) {
        busy = true;
        on_event(client, *std::move(event));
      }
      while (const auto octets = client.engine.poll_control()) {
        busy = true;
        if (client.session) acceptor.control_received(now, *client.session, *octets);
      }
      while (const auto packet = client.engine.poll_gre(now)) {
        busy = true;
        to_server(client, packet->bytes());
      }
      while (const auto packet = client.engine.poll_ip()) {
        busy = true;
        client.delivered.emplace_back(packet->bytes().begin(), packet->bytes().end());
      }
      if (client.session && client.engine.control_finished()) {
        busy = true;
        close_tcp(client);
      }
    }
    while (auto event = acceptor.poll_event()) {
      busy = true;
      on_event(*std::move(event));
    }
    while (const auto output = acceptor.poll_control()) {
      busy = true;
      on_output(*output);
    }
    while (const auto output = acceptor.poll_gre()) {
      busy = true;
      to_client(output->peer, output->packet.bytes());
    }
    while (const auto packet = acceptor.poll_ip()) {
      busy = true;
      delivered.emplace_back(packet->bytes().begin(), packet->bytes().end());
    }
    return busy;
  }

  void on_output(const ControlOutput& output) {
    for (const auto& client : clients) {
      if (client->session != output.session) continue;
      if (!output.octets.empty()) {
        note_call_id(*client, output.octets);
        client->engine.control_received(now, output.octets);
      }
      if (output.close) close_tcp(*client);
      return;
    }
  }

  static void note_call_id(Client& client, Bytes octets) {
    for (const ControlMessage& message : messages_in(octets)) {
      if (const auto* const reply = std::get_if<OutgoingCallReply>(&message)) {
        client.call_id_of_server = reply->call_id;
      }
    }
  }

  /// The client's host finds the call by its id, as a server does.
  void to_client(Ipv4Address to, Bytes datagram) {
    const Result<ParsedGre> gre = parse_gre(datagram);
    REQUIRE(gre);
    for (const auto& client : clients) {
      if (client->from != to || !client->session) continue;
      Packet packet = client->pool.acquire();
      REQUIRE(packet.assign(datagram));
      const std::uint64_t others = client->engine.drops()[Drop::gre_other_call];
      if (gre_works) client->engine.gre_received(now, std::span(&packet, 1));
      if (client->engine.drops()[Drop::gre_other_call] == others) {
        client->from_server.emplace_back(datagram.begin(), datagram.end());
      }
    }
  }

  void on_event(Client& client, EngineEvent&& event) {
    if (auto* const what = std::get_if<NetworkUp>(&event)) client.network = *what;
    if (std::holds_alternative<NetworkDown>(event)) client.network.reset();
    if (auto* const what = std::get_if<CallEnded>(&event)) client.ended = std::move(what->end);
  }

  void on_event(SessionEvent&& event) {
    if (auto* const wanted = std::get_if<SessionSecretWanted>(&event)) {
      ++secrets_wanted;
      acceptor.supply_secret(now, wanted->session,
                             account_of(wanted->user) == account.user() ? &account : nullptr);
    } else if (auto* const known = std::get_if<SessionAuthenticated>(&event)) {
      secrets_wanted_first.push_back(secrets_wanted);
      acceptor.give_address(now, known->session, account_of(known->user), address_to_give());
    } else if (auto* const what = std::get_if<SessionUp>(&event)) {
      up.push_back(std::move(*what));
    } else {
      down.push_back(std::get<SessionDown>(std::move(event)));
    }
  }
};

inline constexpr Ipv4Address kHome(198, 51, 100, 1);
inline constexpr Ipv4Address kOtherHome(198, 51, 100, 2);

inline Ipv4Address inner_of(const Client& client) {
  REQUIRE(client.network);
  return client.network->local;
}

/// A packet each way between a client and `other`, somewhere behind the server.
inline void check_traffic(Office& office, Client& client, std::uint32_t number) {
  const Octets request = ip_packet(number, inner_of(client), kElsewhere);
  REQUIRE(office.send(client, request));
  REQUIRE(!office.delivered.empty());
  CHECK(office.delivered.back() == request);
  const Octets reply = ip_packet(number, kElsewhere, inner_of(client));
  office.send_from_host(reply);
  REQUIRE(!client.delivered.empty());
  CHECK(client.delivered.back() == reply);
}

}  // namespace pptp::test
