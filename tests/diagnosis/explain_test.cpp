#include "diagnosis/explain.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace pptp::diagnosis;

namespace {

const Explainer& explainer() {
  static const Explainer one;
  return one;
}

std::vector<std::string> ids(std::string_view text) {
  std::vector<std::string> found;
  for (const Finding& finding : explainer().explain(text).findings)
    found.emplace_back(finding.symptom->id);
  return found;
}

std::string first(std::string_view text) {
  const auto found = ids(text);
  return found.empty() ? "" : found.front();
}

/// The findings, and of a single line what it means otherwise.
std::vector<std::string> meanings(std::string_view text) {
  std::vector<std::string> found = ids(text);
  for (const Finding& finding : explainer().explain(text).usual)
    found.emplace_back(finding.symptom->id);
  return found;
}

bool contains(const std::vector<std::string>& found, std::string_view id) {
  return std::ranges::find(found, id) != found.end();
}

const std::string kUp =
    "pppd[7]: Using interface ppp0\npppd[7]: Connect: ppp0 <--> /dev/pts/1\npppd[7]: CHAP "
    "authentication succeeded\n"
    "pppd[7]: MPPE 128-bit stateless compression enabled\npppd[7]: local  IP address 10.0.0.2\n"
    "pppd[7]: remote IP address 10.0.0.1\n";
const std::string kFails =
    "pppd[6]: Using interface ppp0\npppd[6]: Connect: ppp0 <--> /dev/pts/1\npppd[6]: LCP: timeout "
    "sending Config-Requests\n"
    "pppd[6]: Connection terminated.\n";

}  // namespace

TEST_CASE("explain: every example of the catalogue is recognised") {
  for (const Symptom& symptom : symptoms()) {
    for (const SymptomPattern& pattern : symptom.patterns) {
      INFO(std::string(symptom.id), ": ", std::string(pattern.example));
      CHECK(contains(meanings(pattern.example), symptom.id));
      CHECK(contains(
          meanings("Mar 25 12:34:56 host pppd[123]: " + std::string(pattern.example) + "\r\n"),
          symptom.id));
    }
  }
}

TEST_CASE("explain: a line that every good call has, too, is told and is no finding") {
  const Explanation explanation = explainer().explain("pppd[7]: CHAP authentication succeeded\n");
  CHECK(explanation.findings.empty());
  REQUIRE(explanation.usual.size() == 1);
  CHECK(explanation.usual[0].symptom->id == "chap-succeeded");
  CHECK(explainer().explain(kUp).usual.empty());
  CHECK(first("pppd[7]: CHAP authentication failed\n") == "chap-auth-failed");
}

TEST_CASE("explain: a single request is put into words, and is no finding") {
  for (const std::string_view line :
       {"sent [CCP ConfReq id=0x1 <mppe 1 0 0 e1>]", "<mppe 1 0 0 e1>", "+H +M +S +L -D +C",
        "rcvd [CCP ConfReq id=0x1 <mppe +H +M +S +L -D +C>]"}) {
    INFO(std::string(line));
    const Explanation explanation = explainer().explain(line);
    CHECK(explanation.findings.empty());
    REQUIRE_FALSE(explanation.usual.empty());
    CHECK(explanation.usual[0].evidence[0].ends_with(" (128 and 56 and 40 bits, stateless, MPPC)"));
  }
  CHECK(ids("rcvd [LCP ConfReq id=0x1 <auth chap MS-v2>]").empty());
  CHECK(explainer().explain("<mppe 1 0 0 e1>").steps[0].starts_with("line 1: "));
}

TEST_CASE("explain: octets that are no text are not taken for a log") {
  CHECK_FALSE(explainer().explain("\xe6\x01 R=0\n\xf3 \x02 C=1 R=1 x\n").recognised);
}

TEST_CASE("explain: what mail has broken is put together again") {
  const std::string_view broken =
      "Aug 15 06:00:10 yard pptpd[51]: GRE: read(fd=6,buffer=6075a0,len=8196) from PTY\n"
      "failed: status = -1 error = Input/output error\n";
  CHECK(first(broken) == "pptpd-pty-io-error");
  CHECK(first("Aug 15 06:00:10 yard pptpd[51]: GRE: read(fd=6,buffer=6075a0,len=8196) from PTY\n"
              "Failed: status = -1 error = Input/output error\n") != "pptpd-pty-io-error");
}

TEST_CASE("explain: passwords and what they could be guessed from are masked") {
  const auto evidence = [](std::string_view text) {
    std::string all;
    for (const Finding& finding : explainer().explain(text).findings)
      for (const std::string& line : finding.evidence)
        all += line + "\n";
    return all;
  };
  const std::string response = "6e375b5cd0a30dd4d30a703c5507908100000000000000006d75f0";
  std::string shown =
      evidence("sent [CHAP Response id=0x1 <" + response + ">, name = \"DOMAIN\\\\\\\\alice\"]");
  CHECK(shown.find("alice") != std::string::npos);
  CHECK(shown.find("6e375b5c") == std::string::npos);
  shown =
      evidence("rcvd [CHAP Failure id=0x1 \"E=691 R=1 C=0123456789abcdef0123456789abcdef V=3\"]");
  CHECK(shown.find("0123456789abcdef") == std::string::npos);
  CHECK(shown.find("another try is allowed") != std::string::npos);
  shown = evidence("sent [PAP AuthReq id=0x1 user=\"alice\" password=\"hunter2\"] E=691");
  CHECK(shown.find("alice") != std::string::npos);
  CHECK(shown.find("hunter2") == std::string::npos);
  for (const std::string_view line :
       {"Cleartext-Password := \"hunter2\" E=691 R=0", "(5) User-Password = \"hunter2\" E=691 R=0",
        "Password='hunter2' E=691 R=0", "password=hunter2 E=691 R=0",
        "MS-CHAP2-Response = 0x00112233445566778899aabb E=691",
        "NT-Password := 0x00112233445566778899aabb E=691",
        "Auth: (5) Login incorrect (mschap: E=691 R=1): [alice/hunter2] (from client nas port "
        "1)"}) {
    shown = evidence(line);
    INFO(shown);
    CHECK_FALSE(shown.empty());
    CHECK(shown.find("hunter2") == std::string::npos);
    CHECK(shown.find("0011223344") == std::string::npos);
  }
}

TEST_CASE("explain: nothing wrong in a connection that comes up and is ended") {
  for (const std::string_view end :
       {"", "pppd[7]: Terminating on signal 15\npppd[7]: Connection terminated.\n",
        "pppd[7]: Modem hangup\npppd[7]: Connect time 3.0 minutes.\npppd[7]: Exit.\n"}) {
    const Explanation explanation = explainer().explain(kUp + std::string(end));
    CHECK(explanation.recognised);
    CHECK(explanation.findings.empty());
    CHECK(explanation.steps.size() == 1);
  }
}

TEST_CASE("explain: what came before a call that came up did not matter") {
  CHECK(ids("modprobe: can't locate module ppp-compress-21\n" + kUp).empty());
  CHECK(ids("rcvd [CCP ConfRej id=0x1 <deflate 15>]\n" + kUp).empty());
}

TEST_CASE("explain: a later call that came up heals an earlier one, not the other way round") {
  CHECK(first(kFails) == "gre-blocked");
  CHECK(ids(kFails + kUp).empty());
  CHECK(first(kUp + kFails) == "gre-blocked");
}

TEST_CASE("explain: on a server another client's success heals nothing") {
  const auto client = [](std::string_view address, std::string_view pid, const std::string& what) {
    const std::string ctrl = "pptpd[" + std::string(pid) + "]: CTRL: ";
    return ctrl + "Client " + std::string(address) + " control connection started\n" + ctrl +
           "Starting call (launching pppd, opening GRE)\n" + what + ctrl + "Client " +
           std::string(address) + " control connection finished\n";
  };
  CHECK(first(client("192.0.2.1", "1", kFails) + client("192.0.2.2", "2", kUp)) == "gre-blocked");
  CHECK(ids(client("192.0.2.1", "1", kFails) + client("192.0.2.1", "2", kUp)).empty());
}

TEST_CASE("explain: the same rejects mean wrong keys from the first, and a lost place later") {
  const std::string rejects =
      "rcvd [LCP ProtRej id=0x70 59 ae 22 41 d5]\nrcvd [LCP ProtRej id=0x71 b5 a7 dc 7d 99]\n";
  CHECK(first(kUp + rejects) == "mppe-key-length-mismatch");
  std::string quiet;
  for (int i = 0; i < 20; ++i)
    quiet += "rcvd [LCP EchoReq id=0x1]\nsent [LCP EchoRep id=0x1]\n";
  CHECK(first(kUp + quiet + rejects) == "mppe-stateful-desync");
  CHECK(first("10:00:00 MPPE 128-bit stateful compression enabled\n10:09:00 Unsupported protocol "
              "0xbe1b received\n") == "mppe-stateful-desync");
  CHECK(first("10:00:00 MPPE 128-bit stateless compression enabled\n10:00:01 Unsupported protocol "
              "0xbe1b received\n") == "mppe-key-length-mismatch");
  CHECK(ids(kUp + "rcvd [LCP ProtRej id=0x2 80 57 01 01 00 0e]\nProtocol-Reject for 'IPv6 Control "
                  "Protocol' (0x8057) received\n")
            .empty());
  CHECK(first(kUp + "Unsupported protocol 0x2145 received\n") == "mppc-0x2145");
}

TEST_CASE("explain: the cause comes before what follows from it") {
  auto found =
      ids("rcvd [CHAP Failure id=0x1 \"E=691 R=1 C=00 V=3\"]\nMS-CHAP authentication failed: E=691 "
          "Authentication failure\n"
          "CHAP authentication failed\nsent [LCP TermReq id=0x2 \"Failed to authenticate ourselves "
          "to peer\"]\n"
          "Connection terminated.\nModem hangup\n");
  REQUIRE(found.size() >= 2);
  CHECK(found[0] == "chap-e691-bad-password");
  CHECK(contains(found, "chap-auth-failed"));
  found =
      ids("MPPE required, but kernel has no support.\nsent [LCP TermReq id=0x3 \"MPPE required but "
          "not available\"]\n");
  REQUIRE(found.size() >= 2);
  CHECK(found[0] == "mppe-kernel-no-support");
  CHECK(contains(found, "mppe-required-not-available"));
}

TEST_CASE("explain: encryption that was not agreed on, by what each side asked for") {
  const std::string asked = "sent [CCP ConfReq id=0x1 <mppe +H -M +S -L -D -C>]\n";
  const std::string failed = "MPPE required but peer negotiation failed\n";
  CHECK(first(asked + "rcvd [CCP ConfNak id=0x1 <mppe +H -M -S +L -D -C>]\n" + failed) ==
        "mppe-40-only-peer");
  CHECK(first(asked + "rcvd [CCP ConfReq id=0x4 <mppe +H -M -S -L -D +C>]\n" + failed +
              "sent [LCP TermReq id=0x4 \"MPPE required but peer negotiation failed\"]\n") ==
        "mppe-negotiation-pedantic");
  CHECK(first(asked + "rcvd [LCP ProtRej id=0x4 80 fd 01 01 00 0a]\n" + failed) ==
        "mppe-peer-refused");
  CHECK(
      first(
          asked +
          "rcvd [CCP ConfRej id=0x1 <mppe +H -M +S -L -D -C>]\nMPPE required but peer refused\n") ==
      "mppe-peer-refused");
  CHECK(first("sent [CCP ConfReq id=0x1]\nrcvd [CCP ConfNak id=0x1 <mppe 0 0 0 0>]\nsent [CCP "
              "ConfReq id=0x2]\n"
              "rcvd [CCP ConfNak id=0x2 <mppe 0 0 0 0>]\n") == "ccp-mppe-refused");
}

TEST_CASE("explain: silence, silence one way, and a link that is no PPTP") {
  const std::string request = "sent [LCP ConfReq id=0x1 <magic 0x1>]\n";
  CHECK(first("Connect: ppp0 <--> /dev/pts/1\n" + request + "last message repeated 9 times\n") ==
        "gre-blocked");
  CHECK(ids("Connect: ppp0 <--> /dev/pts/1\n" + request).empty());
  const std::string asked =
      "rcvd [LCP ConfReq id=0x1 <magic 0x2>]\nsent [LCP ConfAck id=0x1 <magic 0x2>]\n" + request;
  CHECK(first(asked + asked + asked + "LCP: timeout sending Config-Requests\n") == "gre-blocked");
  for (const std::string_view link :
       {"Connect: ppp0 <--> /dev/ttyUSB0\n", "Plugin rp-pppoe.so loaded.\n",
        "Plugin pppol2tp.so loaded.\n", "xl2tpd[3]: Connecting to host\n", "Connect: ppp0 <--> \n",
        "sstpc[3]: Connected\n"}) {
    INFO(std::string(link));
    const Explanation explanation =
        explainer().explain(std::string(link) + request + "LCP: timeout sending Config-Requests\n");
    CHECK_FALSE(explanation.recognised);
    CHECK(explanation.findings.empty());
  }
}

TEST_CASE("explain: what Windows shows, logs, and ends a link with") {
  CHECK(first("Error 619: A connection could not be established.\n") == "gre-blocked");
  CHECK(first("RasClient 20227: The user dialed a connection which has failed. The error code "
              "returned on failure is 691.\n") == "win-691-access-denied");
  CHECK(first("LCP terminated by peer (#M-~UM-^Q^@<M-Mt^@^@^BM-f)\n") == "win-742-no-encryption");
  CHECK(first("rcvd [LCP TermReq id=0x3 0e a3 45 cf 00 3c cd 74 00 00 02 89]\n") ==
        "chap-e649-no-dialin");
}

TEST_CASE("explain: this program's own words name the symptom") {
  CHECK(first("connecting to 192.0.2.1:1723\npptpd-user: the account is disabled "
              "[chap-e647-disabled]\n") == "chap-e647-disabled");
  CHECK(ids("connecting to 192.0.2.1:1723\n10:00:00 warning lost [peer-not-responding]; calling "
            "again in 1.0 s\n"
            "connecting to 192.0.2.1:1723\npptp0 is up: 10.0.0.2 -> 10.0.0.1, MPPE 128 bit "
            "stateless, MTU 1400\n")
            .empty());
}

TEST_CASE("explain: evidence has the line's number and its numbers in words, in printable ASCII") {
  const auto finding =
      explainer().explain("\n\nrcvd [CCP ConfNak id=0x1 <mppe 1 0 0 20>]\xff\n").findings;
  REQUIRE_FALSE(finding.empty());
  const std::string& line = finding.front().evidence.front();
  CHECK(line.starts_with("line 3: "));
  CHECK(line.find("40 bits, stateless") != std::string::npos);
  CHECK(line.find("\\xff") != std::string::npos);
}

TEST_CASE("explain: nothing, and what is not text") {
  CHECK_FALSE(explainer().explain("").recognised);
  CHECK_FALSE(explainer().explain(std::string(100'000, '\0')).recognised);
  CHECK_FALSE(explainer().explain("The quick brown fox\njumps over the lazy dog\n").recognised);
  std::string cut = kUp + kFails;
  for (std::size_t size = 0; size < cut.size(); ++size)
    (void)explainer().explain(std::string_view(cut).substr(0, size));
}
