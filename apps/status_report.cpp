#include "apps/status_report.h"

#include <array>
#include <ctime>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace pptp::app {
namespace {

using Json = nlohmann::json;
using std::chrono::system_clock;

constexpr std::array kStates = {
    CallState::idle, CallState::connecting,   CallState::authenticating, CallState::negotiating,
    CallState::up,   CallState::reconnecting, CallState::failed,
};

// RFC 3339, in UTC, whole seconds.
constexpr const char* kTimeFormat = "%Y-%m-%dT%H:%M:%SZ";

std::string time_text(system_clock::time_point when) {
  const std::time_t seconds = system_clock::to_time_t(when);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), kTimeFormat, &parts);
  return std::string(text.data(), size);
}

std::optional<system_clock::time_point> time_from(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), kTimeFormat, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return system_clock::from_time_t(timegm(&parts));
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

std::string text_at(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_null() ? std::string() : value.get<std::string>();
}

std::string duration_text(std::chrono::seconds duration) {
  const auto seconds = std::max<std::int64_t>(duration.count(), 0);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string octets_text(std::uint64_t octets) {
  static constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(octets);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", octets) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// What is not zero.
template <class Reason>
std::map<std::string, std::uint64_t> by_name(const Counts<Reason>& counts) {
  std::map<std::string, std::uint64_t> named;
  for (std::underlying_type_t<Reason> i = 0; i < std::to_underlying(Reason::count_); ++i) {
    const auto reason = static_cast<Reason>(i);
    if (counts[reason] != 0) named.emplace(name(reason), counts[reason]);
  }
  return named;
}

std::string joined(const std::map<std::string, std::uint64_t>& counts) {
  std::vector<std::string> words;
  words.reserve(counts.size());
  for (const auto& [what, count] : counts)
    words.push_back(fmt::format("{} {}", count, what));
  return joined(words);
}

}  // namespace

std::string_view name(CallState state) noexcept {
  switch (state) {
    case CallState::idle:
      return "idle";
    case CallState::connecting:
      return "connecting";
    case CallState::authenticating:
      return "authenticating";
    case CallState::negotiating:
      return "negotiating";
    case CallState::up:
      return "up";
    case CallState::reconnecting:
      return "reconnecting";
    case CallState::failed:
      return "failed";
  }
  return "failed";
}

StatusReport::Counters& StatusReport::Counters::operator+=(const Counters& other) {
  tx_packets += other.tx_packets;
  tx_bytes += other.tx_bytes;
  rx_packets += other.rx_packets;
  rx_bytes += other.rx_bytes;
  lost += other.lost;
  reordered += other.reordered;
  duplicate += other.duplicate;
  late += other.late;
  key_streams_reused += other.key_streams_reused;
  for (const auto& [name, count] : other.dropped)
    dropped[name] += count;
  for (const auto& [name, count] : other.sent_by)
    sent_by[name] += count;
  return *this;
}

std::map<std::string, std::uint64_t> dropped(const Drops& drops) {
  return by_name(drops);
}

std::map<std::string, std::uint64_t> sent_by(const io::SentCounts& counts) {
  return by_name(counts);
}

Json to_json(const StatusReport& report) {
  const StatusReport::Counters& counters = report.counters;
  Json mppe;
  if (report.mppe)
    mppe = {{"bits", report.mppe->bits},
            {"mode", report.mppe->stateful ? "stateful" : "stateless"}};
  Json last;
  if (report.last)
    last = {
        {"exit", report.last->exit}, {"id", report.last->id}, {"summary", report.last->summary}};
  return {
      {"profile", report.profile},
      {"state", name(report.state)},
      {"since", report.since ? Json(time_text(*report.since)) : Json()},
      {"server",
       {{"name", text_or_null(report.server_name)},
        {"address", text_or_null(report.server_address)}}},
      {"interface", text_or_null(report.interface)},
      {"local", text_or_null(report.local)},
      {"peer", text_or_null(report.peer)},
      {"ipv6", text_or_null(report.ipv6)},
      {"mtu", report.mtu == 0 ? Json() : Json(report.mtu)},
      {"auth", text_or_null(report.auth)},
      {"mppe", std::move(mppe)},
      {"dns", report.dns},
      {"routes", report.routes},
      {"counters",
       {{"tx_packets", counters.tx_packets},
        {"tx_bytes", counters.tx_bytes},
        {"rx_packets", counters.rx_packets},
        {"rx_bytes", counters.rx_bytes},
        {"lost", counters.lost},
        {"reordered", counters.reordered},
        {"duplicate", counters.duplicate},
        {"late", counters.late},
        {"key_streams_reused", counters.key_streams_reused},
        {"dropped", counters.dropped},
        {"sent_by", counters.sent_by}}},
      {"rtt_ms", report.rtt_ms ? Json(*report.rtt_ms) : Json()},
      {"last", std::move(last)},
  };
}

std::expected<StatusReport, std::string> status_from_json(const Json& document) try {
  StatusReport report;
  report.profile = document.at("profile").get<std::string>();
  const auto state = document.at("state").get<std::string>();
  const auto* const known = std::find_if(kStates.begin(), kStates.end(), [&](CallState candidate) {
    return name(candidate) == state;
  });
  if (known == kStates.end()) return std::unexpected("there is no state '" + state + "'");
  report.state = *known;
  if (const std::string since = text_at(document, "since"); !since.empty()) {
    report.since = time_from(since);
    if (!report.since) return std::unexpected("'" + since + "' is not a time");
  }
  report.server_name = text_at(document.at("server"), "name");
  report.server_address = text_at(document.at("server"), "address");
  report.interface = text_at(document, "interface");
  report.local = text_at(document, "local");
  report.peer = text_at(document, "peer");
  report.ipv6 = text_at(document, "ipv6");
  if (const Json& mtu = document.at("mtu"); !mtu.is_null()) mtu.get_to(report.mtu);
  report.auth = text_at(document, "auth");
  if (const Json& mppe = document.at("mppe"); !mppe.is_null())
    report.mppe = StatusReport::Encryption{mppe.at("bits").get<unsigned>(),
                                           mppe.at("mode").get<std::string>() == "stateful"};
  document.at("dns").get_to(report.dns);
  document.at("routes").get_to(report.routes);
  const Json& counters = document.at("counters");
  counters.at("tx_packets").get_to(report.counters.tx_packets);
  counters.at("tx_bytes").get_to(report.counters.tx_bytes);
  counters.at("rx_packets").get_to(report.counters.rx_packets);
  counters.at("rx_bytes").get_to(report.counters.rx_bytes);
  counters.at("lost").get_to(report.counters.lost);
  counters.at("reordered").get_to(report.counters.reordered);
  counters.at("duplicate").get_to(report.counters.duplicate);
  counters.at("late").get_to(report.counters.late);
  counters.at("key_streams_reused").get_to(report.counters.key_streams_reused);
  counters.at("dropped").get_to(report.counters.dropped);
  counters.at("sent_by").get_to(report.counters.sent_by);
  if (const Json& rtt = document.at("rtt_ms"); !rtt.is_null()) report.rtt_ms = rtt.get<double>();
  if (const Json& last = document.at("last"); !last.is_null())
    report.last = StatusReport::Last{last.at("exit").get<int>(), last.at("id").get<std::string>(),
                                     last.at("summary").get<std::string>()};
  return report;
} catch (const Json::exception& error) {
  return std::unexpected(error.what());
}

std::string to_text(const StatusReport& report, system_clock::time_point now) {
  std::string text = fmt::format("{}: {}", report.profile, name(report.state));
  if (report.since) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - *report.since);
    text += " for " + duration_text(age);
  }
  text += '\n';
  const auto line = [&](std::string_view label, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<11}{}\n", label, value);
  };
  std::string server = report.server_name;
  if (!report.server_address.empty() && report.server_address != server)
    server += (server.empty() ? "" : " ") + fmt::format("({})", report.server_address);
  line("server", server);
  line("interface", report.interface.empty() || report.mtu == 0
                        ? report.interface
                        : fmt::format("{}, MTU {}", report.interface, report.mtu));
  line("address",
       report.peer.empty() ? report.local : fmt::format("{}, peer {}", report.local, report.peer));
  line("ipv6", report.ipv6);
  line("auth", report.auth);
  if (report.state == CallState::up)
    line("encryption", report.mppe ? fmt::format("MPPE, {} bits, {}", report.mppe->bits,
                                                 report.mppe->stateful ? "stateful" : "stateless")
                                   : "none");
  line("dns", joined(report.dns));
  line("routes", joined(report.routes));
  const StatusReport::Counters& counters = report.counters;
  if (counters.tx_packets != 0 || counters.rx_packets != 0) {
    line("sent",
         fmt::format("{} packets, {}", counters.tx_packets, octets_text(counters.tx_bytes)));
    line("received", fmt::format("{} packets, {}; {} lost, {} reordered, {} duplicate, {} late",
                                 counters.rx_packets, octets_text(counters.rx_bytes), counters.lost,
                                 counters.reordered, counters.duplicate, counters.late));
  }
  line("sent by", joined(counters.sent_by));
  line("dropped", joined(counters.dropped));
  if (report.rtt_ms) line("round trip", fmt::format("{:.1f} ms", *report.rtt_ms));
  if (report.last)
    line("last", report.last->id.empty()
                     ? fmt::format("{} (status {})", report.last->summary, report.last->exit)
                     : fmt::format("{} [{}] (status {})", report.last->summary, report.last->id,
                                   report.last->exit));
  return text;
}

}  // namespace pptp::app
