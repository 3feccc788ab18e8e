// Every method of authentication, a client and a server of each, that get any packets in any order;
// and the parsers of PAP, EAP and what MS-CHAP puts into CHAP.
//
// The input is one octet that chooses the method and what the server knows, then steps: one octet
// that says what to do, two for a length, then so many octets. Aborts when a server lets in who has
// not proven the password, when a proof of the server's is wanted and was not had, or when a
// promise of the interface is broken.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "auth/eap_packet.h"
#include "auth/method.h"
#include "auth/mschap_message.h"
#include "auth/pap_packet.h"
#include "auth/password_change.h"
#include "lib/bytes.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::array kMethods = {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschapv1,
                                 AuthMethod::mschapv2, AuthMethod::eap_mschapv2};

void require(bool condition) {
  if (!condition) std::abort();
}

/// Counts on, from where it is told.
class CountingEntropy final : public Entropy {
 public:
  explicit CountingEntropy(std::uint8_t start) : next_(start) {}

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out)
      octet = next_++;
  }

 private:
  std::uint8_t next_;
};

template <class Alternative>
bool is(const Method& method) {
  return std::holds_alternative<Alternative>(method.outcome());
}

/// What one end wants to send now: one packet at most, whatever went before.
std::optional<Octets> sent(Method& method) {
  auto packet = method.poll();
  if (packet) require(packet->size() >= 4 && packet->size() <= 1500);
  require(!method.poll());
  return packet;
}

void check_parsers(Bytes data) {
  if (const auto packet = parse_pap(data)) {
    const Octets built = build(*packet);
    require(parse_pap(built).has_value() && built.size() <= data.size() + 1);
  }
  if (const auto packet = parse_eap(data)) {
    const Octets built = build(*packet);
    require(built.size() <= data.size() && std::equal(built.begin(), built.end(), data.begin()));
  }
  if (const auto packet = parse_mschapv1_change(data)) {
    require(build(*packet).size() == data.size());
    (void)decrypt(packet->password, NtHash());
  }
  if (const auto packet = parse_mschapv2_change(data)) {
    require(build(*packet).size() == data.size());
    (void)decrypt(packet->password, NtHash());
  }
  if (const auto response = parse_mschapv1_response(data)) {
    const auto again = parse_mschapv1_response(build(*response));
    require(again && again->nt_response == response->nt_response);
  }
  if (const auto password = UnicodePassword::from_octets(data)) {
    if (const auto text = utf8_of(*password)) {
      const UnicodePassword again(text->view());
      require(std::ranges::equal(again.bytes(), password->bytes()));
    }
  }
}

class Exchange {
 public:
  explicit Exchange(std::uint8_t how) : kind_(kMethods[how % kMethods.size()]) {
    if (how & 0x80) alice_.expire();
    const bool impostor = (how & 0x40) != 0;
    MethodConfig client{Role::client, impostor ? &mallory_ : &alice_};
    MethodConfig server{Role::server, nullptr, "server"};
    server.retries = 1;
    knows_password_ = !impostor;
    client_ = make_method(kind_, std::move(client), client_entropy_);
    server_ = make_method(kind_, std::move(server), server_entropy_);
    client_->begin(now_);
    server_->begin(now_);
    last_from_client_ = sent(*client_).value_or(Octets());
    last_from_server_ = sent(*server_).value_or(Octets());
  }

  void step(unsigned what, Bytes data) {
    check_parsers(data);
    switch (what % 8) {
      case 0:
        to_client({data.begin(), data.end()});
        break;
      case 1:
        to_server({data.begin(), data.end()});
        break;
      case 2:
        pass(std::chrono::milliseconds(10 * Reader(data).u16()));
        break;
      case 3:
        answer(data.empty());
        break;
      case 4:
        to_client(last_from_server_);
        break;
      case 5:
        to_server(last_from_client_);
        break;
      case 6:
        // A packet of the other's, damaged.
        if (!data.empty()) damaged(data);
        break;
      default:
        try_again(data.empty());
        break;
    }
  }

 private:
  void to_client(const Octets& packet) {
    (void)client_->receive(now_, packet);
    keep(*client_, last_from_client_);
    check_client();
  }

  void to_server(const Octets& packet) {
    (void)server_->receive(now_, packet);
    keep(*server_, last_from_server_);
    check_server();
  }

  void pass(Duration time) {
    now_ += time;
    for (Method* method : {client_.get(), server_.get()}) {
      method->on_deadline(now_);
      require(!method->next_deadline() || *method->next_deadline() > now_);
    }
    keep(*client_, last_from_client_);
    keep(*server_, last_from_server_);
    check_client();
    check_server();
  }

  void answer(bool known) {
    if (is<AuthWantsPasswordStored>(*server_)) {
      require(alice_.expired());
      server_->password_stored(now_, known);
    } else {
      if (is<AuthWantsSecret>(*server_) && known) secret_given_ = true;
      server_->supply(now_, known ? &alice_ : nullptr);
    }
    keep(*server_, last_from_server_);
    check_server();
  }

  void try_again(bool right) {
    const Credentials* const credentials = right ? &new_alice_ : &mallory_;
    if (is<AuthFailure>(*client_)) {
      const auto& failure = std::get<AuthFailure>(client_->outcome());
      if (failure.retry_allowed && right) knows_password_ = true;
    }
    client_->try_again(now_, right && !alice_.expired() ? alice_ : *credentials);
    keep(*client_, last_from_client_);
  }

  void damaged(Bytes data) {
    for (const bool from_server : {true, false}) {
      Octets packet = from_server ? last_from_server_ : last_from_client_;
      if (packet.empty()) continue;
      packet[data[0] % packet.size()] ^= static_cast<std::uint8_t>(data[data.size() - 1] | 1);
      if (from_server) {
        to_client(packet);
      } else {
        to_server(packet);
      }
    }
  }

  void check_server() {
    if (!is<AuthSuccess>(*server_)) return;
    require(secret_given_);
    // An input may well have PAP's password in it.
    if (kind_ != AuthMethod::pap) require(knows_password_);
  }

  /// Where the server proves itself, it has to be ours, which has been told the secret.
  void check_client() {
    const bool proves = kind_ == AuthMethod::mschapv2 || kind_ == AuthMethod::eap_mschapv2;
    if (proves && is<AuthSuccess>(*client_)) require(secret_given_ && knows_password_);
  }

  static void keep(Method& method, Octets& last) {
    if (auto packet = sent(method)) last = *std::move(packet);
  }

  AuthMethod kind_;
  Credentials alice_{"alice", SecretText("secret")};
  const Credentials new_alice_{"alice", SecretText("quite new")};
  const Credentials mallory_{"alice", SecretText("guess")};
  CountingEntropy client_entropy_{0x10};
  CountingEntropy server_entropy_{0x80};
  std::unique_ptr<Method> client_;
  std::unique_ptr<Method> server_;
  TimePoint now_{};
  Octets last_from_client_;
  Octets last_from_server_;
  bool knows_password_ = false;
  bool secret_given_ = false;  ///< to the server
};

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::Reader input(pptp::Bytes(data, size));
  pptp::Exchange exchange(input.u8());
  while (input.remaining() > 0) {
    const unsigned what = input.u8();
    const std::size_t length = input.u16();
    exchange.step(what, input.take(std::min(length, input.remaining())));
  }
  return 0;
}
