#include "diagnosis/log_line.h"

#include <string>

#include <doctest/doctest.h>

using namespace pptp::diagnosis;

namespace {

LogLine only(std::string_view text) {
  const auto lines = read_lines(text);
  REQUIRE(lines.size() == 1);
  return lines[0];
}

void check(std::string_view text, std::string_view program, std::uint32_t pid,
           std::string_view message) {
  INFO(std::string(text));
  const LogLine line = only(text);
  CHECK(line.program == program);
  CHECK(line.pid == pid);
  CHECK(line.message == message);
}

}  // namespace

TEST_CASE("log_line: what loggers put in front of a message is taken off") {
  check("Exit.", "", 0, "Exit.");
  check("pppd[12]: Exit.", "pppd", 12, "Exit.");
  check("/usr/sbin/pppd: Exit.", "pppd", 0, "Exit.");
  check("Mar 25 12:34:56 server pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("Mar  5 12:34:56 pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("<30>Mar 25 12:34:56 server pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("<30>1 2023-05-01T10:00:00.123456+02:00 host pppd 1234 - - Exit.", "pppd", 1234, "Exit.");
  check(R"(<30>1 2023-05-01T10:00:00Z host pppd 7 ID [a b="]\"" c="d"] Exit.)", "pppd", 7, "Exit.");
  check("2023-05-01T10:00:00.123456+02:00 host pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("2023-05-01 10:00:00 pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("Mon 2023-05-01 10:00:00 CEST host pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("Tue Oct 22 19:17:45 2019 daemon.info pptpd[28444]: MGR: x", "pptpd", 28444, "MGR: x");
  check("[  123.456789] host pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("1596625785.554123 host pppd[1234]: Exit.", "pppd", 1234, "Exit.");
  check("12:34:56 Exit.", "", 0, "Exit.");
  check("> > pppd[12]: Exit.", "pppd", 12, "Exit.");
  check("vpn_1  | Exit.", "", 0, "Exit.");
}

TEST_CASE("log_line: wrappers of NetworkManager and pptp-linux") {
  check("Mar 3 10:11:12 box NetworkManager[812]: <info>  [1583230272.1234] pppd started",
        "NetworkManager", 812, "pppd started");
  check("Mar 3 10:11:12 box NetworkManager[812]: ** Message: 10:11:12.123: Exit.", "NetworkManager",
        812, "Exit.");
  check("Mar 3 10:11:13 box pptp[426]: nm-pptp-service-42 log[main:pptp.c:350]: Hello", kPptpLinux,
        426, "Hello");
  check("anon warn[open_inetsock:pptp_callmgr.c:352]: connect: Connection refused", kPptpLinux, 0,
        "connect: Connection refused");
  check("log[main:pptp.c:350]: Hello", kPptpLinux, 0, "Hello");
}

TEST_CASE("log_line: accel-ppp's file names the session") {
  const LogLine line = only("[2023-05-01 10:00:00]:  info: ppp0: send [LCP TermReq id=2]");
  CHECK(line.program == "accel-ppp");
  CHECK(line.session == "ppp0");
  CHECK(line.message == "send [LCP TermReq id=2]");
  const LogLine journal =
      only("Nov 01 15:57:13 v5 accel-pppd[2898]: ppp0:alice: send [LCP TermReq id=2]");
  CHECK(journal.session == "ppp0");
  CHECK(journal.message == "send [LCP TermReq id=2]");
  CHECK(only("Nov 01 15:57:13 v5 accel-pppd[2898]: :: disconnected").message == "disconnected");
  CHECK(only("error: failed dependencies:").program.empty());
}

TEST_CASE("log_line: the journal's fields, of verbose and export, make one line") {
  const auto lines = read_lines(
      "Mon 2023-05-01 10:00:00.123 CEST [s=1;i=2]\n    _PID=77\n    PRIORITY=6\n    "
      "SYSLOG_IDENTIFIER=pppd\n"
      "    MESSAGE=Exit.\n    _UID=0\n\n__CURSOR=a\nSYSLOG_IDENTIFIER=pptpd\nMESSAGE=MGR: "
      "x\n_PID=78\n");
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].program == "pppd");
  CHECK(lines[1].pid == 77);
  CHECK(lines[1].message == "Exit.");
  CHECK(lines[2].program == "pptpd");
  CHECK(lines[2].pid == 78);
  CHECK(lines[2].number == 10);
}

TEST_CASE("log_line: the message of a line in JSON") {
  check(R"({"MESSAGE":"name = \"a\\\\b\" \u001b[0mx","SYSLOG_IDENTIFIER":"pppd","_PID":"77"})",
        "pppd", 77, R"(name = "a\\b" x)");
  check(R"({"log":"pppd[12]: Exit.\n","stream":"stderr"})", "pppd", 12, "Exit.");
  check(R"({"time":"10:00:00","level":"info","message":"Exit."})", "", 0, "Exit.");
  check(R"({"MESSAGE":[1,2]})", "", 0, R"({"MESSAGE":[1,2]})");
}

TEST_CASE("log_line: colours, carriage returns, NUL and a byte order mark are not the message") {
  check("\xef\xbb\xbf\x1b[1;31mpppd[12]:\x1b[0m Ex\x1b]0;title\ait.\r\n", "pppd", 12, "Exit.");
  check(std::string_view("pppd[12]: E\0xit.", 16), "pppd", 12, "Exit.");
  CHECK(read_lines("\n\r\n \t\n").empty());
  CHECK(only("Exit.\x1b[").message == "Exit.");
}

TEST_CASE("log_line: repetitions are counted") {
  auto lines = read_lines("pppd[1]: sent\nlast message repeated 9 times\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].repeats == 10);
  lines = read_lines(
      "May 1 10:00:00 h pppd[1]: message repeated 3 times: [ sent [LCP ConfReq id=0x1]]\n");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].repeats == 3);
  CHECK(lines[0].message == "sent [LCP ConfReq id=0x1]");
}

TEST_CASE("log_line: seconds between stamps, over midnight and over the end of a month") {
  auto lines = read_lines("23:59:59 a\n00:00:01 b\n");
  CHECK(*lines[1].seconds - *lines[0].seconds == 2);
  lines = read_lines("May 1 10:00:00 h a[1]: x\nMay 2 10:00:00 h a[1]: x\n");
  CHECK(*lines[1].seconds - *lines[0].seconds == 86400);
  CHECK_FALSE(only("Exit.").seconds);
}

TEST_CASE("log_line: what a mail program has broken off goes back to its line, and nothing else") {
  const std::string before =
      "May 1 10:00:00 h pptpd[7]: GRE: read from PTY and more words that fill";
  const auto count = [&](const std::string& after) { return read_lines(before + after).size(); };
  CHECK(read_lines(before + "\nthe line\n")[0].message ==
        "GRE: read from PTY and more words that fill the line");
  CHECK(count("\nthe line: status\nand another\n") == 1);
  CHECK(count("\nThe line\n") == 2);
  CHECK(count(".\nthe line\n") == 2);
  CHECK(count("\nsent [LCP ConfReq id=0x1]\n") == 2);
  CHECK(count("\nMay 1 10:00:00 h pppd[8]: x\n") == 2);
  CHECK(read_lines("Exit\nthe line\n").size() == 2);
  // However much of it there is.
  std::string many = before;
  for (int i = 0; i < 1000; ++i)
    many += "\nthe line that follows and follows";
  for (const LogLine& line : read_lines(many))
    CHECK(line.text.size() <= kLongestLine);
}

TEST_CASE("log_line: what is too long is cut, and of a text that is too long the end is read") {
  CHECK(only(std::string(10'000, 'x')).message.size() == kLongestLine);
  std::string text = "first\n";
  text.append(kLongestText, 'x');
  text += "\nlast\n";
  const auto lines = read_lines(text);
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.front().message != "first");
  CHECK(lines.back().message == "last");
}
