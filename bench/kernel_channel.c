/* A plugin of pppd 2.4: PPP over a socket that its parent has connected. Option: channel-fd NUMBER. */
#include <pppd/pppd.h>
/* These need what pppd.h declares. */
#include <pppd/fsm.h>
#include <pppd/lcp.h>

char pppd_version[] = VERSION;

static int channel_fd = -1;

static option_t options[] = {
    {"channel-fd", o_int, &channel_fd, "A connected socket of the kernel's PPP"},
    {NULL},
};

static int take_channel(void) {
  strlcpy(ppp_devnam, "pptp", sizeof ppp_devnam);
  return channel_fd;
}

static void leave_channel(void) { close(channel_fd); }

static struct channel socket_channel = {
    .options = options,
    .connect = take_channel,
    .disconnect = leave_channel,
    .establish_ppp = generic_establish_ppp,
    .disestablish_ppp = generic_disestablish_ppp,
};

void plugin_init(void) {
  add_options(options);
  the_channel = &socket_channel;
  modem = 0;
  /* Packets, not a line: there is nothing to escape. */
  lcp_wantoptions[0].neg_asyncmap = 0;
  lcp_allowoptions[0].neg_asyncmap = 0;
}
