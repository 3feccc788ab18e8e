#include "tunnel/io/host_state.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "tunnel/io/file.h"

namespace pptp::io {
namespace {

// Each tunnel of the host has a slot, with numbers of its own.
constexpr std::uint32_t kSlots = 128;

// Two tables a slot, from here on.
constexpr std::uint32_t kFirstTable = 0x7074;

// One mark a slot. In the lowest octet, because the others have well-known users: kube-proxy has
// 0xc000, Cilium 0x0f00, mwan3 0x3f00, Tailscale 0xff0000, Calico 0xffff0000.
constexpr std::uint32_t kFirstMark = 0x70;

// Rule priorities: behind the local table (0), before the main table (32766), and the way to any
// tunnel's server before any tunnel's guard, and that before any tunnel's default route.
constexpr std::uint32_t kServerPriority = 28'000;
constexpr std::uint32_t kUnreachablePriority = kServerPriority + 1;
constexpr std::uint32_t kFirstGuardPriority = 28'010;
constexpr std::uint32_t kGuardPriorities = 2;
constexpr std::uint32_t kLastDefaultPriority = 28'788;
constexpr std::uint32_t kDefaultPriorities = 4;

// net.ipv4.conf.*.rp_filter.
constexpr char kStrictReversePath = '1';

/// Whether packets that arrive on an interface are dropped when the way back, looked up without a
/// mark, does not lead out of it (RFC 3704 2.2). The larger of the two settings counts: 2 is loose.
bool has_strict_reverse_path(const std::string& interface) {
  const auto setting = [](const std::string& of) {
    const auto text = read_file("/proc/sys/net/ipv4/conf/" + of + "/rp_filter");
    return text && !text->empty() ? text->front() : '0';
  };
  return std::max(setting("all"), setting(interface)) == kStrictReversePath;
}

/// `ours`, by the way that another route goes.
Route by_the_way_of(Route ours, const Route& other) {
  ours.device = other.device;
  ours.gateway = other.gateway;
  ours.gateway6 = other.gateway6;
  ours.source = other.source;
  ours.mtu = other.mtu;
  return ours;
}

}  // namespace

HostState::HostState(Netlink netlink, Journal journal) noexcept
    : netlink_(std::move(netlink)), journal_(std::move(journal)) {}

HostState::~HostState() {
  if (journal_.is_open()) undo_all();
}

IoResult<HostState> HostState::create(const RuntimeDir& directory, const ProfileLock& lock) {
  auto leftovers = undo_leftovers(directory, lock);
  if (!leftovers) return std::unexpected(std::move(leftovers).error());
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  // One that cannot be read is of no more use to anybody, and replaced.
  auto journal = Journal::create(directory.journal_path(lock.profile()), leftovers->stuck);
  if (!journal) return std::unexpected(journal.error());
  // What waited for this namespace, and still stands, is in the new journal.
  std::error_code ignored;
  std::filesystem::remove(directory.journal_path(lock.profile(), this_network_namespace()),
                          ignored);
  HostState state(std::move(*netlink), std::move(*journal));
  state.stuck_ = std::move(leftovers->stuck);
  state.recovered_ = std::move(leftovers->report);
  return state;
}

HostState::Tables HostState::tables_of_slot(std::uint32_t slot) noexcept {
  return {.mark = kFirstMark + slot,
          .server = kFirstTable + 2 * slot,
          .default_route = kFirstTable + 2 * slot + 1,
          .guard_priority = kFirstGuardPriority + kGuardPriorities * slot,
          .default_priority = kLastDefaultPriority - kDefaultPriorities * slot};
}

IoResult<std::optional<std::uint32_t>> HostState::reserve_mark() {
  if (tables_) return tables_->mark;
  const auto rules = netlink_.rules();
  if (!rules) {
    if (is_unsupported(rules.error().error)) return std::nullopt;
    return std::unexpected(rules.error());
  }
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    const Tables tables = tables_of_slot(slot);
    const auto free = is_free(tables, *rules);
    if (!free) return std::unexpected(free.error());
    if (!*free) continue;
    const auto claimed =
        change(Layer::mark,
               Rule{.priority = kServerPriority, .table = tables.server, .mark = tables.mark});
    if (claimed) {
      tables_ = tables;
      return tables.mark;
    }
    // Another tunnel was faster; adding a rule is what decides it.
    if (claimed.error().error == EEXIST) continue;
    if (is_unsupported(claimed.error().error)) return std::nullopt;
    return std::unexpected(claimed.error());
  }
  return failure(EBUSY, "no mark is free for the control connection");
}

IoResult<bool> HostState::is_free(const Tables& tables, const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    if (rule.table == tables.server || rule.table == tables.default_route) return false;
    if (rule.mark && (tables.mark & rule.mark_mask) == *rule.mark) return false;
  }
  for (const std::uint32_t table : {tables.server, tables.default_route}) {
    const auto routes = netlink_.routes(table);
    if (!routes) return std::unexpected(routes.error());
    if (!routes->empty()) return false;
  }
  return true;
}

IoResult<void> HostState::configure_tunnel(const TunnelSettings& settings) {
  configured_ = settings;
  auto configured = keep_server_outside(settings);
  if (configured && settings.default_route) configured = refuse_ipv6();
  if (configured) configured = configure_inside(settings);
  if (!configured) undo_tunnel();
  return configured;
}

IoResult<void> HostState::reconfigure_tunnel(const TunnelSettings& settings) {
  if (!configured_) return configure_tunnel(settings);
  if (auto moved = move_server(settings.server); !moved) return moved;
  if (auto raised = raise_guard(settings); !raised) return raised;
  // The way to the server stays, and with it the call.
  (void)undo_from(Layer::inside);
  configured_ = settings;
  auto configured = settings.default_route ? refuse_ipv6() : IoResult<void>();
  if (configured) configured = configure_inside(settings);
  if (!configured) undo_tunnel();
  return configured;
}

IoResult<void> HostState::tell_scripts(const std::map<std::string, std::string>& words) {
  for (HostChange& change : changes(Layer::inside)) {
    ScriptChange* const script = std::get_if<ScriptChange>(&change);
    if (script == nullptr) continue;
    for (const auto& [name, value] : words)
      script->undo.environment.insert_or_assign(name, value);
  }
  return write_journal();
}

UndoReport HostState::undo_tunnel() {
  configured_.reset();
  server_route_.reset();
  return undo_from(Layer::outside);
}

UndoReport HostState::undo_all() {
  configured_.reset();
  server_route_.reset();
  UndoReport report = undo_from(Layer::mark);
  tables_.reset();
  if (stuck_.empty()) journal_.discard();
  return report;
}

IoResult<void> HostState::configure_inside(const TunnelSettings& settings) {
  const auto link = netlink_.link(settings.device);
  if (!link) return std::unexpected(link.error());
  if (auto up = change(Layer::inside, LinkChange{.device = settings.device,
                                                 .name = link->name,
                                                 .mtu = settings.mtu,
                                                 .mtu_before = link->mtu});
      !up)
    return up;

  if (auto addresses = add_addresses(settings); !addresses) return addresses;

  if (settings.routes_by_script) return {};
  // The kernel makes this one with the address.
  std::vector<Ipv4Prefix> present;
  if (settings.peer && settings.peer != settings.server) present.emplace_back(*settings.peer);
  for (const Ipv4Prefix& destination : settings.routes) {
    if (std::ranges::find(present, destination) != present.end()) continue;
    present.push_back(destination);
    if (auto route = change(
            Layer::inside,
            Route{.destination = destination, .device = settings.device, .source = settings.local});
        !route) {
      IoError error = std::move(route).error();
      if (error.error == EEXIST)
        error.hint = "there is a route to exactly " + destination.text() +
                     " already (ip route show " + destination.text() +
                     "): remove it, or take it out of network.routes";
      return std::unexpected(std::move(error));
    }
  }
  if (settings.default_route) return add_default_route(settings);
  return {};
}

IoResult<void> HostState::add_addresses(const TunnelSettings& settings) {
  // A server may name its outer address as its inner one. The kernel's own route to the peer leads
  // every program's packets to it into the tunnel; ours, which carry it, are kept out of it by
  // their mark, and by nothing else.
  if (auto address =
          change(Layer::inside,
                 InterfaceAddress{.device = settings.device,
                                  .local = settings.local,
                                  .peer = settings.peer,
                                  .peer_route = tables_ || settings.peer != settings.server});
      !address)
    return address;

  for (const Ipv4Address& former : settings.former) {
    if (auto added = change(
            Layer::inside,
            InterfaceAddress{.device = settings.device, .local = former, .peer_route = false});
        !added)
      return added;
  }
  return {};
}

IoResult<void> HostState::keep_server_outside(const TunnelSettings& settings) {
  const Ipv4Address server = settings.server;
  // With our mark, because that is how the control connection went.
  const auto way = netlink_.route_to(server, tables_ ? tables_->mark : 0);
  if (!way) return std::unexpected(way.error());
  // The table for the host's own addresses is looked up before any other.
  if (way->local) return {};
  auto in_main = route_in_main(server, settings.device);
  if (!in_main) return std::unexpected(in_main.error());
  return take_way({.tunnel = settings.device,
                   .route = {.destination = Ipv4Prefix(server),
                             .table = tables_ ? tables_->server : kMainTable,
                             .device = way->device,
                             .gateway = way->gateway,
                             .gateway6 = way->gateway6,
                             .source = way->source,
                             .mtu = way->route_mtu},
                   .in_main = *std::move(in_main),
                   .strict_reverse_path = false});
}

IoResult<void> HostState::take_way(const ServerRoute& way) {
  auto added = change(Layer::outside, way.route);
  if (!tables_ && !added && added.error().error == EEXIST) {
    // A host route that is there already does what ours would have done.
    return {};
  }
  if (!added) return added;
  server_route_ = way;
  if (!tables_) return {};

  // Before any tunnel's default route, and before the main table, whose routes into the tunnel may
  // cover the server.
  if (auto last = change(Layer::outside, Rule{.priority = kUnreachablePriority,
                                              .table = 0,
                                              .mark = tables_->mark,
                                              .unreachable = true});
      !last)
    return last;
  return admit_server(way.route);
}

IoResult<void> HostState::admit_server(const Route& to_server) {
  // What arrives is checked without a mark, so that for packets from the server, and from the
  // gateway, which has to find us by ARP, the unmarked way back must not lead into the tunnel.
  const auto device = netlink_.link(to_server.device);
  if (!device) return std::unexpected(device.error());
  if (!has_strict_reverse_path(device->name)) return {};
  if (!server_route_->strict_reverse_path) {
    if (auto rule = change(Layer::outside, Rule{.priority = kServerPriority,
                                                .table = tables_->server,
                                                .to = to_server.destination});
        !rule &&
        rule.error().error != EEXIST)  // a former address of the server's has its rule still
      return rule;
    server_route_->strict_reverse_path = true;
  }
  return admit_gateway(to_server);
}

IoResult<void> HostState::admit_gateway(const Route& to_server) {
  if (!to_server.gateway) return {};
  const Ipv4Prefix gateway(*to_server.gateway);
  const Route to_gateway{.destination = gateway,
                         .table = tables_->server,
                         .device = to_server.device,
                         .source = to_server.source};
  const Rule rule{.priority = kServerPriority, .table = tables_->server, .to = gateway};
  for (const HostChange& wanted : {HostChange(to_gateway), HostChange(rule)}) {
    // The gateway of a way that is used again may have its rule still, without the route.
    if (auto added = change(Layer::outside, wanted); !added && added.error().error != EEXIST)
      return added;
  }
  return {};
}

IoResult<std::optional<Route>> HostState::route_in_main(Ipv4Address server, unsigned tunnel) {
  const auto routes = netlink_.routes(kMainTable);
  if (!routes) return std::unexpected(routes.error());
  std::optional<Route> best;
  for (const Route& route : *routes) {
    if (route.device == tunnel || !route.destination.contains(server)) continue;
    // One with several next hops, which this cannot tell.
    if (route.device == 0) continue;
    // Without a table of our own, it is there that ours is.
    if (server_route_ && route == server_route_->route) continue;
    const auto length = route.destination.length();
    if (!best || length > best->destination.length() ||
        (length == best->destination.length() && route.metric < best->metric))
      best = route;
  }
  return best;
}

IoResult<bool> HostState::refresh_server_route() {
  if (!server_route_) return false;
  const Route before = server_route_->route;
  const auto present = netlink_.routes(before.table);
  if (!present) return std::unexpected(present.error());
  const bool stands =
      std::ranges::find(*present, before.destination, &Route::destination) != present->end();
  auto in_main = route_in_main(before.destination.address(), server_route_->tunnel);
  if (!in_main) return std::unexpected(in_main.error());
  // The way in use need not be the main table's: another tunnel, or other rules, may know better.
  if (stands && (!*in_main || *in_main == server_route_->in_main)) return false;
  if (!*in_main) return failure(ENETUNREACH, "no route to " + before.destination.address().text());

  const Route after = by_the_way_of(before, **in_main);
  if (auto replaced = replace(before, after); !replaced) return std::unexpected(replaced.error());
  server_route_->route = after;
  server_route_->in_main = *std::move(in_main);
  if (tables_) {
    if (auto admitted = admit_server(after); !admitted) return std::unexpected(admitted.error());
  }
  return true;
}

IoResult<void> HostState::move_server(Ipv4Address server) {
  if (!configured_ || configured_->server == server) return {};
  const auto way = netlink_.route_to(server, tables_ ? tables_->mark : 0);
  if (!way || !way->local) {
    auto in_main = route_in_main(server, configured_->device);
    if (!in_main) return std::unexpected(in_main.error());
    if (!*in_main) return failure(ENETUNREACH, "no route to " + server.text());
    const ServerRoute after{
        .tunnel = configured_->device,
        .route = by_the_way_of(
            {.destination = Ipv4Prefix(server), .table = tables_ ? tables_->server : kMainTable},
            **in_main),
        .in_main = *in_main,
        .strict_reverse_path = false};
    if (auto moved = change_way(after); !moved) return moved;
  }
  configured_->server = server;
  return {};
}

IoResult<void> HostState::change_way(const ServerRoute& after) {
  if (!server_route_) return take_way(after);
  // A host route that is there already is somebody else's, and as good as ours.
  const bool has_host_route = !tables_ && after.in_main->destination == after.route.destination;
  if (has_host_route) return {};
  const ServerRoute before = *server_route_;
  if (auto replaced = replace(before.route, after.route); !replaced) return replaced;
  server_route_ = after;
  if (!tables_) return {};
  auto admitted = admit_server(after.route);
  if (!admitted && replace(after.route, before.route)) server_route_ = before;
  return admitted;
}

IoResult<void> HostState::replace(const Route& before, const Route& after) {
  // Both are in the journal while it is not certain which of them stands; and one of them does,
  // whatever fails.
  if (auto written = journal_.append(to_json(after)); !written) return written;
  const bool beside = before.destination != after.destination;
  auto applied = beside ? apply(netlink_, after) : netlink_.replace_route(after);
  if (applied) {
    // It keeps its place, so that the tunnel's routes are undone before it.
    std::ranges::replace(changes(Layer::outside), HostChange(before), HostChange(after));
    if (beside && !undo_one(netlink_, before).failed.empty()) stuck_.push_back(to_json(before));
  }
  if (auto written = write_journal(); applied && !written) return written;
  return applied;
}

IoResult<void> HostState::add_default_route(const TunnelSettings& settings) {
  const Route route{.device = settings.device, .source = settings.local};
  if (!tables_) {
    // Two halves are more special than any default route, and leave it as it is.
    for (const Ipv4Address half : {Ipv4Address(0, 0, 0, 0), Ipv4Address(128, 0, 0, 0)}) {
      Route to_half = route;
      to_half.destination = Ipv4Prefix::holding(half, 1);
      if (auto added = change(Layer::inside, to_half); !added) return added;
    }
    return {};
  }
  // The main table without its default routes first, so that everything it knows better stays;
  // then the tunnel. The main table's own default route is never reached, and never touched.
  Route in_own_table = route;
  in_own_table.table = tables_->default_route;
  if (auto added = change(Layer::inside, in_own_table); !added) return added;
  if (auto last = change(Layer::inside, Rule{.priority = tables_->default_priority,
                                             .table = tables_->default_route});
      !last)
    return last;
  return change(Layer::inside, Rule{.priority = tables_->default_priority - 1,
                                    .table = kMainTable,
                                    .suppress_prefix_length = 0});
}

std::vector<HostChange>& HostState::changes(Layer layer) noexcept {
  return changes_[static_cast<std::size_t>(layer)];
}

bool HostState::stands(Layer layer, const HostChange& change) {
  return std::ranges::find(changes(layer), change) != changes(layer).end();
}

IoResult<void> HostState::change(Layer layer, const HostChange& change) {
  if (auto written = journal_.append(to_json(change)); !written) return written;
  auto applied = apply(netlink_, change);
  if (!applied) {
    // Half of a change may stand; one that another's stands in the way of must be forgotten.
    if (applied.error().error != EEXIST) undo_one(netlink_, change);
    (void)write_journal();
    return applied;
  }
  changes(layer).push_back(change);
  return {};
}

UndoReport HostState::undo_from(Layer first) {
  // With another try at what could not be undone before.
  for (std::size_t layer = static_cast<std::size_t>(first); layer < changes_.size(); ++layer) {
    std::ranges::transform(changes_[layer], std::back_inserter(stuck_), to_json);
    changes_[layer].clear();
  }
  UndoReport report = undo_records(netlink_, stuck_);
  if (const auto written = write_journal(); !written) report.failed.push_back(written.error());
  return report;
}

IoResult<void> HostState::write_journal() {
  std::vector<nlohmann::json> records = stuck_;
  for (const std::vector<HostChange>& layer : changes_)
    std::ranges::transform(layer, std::back_inserter(records), to_json);
  return journal_.rewrite(records);
}

}  // namespace pptp::io
