// What resolved_test.py drives: there | set DEVICE ADDRESS... | revert DEVICE.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tunnel/io/resolved.h"

int main(int count, char** arguments) {
  using namespace pptp::io;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 1 && words[0] == "there") {
    std::puts(is_resolved_there() ? "yes" : "no");
    return 0;
  }
  if (words.size() < 2) return 2;
  const auto device = static_cast<unsigned>(std::atoi(words[1].c_str()));
  if (words[0] == "set") {
    std::vector<pptp::Ipv4Address> servers;
    for (std::size_t i = 2; i < words.size(); ++i)
      servers.push_back(pptp::parse_ipv4(words[i]).value());
    const auto set = set_resolved_link(device, servers);
    std::puts(set ? "set"
                  : (std::string(name(set.error().fault)) + " " + set.error().text()).c_str());
    return 0;
  }
  const auto reverted = revert_resolved_link(device);
  std::puts(!reverted ? reverted.error().text().c_str()
                      : (*reverted == Undone::undone ? "undone" : "gone"));
  return 0;
}
