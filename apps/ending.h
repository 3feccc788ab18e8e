#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "diagnosis/checkup.h"
#include "lib/cause.h"
#include "tunnel/io/io_error.h"

namespace pptp::app {

/// What the program exits with: pppd(8)'s numbers where they mean the same, from 32 on what it has
/// no word for.
enum class ExitStatus : std::uint8_t {
  ended_by_us = 0,
  internal_error = 1,
  config_invalid = 2,
  not_permitted = 3,
  interrupted = 5,
  script_failed = 8,
  no_agreement = 10,
  idle_time = 12,
  time_limit = 13,
  peer_not_responding = 15,
  peer_terminated = 16,
  looped_back = 17,
  not_authenticated = 19,
  name_not_found = 32,
  not_reached = 33,
  call_rejected = 34,
  no_gre = 35,
  not_encrypted = 36,
  server_not_authentic = 37,
  no_address = 38,
  host_config_failed = 39,
  already_connected = 40,
  no_common_method = 41,
};

/// Why a command ended that never was a call, or whose call did not fail by itself: what only the
/// program can see.
enum class Trouble : std::uint8_t {
  internal_error,
  config_invalid,
  need_root,    ///< a capability or a permission is missing
  tun_missing,  ///< there is no /dev/net/tun
  interrupted,  ///< INT or TERM
  script_failed,
  tun_program_ended,
  name_not_found,
  name_no_answer,         ///< the resolver did not answer
  ctrl_refused,           ///< TCP: reset
  ctrl_unreachable_1723,  ///< TCP: no answer
  ctrl_net_unreachable,
  ctrl_no_route,
  gre_eperm,           ///< sending GRE is not permitted
  gre_local_firewall,  ///< GRE is sent and does not leave this host
  gre_not_available,   ///< the server's host answers that it does not speak GRE
  host_config_failed,  ///< addresses, routes or DNS could not be set
  already_connected,
  password_not_expired,  ///< passwd: the server lets us in as we are
  port_in_use,           ///< serve: somebody else listens
};

/// How something ended, for people and for scripts.
struct Ending {
  ExitStatus exit = ExitStatus::ended_by_us;
  std::string id;                     ///< empty where nothing is wrong
  std::string summary;                ///< one line without a full stop
  std::vector<std::string> remedy;    ///< what to do, the most likely first
  std::vector<std::string> evidence;  ///< what was seen
  /// What else is wrong or follows from it, the most likely first.
  std::vector<diagnosis::Problem> others = {};

  int status() const noexcept { return static_cast<int>(exit); }
};

/// What helps to say it better. Everything may be left empty.
struct EndingContext {
  std::string server;  ///< as the user named it
  std::string user;    ///< as it was sent
  bool password_edge_blanks = false;
  bool password_beyond_ascii = false;
};

/// How a call ended. What the peer said is escaped.
Ending ending_of(const End& end, const EndingContext& context = {});

/// `detail`: what was seen, may be empty.
Ending ending_of(Trouble trouble, std::string detail = {}, const EndingContext& context = {});

/// A failed request to the operating system, by its fault.
Ending ending_of(const io::IoError& error, const EndingContext& context = {});

/// One line with what happened and its id, then one for each thing to do.
std::string describe(const Ending& ending);
void print(std::FILE* out, const Ending& ending);

/// For a command that comes to its end by this: prints it to standard error and returns the exit
/// status.
int failed(const Ending& ending);

/// What it is to a diagnosis.
diagnosis::Problem problem_of(const Ending& ending);

/// {"id", "summary", "evidence": [], "remedy": []}, and "others": the same of each, where there are
/// any.
nlohmann::json to_json(const Ending& ending);

}  // namespace pptp::app
