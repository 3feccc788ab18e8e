#include "tests/vectors/vectors.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace pptp::test {

std::vector<std::vector<std::string>> vector_rows(std::string_view file) {
  std::ifstream in(vectors_folder() + std::string(file));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;)
      row.push_back(word);
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw std::runtime_error("no test vectors in " + std::string(file));
  return rows;
}

std::string vectors_folder() {
  return PPTP_VECTORS_FOLDER "/";
}

}  // namespace pptp::test
