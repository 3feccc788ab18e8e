// What keeps packets from going round a HostState's tunnel: IPv4 while the tunnel changes, IPv6 all
// the time.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "tunnel/io/host_state.h"

namespace pptp::io {
namespace {

/// All that leads into a tunnel.
std::vector<Ipv4Prefix> destinations_of(const TunnelSettings& settings) {
  std::vector<Ipv4Prefix> all = settings.routes;
  all.insert(all.end(), settings.guarded.begin(), settings.guarded.end());
  // Even where it is the server: with rules, what has no mark is led to it inside.
  if (settings.peer) all.emplace_back(*settings.peer);
  if (settings.default_route) all.emplace_back();
  return all;
}

}  // namespace

/// Rules that let nothing through to where the tunnel leads, but by what the main table knows in
/// more detail. What has our mark never comes to them.
IoResult<void> HostState::raise_guard(const TunnelSettings& settings) {
  if (!tables_) return {};
  std::vector<Ipv4Prefix> destinations = destinations_of(settings);
  const std::vector<Ipv4Prefix> former = destinations_of(*configured_);
  destinations.insert(destinations.end(), former.begin(), former.end());
  std::vector<Rule> rules;
  // A script looks the way to the server up, without a mark.
  if (settings.routes_by_script) {
    rules.push_back({.priority = tables_->guard_priority,
                     .table = kMainTable,
                     .to = Ipv4Prefix(settings.server)});
  }
  for (const Ipv4Prefix& destination : destinations) {
    const bool everything = destination.length() == 0;
    // Before this tunnel's default route; or before any, which would take what has no route now.
    const std::uint32_t priority =
        everything ? tables_->default_priority - 3 : tables_->guard_priority;
    const std::optional<Ipv4Prefix> to = everything ? std::nullopt : std::optional(destination);
    rules.push_back({.priority = priority,
                     .table = kMainTable,
                     .to = to,
                     .suppress_prefix_length = destination.length()});
    rules.push_back({.priority = priority + 1, .table = 0, .to = to, .unreachable = true});
  }
  for (const Rule& rule : rules) {
    if (stands(Layer::guard, rule)) continue;
    // One that is there already guards as well.
    if (auto raised = change(Layer::guard, rule); !raised && raised.error().error != EEXIST) {
      lower_guard();
      return raised;
    }
  }
  return {};
}

void HostState::lower_guard() {
  if (changes(Layer::guard).empty()) return;
  for (const HostChange& rule : changes(Layer::guard)) {
    if (!undo_one(netlink_, rule).failed.empty()) stuck_.push_back(to_json(rule));
  }
  changes(Layer::guard).clear();
  (void)write_journal();
}

/// Through the tunnel goes what refresh_ipv6() lets in there. What the main table knows in more
/// detail than a default route stays as it is, as with IPv4: this host's own networks.
IoResult<void> HostState::refuse_ipv6() {
  std::vector<HostChange> refusal;
  if (tables_) {
    const std::uint32_t first = tables_->default_priority - 3;
    refusal = {
        Rule{.ipv6 = true, .priority = first, .table = kMainTable, .suppress_prefix_length = 0},
        Rule{.ipv6 = true, .priority = first + 1, .table = tables_->default_route},
        Rule{.ipv6 = true, .priority = first + 2, .table = 0, .unreachable = true}};
  } else {
    // Two halves are more special than any default route, and leave it as it is.
    refusal = {Ipv6Route{.length = 1}, Ipv6Route{.destination = {0x80}, .length = 1}};
  }
  for (const HostChange& wanted : refusal) {
    if (stands(Layer::outside, wanted)) continue;
    auto refused = change(Layer::outside, wanted);
    // Where the kernel has no IPv6, it sends none.
    if (!refused && is_unsupported(refused.error().error)) return {};
    if (!refused && refused.error().error != EEXIST) return refused;
  }
  return {};
}

IoResult<void> HostState::refresh_ipv6() {
  if (!tables_ || !configured_ || !configured_->default_route) return {};
  const auto known = netlink_.ipv6_routes(kMainTable);
  if (!known)
    return is_unsupported(known.error().error) ? IoResult<void>() : std::unexpected(known.error());
  const Ipv6Route learned{.device = configured_->device};
  const Ipv6Route ours{.table = tables_->default_route, .device = configured_->device};
  const bool wanted = std::ranges::find(*known, learned) != known->end();
  if (wanted == stands(Layer::inside, ours)) return {};
  if (wanted) return change(Layer::inside, ours);
  const UndoReport undone = undo_one(netlink_, ours);
  if (!undone.failed.empty()) return std::unexpected(undone.failed.front());
  std::erase(changes(Layer::inside), HostChange(ours));
  return write_journal();
}

}  // namespace pptp::io
