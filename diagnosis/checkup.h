#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pptp::diagnosis {

/// What is looked at, in this order, to find out why no call comes up.
enum class Step : std::uint8_t {
  permissions,   ///< capabilities of this process
  tun,           ///< /dev/net/tun
  firewall,      ///< of this host
  name,          ///< of the server
  route,         ///< to the server
  other_tunnel,  ///< from this host to the same server
  nat,           ///< between this host and the server
  tcp,           ///< the PPTP port
  start,         ///< Start-Control-Connection (RFC 2637 2.1)
  call,          ///< Outgoing-Call (RFC 2637 2.7)
  gre_out,       ///< GRE leaves this host
  gre_back,      ///< GRE comes from the server
  lcp,
  authentication,
  encryption,
  addresses,
  mtu,
};

std::string_view name(Step step);

enum class Verdict : std::uint8_t { pass, fail, unknown };

std::string_view name(Verdict verdict);

struct CheckedStep {
  Step step = Step::name;
  Verdict verdict = Verdict::unknown;
  std::string evidence;  ///< one line
};

/// Something that is wrong.
struct Problem {
  std::string id;  ///< the catalogue's
  std::string summary;
  std::vector<std::string> evidence;
  std::vector<std::string> remedy;  ///< the most likely first
};

/// The route that packets to the server take.
struct SeenRoute {
  std::string device;
  std::string text;             ///< as it is to be shown
  bool into_tunnel = false;     ///< the device is a tunnel's
  bool is_default = false;      ///< and it has been given the default route
  bool to_tunnel_peer = false;  ///< the server's address is that of the tunnel's other end
};

/// What this host's packet filter means for GRE.
struct SeenFirewall {
  std::optional<std::string> unreadable;  ///< it could not be read, and why
  std::vector<std::string> against_in;    ///< what keeps GRE from coming in, in words
  std::vector<std::string> against_out;   ///< what keeps GRE from going out
  std::vector<std::string> missing;       ///< commands that let GRE through
  std::string helper;                     ///< what is known of the conntrack helper for PPTP
};

/// Whether somebody between this host and the server translates our address.
struct SeenNat {
  bool likely = false;
  std::string text;  ///< as it is to be shown
};

/// The longest outer packets, in octets.
struct SeenMtu {
  std::uint32_t arrived = 0;   ///< of those that were tried
  std::uint32_t expected = 0;  ///< what the route says
};

/// What was seen. What was not looked at is absent.
struct Checkup {
  /// What keeps a profile from being used on this host, whatever the server says; and its step.
  std::vector<std::pair<Step, Problem>> local;
  SeenFirewall firewall;
  std::optional<std::string> resolved;  ///< the server's address
  std::optional<SeenRoute> route;
  std::vector<std::string> other_tunnels;  ///< to the same server
  std::optional<SeenNat> nat;
  std::optional<bool> acknowledged;  ///< the server has said that GRE of ours arrives
  std::vector<CheckedStep> call;     ///< its steps that it got through
  std::optional<Problem> ended;      ///< why the call did not come up
  std::vector<Problem> elsewhere;    ///< why it did not at the servers tried before
  std::optional<SeenMtu> mtu;
};

struct Diagnosis {
  std::vector<CheckedStep> steps;  ///< all, in their order
  std::vector<Problem> findings;   ///< the most likely first; empty: nothing is wrong
};

/// The step at which a call fails that ends with this id. nullopt: it can be any.
std::optional<Step> step_of(std::string_view id);

Diagnosis diagnose(const Checkup& checkup);

}  // namespace pptp::diagnosis
