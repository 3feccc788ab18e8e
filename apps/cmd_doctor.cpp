#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/call_recorder.h"
#include "apps/commands.h"
#include "apps/doctor/examination.h"
#include "apps/doctor/report.h"
#include "apps/finding_text.h"
#include "apps/password.h"
#include "apps/progress.h"
#include "apps/terminal.h"
#include "diagnosis/checkup.h"
#include "tunnel/io/clock.h"
#include "tunnel/io/file.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

using diagnosis::CheckedStep;
using diagnosis::Diagnosis;
using diagnosis::Problem;

/// Nobody is logged in without a profile: the name is not sent.
constexpr const char* kNobody = "nobody";

struct Patient {
  Profile profile;
  bool has_profile = false;
};

/// A profile where there is one of that name, else a host.
std::expected<Patient, ConfigErrors> find_patient(const std::string& what) {
  const ProfileFolders folders = ProfileFolders::from_environment();
  const std::expected<FoundProfile, ConfigError> found = find_profile(what, folders);
  const bool is_path = what == "-" || what.find('/') != std::string::npos;
  ProfileRequest request;
  if (found || is_path) {
    request.profile = what;
  } else {
    request.server = what;
    request.user = kNobody;
  }
  std::expected<Profile, ConfigErrors> profile = load_profile(request, folders);
  if (!profile) return std::unexpected(std::move(profile.error()));
  return Patient{*std::move(profile), !request.profile.empty()};
}

nlohmann::json to_json(const Diagnosis& diagnosis) {
  nlohmann::json findings = nlohmann::json::array();
  for (const Problem& problem : diagnosis.findings)
    findings.push_back(app::to_json(problem));
  nlohmann::json steps = nlohmann::json::array();
  for (const CheckedStep& step : diagnosis.steps)
    steps.push_back(
        {{"step", name(step.step)}, {"verdict", name(step.verdict)}, {"evidence", step.evidence}});
  return {{"findings", findings}, {"steps", steps}};
}

std::string to_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const CheckedStep& step : diagnosis.steps)
    text += fmt::format("{:<8} {}: {}\n", name(step.verdict), name(step.step), step.evidence);
  if (diagnosis.findings.empty()) text += "\nnothing wrong found\n";
  for (const Problem& problem : diagnosis.findings)
    text += "\n" + app::to_text(problem);
  return text;
}

ReportHead head_of(const Profile& profile) {
  return {.patient = profile.name,
          .server = profile.servers.front().host,
          .made = fmt::format("pptpd-user {}, {:%Y-%m-%d %H:%M} UTC", PPTPD_USER_VERSION,
                              fmt::gmtime(std::chrono::system_clock::now()))};
}

}  // namespace

int run_doctor(const DoctorArguments& arguments, const Globals& globals) {
  std::signal(SIGPIPE, SIG_IGN);
  ProgramLog log(globals.log);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return log.failed(ending_of(guarded.error()));
  }
  const std::string& report = arguments.report;
  if (!report.empty()) {
    const io::IoResult<void> possible = io::check_replaceable(report);
    if (!possible) return log.failed(not_writable("--report " + report, possible.error()));
  }
  std::expected<Patient, ConfigErrors> patient = find_patient(arguments.patient);
  if (!patient) return log.failed(patient.error());
  std::shared_ptr<const Credentials> credentials;
  if (patient->has_profile) {
    std::expected<Credentials, Ending> given = credentials_for(patient->profile);
    if (!given) return log.failed(given.error());
    credentials = std::make_shared<const Credentials>(*std::move(given));
  }
  Timeline timeline(io::engine_now());
  const auto recorder = recorder_for(globals, {}, log, report.empty() ? nullptr : &timeline);
  if (!recorder) return log.failed(recorder.error());
  const ReportHead head = head_of(patient->profile);
  Diagnosis diagnosis;
  {
    ShownProgress progress(log);
    Examination examination(std::move(patient->profile), std::move(credentials), log, progress,
                            **recorder);
    diagnosis = diagnose(examination.run());
    if (examination.interrupted()) return log.failed(ending_of(Trouble::interrupted));
  }
  put_text(stdout, arguments.json ? to_json(diagnosis).dump() + "\n" : to_text(diagnosis));
  if (!report.empty()) {
    const auto written = io::publish_file(report, report_page(head, timeline, diagnosis));
    if (!written) return log.failed(not_writable("--report " + report, written.error()));
  }
  return diagnosis.findings.empty() ? 0 : 1;
}

}  // namespace pptp::app
