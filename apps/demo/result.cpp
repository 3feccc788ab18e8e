#include "apps/demo/result.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pptp::app::demo {
namespace {

using Json = nlohmann::json;

struct SightName {
  Sight sight;
  const char* key;
};

constexpr std::array<SightName, static_cast<std::size_t>(Sight::count_)> kSightNames = {{
    {Sight::clear, "clear"},
    {Sight::enciphered, "enciphered"},
    {Sight::acknowledgement, "acknowledgements"},
    {Sight::negotiation, "negotiation"},
    {Sight::control, "control"},
    {Sight::other, "other"},
}};

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Three digits behind the point say as much as was measured.
double rounded(double value) {
  constexpr double kScale = 1000;
  return static_cast<double>(static_cast<std::int64_t>(value * kScale + 0.5)) / kScale;
}

/// What of a status does not change while the tunnel is up.
Json document(const StatusReport& tunnel) {
  const nlohmann::json status = app::to_json(tunnel);
  Json out;
  for (const char* const key : {"interface", "local", "peer", "mtu", "auth", "mppe"})
    out[key] = status.at(key);
  return out;
}

Json document(const PingResult& ping) {
  return {{"sent", ping.sent},
          {"answered", ping.answered},
          {"min_ms", rounded(milliseconds(ping.least))},
          {"avg_ms", rounded(milliseconds(ping.mean))},
          {"max_ms", rounded(milliseconds(ping.most))}};
}

Json document(const TransferResult& transfer) {
  return {{"bytes", transfer.octets},
          {"seconds", rounded(seconds(transfer.took))},
          {"mbit_per_s", rounded(transfer.megabits_per_second())}};
}

Json document(const WireCount& wire) {
  Json out = {{"packets", wire.total()}};
  for (const SightName& name : kSightNames)
    out[name.key] = wire[name.sight];
  out["missed"] = wire.missed;
  return out;
}

template <class Value>
Json document(const std::optional<Value>& value) {
  return value ? document(*value) : Json();
}

std::string row(std::string_view name, const std::string& value) {
  return fmt::format("  {:<17}{}\n", name, value);
}

std::string speed(const TransferResult& transfer) {
  return fmt::format("{:.0f} Mbit/s ({:.1f} MB in {:.1f} s)", transfer.megabits_per_second(),
                     static_cast<double>(transfer.octets) / 1e6, seconds(transfer.took));
}

}  // namespace

Ending failure(std::string_view id, std::string summary, std::vector<std::string> evidence) {
  return {ExitStatus::internal_error, std::string(id), std::move(summary), {}, std::move(evidence)};
}

Ending failure(std::string_view id, const io::IoError& error) {
  Ending ending = failure(id, error.text());
  if (!error.hint.empty()) ending.remedy.push_back(error.hint);
  return ending;
}

std::vector<Ending> judge(const DemoResult& result) {
  std::vector<Ending> problems;
  if (result.tunnel && !result.tunnel->mppe)
    problems.push_back(failure("demo-no-encryption", "no encryption was agreed"));
  if (const auto& ping = result.ping; ping && ping->answered < ping->sent) {
    problems.push_back(failure(
        "demo-ping-unanswered",
        fmt::format("{} of {} pings were not answered", ping->sent - ping->answered, ping->sent)));
  }
  for (const auto& transfer : {result.client_to_server, result.server_to_client}) {
    if (transfer && transfer->octets == 0)
      problems.push_back(failure("demo-no-data", "no octet of a TCP transfer has arrived"));
  }
  if (!result.wire) return problems;
  const WireCount& wire = *result.wire;
  if (wire[Sight::clear] != 0) {
    problems.push_back(
        failure("demo-seen-in-clear",
                fmt::format("{} packets could be read on the wire", wire[Sight::clear])));
  }
  if (result.ping && wire[Sight::enciphered] == 0)
    problems.push_back(failure("demo-nothing-enciphered", "no enciphered packet was seen"));
  return problems;
}

std::string json_text(const DemoResult& result) {
  Json problems = Json::array();
  for (const Ending& problem : result.problems)
    problems.push_back(app::to_json(problem));
  const Json whole = {{"ok", result.problems.empty()},
                      {"tunnel", document(result.tunnel)},
                      {"set_up_ms", rounded(milliseconds(result.set_up_took))},
                      {"ping", document(result.ping)},
                      {"client_to_server", document(result.client_to_server)},
                      {"server_to_client", document(result.server_to_client)},
                      {"wire", document(result.wire)},
                      {"problems", problems}};
  return whole.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string encryption_text(const StatusReport& tunnel) {
  if (!tunnel.mppe) return "none";
  return fmt::format("MPPE, {} bit, {}", tunnel.mppe->bits,
                     tunnel.mppe->stateful ? "stateful" : "stateless");
}

std::string table_text(const DemoResult& result) {
  std::string out;
  if (const auto& tunnel = result.tunnel) {
    out += row("authentication", tunnel->auth);
    out += row("encryption", encryption_text(*tunnel));
    out += row("addresses", fmt::format("{} - {}", tunnel->local, tunnel->peer));
    out += row("interface", fmt::format("{}, MTU {}", tunnel->interface, tunnel->mtu));
    out += row("set up in", fmt::format("{:.0f} ms", milliseconds(result.set_up_took)));
  }
  if (const auto& ping = result.ping) {
    out += row("round trip", fmt::format("{:.2f} ms (least {:.2f}, most {:.2f}), {} of {} answered",
                                         milliseconds(ping->mean), milliseconds(ping->least),
                                         milliseconds(ping->most), ping->answered, ping->sent));
  }
  if (result.client_to_server) out += row("client to server", speed(*result.client_to_server));
  if (result.server_to_client) out += row("server to client", speed(*result.server_to_client));
  if (const auto& wire = result.wire) {
    out += row("seen on the wire", fmt::format("{} in clear, {} enciphered", (*wire)[Sight::clear],
                                               (*wire)[Sight::enciphered]));
    out += row("", fmt::format("{} acknowledgements, {} negotiation, {} control, {} other",
                               (*wire)[Sight::acknowledgement], (*wire)[Sight::negotiation],
                               (*wire)[Sight::control], (*wire)[Sight::other]));
    if (wire->missed > 0)
      out += row("", fmt::format("{} came too fast to be looked at", wire->missed));
  }
  return out;
}

}  // namespace pptp::app::demo
