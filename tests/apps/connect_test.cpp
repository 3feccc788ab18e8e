// `connect` from its beginning to its end, in a process and a network namespace of its own, against
// a server in this process.
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "apps/client_session.h"
#include "apps/commands.h"
#include "tests/apps/fake_server.h"
#include "tests/apps/temporary_folder.h"
#include "tests/io/netns.h"
#include "tunnel/io/control_client.h"

using namespace pptp;
using namespace pptp::app;
using namespace std::chrono_literals;

namespace {

constexpr Ipv4Address kServer(192, 0, 2, 1);
constexpr std::string_view kUp =
    "pptp0 is up: 192.168.77.10 -> 192.168.77.1, MPPE 128 bit stateless, MTU 1456";

/// Two hosts on one wire: the thread is on the server's.
struct Hosts {
  Hosts() {
    run("ip link add eth0 type veth peer name wire netns " + server.path());
    server.enter();
    run("ip address add 192.0.2.1/24 dev wire; ip link set wire up");
    client.enter();
    // The kernel takes a moment to find the carrier.
    run("ip address add 192.0.2.10/24 dev eth0; ip link set eth0 up;"
        "for i in $(seq 200); do ip link show eth0 | grep -q 'state UP' && exit 0; sleep 0.01; "
        "done;"
        "exit 1");
    // A host that answers nothing.
    run("ip neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent");
    before = network_state();
    server.enter();
  }

  /// What happens on the client's host.
  template <class Action>
  auto on_client(Action&& action) const {
    client.enter();
    const auto result = action();
    server.enter();
    return result;
  }

  /// Whether the client's host is as it was before.
  bool clean() const { return on_client(network_state) == before; }

  Netns server;
  Netns client;
  std::string before;
};

/// `connect` in a process of its own on the client's host, which waits for go(). To be made before
/// any EventLoop in this process: Asio's pipe for signals would be shared with it.
class Connect {
 public:
  Connect(const Hosts& hosts, const std::string& profile, bool background) {
    // What it leaves in the background is ours to end.
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    const std::string path = folder_.write("office.toml", profile, 0600);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const io::UniqueFd start(ends[0]);
    go_ = io::UniqueFd(ends[1]);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    go_.reset();
    hosts.client.enter();
    ::setenv("PPTPD_USER_RUNTIME_DIR", runtime_path().c_str(), 1);
    ::setenv("STATE_DIRECTORY", (folder_.path() / "state").c_str(), 1);
    const io::UniqueFd errors(
        ::open(errors_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(errors.fd(), STDERR_FILENO);
    char word = 0;
    if (::read(start.fd(), &word, 1) != 1) ::_exit(1);
    ConnectArguments arguments;
    arguments.profile.profile = path;
    arguments.background = background;
    ::_exit(run_connect(arguments, {}));
  }

  Connect(const Connect&) = delete;
  Connect& operator=(const Connect&) = delete;

  ~Connect() {
    for (const pid_t child : children())
      ::kill(child, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  void go() const { REQUIRE(::write(go_.fd(), "g", 1) == 1); }

  void signal(int number) const { ::kill(pid_, number); }

  /// What it has said.
  std::string errors() const {
    std::stringstream text;
    text << std::ifstream(errors_path()).rdbuf();
    return text.str();
  }

  bool has_said(std::string_view words) const { return errors().find(words) != std::string::npos; }

  bool ended() {
    int status = 0;
    if (!exit_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return exit_.has_value();
  }

  /// The process in the background, while its caller waits for it.
  pid_t background() const {
    const std::string pid = std::to_string(pid_);
    pid_t child = -1;
    std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child;
    return child;
  }

  /// nullopt: it still runs.
  std::optional<int> exit_status() const { return exit_; }

  /// What the process that has the call answers, wherever it runs.
  io::IoResult<nlohmann::json> ask(std::string_view command) const {
    return io::control_request(runtime_path() + "/office.sock", {{"command", command}}, 2s);
  }

  static std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    std::ifstream in("/proc/thread-self/children");
    for (pid_t pid = 0; in >> pid;)
      pids.push_back(pid);
    return pids;
  }

 private:
  std::string errors_path() const { return (folder_.path() / "errors").string(); }

  std::string runtime_path() const { return (folder_.path() / "run").string(); }

  TemporaryFolder folder_;
  io::UniqueFd go_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
};

/// With reconnect off: how a call ends is what is asked here.
std::string profile(std::string_view server = "192.0.2.1", std::string_view password = "secret",
                    int threads = 1) {
  std::string text = "server = \"";
  text.append(server).append("\"\nuser = \"alice\"\npassword = \"").append(password);
  text.append("\"\n[link]\nreconnect = false\nthreads = ").append(std::to_string(threads));
  return text.append("\n");
}

/// Dials when there is something to send, and hangs up when there was nothing for a second.
std::string on_demand(int threads) {
  return profile("192.0.2.1", "secret", threads) +
         "demand = true\nidle-timeout = 1\n[network]\nroutes = [\"192.168.77.0/24\"]\n";
}

/// A client that dials, and the server.
struct Scene {
  explicit Scene(const std::string& client_profile = profile(), bool background = false)
      : connect(hosts, client_profile, background), server(kServer) {
    connect.go();
  }

  /// Until the client has said `words`.
  bool said(std::string_view words) {
    return server.run_until([&] { return connect.has_said(words); });
  }

  /// Until the client says that this is its state.
  bool is(std::string_view state) {
    return server.run_until([&] {
      const auto status = connect.ask("status");
      return status && (*status)["state"] == state && !(*status)["interface"].is_null();
    });
  }

  /// The client's exit status, when it ends within `limit`.
  std::optional<int> ends_within(Duration limit) {
    server.run_until([&] { return connect.ended(); }, limit);
    return connect.exit_status();
  }

  /// The exit status of the process in the background, which has become ours.
  std::optional<int> background_status() {
    int status = -1;
    server.run_until([&] { return ::waitpid(-1, &status, WNOHANG) > 0; }, std::chrono::seconds(5));
    return WIFEXITED(status) ? std::optional(WEXITSTATUS(status)) : std::nullopt;
  }

  /// How the server's call ended.
  Cause server_told() {
    REQUIRE(server.run_until([&] { return !server.downs().empty(); }));
    return server.downs()[0].end.cause;
  }

  Hosts hosts;
  Connect connect;
  FakeServer server;
};

/// A client that is up.
struct Up : Scene {
  explicit Up(int threads = 1) : Scene(profile("192.0.2.1", "secret", threads)) {
    const bool up = said(kUp) && server.run_until([&] { return !server.ups().empty(); });
    INFO(connect.errors());
    REQUIRE(up);
  }
};

/// On the client's host, for datagrams to the server's inside and back.
int datagram_socket(const Hosts& hosts) {
  const int socket = hosts.on_client(
      [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
  sockaddr_in port{};
  port.sin_family = AF_INET;
  port.sin_port = htons(9);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&port), sizeof port) == 0);
  return socket;
}

/// An IP packet into the tunnel; whether there is a way there.
bool say(const io::UniqueFd& socket, std::string_view word) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(FakeServer::kInside.value());
  return ::sendto(socket.fd(), word.data(), word.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) == static_cast<ssize_t>(word.size());
}

}  // namespace

TEST_CASE("connect: says that it is up, carries packets, and INT ends it with 5") {
  Up up;
  CHECK(up.connect.has_said("authenticating as alice"));
  CHECK(up.server.ups()[0].address == FakeServer::kGiven);
  CHECK(say(io::UniqueFd(datagram_socket(up.hosts)), "x"));
  CHECK(up.server.run_until([&] { return up.server.delivered() == 1; }));
  CHECK(up.connect.ask("status").value()["state"] == "up");
  CHECK_FALSE(up.hosts.clean());

  up.connect.signal(SIGINT);
  CHECK(up.ends_within(3s) == 5);
  CHECK(up.connect.has_said("\ninterrupted\n"));
  CHECK(up.server_told() == Cause::peer_terminated);
  CHECK(up.hosts.clean());
}

TEST_CASE("connect: two threads carry packets both ways, are asked meanwhile, and leave nothing") {
  Up up(2);
  up.server.start_sending_back();
  const io::UniqueFd socket(datagram_socket(up.hosts));
  constexpr std::uint32_t kTurns = 50;
  constexpr std::uint32_t kAtATime = 40;
  std::uint32_t expected = 0;
  for (std::uint32_t turn = 0; turn < kTurns; ++turn) {
    for (std::uint32_t i = 0; i < kAtATime; ++i) {
      const std::uint32_t number = turn * kAtATime + i;
      REQUIRE(say(socket, {reinterpret_cast<const char*>(&number), sizeof number}));
    }
    CHECK(up.server.run_until([&] {
      std::uint32_t number = 0;
      while (::recv(socket.fd(), &number, sizeof number, 0) == sizeof number)
        CHECK(number == expected++);
      return expected == (turn + 1) * kAtATime;
    }));
    if (turn % 10 == 0) CHECK(up.connect.ask("status").value()["state"] == "up");
  }
  const nlohmann::json counters = up.connect.ask("status").value()["counters"];
  INFO(counters.dump());
  CHECK(counters["tx_packets"] >= kTurns * kAtATime);
  CHECK(counters["rx_packets"] >= kTurns * kAtATime);
  up.connect.signal(SIGINT);
  CHECK(up.ends_within(3s) == 5);
  CHECK(up.hosts.clean());
}

TEST_CASE(
    "connect: packets that are there when the call comes up are sent, by one thread and by two") {
  for (const int threads : {1, 2}) {
    CAPTURE(threads);
    Scene scene(profile("192.0.2.1", "secret", threads));
    const io::UniqueFd socket(datagram_socket(scene.hosts));
    std::atomic<bool> over = false;
    std::thread sender([&] {
      while (!over) {
        (void)say(socket, "x");
        std::this_thread::yield();
      }
    });
    const bool up = scene.said(kUp);
    scene.server.run_until([] { return false; }, 200ms);
    over = true;
    sender.join();
    REQUIRE(up);
    CHECK(scene.server.delivered() > 0);
    const nlohmann::json counters = scene.connect.ask("status").value()["counters"];
    INFO(counters.dump());
    CHECK_FALSE(counters["dropped"].contains("send-not-up"));
    scene.connect.signal(SIGINT);
    CHECK(scene.ends_within(3s) == 5);
  }
}

TEST_CASE("connect: on demand, what asks for a call is answered, by one thread and by two") {
  for (const int threads : {1, 2}) {
    CAPTURE(threads);
    Scene scene(on_demand(threads));
    scene.server.start_sending_back();
    REQUIRE(scene.is("idle"));
    const io::UniqueFd socket(datagram_socket(scene.hosts));
    const auto answered = [&](std::string_view word) {
      std::array<char, 8> answer{};
      return scene.server.run_until([&] {
        return ::recv(socket.fd(), answer.data(), 8, 0) == 3;
      }) && std::string_view(answer.data()) == word;
    };
    REQUIRE(say(socket, "one"));
    CHECK(answered("one"));
    // While the call is being ended, which takes until the server hears of it.
    scene.server.stop_gre();
    REQUIRE(scene.is("negotiating"));
    REQUIRE(say(socket, "two"));
    scene.server.start_gre();
    CHECK(answered("two"));
    CHECK(scene.server.ups().size() == 2);
    scene.connect.signal(SIGINT);
    CHECK(scene.ends_within(3s) == 5);
    CHECK(scene.hosts.clean());
  }
}

TEST_CASE("connect: INT while TCP is being connected ends it at once with 5") {
  Scene scene(profile("192.0.2.77"));
  REQUIRE(scene.said("connecting to 192.0.2.77:1723"));
  scene.connect.signal(SIGINT);
  CHECK(scene.ends_within(1s) == 5);
  CHECK(scene.hosts.clean());
}

TEST_CASE("connect: TERM while LCP goes unanswered ends the call, and then it with 5") {
  Scene scene;
  scene.server.stop_gre();
  REQUIRE(scene.said("negotiating the link"));
  scene.connect.signal(SIGTERM);
  CHECK(scene.ends_within(3s) == 5);
  CHECK(scene.server_told() == Cause::peer_cleared_call);
  CHECK(scene.server.ups().empty());
  CHECK(scene.hosts.clean());
}

TEST_CASE("connect: a server that ends the call ends it with 16") {
  for (const int threads : {1, 2}) {
    Up up(threads);
    up.server.close_calls();
    CHECK(up.ends_within(5s) == 16);
    CHECK(up.connect.has_said("[peer-terminated]"));
    CHECK(up.hosts.clean());
  }
}

TEST_CASE("connect: a control connection that goes away ends it with 15") {
  for (const int threads : {1, 2}) {
    Up up(threads);
    up.server.drop_connections();
    CHECK(up.ends_within(5s) == 15);
    CHECK(up.connect.has_said("[peer-not-responding]"));
    CHECK(up.hosts.clean());
  }
}

TEST_CASE("connect: an interface that somebody removes ends the call politely, and it with 39") {
  for (const int threads : {1, 2}) {
    Up up(threads);
    up.hosts.on_client([] { return run("ip link delete pptp0"); });
    CHECK(up.ends_within(5s) == 39);
    CHECK(up.connect.has_said("somebody has removed the interface pptp0"));
    CHECK(up.server_told() == Cause::peer_terminated);
    CHECK(up.hosts.clean());
  }
}

TEST_CASE("connect --background: the caller is told that the call is up, and it goes on") {
  Scene scene(profile(), true);
  const auto told = scene.ends_within(10s);
  INFO(scene.connect.errors());
  REQUIRE(told == 0);
  CHECK(scene.connect.has_said("authenticating as alice"));
  CHECK(scene.connect.has_said(kUp));
  CHECK(say(io::UniqueFd(datagram_socket(scene.hosts)), "x"));
  CHECK(scene.server.run_until([&] { return scene.server.delivered() == 1; }));

  CHECK(scene.connect.ask("disconnect").has_value());
  CHECK(scene.server_told() == Cause::peer_terminated);
  CHECK(scene.background_status() == 0);
  CHECK(scene.hosts.clean());
}

TEST_CASE("connect --background: the caller is told why there is no call") {
  Scene scene(profile("192.0.2.1", "wrong"), true);
  CHECK(scene.ends_within(10s) == 19);
  CHECK(scene.connect.has_said("[chap-e691-bad-password]"));
  CHECK(scene.background_status() == 19);
  CHECK(scene.hosts.clean());
}

TEST_CASE("connect --background: who interrupts the caller that waits means the call") {
  Scene scene(profile(), true);
  scene.server.stop_gre();
  REQUIRE(scene.said("negotiating the link"));
  scene.connect.signal(SIGINT);
  CHECK(scene.ends_within(3s) == 5);
  CHECK(scene.server_told() == Cause::peer_cleared_call);
  CHECK(scene.background_status() == 5);
  CHECK(scene.hosts.clean());
}

TEST_CASE(
    "connect --background: that the process in the background is killed is told as our error") {
  Scene scene(profile(), true);
  scene.server.stop_gre();
  REQUIRE(scene.said("negotiating the link"));
  const pid_t background = scene.connect.background();
  REQUIRE(background > 0);
  REQUIRE(::kill(background, SIGKILL) == 0);
  CHECK(scene.ends_within(3s) == 1);
  CHECK(scene.connect.has_said("[internal-error]"));
}

TEST_CASE("connect: a host without a route to the server ends it with 33, and says so") {
  Scene scene(profile("203.0.113.1"));
  CHECK(scene.ends_within(3s) == 33);
  CHECK(scene.connect.has_said("[ctrl-net-unreachable]"));
  CHECK(scene.hosts.clean());
}

TEST_CASE(
    "connect: a router that knows no way to the server ends it with 33, and is told from that") {
  Hosts hosts;
  run("echo 1 >/proc/sys/net/ipv4/ip_forward; ip route add unreachable 203.0.113.0/24");
  hosts.on_client([] { return run("ip route add default via 192.0.2.1"); });
  Connect connect(hosts, profile("203.0.113.1"), false);
  FakeServer server(kServer);
  connect.go();
  CHECK(server.run_until([&] { return connect.ended(); }, 5s));
  CHECK(connect.exit_status() == 33);
  CHECK(connect.has_said("[ctrl-no-route]"));
}
