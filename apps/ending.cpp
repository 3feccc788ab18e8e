#include "apps/ending.h"

#include <utility>

#include <fmt/core.h>

#include "diagnosis/words.h"
#include "lib/ipv4.h"

namespace pptp::app {
namespace {

using namespace diagnosis;

using Lines = std::vector<std::string>;

std::string server_of(const EndingContext& context) {
  return context.server.empty() ? "the server" : context.server;
}

// The number that a server gives with its refusal: RFC 2759 6, RFC 2433 5.
Ending refused_login(std::uint32_t number, const EndingContext& context) {
  Ending ending;
  ending.exit = ExitStatus::not_authenticated;
  switch (number) {
    case 646:
      ending.id = "chap-e646-logon-hours";
      ending.summary = "the account may not log on at this time of day";
      ending.remedy = {"try again within the account's logon hours",
                       "or ask the server's administrator to extend them"};
      break;
    case 647:
      ending.id = "chap-e647-disabled";
      ending.summary = "the account is disabled";
      ending.remedy = {"ask the server's administrator to enable it"};
      break;
    case 648:
      ending.id = "chap-e648-expired";
      ending.summary = "the password has expired";
      ending.remedy = {"change it: pptpd-user passwd PROFILE",
                       "or let the server's administrator set a new one"};
      break;
    case 649:
      ending.id = "chap-e649-no-dialin";
      ending.summary = "the account has no permission to dial in";
      ending.remedy = {"ask the server's administrator to grant it remote access"};
      break;
    case 691:
      ending.id = "chap-e691-bad-password";
      ending.summary = "the server refused the user name or the password";
      ending.remedy = {"check the user name, the domain and the password"};
      if (context.user.find('\\') != std::string::npos) {
        ending.remedy.emplace_back("some servers want the name without a domain");
      } else if (!context.user.empty()) {
        ending.remedy.push_back(
            fmt::format(R"(some servers want the domain too: 'DOMAIN\{}')", escaped(context.user)));
      }
      if (context.password_edge_blanks)
        ending.remedy.emplace_back("the password begins or ends with a blank: is that meant?");
      if (context.password_beyond_ascii)
        ending.remedy.emplace_back(
            "the password has characters beyond ASCII, which some servers read differently: try "
            "one without");
      break;
    case 709:
      ending.id = "chap-e709-password-change";
      ending.summary = "the server did not accept the change of the password";
      ending.remedy = {"choose a password that its rules allow, and that was not used before"};
      break;
    default:
      ending.id = "chap-auth-failed";
      ending.summary = fmt::format("the server refused us with error {}", number);
      ending.remedy = {"ask the server's administrator what its log says"};
  }
  if (!context.user.empty())
    ending.evidence.push_back(fmt::format("the name sent was '{}'", escaped(context.user)));
  ending.evidence.push_back(fmt::format("E={}", number));
  return ending;
}

Ending refused_key_lengths(std::uint32_t ccp_bits) {
  const bool only_40 = (ccp_bits & 0xe0) == 0x20;  // RFC 3078 2.1: L, and neither S nor M
  Ending ending;
  ending.exit = ExitStatus::not_encrypted;
  ending.id = only_40 ? "mppe-40-only-peer" : "mppe-no-common-key-length";
  ending.summary = fmt::format("the server encrypts with {}, which the profile does not allow",
                               key_length_words(ccp_bits));
  ending.remedy = {"set the server to 128 bits",
                   fmt::format("or, knowing that it is weak, allow it: [encryption] key-bits = {}",
                               only_40 ? "[128, 40]" : "[128, 56, 40]")};
  ending.evidence = {fmt::format("the server's offer: {}", mppe_words(ccp_bits))};
  return ending;
}

Ending terminated(const End& end, const EndingContext& context) {
  Ending ending;
  ending.exit = ExitStatus::peer_terminated;
  ending.id = "peer-terminated";
  ending.remedy = {"ask the server's administrator what its log says about it"};
  const auto number = windows_error(end.text);
  if (!number) {
    ending.summary = end.text.empty() ? "the server ended the connection"
                                      : fmt::format("the server ended the connection: \"{}\"",
                                                    escaped(end.text));
    return ending;
  }
  switch (*number) {
    case 646:
    case 647:
    case 648:
    case 649:
    case 691:
    case 709:
      ending = refused_login(*number, context);
      break;
    case 741:
    case 742:
      ending.exit = ExitStatus::not_encrypted;
      ending.id = "win-742-no-encryption";
      ending.summary =
          fmt::format("the server ended the connection: {}", windows_error_words(*number));
      ending.remedy = {
          R"(allow what it wants: [encryption] mppe = "require", key-bits = [128, 56, 40])",
          "or set the server to 128 bits"};
      break;
    default: {
      const std::string_view words = windows_error_words(*number);
      ending.summary =
          words.empty()
              ? fmt::format("the server ended the connection with Windows error {}", *number)
              : fmt::format("the server ended the connection: {} (Windows error {})", words,
                            *number);
    }
  }
  ending.evidence.push_back(fmt::format("Terminate-Request with Windows error {}", *number));
  return ending;
}

const Lines kAskServerLog = {"ask the server's administrator what its log says"};

const Lines kGrePath = {
    "let IP protocol 47 (GRE) through every firewall on the way, in both directions",
    "behind a router that translates addresses: switch its PPTP passthrough on",
    "if another tunnel to this server is up behind the same router, end it",
};

const Lines kEncryptServer = {
    "set the server to allow encryption with 128 bits",
    R"(to go without encryption, in clear, write [encryption] mppe = "off" or "prefer")",
};

// How each cause is told, before what the peer said is added.
Ending bare_ending(const End& end, const EndingContext& context) {
  using enum ExitStatus;
  const std::string server = server_of(context);
  switch (end.cause) {
    case Cause::closed_locally:
      return {ended_by_us, "", "disconnected", {}, {}};
    case Cause::internal_error:
      return ending_of(Trouble::internal_error, {}, context);

    case Cause::control_lost:
      return {peer_not_responding,
              "peer-not-responding",
              "the control connection to " + server + " was lost",
              {"check the way to the server, then connect again",
               "a router in between may forget idle connections: shorten [link] echo-interval"},
              {}};
    case Cause::control_closed_at_once:
      return {call_rejected,
              "hosts-allow-denied",
              server + " accepted the connection and closed it without a word",
              {"let the server's access list (hosts.allow, or its own) admit this address",
               "or make sure that it is a PPTP server that answers there"},
              {}};
    case Cause::control_timeout:
      return {call_rejected,
              "ctrl-no-answer",
              server + " accepted the connection and does not answer",
              {"make sure that it is a PPTP server that answers there",
               "if it is, look whether it is overloaded or waits for something itself"},
              {}};
    case Cause::not_pptp:
      return {call_rejected,
              "not-pptp",
              "what answers at " + server + " does not speak PPTP",
              {"check the server's name and port"},
              {}};
    case Cause::start_rejected:
      return {call_rejected,
              "ctrl-start-rejected",
              server + " rejected the control connection",
              kAskServerLog,
              {start_reply_words(end.code)}};
    case Cause::call_rejected:
      return {call_rejected,
              "call-rejected",
              server + " rejected the call",
              kAskServerLog,
              {outgoing_reply_words(end.code)}};
    case Cause::call_busy:
      return {call_rejected,
              "call-busy",
              server + " has no line free",
              {"try again later", "the server may need a larger pool of addresses"},
              {outgoing_reply_words(end.code)}};
    case Cause::gre_blocked:
      return {no_gre,
              "gre-blocked",
              "no GRE packet came from " + server + ", though it took the call",
              kGrePath,
              {}};

    case Cause::lcp_timeout:
      return {no_agreement,
              "lcp-timeout-path",
              "the link could not be agreed on in time",
              {"check the way to the server for loss",
               "packets that are large may be lost on it: try a smaller [network] mtu"},
              {}};
    case Cause::lcp_no_agreement:
      return {no_agreement,
              "lcp-no-agreement",
              "the two ends insist on different options for the link",
              kAskServerLog,
              {}};
    case Cause::looped_back:
      return {looped_back,
              "lcp-looped-back",
              "our own packets come back to us",
              {"something on the way reflects GRE: look at the router next to the server"},
              {}};
    case Cause::no_network_protocols:
      return {no_agreement,
              "lcp-no-network-protocols",
              "no network protocol was left to carry anything",
              {"look above for what the server rejected", "set the server to carry IPv4"},
              {}};

    case Cause::auth_no_common_method:
      return {no_common_method,
              "auth-no-common-method",
              "the server wants a way of authentication that the profile does not allow",
              {"set the server to MS-CHAPv2"},
              {fmt::format("it asks for protocol {:#06x}", end.code)}};
    case Cause::auth_failed:
      return refused_login(end.code, context);
    case Cause::auth_timeout:
      return {not_authenticated,
              "auth-timeout",
              "the server did not say whether it accepts us",
              {"try again", "if it stays so, check the way to the server for loss",
               "the server may wait for a directory or RADIUS server that does not answer it"},
              {}};
    case Cause::auth_peer_failed:
      return {not_authenticated,
              "auth-peer-failed",
              "the peer did not prove who it is",
              {"check its name and password in the users file"},
              {fmt::format("E={}", end.code)}};
    case Cause::server_not_authentic:
      return {server_not_authentic,
              "server-not-authentic",
              server + " accepted the password without proving that it knows it",
              {"do not trust it: somebody may pose as the server",
               "if it is yours, it must know the password itself for MS-CHAPv2"},
              {}};

    case Cause::mppe_peer_refused:
      return {
          not_encrypted, "mppe-peer-refused", "the server will not encrypt", kEncryptServer, {}};
    case Cause::mppe_peer_requires:
      return {not_encrypted,
              "mppe-required-not-available",
              server + " requires encryption, which the profile has switched off",
              {R"(allow it: [encryption] mppe = "require")"},
              {}};
    case Cause::mppe_bits_refused:
      return refused_key_lengths(end.code);
    case Cause::mppe_stateful_only:
      return {not_encrypted,
              "mppe-stateful-only",
              "the server insists on stateful encryption, which the profile does not allow",
              {"set the server to stateless encryption"},
              {fmt::format("the server's offer: {}", mppe_words(end.code))}};
    case Cause::mppe_no_keys:
      return {not_encrypted,
              "mppe-auth-not-mschap",
              "the way we authenticated makes no keys to encrypt with",
              {"set the server to MS-CHAPv2"},
              {}};
    case Cause::mppe_timeout:
      return {not_encrypted,
              "ccp-timeout",
              "encryption could not be agreed on in time",
              kEncryptServer,
              {}};
    case Cause::mppe_lost:
      return {not_encrypted,
              "mppe-lost",
              "encryption ended while the connection was up",
              {"connect again", "if it happens often, ask what the server's log says"},
              {}};

    case Cause::ipcp_no_agreement:
      return {no_agreement,
              "ipcp-naked-rejected",
              "the two ends could not agree on addresses",
              {"check the server's addresses and DNS for its peers"},
              {}};
    case Cause::ipcp_timeout:
      return {no_agreement,
              "ipcp-timeout",
              "addresses could not be agreed on in time",
              {"try again", "if it stays so, check the way to the server for loss"},
              {}};
    case Cause::ipcp_no_local_address:
      return {no_address,
              "ipcp-no-local-ip",
              "the server gave us no address",
              {"set the server to give addresses, or enlarge its pool"},
              {}};
    case Cause::ipcp_address_refused:
      return {no_address,
              "ipcp-address-refused",
              fmt::format("the address {} that the server gave cannot be used",
                          Ipv4Address(end.code).text()),
              {"this host may have that address already: end what uses it",
               "or let the server give another one"},
              {}};

    case Cause::peer_not_responding:
      return {peer_not_responding,
              "peer-not-responding",
              server + " stopped answering",
              {"check the way to the server, then connect again",
               "if GRE stops after a while: a router on the way forgets it; shorten [link] "
               "echo-interval"},
              {}};
    case Cause::peer_terminated:
      return terminated(end, context);
    case Cause::peer_cleared_call:
      return {peer_terminated,
              "peer-terminated",
              server + " hung up",
              kAskServerLog,
              {fmt::format("result {}", end.code)}};
    case Cause::peer_shutting_down:
      return {peer_terminated,
              "server-shutdown",
              server + " is shutting down",
              {"connect again when it is back"},
              {}};
    case Cause::replaced:
      return {peer_terminated,
              "call-replaced",
              "the same user has called again",
              {"give each of the user's devices a name of its own in the users file"},
              {}};
    case Cause::time_limit:
      return {ExitStatus::time_limit,
              "time-limit",
              "the time limit was reached",
              {"for a longer one, change [link] time-limit"},
              {}};
    case Cause::idle_timeout:
      return {idle_time,
              "idle-timeout",
              "nothing was sent or received for the idle time",
              {"for a longer one, change [link] idle-timeout"},
              {}};
  }
  return ending_of(Trouble::internal_error, {}, context);
}

Ending bare_ending(Trouble trouble, const EndingContext& context) {
  using enum ExitStatus;
  const std::string server = server_of(context);
  switch (trouble) {
    case Trouble::internal_error:
      return {internal_error,
              "internal-error",
              "an error in pptpd-user itself",
              {"please report it, with the log of the same command with -vv"},
              {}};
    case Trouble::config_invalid:
      return {config_invalid,
              "config-invalid",
              "the configuration cannot be used",
              {"correct it, then look at it with: pptpd-user profile check"},
              {}};
    case Trouble::need_root:
      return {not_permitted,
              "need-root",
              "a permission is missing",
              {"run it as root",
               "or give the program what it needs: setcap cap_net_raw,cap_net_admin+ep, then the "
               "path of pptpd-user"},
              {}};
    case Trouble::tun_missing:
      return {not_permitted,
              "tun-missing",
              "there is no /dev/net/tun",
              {"modprobe tun", "in a container: pass the device /dev/net/tun to it"},
              {}};
    case Trouble::interrupted:
      return {interrupted, "", "interrupted", {}, {}};
    case Trouble::tun_program_ended:
      return {script_failed,
              "tun-program-ended",
              "the program that takes the packets has ended",
              {"look at what it has said itself", "run what network.tun-program says by hand"},
              {}};
    case Trouble::script_failed:
      return {script_failed,
              "ip-up-script-status",
              "a script failed",
              {"run the script by hand to see why"},
              {}};
    case Trouble::name_not_found:
      return {name_not_found,
              "name-not-found",
              server + ": there is no such name with an IPv4 address",
              {"check how the name is written", "or give the server's address in its place"},
              {}};
    case Trouble::name_no_answer:
      return {name_not_found,
              "name-no-answer",
              server + ": the name cannot be looked up, the name servers do not answer",
              {"check this host's network and its name servers",
               "or give the server's address in place of its name"},
              {}};
    case Trouble::ctrl_refused:
      return {not_reached,
              "ctrl-refused",
              server + " refuses connections to the PPTP port",
              {"check the server's name", "start the PPTP service on it",
               "or let its firewall accept TCP port 1723"},
              {}};
    case Trouble::ctrl_unreachable_1723:
      return {
          not_reached,
          "ctrl-unreachable-1723",
          server + " does not answer on the PPTP port",
          {"check that the server is up", "let TCP port 1723 through every firewall on the way"},
          {}};
    case Trouble::ctrl_net_unreachable:
      return {not_reached,
              "ctrl-net-unreachable",
              "this host has no way to the network of " + server,
              {"bring the network connection up", "look for a default route: ip route"},
              {}};
    case Trouble::ctrl_no_route:
      return {not_reached,
              "ctrl-no-route",
              "a router says that " + server + " cannot be reached",
              {"check the server's address and that it is up",
               "a firewall that rejects looks the same: let TCP port 1723 through"},
              {}};
    case Trouble::gre_eperm:
      return {no_gre,
              "gre-eperm",
              "this host's firewall does not let GRE out",
              {"accept it: nft insert rule inet filter output ip protocol gre accept",
               "with iptables: iptables -I OUTPUT -p gre -j ACCEPT"},
              {}};
    case Trouble::gre_local_firewall:
      return {no_gre,
              "gre-local-firewall",
              "GRE packets do not leave this host",
              {"look for a rule about IP protocol 47: nft list ruleset",
               "accept it in both directions"},
              {}};
    case Trouble::gre_not_available:
      return {no_gre,
              "gre-protocol-not-available",
              server + " answers that it does not take GRE",
              {"restart the PPTP service on the server",
               "or make its firewall accept GRE instead of rejecting it"},
              {}};
    case Trouble::host_config_failed:
      return {host_config_failed,
              "host-config-failed",
              "addresses, routes or name servers could not be set on this host",
              {"look above for what could not be done"},
              {}};
    case Trouble::already_connected:
      return {already_connected,
              "already-connected",
              "this profile is already connected",
              {"to see it: pptpd-user status", "to end it: pptpd-user disconnect"},
              {}};
    case Trouble::password_not_expired:
      return {not_authenticated,
              "password-not-expired",
              "the server did not ask for a new password, and takes none before it does",
              {"change it on the server", "or let its administrator have it expire"},
              {}};
    case Trouble::port_in_use:
      return {host_config_failed,
              "pptpd-port-in-use",
              "another program has the PPTP port",
              {"find it: ss -ltnp 'sport = :1723'", "end it, or listen on another address"},
              {}};
  }
  return {internal_error, "internal-error", "an error in pptpd-user itself", {}, {}};
}

/// Whether the summary says all: what the operating system says adds nothing but its own words.
bool names_its_object(Trouble trouble) {
  switch (trouble) {
    case Trouble::name_not_found:
    case Trouble::name_no_answer:
    case Trouble::ctrl_refused:
    case Trouble::ctrl_unreachable_1723:
    case Trouble::ctrl_net_unreachable:
    case Trouble::ctrl_no_route:
      return true;
    default:
      return false;
  }
}

Trouble trouble_of(io::IoFault fault) {
  switch (fault) {
    case io::IoFault::permission:
      return Trouble::need_root;
    case io::IoFault::tun_missing:
      return Trouble::tun_missing;
    case io::IoFault::already_locked:
      return Trouble::already_connected;
    case io::IoFault::name_not_found:
      return Trouble::name_not_found;
    case io::IoFault::name_no_answer:
      return Trouble::name_no_answer;
    case io::IoFault::refused:
      return Trouble::ctrl_refused;
    case io::IoFault::timed_out:
      return Trouble::ctrl_unreachable_1723;
    case io::IoFault::net_unreachable:
      return Trouble::ctrl_net_unreachable;
    case io::IoFault::no_route:
      return Trouble::ctrl_no_route;
    case io::IoFault::address_in_use:
      return Trouble::port_in_use;
    case io::IoFault::bad_name:
      return Trouble::config_invalid;
    case io::IoFault::script_failed:
      return Trouble::script_failed;
    case io::IoFault::program_ended:
      return Trouble::tun_program_ended;
    case io::IoFault::peer_closed:
    case io::IoFault::not_running:
    case io::IoFault::bad_message:
    case io::IoFault::system:
      return Trouble::host_config_failed;
  }
  return Trouble::internal_error;
}

}  // namespace

Ending ending_of(const End& end, const EndingContext& context) {
  Ending ending = bare_ending(end, context);
  if (!end.text.empty() && !windows_error(end.text))
    ending.evidence.push_back(fmt::format("the peer said \"{}\"", escaped(end.text)));
  return ending;
}

Ending ending_of(Trouble trouble, std::string detail, const EndingContext& context) {
  Ending ending = bare_ending(trouble, context);
  if (!detail.empty()) {
    if (!names_its_object(trouble)) ending.summary += ": " + detail;
    ending.evidence.push_back(std::move(detail));
  }
  return ending;
}

Ending ending_of(const io::IoError& error, const EndingContext& context) {
  Ending ending = ending_of(trouble_of(error.fault), error.text(), context);
  // Who sees which permission is missing knows best what grants it.
  if (error.fault == io::IoFault::permission && !error.hint.empty()) ending.remedy.clear();
  if (!error.hint.empty()) ending.remedy.insert(ending.remedy.begin(), error.hint);
  return ending;
}

}  // namespace pptp::app
