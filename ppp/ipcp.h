#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/cause.h"
#include "lib/ipv4.h"
#include "lib/role.h"
#include "ppp/negotiator.h"
#include "ppp/option_policy.h"
#include "ppp/vj.h"

namespace pptp {

/// The addresses of a call, as seen from this end. Zero: none, or not known.
///
/// Server: what IPCP gives to an authenticated peer.
struct IpAssignment {
  Ipv4Address local;
  Ipv4Address peer;
  std::array<Ipv4Address, 2> dns{};
  std::array<Ipv4Address, 2> wins{};

  bool operator==(const IpAssignment&) const = default;
};

/// Client: what to ask for.
struct IpcpRequest {
  Ipv4Address address;  ///< zero: whatever the server gives
  bool dns = true;
  bool wins = false;
};

/// IPCP (RFC 1332) with name servers (RFC 1877).
///
/// TCP/IP header compression is not asked for unless the peer does. What we ask for is what we can
/// take, and each direction is negotiated by itself.
///
/// A client takes what it is given; a server gives what it was told to and nothing else.
class IpcpPolicy final : public OptionPolicy {
 public:
  static IpcpPolicy client(const IpcpRequest& request) noexcept;
  /// An assignment whose `peer` is zero leaves the peer without an address.
  static IpcpPolicy server(const IpAssignment& assignment) noexcept;

  PppProtocol protocol() const noexcept override { return protocol::kIpcp; }

  void restart() noexcept override;
  void write_request(OptionWriter& out) noexcept override;
  void begin_judging() noexcept override;
  Verdict judge(const Option& option, OptionWriter& nak) noexcept override;
  void judge_missing(OptionWriter& nak) noexcept override;
  void peer_request_acked() noexcept override;
  void acked() noexcept override;
  bool naked(const Option& option) noexcept override;
  bool rejected(const Option& option) noexcept override;
  bool extra_code(TimePoint now, Negotiator& negotiator, std::uint8_t code, Identifier id,
                  Bytes data) noexcept override;

  /// What was agreed. Valid while IPCP is Opened.
  const IpAssignment& agreed() const noexcept { return agreed_; }

  /// Header compression in a direction; nullopt: none. Valid while IPCP is Opened.
  const std::optional<VjParameters>& send_vj() const noexcept { return send_vj_; }

  const std::optional<VjParameters>& receive_vj() const noexcept { return receive_vj_; }

  /// Client: why what was given, or is being given, is of no use; nullopt: it is.
  std::optional<End> refusal() const;

  /// Why IPCP could not be opened.
  End failure(FinishReason finish) const;

 private:
  /// One option that holds a name server: what a client asks for, or a server gives.
  struct NameServer {
    std::uint8_t type = 0;
    bool present = false;
    Ipv4Address address;
  };

  IpcpPolicy(Role role, const IpAssignment& start, bool dns, bool wins) noexcept;

  Verdict judge_address(const Option& option, OptionWriter& nak) noexcept;
  Verdict judge_compression(const Option& option) noexcept;
  Verdict judge_name_server(const Option& option, OptionWriter& nak) noexcept;
  NameServer* name_server(std::uint8_t type) noexcept;

  Role role_;
  IpAssignment start_;  ///< client: what to ask for first; server: what to give
  bool dns_;
  bool wins_;

  bool ask_address_ = true;
  Ipv4Address local_;  ///< what write_request() writes
  std::array<NameServer, 4> name_servers_{};
  unsigned naks_ = 0;

  bool judged_address_ = false;  ///< the request being judged has the option
  Ipv4Address judged_peer_;

  std::optional<VjParameters> ask_vj_;        ///< what write_request() writes
  std::optional<VjParameters> requested_vj_;  ///< what it last wrote
  bool vj_rejected_ = false;
  std::optional<VjParameters> judged_vj_;
  std::optional<VjParameters> send_vj_;
  std::optional<VjParameters> receive_vj_;

  IpAssignment agreed_;
};

}  // namespace pptp
