#include "apps/server_list.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pptp::app {

ServerList::ServerList(io::EventLoop& loop, const std::vector<HostPort>& servers)
    : loop_(loop), servers_(servers), places_(servers.size()) {}

void ServerList::look_up_others() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (i != current_) look_up(i);
  }
}

void ServerList::look_up_all(Done done) {
  done_ = std::move(done);
  look_up_others();
  look_up(current_);
}

void ServerList::look_up(std::size_t index) {
  ++looking_up_;
  places_[index].lookup.emplace(loop_, servers_[index].host,
                                [this, index](io::IoResult<std::vector<Ipv4Address>> found) {
                                  Place& place = places_[index];
                                  if (!found)
                                    place.trouble = found.error();
                                  else if (place.known.empty())
                                    place.known = *std::move(found);
                                  if (--looking_up_ == 0 && done_) all_looked_up();
                                });
}

void ServerList::all_looked_up() {
  const Done done = std::exchange(done_, nullptr);
  const auto found =
      std::ranges::find_if(places_, [](const Place& place) { return !place.known.empty(); });
  if (found == places_.end()) return done(std::unexpected(*places_.front().trouble));
  current_ = static_cast<std::size_t>(found - places_.begin());
  done({});
}

ServerList::Attempt ServerList::attempt() {
  ++tried_;
  Place& place = places_[current_];
  // Every other time the name is asked for: the server may have moved.
  const bool by_name = place.known.empty() || place.attempts++ % 2 != 0;
  return {.server = current(), .known = place.known, .by_name = by_name};
}

bool ServerList::next() noexcept {
  if (tried_ >= servers_.size()) return false;
  current_ = (current_ + 1) % servers_.size();
  return true;
}

void ServerList::came_up(Ipv4Address at, const std::vector<Ipv4Address>& found) {
  for (Place& place : places_)
    place.attempts = 0;
  tried_ = servers_.size();  // when this one is lost, others are not tried without a wait
  std::vector<Ipv4Address>& known = places_[current_].known;
  // Where the name led elsewhere, it may be one that means something else inside of the tunnel.
  const bool believed = std::ranges::find(found, at) != found.end();
  std::vector<Ipv4Address> now = {at};
  std::ranges::copy_if(believed ? found : known, std::back_inserter(now),
                       [at](Ipv4Address other) { return other != at; });
  known = std::move(now);
}

}  // namespace pptp::app
