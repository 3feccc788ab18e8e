#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "apps/client_call.h"
#include "apps/commands.h"
#include "apps/config_file.h"
#include "apps/password.h"
#include "apps/postmortem.h"
#include "apps/progress.h"
#include "apps/redial.h"
#include "apps/terminal.h"
#include "apps/terminal_prompt.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

/// A call that is made to change the password, and ends when that is done. The profile's servers
/// are tried in turn, as `connect` does.
class PasswordChange final : private CallOwner {
 public:
  /// All must outlive it.
  PasswordChange(const Profile& profile, std::shared_ptr<const Credentials> before,
                 std::shared_ptr<const Credentials> after, LogSink& log, Progress& progress,
                 CallRecorder& recorder)
      : profile_(profile),
        before_(std::move(before)),
        after_(std::move(after)),
        log_(&log),
        progress_(progress),
        recorder_(recorder) {}

  /// Once.
  Ending run() {
    loop_.on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int) {
      interrupted_ = true;
      if (postmortem_) return finish(*std::move(failed_));
      call_->close(ending_of(Trouble::interrupted));
    });
    dial();
    if (!ending_) loop_.run();
    return *std::move(ending_);
  }

 private:
  void dial() {
    call_.emplace(ClientCall::Surroundings{.loop = loop_,
                                           .entropy = entropy_,
                                           .pool = pool_,
                                           .log = log_,
                                           .progress = progress_,
                                           .recorder = recorder_,
                                           .owner = *this},
                  profile_, before_,
                  ClientCall::Request{.at = {.server = profile_.servers[server_], .known = {}},
                                      .may_try_again = true});
    if (const io::IoResult<void> dialled = call_->dial(); !dialled) {
      finish(ending_of(dialled.error()));
    }
  }

  void call_ended(Ending ending) {
    const bool another = server_ + 1 < profile_.servers.size() && another_server_may_help(ending);
    if (!another || offered_ || interrupted_) return over(std::move(ending));
    log_.line(LogLevel::notice, next_server_words(ending));
    ++server_;
    dial();
  }

  void over(Ending ending) {
    if (ending.status() == 0 || offered_ || interrupted_) return finish(std::move(ending));
    failed_ = ending;
    postmortem_.emplace(loop_, call_->told(std::move(ending)),
                        [this](Ending told) { finish(std::move(told)); });
  }

  void finish(Ending ending) {
    ending_ = std::move(ending);
    loop_.stop();
  }

  void call_event(const EngineEvent& event) override {
    if (const AnotherTry* another = std::get_if<AnotherTry>(&event)) {
      if (another->change_password) {
        offered_ = true;
        loop_.post([this] { call_->try_again(after_); });
      } else {
        call_->close(ending_of(another->end, call_->context()));
      }
    } else if (std::holds_alternative<Authenticated>(event)) {
      Ending done;
      done.summary = password_changed(profile_);
      call_->close(offered_ ? std::move(done) : ending_of(Trouble::password_not_expired));
    }
  }

  void call_received(TimePoint, std::span<Packet>) override {}

  io::IoResult<void> call_trying(Ipv4Address) override { return {}; }

  void call_mtu_lowered() override {}

  /// We are inside of the call, which goes.
  void call_over(Ending ending) override {
    loop_.post([this, ending = std::move(ending)]() mutable { call_ended(std::move(ending)); });
  }

  const Profile& profile_;
  std::shared_ptr<const Credentials> before_;
  std::shared_ptr<const Credentials> after_;
  Log log_;
  Progress& progress_;
  CallRecorder& recorder_;
  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_{ClientCall::kPoolSlots};
  std::optional<ClientCall> call_;
  std::size_t server_ = 0;  ///< of the profile's, the one that is called
  std::optional<Postmortem> postmortem_;
  std::optional<Ending> failed_;  ///< while that lasts
  bool offered_ = false;          ///< the new password has been handed over
  bool interrupted_ = false;
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
  ProgramLog log(globals.log);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return log.failed(ending_of(guarded.error()));
  }
  const std::expected<Profile, ConfigErrors> profile =
      load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) return log.failed(profile.error());
  if (const io::IoResult<void> able = io::check_privileges({.raw_socket = true}); !able) {
    return log.failed(ending_of(able.error()));
  }
  auto before = credentials_for(*profile);
  if (!before) return log.failed(before.error());
  auto password = new_password(arguments, *profile);
  if (!password) return log.failed(password.error());
  auto after = credentials_with(*profile, *std::move(password));
  const auto recorder = recorder_for(globals, {}, log);
  if (!recorder) return log.failed(recorder.error());
  ShownProgress progress(log);
  const Ending ending =
      PasswordChange(*profile, std::make_shared<const Credentials>(*std::move(before)),
                     std::move(after), log, progress, **recorder)
          .run();
  progress.ended(ending);
  return ending.status();
}

}  // namespace pptp::app
