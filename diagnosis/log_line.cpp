#include "diagnosis/log_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <re2/re2.h>
#include <utility>

namespace pptp::diagnosis {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr char kEscape = '\x1b';
/// Nobody breaks a shorter line.
constexpr std::size_t kBroken = 50;
/// Messages of pppd's and of syslog's that begin with a small letter.
constexpr std::string_view kBeginnings[] = {"sent [",  "rcvd [", "local ",
                                            "remote ", "using ", "last message"};

/// Length of the terminal's control sequence that `text` begins with, ECMA-48 5.4 and 8.3.89.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    const auto end = std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= 0x40; });
    return static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
  }
  if (text[1] == ']') {
    const std::size_t end = text.find_first_of("\a\x1b", 2);
    return end == std::string_view::npos ? text.size() : end + 1;
  }
  return 2;
}

/// Without colours, control characters and blanks at the ends; a tab is a blank.
std::string cleaned(std::string_view raw) {
  raw = raw.substr(0, kLongestLine);
  std::string line;
  for (std::size_t at = 0; at < raw.size();) {
    const char c = raw[at];
    if (c == kEscape) {
      at += escape_length(raw.substr(at));
      continue;
    }
    if (c == '\t') {
      line += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      line += c;
    }
    ++at;
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  line.erase(line.find_last_not_of(' ') + 1);
  line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

int month_of(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::ranges::find(kMonths, name);
  return static_cast<int>(found - kMonths.begin());
}

std::int64_t clock_seconds(int hours, int minutes, int seconds) {
  return std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60 + seconds;
}

/// What may stand before a message, and how it is taken off.
class Prefixes {
 public:
  /// Takes from the front of `line.message` whatever is the logger's.
  void strip(LogLine& line) const {
    re2::StringPiece rest(line.message);
    // An editor numbers the lines, grep puts the file's name in front.
    re2::StringPiece copied(rest);
    if (RE2::Consume(&copied, copied_) && stamp(copied, line)) rest = copied;
    // A journal's line that syslog carried through NetworkManager has four prefixes.
    for (int round = 0; round < 8 && strip_one(rest, line); ++round) {
    }
    line.message = std::string(rest);
  }

 private:
  bool strip_one(re2::StringPiece& rest, LogLine& line) const {
    return stamp(rest, line) || program(rest, line) || wrapper(rest, line);
  }

  bool stamp(re2::StringPiece& rest, LogLine& line) const {
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    int day = 0;
    std::string month;
    if (RE2::Consume(&rest, iso_, &month, &day, &hours, &minutes, &seconds)) {
      int number = 0;
      std::from_chars(month.data(), month.data() + month.size(), number);
      line.seconds =
          (std::int64_t{number} * 31 + day) * kDay + clock_seconds(hours, minutes, seconds);
      return true;
    }
    if (RE2::Consume(&rest, bsd_, &month, &day, &hours, &minutes, &seconds)) {
      line.seconds = (std::int64_t{month_of(month)} * 31 + day) * kDay +
                     clock_seconds(hours, minutes, seconds);
      return true;
    }
    if (RE2::Consume(&rest, clock_, &hours, &minutes, &seconds)) {
      line.seconds = clock_seconds(hours, minutes, seconds);
      return true;
    }
    std::string bracket;
    std::string monotonic;
    if (RE2::Consume(&rest, monotonic_, &bracket, &monotonic)) {
      // dmesg names no program; where one follows, it is that one's.
      if (!bracket.empty() && line.program.empty()) line.program = "kernel";
      std::int64_t value = 0;
      std::from_chars(monotonic.data(), monotonic.data() + monotonic.size(), value);
      if (!line.seconds) line.seconds = value;
      return true;
    }
    return RE2::Consume(&rest, priority_) || RE2::Consume(&rest, facility_) ||
           RE2::Consume(&rest, quote_);
  }

  bool program(re2::StringPiece& rest, LogLine& line) const {
    std::string name;
    std::string pid;
    if (line.program.empty() && RE2::Consume(&rest, rfc5424_, &name, &pid)) {
      set_program(line, name, pid);
      return true;
    }
    // Its file has a stamp in front; elsewhere "error:" is anybody's.
    if (line.seconds && line.program.empty() && RE2::Consume(&rest, accel_, &name)) {
      line.program = "accel-ppp";
      line.session = name;
      return true;
    }
    if (line.program == "accel-pppd" && RE2::Consume(&rest, accel_session_, &name)) {
      line.program = "accel-ppp";
      line.session = name;
      return true;
    }
    if (RE2::Consume(&rest, with_pid_, &name, &pid) ||
        RE2::Consume(&rest, bare_pid_, &name, &pid)) {
      set_program(line, name, pid);
      return true;
    }
    if (RE2::Consume(&rest, known_, &name)) {
      set_program(line, name, "");
      return true;
    }
    return false;
  }

  bool wrapper(re2::StringPiece& rest, LogLine& line) const {
    if (RE2::Consume(&rest, network_manager_) || RE2::Consume(&rest, glib_)) return true;
    if (RE2::Consume(&rest, pptp_)) {
      // In NetworkManager's and in pppd's own output there is no other word about who speaks; some
      // servers call their pppd "pptp", so that the name alone says nothing.
      if (line.program != "pptp") line.pid = 0;
      line.program = kPptpLinux;
      return true;
    }
    unsigned repeats = 0;
    std::string inner;
    if (RE2::FullMatch(rest, repeated_, &repeats, &inner)) {
      line.repeats = repeats;
      line.message = inner;
      rest = line.message;
      return true;
    }
    return false;
  }

  static void set_program(LogLine& line, const std::string& name, const std::string& pid) {
    line.program = name.substr(name.find_last_of('/') + 1);
    line.pid = 0;
    std::from_chars(pid.data(), pid.data() + pid.size(), line.pid);
  }

  static RE2::Options latin1() {
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    return options;
  }

  const RE2 iso_{
      R"((?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? )?\[?\d{4}[-/.](\d\d)[-/.](\d\d)[T -](\d\d):(\d\d):(\d\d))"
      R"((?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d|[A-Z]{3,4})\b)?(?:\]:?)?[ ,:]*)",
      latin1()};
  const RE2 bsd_{
      R"((?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? )?(?:\d{4} )?)"
      R"((Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w* {1,2}(\d{1,2}),? (?:\d{4} )?)"
      R"((\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?: [AP]M)?(?: [A-Z]{3,4} \d{4}| \d{4})?:? +)",
      latin1()};
  const RE2 clock_{R"(\[?(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?\]?:? +)", latin1()};
  const RE2 monotonic_{R"((\[)? *(\d+)\.\d{3,9}\]?:? +)", latin1()};
  const RE2 copied_{R"((?:[\w./-]*[A-Za-z][\w./-]*:)?(?:\d{2,7}[: ] *)?)", latin1()};
  const RE2 priority_{R"(<\d{1,3}>)", latin1()};
  const RE2 facility_{R"(<?(?:kern|user|mail|daemon|auth|syslog|cron|authpriv|ftp|local[0-7])\.)"
                      R"((?:emerg|alert|crit|err|error|warn|warning|notice|info|debug)>?:? +)",
                      latin1()};
  const RE2 quote_{R"((?:> ?)+|[\w.-]+ +\| )", latin1()};
  const RE2 rfc5424_{
      R"(1 (?:-|\d{4}-\S+) \S+ (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+) ?)"
      R"((?:\xef\xbb\xbf)?)",
      latin1()};
  const RE2 accel_{
      R"((?:emerg|error|warn|msg|info[12]?|debug|notice): +(?:(\w[\w.-]*)?:(?:[\w@.\\/-]*:)? )?)",
      latin1()};
  const RE2 accel_session_{R"((\w[\w.-]*)?:[^\s:]*: )", latin1()};
  const RE2 with_pid_{
      R"((?:[\w.:-]+ )?(/?[A-Za-z][\w./-]*)(?:\([^()\s]*\))?\[(\d+)\](?:\[[^\[\]]*\])?: *)",
      latin1()};
  // Some syslogs have no colon there.
  const RE2 bare_pid_{R"((?:[\w.-]+ )?(pppd|pptpd|pptp)\[(\d+)\] +)", latin1()};
  const RE2 known_{
      R"((?:[\w.:-]+ )?((?:/[\w./-]*/)?(?:pppd|pptpd|pptpctrl|pptp|pptpsetup|pptp-command|bcrelay|modprobe)"
      R"(|insmod|depmod|NetworkManager|nm-pptp-service|nm-dispatcher|accel-pppd|xl2tpd|kernel|systemd|sudo)"
      R"(|netifd|radiusd|freeradius|charon|pluto|chat|syslog|logger|dnsmasq)):\s+)",
      latin1()};
  const RE2 network_manager_{
      R"((?:nm-pptp\[\d+\] +)?<(?:trace|debug|info|notice|warn|warning|error)>\s+(?:\[[\d.]+\] *)?)"
      R"((?:\[helper-\d+\] )?(?:\([^)]*\): )?)",
      latin1()};
  const RE2 glib_{
      R"(\*\* *(?:\([\w.-]+:\d+\): *)?(?:Message|Warning|WARNING|INFO|DEBUG|CRITICAL)(?: \*\*)?: *)"
      R"((?:\d\d:\d\d:\d\d\.\d+: *)?)",
      latin1()};
  const RE2 pptp_{R"((?:\S+ )?(?:log|warn|fatal)\[\w+:[\w.]+:\d+\]: *)", latin1()};
  const RE2 repeated_{R"(message repeated (\d{1,4}) times: \[ (.*)\])", latin1()};
};

/// journalctl -o verbose and -o export: each field of an entry on a line of its own.
class JournalEntry {
 public:
  /// False where `line` is no field of an entry.
  bool take(const std::string& line, std::size_t number) {
    std::string key;
    std::string value;
    if (!RE2::FullMatch(line, field_, &key, &value)) return false;
    if (key == "MESSAGE") {
      message_.text = value;
      message_.message = std::move(value);
      message_.number = number;
      has_message_ = true;
    } else if (key == "SYSLOG_IDENTIFIER" || (key == "_COMM" && message_.program.empty())) {
      message_.program = value;
    } else if (key == "_PID" || key == "SYSLOG_PID") {
      std::from_chars(value.data(), value.data() + value.size(), message_.pid);
    } else if (key == "_SOURCE_REALTIME_TIMESTAMP" || key == "__REALTIME_TIMESTAMP") {
      std::int64_t microseconds = 0;
      std::from_chars(value.data(), value.data() + value.size(), microseconds);
      message_.seconds = microseconds / 1'000'000;
    }
    return key.starts_with('_') || has_message_ || key == "SYSLOG_IDENTIFIER" || key == "PRIORITY";
  }

  /// The entry that has come to its end, if it has a message.
  std::optional<LogLine> finish() {
    if (!std::exchange(has_message_, false)) {
      message_ = {};
      return std::nullopt;
    }
    return std::exchange(message_, {});
  }

 private:
  const RE2 field_{R"(\s*([A-Z_][A-Z0-9_]{2,63})=(.*))", RE2::Latin1};
  LogLine message_;
  bool has_message_ = false;
};

/// A log in JSON, an object on each line: the journal's, Docker's, or this program's own.
class JsonLine {
 public:
  /// Puts the message in the place of the object, where there is one.
  void read(LogLine& line) const {
    std::string message;
    if (!line.text.starts_with('{') || !RE2::PartialMatch(line.text, message_, &message)) return;
    std::string pid;
    (void)RE2::PartialMatch(line.text, program_, &line.program);
    if (RE2::PartialMatch(line.text, pid_, &pid))
      std::from_chars(pid.data(), pid.data() + pid.size(), line.pid);
    line.text = cleaned(unescaped(message));
  }

 private:
  static std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '\\' || at + 1 == text.size()) {
        plain += text[at];
        continue;
      }
      const char c = text[++at];
      if (c == 'u') {
        unsigned code = 0;
        const std::string_view digits = text.substr(at + 1, 4);
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        plain += code < 0x80 ? static_cast<char>(code) : '?';
        at += digits.size();
      } else {
        plain += c == 'n' || c == 't' || c == 'r' ? ' ' : c;
      }
    }
    return plain;
  }

  const RE2 message_{R"re("(?:MESSAGE|message|log)" ?: ?"((?:[^"\\]|\\.)*)")re", RE2::Latin1};
  const RE2 program_{R"re("SYSLOG_IDENTIFIER" ?: ?"([^"]*)")re", RE2::Latin1};
  const RE2 pid_{R"re("_PID" ?: ?"(\d+)")re", RE2::Latin1};
};

class LogReader {
 public:
  void read(std::string_view text) {
    std::size_t number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      read_line(text.substr(0, end), ++number);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    end_entry();
  }

  std::vector<LogLine> take() { return std::move(lines_); }

 private:
  void read_line(std::string_view raw, std::size_t number) {
    LogLine line;
    line.text = cleaned(raw);
    if (entry_.take(line.text, number)) return;
    end_entry();
    if (line.text.empty()) return;
    line.number = number;
    json_.read(line);
    line.message = line.text;
    unsigned times = 0;
    if (!lines_.empty() && RE2::PartialMatch(line.text, last_repeated_, &times)) {
      lines_.back().repeats += times;
      // It is kept as well: who gives only this line asks what it means.
      line.repeats = 0;
    }
    prefixes_.strip(line);
    keep(std::move(line));
  }

  void end_entry() {
    if (auto entry = entry_.finish()) {
      prefixes_.strip(*entry);
      keep(*std::move(entry));
    }
  }

  /// Mail and forums break long lines; what is left of one begins in the middle of a sentence.
  bool continues(const LogLine& line) const {
    if (lines_.empty() || line.seconds || !line.program.empty()) return false;
    if (std::ranges::any_of(kBeginnings, [&](auto words) { return line.text.starts_with(words); }))
      return false;
    const LogLine& before = lines_.back();
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_open = [&](char c) {
      return is_lower(c) || (c >= 'A' && c <= 'Z') || c == ':' || c == ',';
    };
    return (before.seconds || before.pid != 0) && !before.program.empty() &&
           before.text.size() >= kBroken && before.text.size() + line.text.size() < kLongestLine &&
           is_open(before.text.back()) && is_lower(line.text.front());
  }

  // Stamps without a day begin again at midnight.
  void keep(LogLine line) {
    if (continues(line)) {
      lines_.back().text += ' ' + line.text;
      lines_.back().message += ' ' + line.message;
      return;
    }
    if (line.seconds && last_seconds_ && *line.seconds + kDay / 2 < *last_seconds_ &&
        *line.seconds < kDay)
      *line.seconds += kDay;
    if (line.seconds) last_seconds_ = line.seconds;
    lines_.push_back(std::move(line));
  }

  const Prefixes prefixes_;
  const RE2 last_repeated_{R"(last message repeated (\d{1,4}) times)", RE2::Latin1};
  const JsonLine json_;
  JournalEntry entry_;
  std::optional<std::int64_t> last_seconds_;
  std::vector<LogLine> lines_;
};

}  // namespace

std::vector<LogLine> read_lines(std::string_view text) {
  if (text.size() > kLongestText) text.remove_prefix(text.size() - kLongestText);
  LogReader reader;
  reader.read(text);
  return reader.take();
}

}  // namespace pptp::diagnosis
