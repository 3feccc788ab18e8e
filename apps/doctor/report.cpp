#include "apps/doctor/report.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/doctor/ladder.h"
#include "apps/doctor/markup.h"
#include "apps/doctor/report_style.h"

namespace pptp::app {
namespace {

using diagnosis::CheckedStep;
using diagnosis::Diagnosis;
using diagnosis::Problem;
using diagnosis::Verdict;

/// Of an Exchange's words, those beside its arrow; all of them are in the list of packets.
constexpr std::size_t kWordsAtArrow = 110;

/// Where octets begin that only make a packet longer.
constexpr std::string_view kFill = " 00 00 00 00";

/// Of silence, before it is shown.
constexpr Duration kLongWait = std::chrono::milliseconds(500);

std::string_view class_of(Layer layer) {
  switch (layer) {
    case Layer::tcp:
      return "tcp";
    case Layer::control:
      return "control";
    case Layer::gre:
      return "gre";
    case Layer::lcp:
      return "lcp";
    case Layer::authentication:
      return "authentication";
    case Layer::ccp:
      return "ccp";
    case Layer::ipcp:
      return "ipcp";
    case Layer::other:
      return "other";
    case Layer::data:
      return "data";
  }
  return "";
}

std::string_view class_of(Rung::Kind kind) {
  switch (kind) {
    case Rung::Kind::seen:
      return "seen";
    case Rung::Kind::lost:
      return "lost";
    case Rung::Kind::missing:
      return "missing";
  }
  return "";
}

std::string_view class_of(Way way) {
  return way == Way::sent ? "sent" : "received";
}

std::string seconds(Duration time) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
}

/// What words say beyond the label: "[LCP ConfReq id=0x1 <mru 1400>]" is "id=0x1 <mru 1400>".
std::string_view without_names(std::string_view words, Layer layer) {
  if (!words.starts_with('[') || !words.ends_with(']')) return words;
  words = words.substr(1, words.size() - 2);
  const int names = layer == Layer::tcp ? 1 : 2;
  for (int i = 0; i < names; ++i) {
    const std::size_t blank = words.find(' ');
    if (blank == std::string_view::npos) return {};
    words.remove_prefix(blank + 1);
  }
  return words;
}

/// Writes a page from its top to its end.
class Page {
 public:
  Page(const ReportHead& head, const Timeline& timeline, const Diagnosis& diagnosis)
      : head_(head),
        timeline_(timeline),
        diagnosis_(diagnosis),
        ladder_(ladder_of(timeline, diagnosis)) {}

  std::string write() {
    const std::span<const Problem> findings = diagnosis_.findings;
    write_head();
    findings.empty() ? write_all_well() : write_verdict(findings.front());
    write_steps();
    write_ladder();
    if (findings.size() > 1) write_further(findings.subspan(1));
    write_packets();
    put("</main>\n</body>\n</html>\n");
    return std::move(out_);
  }

 private:
  void put(std::string_view text) { out_ += text; }

  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Parts>(parts)...);
  }

  void write_head() {
    put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    say("<title>{}: {}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
        markup(head_.patient),
        diagnosis_.findings.empty() ? "nothing wrong" : markup(diagnosis_.findings.front().id),
        kReportStyle);
    say("<header class=\"head wide\"><span>PPTP connection <b>{}</b>", markup(head_.patient));
    if (head_.server != head_.patient) say(" to <b>{}</b>", markup(head_.server));
    say("</span><span>{}</span></header>\n", markup(head_.made));
  }

  void write_all_well() {
    put("<section class=\"card wide verdict good\">\n<p class=\"kicker\">Verdict</p>\n"
        "<h1>Nothing wrong found</h1>\n");
    std::vector<std::string> open;
    for (const CheckedStep& step : diagnosis_.steps) {
      if (step.verdict == Verdict::unknown)
        open.push_back(fmt::format("{}: {}", diagnosis::name(step.step), step.evidence));
    }
    if (!open.empty()) {
      put("<div class=\"told\">");
      write_list("Not known", "ul", open);
      put("</div>\n");
    }
    put("</section>\n");
  }

  void write_verdict(const Problem& problem) {
    say("<section class=\"card wide verdict\">\n<p class=\"kicker\">{}</p>\n<h1>{}</h1>\n",
        diagnosis_.findings.size() > 1 ? "Most likely" : "What is wrong", markup(problem.summary));
    write_told(problem);
    put("</section>\n");
  }

  void write_told(const Problem& problem) {
    say("<code class=\"id\">{}</code>\n<div class=\"told\">", markup(problem.id));
    write_list("What to do", "ol", problem.remedy);
    write_list("What shows it", "ul", problem.evidence);
    put("</div>\n");
  }

  void write_list(std::string_view title, std::string_view kind,
                  const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    say("<div><h3>{}</h3><{}>", title, kind);
    for (const std::string& line : lines)
      say("<li>{}</li>", markup(line));
    say("</{}></div>\n", kind);
  }

  void write_steps() {
    put("<section class=\"card steps-card\">\n<h2>Steps</h2>\n<table class=\"steps\">\n");
    for (const CheckedStep& step : diagnosis_.steps) {
      const std::string_view sign = step.verdict == Verdict::pass   ? "&#x2713;"
                                    : step.verdict == Verdict::fail ? "&#x2715;"
                                                                    : "?";
      const std::string_view verdict = name(step.verdict);
      say("<tr class=\"{0}\"><td><span class=\"mark\" role=\"img\" "
          "aria-label=\"{0}\">{1}</span></td>"
          "<th scope=\"row\">{2}</th><td class=\"why\">{3}</td></tr>\n",
          verdict, sign, diagnosis::name(step.step), markup(step.evidence));
    }
    put("</table>\n</section>\n");
  }

  // --- the ladder ---

  void write_ladder() {
    put("<section class=\"card\">\n<h2>What was said</h2>\n");
    if (!ladder_.remark.empty()) say("<p class=\"remark\">{}</p>\n", markup(ladder_.remark));
    if (!ladder_.rungs.empty()) {
      write_ends();
      std::optional<Stage> stage;
      for (const Rung& rung : ladder_.rungs) {
        write_wait(rung);
        if (stage != rung.stage) {
          if (stage) put("</div>\n");
          stage = rung.stage;
          say("<div class=\"stage\">\n<div class=\"rung stage-name\"><div></div>"
              "<div class=\"lane\">{}</div></div>\n",
              name(*stage));
        }
        write_rung(rung);
      }
      put("<div class=\"rung tail\"><div></div><div class=\"lane\"></div></div>\n</div>\n");
    }
    put("</section>\n");
  }

  void write_ends() {
    const std::optional<CallEnds>& ends = timeline_.ends();
    const auto small = [](const std::optional<std::string>& text) {
      return text ? fmt::format("<small>{}</small>", markup(*text)) : std::string();
    };
    std::optional<std::string> ours;
    std::optional<std::string> peer = head_.server;
    if (ends) {
      ours = ends->ours.text();
      peer = fmt::format("{}:{}", ends->peer.text(), ends->peer_port);
    }
    say("<div class=\"ends\"><div class=\"end\">client{}</div><div "
        "class=\"end\">server{}</div></div>\n",
        small(ours), small(peer));
  }

  /// Silence is to be seen as well.
  void write_wait(const Rung& rung) {
    if (rung.kind == Rung::Kind::missing) return;
    if (latest_ && rung.exchange.first - *latest_ >= kLongWait) {
      const std::chrono::duration<double> wait = rung.exchange.first - *latest_;
      say("<div class=\"rung wait\"><div></div><div class=\"lane\">{:.1f} s later</div></div>\n",
          wait.count());
    }
    latest_ = std::max(latest_.value_or(Duration()), rung.exchange.last);
  }

  void write_rung(const Rung& rung) {
    const Exchange& exchange = rung.exchange;
    say("<div class=\"rung {} {} {}{}\">", class_of(exchange.way), class_of(exchange.layer),
        class_of(rung.kind), rung.failing ? " failing" : "");
    if (rung.kind == Rung::Kind::missing) {
      put("<div class=\"when\"></div>");
    } else {
      ++packet_;
      say("<div class=\"when\">{0} s <a href=\"#p{1}\">#{1}</a></div>", seconds(exchange.first),
          packet_);
    }
    say("<div class=\"lane\"><div class=\"said\"><b>{}</b>", markup(exchange.label));
    if (rung.kind == Rung::Kind::missing) {
      say(" <span class=\"count\">{}</span>",
          exchange.way == Way::sent ? "no connection" : "did not come");
    } else if (exchange.count > 1) {
      say(" <span class=\"count\">{} times, until {} s</span>", exchange.count,
          seconds(exchange.last));
    }
    write_gist(exchange);
    say("</div><div class=\"arrow\" role=\"img\" aria-label=\"{}\"></div>",
        exchange.way == Way::sent ? "from client to server" : "from server to client");
    if (!rung.note.empty()) say("<div class=\"note\">{}</div>", markup(rung.note));
    put("</div></div>\n");
    if (packet_ == Timeline::kFirst && timeline_.left_out() > 0) {
      say("<div class=\"rung other\"><div class=\"when\"></div><div class=\"lane\"><div "
          "class=\"said\">"
          "{} packets are left out here</div></div></div>\n",
          timeline_.left_out());
    }
  }

  void write_gist(const Exchange& exchange) {
    const std::string_view gist = without_names(exchange.words, exchange.layer);
    if (gist.empty()) return;
    const std::size_t length = std::min(kWordsAtArrow, gist.find(kFill));
    say("<span class=\"words\">{}{}</span>", markup(gist.substr(0, length)),
        length < gist.size() ? " ..." : "");
  }

  // --- the rest ---

  void write_further(std::span<const Problem> findings) {
    put("<section class=\"card wide\">\n<h2>Less likely, or what follows from it</h2>\n");
    for (const Problem& problem : findings) {
      say("<div class=\"finding\">\n<h3>{}</h3>\n", markup(problem.summary));
      write_told(problem);
      put("</div>\n");
    }
    put("</section>\n");
  }

  void write_packets() {
    const std::vector<Exchange> exchanges = timeline_.exchanges();
    if (exchanges.empty()) return;
    put("<section class=\"card wide\">\n<details><summary>Every packet in words</summary>\n"
        "<table class=\"packets\">\n");
    std::size_t number = 0;
    for (const Exchange& exchange : exchanges) {
      ++number;
      const std::string again =
          exchange.count > 1
              ? fmt::format(" ({} times, until {} s)", exchange.count, seconds(exchange.last))
              : "";
      say("<tr id=\"p{0}\"><td>#{0}</td><td>{1}</td><td>{2}</td><td "
          "class=\"words\">{3}{4}</td></tr>\n",
          number, seconds(exchange.first), exchange.way == Way::sent ? "sent" : "rcvd",
          markup(exchange.words.empty() ? exchange.label : exchange.words), again);
    }
    put("</table>\n</details>\n</section>\n");
  }

  const ReportHead& head_;
  const Timeline& timeline_;
  const Diagnosis& diagnosis_;
  Ladder ladder_;
  std::string out_;
  std::size_t packet_ = 0;          ///< number of the last one on the ladder
  std::optional<Duration> latest_;  ///< when it, or one before it, was last repeated
};

}  // namespace

std::string report_page(const ReportHead& head, const Timeline& timeline,
                        const Diagnosis& diagnosis) {
  return Page(head, timeline, diagnosis).write();
}

}  // namespace pptp::app
