#include "apps/demo/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tunnel/io/file.h"
#include "tunnel/io/privileges.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app::demo {
namespace {

/// A switch of the kernel's that keeps user namespaces from those who are not root.
struct Barrier {
  const char* file;
  char closed;  ///< what the file begins with when it does
  const char* hint;
};

constexpr std::array<Barrier, 3> kBarriers = {{
    {"/proc/sys/user/max_user_namespaces", '0',
     "run it as root, or allow user namespaces: sysctl user.max_user_namespaces=10000"},
    {"/proc/sys/kernel/unprivileged_userns_clone", '0',
     "run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
     "run it as root, or allow user namespaces: sysctl "
     "kernel.apparmor_restrict_unprivileged_userns=0"},
}};

std::string namespaces_hint() {
  for (const Barrier& barrier : kBarriers) {
    const auto text = io::read_file(barrier.file);
    if (text && !text->empty() && text->front() == barrier.closed) return barrier.hint;
  }
  return ::geteuid() == 0 ? "in a container: start it with --privileged"
                          : "run it as root; in a container, start that with --privileged";
}

std::unexpected<io::IoError> no_sandbox(int error, const std::string& what) {
  return io::failure(error, what, namespaces_hint());
}

bool write_map(const char* path, const std::string& text) noexcept {
  const io::UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && io::write_all(fd.fd(), text) == 0;
}

/// user_namespaces(7): without privilege one may map nobody but oneself, and give up setgroups(2)
/// for it.
bool become_root_of_namespace(uid_t user, gid_t group) {
  // A program with file capabilities does not own its files in /proc otherwise.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return write_map("/proc/self/setgroups", "deny") &&
         write_map("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") &&
         write_map("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
}

io::IoResult<void> leave_shared_namespaces() {
  constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID;
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const io::Needs needs{.raw_socket = true, .network_admin = true, .tun = false};
  if (user == 0 && io::check_privileges(needs) && ::unshare(kNamespaces) == 0) return {};
  if (::unshare(kNamespaces | CLONE_NEWUSER) != 0)
    return no_sandbox(errno, "cannot make a user namespace");
  if (!become_root_of_namespace(user, group))
    return no_sandbox(errno, "cannot become root of a user namespace");
  return {};
}

/// In the child. The parent may be gone before the kernel knows what that means to us; then the
/// pipe it held open is closed.
void die_with_parent(int pipe_from_parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  pollfd parent{pipe_from_parent, 0, 0};
  if (::poll(&parent, 1, 0) != 0) ::_exit(1);
}

sigset_t signals_to_wait_for() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    sigaddset(&signals, signal);
  return signals;
}

ChildEnd wait_for_end(pid_t child, const sigset_t& signals, int stop_signal) noexcept {
  bool interrupted = false;
  for (;;) {
    int received = 0;
    sigwait(&signals, &received);
    if (received != SIGCHLD) {
      interrupted = true;
      ::kill(child, stop_signal);
    }
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) != child) continue;
    if (WIFEXITED(status)) return {ChildEnd::How::finished, WEXITSTATUS(status)};
    return {interrupted ? ChildEnd::How::interrupted : ChildEnd::How::broken, WTERMSIG(status)};
  }
}

}  // namespace

io::IoResult<ChildEnd> run_in_child(const std::function<int()>& work, int stop_signal) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return io::failure(errno, "cannot make a pipe");
  const io::UniqueFd read_end(ends[0]);
  io::UniqueFd write_end(ends[1]);
  const sigset_t signals = signals_to_wait_for();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  (void)std::fflush(nullptr);  // or both would write what is still in the buffers
  const pid_t child = ::fork();
  if (child == 0) {
    write_end.reset();
    die_with_parent(read_end.fd());
    // A terminal's Ctrl-C is for the first process, which passes it on.
    ::setsid();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    const int status = work();
    (void)std::fflush(nullptr);
    ::_exit(status);
  }
  auto end = child < 0 ? io::IoResult<ChildEnd>(io::failure(errno, "cannot start a process"))
                       : wait_for_end(child, signals, stop_signal);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return end;
}

io::IoResult<void> enter_sandbox() {
  if (auto left = leave_shared_namespaces(); !left) return left;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("pptpd-user-demo", kSandboxFiles, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0700,size=16m") != 0)
    return no_sandbox(errno, "cannot mount a private " + std::string(kSandboxFiles));
  return {};
}

io::IoResult<ChildEnd> run_in_sandbox(const std::function<int()>& work) {
  const auto first_process = [&work] {
    // So that a process finds itself under its own number. Where /proc is partly hidden this is
    // not allowed, and not needed by anything but the journal of the client, which nobody reads.
    (void)::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
    return work();
  };
  // The first process of a PID namespace takes no other signal; and the wait for it lasts until all
  // processes of the namespace are gone.
  return run_in_child(first_process, SIGKILL);
}

}  // namespace pptp::app::demo
