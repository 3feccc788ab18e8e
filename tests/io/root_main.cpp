// Tests that need network namespaces, raw sockets and TUN. Without the privilege they are skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace {

constexpr int kSkipped = 77;

bool may_do_it() {
  const pid_t child = fork();
  if (child == 0)
    _exit(unshare(CLONE_NEWNET) == 0 && open("/dev/net/tun", O_RDWR | O_CLOEXEC) >= 0 ? 0 : 1);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (!may_do_it()) return kSkipped;
  return doctest::Context(argc, argv).run();
}
