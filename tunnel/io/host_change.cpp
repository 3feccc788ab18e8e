#include "tunnel/io/host_change.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/bytes.h"

namespace pptp::io {
namespace {

using nlohmann::json;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

/// Turns a failed deletion into what it means. `similar` looks whether something stands where ours
/// stood.
template <class Similar>
IoResult<Undone> deleted(const IoResult<void>& result, const Similar& similar) {
  if (result) return Undone::undone;
  switch (result.error().error) {
    case ENODEV:
    case ENXIO:
      return Undone::gone;
    case ESRCH:
    case ENOENT:
    case EADDRNOTAVAIL:
      break;
    default:
      return std::unexpected(result.error());
  }
  const IoResult<bool> found = similar();
  if (!found) return std::unexpected(found.error());
  return *found ? Undone::left_alone : Undone::gone;
}

IoResult<Undone> undo_link(Netlink& netlink, const LinkChange& change) {
  const auto now = netlink.link(change.device);
  if (!now) {
    if (now.error().error == ENODEV) return Undone::gone;
    return std::unexpected(now.error());
  }
  if (!now->up && now->mtu == change.mtu_before) return Undone::gone;
  if (now->name != change.name || now->mtu != change.mtu) return Undone::left_alone;
  if (auto down = netlink.set_link_up(change.device, false); !down)
    return std::unexpected(down.error());
  if (auto mtu = netlink.set_link_mtu(change.device, change.mtu_before); !mtu)
    return std::unexpected(mtu.error());
  return Undone::undone;
}

IoResult<Undone> undo_address(Netlink& netlink, const InterfaceAddress& address) {
  return deleted(netlink.delete_address(address), [&]() -> IoResult<bool> {
    const auto present = netlink.addresses(address.device);
    if (!present) return std::unexpected(present.error());
    return std::ranges::find(*present, address.local, &InterfaceAddress::local) != present->end();
  });
}

IoResult<Undone> undo_route(Netlink& netlink, const Route& route) {
  return deleted(netlink.delete_route(route), [&]() -> IoResult<bool> {
    const auto present = netlink.routes(route.table);
    if (!present) return std::unexpected(present.error());
    return std::ranges::any_of(*present, [&](const Route& other) {
      return other.destination == route.destination && other.metric == route.metric;
    });
  });
}

IoResult<Undone> undo_route(Netlink& netlink, const Ipv6Route& route) {
  return deleted(netlink.delete_route(route), [&]() -> IoResult<bool> {
    const auto present = netlink.ipv6_routes(route.table);
    if (!present) return std::unexpected(present.error());
    return std::ranges::find(*present, route) != present->end();
  });
}

IoResult<Undone> undo_rule(Netlink& netlink, const Rule& rule) {
  return deleted(netlink.delete_rule(rule), [&]() -> IoResult<bool> {
    const auto present = netlink.rules();
    if (!present) return std::unexpected(present.error());
    return std::ranges::any_of(*present, [&](const Rule& other) {
      return other.ipv6 == rule.ipv6 && other.priority == rule.priority &&
             other.mark == rule.mark && other.to == rule.to;
    });
  });
}

template <class Value>
void put(json& object, const char* key, const std::optional<Value>& value) {
  if (!value) return;
  if constexpr (requires { value->text(); })
    object[key] = value->text();
  else
    object[key] = *value;
}

// json's exceptions, and these, mean a record that to_json() did not write.
Ipv4Address address_in(const json& text) {
  const auto address = parse_ipv4(text.get_ref<const std::string&>());
  if (!address) throw std::invalid_argument("address");
  return *address;
}

Ipv4Prefix prefix_in(const json& text) {
  const auto prefix = parse_ipv4_prefix(text.get_ref<const std::string&>());
  if (!prefix) throw std::invalid_argument("prefix");
  return *prefix;
}

Ipv6Octets ipv6_in(const json& digits) {
  const auto octets = from_hex(digits.get_ref<const std::string&>());
  Ipv6Octets out{};
  if (!octets || octets->size() != out.size()) throw std::invalid_argument("IPv6 address");
  std::ranges::copy(as_bytes(*octets), out.begin());
  return out;
}

template <class Read>
auto optional_in(const json& object, const char* key, const Read& read)
    -> std::optional<decltype(read(object))> {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  return read(*found);
}

std::uint32_t number_in(const json& number) {
  return number.get<std::uint32_t>();
}

bool flag_in(const json& flag) {
  return flag.get<bool>();
}

HostChange link_from_json(const json& object) {
  LinkChange change;
  change.device = object.at("device");
  change.name = object.at("name");
  change.mtu = object.at("mtu");
  change.mtu_before = object.at("mtu_before");
  return change;
}

HostChange address_from_json(const json& object) {
  InterfaceAddress address;
  address.device = object.at("device");
  address.local = address_in(object.at("local"));
  address.peer = optional_in(object, "peer", address_in);
  address.peer_route = object.at("peer_route");
  return address;
}

HostChange route_from_json(const json& object) {
  Route route;
  route.destination = prefix_in(object.at("destination"));
  route.table = object.at("table");
  route.device = object.at("device");
  route.gateway = optional_in(object, "gateway", address_in);
  route.gateway6 = optional_in(object, "gateway6", ipv6_in);
  route.source = optional_in(object, "source", address_in);
  route.metric = object.at("metric");
  route.mtu = object.at("mtu");
  route.protocol = object.at("protocol");
  return route;
}

HostChange ipv6_route_from_json(const json& object) {
  Ipv6Route route;
  route.destination = ipv6_in(object.at("destination"));
  route.length = object.at("length");
  route.table = object.at("table");
  route.device = object.at("device");
  return route;
}

HostChange rule_from_json(const json& object) {
  Rule rule;
  rule.ipv6 = optional_in(object, "ipv6", flag_in).value_or(false);
  rule.priority = object.at("priority");
  rule.table = object.at("table");
  rule.mark = optional_in(object, "mark", number_in);
  rule.mark_mask = object.at("mark_mask");
  rule.to = optional_in(object, "to", prefix_in);
  rule.suppress_prefix_length = optional_in(object, "suppress_prefix_length", number_in);
  rule.unreachable = optional_in(object, "unreachable", flag_in).value_or(false);
  rule.protocol = object.at("protocol");
  return rule;
}

std::string_view word_for(NameServers::Keeper keeper) {
  switch (keeper) {
    case NameServers::Keeper::resolved:
      return "resolved";
    case NameServers::Keeper::resolvconf:
      return "resolvconf";
    case NameServers::Keeper::file:
      return "file";
  }
  return "?";
}

HostChange name_servers_from_json(const json& object) {
  NameServers change;
  const auto keeper = object.at("keeper").get<std::string>();
  for (const auto each : {NameServers::Keeper::resolved, NameServers::Keeper::resolvconf}) {
    if (keeper == word_for(each)) change.keeper = each;
  }
  if (keeper != word_for(change.keeper)) throw std::invalid_argument("keeper");
  change.device = object.at("device");
  change.record = object.at("record");
  change.program = object.at("program");
  change.file.path = object.at("path");
  change.file.state_folder = object.at("state_folder");
  for (const json& server : object.at("servers"))
    change.servers.push_back(address_in(server));
  return change;
}

HostChange script_from_json(const json& object) {
  ScriptChange change;
  change.undo.program = object.at("program");
  change.undo.arguments = object.at("arguments").get<std::vector<std::string>>();
  change.undo.environment = object.at("environment").get<std::map<std::string, std::string>>();
  return change;
}

}  // namespace

IoResult<void> apply(Netlink& netlink, const HostChange& change) {
  return std::visit(
      Overloaded{[&](const LinkChange& link) -> IoResult<void> {
                   if (auto mtu = netlink.set_link_mtu(link.device, link.mtu); !mtu) return mtu;
                   // Nobody has negotiated IPv6: the kernel's own solicitations would go nowhere.
                   // Where this fails they do, and are dropped.
                   (void)netlink.set_no_ipv6_autoconfiguration(link.device);
                   return netlink.set_link_up(link.device, true);
                 },
                 [&](const InterfaceAddress& address) { return netlink.add_address(address); },
                 [&](const Route& route) { return netlink.add_route(route); },
                 [&](const Ipv6Route& route) { return netlink.add_route(route); },
                 [&](const Rule& rule) { return netlink.add_rule(rule); },
                 [](const NameServers& servers) { return apply(servers); },
                 [](const ScriptChange&) { return IoResult<void>(); }},
      change);
}

IoResult<Undone> undo(Netlink& netlink, const HostChange& change) {
  return std::visit(
      Overloaded{[&](const LinkChange& link) { return undo_link(netlink, link); },
                 [&](const InterfaceAddress& address) { return undo_address(netlink, address); },
                 [&](const Route& route) { return undo_route(netlink, route); },
                 [&](const Ipv6Route& route) { return undo_route(netlink, route); },
                 [&](const Rule& rule) { return undo_rule(netlink, rule); },
                 [](const NameServers& servers) { return undo(servers); },
                 [](const ScriptChange& script) -> IoResult<Undone> {
                   const auto ran = run(script.undo, kScriptLimit);
                   if (!ran) return std::unexpected(ran.error());
                   return Undone::undone;
                 }},
      change);
}

std::string describe(const HostChange& change) {
  return std::visit(
      Overloaded{[](const LinkChange& link) { return "interface " + link.name; },
                 [](const InterfaceAddress& address) { return "address " + address.local.text(); },
                 [](const Route& route) {
                   std::string text = "route " + route.destination.text();
                   if (route.table != kMainTable) text += " table " + std::to_string(route.table);
                   return text;
                 },
                 [](const Ipv6Route& route) { return "route " + text(route); },
                 [](const Rule& rule) {
                   const std::string text =
                       (rule.ipv6 ? "IPv6 rule " : "rule ") + std::to_string(rule.priority);
                   if (rule.unreachable) return text + " unreachable";
                   return text + " lookup table " + std::to_string(rule.table);
                 },
                 [](const NameServers& servers) {
                   return servers.keeper == NameServers::Keeper::file
                              ? "the name servers in " + servers.file.path
                              : std::string("name servers");
                 },
                 [](const ScriptChange& script) { return "what " + script.undo.program + " did"; }},
      change);
}

json to_json(const HostChange& change) {
  return std::visit(
      Overloaded{[](const LinkChange& link) -> json {
                   return {{"change", "link"},
                           {"device", link.device},
                           {"name", link.name},
                           {"mtu", link.mtu},
                           {"mtu_before", link.mtu_before}};
                 },
                 [](const InterfaceAddress& address) -> json {
                   json object = {{"change", "address"},
                                  {"device", address.device},
                                  {"local", address.local.text()},
                                  {"peer_route", address.peer_route}};
                   put(object, "peer", address.peer);
                   return object;
                 },
                 [](const Route& route) -> json {
                   json object = {
                       {"change", "route"},         {"destination", route.destination.text()},
                       {"table", route.table},      {"device", route.device},
                       {"metric", route.metric},    {"mtu", route.mtu},
                       {"protocol", route.protocol}};
                   put(object, "gateway", route.gateway);
                   if (route.gateway6) object["gateway6"] = hex(*route.gateway6);
                   put(object, "source", route.source);
                   return object;
                 },
                 [](const Ipv6Route& route) -> json {
                   return {{"change", "ipv6_route"},
                           {"destination", hex(route.destination)},
                           {"length", route.length},
                           {"table", route.table},
                           {"device", route.device}};
                 },
                 [](const Rule& rule) -> json {
                   json object = {{"change", "rule"},
                                  {"ipv6", rule.ipv6},
                                  {"priority", rule.priority},
                                  {"table", rule.table},
                                  {"mark_mask", rule.mark_mask},
                                  {"unreachable", rule.unreachable},
                                  {"protocol", rule.protocol}};
                   put(object, "mark", rule.mark);
                   put(object, "to", rule.to);
                   put(object, "suppress_prefix_length", rule.suppress_prefix_length);
                   return object;
                 },
                 [](const NameServers& names) -> json {
                   json servers = json::array();
                   for (const Ipv4Address& server : names.servers)
                     servers.push_back(server.text());
                   return {{"change", "name_servers"},
                           {"keeper", word_for(names.keeper)},
                           {"device", names.device},
                           {"record", names.record},
                           {"program", names.program},
                           {"path", names.file.path},
                           {"state_folder", names.file.state_folder},
                           {"servers", servers}};
                 },
                 [](const ScriptChange& script) -> json {
                   return {{"change", "script"},
                           {"program", script.undo.program},
                           {"arguments", script.undo.arguments},
                           {"environment", script.undo.environment}};
                 }},
      change);
}

IoResult<HostChange> host_change_from_json(const json& object) {
  try {
    const std::string& kind = object.at("change").get_ref<const std::string&>();
    if (kind == "link") return link_from_json(object);
    if (kind == "address") return address_from_json(object);
    if (kind == "route") return route_from_json(object);
    if (kind == "ipv6_route") return ipv6_route_from_json(object);
    if (kind == "rule") return rule_from_json(object);
    if (kind == "name_servers") return name_servers_from_json(object);
    if (kind == "script") return script_from_json(object);
  } catch (const json::exception&) {
  } catch (const std::invalid_argument&) {
  }
  return failure(IoFault::bad_message, "not a change that could be undone: " + object.dump());
}

}  // namespace pptp::io
