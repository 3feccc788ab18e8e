#include "apps/credentials_prompt.h"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "apps/config_error.h"

namespace pptp::app {
namespace {

constexpr Duration kMoment = std::chrono::milliseconds(300);

}  // namespace

bool CredentialsPrompt::possible() {
  const io::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  return terminal && tcgetpgrp(terminal.fd()) == getpgrp();
}

CredentialsPrompt::CredentialsPrompt(io::EventLoop& loop, Question question, std::string user,
                                     Answer answer)
    : loop_(loop),
      question_(question),
      user_(printable(user)),
      answer_(std::move(answer)),
      timer_(loop, [this] { ask_first("\n"); }) {
  timer_.set(loop.now() + kMoment);
}

CredentialsPrompt::~CredentialsPrompt() = default;

void CredentialsPrompt::ask_first(const std::string& problem) {
  first_.reset();
  if (question_ == Question::other_password) {
    ask(problem + "Refused. Password of " + user_ + ": ");
  } else {
    ask(problem + "The password has expired. New password of " + user_ + ": ");
  }
}

void CredentialsPrompt::ask(const std::string& prompt) {
  watch_.reset();
  prompt_.reset();
  auto opened = TerminalPrompt::open(prompt);
  if (!opened) return give_up();
  prompt_.emplace(*std::move(opened));
  watch_.emplace(loop_, prompt_->fd());
  watch_->on_readable([this] { typed(); });
}

void CredentialsPrompt::typed() {
  switch (prompt_->read()) {
    case TerminalPrompt::State::asking:
      return;
    case TerminalPrompt::State::closed:
      return give_up();
    case TerminalPrompt::State::answered:
      return answered(prompt_->take_answer());
  }
}

void CredentialsPrompt::answered(SecretText answer) {
  if (question_ == Question::new_password) {
    if (!first_ && answer.empty()) return ask_first("An empty one will not do.\n");
    if (!first_) {
      first_ = std::move(answer);
      return ask("The same again: ");
    }
    if (!equal_secret(as_bytes(first_->view()), as_bytes(answer.view())))
      return ask_first("These two are not the same.\n");
  }
  watch_.reset();
  prompt_.reset();
  answer_(std::move(answer));
}

void CredentialsPrompt::give_up() {
  watch_.reset();
  prompt_.reset();
  answer_(std::nullopt);
}

}  // namespace pptp::app
