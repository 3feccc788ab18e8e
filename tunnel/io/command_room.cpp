#include "tunnel/io/command_room.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <span>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "tunnel/io/file.h"
#include "tunnel/io/process.h"

namespace pptp::io {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestMessage = 16384;
constexpr std::size_t kMostDescriptors = 2;

/// Until a command that was asked to end is killed.
constexpr int kPatience = 5000;  // ms

/// Where programs ask for names by other ways than resolv.conf, which lead out of the namespace.
constexpr std::array kNameServices = {"/run/systemd/resolve", "/run/nscd"};

constexpr const char* kResolvConf = "/etc/resolv.conf";

/// Signals that end the program that waits: who waits with it decides what becomes of that.
constexpr std::array kHeldSignals = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

struct Received {
  json message;
  std::vector<UniqueFd> descriptors;
};

IoResult<void> send_message(int socket, const json& message,
                            std::span<const int> descriptors = {}) {
  std::string text = message.dump(-1, ' ', true, json::error_handler_t::replace);
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    if (control == nullptr) return failure(EINVAL, "cannot hand descriptors over");
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(control), descriptors.data(), descriptors.size_bytes());
  }
  if (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0)
    return failure(errno, "cannot reach the process that is to become the command");
  return {};
}

/// nullopt: nobody is there any more.
std::optional<Received> receive_message(int socket) {
  std::string text(kLongestMessage, '\0');
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.data();
  header.msg_controllen = room.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return std::nullopt;
  Received received;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, kMostDescriptors> found{};
    const std::size_t octets = std::min(control->cmsg_len - CMSG_LEN(0), sizeof found);
    std::memcpy(found.data(), CMSG_DATA(control), octets);
    for (std::size_t i = 0; i < octets / sizeof(int); ++i)
      received.descriptors.emplace_back(found[i]);
  }
  received.message =
      json::parse(std::string_view(text).substr(0, static_cast<std::size_t>(size)), nullptr, false);
  return received;
}

json to_json(const IoError& error) {
  return {{"fault", static_cast<int>(error.fault)},
          {"error", error.error},
          {"what", error.what},
          {"hint", error.hint}};
}

/// The error that a message is; nullopt: it is none.
std::optional<IoError> error_in(const json& message) {
  if (!message.is_object() || !message.contains("fault")) return std::nullopt;
  return IoError{static_cast<IoFault>(message.value("fault", 0)), message.value("error", 0),
                 message.value("what", ""), message.value("hint", "")};
}

// --- in the child ---

bool write_map(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && write_all(fd.fd(), text) == 0;
}

/// A user namespace where we may do what is needed, and are who we are.
IoResult<void> unshare_as_user(int namespaces) {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  // What is needed to describe it belongs to root otherwise, where capabilities came with the file.
  ::prctl(PR_SET_DUMPABLE, 1);
  if (::unshare(namespaces | CLONE_NEWUSER) != 0) {
    return failure(errno, "cannot make a user namespace",
                   "run it as root; or let users make namespaces: "
                   "sysctl -w kernel.unprivileged_userns_clone=1");
  }
  if (!write_map("/proc/self/setgroups", "deny") ||
      !write_map("/proc/self/uid_map", user + " " + user + " 1") ||
      !write_map("/proc/self/gid_map", group + " " + group + " 1"))
    return failure(errno, "cannot set up a user namespace", "run it as root");
  return {};
}

IoResult<void> move_in(const std::string& netns) {
  if (!netns.empty()) {
    if (auto entered = enter_netns(netns); !entered) return entered;
    if (::unshare(CLONE_NEWNS) != 0) return failure(errno, "cannot make a mount namespace");
  } else if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    if (errno != EPERM) return failure(errno, "cannot make a network namespace");
    if (auto unshared = unshare_as_user(CLONE_NEWNET | CLONE_NEWNS); !unshared) return unshared;
  }
  // What is mounted from now on is seen in here alone.
  if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return failure(errno, "cannot keep mounts to a namespace");
  return {};
}

IoResult<void> set_loopback_up(Netlink& netlink) {
  const IoResult<LinkState> loopback = netlink.link("lo");
  if (!loopback) return std::unexpected(loopback.error());
  return netlink.set_link_up(loopback->index, true);
}

/// Answers with the interface.
IoResult<void> answer_open(int socket, const json& request) {
  if (auto moved = move_in(request.value("netns", "")); !moved) return moved;
  const IoResult<Tun> tun = Tun::open(request.value("pattern", ""));
  if (!tun) return std::unexpected(tun.error());
  IoResult<Netlink> netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (auto up = set_loopback_up(*netlink); !up) return up;
  const std::array descriptors = {tun->fd(), netlink->fd()};
  return send_message(socket, {{"name", tun->name()}, {"index", tun->index()}}, descriptors);
}

std::string real_path(const char* path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path, nullptr), &std::free);
  return found ? found.get() : "";
}

/// The file lies in a file system that has no other place.
IoResult<void> put_over(const std::string& target, const std::string& text) {
  constexpr const char* kPlace = "/tmp";
  const std::string file = std::string(kPlace) + "/resolv.conf";
  if (::mount("tmpfs", kPlace, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") != 0)
    return failure(errno, "cannot mount a file system for resolv.conf");
  IoResult<void> put = replace_file(file, text);
  if (put && ::chmod(file.c_str(), 0644) != 0)
    put = failure(errno, "cannot open resolv.conf to all");
  if (put && ::mount(file.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    put = failure(errno, "cannot mount a file over " + target);
  ::umount2(kPlace, MNT_DETACH);
  return put;
}

IoResult<void> use_name_servers(const std::string& text) {
  const std::string target = real_path(kResolvConf);
  if (target.empty()) {
    return failure(errno, std::string("cannot put name servers into ") + kResolvConf,
                   R"(make the file, or set network.dns = "none")");
  }
  for (const char* const service : kNameServices) {
    if (::access(service, F_OK) == 0 &&
        ::mount("tmpfs", service, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") != 0)
      return failure(errno, std::string("cannot hide ") + service);
  }
  if (::access(target.c_str(), F_OK) == 0) return put_over(target, text);
  // It was in what is hidden now.
  IoResult<void> put = replace_file(target, text);
  if (put && ::chmod(target.c_str(), 0644) != 0) return failure(errno, "cannot open " + target);
  return put;
}

IoResult<void> become(const CommandUser& user) {
  if (::setgroups(user.groups.size(), user.groups.data()) != 0 ||
      ::setresgid(user.gid, user.gid, user.gid) != 0 ||
      ::setresuid(user.uid, user.uid, user.uid) != 0)
    return failure(errno, "cannot become the user " + std::to_string(user.uid));
  if (user.name.empty()) return {};
  ::setenv("HOME", user.home.c_str(), 1);
  ::setenv("SHELL", user.shell.c_str(), 1);
  ::setenv("USER", user.name.c_str(), 1);
  ::setenv("LOGNAME", user.name.c_str(), 1);
  return {};
}

struct Tenant {
  std::vector<std::string> command;
  std::optional<CommandUser> user;
  std::array<sighandler_t, kHeldSignals.size()> dispositions = {};
};

/// Does not return where it works.
IoResult<void> run_command(int socket, Tenant& tenant, const json& request) {
  if (request.contains("resolv_conf")) {
    if (auto used = use_name_servers(request.value("resolv_conf", "")); !used) return used;
    const UniqueFd file(::open(kResolvConf, O_WRONLY | O_CLOEXEC));
    if (!file) return failure(errno, std::string("cannot open ") + kResolvConf);
    const std::array descriptors = {file.fd()};
    if (auto sent = send_message(socket, json::object(), descriptors); !sent) return sent;
  }
  // In a user namespace of our own there is nobody else that one could be.
  const bool may_become = ::geteuid() == 0 && tenant.user;
  if (may_become) {
    if (auto became = become(*tenant.user); !became) return became;
  }
  // Without us there is no tunnel.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  for (std::size_t i = 0; i < kHeldSignals.size(); ++i)
    std::signal(kHeldSignals[i], tenant.dispositions[i]);
  const std::vector<char*> arguments = pointers_to(tenant.command);
  ::execvp(arguments.front(), arguments.data());
  return failure(errno, "cannot run " + tenant.command.front());
}

[[noreturn]] void live_in_room(int socket, Tenant tenant) {
  for (std::size_t i = 0; i < kHeldSignals.size(); ++i)
    tenant.dispositions[i] = std::signal(kHeldSignals[i], SIG_IGN);
  const auto done = [&](const IoResult<void>& result) {
    if (result) return;
    (void)send_message(socket, to_json(result.error()));
    ::_exit(1);
  };
  for (;;) {
    const std::optional<Received> request = receive_message(socket);
    if (!request || !request->message.is_object()) ::_exit(1);
    if (request->message.contains("pattern"))
      done(answer_open(socket, request->message));
    else
      done(run_command(socket, tenant, request->message));
  }
}

std::optional<uid_t> uid_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text < '0' || *text > '9') return std::nullopt;
  char* end = nullptr;
  const unsigned long number = std::strtoul(text, &end, 10);
  if (*end != '\0') return std::nullopt;
  return static_cast<uid_t>(number);
}

}  // namespace

std::optional<CommandUser> CommandUser::behind_root() {
  if (::geteuid() != 0) return std::nullopt;
  const passwd* entry = nullptr;
  std::optional<uid_t> uid;
  if (const uid_t real = ::getuid(); real != 0) uid = real;
  for (const char* const variable : {"SUDO_UID", "PKEXEC_UID"}) {
    if (!uid) uid = uid_in(variable);
  }
  if (const char* const name = std::getenv("DOAS_USER"); !uid && name != nullptr) {
    entry = ::getpwnam(name);
    if (entry != nullptr) uid = entry->pw_uid;
  }
  if (!uid || *uid == 0) return std::nullopt;
  if (entry == nullptr) entry = ::getpwuid(*uid);
  if (entry == nullptr) {
    const gid_t group = uid_in("SUDO_GID").value_or(*uid);
    return CommandUser{.uid = *uid, .gid = group, .groups = {group}};
  }
  CommandUser user{.uid = *uid,
                   .gid = entry->pw_gid,
                   .name = entry->pw_name,
                   .home = entry->pw_dir,
                   .shell = entry->pw_shell};
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0)
    user.groups.resize(static_cast<std::size_t>(count));
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

CommandRoom::CommandRoom(pid_t pid, UniqueFd ended, UniqueFd socket) noexcept
    : pid_(pid), ended_(std::move(ended)), socket_(std::move(socket)) {}

CommandRoom::CommandRoom(CommandRoom&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      ended_(std::move(other.ended_)),
      socket_(std::move(other.socket_)),
      resolv_conf_(std::move(other.resolv_conf_)),
      started_(other.started_),
      status_(other.status_) {}

CommandRoom::~CommandRoom() {
  (void)end();
}

IoResult<CommandRoom> CommandRoom::create(std::vector<std::string> command,
                                          std::optional<CommandUser> user) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return failure(errno, "cannot make a socket");
  UniqueFd ours(ends[0]);
  UniqueFd its(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return failure(errno, "cannot make a process for the command");
  if (child == 0) {
    ours.reset();
    live_in_room(its.fd(), {.command = std::move(command), .user = std::move(user)});
  }
  CommandRoom room(child, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0))),
                   std::move(ours));
  if (!room.ended_) return failure(errno, "cannot watch the command");
  return room;
}

IoResult<std::unique_ptr<NamespaceTun>> CommandRoom::open(const std::string& pattern,
                                                          const std::string& netns) {
  if (auto sent = send_message(socket_.fd(), {{"pattern", pattern}, {"netns", netns}}); !sent)
    return std::unexpected(sent.error());
  std::optional<Received> answer = receive_message(socket_.fd());
  if (!answer) return failure(ECHILD, "the process that was to become the command has ended");
  if (std::optional<IoError> error = error_in(answer->message))
    return std::unexpected(*std::move(error));
  if (answer->descriptors.size() != 2) return failure(EPROTO, "no interface for the command");
  IoResult<Netlink> netlink = Netlink::adopt(std::move(answer->descriptors[1]));
  if (!netlink) return std::unexpected(netlink.error());
  return std::make_unique<NamespaceTun>(
      Tun::adopt(std::move(answer->descriptors[0]), answer->message.value("name", ""),
                 answer->message.value("index", 0U)),
      *std::move(netlink));
}

IoResult<void> CommandRoom::start(const std::optional<std::string>& resolv_conf) {
  json request = json::object();
  if (resolv_conf) request["resolv_conf"] = *resolv_conf;
  if (auto sent = send_message(socket_.fd(), request); !sent) return sent;
  std::optional<Received> answer = receive_message(socket_.fd());
  if (answer && !answer->descriptors.empty()) {
    resolv_conf_ = std::move(answer->descriptors.front());
    answer = receive_message(socket_.fd());
  }
  // It is closed by the command's taking the process over.
  if (answer) {
    return std::unexpected(error_in(answer->message)
                               .value_or(IoError{.what = "the command cannot be run", .hint = {}}));
  }
  started_ = true;
  return {};
}

IoResult<void> CommandRoom::change_resolv_conf(const std::string& text) {
  if (!resolv_conf_) return {};
  const off_t before = ::lseek(resolv_conf_.fd(), 0, SEEK_END);
  // Whoever reads it meanwhile finds empty lines behind the new text, not the end of the old.
  std::string all = text;
  if (before > 0) all.resize(std::max(text.size(), static_cast<std::size_t>(before)), '\n');
  const ssize_t written = ::pwrite(resolv_conf_.fd(), all.data(), all.size(), 0);
  if (written != static_cast<ssize_t>(all.size()) ||
      ::ftruncate(resolv_conf_.fd(), static_cast<off_t>(text.size())) != 0)
    return failure(errno, "cannot give the command other name servers");
  return {};
}

void CommandRoom::send(int signal) noexcept {
  if (pid_ != 0) ::kill(pid_, signal);
}

int CommandRoom::end() {
  if (pid_ == 0) return status_;
  socket_.reset();  // which ends one that still waits
  pollfd ended{.fd = ended_.fd(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, 0) <= 0) {
    if (started_) send(SIGTERM);
    if (started_) send(SIGCONT);
    while (::poll(&ended, 1, kPatience) < 0 && errno == EINTR) {
    }
    if ((ended.revents & POLLIN) == 0) send(SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

}  // namespace pptp::io
