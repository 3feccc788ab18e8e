#include "tunnel/io/host_state.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <ranges>
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
// tunnel's server before any tunnel's default route.
constexpr std::uint32_t kServerPriority = 28'000;
constexpr std::uint32_t kUnreachablePriority = kServerPriority + 1;
constexpr std::uint32_t kLastDefaultPriority = 28'788;
constexpr std::uint32_t kGuardPriority = 28'790;

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

bool has_no_rules(int error) noexcept {
  return error == EOPNOTSUPP || error == EAFNOSUPPORT;
}

UndoReport undo_one(Netlink& netlink, const HostChange& change) {
  UndoReport report;
  const auto result = undo(netlink, change);
  if (!result) {
    const bool script = result.error().fault == IoFault::script_failed;
    (script ? report.scripts : report.failed).push_back(result.error());
    return report;
  }
  switch (*result) {
    case Undone::undone:
      ++report.undone;
      break;
    case Undone::gone:
      ++report.gone;
      break;
    case Undone::left_alone:
      report.left_alone.push_back(describe(change));
      break;
  }
  return report;
}

/// Undoes changes as the journal has them, last first. Those that could not be undone are left, and
/// so are those that this program cannot read: another version of it may.
UndoReport undo_records(Netlink& netlink, std::vector<nlohmann::json>& records) {
  UndoReport report;
  std::vector<nlohmann::json> failed;
  for (nlohmann::json& record : records | std::views::reverse) {
    UndoReport one;
    if (const auto change = host_change_from_json(record))
      one = undo_one(netlink, *change);
    else
      one.failed.push_back(change.error());
    if (!one.failed.empty()) failed.push_back(std::move(record));
    report += one;
  }
  records.assign(std::make_move_iterator(failed.rbegin()), std::make_move_iterator(failed.rend()));
  return report;
}

/// What a dead process has left in a profile's journals.
struct Leftovers {
  UndoReport report;
  std::vector<nlohmann::json> stuck;  ///< records of what could not be undone
};

/// Undoes what one journal says, and removes it unless something failed. `path` must not be a
/// journal of another namespace in this boot.
IoResult<void> undo_journal(const std::string& path, const JournalContents& contents,
                            const JournalOwner& here, Leftovers& leftovers) {
  std::vector<nlohmann::json> records = contents.records;
  // A boot undoes everything.
  if (contents.owner.boot_id != here.boot_id) records.clear();
  if (!records.empty()) {
    auto netlink = Netlink::open();
    if (!netlink) return std::unexpected(netlink.error());
    leftovers.report += undo_records(*netlink, records);
  }
  std::error_code ignored;
  if (records.empty()) std::filesystem::remove(path, ignored);
  leftovers.stuck.insert(leftovers.stuck.begin(), std::make_move_iterator(records.begin()),
                         std::make_move_iterator(records.end()));
  return {};
}

/// As recover(), and tells what it could not undo.
IoResult<Leftovers> undo_leftovers(const RuntimeDir& directory, const ProfileLock& lock) {
  const JournalOwner here = JournalOwner::this_process();
  Leftovers leftovers;
  // Last the one that had to make way: its changes are the older ones.
  for (const std::string& journal :
       {directory.journal_path(lock.profile()),
        directory.journal_path(lock.profile(), here.network_namespace)}) {
    const auto contents = read_journal(journal);
    if (!contents) {
      if (contents.error().error == ENOENT) continue;
      if (contents.error().fault != IoFault::bad_message) return std::unexpected(contents.error());
      leftovers.report.failed.push_back(contents.error());
      continue;
    }
    const JournalOwner& owner = contents->owner;
    if (owner.runs_elsewhere())
      return failure(IoFault::already_locked, "process " + std::to_string(owner.pid) +
                                                  " runs profile '" + lock.profile() +
                                                  "', though its lock is gone");
    if (owner.boot_id == here.boot_id && owner.network_namespace != here.network_namespace) {
      const std::string there = directory.journal_path(lock.profile(), owner.network_namespace);
      if (std::rename(journal.c_str(), there.c_str()) != 0)
        return failure(errno, "cannot rename " + journal);
      leftovers.report.elsewhere += contents->records.size();
      continue;
    }
    if (auto undone = undo_journal(journal, *contents, here, leftovers); !undone)
      return std::unexpected(undone.error());
  }
  return leftovers;
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

UndoReport& UndoReport::operator+=(const UndoReport& other) {
  undone += other.undone;
  gone += other.gone;
  elsewhere += other.elsewhere;
  left_alone.insert(left_alone.end(), other.left_alone.begin(), other.left_alone.end());
  failed.insert(failed.end(), other.failed.begin(), other.failed.end());
  scripts.insert(scripts.end(), other.scripts.begin(), other.scripts.end());
  return *this;
}

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
          .default_priority = kLastDefaultPriority - 2 * slot};
}

IoResult<std::optional<std::uint32_t>> HostState::reserve_mark() {
  if (tables_) return tables_->mark;
  const auto rules = netlink_.rules();
  if (!rules) {
    if (has_no_rules(rules.error().error)) return std::nullopt;
    return std::unexpected(rules.error());
  }
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    const Tables tables = tables_of_slot(slot);
    const auto free = is_free(tables, *rules);
    if (!free) return std::unexpected(free.error());
    if (!*free) continue;
    const auto claimed =
        change(Rule{.priority = kServerPriority, .table = tables.server, .mark = tables.mark});
    if (claimed) {
      tables_ = tables;
      tunnel_begins_at_ = changes_.size();
      return tables.mark;
    }
    // Another tunnel was faster; adding a rule is what decides it.
    if (claimed.error().error == EEXIST) continue;
    if (has_no_rules(claimed.error().error)) return std::nullopt;
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
  auto configured = configure(settings);
  if (!configured) undo_tunnel();
  return configured;
}

IoResult<void> HostState::reconfigure_tunnel(const TunnelSettings& settings) {
  TunnelSettings guarded = settings;
  guarded.default_route |= configured_.default_route;
  guarded.routes.insert(guarded.routes.end(), configured_.routes.begin(), configured_.routes.end());
  const std::vector<HostChange> guard = raise_guard(guarded);
  undo_tunnel();
  auto configured = configure_tunnel(settings);
  lower_guard(guard);
  return configured;
}

/// Rules that let nothing through to where the tunnel leads, but by what the main table knows in
/// more detail. They are before the tunnel's changes, so that undoing those leaves them.
std::vector<HostChange> HostState::raise_guard(const TunnelSettings& settings) {
  std::vector<HostChange> guard;
  if (!tables_) return guard;
  std::vector<Ipv4Prefix> destinations = settings.routes;
  if (settings.default_route) destinations.emplace_back();
  // The way to the server is about to be looked up.
  std::vector<Rule> rules = {
      {.priority = kGuardPriority - 1, .table = kMainTable, .mark = tables_->mark}};
  for (const Ipv4Prefix& destination : destinations) {
    const std::optional<Ipv4Prefix> to =
        destination.length() == 0 ? std::nullopt : std::optional(destination);
    rules.push_back({.priority = kGuardPriority,
                     .table = kMainTable,
                     .to = to,
                     .suppress_prefix_length = destination.length()});
    rules.push_back({.priority = kGuardPriority + 1, .table = 0, .to = to, .unreachable = true});
  }
  for (const Rule& rule : rules) {
    // One that is there already guards as well, and is not ours to remove.
    if (!change(rule)) continue;
    std::rotate(changes_.begin() + static_cast<std::ptrdiff_t>(tunnel_begins_at_),
                changes_.end() - 1, changes_.end());
    ++tunnel_begins_at_;
    guard.emplace_back(rule);
  }
  return guard;
}

void HostState::lower_guard(const std::vector<HostChange>& guard) {
  for (const HostChange& rule : guard | std::views::reverse) {
    const UndoReport undone = undo_one(netlink_, rule);
    std::erase(changes_, rule);
    --tunnel_begins_at_;
    if (!undone.failed.empty()) stuck_.push_back(to_json(rule));
  }
  (void)write_journal();
}

IoResult<void> HostState::tell_scripts(const std::map<std::string, std::string>& words) {
  for (HostChange& change : changes_) {
    ScriptChange* const script = std::get_if<ScriptChange>(&change);
    if (script == nullptr) continue;
    for (const auto& [name, value] : words)
      script->undo.environment.insert_or_assign(name, value);
  }
  return write_journal();
}

UndoReport HostState::undo_tunnel() {
  server_route_.reset();
  return undo_to(tunnel_begins_at_);
}

UndoReport HostState::undo_all() {
  server_route_.reset();
  UndoReport report = undo_to(0);
  tunnel_begins_at_ = 0;
  tables_.reset();
  if (stuck_.empty()) journal_.discard();
  return report;
}

IoResult<void> HostState::configure(const TunnelSettings& settings) {
  if (auto outside = keep_server_outside(settings); !outside) return outside;

  const auto link = netlink_.link(settings.device);
  if (!link) return std::unexpected(link.error());
  if (auto up = change(LinkChange{.device = settings.device,
                                  .name = link->name,
                                  .mtu = settings.mtu,
                                  .mtu_before = link->mtu});
      !up)
    return up;

  if (auto addresses = add_addresses(settings); !addresses) return addresses;

  // The kernel makes this one with the address.
  std::vector<Ipv4Prefix> present;
  if (settings.peer && settings.peer != settings.server) present.emplace_back(*settings.peer);
  for (const Ipv4Prefix& destination : settings.routes) {
    if (std::ranges::find(present, destination) != present.end()) continue;
    present.push_back(destination);
    if (auto route = change(
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
  // A server may name its outer address as its inner one. The kernel's own route to the peer would
  // then lead every program's packets to the server into the tunnel, and ours too without a mark.
  if (auto address = change(InterfaceAddress{.device = settings.device,
                                             .local = settings.local,
                                             .peer = settings.peer,
                                             .peer_route = settings.peer != settings.server});
      !address)
    return address;

  for (const Ipv4Address& former : settings.former) {
    if (auto added = change(
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

  const Route to_server{.destination = Ipv4Prefix(server),
                        .table = tables_ ? tables_->server : kMainTable,
                        .device = way->device,
                        .gateway = way->gateway,
                        .gateway6 = way->gateway6,
                        .source = way->source,
                        .mtu = way->route_mtu};
  auto added = change(to_server);
  if (!tables_ && !added && added.error().error == EEXIST) {
    // A host route that is there already does what ours would have done.
    return {};
  }
  if (!added) return added;
  server_route_ = ServerRoute{.tunnel = settings.device,
                              .route = to_server,
                              .in_main = *std::move(in_main),
                              .strict_reverse_path = false};
  if (!tables_) return {};

  // Before any tunnel's default route, and before the main table, whose routes into the tunnel may
  // cover the server.
  if (auto last = change(Rule{.priority = kUnreachablePriority,
                              .table = 0,
                              .mark = tables_->mark,
                              .unreachable = true});
      !last)
    return last;
  return admit_server(to_server);
}

IoResult<void> HostState::admit_server(const Route& to_server) {
  // What arrives is checked without a mark, so that for packets from the server, and from the
  // gateway, which has to find us by ARP, the unmarked way back must not lead into the tunnel.
  const auto device = netlink_.link(to_server.device);
  if (!device) return std::unexpected(device.error());
  if (!has_strict_reverse_path(device->name)) return {};
  if (!server_route_->strict_reverse_path) {
    if (auto rule = change(Rule{
            .priority = kServerPriority, .table = tables_->server, .to = to_server.destination});
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
    if (auto added = change(wanted); !added && added.error().error != EEXIST) return added;
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
  if (!server_route_ || server_route_->route.destination == Ipv4Prefix(server)) return {};
  auto in_main = route_in_main(server, server_route_->tunnel);
  if (!in_main) return std::unexpected(in_main.error());
  if (!*in_main) return failure(ENETUNREACH, "no route to " + server.text());
  Route after = by_the_way_of(server_route_->route, **in_main);
  after.destination = Ipv4Prefix(server);
  if (auto replaced = replace(server_route_->route, after); !replaced) return replaced;
  server_route_->route = after;
  server_route_->in_main = *std::move(in_main);
  // Its rule is for the address that was.
  server_route_->strict_reverse_path = false;
  return tables_ ? admit_server(after) : IoResult<void>{};
}

IoResult<void> HostState::replace(const Route& before, const Route& after) {
  // Both are in the journal while it is not certain which of them stands.
  if (auto written = journal_.append(to_json(after)); !written) return written;
  UndoReport undone = undo_one(netlink_, before);
  if (!undone.failed.empty()) return std::unexpected(std::move(undone.failed.front()));
  auto applied = apply(netlink_, after);
  // It keeps its place, so that the tunnel's routes are undone before it.
  if (applied) std::ranges::replace(changes_, HostChange(before), HostChange(after));
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
      if (auto added = change(to_half); !added) return added;
    }
    return {};
  }
  // The main table without its default routes first, so that everything it knows better stays;
  // then the tunnel. The main table's own default route is never reached, and never touched.
  Route in_own_table = route;
  in_own_table.table = tables_->default_route;
  if (auto added = change(in_own_table); !added) return added;
  if (auto last =
          change(Rule{.priority = tables_->default_priority, .table = tables_->default_route});
      !last)
    return last;
  return change(Rule{
      .priority = tables_->default_priority - 1, .table = kMainTable, .suppress_prefix_length = 0});
}

IoResult<void> HostState::change(const HostChange& change) {
  if (auto written = journal_.append(to_json(change)); !written) return written;
  auto applied = apply(netlink_, change);
  if (!applied) {
    // Half of a change may stand; one that another's stands in the way of must be forgotten.
    if (applied.error().error != EEXIST) undo_one(netlink_, change);
    (void)write_journal();
    return applied;
  }
  changes_.push_back(change);
  return {};
}

UndoReport HostState::undo_to(std::size_t depth) {
  // With another try at what could not be undone before.
  const auto first = changes_.begin() + static_cast<std::ptrdiff_t>(depth);
  std::ranges::transform(first, changes_.end(), std::back_inserter(stuck_), to_json);
  changes_.erase(first, changes_.end());
  UndoReport report = undo_records(netlink_, stuck_);
  if (const auto written = write_journal(); !written) report.failed.push_back(written.error());
  return report;
}

IoResult<void> HostState::write_journal() {
  std::vector<nlohmann::json> records = stuck_;
  std::ranges::transform(changes_, std::back_inserter(records), to_json);
  return journal_.rewrite(records);
}

IoResult<UndoReport> recover(const RuntimeDir& directory, const ProfileLock& lock) {
  auto leftovers = undo_leftovers(directory, lock);
  if (!leftovers) return std::unexpected(std::move(leftovers).error());
  return std::move(leftovers->report);
}

std::vector<Recovered> recover_all(const RuntimeDir& directory) {
  std::vector<Recovered> all;
  for (std::string& profile : directory.profiles_with_journal()) {
    if (directory.is_locked(profile)) continue;
    const auto lock = directory.lock(profile);
    if (!lock) continue;
    auto result = recover(directory, *lock);
    all.push_back({std::move(profile), std::move(result)});
  }
  return all;
}

}  // namespace pptp::io
