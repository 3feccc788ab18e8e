#include "ppp/automaton.h"

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace pptp {
namespace {

// RFC 1661 4.1, both halves as printed there.
constexpr std::string_view kRfcTables = R"(
      | State
      |    0         1         2         3         4         5
Events| Initial   Starting  Closed    Stopped   Closing   Stopping
------+-----------------------------------------------------------
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3r        5r        5r
 Close|    0       tlf/0       2         2         4         4
      |
  TO+ |    -         -         -         -       str/4     str/5
  TO- |    -         -         -         -       tlf/2     tlf/3
      |
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
      |
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
      |
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
      |
 RXR  |    -         -         2         3         4         5

      | State
      |    6         7         8           9
Events| Req-Sent  Ack-Rcvd  Ack-Sent    Opened
------+-----------------------------------------
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9r
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
      |
  TO+ |  scr/6     scr/6     scr/8         -
  TO- | tlf/3p    tlf/3p    tlf/3p         -
      |
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
 RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
      |
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
      |
 RUC  |  scj/6     scj/7     scj/8       scj/9
 RXJ+ |    6         6         8           9
 RXJ- | tlf/3     tlf/3     tlf/3   tld,irc,str/5
      |
 RXR  |    6         7         8         ser/9
)";

using Cells = std::map<std::pair<std::string, std::string>, std::string>;

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

// (event, state) -> cell, both by the names in the RFC's margins, without the footnote letters.
Cells parse_rfc_tables() {
  Cells cells;
  std::vector<std::string> states;
  std::istringstream in{std::string(kRfcTables)};
  for (std::string line; std::getline(in, line);) {
    const std::size_t bar = line.find('|');
    if (bar == std::string::npos) continue;
    const std::vector<std::string> event = words(line.substr(0, bar));
    const std::vector<std::string> columns = words(line.substr(bar + 1));
    if (event.empty() || columns.empty()) continue;
    if (event[0] == "Events") {
      states = columns;
      continue;
    }
    REQUIRE(columns.size() == states.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::string cell = columns[i];
      while (cell.ends_with('r') || cell.ends_with('p') || cell.ends_with('x'))
        cell.pop_back();
      cells[{event[0], states[i]}] = cell;
    }
  }
  return cells;
}

std::string printed(const Transition& transition) {
  if (!transition.legal()) return "-";
  std::string out;
  for (const Action action : transition.actions()) {
    out += out.empty() ? "" : ",";
    out += name(action);
  }
  return out + (out.empty() ? "" : "/") + std::to_string(std::to_underlying(transition.next()));
}

TEST_CASE("rfc1661/4.1 all 160 cells are those of the table as printed") {
  const Cells cells = parse_rfc_tables();
  REQUIRE(cells.size() == 160);
  std::size_t compared = 0;
  for (std::size_t event = 0; event < kEvents; ++event) {
    for (std::size_t state = 0; state < kStates; ++state) {
      const auto row = static_cast<Event>(event);
      const auto column = static_cast<State>(state);
      const auto cell = cells.find({std::string(name(row)), std::string(name(column))});
      CAPTURE(name(row));
      CAPTURE(name(column));
      REQUIRE(cell != cells.end());
      CHECK(printed(step(column, row)) == cell->second);
      ++compared;
    }
  }
  CHECK(compared == 160);
}

TEST_CASE(
    "rfc1661/4.2 the Restart timer runs in Closing, Stopping, Req-Sent, Ack-Rcvd and Ack-Sent") {
  std::string running;
  for (std::size_t state = 0; state < kStates; ++state) {
    if (restart_timer_runs(static_cast<State>(state)))
      running += std::string(name(static_cast<State>(state))) + " ";
  }
  CHECK(running == "Closing Stopping Req-Sent Ack-Rcvd Ack-Sent ");
}

TEST_CASE("automaton/every action occurs in the table") {
  for (std::size_t action = 0; action < kActions; ++action) {
    bool occurs = false;
    for (std::size_t event = 0; event < kEvents; ++event) {
      for (std::size_t state = 0; state < kStates; ++state) {
        occurs = occurs || step(static_cast<State>(state), static_cast<Event>(event))
                               .has(static_cast<Action>(action));
      }
    }
    CAPTURE(name(static_cast<Action>(action)));
    CHECK(occurs);
  }
}

}  // namespace
}  // namespace pptp
