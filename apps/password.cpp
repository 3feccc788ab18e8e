#include "apps/password.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/terminal_prompt.h"
#include "apps/wipe_text.h"
#include "tunnel/io/process.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

std::unexpected<Ending> refused(const ConfigError& error, const std::string& remedy) {
  Ending ending = ending_of(Trouble::config_invalid,
                            printable(fmt::format("{}: {}", error.file, error.message)));
  ending.remedy = {error.hint.empty() ? remedy : error.hint};
  return std::unexpected(std::move(ending));
}

/// Where systemd(1) puts what LoadCredential= and SetCredential= name; empty: nowhere.
std::string credential_path(const std::string& profile) {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || directory[0] != '/') return {};
  const std::filesystem::path path = std::filesystem::path(directory) / ("pptpd-user." + profile);
  std::error_code error;
  return std::filesystem::exists(path, error) ? path.string() : std::string();
}

std::expected<SecretText, ConfigError> not_empty(SecretText password, ConfigError otherwise) {
  if (password.empty()) return std::unexpected(std::move(otherwise));
  return password;
}

/// A program that prints into a pipe.
class PrintingProgram {
 public:
  /// The errno, or 0.
  int start(std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
    output_ = io::UniqueFd(ends[0]);
    const io::UniqueFd writing(ends[1]);
    const std::vector<char*> argv = io::pointers_to(arguments);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writing.fd(), STDOUT_FILENO);
    const int error = ::posix_spawnp(&pid_, argv.front(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
  }

  int output() const noexcept { return output_.fd(); }

  /// Waits for its end: whether that was exit status 0.
  bool succeeded() {
    output_.reset();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t pid_ = -1;
  io::UniqueFd output_;
};

}  // namespace

std::expected<Credentials, Ending> credentials_for(const Profile& profile) {
  const auto with = [&](SecretText password) {
    return Credentials(profile.user, std::move(password), profile.password_text);
  };
  if (const auto* text = std::get_if<SecretText>(&profile.password)) return with(text->clone());
  if (const auto* hash = std::get_if<NtHash>(&profile.password))
    return Credentials(profile.user, hash->clone());
  if (const auto* file = std::get_if<PasswordFile>(&profile.password)) {
    auto password = read_password_file(profile, *file);
    if (!password) return refused(password.error(), "name a file that can be read");
    return with(std::move(*password));
  }
  if (const auto* command = std::get_if<PasswordCommand>(&profile.password)) {
    auto password = run_password_command(profile, *command);
    if (!password) return refused(password.error(), "run it by hand to see why");
    return with(std::move(*password));
  }
  if (const std::string path = credential_path(profile.name); !path.empty()) {
    auto content = read_file(path);
    if (!content) return refused(content.error(), "look at the unit's LoadCredential=");
    auto password = not_empty(first_line(std::move(content->text)),
                              {path, 1, 1, "the credential is empty", "put the password there"});
    if (!password) return refused(password.error(), {});
    return with(std::move(*password));
  }
  auto password = ask_password(
      fmt::format("Password of {} at {}: ", profile.user, profile.servers.front().host));
  if (!password) return std::unexpected(std::move(password.error()));
  return with(std::move(*password));
}

std::shared_ptr<const Credentials> credentials_with(const Profile& profile, SecretText password) {
  return std::make_shared<const Credentials>(profile.user, std::move(password),
                                             profile.password_text);
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
  return not_empty(
      first_line(std::move(content->text)),
      {path, 1, 1, "the first line is empty", "write the password there, and nothing else"});
}

std::expected<SecretText, ConfigError> run_password_command(const Profile& profile,
                                                            const PasswordCommand& command) {
  std::vector<std::string> arguments = command.arguments;
  // As for all files that a profile names. Without a slash it is looked for in PATH.
  if (arguments.front().find('/') != std::string::npos)
    arguments.front() = (profile.folder / arguments.front()).string();
  const std::string& shown = arguments.front();
  PrintingProgram program;
  if (const int error = program.start(arguments); error != 0) {
    return std::unexpected(ConfigError{shown, 0, 0, std::generic_category().message(error),
                                       "'password-command' must name a program"});
  }
  auto printed = read_descriptor(program.output(), shown);
  const bool succeeded = program.succeeded();
  if (!printed) return std::unexpected(std::move(printed.error()));
  SecretText password = first_line(std::move(printed->text));
  if (!succeeded)
    return std::unexpected(ConfigError{shown, 0, 0, "the password command failed", {}});
  return not_empty(std::move(password),
                   {shown, 0, 0, "the password command printed no password", {}});
}

std::string password_changed(const Profile& profile) {
  struct Where {
    const Profile& profile;

    std::string operator()(const AskPassword&) const {
      return credential_path(profile.name).empty() ? std::string()
                                                   : "the credential pptpd-user." + profile.name;
    }

    std::string operator()(const SecretText&) const { return "the profile"; }

    std::string operator()(const NtHash&) const { return "the profile, as password or nt-hash"; }

    std::string operator()(const PasswordFile& file) const {
      return (profile.folder / file.path).string();
    }

    std::string operator()(const PasswordCommand& command) const {
      return "what " + command.arguments.front() + " prints";
    }
  };

  const std::string place = std::visit(Where{profile}, profile.password);
  return place.empty() ? "the server has the new password"
                       : "the server has the new password: put it into " + place + " too";
}

EndingContext context_for(const std::string& server, const Credentials& credentials) {
  EndingContext context;
  context.server = server;
  context.user = credentials.user();
  const auto password = credentials.password();
  if (!password || password->empty()) return context;
  context.password_edge_blanks = password->front() == ' ' || password->back() == ' ';
  context.password_beyond_ascii =
      std::ranges::any_of(*password, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return context;
}

}  // namespace pptp::app
