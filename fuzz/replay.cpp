// Runs a fuzz target over every file of the directories given, where libFuzzer is not wanted.
// Prints one TAP line per file, the file's name before it runs, so that a crash names its input.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::uint8_t> contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> bytes;
  std::transform(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(),
                 std::back_inserter(bytes), [](char c) { return static_cast<std::uint8_t>(c); });
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> inputs;
  for (const char* directory : std::span(argv, static_cast<std::size_t>(argc)).subspan(1))
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      if (entry.is_regular_file()) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  if (inputs.empty()) {
    std::fputs("no inputs: a corpus that is empty tests nothing\n", stderr);
    return 1;
  }

  std::printf("1..%zu\n", inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::fprintf(stderr, "%s\n", inputs[i].c_str());
    const std::vector<std::uint8_t> input = contents(inputs[i]);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    std::printf("ok %zu - %s\n", i + 1, inputs[i].filename().c_str());
    std::fflush(stdout);
  }
}
