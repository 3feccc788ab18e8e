#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>

#include "apps/command_line.h"
#include "apps/ending.h"
#include "apps/terminal.h"

namespace {

/// Results that nobody got are no success.
int with_results_written(int status) {
  using namespace pptp::app;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  Ending ending = ending_of(Trouble::config_invalid);
  ending.summary = "standard output does not take the results";
  ending.remedy = {"look whether its disk is full"};
  return failed(ending);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace pptp::app;
  try {
    if (const auto held = hold_standard_streams(); !held) return failed(ending_of(held.error()));
    Commands commands;
    commands.connect = run_connect;
    commands.exec = run_exec;
    commands.disconnect = run_disconnect;
    commands.reconnect = run_reconnect;
    commands.passwd = run_passwd;
    commands.status = run_status;
    commands.serve = run_serve;
    commands.doctor = run_doctor;
    commands.explain = run_explain;
    commands.symptoms = run_symptoms;
    commands.demo = run_demo;
    commands.profile_show = run_profile_show;
    commands.profile_check = run_profile_check;
    commands.profile_new = run_profile_new;
    commands.version = run_version;
    return with_results_written(run_command_line(
        std::span<const char* const>(argv, static_cast<std::size_t>(argc)), commands));
  } catch (const std::exception& error) {
    return failed(ending_of(Trouble::internal_error, error.what()));
  }
}
