#include "apps/settings.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include "apps/nearest.h"
#include "apps/wipe_text.h"

namespace pptp::app {
namespace {

std::vector<std::string_view> names_of(std::span<const SettingInfo> infos) {
  std::vector<std::string_view> names;
  for (const SettingInfo& info : infos)
    names.push_back(info.key);
  return names;
}

bool is_section(std::span<const SettingInfo> infos, std::string_view key) {
  return std::ranges::any_of(infos, [key](const SettingInfo& info) {
    return info.key.size() > key.size() && info.key.starts_with(key) && info.key[key.size()] == '.';
  });
}

template <class T>
bool all_are(const TomlValue::List& list) {
  return std::ranges::all_of(
      list, [](const TomlValue& element) { return std::holds_alternative<T>(element.data); });
}

bool fits(const TomlValue& value, Shapes shapes) {
  struct Fits {
    Shapes shapes;

    bool operator()(const std::string&) const { return (shapes & kText) != 0; }

    bool operator()(std::int64_t) const { return (shapes & (kWhole | kNumber)) != 0; }

    bool operator()(double) const { return (shapes & kNumber) != 0; }

    bool operator()(bool) const { return (shapes & kFlag) != 0; }

    bool operator()(const TomlValue::List& list) const {
      return ((shapes & kTexts) != 0 && all_are<std::string>(list)) ||
             ((shapes & kWholes) != 0 && all_are<std::int64_t>(list));
    }

    bool operator()(const TomlTable&) const { return false; }

    bool operator()(const OtherToml&) const { return false; }
  };

  return std::visit(Fits{shapes}, value.data);
}

std::string wanted(Shapes shapes) {
  struct Word {
    Shapes shape;
    std::string_view word;
  };

  static constexpr Word kWords[] = {
      {kFlag, "true or false"}, {kText, "text in quotes"},   {kWhole, "a whole number"},
      {kNumber, "a number"},    {kTexts, "a list of texts"}, {kWholes, "a list of whole numbers"},
  };
  std::string text;
  for (const Word& word : kWords) {
    if ((shapes & word.shape) == 0) continue;
    if (!text.empty()) text += " or ";
    text += word.word;
  }
  return text;
}

std::string_view kind_of(const TomlValue& value) {
  struct Kind {
    std::string_view operator()(const std::string&) const { return "text"; }

    std::string_view operator()(std::int64_t) const { return "a whole number"; }

    std::string_view operator()(double) const { return "a number with a fraction"; }

    std::string_view operator()(bool) const { return "true or false"; }

    std::string_view operator()(const TomlValue::List&) const { return "a list"; }

    std::string_view operator()(const TomlTable&) const { return "a table"; }

    std::string_view operator()(const OtherToml&) const { return "a date, a time or a table"; }
  };

  return std::visit(Kind(), value.data);
}

ConfigError wrong_type(const SettingInfo& info, const TomlValue& value) {
  if (const auto* list = std::get_if<TomlValue::List>(&value.data);
      list != nullptr && (info.shapes & (kTexts | kWholes)) != 0) {
    for (const TomlValue& element : *list) {
      const bool text =
          (info.shapes & kTexts) != 0 && std::holds_alternative<std::string>(element.data);
      const bool whole =
          (info.shapes & kWholes) != 0 && std::holds_alternative<std::int64_t>(element.data);
      if (!text && !whole)
        return error_at(element.place, fmt::format("'{}' must be {}; this one is {}", info.key,
                                                   wanted(info.shapes), kind_of(element)));
    }
  }
  std::string hint;
  const bool list_only = (info.shapes & ~(kTexts | kWholes)) == 0;
  if (list_only && !std::holds_alternative<TomlValue::List>(value.data) && !info.secret)
    hint = fmt::format("write it as a list: {} = [{}]", info.key, to_toml(value));
  return error_at(
      value.place,
      fmt::format("'{}' must be {}, not {}", info.key, wanted(info.shapes), kind_of(value)),
      std::move(hint));
}

ConfigError unknown_key(std::span<const SettingInfo> infos, const TomlEntry& entry) {
  const std::vector<std::string_view> names = names_of(infos);
  if (is_section(infos, entry.key)) {
    return error_at(entry.place, fmt::format("'{}' is a section, not a key", entry.key),
                    fmt::format("write [{}] on a line of its own, its keys below", entry.key));
  }
  for (const SettingInfo& info : infos) {
    if (entry.key.size() > info.key.size() && entry.key.starts_with(info.key) &&
        entry.key[info.key.size()] == '.') {
      return error_at(entry.place, fmt::format("unknown key '{}'", entry.key),
                      fmt::format("'{}' takes {}, not a table", info.key, wanted(info.shapes)));
    }
  }
  return error_at(entry.place, fmt::format("unknown key '{}'", entry.key),
                  suggestion(entry.key, names, "valid key"));
}

TomlValue parse_standard(const SettingInfo& info) {
  auto entries = read_toml(fmt::format("x = {}", info.standard), "default");
  if (!entries || entries->size() != 1)
    throw std::logic_error(fmt::format("the default of {} is not TOML", info.key));
  TomlValue value = std::move(entries->front().value);
  value.place = {"default", 0, 0};
  return value;
}

}  // namespace

Settings::Settings(std::span<const SettingInfo> infos) : infos_(infos) {
  for (const SettingInfo& info : infos) {
    Setting setting{&info, {std::string(), {"default", 0, 0}, {}}, false, false, "default"};
    if (!info.standard.empty()) setting.value = parse_standard(info);
    settings_.emplace(info.key, std::move(setting));
  }
}

void Settings::add(Layer layer, ConfigErrors& errors) {
  for (TomlEntry& entry : layer.entries) {
    const auto found = settings_.find(entry.key);
    if (found == settings_.end()) {
      const bool empty_section =
          std::holds_alternative<TomlTable>(entry.value.data) && is_section(infos_, entry.key);
      if (!empty_section) errors.push_back(unknown_key(infos_, entry));
      continue;
    }
    Setting& setting = found->second;
    // Where text is wanted, --set password=1234 means those four characters.
    if (!fits(entry.value, setting.info->shapes) && !entry.value.bare.empty() &&
        (setting.info->shapes & kText) != 0)
      entry.value.data = entry.value.bare;
    if (!fits(entry.value, setting.info->shapes)) {
      errors.push_back(wrong_type(*setting.info, entry.value));
      setting.mistaken = true;
      continue;
    }
    setting.origin = layer.origin.empty()
                         ? fmt::format("{}:{}", entry.place.source, entry.place.line)
                         : layer.origin;
    setting.value = std::move(entry.value);
    setting.given = true;
  }
}

bool Settings::has(std::string_view key) const {
  const Setting& setting = at(key);
  return setting.given || !setting.info->standard.empty();
}

bool Settings::is_text(std::string_view key) const {
  return std::holds_alternative<std::string>(at(key).value.data);
}

const std::string& Settings::text(std::string_view key) const {
  return std::get<std::string>(at(key).value.data);
}

std::int64_t Settings::whole(std::string_view key) const {
  return std::get<std::int64_t>(at(key).value.data);
}

double Settings::number(std::string_view key) const {
  const TomlValue& value = at(key).value;
  if (const auto* whole = std::get_if<std::int64_t>(&value.data))
    return static_cast<double>(*whole);
  return std::get<double>(value.data);
}

bool Settings::flag(std::string_view key) const {
  return std::get<bool>(at(key).value.data);
}

std::span<const TomlValue> Settings::list(std::string_view key) const {
  const TomlValue& value = at(key).value;
  if (const auto* list = std::get_if<TomlValue::List>(&value.data)) return *list;
  return {&value, 1};
}

std::vector<ShownSetting> Settings::shown() const {
  std::vector<ShownSetting> settings;
  for (const SettingInfo& info : infos_) {
    const Setting& setting = at(info.key);
    std::string value;
    if (has(info.key)) value = info.secret ? "\"***\"" : to_toml(setting.value);
    settings.push_back({std::string(info.key), std::move(value), setting.origin});
  }
  return settings;
}

void Settings::wipe_secrets() noexcept {
  for (auto& [key, setting] : settings_) {
    if (!setting.info->secret) continue;
    if (auto* text = std::get_if<std::string>(&setting.value.data)) wipe_text(*text);
    wipe_text(setting.value.bare);
  }
}

const Setting& Settings::at(std::string_view key) const {
  return settings_.at(key);
}

ConfigErrors add_set_arguments(const std::vector<std::string>& arguments,
                               std::vector<Layer>& layers) {
  ConfigErrors errors;
  for (const std::string& argument : arguments) {
    auto entry = read_set_argument(argument);
    if (entry) {
      layers.push_back({{std::move(*entry)}, "--set"});
    } else {
      errors.push_back(std::move(entry.error()));
    }
  }
  return errors;
}

}  // namespace pptp::app
