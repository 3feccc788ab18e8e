#include "apps/password.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/wipe_text.h"
#include "tunnel/io/file.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile std::sig_atomic_t interrupted = 0;

void note_signal(int) {
  interrupted = 1;
}

/// While it lives, signals interrupt read(2) instead of ending the process with the echo off.
class NotedSignals {
 public:
  NotedSignals() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = note_signal;  // without SA_RESTART
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      sigaction(kSignals[i], &action, &before_[i]);
  }

  NotedSignals(const NotedSignals&) = delete;
  NotedSignals& operator=(const NotedSignals&) = delete;

  ~NotedSignals() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  std::array<struct sigaction, kSignals.size()> before_{};
};

/// Switches a terminal's echo off for as long as it lives.
class SilentTerminal {
 public:
  explicit SilentTerminal(int descriptor) : descriptor_(descriptor) {
    if (tcgetattr(descriptor, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(descriptor, TCSAFLUSH, &silent) == 0;
  }

  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  ~SilentTerminal() {
    if (changed_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
  }

  bool changed() const noexcept { return changed_; }

 private:
  int descriptor_;
  termios before_{};
  bool changed_ = false;
};

Ending config_ending(std::string detail, std::string remedy) {
  Ending ending = ending_of(Trouble::config_invalid, std::move(detail));
  ending.remedy = {std::move(remedy)};
  return ending;
}

}  // namespace

std::expected<Credentials, Ending> credentials_for(const Profile& profile) {
  if (const auto* text = std::get_if<SecretText>(&profile.password))
    return Credentials(profile.user, text->clone());
  if (const auto* hash = std::get_if<NtHash>(&profile.password))
    return Credentials(profile.user, hash->clone());
  if (const auto* file = std::get_if<PasswordFile>(&profile.password)) {
    auto password = read_password_file(profile, *file);
    if (!password) {
      const ConfigError& error = password.error();
      return std::unexpected(
          config_ending(printable(fmt::format("{}: {}", error.file, error.message)),
                        error.hint.empty() ? "name a file that can be read" : error.hint));
    }
    return Credentials(profile.user, std::move(*password));
  }
  auto password = ask_password(
      fmt::format("Password of {} at {}: ", profile.user, profile.servers.front().host));
  if (!password) return std::unexpected(std::move(password.error()));
  return Credentials(profile.user, std::move(*password));
}

std::expected<SecretText, ConfigError> read_password_file(const Profile& profile,
                                                          const PasswordFile& file) {
  const std::string path = (profile.folder / file.path).string();
  auto content = read_file(path);
  if (!content) return std::unexpected(std::move(content.error()));
  if (content->exposed) {
    wipe_text(content->text);
    return std::unexpected(exposed_file(path));
  }
  SecretText password = first_line(std::move(content->text));
  if (password.empty())
    return std::unexpected(ConfigError{path, 1, 1, "the first line is empty",
                                       "write the password there, and nothing else"});
  return password;
}

SecretText first_line(std::string text) {
  std::string_view line(text);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  SecretText password(line);
  wipe_text(text);
  return password;
}

std::expected<SecretText, Ending> ask_password(const std::string& prompt) {
  const auto no_terminal = [](std::string why) {
    return std::unexpected(config_ending(
        "there is no password, and no terminal to ask for it" + std::move(why),
        "put password or password-file into the profile, or use --password-stdin with --server"));
  };
  const io::UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) return no_terminal(": " + std::generic_category().message(errno));

  std::string text;
  {
    const NotedSignals signals;
    const SilentTerminal silent(terminal.fd());
    if (!silent.changed()) return no_terminal("");
    if (io::write_all(terminal.fd(), prompt) != 0) return no_terminal("");
    while (interrupted == 0 && text.find('\n') == std::string::npos) {
      std::array<char, 512> buffer{};
      const ssize_t count = read(terminal.fd(), buffer.data(), buffer.size());
      if (count == 0 || (count < 0 && errno != EINTR)) break;
      if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
      std::ranges::fill(buffer, '\0');
    }
    // The user's own line end was not shown either.
    (void)io::write_all(terminal.fd(), "\n");
  }
  if (interrupted != 0) {
    wipe_text(text);
    return std::unexpected(ending_of(Trouble::interrupted));
  }
  if (text.find('\n') == std::string::npos) return no_terminal(": it was closed");
  return first_line(std::move(text));
}

void describe_password(const Credentials& credentials, EndingContext& context) {
  const auto password = credentials.password();
  if (!password || password->empty()) return;
  context.password_edge_blanks = password->front() == ' ' || password->back() == ' ';
  context.password_beyond_ascii =
      std::ranges::any_of(*password, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace pptp::app
