#pragma once

// A server for a client of ours to call, in the test's own process: an Acceptor, and the sockets
// it needs, on one address.

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "tunnel/acceptor.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/gre_socket.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/sizes.h"

namespace pptp::app {

class FakeServer {
 public:
  static constexpr Ipv4Address kInside{192, 168, 77, 1};
  static constexpr Ipv4Address kGiven{192, 168, 77, 10};

  /// Listens on `address`, which has to be one of the network namespace that the thread is in.
  explicit FakeServer(Ipv4Address address) : address_(address) {
    gre_.emplace(io::GreServerSocket::open(address, {}).value());
    gre_watch_.emplace(loop_, gre_->fd());
    gre_watch_->on_readable([this] { gre_readable(); });
    listener_.emplace(io::TcpListener::open(loop_, {address, 1723}, [this](io::TcpStream stream) {
                        accepted(std::move(stream));
                      }).value());
  }

  /// From now on GRE goes neither in nor out.
  void stop_gre() { gre_stopped_ = true; }

  void start_gre() { gre_stopped_ = false; }

  /// Ends all calls politely.
  void close_calls() {
    acceptor_.close_all(loop_.now(), End{});
    drain();
  }

  /// Closes all TCP connections without a word.
  void drop_connections() {
    for (const auto& [session, stream] : std::exchange(streams_, {}))
      acceptor_.control_closed(loop_.now(), session);
    drain();
  }

  /// Serves until `done`; false: it was not for as long as `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(10)) {
    const TimePoint end = loop_.now() + limit;
    while (!done()) {
      if (loop_.now() >= end) return false;
      loop_.run_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  // What has happened.
  const std::vector<SessionUp>& ups() const { return ups_; }

  const std::vector<SessionDown>& downs() const { return downs_; }

  /// IP packets that came out of the tunnels.
  std::size_t delivered() const { return delivered_; }

  /// Packets from inside go back to where they came from, from now on.
  void start_sending_back() { sends_back_ = true; }

 private:
  static AcceptorConfig config() {
    AcceptorConfig config;
    config.call.link.mru = static_cast<std::uint16_t>(max_information(1500));
    config.address = kInside;
    config.pool = {{kGiven, kGiven}};
    return config;
  }

  void accepted(io::TcpStream stream) {
    const auto session = acceptor_.accepted(loop_.now(), stream.peer().address);
    if (!session) return;
    const auto [at, added] = streams_.emplace(*session, std::move(stream));
    at->second.start(
        [this, id = *session](Bytes octets) {
          acceptor_.control_received(loop_.now(), id, octets);
          drain();
        },
        [this, id = *session](const io::IoError&) {
          streams_.erase(id);
          acceptor_.control_closed(loop_.now(), id);
          drain();
        });
    drain();
  }

  void gre_readable() {
    const std::size_t count = gre_->receive(pool_, gre_in_);
    if (!gre_stopped_) acceptor_.gre_received(loop_.now(), std::span(gre_in_).first(count));
    drain();
  }

  void drain() {
    while (std::optional<SessionEvent> event = acceptor_.poll_event()) {
      if (const auto* wanted = std::get_if<SessionSecretWanted>(&*event)) {
        const bool known = wanted->user == account_.user();
        acceptor_.supply_secret(loop_.now(), wanted->session, known ? &account_ : nullptr);
      } else if (const auto* known = std::get_if<SessionAuthenticated>(&*event)) {
        acceptor_.give_address(loop_.now(), known->session, known->user);
      } else if (const auto* up = std::get_if<SessionUp>(&*event)) {
        ups_.push_back(*up);
      } else {
        downs_.push_back(std::get<SessionDown>(*event));
      }
    }
    while (const std::optional<ControlOutput> output = acceptor_.poll_control()) {
      const auto found = streams_.find(output->session);
      if (found == streams_.end()) continue;
      if (!output->octets.empty()) found->second.send(output->octets);
      if (!output->close) continue;
      streams_.erase(found);
      acceptor_.control_closed(loop_.now(), output->session);
    }
    while (std::optional<Packet> packet = acceptor_.poll_ip()) {
      ++delivered_;
      if (sends_back_) send_back(*std::move(packet));
    }
    while (std::optional<GreDatagram> datagram = acceptor_.poll_gre()) {
      datagram->local = address_;
      if (!gre_stopped_) (void)gre_->send(std::span(&*datagram, 1));
    }
    timer_.set(acceptor_.next_deadline());
  }

  /// No checksum changes with that.
  void send_back(Packet packet) {
    const MutableBytes addresses = packet.mutable_bytes().subspan(12, 8);
    std::ranges::rotate(addresses, addresses.begin() + 4);
    acceptor_.ip_received(loop_.now(), std::span(&packet, 1));
  }

  Ipv4Address address_;
  Credentials account_{"alice", SecretText("secret")};
  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_{512};
  Acceptor acceptor_{config(), pool_, entropy_};
  io::Timer timer_{loop_, [this] {
                     acceptor_.on_deadline(loop_.now());
                     drain();
                   }};
  std::optional<io::GreServerSocket> gre_;
  std::optional<io::FdWatch> gre_watch_;
  std::optional<io::TcpListener> listener_;
  std::unordered_map<SessionId, io::TcpStream> streams_;
  std::array<GreDatagram, io::GreSocket::kBatch> gre_in_;
  bool gre_stopped_ = false;
  std::vector<SessionUp> ups_;
  std::vector<SessionDown> downs_;
  std::size_t delivered_ = 0;
  bool sends_back_ = false;
};

}  // namespace pptp::app
