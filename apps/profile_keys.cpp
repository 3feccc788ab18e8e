#include "apps/profile.h"

namespace pptp::app {
namespace {

constexpr SettingInfo kKeys[] = {
    {"server", "", "the server's name or address, host or host:port", kText | kTexts},
    {"user", "", R"(who we are: 'DOMAIN\user' or "user")", kText},
    {"domain", R"("")", "the domain, where it is not part of user", kText},
    {"password", "", "the password itself; the file must then be private", kText, true},
    {"password-file", "", "a private file whose first line is the password", kText},
    {"password-command", "", "a program, with its arguments, that prints the password", kTexts},
    {"nt-hash", "", "the password's NT hash, 32 hexadecimal digits", kText, true},

    {"auth.methods", R"(["mschapv2"])", "how the server may make us prove who we are", kTexts},
    {"auth.password-text", R"("utf-8")",
     R"("utf-8", or "octets": each octet of the password is a character, as pppd has it)", kText},

    {"encryption.mppe", R"("require")", R"("require", "prefer" or "off")", kText},
    {"encryption.key-bits", "[128]",
     "key lengths to accept, of 128, 56 and 40; the strongest is preferred", kWholes},
    {"encryption.stateful", "false", R"(true: where the server insists; "only": ask for it)",
     kFlag | kText},
    {"encryption.mppc", "false", "compression (RFC 2118), together with encryption", kFlag},

    {"network.interface", R"("pptp%d")", "the interface's name; %d is the first free number",
     kText},
    {"network.mtu", R"("auto")", R"("auto", or octets: 576 to 1500)", kText | kWhole},
    {"network.probe-mtu", "false", "measure what the path takes", kFlag},
    {"network.mss-clamp", "true", "keep TCP segments small enough for the tunnel", kFlag},
    {"network.default-route", "false", "send everything through the tunnel", kFlag},
    {"network.routes", "[]", R"(networks behind the tunnel: "10.0.0.0/8", ...)", kTexts},
    {"network.dns", R"("peer")", R"(name servers: "peer" (what the server says), "none" or a list)",
     kText | kTexts},
    {"network.ipv6", "true", "IPv6 inside the tunnel, where the server has it", kFlag},
    {"network.netns", R"("")", "put the interface into this named network namespace", kText},
    {"network.script", R"("")", "a program in the manner of vpnc-script", kText},
    {"network.ip-up-dir", R"("")", "a folder with ip-up and ip-down in the manner of pppd", kText},
    {"network.tun-program", R"("")", "a program that takes the packets instead of a TUN device",
     kText},

    {"link.reconnect", "true", "dial again after a connection was lost", kFlag},
    {"link.max-attempts", "0", "give up after so many; 0: never", kWhole},
    {"link.retry-first", "1.0",
     "seconds before the first new attempt; doubles from one to the next", kNumber},
    {"link.retry-limit", "60.0", "seconds between attempts, at most", kNumber},
    {"link.echo-interval", "30",
     "seconds of silence before the server is asked for a sign of life; 0: never", kNumber},
    {"link.echo-failures", "4", "unanswered ones before the connection counts as lost", kWhole},
    {"link.idle-timeout", "0", "seconds without traffic before hanging up; 0: never", kNumber},
    {"link.time-limit", "0", "seconds before hanging up in any case; 0: never", kNumber},
    {"link.demand", "false", "dial when there is something to send", kFlag},
    {"link.pace-by-window", "false", "send no more than the server's window allows", kFlag},
    {"link.quirks", "[]", R"(what this server needs and others do not: "always-ack", ...)", kTexts},
    {"link.transmit", R"("raw")",
     R"("raw", or "packet": quicker, and past the host's packet filter)", kText},
    {"link.threads", R"("auto")", R"(1; 2, of which one only transmits; or "auto", which is 1)",
     kText | kWhole},
};

}  // namespace

std::span<const SettingInfo> profile_keys() noexcept {
  return kKeys;
}

}  // namespace pptp::app
