#pragma once

#include <functional>
#include <span>

#include "apps/commands.h"

namespace pptp::app {

/// What runs for each command. A command without a function does not exist: it is in no help text,
/// and naming it is a usage error.
struct Commands {
  template <class Arguments>
  using Run = std::function<int(const Arguments&, const Globals&)>;

  Run<ConnectArguments> connect;
  Run<ExecArguments> exec;
  Run<DisconnectArguments> disconnect;
  Run<ReconnectArguments> reconnect;
  Run<PasswdArguments> passwd;
  Run<StatusArguments> status;
  Run<ServeArguments> serve;
  Run<DoctorArguments> doctor;
  Run<ExplainArguments> explain;
  Run<SymptomsArguments> symptoms;
  Run<DemoArguments> demo;
  Run<ProfileShowArguments> profile_show;
  Run<ProfileCheckArguments> profile_check;
  Run<ProfileNewArguments> profile_new;
  Run<VersionArguments> version;
};

/// Reads the command line (`arguments` begins with the program's name) and runs what it says.
/// Returns the exit status: help is 0 and goes to standard output, a usage error is 2 and goes to
/// standard error.
int run_command_line(std::span<const char* const> arguments, const Commands& commands);

}  // namespace pptp::app
