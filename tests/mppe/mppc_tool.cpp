// MPPC for mppc_model.py: reads lines "c HEX" (compress) or "f HEX" (the same after a flush), and
// answers "HEX AT_FRONT" or "-"; reads "e HEX FRESH AT_FRONT" (expand) and answers "HEX" or "-".
#include <array>
#include <cstdio>
#include <sstream>
#include <string>

#include "lib/bytes.h"
#include "mppe/mppc.h"

namespace {

std::string all_input() {
  std::string input;
  std::array<char, 4096> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), stdin))
    input.append(part.data(), count);
  return input;
}

}  // namespace

int main() {
  using namespace pptp;
  MppcCompressor compressor;
  MppcDecompressor decompressor;
  std::istringstream in(all_input());
  std::string what;
  std::string digits;
  while (in >> what >> digits) {
    const std::string octets = from_hex(digits).value();
    std::string answer = "-";
    if (what == "e") {
      bool fresh = false;
      bool at_front = false;
      in >> fresh >> at_front;
      if (const auto expanded =
              decompressor.expand(as_bytes(octets), {.fresh = fresh, .at_front = at_front})) {
        decompressor.accept();
        answer = hex(*expanded);
      }
    } else {
      if (what == "f") compressor.flush();
      if (const auto compressed = compressor.compress(as_bytes(octets)))
        answer = hex(compressed->octets) + (compressed->at_front ? " 1" : " 0");
    }
    std::puts(answer.c_str());
  }
}
