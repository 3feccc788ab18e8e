#include "apps/server_session.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/config_file.h"
#include "apps/served_call.h"
#include "apps/status_report.h"
#include "apps/undo_words.h"
#include "apps/wipe_text.h"
#include "lib/batches.h"
#include "tunnel/io/file.h"
#include "tunnel/io/privileges.h"
#include "tunnel/sizes.h"

namespace pptp::app {
namespace {

/// Slots for all calls together: batches under way, and room for receive orders that wait.
constexpr std::size_t kPoolSlots = 4096;

constexpr std::uint32_t kPathMtu = 1500;

/// Files that are open beside one for each call.
constexpr std::size_t kOwnFiles = 32;

AcceptorConfig acceptor_config(const ServerConfig& config) {
  AcceptorConfig acceptor;
  acceptor.address = config.address;
  acceptor.pool = config.pool;
  acceptor.dns = config.dns;
  acceptor.wins = config.wins;
  acceptor.call.link.mru = static_cast<std::uint16_t>(max_information(kPathMtu));
  acceptor.call.link.methods = config.methods;
  acceptor.call.link.retries = config.retries;
  acceptor.call.link.encryption = config.encryption;
  if (!config.name.empty()) acceptor.call.link.local_name = config.name;
  return acceptor;
}

}  // namespace

ServerSession::ServerSession(ServerConfig config, ChapSecrets users,
                             const io::RuntimeDir& directory, io::ProfileLock lock, LogSink& log,
                             CallRecorder& recorder)
    : config_(std::move(config)),
      users_(std::move(users)),
      directory_(directory),
      lock_(std::move(lock)),
      log_(&log),
      recorder_(recorder),
      pool_(kPoolSlots),
      timer_(loop_,
             [this] {
               acceptor_.on_deadline(loop_.now());
               drain();
             }),
      mtu_(inner_mtu(kPathMtu, kMaxMtu, config_.encryption.policy != EncryptionPolicy::off)),
      acceptor_(acceptor_config(config_), pool_, entropy_, log_),
      tun_timer_(loop_,
                 [this] {
                   if (tun_watch_) tun_readable();
                 }),
      fixed_addresses_(users_.fixed_addresses()),
      linger_timer_(loop_, [this] { close_lingering(); }),
      quota_timer_(loop_, [this] {
        log_.line(LogLevel::notice, fmt::format("{} line(s) about calls that failed were left out",
                                                quota_.take_omitted(loop_.now())));
      }) {}

ServerSession::~ServerSession() = default;

Ending ServerSession::run() {
  loop_.on_signals({SIGINT, SIGTERM, SIGUSR1}, [this](int signal) { on_signal(signal); });
  Ending ending;
  if (const io::IoResult<void> ready = prepare(); !ready) {
    ending = ready.error().fault == io::IoFault::address_in_use
                 ? ending_of(Trouble::port_in_use, ready.error().text())
                 : ending_of(ready.error());
  } else {
    log(LogLevel::notice,
        fmt::format("serving on {}, interface {}, {}", listener_->local().address.text(),
                    tun_->name(), config_.address.text()));
    loop_.run();
    ending = *std::move(stopping_);
  }
  tun_watch_.reset();
  if (host_) log_what_is_left(log_, LogLevel::error, host_->undo_all());
  return ending;
}

io::IoResult<void> ServerSession::prepare() {
  const std::uint64_t files = io::raise_file_limit();
  const std::size_t needed = AcceptorConfig().max_sessions + kOwnFiles;
  if (files < needed) {
    log(LogLevel::warning,
        fmt::format(
            "{} calls at a time need {} open files, and this process may have {}: raise its "
            "limit (LimitNOFILE= of systemd, ulimit -Hn)",
            AcceptorConfig().max_sessions, needed, files));
  }
  io::IoResult<io::GreServerSocket> gre = io::GreServerSocket::open(config_.listen, {});
  if (!gre) return std::unexpected(gre.error());
  gre_.emplace(*std::move(gre));
  io::IoResult<io::Tun> tun = io::Tun::open("pptps%d");
  if (!tun) return std::unexpected(tun.error());
  tun_.emplace(*std::move(tun));
  if (auto configured = configure_interface(); !configured) return configured;
  // Last: who gets a connection gets a call.
  io::IoResult<io::TcpListener> listener =
      io::TcpListener::open(loop_, {config_.listen, config_.port},
                            [this](io::TcpStream stream) { accepted(std::move(stream)); });
  if (!listener) return std::unexpected(listener.error());
  listener_.emplace(*std::move(listener));
  gre_watch_.emplace(loop_, gre_->fd());
  gre_watch_->on_readable([this] { gre_readable(); });
  tun_watch_.emplace(loop_, tun_->fd());
  tun_watch_->on_readable([this] { tun_readable(); });
  return {};
}

/// One address for all calls, and a route for each range of the pool.
io::IoResult<void> ServerSession::configure_interface() {
  io::IoResult<io::HostState> host = io::HostState::create(directory_, lock_);
  if (!host) return std::unexpected(host.error());
  host_.emplace(*std::move(host));
  io::TunnelSettings settings;
  settings.device = tun_->index();
  settings.local = config_.address;
  settings.mtu = mtu_;
  for (const AddressRange& range : config_.pool) {
    for (const io::Ipv4Prefix& prefix : io::prefixes_of(range.first, range.last)) {
      settings.routes.push_back(prefix);
    }
  }
  for (const Ipv4Address& address : fixed_addresses_) {
    const bool covered = std::ranges::any_of(
        settings.routes, [&](const io::Ipv4Prefix& route) { return route.contains(address); });
    if (!covered) settings.routes.emplace_back(address);
  }
  return host_->configure_tunnel(settings);
}

void ServerSession::accepted(io::TcpStream stream) {
  const Ipv4Address from = stream.peer().address;
  const std::optional<SessionId> session =
      stopping_ ? std::nullopt : acceptor_.accepted(loop_.now(), from, stream.local().address);
  if (!session) return log_of_stranger(from, "no room for its connection");
  log(LogLevel::info, fmt::format("connection from {}", from.text()));
  if (auto observer = recorder_.call(ends_of(stream), false, from.text())) {
    acceptor_.observe(*session, observer.get());
    observers_.emplace(*session, std::move(observer));
  }
  const auto [at, added] = streams_.emplace(*session, std::move(stream));
  at->second.start(
      [this, id = *session](Bytes octets) {
        acceptor_.control_received(loop_.now(), id, octets);
        drain();
      },
      [this, id = *session](const io::IoError&) {
        connection_closed(id);
        drain();
      });
  drain();
}

void ServerSession::gre_readable() {
  const std::size_t count = gre_->receive(pool_, gre_in_);
  acceptor_.gre_received(loop_.now(), std::span(gre_in_).first(count));
  drain();
}

void ServerSession::tun_readable() {
  const std::size_t count = tun_->read(pool_, tun_in_);
  if (tun_->gone()) return interface_gone();
  acceptor_.ip_received(loop_.now(), std::span(tun_in_).first(count));
  drain();
  if (tun_->has_rest()) tun_timer_.set(loop_.now());
}

void ServerSession::drain() {
  while (std::optional<SessionEvent> event = acceptor_.poll_event())
    on_event(*std::move(event));
  // Outgoing-Call-Reply before LCP's first packet: not every peer keeps what comes too early.
  send_control();
  send_gre();
  write_tun();
  timer_.set(acceptor_.next_deadline());
  if (tun_->gone() && !stopping_) return interface_gone();
  stop_if_done();
}

void ServerSession::write_tun() {
  in_batches(
      tun_out_, [this] { return acceptor_.poll_ip(); },
      [this](std::span<Packet> packets) { tun_->write(packets); });
}

void ServerSession::interface_gone() {
  tun_watch_.reset();
  stop(
      ending_of(Trouble::host_config_failed,
                fmt::format("somebody has removed the interface {} or set it down", tun_->name())));
}

void ServerSession::send_control() {
  while (const std::optional<ControlOutput> output = acceptor_.poll_control()) {
    const auto found = streams_.find(output->session);
    if (found == streams_.end()) continue;
    if (!output->octets.empty()) found->second.send(output->octets);
    if (output->close) close_connection(output->session);
  }
}

/// Closes our direction and waits for the client to close its own, but not for long.
void ServerSession::close_connection(SessionId session) {
  streams_.at(session).finish_sending();
  lingering_.emplace_back(loop_.now() + io::TcpStream::kLinger, session);
  linger_timer_.set(lingering_.front().first);
}

void ServerSession::close_lingering() {
  while (!lingering_.empty() && lingering_.front().first <= loop_.now()) {
    const SessionId session = lingering_.front().second;
    lingering_.pop_front();
    if (streams_.contains(session)) connection_closed(session);
  }
  linger_timer_.set(lingering_.empty() ? Deadline() : lingering_.front().first);
  drain();
}

void ServerSession::connection_closed(SessionId session) {
  streams_.erase(session);
  acceptor_.control_closed(loop_.now(), session);
  observers_.erase(session);
}

void ServerSession::send_gre() {
  in_batches(
      gre_out_, [this] { return acceptor_.poll_gre(); },
      // What did not go is counted by the socket.
      [this](std::span<GreDatagram> datagrams) { (void)gre_->send(datagrams); });
}

void ServerSession::on_event(SessionEvent&& event) {
  if (const SessionSecretWanted* wanted = std::get_if<SessionSecretWanted>(&event)) {
    find_user(*wanted);
  } else if (const SessionPasswordChosen* chosen = std::get_if<SessionPasswordChosen>(&event)) {
    change_password(*chosen);
  } else if (const SessionAuthenticated* known = std::get_if<SessionAuthenticated>(&event)) {
    give_address(*known);
  } else if (const SessionUp* up = std::get_if<SessionUp>(&event)) {
    log(LogLevel::notice,
        fmt::format("{} from {} is up with {}{}", printable(up->user), up->from.text(),
                    up->address.text(),
                    up->encryption ? fmt::format(", MPPE {} bit", bit_count(up->encryption->bits))
                                   : std::string(", not encrypted")));
  } else if (const SessionDown* down = std::get_if<SessionDown>(&event)) {
    call_ended(*down);
  }
}

void ServerSession::call_ended(const SessionDown& down) {
  const std::string line =
      fmt::format("{} ended: {}", served_call_name(down), served_call_end(down.end));
  if (down.was_up) {
    log(LogLevel::notice, fmt::format("{}: {}", down.from.text(), line));
  } else {
    log_of_stranger(down.from, line);
  }
}

void ServerSession::log_of_stranger(Ipv4Address from, std::string_view text) {
  if (quota_.admit(loop_.now(), from)) {
    log(LogLevel::notice, fmt::format("{}: {}", from.text(), text));
  }
  quota_timer_.set(quota_.next_deadline());
}

void ServerSession::find_user(const SessionSecretWanted& wanted) {
  const std::optional<User> user = users_.find(wanted.user, config_.name, config_.password_text);
  acceptor_.supply_secret(loop_.now(), wanted.session, user ? &user->credentials : nullptr);
}

void ServerSession::give_address(const SessionAuthenticated& known) {
  const std::optional<User> user = users_.find(known.user, config_.name, config_.password_text);
  if (!user) {  // gone from the file in the meantime
    return acceptor_.close(loop_.now(), known.session, {Cause::ipcp_no_local_address, 0, {}});
  }
  // Our own address is refused, unless the call has one already.
  acceptor_.give_address(loop_.now(), known.session, user->account,
                         address_for(*user).value_or(config_.address));
}

void ServerSession::change_password(const SessionPasswordChosen& chosen) {
  const std::expected<void, std::string> stored = store_secret(chosen);
  if (stored) {
    log(LogLevel::notice, fmt::format("{} has changed the password", printable(chosen.user)));
  } else {
    log(LogLevel::warning, fmt::format("the new password of {} is not taken: {}",
                                       printable(chosen.user), stored.error()));
  }
  acceptor_.password_stored(loop_.now(), chosen.session, stored.has_value());
}

/// Writes a new secret into the users' file as it is now, and reads that again.
std::expected<void, std::string> ServerSession::store_secret(const SessionPasswordChosen& chosen) {
  std::error_code error;
  // A link stays one.
  const std::filesystem::path path = std::filesystem::canonical(config_.users, error);
  if (error) return std::unexpected(error.message());
  const Result<SecretText> secret = config_.password_text == PasswordText::utf8
                                        ? Result<SecretText>(chosen.password.clone())
                                        : octets_of(UnicodePassword(chosen.password.view()));
  if (!secret) return std::unexpected("a character is no octet");
  auto file = read_file(path);
  if (!file) return std::unexpected(file.error().message);
  auto changed = ChapSecrets::with_secret(file->text, chosen.user, config_.name, secret->view());
  wipe_text(file->text);
  if (!changed) return std::unexpected(changed.error());
  const io::IoResult<void> replaced = io::edit_file(path, *changed);
  wipe_text(*changed);
  if (!replaced) return std::unexpected(replaced.error().text());
  auto users = ChapSecrets::load(config_.users);
  if (!users) return std::unexpected(users.error().message);
  users_ = *std::move(users);
  return {};
}

/// The user's own address, or the first of the pool that is free, allowed, and nobody else's own.
std::optional<Ipv4Address> ServerSession::address_for(const User& user) const {
  if (const std::optional<Ipv4Address> fixed = user.addresses.fixed()) return fixed;
  for (const AddressRange& range : config_.pool) {
    for (std::uint64_t value = range.first.value(); value <= range.last.value(); ++value) {
      const Ipv4Address address(static_cast<std::uint32_t>(value));
      if (user.addresses.allows(address) && !fixed_addresses_.contains(address) &&
          acceptor_.is_free(address)) {
        return address;
      }
    }
  }
  return std::nullopt;
}

void ServerSession::on_signal(int signal) {
  if (signal == SIGUSR1) return log_statistics();
  stop(ending_of(Trouble::interrupted));
}

void ServerSession::log_statistics() const {
  Drops drops = acceptor_.total_drops();
  if (gre_) drops += gre_->drops();
  if (tun_) drops += tun_->drops();
  const nlohmann::json statistics = {{"calls", acceptor_.sessions()}, {"dropped", dropped(drops)}};
  log(LogLevel::notice, statistics.dump());
}

void ServerSession::stop(Ending why) {
  if (stopping_) return;
  stopping_ = std::move(why);
  listener_.reset();
  log(LogLevel::notice, fmt::format("ending {} call(s)", acceptor_.sessions()));
  acceptor_.close_all(loop_.now(), End{});
  drain();
}

void ServerSession::stop_if_done() {
  if (stopping_ && acceptor_.sessions() == 0) loop_.stop();
}

}  // namespace pptp::app
