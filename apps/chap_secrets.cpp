#include "apps/chap_secrets.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/wipe_text.h"

namespace pptp::app {
struct SecretsWord {
  std::string text;
  unsigned column = 0;
  std::size_t begin = 0;  ///< where it stands in the text
  std::size_t end = 0;
  bool doubtful_escape = false;  ///< an escape that may have been meant as it stands
};

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kAnyone = "*";
constexpr std::string_view kOptions = "--";
constexpr std::string_view kExpired = "expired";
constexpr std::string_view kSecretInFile = "@/";

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n');
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Cuts a text into lines of words, by pppd's rules for quotes, escapes and comments.
class SecretsLexer {
 public:
  struct Line {
    unsigned number = 0;
    std::vector<SecretsWord> words;
    std::string error;
    unsigned error_column = 0;
    bool cut_by_comment = false;  ///< a '#' that touches the word before it
  };

  explicit SecretsLexer(std::string_view text) : text_(text), rest_(text) {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  /// The next line, without words where it is empty or a comment; nullopt at the end.
  std::optional<Line> next() {
    if (rest_.empty()) return std::nullopt;
    Line line;
    line.number = number_;
    while (!at_line_end() && line.error.empty()) {
      if (is_blank(rest_.front())) {
        advance();
      } else if (joins_lines()) {
        join_lines();
      } else if (rest_.front() == '#') {
        skip_line();
      } else {
        read_word(line);
      }
    }
    if (!line.error.empty()) skip_line();
    if (!rest_.empty()) end_line();
    return line;
  }

 private:
  std::size_t offset() const { return text_.size() - rest_.size(); }

  bool at_line_end() const { return rest_.empty() || rest_.front() == '\n'; }

  void advance() {
    rest_.remove_prefix(1);
    ++column_;
  }

  void end_line() {
    rest_.remove_prefix(1);
    ++number_;
    column_ = 1;
  }

  bool joins_lines() const { return rest_.starts_with("\\\n") || rest_.starts_with("\\\r\n"); }

  void join_lines() {
    while (rest_.front() != '\n')
      advance();
    end_line();
  }

  void skip_line() {
    while (!at_line_end())
      advance();
  }

  void read_word(Line& line) {
    SecretsWord word;
    word.column = column_;
    word.begin = offset();
    char quote = 0;
    const unsigned start = column_;
    while (!at_line_end()) {
      const char c = rest_.front();
      if (joins_lines()) {
        join_lines();
      } else if (c == '\\') {
        read_escape(word);
      } else if (quote != 0 && c == quote) {
        quote = 0;
        advance();
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
        advance();
      } else if (quote == 0 && (is_blank(c) || c == '#')) {
        line.cut_by_comment = line.cut_by_comment || c == '#';
        break;
      } else {
        put(word, c);
        advance();
      }
    }
    if (quote != 0) {
      // DEVIATION: pppd lets a quoted word go on over lines, so that one forgotten quote swallows
      // every user below it.
      line.error = "a quote is opened and not closed on this line";
      line.error_column = start;
      wipe_text(word.text);
      return;
    }
    word.end = offset();
    line.words.push_back(std::move(word));
  }

  static void put(SecretsWord& word, char c) { append_secret(word.text, {&c, 1}); }

  void read_escape(SecretsWord& word) {
    advance();
    if (at_line_end()) {  // the last octet of the text: a backslash that stands for nothing
      return;
    }
    const char c = rest_.front();
    if (is_octal(c)) {
      unsigned value = 0;
      for (int digits = 0; digits < 3 && !at_line_end() && is_octal(rest_.front()); ++digits) {
        value = value * 8 + static_cast<unsigned>(rest_.front() - '0');
        advance();
      }
      put(word, static_cast<char>(value & 0xff));
      return;
    }
    advance();
    if (c == 'x') {
      unsigned value = 0;
      for (int digits = 0; digits < 2 && !at_line_end() && hex_value(rest_.front()) >= 0;
           ++digits) {
        value = value * 16 + static_cast<unsigned>(hex_value(rest_.front()));
        advance();
      }
      put(word, static_cast<char>(value));
      return;
    }
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) word.doubtful_escape = true;
    switch (c) {
      case 'a':
        put(word, '\a');
        break;
      case 'b':
        put(word, '\b');
        break;
      case 'f':
        put(word, '\f');
        break;
      case 'n':
        put(word, '\n');
        break;
      case 'r':
        put(word, '\r');
        break;
      case 's':
        put(word, ' ');
        break;
      case 't':
        put(word, '\t');
        break;
      default:
        put(word, c);
    }
  }

  std::string_view text_;
  std::string_view rest_;
  unsigned number_ = 1;
  unsigned column_ = 1;
};

/// A secret as a word of the file, in quotes. To be wiped.
std::string quoted(std::string_view secret) {
  std::string word;
  append_secret(word, "\"");
  for (const char& c : secret) {
    if (c == '"' || c == '\\') append_secret(word, "\\");
    append_secret(word, {&c, 1});
  }
  append_secret(word, "\"");
  return word;
}

/// Takes a word out of a text, with the blanks before it.
void erase_word(std::string& text, const SecretsWord& word) {
  std::size_t begin = word.begin;
  while (begin > 0 && is_blank(text[begin - 1]))
    --begin;
  text.erase(begin, word.end - begin);
}

}  // namespace

TextResult<void> AllowedAddresses::add(std::string_view word) {
  if (rules_.empty()) others_ = false;
  if (word == "*" || word == "-") {
    // Everything that no word before it is about.
    rules_.push_back({io::Ipv4Prefix(), word == "*"});
    return {};
  }
  const bool allow = !word.starts_with('!');
  if (!allow) word.remove_prefix(1);
  if (word.find('/') != std::string_view::npos) {
    const auto prefix = parse_prefix(word);
    if (!prefix) return std::unexpected(prefix.error());
    rules_.push_back({*prefix, allow});
    return {};
  }
  const auto address = parse_address(word);
  if (!address) return std::unexpected(address.error());
  rules_.push_back({io::Ipv4Prefix(*address), allow});
  return {};
}

bool AllowedAddresses::allows(Ipv4Address address) const noexcept {
  for (const Rule& rule : rules_) {
    if (rule.prefix.contains(address)) return rule.allow;
  }
  return others_;
}

std::optional<Ipv4Address> AllowedAddresses::fixed() const noexcept {
  if (rules_.empty() || !rules_.front().allow || rules_.front().prefix.length() != 32)
    return std::nullopt;
  return rules_.front().prefix.address();
}

ChapSecrets ChapSecrets::parse(std::string_view text, const std::string& source) {
  ChapSecrets secrets;
  SecretsLexer lexer(text);
  while (auto line = lexer.next()) {
    if (!line->error.empty()) {
      secrets.errors_.push_back({source, line->number, line->error_column, line->error,
                                 "close it, or put a backslash before it"});
    } else if (!line->words.empty()) {
      if (line->cut_by_comment)
        secrets.warnings_.push_back(
            {source, line->number, line->words.back().column,
             "a '#' ends this word and begins a comment",
             R"(if it belongs to the word, put the word in quotes: "...")"});
      secrets.add_line(line->words, source, line->number);
    }
    for (SecretsWord& word : line->words)
      wipe_text(word.text);
  }
  return secrets;
}

std::expected<ChapSecrets, ConfigError> ChapSecrets::load(const std::string& path) {
  auto file = read_file(path);
  if (!file) return std::unexpected(file.error());
  ChapSecrets secrets = parse(file->text, path);
  wipe_text(file->text);
  if (file->exposed) secrets.warnings_.push_back(exposed_file(path));
  return secrets;
}

void ChapSecrets::add_line(const std::vector<SecretsWord>& words, const std::string& source,
                           unsigned line) {
  const auto note = [&](ConfigErrors& list, unsigned column, std::string message,
                        std::string hint = {}) {
    list.push_back({source, line, column, std::move(message), std::move(hint)});
  };
  if (words.size() < 3) {
    note(errors_, words.front().column,
         fmt::format("{} of the fields client, server and secret are missing", 3 - words.size()),
         R"(for example: alice * "secret" *)");
    return;
  }
  if (words[0].doubtful_escape)
    note(warnings_, words[0].column, "a backslash in a name begins an escape",
         R"(for a domain write two: DOMAIN\\user)");

  Entry entry;
  entry.client = words[0].text;
  entry.server = words[1].text;
  entry.line = line;
  if (words[2].text.starts_with(kSecretInFile)) {
    const std::string path = words[2].text.substr(1);
    auto file = read_file(path);
    if (!file) {
      note(errors_, words[2].column, fmt::format("{}: {}", path, file.error().message));
      return;
    }
    if (file->exposed) warnings_.push_back(exposed_file(path));
    SecretsLexer lexer(file->text);
    std::optional<SecretsLexer::Line> first;
    do {
      first = lexer.next();
    } while (first && first->words.empty());
    wipe_text(file->text);
    if (!first) {
      note(errors_, words[2].column, fmt::format("{}: there is no secret in it", path));
      return;
    }
    entry.secret = SecretText(first->words.front().text);
    for (SecretsWord& word : first->words)
      wipe_text(word.text);
  } else {
    entry.secret = SecretText(words[2].text);
  }
  if (entry.secret.empty())
    note(warnings_, words[2].column, "the secret is empty: anybody can connect by this name");

  for (std::size_t i = 3; i < words.size(); ++i) {
    if (words[i].text == kOptions) {
      for (const SecretsWord& option : std::span(words).subspan(i + 1)) {
        if (option.text == kExpired) {
          entry.expired = true;
        } else {
          note(warnings_, option.column, "this option after -- has no effect here");
        }
      }
      break;
    }
    const auto added = entry.addresses.add(words[i].text);
    if (!added) {
      note(errors_, words[i].column, added.error().message,
           "write *, -, an address or a prefix such as 10.0.0.0/24");
      return;
    }
  }
  if (words.size() == 3)
    note(warnings_, words[2].column, "without a fourth field, any address will do",
         "write * there to say so");
  by_client_[entry.client].push_back(entries_.size());
  entries_.push_back(std::move(entry));
}

std::optional<User> ChapSecrets::find(std::string_view user, std::string_view server,
                                      PasswordText kind) const {
  const Entry* const entry = entry_of(user, server);
  if (entry == nullptr) return std::nullopt;
  User found{entry->client == kAnyone ? std::string(user) : entry->client,
             Credentials(std::string(user), entry->secret.clone(), kind), entry->addresses};
  if (entry->expired) found.credentials.expire();
  return found;
}

std::expected<std::string, std::string> ChapSecrets::with_secret(const std::string& text,
                                                                 std::string_view user,
                                                                 std::string_view server,
                                                                 std::string_view secret) {
  if (secret.starts_with(kSecretInFile))
    return std::unexpected("one that begins with @/ would be taken for a file's name");
  if (std::ranges::any_of(secret, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return std::unexpected("there is a control character in it");
  const ChapSecrets secrets = parse(text, {});
  const Entry* const entry = secrets.entry_of(user, server);
  if (entry == nullptr) return std::unexpected("there is no such user");
  if (entry->client == kAnyone) return std::unexpected("the line is everybody's");
  std::string word = quoted(secret);
  std::string changed;
  reserve_secret(changed, text.size() + word.size());
  changed = text;
  SecretsLexer lexer(text);
  while (auto line = lexer.next()) {
    const std::span<SecretsWord> words(line->words);
    if (line->number == entry->line && words.size() > 2) {
      const auto options = std::ranges::find(words, kOptions, &SecretsWord::text);
      const bool only = words.end() - options == 2;
      // From the end on, so that what stands before keeps its place.
      for (std::size_t i = words.size(); i-- > 3;) {
        if (words[i].text == kExpired || (only && words[i].text == kOptions))
          erase_word(changed, words[i]);
      }
      changed.replace(words[2].begin, words[2].end - words[2].begin, word);
    }
    for (SecretsWord& each : words)
      wipe_text(each.text);
  }
  wipe_text(word);
  return changed;
}

/// Who `user` is.
const ChapSecrets::Entry* ChapSecrets::entry_of(std::string_view user,
                                                std::string_view server) const {
  const Entry* entry = best(user, server);
  // Interop note 3.19: what comes before the last backslash is the domain.
  const std::size_t backslash = user.rfind('\\');
  if (entry == nullptr && backslash != std::string_view::npos)
    entry = best(user.substr(backslash + 1), server);
  return entry != nullptr ? entry : best(kAnyone, server);
}

const ChapSecrets::Entry* ChapSecrets::best(std::string_view client,
                                            std::string_view server) const {
  const auto found = by_client_.find(std::string(client));
  if (found == by_client_.end()) return nullptr;
  const Entry* any_server = nullptr;
  for (const std::size_t index : found->second) {
    const Entry& entry = entries_[index];
    if (server.empty() || entry.server == server) return &entry;
    if (entry.server == kAnyone && any_server == nullptr) any_server = &entry;
  }
  return any_server;
}

std::set<Ipv4Address> ChapSecrets::fixed_addresses() const {
  std::set<Ipv4Address> addresses;
  for (const Entry& entry : entries_) {
    if (const std::optional<Ipv4Address> fixed = entry.addresses.fixed()) addresses.insert(*fixed);
  }
  return addresses;
}

}  // namespace pptp::app
