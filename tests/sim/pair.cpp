#include "tests/sim/pair.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "lib/ip_packet.h"

namespace pptp::sim {
namespace {

constexpr Ipv4Address kServerInner(192, 168, 77, 1);
constexpr Ipv4Address kClientInner(192, 168, 77, 10);
constexpr std::size_t kIpHeader = 20;

CallConfig client_config(const PairConfig& config) {
  CallConfig call = config.client;
  call.role = Role::client;
  call.link.credentials =
      std::make_shared<const Credentials>(config.user, SecretText(config.client_password));
  return call;
}

CallConfig server_config(const PairConfig& config) {
  CallConfig call = config.server;
  call.role = Role::server;
  return call;
}

/// FNV-1a: the inner checksum of the simulated traffic.
std::uint32_t fnv(Bytes octets) noexcept {
  std::uint32_t hash = 0x811c9dc5;
  for (const std::uint8_t octet : octets)
    hash = (hash ^ octet) * 0x0100'0193;
  return hash;
}

/// Length of the body of the packet with this number: many lengths, the shortest and longest among
/// them.
std::size_t body_length(std::uint64_t number) noexcept {
  return number * 7919 % 1360;
}

std::uint8_t body_octet(Role from, std::uint64_t number, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(number * 31 + i * 7 + i / 256 +
                                   (from == Role::client ? 0 : 101));
}

/// An IPv4 packet: header, number (8), body, checksum (4).
void write_packet(Role from, std::uint64_t number, Packet& packet) {
  const std::size_t length = kIpHeader + 8 + body_length(number) + 4;
  Writer out(packet.refill().first(length));
  out.u8(0x45);
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(length));
  out.u32(0);
  out.u16(0x4011);
  out.u16(0);
  out.u32((from == Role::client ? kClientInner : kServerInner).value());
  out.u32((from == Role::client ? kServerInner : kClientInner).value());
  const std::uint16_t sum = internet_checksum(out.written());
  out.patch_u16(10, sum);
  out.u32(static_cast<std::uint32_t>(number >> 32));
  out.u32(static_cast<std::uint32_t>(number));
  for (std::size_t i = 0; i < body_length(number); ++i)
    out.u8(body_octet(from, number, i));
  out.u32(fnv(out.written().subspan(kIpHeader)));
  packet.truncate(length);
}

}  // namespace

PairConfig::PairConfig() {
  client.call_id = CallId(0x1111);
  server.call_id = CallId(0x2222);
}

Pair::Pair(PairConfig config)
    : wire_(config.faults, config.seed * 3 + 1),
      server_credentials_(config.user, SecretText(config.server_password)),
      user_(config.user),
      client_(Role::client, client_config(config), config.seed * 3 + 2),
      server_(Role::server, server_config(config), config.seed * 3 + 3) {
  transcript_ = "seed " + std::to_string(config.seed) + "\n";
}

void Pair::start() {
  server_.engine.connected(now_);
  drain(server_);
  client_.engine.connected(now_);
  drain(client_);
}

/// Jumps to whatever is due next; false when nothing is before `until`.
bool Pair::step(TimePoint until) {
  const Deadline arrival = wire_.next();
  const Deadline client = client_.engine.next_deadline();
  const Deadline server = server_.engine.next_deadline();
  const Deadline next = earliest(arrival, earliest(client, server));
  if (!next || *next > until) {
    now_ = until;
    return false;
  }
  now_ = std::max(now_, *next);
  if (arrival && *arrival <= now_) {
    const Arrival what = wire_.take();
    Host& to = end(what.to);
    if (what.kind == Arrival::Kind::control) {
      // No octets: the other side has closed TCP.
      if (what.octets.empty()) {
        if (!to.tcp_closed) to.engine.control_closed(now_);
        to.tcp_closed = true;
      } else if (!to.tcp_closed) {
        to.engine.control_received(now_, what.octets);
      }
    } else {
      Packet packet = to.pool.acquire();
      if (packet.assign(what.octets)) to.engine.gre_received(now_, std::span(&packet, 1));
    }
    drain(to);
    return true;
  }
  Host& due = client && *client <= now_ ? client_ : server_;
  due.engine.on_deadline(now_);
  drain(due);
  return true;
}

void Pair::drain(Host& which) {
  const Role to = other(which.role);
  which.most_outstanding =
      std::max(which.most_outstanding, which.engine.tx().sender().outstanding());
  while (std::optional<EngineEvent> event = which.engine.poll_event()) {
    on_event(which, *std::move(event));
  }
  while (const auto octets = which.engine.poll_control()) {
    if (!which.tcp_closed) wire_.send_control(now_, to, *octets);
  }
  if (which.engine.control_finished() && !which.tcp_closed) {
    which.tcp_closed = true;
    wire_.send_control(now_, to, {});
    which.engine.control_closed(now_);
  }
  while (const std::optional<Packet> packet = which.engine.poll_gre(now_)) {
    wire_.send_gre(now_, to, packet->bytes());
  }
  while (const std::optional<Packet> packet = which.engine.poll_ip()) {
    check_ip(which, end(to), packet->bytes());
  }
}

void Pair::on_event(Host& which, EngineEvent&& event) {
  if (const SecretWanted* wanted = std::get_if<SecretWanted>(&event)) {
    which.engine.supply_secret(now_, wanted->user == user_ ? &server_credentials_ : nullptr);
  } else if (std::holds_alternative<Authenticated>(event)) {
    note(which, "authenticated");
    if (which.role == Role::server) {
      which.engine.assign(now_, {kServerInner, kClientInner, {Ipv4Address(9, 9, 9, 9)}, {}});
    }
  } else if (const EncryptionAgreed* agreed = std::get_if<EncryptionAgreed>(&event)) {
    note(which, "encryption agreed");
    which.encryption = *agreed;
  } else if (NetworkUp* up = std::get_if<NetworkUp>(&event)) {
    note(which, "network up");
    which.up = *up;
  } else if (std::holds_alternative<NetworkDown>(event)) {
    note(which, "network down");
    which.up.reset();
  } else if (CallEnded* ended = std::get_if<CallEnded>(&event)) {
    note(which, name(ended->end.cause));
    which.end = std::move(ended->end);
    which.up.reset();
  } else if (const PhaseChanged* changed = std::get_if<PhaseChanged>(&event)) {
    note(which, name(changed->phase));
  }
}

void Pair::send_ip(Host& from) {
  Packet packet = from.pool.acquire();
  if (!packet.has_slot()) return;
  write_packet(from.role, from.sent++, packet);
  from.sent_at.push_back(now_);
  if (from.engine.seal(now_, std::span(&packet, 1)) == 1) {
    wire_.send_gre(now_, other(from.role), packet.bytes());
  }
  packet.release();
  drain(from);
}

void Pair::exchange(unsigned count, Duration interval) {
  for (unsigned i = 0; i < count; ++i) {
    send_ip(client_);
    send_ip(server_);
    run(interval);
  }
  run(std::chrono::seconds(2));
}

void Pair::check_ip(Host& which, const Host& sender, Bytes packet) {
  ++which.delivered;
  if (packet.size() < kIpHeader + 12 || internet_checksum(packet.first(kIpHeader)) != 0) {
    ++which.damaged;
    return;
  }
  const Bytes covered = packet.subspan(kIpHeader, packet.size() - kIpHeader - 4);
  Reader tail(packet.last(4));
  if (tail.u32() != fnv(covered)) {
    ++which.damaged;
    return;
  }
  Reader reader(covered);
  const std::uint64_t number = std::uint64_t{reader.u32()} << 32 | reader.u32();
  const Bytes body = reader.rest();
  bool right = number < sender.sent && body.size() == body_length(number);
  for (std::size_t i = 0; right && i < body.size(); ++i) {
    right = body[i] == body_octet(sender.role, number, i);
  }
  if (!right) {
    ++which.wrong;
  } else {
    which.longest_way = std::max(which.longest_way, now_ - sender.sent_at[number]);
  }
  if (!which.seen.insert(number).second) ++which.doubled;
  if (which.highest && number < *which.highest) ++which.out_of_order;
  which.highest = std::max(which.highest.value_or(0), number);
}

void Pair::note(const Host& which, std::string_view what) {
  transcript_ += std::to_string(
      std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count());
  transcript_ += which.role == Role::client ? " ms client: " : " ms server: ";
  transcript_ += what;
  transcript_ += '\n';
}

}  // namespace pptp::sim
