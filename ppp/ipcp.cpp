#include "ppp/ipcp.h"

#include <algorithm>
#include <array>

#include "lib/bytes.h"

namespace pptp {

namespace {

// RFC 1332 3 and 4.
constexpr std::uint8_t kIpCompression = 2;
constexpr std::uint8_t kIpAddress = 3;
// RFC 1877 1.1 to 1.4.
constexpr std::uint8_t kPrimaryDns = 129;
constexpr std::uint8_t kPrimaryNbns = 130;
constexpr std::uint8_t kSecondaryDns = 131;
constexpr std::uint8_t kSecondaryNbns = 132;

// Ours: more than any peer's Max-Failure, after which it rejects instead.
constexpr unsigned kMaxNaks = 20;

std::optional<Ipv4Address> address_of(const Option& option) noexcept {
  Reader reader(option.data);
  const Ipv4Address address(reader.u32());
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return address;
}

/// nullopt: another compression, or the form of RFC 1172, which nobody speaks any more.
std::optional<VjParameters> vj_of(const Option& option) noexcept {
  Reader reader(option.data);
  const PppProtocol protocol(reader.u16());
  const std::uint8_t max_slot = reader.u8();
  const std::uint8_t implicit_slot = reader.u8();
  if (!reader.ok() || reader.remaining() != 0 || protocol != protocol::kVjCompressed) {
    return std::nullopt;
  }
  return VjParameters{max_slot, implicit_slot != 0};
}

}  // namespace

IpcpPolicy IpcpPolicy::client(const IpcpRequest& request) noexcept {
  IpAssignment start;
  start.local = request.address;
  return IpcpPolicy(Role::client, start, request.dns, request.wins);
}

IpcpPolicy IpcpPolicy::server(const IpAssignment& assignment) noexcept {
  return IpcpPolicy(Role::server, assignment, true, true);
}

IpcpPolicy::IpcpPolicy(Role role, const IpAssignment& start, bool dns, bool wins) noexcept
    : role_(role), start_(start), dns_(dns), wins_(wins) {
  restart();
}

void IpcpPolicy::restart() noexcept {
  ask_address_ = true;
  local_ = start_.local;
  const auto slot = [this](std::uint8_t type, bool wanted, Ipv4Address address) {
    // A client asks with zero for what it wants; a server has what is not zero.
    return NameServer{type, wanted && (role_ == Role::client || !address.is_zero()), address};
  };
  name_servers_ = {slot(kPrimaryDns, dns_, start_.dns[0]), slot(kSecondaryDns, dns_, start_.dns[1]),
                   slot(kPrimaryNbns, wins_, start_.wins[0]),
                   slot(kSecondaryNbns, wins_, start_.wins[1])};
  naks_ = 0;
  judged_address_ = false;
  judged_peer_ = {};
  ask_vj_.reset();
  vj_rejected_ = false;
  judged_vj_.reset();
  send_vj_.reset();
  receive_vj_.reset();
  agreed_ = {};
}

void IpcpPolicy::write_request(OptionWriter& out) noexcept {
  requested_vj_ = ask_vj_;
  if (ask_vj_) {
    const std::array<std::uint8_t, 4> data = {
        0, static_cast<std::uint8_t>(protocol::kVjCompressed.value()), ask_vj_->max_slot,
        static_cast<std::uint8_t>(ask_vj_->implicit_slot ? 1 : 0)};
    out.put(kIpCompression, data);
  }
  if (ask_address_) out.put(kIpAddress, local_);
  if (role_ == Role::server) return;
  for (const NameServer& server : name_servers_) {
    if (server.present) out.put(server.type, server.address);
  }
}

void IpcpPolicy::begin_judging() noexcept {
  judged_address_ = false;
  judged_peer_ = {};
  judged_vj_.reset();
}

Verdict IpcpPolicy::judge(const Option& option, OptionWriter& nak) noexcept {
  // IP-Addresses is deprecated (RFC 1332 3.1).
  if (option.type == kIpAddress) return judge_address(option, nak);
  if (option.type == kIpCompression) return judge_compression(option);
  return judge_name_server(option, nak);
}

Verdict IpcpPolicy::judge_compression(const Option& option) noexcept {
  judged_vj_ = vj_of(option);
  if (!judged_vj_) return Verdict::reject;
  // Who can take it may well send it: from our next request on it is asked for.
  if (!vj_rejected_) ask_vj_ = VjParameters{};
  return Verdict::ack;
}

Verdict IpcpPolicy::judge_address(const Option& option, OptionWriter& nak) noexcept {
  judged_address_ = true;
  const std::optional<Ipv4Address> address = address_of(option);
  if (role_ == Role::server) {
    if (start_.peer.is_zero()) return Verdict::reject;
    if (address != start_.peer) {
      nak.put(kIpAddress, start_.peer);
      return Verdict::nak;
    }
    judged_peer_ = start_.peer;
    return Verdict::ack;
  }
  // RFC 1332 3.3: zero asks us for an address, and a client has none to give. The peer then goes on
  // without the option, which is no harm.
  if (!address || !is_host_address(*address)) return Verdict::reject;
  judged_peer_ = *address;
  return Verdict::ack;
}

Verdict IpcpPolicy::judge_name_server(const Option& option, OptionWriter& nak) noexcept {
  const NameServer* server = name_server(option.type);
  if (role_ == Role::client || server == nullptr || !server->present) return Verdict::reject;
  if (address_of(option) == server->address) return Verdict::ack;
  nak.put(server->type, server->address);
  return Verdict::nak;
}

void IpcpPolicy::judge_missing(OptionWriter& nak) noexcept {
  // RFC 1332 3.3: a peer that does not ask for an address may have to be told the one it gets.
  if (role_ == Role::server && !judged_address_ && !start_.peer.is_zero()) {
    nak.put(kIpAddress, start_.peer);
  }
}

void IpcpPolicy::peer_request_acked() noexcept {
  agreed_.peer = role_ == Role::server ? start_.peer : judged_peer_;
  send_vj_ = judged_vj_;
}

void IpcpPolicy::acked() noexcept {
  agreed_.local = local_;
  receive_vj_ = requested_vj_;
  const auto address = [](const NameServer& server) {
    return server.present ? server.address : Ipv4Address();
  };
  agreed_.dns = {address(name_servers_[0]), address(name_servers_[1])};
  agreed_.wins = {address(name_servers_[2]), address(name_servers_[3])};
}

bool IpcpPolicy::naked(const Option& option) noexcept {
  if (++naks_ > kMaxNaks * (name_servers_.size() + 2)) return false;
  if (option.type == kIpCompression) {
    ask_vj_ = vj_rejected_ ? std::nullopt : vj_of(option);
    if (ask_vj_) ask_vj_->max_slot = std::min(ask_vj_->max_slot, VjParameters().max_slot);
    return true;
  }
  // A server's addresses are what it was told to use.
  if (role_ == Role::server) return true;
  const std::optional<Ipv4Address> address = address_of(option);
  if (!address) return true;
  if (option.type == kIpAddress) {
    if (!ask_address_) return true;
    local_ = *address;
    return local_.is_zero() || is_host_address(local_);
  }
  if (NameServer* server = name_server(option.type); server != nullptr && server->present) {
    // Zero is what was asked with: to ask again would be naked again.
    server->present = !address->is_zero();
    server->address = *address;
  }
  return true;
}

bool IpcpPolicy::rejected(const Option& option) noexcept {
  if (option.type == kIpCompression) {
    vj_rejected_ = true;
    ask_vj_.reset();
  }
  if (option.type == kIpAddress) {
    ask_address_ = false;
    // Without the option, an address that was chosen on this side may still do; nothing may not.
    return role_ == Role::server || !local_.is_zero();
  }
  if (NameServer* server = name_server(option.type)) server->present = false;
  return true;
}

bool IpcpPolicy::extra_code(TimePoint, Negotiator&, std::uint8_t, Identifier, Bytes) noexcept {
  return false;
}

std::optional<End> IpcpPolicy::refusal() const {
  if (role_ == Role::server) return std::nullopt;
  if (local_.is_zero()) return End{Cause::ipcp_no_local_address, 0, {}};
  if (!is_host_address(local_)) return End{Cause::ipcp_address_refused, local_.value(), {}};
  return std::nullopt;
}

End IpcpPolicy::failure(FinishReason finish) const {
  switch (finish) {
    case FinishReason::timeout:
      return {Cause::ipcp_timeout, 0, {}};
    case FinishReason::rejected:
    case FinishReason::peer_terminated:
      return {Cause::no_network_protocols, 0, {}};
    case FinishReason::none:
    case FinishReason::closed:
    case FinishReason::no_agreement:
      break;
  }
  // A peer that gave an address of no use, or rejected the asking for one, is why.
  const bool given = !ask_address_ || (!local_.is_zero() && !is_host_address(local_));
  if (std::optional<End> why = refusal(); why && given) return *std::move(why);
  return {Cause::ipcp_no_agreement, 0, {}};
}

IpcpPolicy::NameServer* IpcpPolicy::name_server(std::uint8_t type) noexcept {
  for (NameServer& server : name_servers_) {
    if (server.type == type) return &server;
  }
  return nullptr;
}

}  // namespace pptp
