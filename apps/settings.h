#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config_error.h"
#include "apps/toml_reader.h"

namespace pptp::app {

/// What values a key takes; or-ed together.
using Shapes = unsigned;
inline constexpr Shapes kText = 1;
inline constexpr Shapes kWhole = 2;   ///< a whole number
inline constexpr Shapes kNumber = 4;  ///< a number, with a fraction or without
inline constexpr Shapes kFlag = 8;    ///< true or false
inline constexpr Shapes kTexts = 16;  ///< a list of text
inline constexpr Shapes kWholes = 32;

/// One key of a configuration file.
struct SettingInfo {
  std::string_view key;
  std::string_view standard;  ///< the default as TOML; empty: none
  std::string_view about;     ///< one line
  Shapes shapes = kText;
  bool secret = false;  ///< never shown
};

/// A key with the value that counts.
struct Setting {
  const SettingInfo* info = nullptr;
  TomlValue value;
  bool given = false;     ///< by a layer; otherwise it is the default
  bool mistaken = false;  ///< a layer gave something of the wrong type
  std::string origin;     ///< "default", "FILE:LINE", or the name of the layer
};

/// One source of settings; later ones win.
struct Layer {
  std::vector<TomlEntry> entries;
  std::string origin;  ///< empty: each entry's file and line
};

/// One line of `profile show`.
struct ShownSetting {
  std::string key;
  std::string value;   ///< TOML; empty when there is none
  std::string origin;  ///< "default", "FILE:LINE", "--set", ...
};

/// A configuration put together from layers, of which later ones win, checked against the list of
/// keys there are. What is asked for by a key that is not on the list is a mistake of ours.
class Settings {
 public:
  /// `infos` must outlive this.
  explicit Settings(std::span<const SettingInfo> infos);

  /// Adds a layer. Unknown keys and wrong types become errors.
  void add(Layer layer, ConfigErrors& errors);

  /// Whether any layer gave it.
  bool given(std::string_view key) const { return at(key).given; }

  /// The value is there: given, or a default.
  bool has(std::string_view key) const;

  /// Nobody even tried to give it, and there is no default.
  bool missing(std::string_view key) const { return !has(key) && !at(key).mistaken; }

  Place place(std::string_view key) const { return at(key).value.place; }

  bool is_text(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  std::int64_t whole(std::string_view key) const;
  double number(std::string_view key) const;
  bool flag(std::string_view key) const;
  /// A list, or one value as a list of one; each element with its place.
  std::span<const TomlValue> list(std::string_view key) const;

  /// All keys, in the order of their list; secrets as "***".
  std::vector<ShownSetting> shown() const;

  void wipe_secrets() noexcept;

 private:
  const Setting& at(std::string_view key) const;

  std::span<const SettingInfo> infos_;
  std::map<std::string_view, Setting> settings_;
};

/// Adds a layer for each argument of --set, and returns what is wrong with them.
ConfigErrors add_set_arguments(const std::vector<std::string>& arguments,
                               std::vector<Layer>& layers);

}  // namespace pptp::app
