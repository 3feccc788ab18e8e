#include "apps/toml_reader.h"

#include <utility>

#include <fmt/core.h>
#include <toml++/toml.h>

#include "apps/wipe_text.h"

namespace pptp::app {
namespace {

Place place_of(const toml::source_region& region, const std::string& source) {
  return {source, static_cast<unsigned>(region.begin.line),
          static_cast<unsigned>(region.begin.column)};
}

std::string quoted_part(std::string_view part) {
  const bool plain = part.find('.') == std::string_view::npos && !part.empty();
  return plain ? std::string(part) : to_toml(part);
}

TomlValue read_value(toml::node& node, const std::string& source) {
  TomlValue value;
  value.place = place_of(node.source(), source);
  if (auto* text = node.as_string()) {
    value.data = text->get();
    // It may be a password: the parser's copy goes away sooner than ours.
    wipe_text(text->get());
  } else if (const auto* whole = node.as_integer()) {
    value.data = whole->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.data = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    value.data = flag->get();
  } else if (auto* array = node.as_array()) {
    TomlValue::List list;
    for (toml::node& element : *array)
      list.push_back(read_value(element, source));
    value.data = std::move(list);
  } else if (node.is_table()) {
    value.data = TomlTable();
  } else {
    value.data = OtherToml();
  }
  return value;
}

void flatten(toml::table& table, const std::string& prefix, const std::string& source,
             std::vector<TomlEntry>& out) {
  for (auto&& [key, node] : table) {
    const std::string name = prefix + quoted_part(key.str());
    if (auto* inner = node.as_table(); inner != nullptr && !inner->empty()) {
      flatten(*inner, name + ".", source, out);
    } else {
      out.push_back({name, place_of(key.source(), source), read_value(node, source)});
    }
  }
}

std::string hint_for(std::string_view description) {
  if (description.find("escape") != std::string_view::npos)
    return R"(in "..." a backslash begins an escape: write 'DOMAIN\user' in single quotes)";
  return {};
}

// The parser's own description ends in a full stop now and then and may span lines.
std::string one_line(std::string_view description) {
  while (!description.empty() && (description.back() == '.' || description.back() == '\n'))
    description.remove_suffix(1);
  return std::string(description);
}

}  // namespace

std::expected<std::vector<TomlEntry>, ConfigError> read_toml(std::string_view text,
                                                             const std::string& source) {
  try {
    toml::table table = toml::parse(text, source);
    std::vector<TomlEntry> entries;
    flatten(table, "", source, entries);
    return entries;
  } catch (const toml::parse_error& error) {
    return std::unexpected(error_at(place_of(error.source(), source), one_line(error.description()),
                                    hint_for(error.description())));
  }
}

std::expected<TomlEntry, ConfigError> read_set_argument(std::string_view argument) {
  const std::size_t equals = argument.find('=');
  const std::string key(argument.substr(0, equals));
  const Place place{"--set " + key, 0, 0};
  if (equals == std::string_view::npos || key.empty())
    return std::unexpected(
        error_at(place, "this is not KEY=VALUE", "for example: --set network.mtu=1400"));
  const std::string_view given = argument.substr(equals + 1);

  // As the value of one key, on one line: more lines would set more keys than were named.
  if (given.find('\n') == std::string_view::npos) {
    if (auto entries = read_toml("x = " + std::string(given), place.source);
        entries && entries->size() == 1 && entries->front().key == "x") {
      TomlEntry entry = std::move(entries->front());
      entry.key = key;
      entry.place = place;
      entry.value.place = place;
      if (auto* list = std::get_if<TomlValue::List>(&entry.value.data)) {
        for (TomlValue& element : *list)
          element.place = place;
      } else if (!std::holds_alternative<std::string>(entry.value.data)) {
        entry.value.bare = given;
      }
      return entry;
    } else if (!entries && !given.empty() &&
               std::string_view("[{\"'").find(given.front()) != std::string_view::npos) {
      return std::unexpected(
          error_at(place, entries.error().message, "quote the argument for the shell as a whole"));
    }
  }
  return TomlEntry{key, place, TomlValue{std::string(given), place, {}}};
}

std::string to_toml(std::string_view text) {
  bool control = false;
  for (const char c : text)
    control = control || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  if (!control && text.find('\'') == std::string_view::npos &&
      text.find_first_of("\\\"") != std::string_view::npos)
    return fmt::format("'{}'", text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      quoted += fmt::format("\\u{:04X}", octet);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string to_toml(const TomlValue& value) {
  struct Writer {
    std::string operator()(const std::string& text) const { return to_toml(text); }

    std::string operator()(std::int64_t whole) const { return fmt::format("{}", whole); }

    std::string operator()(double number) const {
      std::string text = fmt::format("{}", number);
      if (text.find_first_of(".en") == std::string::npos) text += ".0";
      return text;
    }

    std::string operator()(bool flag) const { return flag ? "true" : "false"; }

    std::string operator()(const TomlValue::List& list) const {
      std::string text = "[";
      for (const TomlValue& element : list) {
        if (text.size() > 1) text += ", ";
        text += to_toml(element);
      }
      return text + "]";
    }

    std::string operator()(const TomlTable&) const { return "{}"; }

    std::string operator()(const OtherToml&) const { return "..."; }
  };

  return std::visit(Writer(), value.data);
}

}  // namespace pptp::app
