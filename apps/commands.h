#pragma once

#include <string>
#include <vector>

#include "apps/profile_source.h"
#include "apps/program_log.h"

namespace pptp::app {

// What the command line says, and the functions that do it: one file for each, cmd_NAME.cpp. A
// function returns the program's exit status.

/// What may be given with every command.
struct Globals {
  LogOptions log;
  bool log_secrets = false;  ///< in the log and in captures
};

struct ConnectArguments {
  ProfileRequest profile;
  bool background = false;
  std::string capture;  ///< --pcap: where to; empty: nowhere
};

struct ExecArguments {
  ProfileRequest profile;
  std::vector<std::string> command;  ///< with its arguments; at least itself
  std::string capture;               ///< as with ConnectArguments
};

struct DisconnectArguments {
  std::string profile;  ///< empty: not named
};

struct PasswdArguments {
  ProfileRequest profile;
  bool password_stdin = false;  ///< the first line of standard input is the new password
};

struct ReconnectArguments {
  std::string profile;  ///< empty: not named
};

struct StatusArguments {
  std::string profile;  ///< empty: all
  bool json = false;
  bool watch = false;  ///< again and again
};

struct ServeArguments {
  std::string config;                 ///< empty: kServerConfigPath
  bool check = false;                 ///< look at the configuration and end
  std::vector<std::string> settings;  ///< --set, in order
  std::string capture;                ///< as with ConnectArguments
};

struct DoctorArguments {
  std::string patient;  ///< a profile, or a host
  bool json = false;
  std::string report;  ///< --report: the file that gets a page; empty: none
};

struct ExplainArguments {
  std::string file;  ///< empty or "-": standard input
  bool json = false;
};

struct SymptomsArguments {
  std::string id;  ///< empty: all
  bool json = false;
};

struct DemoArguments {
  unsigned seconds = 3;  ///< of data in each direction
  bool json = false;
};

struct ProfileShowArguments {
  ProfileRequest profile;
};

struct ProfileCheckArguments {
  ProfileRequest profile;
};

struct ProfileNewArguments {
  std::string profile;  ///< a name, or a path with a '/' in it
};

struct VersionArguments {};

int run_connect(const ConnectArguments& arguments, const Globals& globals);
int run_exec(const ExecArguments& arguments, const Globals& globals);
int run_disconnect(const DisconnectArguments& arguments, const Globals& globals);
int run_passwd(const PasswdArguments& arguments, const Globals& globals);
int run_reconnect(const ReconnectArguments& arguments, const Globals& globals);
int run_status(const StatusArguments& arguments, const Globals& globals);
int run_serve(const ServeArguments& arguments, const Globals& globals);
int run_doctor(const DoctorArguments& arguments, const Globals& globals);
int run_explain(const ExplainArguments& arguments, const Globals& globals);
int run_symptoms(const SymptomsArguments& arguments, const Globals& globals);
int run_demo(const DemoArguments& arguments, const Globals& globals);
int run_profile_show(const ProfileShowArguments& arguments, const Globals& globals);
int run_profile_check(const ProfileCheckArguments& arguments, const Globals& globals);
int run_profile_new(const ProfileNewArguments& arguments, const Globals& globals);
int run_version(const VersionArguments& arguments, const Globals& globals);

}  // namespace pptp::app
