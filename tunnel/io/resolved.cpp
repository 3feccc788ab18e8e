#include "tunnel/io/resolved.h"

#include <sstream>

#ifdef PPTPD_USER_SYSTEMD
#include <cerrno>
#include <cstdint>
#include <dlfcn.h>
#include <memory>
#include <string_view>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#endif

namespace pptp::io {

bool is_resolved_asked(const std::string& resolv_conf, const std::string& nsswitch) {
  for (std::istringstream lines(resolv_conf); lines;) {
    std::string line;
    std::getline(lines, line);
    std::istringstream words(line);
    std::string key;
    std::string address;
    // systemd-resolved.service(8): its stub listeners.
    if (words >> key >> address && key == "nameserver" &&
        (address == "127.0.0.53" || address == "127.0.0.54"))
      return true;
  }
  for (std::istringstream lines(nsswitch); lines;) {
    std::string line;
    std::getline(lines, line);
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != "hosts:") continue;
    while (words >> word) {
      if (word == "resolve") return true;
    }
  }
  return false;
}

#ifdef PPTPD_USER_SYSTEMD

namespace {

constexpr const char* kLibrary = "libsystemd.so.0";

// org.freedesktop.resolve1(5).
constexpr const char* kService = "org.freedesktop.resolve1";
constexpr const char* kPath = "/org/freedesktop/resolve1";
constexpr const char* kManager = "org.freedesktop.resolve1.Manager";
constexpr std::string_view kNoSuchLink = "org.freedesktop.resolve1.NoSuchLink";

constexpr std::uint64_t kAnswerMicroseconds = 5'000'000;

/// The library's functions, found when first needed: a host without it is none the worse.
struct Library {
  decltype(&sd_bus_open_system) open_system = nullptr;
  decltype(&sd_bus_flush_close_unref) close = nullptr;
  decltype(&sd_bus_message_new_method_call) new_call = nullptr;
  decltype(&sd_bus_message_set_auto_start) set_auto_start = nullptr;
  decltype(&sd_bus_message_append_basic) append_basic = nullptr;
  decltype(&sd_bus_message_append_array) append_array = nullptr;
  decltype(&sd_bus_message_open_container) open_container = nullptr;
  decltype(&sd_bus_message_close_container) close_container = nullptr;
  decltype(&sd_bus_message_unref) unref = nullptr;
  decltype(&sd_bus_call) call = nullptr;
  decltype(&sd_bus_error_free) error_free = nullptr;
  bool whole = false;

  Library() {
    void* const handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return;
    whole = find(handle, "sd_bus_open_system", open_system) &&
            find(handle, "sd_bus_flush_close_unref", close) &&
            find(handle, "sd_bus_message_new_method_call", new_call) &&
            find(handle, "sd_bus_message_set_auto_start", set_auto_start) &&
            find(handle, "sd_bus_message_append_basic", append_basic) &&
            find(handle, "sd_bus_message_append_array", append_array) &&
            find(handle, "sd_bus_message_open_container", open_container) &&
            find(handle, "sd_bus_message_close_container", close_container) &&
            find(handle, "sd_bus_message_unref", unref) && find(handle, "sd_bus_call", call) &&
            find(handle, "sd_bus_error_free", error_free);
  }

  template <class Function>
  static bool find(void* handle, const char* name, Function& function) {
    // dlsym(3) has it this way: POSIX makes the two kinds of pointers alike.
    function = reinterpret_cast<Function>(::dlsym(handle, name));
    return function != nullptr;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

struct CloseBus {
  void operator()(sd_bus* bus) const noexcept { library().close(bus); }
};

struct UnrefMessage {
  void operator()(sd_bus_message* message) const noexcept { library().unref(message); }
};

using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

IoResult<Bus> open_bus() {
  if (!library().whole)
    return failure(IoFault::not_running, std::string("there is no ") + kLibrary);
  sd_bus* bus = nullptr;
  if (library().open_system(&bus) < 0)
    return failure(IoFault::not_running, "there is no system bus");
  return Bus(bus);
}

/// One method call with an interface index first; `fill` appends the rest and returns the first
/// negative result.
template <class Fill>
IoResult<void> call(sd_bus* bus, const char* method, unsigned device, const Fill& fill) {
  const Library& lib = library();
  sd_bus_message* made = nullptr;
  int result = lib.new_call(bus, &made, kService, kPath, kManager, method);
  const Message message(made);
  const auto index = static_cast<std::int32_t>(device);
  if (result >= 0) result = lib.set_auto_start(made, 0);
  if (result >= 0) result = lib.append_basic(made, 'i', &index);
  if (result >= 0) result = fill(lib, made);
  if (result < 0) return failure(-result, std::string("cannot ask systemd-resolved for ") + method);
  sd_bus_error error{};
  const std::unique_ptr<sd_bus_error, decltype(lib.error_free)> free_error(&error, lib.error_free);
  result = lib.call(bus, made, kAnswerMicroseconds, &error, nullptr);
  if (result >= 0) return {};
  const std::string_view name = error.name == nullptr ? "" : error.name;
  const std::string what = std::string("systemd-resolved refused ") + method + ": " +
                           (error.message == nullptr ? "" : error.message);
  if (name == SD_BUS_ERROR_SERVICE_UNKNOWN || name == SD_BUS_ERROR_NAME_HAS_NO_OWNER)
    return failure(IoFault::not_running, what);
  IoError refused{.fault = fault_of(-result), .error = 0, .what = what, .hint = {}};
  if (name == kNoSuchLink) refused.error = ENODEV;
  return std::unexpected(std::move(refused));
}

int nothing_more(const Library&, sd_bus_message*) {
  return 0;
}

}  // namespace

bool is_resolved_there() {
  const IoResult<Bus> bus = open_bus();
  if (!bus) return false;
  const Library& lib = library();
  sd_bus_message* made = nullptr;
  int result =
      lib.new_call(bus->get(), &made, kService, kPath, "org.freedesktop.DBus.Peer", "Ping");
  const Message message(made);
  if (result >= 0) result = lib.set_auto_start(made, 0);
  if (result >= 0) result = lib.call(bus->get(), made, kAnswerMicroseconds, nullptr, nullptr);
  return result >= 0;
}

IoResult<void> set_resolved_link(unsigned device, const std::vector<Ipv4Address>& servers) {
  const IoResult<Bus> bus = open_bus();
  if (!bus) return std::unexpected(bus.error());
  const auto append_servers = [&](const Library& lib, sd_bus_message* message) {
    int result = lib.open_container(message, 'a', "(iay)");
    for (const Ipv4Address& server : servers) {
      const std::int32_t family = AF_INET;
      const std::uint32_t value = server.value();
      const std::uint8_t octets[] = {
          static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16 & 0xff),
          static_cast<std::uint8_t>(value >> 8 & 0xff), static_cast<std::uint8_t>(value & 0xff)};
      if (result >= 0) result = lib.open_container(message, 'r', "iay");
      if (result >= 0) result = lib.append_basic(message, 'i', &family);
      if (result >= 0) result = lib.append_array(message, 'y', octets, sizeof octets);
      if (result >= 0) result = lib.close_container(message);
    }
    return result < 0 ? result : lib.close_container(message);
  };
  // "." as a routing domain: for all names, before the servers of any other interface.
  const auto append_domains = [](const Library& lib, sd_bus_message* message) {
    const int routing_only = 1;
    int result = lib.open_container(message, 'a', "(sb)");
    if (result >= 0) result = lib.open_container(message, 'r', "sb");
    if (result >= 0) result = lib.append_basic(message, 's', ".");
    if (result >= 0) result = lib.append_basic(message, 'b', &routing_only);
    if (result >= 0) result = lib.close_container(message);
    return result < 0 ? result : lib.close_container(message);
  };
  const auto append_true = [](const Library& lib, sd_bus_message* message) {
    const int yes = 1;
    return lib.append_basic(message, 'b', &yes);
  };
  if (auto set = call(bus->get(), "SetLinkDNS", device, append_servers); !set) return set;
  if (auto set = call(bus->get(), "SetLinkDomains", device, append_domains); !set) return set;
  return call(bus->get(), "SetLinkDefaultRoute", device, append_true);
}

IoResult<Undone> revert_resolved_link(unsigned device) {
  const IoResult<Bus> bus = open_bus();
  // What it knew of the interface is gone with it.
  if (!bus) return Undone::gone;
  const IoResult<void> reverted = call(bus->get(), "RevertLink", device, nothing_more);
  if (reverted) return Undone::undone;
  if (reverted.error().error == ENODEV || reverted.error().fault == IoFault::not_running)
    return Undone::gone;
  return std::unexpected(reverted.error());
}

#else

bool is_resolved_there() {
  return false;
}

IoResult<void> set_resolved_link(unsigned, const std::vector<Ipv4Address>&) {
  return failure(IoFault::not_running, "built without libsystemd");
}

IoResult<Undone> revert_resolved_link(unsigned) {
  return Undone::gone;
}

#endif

}  // namespace pptp::io
