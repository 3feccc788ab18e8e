// The demonstration with a server and a client that claim to encipher and do not: everything goes
// over the wire as it is. A tap that reports nothing here would report nothing anywhere.

#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "apps/address_text.h"
#include "apps/commands.h"
#include "apps/status_report.h"
#include "tunnel/io/control_server.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/runtime_dir.h"
#include "tunnel/io/socket_address.h"
#include "tunnel/io/unique_fd.h"

namespace {

using namespace pptp;

constexpr Ipv4Address kServer(10, 99, 0, 1);
constexpr Ipv4Address kClient(10, 99, 0, 10);

io::RuntimeDir runtime_dir() {
  return io::RuntimeDir::open(io::RuntimeDir::default_path().value()).value();
}

/// Gives the end of the cable an inner address, and sends to the other inner address through it.
bool route_in_clear(const char* device, Ipv4Address mine, Ipv4Address theirs, Ipv4Address gateway) {
  auto netlink = io::Netlink::open();
  const auto link = netlink->link(device);
  if (!link) return false;
  io::InterfaceAddress address;
  address.device = link->index;
  address.local = mine;
  io::Route route;
  route.destination = io::Ipv4Prefix(theirs);
  route.device = link->index;
  route.gateway = gateway;
  route.source = mine;
  return netlink->add_address(address) && netlink->add_route(route);
}

int serve() {
  if (!route_in_clear("to-client", kServer, kClient, Ipv4Address(192, 0, 2, 2))) return 1;
  const io::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in any = io::to_sockaddr(Ipv4Address());
  any.sin_port = htons(app::kPptpPort);
  if (::bind(fd.fd(), io::generic(any), sizeof any) != 0 || ::listen(fd.fd(), 1) != 0) return 1;
  return ::pause();
}

app::StatusReport enciphered_report() {
  app::StatusReport report;
  report.profile = "demo";
  report.state = app::CallState::up;
  report.interface = "pptp0";
  report.local = kClient.text();
  report.peer = kServer.text();
  report.mtu = 1456;
  report.auth = "mschapv2";
  report.mppe = app::StatusReport::Encryption{};
  return report;
}

int connect() {
  if (!route_in_clear("to-server", kClient, kServer, Ipv4Address(192, 0, 2, 1))) return 1;
  io::EventLoop loop;
  const io::RuntimeDir directory = runtime_dir();
  const io::ProfileLock lock = directory.lock("demo").value();
  const auto answer = [&](const nlohmann::json& request) {
    if (request.at("command") == "disconnect") loop.stop();
    return app::to_json(enciphered_report());
  };
  const auto control = io::ControlServer::open(loop, directory, lock, answer);
  loop.run();
  return control ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view command = count > 1 ? words[1] : "demo";
  if (command == "serve") return serve();
  if (command == "connect") return connect();
  if (command == "disconnect") return app::run_disconnect({.profile = "demo"}, {});
  return app::run_demo({.seconds = 1, .json = true}, {});
}
