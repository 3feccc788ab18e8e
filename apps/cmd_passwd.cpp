#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "apps/client_call.h"
#include "apps/commands.h"
#include "apps/config_file.h"
#include "apps/password.h"
#include "apps/progress.h"
#include "apps/terminal.h"
#include "apps/terminal_prompt.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

/// A call that is made to change the password, and ends when that is done.
class PasswordChange final : private CallOwner {
 public:
  /// All must outlive it.
  PasswordChange(const Profile& profile, std::shared_ptr<const Credentials> before,
                 std::shared_ptr<const Credentials> after, LogSink& log, Progress& progress)
      : profile_(profile),
        after_(std::move(after)),
        call_({.loop = loop_,
               .entropy = entropy_,
               .pool = pool_,
               .log = Log(&log),
               .progress = progress,
               .owner = *this},
              profile, std::move(before),
              {.server = profile.servers.front(), .may_try_again = true}) {}

  /// Once.
  Ending run() {
    loop_.on_signals({SIGINT, SIGTERM, SIGHUP},
                     [this](int) { call_.close(ending_of(Trouble::interrupted)); });
    if (const io::IoResult<void> dialled = call_.dial(); !dialled) {
      return ending_of(dialled.error());
    }
    if (!ending_) loop_.run();
    return *std::move(ending_);
  }

 private:
  void call_event(const EngineEvent& event) override {
    if (const AnotherTry* another = std::get_if<AnotherTry>(&event)) {
      if (another->change_password) {
        offered_ = true;
        loop_.post([this] { call_.try_again(after_); });
      } else {
        call_.close(ending_of(another->end, call_.context()));
      }
    } else if (std::holds_alternative<Authenticated>(event)) {
      Ending done;
      done.summary = password_changed(profile_);
      call_.close(offered_ ? std::move(done) : ending_of(Trouble::password_not_expired));
    }
  }

  void call_received(MutableBytes) override {}

  void call_trying(Ipv4Address) override {}

  void call_mtu_lowered() override {}

  void call_over(Ending ending) override {
    ending_ = std::move(ending);
    loop_.stop();
  }

  const Profile& profile_;
  std::shared_ptr<const Credentials> after_;
  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_{ClientCall::kPoolSlots};
  ClientCall call_;
  bool offered_ = false;
  std::optional<Ending> ending_;
};

std::expected<SecretText, Ending> new_password(const PasswdArguments& arguments,
                                               const Profile& profile) {
  if (!arguments.password_stdin) return ask_new_password(printable(profile.user));
  auto input = read_descriptor(STDIN_FILENO, "standard input");
  if (!input) return std::unexpected(ending_of(Trouble::config_invalid, input.error().message));
  SecretText password = first_line(std::move(input->text));
  if (password.empty()) {
    return std::unexpected(
        ending_of(Trouble::config_invalid, "there is no new password on standard input"));
  }
  return password;
}

}  // namespace

int run_passwd(const PasswdArguments& arguments, const Globals& globals) {
  std::signal(SIGPIPE, SIG_IGN);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return failed(ending_of(guarded.error()));
  }
  ProgramLog log(globals.log);
  const std::expected<Profile, ConfigErrors> profile =
      load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) return failed(profile.error());
  if (const io::IoResult<void> able = io::check_privileges({.raw_socket = true}); !able) {
    return failed(ending_of(able.error()));
  }
  auto before = credentials_for(*profile);
  if (!before) return failed(before.error());
  auto password = new_password(arguments, *profile);
  if (!password) return failed(password.error());
  auto after = credentials_with(*profile, *std::move(password));
  ShownProgress progress(log);
  const Ending ending =
      PasswordChange(*profile, std::make_shared<const Credentials>(*std::move(before)),
                     std::move(after), log, progress)
          .run();
  progress.ended(ending);
  return ending.status();
}

}  // namespace pptp::app
