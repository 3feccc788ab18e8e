#include "apps/profile.h"

namespace pptp::app {
namespace {

using enum Support;

constexpr SettingInfo kKeys[] = {
    {"server", kText | kTexts, "", now, false, "the server's name or address, host or host:port"},
    {"user", kText, "", now, false, R"(who we are: 'DOMAIN\user' or "user")"},
    {"domain", kText, R"("")", now, false, "the domain, where it is not part of user"},
    {"password", kText, "", now, true, "the password itself; the file must then be private"},
    {"password-file", kText, "", now, false, "a private file whose first line is the password"},
    {"password-command", kTexts, "", default_only, false, "a program that prints the password"},
    {"nt-hash", kText, "", now, true, "the password's NT hash, 32 hexadecimal digits"},

    {"auth.methods", kTexts, R"(["mschapv2"])", now, false,
     "how the server may make us prove who we are"},

    {"encryption.mppe", kText, R"("require")", now, false, R"("require", "prefer" or "off")"},
    {"encryption.key-bits", kWholes, "[128]", now, false,
     "key lengths to accept, of 128, 56 and 40; the strongest is preferred"},
    {"encryption.stateful", kFlag | kText, "false", default_only, false,
     R"(true: where the server insists; "only": ask for it)"},
    {"encryption.mppc", kFlag, "false", default_only, false, "compression"},

    {"network.interface", kText, R"("pptp%d")", now, false,
     "the interface's name; %d is the first free number"},
    {"network.mtu", kText | kWhole, R"("auto")", now, false, R"("auto", or octets: 576 to 1500)"},
    {"network.probe-mtu", kFlag, "false", default_only, false, "measure the path"},
    {"network.mss-clamp", kFlag, "true", default_only, false,
     "keep TCP segments small enough for the tunnel"},
    {"network.default-route", kFlag, "false", now, false, "send everything through the tunnel"},
    {"network.routes", kTexts, "[]", now, false,
     R"(networks behind the tunnel: "10.0.0.0/8", ...)"},
    {"network.dns", kText | kTexts, R"("peer")", now, false,
     R"(name servers: "peer" (what the server says) or "none")"},
    {"network.ipv6", kFlag, "true", now, false, "IPv6 inside the tunnel, where the server has it"},
    {"network.netns", kText, R"("")", default_only, false,
     "put the interface into this named network namespace"},
    {"network.script", kText, R"("")", default_only, false,
     "a program in the manner of vpnc-script"},
    {"network.ip-up-dir", kText, R"("")", default_only, false,
     "a folder with ip-up and ip-down in the manner of pppd"},
    {"network.tun-program", kText, R"("")", default_only, false,
     "a program that takes the packets instead of a TUN device"},

    {"link.reconnect", kFlag, "true", now, false, "dial again after a connection was lost"},
    {"link.max-attempts", kWhole, "0", default_only, false, "give up after so many; 0: never"},
    {"link.retry-first", kNumber, "1.0", default_only, false,
     "seconds before the first new attempt; doubles from one to the next"},
    {"link.retry-limit", kNumber, "60.0", default_only, false, "seconds between attempts, at most"},
    {"link.echo-interval", kNumber, "30", now, false,
     "seconds of silence before the server is asked for a sign of life; 0: never"},
    {"link.echo-failures", kWhole, "4", now, false,
     "unanswered ones before the connection counts as lost"},
    {"link.idle-timeout", kNumber, "0", default_only, false,
     "seconds without traffic before hanging up; 0: never"},
    {"link.time-limit", kNumber, "0", default_only, false,
     "seconds before hanging up in any case; 0: never"},
    {"link.demand", kFlag, "false", default_only, false, "dial when there is something to send"},
    {"link.pace-by-window", kFlag, "false", default_only, false,
     "send no more than the server's window allows"},
    {"link.threads", kText | kWhole, R"("auto")", default_only, false, R"("auto", 1 or 2)"},
};

}  // namespace

std::span<const SettingInfo> profile_keys() noexcept {
  return kKeys;
}

}  // namespace pptp::app
