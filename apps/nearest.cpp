#include "apps/nearest.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace pptp::app {
namespace {

std::string_view last_part(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

// A slip is one letter in a short word and about one in three in a long one.
bool is_close(std::size_t distance, std::size_t length) {
  return distance <= std::max<std::size_t>(1, length / 3);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the optimal string alignment table: a swap looks back two rows.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

Nearest nearest(std::string_view word, std::span<const std::string_view> candidates) {
  Nearest best;
  std::size_t least = 0;
  for (const std::string_view candidate : candidates) {
    const std::size_t whole = edit_distance(word, candidate);
    // The right word in the wrong section costs as much as one wrong letter.
    const std::string_view word_end = last_part(word);
    const std::size_t end = 1 + edit_distance(word_end, last_part(candidate));
    const bool same_shape = end > whole;
    const std::size_t distance = same_shape ? whole : end;
    const bool close =
        same_shape ? is_close(whole, word.size()) : is_close(end - 1, word_end.size());
    if (best.word.empty() || distance < least) {
      best = {candidate, close};
      least = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view what) {
  const Nearest found = nearest(word, candidates);
  if (found.word.empty()) return {};
  if (found.close) return fmt::format("did you mean '{}'?", found.word);
  return fmt::format("the nearest {} is '{}'", what, found.word);
}

}  // namespace pptp::app
