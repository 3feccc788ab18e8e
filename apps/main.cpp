#include <cstddef>
#include <exception>
#include <span>

#include "apps/command_line.h"
#include "apps/ending.h"
#include "apps/terminal.h"

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
    return run_command_line(std::span<const char* const>(argv, static_cast<std::size_t>(argc)),
                            commands);
  } catch (const std::exception& error) {
    return failed(ending_of(Trouble::internal_error, error.what()));
  }
}
